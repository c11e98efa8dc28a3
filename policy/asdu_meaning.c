#include "policy/asdu_private.h"

#define QPA_LOADED 1u    /* parameters loaded before, 101 7.2.6.25 */
#define QUALITY_IV 0x80u /* in QDS */
#define QUALITY_EI 0x08u /* in SEP and QDP: the elapsed time is invalid */

/* Types a master may send to all stations at once, 101 7.2.4. */
static const uint8_t TO_ALL_STATIONS[] = {100, 101, 103, 105};

static bool is_cause_of(uint64_t causes, uint8_t cause)
{
    return (causes & COT_BIT(cause)) != 0;
}

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

static bool check_bits(struct judgement *j, const struct asdu *a)
{
    if (a->negative && !cot_is_answer(a->cause) &&
        judgement_fault(j, REASON_NEGATIVE_BIT, 2, QUIRK_NEGATIVE_BIT))
        return true;
    return a->test && j->dir == DIR_CONTROL &&
           judgement_fault(j, REASON_TEST_BIT, 2, QUIRK_TEST_COMMANDS);
}

static bool may_go_to_all(uint8_t type_id)
{
    for (size_t i = 0; i < sizeof TO_ALL_STATIONS; i++)
        if (TO_ALL_STATIONS[i] == type_id)
            return true;
    return false;
}

static bool check_ca(struct judgement *j, const struct asdu *a, size_t at)
{
    if (a->ca == 0)
        return judgement_fault(j, REASON_BAD_CA, at, QUIRK_CA_ZERO);
    if (a->ca == ASDU_CA_ALL && !(j->dir == DIR_CONTROL && may_go_to_all(a->type_id)))
        return judgement_fault(j, REASON_BAD_CA, at, QUIRK_NONE);
    return false;
}

static bool ioa_is_legal(const struct type_info *type, uint32_t ioa,
                         const uint8_t *element)
{
    switch ((enum type_ioa)type->ioa) {
    case TYPE_IOA_POINT: return ioa != 0;
    case TYPE_IOA_ZERO: return ioa == 0;
    case TYPE_IOA_QPA: return (ioa == 0) == (element[0] == QPA_LOADED);
    case TYPE_IOA_FILE: break;
    }
    return true;
}

static bool check_ioas(struct judgement *j, const struct asdu *a, size_t at,
                       uint32_t ioa_max)
{
    if (a->cause == COT_UNKNOWN_IOA)
        return false;
    if (a->sq && a->ioa + a->count - 1u > ioa_max)
        return judgement_fault(j, REASON_BAD_IOA, at, QUIRK_NONE);
    for (unsigned int i = 0; i < a->count; i++) {
        const uint8_t *element;
        uint32_t ioa;
        if (asdu_object(a, i, &ioa, &element) && ioa_is_legal(a->type, ioa, element))
            continue;
        if (judgement_fault(j, REASON_BAD_IOA,
                            at + (a->sq ? 0 : asdu_object_offset(a, i)), QUIRK_ANY_IOA))
            return true;
    }
    return false;
}

/* What the octets before or behind an element say of it: that it is invalid. */
static bool is_marked_invalid(const struct judgement *j, const uint8_t *elements,
                              size_t i, const uint8_t *p)
{
    if (j->dir == DIR_CONTROL)
        return false;
    if (elements[i] == ELEMENT_R32 && i + 1 < TYPE_ELEMENTS_MAX)
        return elements[i + 1] == ELEMENT_QDS && (p[4] & QUALITY_IV) != 0;
    return elements[i] == ELEMENT_CP16 && i > 0 && (p[-1] & QUALITY_EI) != 0;
}

/* The elements of one object at p, `at` in the ASDU. */
static bool check_object(struct judgement *j, const struct type_info *type,
                         const uint8_t *p, size_t at)
{
    size_t done = 0;

    for (size_t i = 0; i < TYPE_ELEMENTS_MAX; i++) {
        const enum element element = (enum element)type->elements[i];
        if (element == ELEMENT_NONE)
            return false;
        if (!is_marked_invalid(j, type->elements, i, p + done) &&
            element_check(j, element, p + done, at + done))
            return true;
        done += element_size(element);
    }
    return false;
}

static bool check_elements(struct judgement *j, const struct asdu *a, size_t at)
{
    /* What comes back as refused shows what was at fault.  (P/N in what is no answer,
     * which a quirk may let pass, says nothing.) */
    const bool refused =
        (a->negative && cot_is_answer(a->cause)) || cot_is_mirrored(a->cause);

    if (j->dir == DIR_MONITOR && refused)
        return false;
    for (unsigned int i = 0; i < a->count; i++) {
        const size_t offset = asdu_object_offset(a, i) + a->ioa_size;
        if (check_object(j, a->type, a->objects + offset, at + offset))
            return true;
    }
    return false;
}

bool asdu_check_meaning(struct judgement *j, const struct asdu *a,
                        const struct profile *profile)
{
    const size_t header = profile_header_size(profile);

    if (check_cause(j, a) || check_bits(j, a) || check_ca(j, a, 2u + profile->cot_size))
        return true;
    if (a->type->layout != TYPE_LAYOUT_OBJECTS)
        return false;
    return check_ioas(j, a, header, profile_ioa_max(profile)) ||
           check_elements(j, a, header);
}
