/* What the files of asdu_parse share; nobody else includes this. */
#ifndef GATE104_POLICY_ASDU_PRIVATE_H
#define GATE104_POLICY_ASDU_PRIVATE_H

#include "policy/asdu.h"
#include "policy/judgement.h"

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
    assigns j->tolerated, j->fault;
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
/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \valid_read(profile) && sizes_legal(profile);
    requires a->cause <= 63 && a->ioa <= 0xFFFFFF && a->ioa_size == profile->ioa_size;
    requires has_objects(a->type) ==> objects_there(a) && a->count >= 1;
    requires \separated(j, a) && \separated(j, a->type) && \separated(j, profile);
    requires \separated(j, a->objects + (0 .. a->objects_size - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures direction: \result == 0 ==> a->type->cot[j->dir] != 0;
    ensures cause: \result == 0 && j->tolerated == 0 ==>
      in_set(a->type->cot[j->dir], a->cause);
    ensures negative: \result == 0 && j->tolerated == 0 && a->negative != 0 ==>
      is_answer(a->cause);
    ensures test: \result == 0 && j->tolerated == 0 && j->dir == DIR_CONTROL ==>
      a->test == 0;
    ensures ca: \result == 0 ==> (a->ca == 0 ==> j->tolerated != 0) &&
      (a->ca == 65535 ==> j->dir == DIR_CONTROL && to_all(a->type_id));
    ensures ioa: \result == 0 && j->tolerated == 0 && has_objects(a->type) &&
      a->cause != 47 ==> all_ioa_legal(a, ioa_most(profile->ioa_size));
    ensures elements: \result == 0 && j->tolerated == 0 && has_objects(a->type) &&
      !sent_back(a, j->dir) ==> all_elements_legal(a, j->dir); */
bool asdu_check_meaning(struct judgement *j, const struct asdu *a,
                        const struct profile *profile);

#endif
