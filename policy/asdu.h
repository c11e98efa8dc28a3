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

/* What an accepted ASDU is, in ACSL (doc/proof.md).  What a type's row says is not
 * assumed to be right: the table is tested against a second one
 * (tests/unit/types_test.c), and nothing here depends on it to stay inside the octets. */
/*@ lemma product_bound: \forall integer a, b;
      0 <= a <= 127 && 0 <= b <= 258 ==> 0 <= a * b <= 32766;
    lemma product_step: \forall integer i, c, s;
      0 <= i < c && 0 <= s ==> i * s + s <= c * s;
    lemma product_less: \forall integer i, c, s;
      0 <= i < c && 0 <= s ==> i * s <= c * s;
    logic integer objects_octets(struct type_info *t, integer sq, integer count,
                                 integer ioa) =
      sq != 0 ? ioa + count * t->size : count * (ioa + t->size);
    logic integer object_at(struct asdu *a, integer i) =
      a->sq != 0 ? i * a->type->size : i * (a->ioa_size + a->type->size);
    logic integer number_at(uint8_t *p, integer size) =
      p[0] + (size > 1 ? 256 * p[1] : 0) + (size > 2 ? 65536 * p[2] : 0);
    predicate sq_legal(struct type_info *t, integer sq) =
      t->sq == TYPE_SQ_ANY || t->sq == (sq != 0 ? TYPE_SQ_1 : TYPE_SQ_0);
    predicate count_legal(struct type_info *t, integer count) =
      1 <= count <= 127 && (t->single != 0 ==> count == 1);
    predicate has_objects(struct type_info *t) = t->layout == TYPE_LAYOUT_OBJECTS;
    logic integer octets_told(uint8_t *p, integer n, struct type_info *t,
                              struct profile *f) =
      header_octets(f) +
      objects_octets(t, p[1] >= 128 ? 1 : 0, p[1] % 128, f->ioa_size) +
      (p[0] == 125 && n > header_octets(f) + f->ioa_size + 3
         ? p[header_octets(f) + f->ioa_size + 3] : 0);
    // Type, SQ, count and size go together.
    predicate structure_sound(uint8_t *p, integer n, struct asdu *a,
                              struct profile *f) =
      header_octets(f) <= n <= 249 && a->type != \null && sq_legal(a->type, a->sq) &&
      count_legal(a->type, a->count) &&
      (has_objects(a->type) ==> n == octets_told(p, n, a->type, f));
    // Addresses: 101 7.2.4, 7.2.5.
    predicate to_all(integer id) = id == 100 || id == 101 || id == 103 || id == 105;
    predicate ioa_legal(struct type_info *t, integer ioa, uint8_t *element) =
      (t->ioa == TYPE_IOA_POINT ==> ioa != 0) && (t->ioa == TYPE_IOA_ZERO ==> ioa == 0) &&
      (t->ioa == TYPE_IOA_QPA && t->size > 0 ==> (ioa == 0 <==> element[0] == 1));
    predicate ioa_legal_at(struct asdu *a, integer i) =
      ioa_legal(a->type, number_at(a->objects + object_at(a, i), a->ioa_size),
                a->objects + object_at(a, i) + a->ioa_size);
    predicate all_ioa_legal(struct asdu *a, integer most) =
      (a->sq != 0 ==> a->ioa + a->count - 1 <= most) &&
      \forall integer i; 0 <= i < (a->sq != 0 ? 1 : a->count) ==> ioa_legal_at(a, i);
    // Elements: 101 7.2.6.  What a station sends back as refused is not looked at.
    predicate sent_back(struct asdu *a, integer dir) =
      dir == DIR_MONITOR &&
      ((a->negative != 0 && is_answer(a->cause)) || is_mirrored(a->cause));
    predicate elements_legal_at(struct asdu *a, integer i, integer dir) =
      list_legal(&a->type->elements[0],
                 a->objects + (object_at(a, i) + a->ioa_size), dir);
    predicate all_elements_legal(struct asdu *a, integer dir) =
      \forall integer i; 0 <= i < a->count ==> elements_legal_at(a, i, dir);
    // What the header's first two octets say.
    predicate header_read(uint8_t *p, integer n, struct asdu *a) =
      n >= 2 ==> a->type_id == p[0] && type_is(a->type, p[0]) &&
                 a->sq == (p[1] >= 128 ? 1 : 0) && a->count == p[1] % 128;
    logic integer object_ioa(struct asdu *a, integer i) =
      a->sq != 0 ? a->ioa + i : number_at(a->objects + object_at(a, i), a->ioa_size);
    // Where the objects are.
    predicate objects_there(struct asdu *a) =
      \valid_read(a->type) && 1 <= a->ioa_size <= 3 && a->count <= 127 &&
      a->objects_size <= 249 && \valid_read(a->objects + (0 .. a->objects_size - 1)) &&
      a->objects_size >= objects_octets(a->type, a->sq, a->count, a->ioa_size);
 */

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
/*@ requires \valid_read(asdu + (0 .. n - 1)) && \valid(out);
    requires \valid_read(profile) && sizes_legal(profile) && 0 <= dir <= 1;
    requires \separated(out, asdu + (0 .. n - 1)) && \separated(out, profile);
    requires \separated(out, TYPE_TABLE + (0 .. 127));
    assigns *out;
    ensures header: header_read(asdu, n, out);
    ensures structure: \result.reason == REASON_OK ==>
      structure_sound(asdu, n, out, profile);
    ensures of_104: \result.reason == REASON_OK && out->tolerated == 0 ==>
      out->type->needs == QUIRK_NONE;
    ensures direction: \result.reason == REASON_OK ==> out->type->cot[dir] != 0;
    ensures cause: \result.reason == REASON_OK && out->tolerated == 0 ==>
      in_set(out->type->cot[dir], out->cause);
    ensures negative: \result.reason == REASON_OK && out->tolerated == 0 &&
      out->negative != 0 ==> is_answer(out->cause);
    ensures test: \result.reason == REASON_OK && out->tolerated == 0 &&
      dir == DIR_CONTROL ==> out->test == 0;
    ensures ca: \result.reason == REASON_OK ==>
      (out->ca == 0 ==> out->tolerated != 0) &&
      (out->ca == 65535 ==> dir == DIR_CONTROL && to_all(out->type_id));
    ensures ioa: \result.reason == REASON_OK && out->tolerated == 0 &&
      has_objects(out->type) && out->cause != 47 ==>
        all_ioa_legal(out, ioa_most(profile->ioa_size));
    ensures elements: \result.reason == REASON_OK && out->tolerated == 0 &&
      has_objects(out->type) && !sent_back(out, dir) ==> all_elements_legal(out, dir);
    ensures quirks: profile->quirks[0] == 0 && profile->quirks[1] == 0 ==>
      out->tolerated == 0; */
struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          const struct profile *profile, struct asdu *out);

/* Gives object i (0 .. count-1): its address and its type->size element octets (for
 * F_SG_NA_1 also the segment).  False if the structure is not sound or i >= count. */
/*@ requires \valid_read(a) && \valid(ioa) && \valid(element);
    requires a->objects != \null ==> objects_there(a);
    requires \separated(ioa, element, a);
    requires a->objects != \null ==>
      \separated(ioa, a->objects + (0 .. a->objects_size - 1)) &&
      \separated(ioa, a->type) && \separated(element, a->type);
    assigns *ioa, *element;
    ensures \result <==> a->objects != \null && i < a->count;
    ensures \result && \old(a->ioa) <= 0xFFFFFF ==> *ioa == \old(object_ioa(a, i));
    ensures \result ==> \valid_read(*element + (0 .. a->type->size - 1));
    ensures \result ==> *element == a->objects + object_at(a, i) + a->ioa_size; */
bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element);

/* The number at the start of an object's elements; false if the type has none. */
/*@ requires \valid_read(type) && \valid_read(element + (0 .. type->size - 1));
    requires \valid(value);
    assigns *value; */
bool asdu_value(const struct type_info *type, const uint8_t *element, double *value);

#endif
