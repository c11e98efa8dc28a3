#include "policy/acsl.h"
#include "policy/asdu.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(float) == 4, "R32 is copied into a float");

/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures 0 <= \result <= 65535; */
static int32_t read_u16(const uint8_t *p)
{
    return p[0] + 256 * p[1];
}

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures 0 <= \result <= 0xFFFFFFFF; */
static int64_t read_u32(const uint8_t *p)
{
    return read_u16(p) + INT64_C(65536) * read_u16(p + 2);
}

/* As two's complement. */
/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures -0x8000 <= \result <= 0x7FFF; */
static int32_t read_i16(const uint8_t *p)
{
    const int32_t value = read_u16(p);

    return value < 0x8000 ? value : value - 0x10000;
}

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures -0x80000000 <= \result <= 0x7FFFFFFF; */
static int64_t read_i32(const uint8_t *p)
{
    const int64_t value = read_u32(p);

    return value < 0x80000000 ? value : value - INT64_C(0x100000000);
}

/* Seven bits, 101 7.2.6.5; the eighth says "in transition". */
/*@ assigns \nothing;
    ensures -64 <= \result <= 63; */
static int32_t read_vti(uint8_t octet)
{
    const int32_t value = octet % 128;

    return value < 64 ? value : value - 128;
}

/* Not proved: to the provers' model of memory no octets are both a number and a float. */
/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing; */
static double read_r32(const uint8_t *p)
{
    const uint32_t bits = (uint32_t)read_u32(p);
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
    /*@ assert ACSL_UP_TO_9(type->value); */
    switch ((enum type_value)type->value) {
    case VALUE_SINGLE: *value = element[0] & 0x01; return true;
    case VALUE_DOUBLE:
    case VALUE_REGULATING: *value = element[0] & 0x03; return true;
    case VALUE_STEP: *value = read_vti(element[0]); return true;
    case VALUE_NVA: *value = read_i16(element) / 32768.0; return true;
    case VALUE_SVA: *value = read_i16(element); return true;
    case VALUE_R32: *value = read_r32(element); return true;
    case VALUE_BSI: *value = (double)read_u32(element); return true;
    case VALUE_BCR: *value = (double)read_i32(element); return true;
    case VALUE_NONE: break;
    }
    return false;
}
