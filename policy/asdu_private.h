/* What the files of asdu_parse share; nobody else includes this. */
#ifndef GATE104_POLICY_ASDU_PRIVATE_H
#define GATE104_POLICY_ASDU_PRIVATE_H

#include "policy/asdu.h"
#include "policy/judgement.h"

/* The same in ACSL.  What a type's row says is not assumed to be right: the table is
 * tested against a second one (tests/unit/types_test.c), and nothing here depends on it
 * to stay inside the octets. */
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
    // What the header's first two octets say.
    predicate header_read(uint8_t *p, integer n, struct asdu *a) =
      n >= 2 ==> a->type_id == p[0] && type_is(a->type, p[0]) &&
                 a->sq == (p[1] >= 128 ? 1 : 0) && a->count == p[1] % 128;
    // Where the objects are.
    predicate objects_there(struct asdu *a) =
      \valid_read(a->type) && 1 <= a->ioa_size <= 3 && a->count <= 127 &&
      a->objects_size <= 249 && \valid_read(a->objects + (0 .. a->objects_size - 1)) &&
      a->objects_size >= objects_octets(a->type, a->sq, a->count, a->ioa_size);
 */

/* Little endian, of 1 to 3 octets. */
/*@ requires 1 <= size <= 3 && \valid_read(p + (0 .. size - 1));
    assigns \nothing;
    ensures \result == number_at(p, size) && \result <= ioa_most(size); */
static inline uint32_t asdu_read_number(const uint8_t *p, uint8_t size)
{
    uint32_t v = p[0];

    if (size > 1)
        v += 256u * p[1];
    if (size > 2)
        v += 65536u * p[2];
    return v;
}

/* ---- asdu_structure.c: lengths and counts ----
 *
 * True if a fault stands.  a's header fields are those of the n octets at p. */
/*@ requires judging(j) && \valid_read(a) && \valid_read(profile) && sizes_legal(profile);
    requires \valid_read(p + (0 .. n - 1)) && \separated(j, p + (0 .. n - 1));
    requires \separated(j, a) && \separated(j, profile);
    requires header_read(p, n, a) && a->count <= 127;
    requires a->type == \null || \valid_read(a->type) && \separated(j, a->type);
    assigns j->tolerated, j->verdict;
    ensures judged{Pre, Post}(j, \result);
    ensures sound: \result == 0 ==> structure_sound(p, n, a, profile);
    ensures of_104: \result == 0 && j->tolerated == 0 ==> a->type->needs == QUIRK_NONE; */
bool asdu_check_structure(struct judgement *j, const uint8_t *p, size_t n,
                          const struct asdu *a, const struct profile *profile);
/* The octets that the ASDU at p should have by its type, SQ and count, whatever n is; 0
 * if that cannot be told from n octets. */
/*@ requires \valid_read(profile) && sizes_legal(profile);
    requires \valid_read(p + (0 .. n - 1));
    assigns \nothing;
    ensures none: n < 2 || !type_known(p[0]) || !has_objects(&TYPE_TABLE[p[0]]) ==>
      \result == 0;
    ensures told: n >= 2 && type_known(p[0]) && has_objects(&TYPE_TABLE[p[0]]) ==>
      \result == octets_told(p, n, &TYPE_TABLE[p[0]], profile); */
size_t asdu_size_told(const uint8_t *p, size_t n, const struct profile *profile);
/* Where object i is, counted from the first; i < count. */
/*@ requires \valid_read(a) && objects_there(a) && i < a->count;
    assigns \nothing;
    ensures \result == object_at(a, i);
    ensures inside: \result + a->ioa_size + a->type->size <= a->objects_size; */
static inline size_t asdu_object_offset(const struct asdu *a, unsigned int i)
{
    const size_t size = a->type->size, stride = a->ioa_size + size;

    /*@ assert product_bound_size: 0 <= i * size <= 32766 && 0 <= i * stride <= 32766; */
    /*@ assert step: i * size + size <= a->count * size; */
    /*@ assert step_all: i * stride + stride <= a->count * stride; */
    return a->sq ? i * size : i * stride;
}

/* ---- asdu_meaning.c: values ----
 *
 * True if a fault stands.  The structure is sound. */
bool asdu_check_meaning(struct judgement *j, const struct asdu *a,
                        const struct profile *profile);

#endif
