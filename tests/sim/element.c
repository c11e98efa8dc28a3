#include "tests/sim/element.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void put16(uint8_t *o, uint32_t n)
{
    o[0] = (uint8_t)(n & 0xFFu);
    o[1] = (uint8_t)(n >> 8 & 0xFFu);
}

static void put32(uint8_t *o, uint32_t n)
{
    put16(o, n);
    put16(o + 2, n >> 16);
}

static uint32_t get16(const uint8_t *i)
{
    return i[0] | (uint32_t)i[1] << 8;
}

static uint32_t get32(const uint8_t *i)
{
    return get16(i) | get16(i + 2) << 16;
}

static double get_s16(const uint8_t *i)
{
    return (double)(int16_t)(uint16_t)get16(i);
}

/* A number brought into the range of its octets; values outside are cut off, not wrapped.
 */
static int32_t fit(double n, double low, double high)
{
    if (isnan(n))
        return 0;
    return (int32_t)lrint(n < low ? low : n > high ? high : n);
}

static uint8_t flag(bool on, unsigned int bit)
{
    return on ? (uint8_t)bit : 0;
}

static size_t put_process(enum sim_part part, const struct sim_value *v, uint8_t *o)
{
    float r32 = (float)v->number;
    uint32_t raw;

    switch ((int)part) {
    case PART_SIQ: o[0] = (uint8_t)((v->bits & 1u) | (v->quality & 0xF0u)); return 1;
    case PART_DIQ: o[0] = (uint8_t)((v->bits & 3u) | (v->quality & 0xF0u)); return 1;
    case PART_VTI:
        o[0] = (uint8_t)((fit(v->number, -64, 63) & 0x7F) | flag(v->transient, 0x80));
        return 1;
    case PART_NVA: put16(o, (uint32_t)fit(v->number * 32768.0, -32768, 32767)); return 2;
    case PART_SVA: put16(o, (uint32_t)fit(v->number, -32768, 32767)); return 2;
    case PART_R32:
        memcpy(&raw, &r32, sizeof raw);
        put32(o, raw);
        return 4;
    case PART_BSI:
    case PART_SCD: put32(o, v->bits); return 4;
    case PART_BCR:
        put32(o, (uint32_t)fit(v->number, -2147483648.0, 2147483647.0));
        o[4] = v->qualifier;
        return 5;
    case PART_QDS: o[0] = v->quality & 0xF1u; return 1;
    case PART_SEP: o[0] = (uint8_t)((v->bits & 3u) | (v->quality & 0xF8u)); return 1;
    case PART_SPE: o[0] = v->bits & 0x3Fu; return 1;
    case PART_OCI: o[0] = v->bits & 0x0Fu; return 1;
    case PART_QDP: o[0] = v->quality & 0xF8u; return 1;
    case PART_CP16: put16(o, v->elapsed); return 2;
    }
    return 0;
}

static size_t put_control(enum sim_part part, const struct sim_value *v, uint8_t *o)
{
    unsigned int qu = (v->qualifier & 0x1Fu) << 2;

    switch ((int)part) {
    case PART_CP56: memcpy(o, v->time, 7); return 7;
    case PART_SCO:
        o[0] = (uint8_t)((v->bits & 1u) | qu | flag(v->select, 0x80));
        return 1;
    case PART_DCO:
    case PART_RCO:
        o[0] = (uint8_t)((v->bits & 3u) | qu | flag(v->select, 0x80));
        return 1;
    case PART_QOS: o[0] = (v->qualifier & 0x7Fu) | flag(v->select, 0x80); return 1;
    case PART_QOI:
    case PART_QCC:
    case PART_QRP:
    case PART_QPM:
    case PART_QPA:
    case PART_COI: o[0] = v->qualifier; return 1;
    case PART_TSC: put16(o, v->bits); return 2;
    }
    return 0;
}

size_t sim_value_put(const struct sim_type *row, const struct sim_value *v, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < SIM_PARTS_MAX; i++) {
        n += put_process(row->parts[i], v, out + n);
        n += put_control(row->parts[i], v, out + n);
    }
    assert(n == sim_type_size(row));
    return n;
}

static size_t get_state(const uint8_t *i, uint8_t state, uint8_t quality,
                        struct sim_value *v)
{
    v->bits = i[0] & state;
    v->quality = i[0] & quality;
    return 1;
}

static size_t get_process(enum sim_part part, const uint8_t *i, struct sim_value *v)
{
    uint32_t raw;
    float r32;

    switch ((int)part) {
    case PART_SIQ: return get_state(i, 1u, 0xF0u, v);
    case PART_DIQ: return get_state(i, 3u, 0xF0u, v);
    case PART_VTI:
        v->number = (double)((i[0] & 0x7F) - ((i[0] & 0x40) != 0 ? 128 : 0));
        v->transient = (i[0] & 0x80) != 0;
        return 1;
    case PART_NVA: v->number = get_s16(i) / 32768.0; return 2;
    case PART_SVA: v->number = get_s16(i); return 2;
    case PART_R32:
        raw = get32(i);
        memcpy(&r32, &raw, sizeof r32);
        v->number = (double)r32;
        return 4;
    case PART_BSI:
    case PART_SCD: v->bits = get32(i); return 4;
    case PART_BCR:
        v->number = (double)(int32_t)get32(i);
        v->qualifier = i[4];
        return 5;
    case PART_QDS: v->quality = i[0] & 0xF1u; return 1;
    case PART_SEP: return get_state(i, 3u, 0xF8u, v);
    case PART_SPE: v->bits = i[0] & 0x3Fu; return 1;
    case PART_OCI: v->bits = i[0] & 0x0Fu; return 1;
    case PART_QDP: v->quality = i[0] & 0xF8u; return 1;
    case PART_CP16: v->elapsed = (uint16_t)get16(i); return 2;
    }
    return 0;
}

static size_t get_control(enum sim_part part, const uint8_t *i, struct sim_value *v)
{
    switch ((int)part) {
    case PART_CP56: memcpy(v->time, i, 7); return 7;
    case PART_SCO:
    case PART_DCO:
    case PART_RCO:
        v->bits = i[0] & (part == PART_SCO ? 1u : 3u);
        v->qualifier = i[0] >> 2 & 0x1Fu;
        v->select = (i[0] & 0x80) != 0;
        return 1;
    case PART_QOS:
        v->qualifier = i[0] & 0x7Fu;
        v->select = (i[0] & 0x80) != 0;
        return 1;
    case PART_QOI:
    case PART_QCC:
    case PART_QRP:
    case PART_QPM:
    case PART_QPA:
    case PART_COI: v->qualifier = i[0]; return 1;
    case PART_TSC: v->bits = get16(i); return 2;
    }
    return 0;
}

void sim_value_get(const struct sim_type *row, const uint8_t *in, struct sim_value *v)
{
    size_t n = 0;

    memset(v, 0, sizeof *v);
    for (size_t i = 0; i < SIM_PARTS_MAX; i++) {
        n += get_process(row->parts[i], in + n, v);
        n += get_control(row->parts[i], in + n, v);
    }
}

size_t sim_asdu_put_header(uint8_t *out, uint8_t type, uint8_t vsq, uint8_t cause,
                           uint8_t oa, uint16_t ca)
{
    out[0] = type;
    out[1] = vsq;
    out[2] = cause;
    out[3] = oa;
    put16(out + 4, ca);
    return SIM_HEADER;
}

size_t sim_put_ioa(uint8_t *out, uint32_t ioa)
{
    put16(out, ioa);
    out[2] = (uint8_t)(ioa >> 16 & 0xFFu);
    return 3;
}
