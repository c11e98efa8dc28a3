#include "policy/asdu_private.h"

#define QPA_LOADED 1u /* parameters loaded before, 101 7.2.6.25 */

/* Types a master may send to all stations at once, 101 7.2.4. */
static const uint8_t TO_ALL_STATIONS[] = {100, 101, 103, 105};

/*@ requires cause <= 63;
    assigns \nothing;
    ensures \result <==> in_set(causes, cause); */
static bool is_cause_of(uint64_t causes, uint8_t cause)
{
    return (causes & COT_BIT(cause)) != 0;
}

/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \separated(j, a) && \separated(j, a->type);
    requires a->cause <= 63;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures direction: \result == 0 ==> a->type->cot[j->dir] != 0;
    ensures cause: \result == 0 && j->tolerated == 0 ==>
      in_set(a->type->cot[j->dir], a->cause); */
static bool check_cause(struct judgement *j, const struct asdu *a)
{
    const enum direction other = j->dir == DIR_CONTROL ? DIR_MONITOR : DIR_CONTROL;

    if (!type_in_direction(a->type, j->dir))
        return judgement_fault(j, REASON_WRONG_DIRECTION, 0, QUIRK_NONE);
    if (is_cause_of(a->type->cot[j->dir], a->cause))
        return false;

    const enum quirk quirk = type_cause_quirk(a->type_id, j->dir, a->cause);
    const bool reversed = is_cause_of(a->type->cot[other], a->cause) ||
                          (j->dir == DIR_CONTROL && cot_is_answer(a->cause));
    return judgement_fault(
        j, reversed && quirk == QUIRK_NONE ? REASON_WRONG_DIRECTION : REASON_BAD_COT, 2,
        quirk);
}

/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \separated(j, a) && \separated(j, a->type);
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 && j->tolerated == 0 && a->negative != 0 ==>
      is_answer(a->cause);
    ensures \result == 0 && j->tolerated == 0 && j->dir == DIR_CONTROL ==> a->test == 0;
 */
static bool check_bits(struct judgement *j, const struct asdu *a)
{
    if (a->negative && !cot_is_answer(a->cause) &&
        judgement_fault(j, REASON_NEGATIVE_BIT, 2, QUIRK_NEGATIVE_BIT))
        return true;
    return a->test && j->dir == DIR_CONTROL &&
           judgement_fault(j, REASON_TEST_BIT, 2, QUIRK_TEST_COMMANDS);
}

/*@ assigns \nothing;
    ensures \result <==> to_all(type_id); */
static bool may_go_to_all(uint8_t type_id)
{
    /*@ loop invariant 0 <= i <= 4;
        loop invariant \forall integer k; 0 <= k < i ==> TO_ALL_STATIONS[k] != type_id;
        loop assigns i;
        loop variant 4 - i; */
    for (size_t i = 0; i < sizeof TO_ALL_STATIONS; i++)
        if (TO_ALL_STATIONS[i] == type_id)
            return true;
    return false;
}

/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \separated(j, a) && \separated(j, a->type);
    requires at <= 65535;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 ==> (a->ca == 0 ==> j->tolerated != 0) &&
      (a->ca == 65535 ==> j->dir == DIR_CONTROL && to_all(a->type_id)); */
static bool check_ca(struct judgement *j, const struct asdu *a, size_t at)
{
    if (a->ca == 0)
        return judgement_fault(j, REASON_BAD_CA, at, QUIRK_CA_ZERO);
    if (a->ca == ASDU_CA_ALL && !(j->dir == DIR_CONTROL && may_go_to_all(a->type_id)))
        return judgement_fault(j, REASON_BAD_CA, at, QUIRK_NONE);
    return false;
}

/*@ requires \valid_read(type);
    requires \valid_read(element + (0 .. type->size - 1));
    assigns \nothing;
    ensures \result ==> ioa_legal(type, ioa, element); */
static bool ioa_is_legal(const struct type_info *type, uint32_t ioa,
                         const uint8_t *element)
{
    switch ((enum type_ioa)type->ioa) {
    case TYPE_IOA_POINT: return ioa != 0;
    case TYPE_IOA_ZERO: return ioa == 0;
    case TYPE_IOA_QPA: return (ioa == 0) == (type->size > 0 && element[0] == QPA_LOADED);
    case TYPE_IOA_FILE: break;
    }
    return true;
}

/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \separated(j, a) && \separated(j, a->type);
    requires at <= 255 && objects_there(a) && a->count >= 1 && a->ioa <= 0xFFFFFF;
    requires \separated(j, a->objects + (0 .. a->objects_size - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 && a->cause != 47 ==>
      all_ioa_legal(a, ioa_max); */
static bool check_ioas(struct judgement *j, const struct asdu *a, size_t at,
                       uint32_t ioa_max)
{
    if (a->cause == COT_UNKNOWN_IOA)
        return false;
    if (a->sq && a->ioa + a->count - 1u > ioa_max)
        return judgement_fault(j, REASON_BAD_IOA, at, QUIRK_NONE);
    /* With SQ there is one address, and the others count up from it. */
    /*@ assert range: a->sq != 0 ==> a->ioa + a->count - 1 <= ioa_max; */
    const unsigned int addresses = a->sq ? 1 : a->count;
    /*@ loop invariant 0 <= i <= addresses && judging(j);
        loop invariant quirks_kept{Pre, Here}(j);
        loop invariant j->tolerated == 0 ==>
          \forall integer k; 0 <= k < i ==> ioa_legal_at(a, k);
        loop invariant a->sq != 0 ==> a->ioa + a->count - 1 <= ioa_max;
        loop assigns i, j->tolerated, j->fault;
        loop variant addresses - i; */
    for (unsigned int i = 0; i < addresses; i++) {
        const size_t offset = asdu_object_offset(a, i);
        const uint8_t *p = a->objects + offset;
        const uint32_t ioa = asdu_read_number(p, a->ioa_size);
        /*@ assert ioa == number_at(a->objects + object_at(a, i), a->ioa_size); */
        if (!ioa_is_legal(a->type, ioa, p + a->ioa_size) &&
            judgement_fault(j, REASON_BAD_IOA, at + offset, QUIRK_ANY_IOA))
            return true;
        /*@ assert j->tolerated == 0 ==> ioa_legal_at(a, i); */
    }
    return false;
}

/*@ requires judging(j) && \valid_read(a) && \valid_read(a->type);
    requires \separated(j, a) && \separated(j, a->type);
    requires at <= 255 && objects_there(a);
    requires \separated(j, a->objects + (0 .. a->objects_size - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 && !sent_back(a, j->dir) ==>
      all_elements_legal(a, j->dir); */
static bool check_elements(struct judgement *j, const struct asdu *a, size_t at)
{
    /* What comes back as refused shows what was at fault.  (P/N in what is no answer,
     * which a quirk may let pass, says nothing.) */
    const bool refused =
        (a->negative && cot_is_answer(a->cause)) || cot_is_mirrored(a->cause);

    if (j->dir == DIR_MONITOR && refused)
        return false;
    /*@ loop invariant 0 <= i <= a->count && judging(j);
        loop invariant quirks_kept{Pre, Here}(j);
        loop invariant legal: j->tolerated == 0 ==>
          \forall integer k; 0 <= k < i ==> elements_legal_at(a, k, j->dir);
        loop assigns i, j->tolerated, j->fault;
        loop variant a->count - i; */
    for (unsigned int i = 0; i < a->count; i++) {
        const size_t offset = asdu_object_offset(a, i) + a->ioa_size;
        if (element_check_list(j, a->type->elements, a->objects + offset, a->type->size,
                               at + offset))
            return true;
        /*@ assert legal: j->tolerated == 0 ==> elements_legal_at(a, i, j->dir); */
    }
    return false;
}

bool asdu_check_meaning(struct judgement *j, const struct asdu *a,
                        const struct profile *profile)
{
    const size_t header = profile_header_size(profile);

    const uint32_t ioa_max = profile_ioa_max(profile);

    if (check_cause(j, a))
        return true;
    /*@ assert cause: j->tolerated == 0 ==> in_set(a->type->cot[j->dir], a->cause); */
    /*@ assert kept: has_objects(a->type) ==> objects_there(a) && a->count >= 1; */
    if (check_bits(j, a))
        return true;
    /*@ assert cause: j->tolerated == 0 ==> in_set(a->type->cot[j->dir], a->cause); */
    /*@ assert kept: has_objects(a->type) ==> objects_there(a) && a->count >= 1; */
    /*@ assert test: j->tolerated == 0 && j->dir == DIR_CONTROL ==> a->test == 0; */
    if (check_ca(j, a, 2u + profile->cot_size))
        return true;
    /*@ assert cause: j->tolerated == 0 ==> in_set(a->type->cot[j->dir], a->cause); */
    /*@ assert kept: has_objects(a->type) ==> objects_there(a) && a->count >= 1; */
    /*@ assert test: j->tolerated == 0 && j->dir == DIR_CONTROL ==> a->test == 0; */
    if (a->type->layout != TYPE_LAYOUT_OBJECTS)
        return false;
    return check_ioas(j, a, header, ioa_max) || check_elements(j, a, header);
}
