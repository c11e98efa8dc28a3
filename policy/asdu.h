/* One ASDU of IEC 60870-5-104: taken apart, and judged against the table of types.
 *
 * Pure: no I/O, no allocation, no state between calls, callable from any process. */
#ifndef GATE104_POLICY_ASDU_H
#define GATE104_POLICY_ASDU_H

#include "policy/apci.h"
#include "policy/reason.h"
#include "policy/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASDU_HEADER_SIZE 6u /* TypeID, VSQ, cause (2), common address (2) */
#define ASDU_IOA_SIZE    3u
#define ASDU_CA_ALL      65535u
#define ASDU_IOA_MAX     0xFFFFFFu

/* Causes this project names (101 clause 7.2.3). */
enum cot {
    COT_REQUEST = 5,
    COT_ACTIVATION = 6,
    COT_ACTIVATION_CON = 7,
    COT_DEACTIVATION = 8,
    COT_DEACTIVATION_CON = 9,
    COT_TERMINATION = 10,
    COT_UNKNOWN_TYPE = 44,
    COT_UNKNOWN_CAUSE = 45,
    COT_UNKNOWN_CA = 46,
    COT_UNKNOWN_IOA = 47,
};

struct asdu {
    uint8_t header; /* octets the header fields were read from, 0..9; see below */
    uint8_t type_id;
    const struct type_info *type; /* NULL: TypeID not known, or header == 0 */
    bool sq;
    uint8_t count; /* 0..127, as the frame says */
    uint8_t cause; /* 0..63 */
    bool negative; /* P/N */
    bool test;     /* T */
    uint8_t oa;
    uint16_t ca;
    uint32_t ioa; /* of the first object */
    /* Only if the reason is of no or of MEANING class, and the type is known: */
    const uint8_t *objects; /* the first object's address; NULL if not sound */
    size_t objects_size;
    bool has_select, select; /* S/E of the first object */
    bool has_value;
    double value; /* of the first object */
};

/* Takes apart the n octets of one ASDU that goes in direction `dir` and judges them.
 *
 * *out is filled as far as the octets go, whatever the verdict: type_id and type are
 * valid if out->header >= 1, sq and count if >= 2, cause, negative and test if >= 3, oa
 * if >= 4, ca if >= 6, ioa if >= 9; fields beyond are 0.  The rest of *out points into
 * the input and is valid when the structure is sound.
 *
 * Checked in this order, the first fault is the verdict:
 *   REASON_SHORT            less than a header                                101 7.2
 *   REASON_BAD_TYPE         not a TypeID of 104                               104 9.4
 *   REASON_BAD_SQ           SQ value not legal for the type                   101 7.3
 *   REASON_BAD_COUNT        no object; more than one where one is the rule    101 7.3
 *   REASON_SHORT, REASON_TRAILING  not exactly the octets the objects need    101 7.2
 *   REASON_WRONG_DIRECTION  legal only in the other direction                 104 9.4
 *   REASON_BAD_COT          cause not legal for the type                      104 9.4
 *   REASON_NEGATIVE_BIT     P/N = 1 outside 7, 9, 10, 44..47                  101 7.2.3
 *   REASON_TEST_BIT         T = 1 in control direction                        101 7.2.3
 *   REASON_BAD_CA           0; 65535 outside 100, 101, 103, 105 in control    101 7.2.4
 *   REASON_BAD_IOA          address not legal for the type, or past 0xFFFFFF  101 7.2.5
 * and, in control direction, element by element, see element_check:         101 7.2.6
 *   REASON_RESERVED_BIT, REASON_BAD_VALUE, REASON_BAD_QUALIFIER, REASON_BAD_TIME
 *
 * In an ASDU mirrored with cause 47 the object address is what was at fault: it is not
 * judged again. */
struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          struct asdu *out);

/* Gives object i (0 .. count-1): its address and its type->size element octets (for
 * F_SG_NA_1 also the segment).  False if the structure is not sound or i >= count. */
bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element);

/* The number at the start of an object's elements; false if the type has none. */
bool asdu_value(const struct type_info *type, const uint8_t *element, double *value);

#endif
