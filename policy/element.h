/* Information elements of IEC 60870-5-101 clause 7.2.6: their sizes, and which octets are
 * legal in them.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_ELEMENT_H
#define GATE104_POLICY_ELEMENT_H

#include "policy/judgement.h"
#include "policy/timetag.h"

#include <stddef.h>
#include <stdint.h>

enum element {
    ELEMENT_NONE, /* ends a list of elements */
    ELEMENT_SIQ,
    ELEMENT_DIQ,
    ELEMENT_VTI,
    ELEMENT_QDS,
    ELEMENT_NVA,
    ELEMENT_SVA,
    ELEMENT_R32,
    ELEMENT_BSI,
    ELEMENT_BCR,
    ELEMENT_SCD,
    ELEMENT_SEP,
    ELEMENT_SPE,
    ELEMENT_OCI,
    ELEMENT_QDP,
    ELEMENT_CP16,
    ELEMENT_CP24, /* 101 only */
    ELEMENT_CP56,
    ELEMENT_CP56_BOUND, /* as CP56, and all zero for "no bound" (type 127) */
    ELEMENT_SCO,
    ELEMENT_DCO,
    ELEMENT_RCO,
    ELEMENT_QOS,
    ELEMENT_COI,
    ELEMENT_QOI,
    ELEMENT_QCC,
    ELEMENT_QRP,
    ELEMENT_TSC,
    ELEMENT_FBP, /* fixed test pattern, 101 only */
    ELEMENT_QPM,
    ELEMENT_QPA,
    ELEMENT_NOF,
    ELEMENT_NOS,
    ELEMENT_LOF,
    ELEMENT_FRQ,
    ELEMENT_SRQ,
    ELEMENT_SCQ,
    ELEMENT_LSQ,
    ELEMENT_AFQ,
    ELEMENT_CHS,
    ELEMENT_SOF,
    ELEMENT_AID, /* association of 60870-5-7 */
    ELEMENT_LOS, /* and, behind it, as many octets as it says */
};

/* The same in ACSL, for `policy/prove` (doc/proof.md): the octets of each element, and
 * what 101 7.2.6 allows in them. */
/*@ logic integer element_octets(integer e) =
      e <= ELEMENT_NONE || e > ELEMENT_LOS ? 0 :
      e == ELEMENT_NVA || e == ELEMENT_SVA || e == ELEMENT_CP16 || e == ELEMENT_TSC ||
      e == ELEMENT_NOF || e == ELEMENT_FBP || e == ELEMENT_AID ? 2 :
      e == ELEMENT_LOF || e == ELEMENT_CP24 ? 3 :
      e == ELEMENT_R32 || e == ELEMENT_BSI || e == ELEMENT_SCD ? 4 :
      e == ELEMENT_BCR ? 5 :
      e == ELEMENT_CP56 || e == ELEMENT_CP56_BOUND ? 7 : 1;
    predicate legal_octet(integer e, integer octet) =
      (e == ELEMENT_SIQ || e == ELEMENT_QDS ==> (octet & 0x0E) == 0) &&
      (e == ELEMENT_DIQ ==> (octet & 0x0C) == 0) &&
      (e == ELEMENT_SEP ==> (octet & 0x04) == 0) &&
      (e == ELEMENT_SPE ==> (octet & 0xC0) == 0) &&
      (e == ELEMENT_OCI ==> (octet & 0xF0) == 0) &&
      (e == ELEMENT_QDP ==> (octet & 0x07) == 0) &&
      (e == ELEMENT_SCO ==> (octet & 0x02) == 0) &&
      (e == ELEMENT_DCO || e == ELEMENT_RCO ==> 1 <= (octet & 0x03) <= 2) &&
      (e == ELEMENT_SCO || e == ELEMENT_DCO || e == ELEMENT_RCO ==>
         (octet & 0x7C) <= 3 * 4) &&
      (e == ELEMENT_QOS ==> (octet & 0x7F) == 0) &&
      (e == ELEMENT_COI ==> (octet & 0x7F) <= 2) &&
      (e == ELEMENT_QOI ==> 20 <= (octet & 0xFF) <= 36) &&
      (e == ELEMENT_QCC ==> 1 <= (octet & 0x3F) <= 5) &&
      (e == ELEMENT_QRP ==> 1 <= (octet & 0xFF) <= 2) &&
      (e == ELEMENT_QPM ==> (octet & 0x80) == 0 && 1 <= (octet & 0x3F) <= 4) &&
      (e == ELEMENT_QPA ==> 1 <= (octet & 0xFF) <= 3) &&
      (e == ELEMENT_FRQ || e == ELEMENT_SRQ ==> (octet & 0x7F) == 0) &&
      (e == ELEMENT_SCQ ==> (octet & 0x0F) <= 7 && (octet & 0xF0) <= 5 * 16) &&
      (e == ELEMENT_LSQ ==> 1 <= (octet & 0xFF) <= 4) &&
      (e == ELEMENT_AFQ ==> 1 <= (octet & 0x0F) <= 4 && (octet & 0xF0) <= 5 * 16) &&
      (e == ELEMENT_SOF ==> (octet & 0x1F) == 0) &&
      (e == ELEMENT_LOS ==> (octet & 0xFF) >= 1);
    predicate legal_r32(uint8_t *p) = (p[3] & 0x7F) != 0x7F || (p[2] & 0x80) == 0;
    predicate element_legal(integer e, uint8_t *p, integer dir) =
      (element_octets(e) == 1 ==> legal_octet(e, p[0])) &&
      (e == ELEMENT_R32 ==> legal_r32(p)) &&
      (e == ELEMENT_FBP ==> p[0] == 0xAA && p[1] == 0x55) &&
      (e == ELEMENT_CP16 ==> time_of_minute(p)) &&
      (e == ELEMENT_CP24 ==> legal_cp24(p, dir)) &&
      (e == ELEMENT_CP56 ==> legal_cp56(p, dir)) &&
      (e == ELEMENT_CP56_BOUND ==> all_zero(p, 7) || legal_cp56(p, dir));
    // Lists of elements: where element i begins, whether the list goes on until there,
    // and whether what is around it calls it invalid.
    logic integer octets_before(uint8_t *list, integer i) =
      (i > 0 ? element_octets(list[0]) : 0) + (i > 1 ? element_octets(list[1]) : 0) +
      (i > 2 ? element_octets(list[2]) : 0) + (i > 3 ? element_octets(list[3]) : 0);
    predicate listed(uint8_t *list, integer i) =
      \forall integer k; 0 <= k <= i ==> list[k] != ELEMENT_NONE;
    predicate marked_invalid(uint8_t *list, integer i, uint8_t *p, integer at) =
      (list[i] == ELEMENT_R32 && i < 3 && list[i + 1] == ELEMENT_QDS &&
       (p[at + 4] & 0x80) != 0) ||
      (list[i] == ELEMENT_CP16 && at > 0 && (p[at - 1] & 0x08) != 0);
    predicate legal_in_list(uint8_t *list, integer i, uint8_t *p, integer dir) =
      listed(list, i) ==>
        element_legal(list[i], p + octets_before(list, i), dir) ||
        (dir == DIR_MONITOR && marked_invalid(list, i, p, octets_before(list, i)));
    predicate list_legal(uint8_t *list, uint8_t *p, integer dir) =
      \forall integer i; 0 <= i < 4 ==> legal_in_list(list, i, p, dir);
 */

/* Of one object. */
#define ELEMENT_LIST_MAX 4u

/* Its octets, without those a LOS announces. */
/*@ assigns \nothing;
    ensures \result == element_octets(element); */
size_t element_size(enum element element);

/* Judges the element_size(element) octets at p; `at` is where they are in what is judged.
 * True if a fault stands: reserved bits are set, a qualifier is reserved, private or not
 * used, a time is none, a float is no number.  In control direction a time marked invalid
 * is a fault too; in monitor direction what it says is then not looked at.  Reasons:
 * REASON_RESERVED_BIT, REASON_BAD_VALUE, REASON_BAD_QUALIFIER, REASON_BAD_TIME. */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. element_octets(element) - 1));
    requires \separated(j, p + (0 .. element_octets(element) - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==>
      element_legal(element, p, j->dir); */
bool element_check(struct judgement *j, enum element element, const uint8_t *p,
                   size_t at);
/* Judges the elements (enum element; NONE ends a shorter list) that lie one behind the
 * other in the `size` octets at p; an element that has no room there is a fault.  In
 * monitor direction a measured value whose quality calls it invalid need not be a number,
 * and an elapsed time called invalid need not be one. */
/*@ requires judging(j) && at <= 40000 && size <= 255;
    requires \valid_read(elements + (0 .. 3)) && \valid_read(p + (0 .. size - 1));
    requires \separated(j, elements + (0 .. 3)) && \separated(j, p + (0 .. size - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==> list_legal(elements, p, j->dir);
 */
bool element_check_list(struct judgement *j, const uint8_t elements[ELEMENT_LIST_MAX],
                        const uint8_t *p, size_t size, size_t at);

#endif
