/* What a rule may ask of an ASDU beside type, addresses and range of value: cause, S/E
 * bit, qualifier, originator, P/N, T and single values.  Part of policy.h.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_POLICY_WHEN_H
#define GATE104_POLICY_POLICY_WHEN_H

#include "policy/asdu.h"

#include <stdbool.h>
#include <stdint.h>

/* The S/E bit of a command, 101 clause 7.2.6.26, as a set. */
#define POLICY_PHASE_EXECUTE 1u
#define POLICY_PHASE_SELECT  2u

/* Sets of octets: bit n % 8 of octet n / 8 is n. */
#define POLICY_OCTET_SET 32u

/* Bits of the cause, 101 clause 7.2.3, as a set. */
#define POLICY_BIT_POSITIVE 1u
#define POLICY_BIT_NEGATIVE 2u
#define POLICY_BIT_NO_TEST  4u
#define POLICY_BIT_TEST     8u

#define POLICY_WHEN_VALUES 16u

/* A set without members asks for nothing. */
struct policy_when {
    uint64_t causes;                       /* COT_BIT */
    uint8_t phases;                        /* POLICY_PHASE_EXECUTE, POLICY_PHASE_SELECT */
    uint8_t qualifiers[POLICY_OCTET_SET];  /* see policy_qualifier */
    uint8_t originators[POLICY_OCTET_SET]; /* OA; 0 where the route has none */
    uint8_t bits;                          /* POLICY_BIT */
    uint8_t value_count;
    double value[POLICY_WHEN_VALUES]; /* finite; units as in struct policy_rule */
};

/* The qualifier of an object: QU of a command (5 bits), QL of a set point (7 bits), and
 * QOI, QCC, QRP, COI, QPM and QPA whole.  False if the type has none.  `element` is what
 * asdu_object gives. */
bool policy_qualifier(const struct type_info *type, const uint8_t *element,
                      uint8_t *qualifier);
/* The same without an object: whether the type has one, and the largest it can be. */
bool policy_has_qualifier(const struct type_info *type, uint8_t *most);

/* The time tag of a command, CP56Time2a behind what is commanded; NULL: the type has
 * none. (The time of C_CS_NA_1 is what is commanded.) */
const uint8_t *policy_tag(const struct type_info *type, const uint8_t *element);
bool policy_has_tag(const struct type_info *type);

/*@ requires \valid(set + (0 .. 31));
    assigns set[0 .. 31]; */
static inline void policy_octet_add(uint8_t set[POLICY_OCTET_SET], uint8_t n)
{
    set[n / 8] = (uint8_t)(set[n / 8] | 1u << n % 8);
}
/*@ requires \valid_read(set + (0 .. 31));
    assigns \nothing; */
static inline bool policy_octet_in(const uint8_t set[POLICY_OCTET_SET], uint8_t n)
{
    return (set[n / 8] >> n % 8 & 1) != 0;
}

/*@ assigns \nothing; */
bool policy_when_is_empty(const struct policy_when *w);
/* What is wrong with it; NULL: nothing. */
const char *policy_when_fault(const struct policy_when *w);
/* True if the ASDU and its object meet all that is asked.  An object without an S/E bit,
 * a qualifier or a number does not meet what is asked of it. */
/*@ assigns \nothing; */
bool policy_when_holds(const struct policy_when *w, const struct asdu *asdu,
                       const uint8_t *element);
/* True if whatever `narrow` holds for, `wide` holds for, too. */
bool policy_when_covers(const struct policy_when *wide, const struct policy_when *narrow);

#endif
