/* One ASDU of IEC 60870-5-104: taken apart, and judged against the table of types.
 *
 * Pure: no I/O, no allocation, no state between calls, callable from any process. */
#ifndef GATE104_POLICY_ASDU_H
#define GATE104_POLICY_ASDU_H

#include "policy/apci.h"
#include "policy/profile.h"
#include "policy/reason.h"
#include "policy/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASDU_HEADER_SIZE 6u /* TypeID, VSQ, cause (2), common address (2): 104 9.3 */
#define ASDU_IOA_SIZE    3u
#define ASDU_CA_ALL      65535u
#define ASDU_IOA_MAX     0xFFFFFFu

/* Which fields of the header are there. */
enum asdu_field {
    ASDU_HAS_TYPE = 1,
    ASDU_HAS_VSQ = 2,   /* sq, count */
    ASDU_HAS_CAUSE = 4, /* cause, negative, test */
    ASDU_HAS_OA = 8,
    ASDU_HAS_CA = 16,
    ASDU_HAS_IOA = 32,
};

/* Ordered by size: compilers clear 80 octets in line, and more by a slow instruction. */
struct asdu {
    uint8_t has; /* enum asdu_field; the others are 0 */
    uint8_t type_id;
    bool sq;
    uint8_t count; /* 0..127, as the frame says */
    uint8_t cause; /* 0..63 */
    bool negative; /* P/N */
    bool test;     /* T */
    uint8_t oa;
    const struct type_info *type; /* NULL: TypeID not known, or no octet */
    uint16_t ca;                  /* ASDU_CA_ALL also for 255 of one octet */
    uint8_t ioa_size;             /* octets of an object's address */
    uint32_t ioa;                 /* of the first object */
    uint32_t tolerated; /* quirks (QUIRK_BIT) without which it would not be accepted */
    /* Only if the reason is of no or of MEANING class, and the type is known: */
    bool has_select, select; /* S/E of the first object */
    bool has_value;
    double value;           /* of the first object */
    const uint8_t *objects; /* the first object's address; NULL if not sound */
    size_t objects_size;
    /* Of S_AR_NA_1, the ASDU within; else NULL. */
    const uint8_t *inner;
    size_t inner_size;
};

/* Takes apart the n octets of one ASDU that goes in direction `dir` and judges them by
 * what the route's stations speak (profile_is_legal must hold).
 *
 * *out is filled as far as the octets go, whatever the verdict; pointers in it point into
 * the input.
 *
 * Checked in this order; the first fault that no quirk lets through is the verdict:
 *   REASON_SHORT            less than a header                                101 7.2
 *   REASON_TRAILING         more than 249 octets                              104 5.1
 *   REASON_BAD_TYPE         not a TypeID of 104                               104 9.4
 *   REASON_SECAUTH          a TypeID of 60870-5-7
 *   REASON_BAD_SQ           SQ value not legal for the type                   101 7.3
 *   REASON_BAD_COUNT        no object; more than one where one is the rule    101 7.3
 *   REASON_SHORT, REASON_TRAILING  not exactly the octets the objects need    101 7.2
 *   REASON_WRONG_DIRECTION  legal only in the other direction                 104 9.4
 *   REASON_BAD_COT          cause not legal for the type                      104 9.4
 *   REASON_NEGATIVE_BIT     P/N = 1 outside 7, 9, 10, 44..47                  101 7.2.3
 *   REASON_TEST_BIT         T = 1 in control direction                        101 7.2.3
 *   REASON_BAD_CA           0; 65535 outside 100, 101, 103, 105 in control    101 7.2.4
 *   REASON_BAD_IOA          address not legal for the type, or past the last  101 7.2.5
 * and element by element, see element_check:                                101 7.2.6
 *   REASON_RESERVED_BIT, REASON_BAD_VALUE, REASON_BAD_QUALIFIER, REASON_BAD_TIME
 *
 * What a station sends back as refused (P/N = 1 or cause 44..47) is not judged element by
 * element, nor its object address with cause 47: these are what was at fault.  A measured
 * value whose quality says that it is invalid need not be a number, and an elapsed time
 * marked invalid need not be one.
 *
 * The ASDU within an S_AR_NA_1 is judged as if it came bare, and must not be of 60870-5-7
 * itself. */
struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          const struct profile *profile, struct asdu *out);

/* Gives object i (0 .. count-1): its address and its type->size element octets (for
 * F_SG_NA_1 also the segment).  False if the structure is not sound or i >= count. */
bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element);

/* The number at the start of an object's elements; false if the type has none. */
bool asdu_value(const struct type_info *type, const uint8_t *element, double *value);

#endif
