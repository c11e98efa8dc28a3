#include "policy/asdu_private.h"

#include <assert.h>

#define VSQ_SQ            0x80u
#define TYPE_FILE_SEGMENT 125u
#define LOS_OFFSET        3u /* in the elements of a file segment, after NOF and NOS */

/* 101 7.2.2. */
/*@ requires \valid_read(type) && sq <= 1 && count <= 127 && 1 <= ioa_size <= 3;
    assigns \nothing;
    ensures \result == objects_octets(type, sq, count, ioa_size) && \result <= 32766; */
static size_t objects_size(const struct type_info *type, bool sq, uint8_t count,
                           uint8_t ioa_size)
{
    const size_t size = type->size;

    return sq ? ioa_size + count * size : count * (ioa_size + size);
}

size_t asdu_size_told(const uint8_t *p, size_t n, const struct profile *profile)
{
    const size_t header = profile_header_size(profile);
    const size_t los = header + profile->ioa_size + LOS_OFFSET;
    const struct type_info *type = n < 2 ? NULL : type_info(p[0]);

    if (type == NULL || type->layout != TYPE_LAYOUT_OBJECTS)
        return 0;

    const size_t needed =
        header + objects_size(type, p[1] >= VSQ_SQ, p[1] % VSQ_SQ, profile->ioa_size);
    if (p[0] == TYPE_FILE_SEGMENT && n > los)
        return needed + p[los];
    return needed;
}

/*@ requires judging(j) && \valid_read(a) && \separated(j, a);
    requires a->type == \null || \valid_read(a->type) && \separated(j, a->type);
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 ==> a->type != \null;
    ensures \result == 0 && j->tolerated == 0 ==> a->type->needs == QUIRK_NONE; */
static bool check_type(struct judgement *j, const struct asdu *a)
{
    if (a->type == NULL)
        return judgement_fault(j, REASON_BAD_TYPE, 0, QUIRK_NONE);
    if (a->type->needs == QUIRK_NONE)
        return false;
    return judgement_fault(
        j, a->type->needs == QUIRK_SECAUTH ? REASON_SECAUTH : REASON_BAD_TYPE, 0,
        (enum quirk)a->type->needs);
}

bool asdu_check_structure(struct judgement *j, const uint8_t *p, size_t n,
                          const struct asdu *a, const struct profile *profile)
{
    const size_t header = profile_header_size(profile);

    if (n < header)
        return judgement_fault(j, REASON_SHORT, n, QUIRK_NONE);
    if (n > ASDU_SIZE_MAX)
        return judgement_fault(j, REASON_TRAILING, ASDU_SIZE_MAX, QUIRK_NONE);
    if (check_type(j, a))
        return true;
    if (a->type->sq != TYPE_SQ_ANY && a->type->sq != (a->sq ? TYPE_SQ_1 : TYPE_SQ_0))
        return judgement_fault(j, REASON_BAD_SQ, 1, QUIRK_NONE);
    if (a->count == 0 || (a->type->single && a->count != 1))
        return judgement_fault(j, REASON_BAD_COUNT, 1, QUIRK_NONE);
    if (a->type->layout != TYPE_LAYOUT_OBJECTS)
        return false;

    const size_t needed = asdu_size_told(p, n, profile);
    if (n < needed)
        return judgement_fault(j, REASON_SHORT, n, QUIRK_NONE);
    if (n > needed)
        return judgement_fault(j, REASON_TRAILING, needed, QUIRK_NONE);
    return false;
}

bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element)
{
    if (a->objects == NULL || i >= a->count)
        return false;

    const size_t at = asdu_object_offset(a, i);
    assert(at + a->ioa_size + a->type->size <= a->objects_size);
    *ioa = a->sq ? a->ioa + i : asdu_read_number(a->objects + at, a->ioa_size);
    *element = a->objects + at + a->ioa_size;
    return true;
}
