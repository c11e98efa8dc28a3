#include "policy/asdu.h"

#include <assert.h>
#include <string.h>

#define TYPE_FILE_SEGMENT 125u
#define LOS_OFFSET        3u /* in the elements of a file segment, after NOF and NOS */
#define QPA_LOADED        1u /* parameters loaded before, 101 7.2.6.25 */
#define VSQ_SQ            0x80u
#define COT_PN            0x40u
#define COT_T             0x80u
#define SELECT_BIT        0x80u

static_assert(sizeof(float) == 4, "R32 is copied into a float");

/* Causes with which a controlled station answers; P/N has a meaning in these only. */
static const uint64_t ANSWERS = COT_BIT(COT_ACTIVATION_CON) |
                                COT_BIT(COT_DEACTIVATION_CON) | COT_BIT(COT_TERMINATION) |
                                COT_BIT(COT_UNKNOWN_TYPE) | COT_BIT(COT_UNKNOWN_CAUSE) |
                                COT_BIT(COT_UNKNOWN_CA) | COT_BIT(COT_UNKNOWN_IOA);

/* Types a master may send to all stations at once, 101 7.2.4. */
static const uint8_t TO_ALL_STATIONS[] = {100, 101, 103, 105};

static struct verdict verdict_of(enum reason reason, size_t offset)
{
    return (struct verdict){.reason = reason, .offset = (uint16_t)offset};
}

static uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned int)p[1] << 8);
}

static uint32_t read_u24(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t read_u32(const uint8_t *p)
{
    return read_u24(p) | (uint32_t)p[3] << 24;
}

/* ---- header -------------------------------------------------------------------------
 */

static void decode_header(const uint8_t *p, size_t n, struct asdu *out)
{
    memset(out, 0, sizeof *out);
    out->header = (uint8_t)(n < ASDU_HEADER_SIZE + ASDU_IOA_SIZE
                                ? n
                                : ASDU_HEADER_SIZE + ASDU_IOA_SIZE);
    if (n >= 1) {
        out->type_id = p[0];
        out->type = type_info(p[0]);
    }
    if (n >= 2) {
        out->sq = (p[1] & VSQ_SQ) != 0;
        out->count = p[1] & 0x7F;
    }
    if (n >= 3) {
        out->cause = p[2] & 0x3F;
        out->negative = (p[2] & COT_PN) != 0;
        out->test = (p[2] & COT_T) != 0;
    }
    if (n >= 4)
        out->oa = p[3];
    if (n >= ASDU_HEADER_SIZE)
        out->ca = read_u16(p + 4);
    if (n >= ASDU_HEADER_SIZE + ASDU_IOA_SIZE)
        out->ioa = read_u24(p + ASDU_HEADER_SIZE);
}

/* ---- structure ----------------------------------------------------------------------
 */

/* The octets that type, SQ and count ask for; 101 7.2.2. */
static size_t size_needed(const uint8_t *p, size_t n, const struct asdu *a)
{
    const size_t size = a->type->size;
    const size_t needed =
        a->sq ? ASDU_IOA_SIZE + a->count * size : a->count * (ASDU_IOA_SIZE + size);
    const size_t los = ASDU_HEADER_SIZE + ASDU_IOA_SIZE + LOS_OFFSET;

    if (a->type_id == TYPE_FILE_SEGMENT && n > los)
        return ASDU_HEADER_SIZE + needed + p[los];
    return ASDU_HEADER_SIZE + needed;
}

static struct verdict judge_structure(const uint8_t *p, size_t n, const struct asdu *a)
{
    if (n < ASDU_HEADER_SIZE)
        return verdict_of(REASON_SHORT, n);
    if (n > ASDU_SIZE_MAX)
        return verdict_of(REASON_TRAILING, ASDU_SIZE_MAX);
    if (a->type == NULL)
        return verdict_of(REASON_BAD_TYPE, 0);
    if ((a->type->sq & (a->sq ? TYPE_SQ_1 : TYPE_SQ_0)) == 0)
        return verdict_of(REASON_BAD_SQ, 1);
    if (a->count == 0 || (a->type->single && a->count != 1))
        return verdict_of(REASON_BAD_COUNT, 1);

    const size_t needed = size_needed(p, n, a);
    if (n < needed)
        return verdict_of(REASON_SHORT, n);
    if (n > needed)
        return verdict_of(REASON_TRAILING, needed);
    return verdict_of(REASON_OK, 0);
}

/* ---- meaning ------------------------------------------------------------------------
 */

static struct verdict judge_cause(const struct asdu *a, enum direction dir)
{
    const uint64_t cause = COT_BIT(a->cause);
    const enum direction other = dir == DIR_CONTROL ? DIR_MONITOR : DIR_CONTROL;

    if (!type_in_direction(a->type, dir))
        return verdict_of(REASON_WRONG_DIRECTION, 0);
    if ((a->type->cot[dir] & cause) == 0) {
        const bool reversed = (a->type->cot[other] & cause) != 0 ||
                              (dir == DIR_CONTROL && (ANSWERS & cause) != 0);
        return verdict_of(reversed ? REASON_WRONG_DIRECTION : REASON_BAD_COT, 2);
    }
    if (a->negative && (ANSWERS & cause) == 0)
        return verdict_of(REASON_NEGATIVE_BIT, 2);
    if (a->test && dir == DIR_CONTROL)
        return verdict_of(REASON_TEST_BIT, 2);
    return verdict_of(REASON_OK, 0);
}

static bool may_go_to_all(uint8_t type_id)
{
    for (size_t i = 0; i < sizeof TO_ALL_STATIONS; i++)
        if (TO_ALL_STATIONS[i] == type_id)
            return true;
    return false;
}

static struct verdict judge_ca(const struct asdu *a, enum direction dir)
{
    const bool to_all = dir == DIR_CONTROL && may_go_to_all(a->type_id);

    if (a->ca == 0 || (a->ca == ASDU_CA_ALL && !to_all))
        return verdict_of(REASON_BAD_CA, 4);
    return verdict_of(REASON_OK, 0);
}

static bool ioa_is_legal(const struct type_info *type, uint32_t ioa,
                         const uint8_t *element)
{
    switch ((enum type_ioa)type->ioa) {
    case TYPE_IOA_POINT: return ioa != 0;
    case TYPE_IOA_ZERO: return ioa == 0;
    case TYPE_IOA_QPA: return (ioa == 0) == (element[0] == QPA_LOADED);
    case TYPE_IOA_FILE: return true;
    }
    return false;
}

static struct verdict judge_ioa(const struct asdu *a)
{
    if (a->cause == COT_UNKNOWN_IOA)
        return verdict_of(REASON_OK, 0);
    if (a->sq && a->ioa + a->count - 1u > ASDU_IOA_MAX)
        return verdict_of(REASON_BAD_IOA, ASDU_HEADER_SIZE);
    for (unsigned int i = 0; i < a->count; i++) {
        const size_t stride = a->sq ? 0 : ASDU_IOA_SIZE + (size_t)a->type->size;
        const uint8_t *element;
        uint32_t ioa;
        if (!asdu_object(a, i, &ioa, &element) || !ioa_is_legal(a->type, ioa, element))
            return verdict_of(REASON_BAD_IOA, ASDU_HEADER_SIZE + i * stride);
    }
    return verdict_of(REASON_OK, 0);
}

/* Types of control direction carry one object. */
static struct verdict judge_elements(const struct asdu *a)
{
    size_t at = ASDU_IOA_SIZE;

    assert(a->type->single && a->objects_size >= ASDU_IOA_SIZE + (size_t)a->type->size);
    for (size_t i = 0; i < TYPE_ELEMENTS_MAX; i++) {
        const enum element element = (enum element)a->type->elements[i];
        if (element == ELEMENT_NONE)
            break;
        const struct verdict v = element_check(element, a->objects + at);
        if (v.reason != REASON_OK)
            return verdict_of(v.reason, ASDU_HEADER_SIZE + at + v.offset);
        at += element_size(element);
    }
    return verdict_of(REASON_OK, 0);
}

static struct verdict judge_meaning(const struct asdu *a, enum direction dir)
{
    struct verdict v = judge_cause(a, dir);

    if (v.reason == REASON_OK)
        v = judge_ca(a, dir);
    if (v.reason == REASON_OK)
        v = judge_ioa(a);
    if (v.reason == REASON_OK && dir == DIR_CONTROL)
        v = judge_elements(a);
    return v;
}

/* ---- objects ------------------------------------------------------------------------
 */

static void decode_objects(const uint8_t *p, size_t n, struct asdu *out)
{
    const uint8_t *element = p + ASDU_HEADER_SIZE + ASDU_IOA_SIZE;

    out->objects = p + ASDU_HEADER_SIZE;
    out->objects_size = n - ASDU_HEADER_SIZE;
    out->has_select = out->type->has_select;
    if (out->has_select)
        out->select = (element[out->type->select_offset] & SELECT_BIT) != 0;
    out->has_value = asdu_value(out->type, element, &out->value);
}

struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          struct asdu *out)
{
    decode_header(asdu, n, out);

    const struct verdict v = judge_structure(asdu, n, out);
    if (v.reason != REASON_OK)
        return v;
    decode_objects(asdu, n, out);
    return judge_meaning(out, dir);
}

bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element)
{
    if (a->objects == NULL || i >= a->count)
        return false;

    const size_t size = a->type->size;
    const size_t at = a->sq ? i * size : i * (ASDU_IOA_SIZE + size);
    assert(at + ASDU_IOA_SIZE + size <= a->objects_size);
    *ioa = a->sq ? a->ioa + i : read_u24(a->objects + at);
    *element = a->objects + at + ASDU_IOA_SIZE;
    return true;
}

static double read_r32(const uint8_t *p)
{
    const uint32_t bits = read_u32(p);
    float value;

    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

bool asdu_value(const struct type_info *type, const uint8_t *element, double *value)
{
    switch ((enum type_value)type->value) {
    case VALUE_NONE: return false;
    case VALUE_SINGLE: *value = element[0] & 0x01; return true;
    case VALUE_DOUBLE:
    case VALUE_REGULATING: *value = element[0] & 0x03; return true;
    case VALUE_STEP: *value = ((element[0] & 0x7F) ^ 0x40) - 0x40; return true;
    case VALUE_NVA: *value = (int16_t)read_u16(element) / 32768.0; return true;
    case VALUE_SVA: *value = (int16_t)read_u16(element); return true;
    case VALUE_R32: *value = read_r32(element); return true;
    case VALUE_BSI: *value = read_u32(element); return true;
    case VALUE_BCR: *value = (int32_t)read_u32(element); return true;
    }
    return false;
}
