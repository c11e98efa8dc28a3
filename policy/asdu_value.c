#include "policy/asdu.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(float) == 4, "R32 is copied into a float");

static uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] + 256u * p[1]);
}

static uint32_t read_u32(const uint8_t *p)
{
    return read_u16(p) + 65536u * read_u16(p + 2);
}

static double read_r32(const uint8_t *p)
{
    const uint32_t bits = read_u32(p);
    float value;

    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* Octets of each kind of number. */
static const uint8_t OCTETS[] = {
    [VALUE_SINGLE] = 1, [VALUE_DOUBLE] = 1, [VALUE_REGULATING] = 1,
    [VALUE_STEP] = 1,   [VALUE_NVA] = 2,    [VALUE_SVA] = 2,
    [VALUE_R32] = 4,    [VALUE_BSI] = 4,    [VALUE_BCR] = 4,
};

bool asdu_value(const struct type_info *type, const uint8_t *element, double *value)
{
    if (type->value > VALUE_BCR || type->size < OCTETS[type->value])
        return false;
    switch ((enum type_value)type->value) {
    case VALUE_SINGLE: *value = element[0] & 0x01; return true;
    case VALUE_DOUBLE:
    case VALUE_REGULATING: *value = element[0] & 0x03; return true;
    case VALUE_STEP: *value = ((element[0] & 0x7F) ^ 0x40) - 0x40; return true;
    case VALUE_NVA: *value = (int16_t)read_u16(element) / 32768.0; return true;
    case VALUE_SVA: *value = (int16_t)read_u16(element); return true;
    case VALUE_R32: *value = read_r32(element); return true;
    case VALUE_BSI: *value = read_u32(element); return true;
    case VALUE_BCR: *value = (int32_t)read_u32(element); return true;
    case VALUE_NONE: break;
    }
    return false;
}
