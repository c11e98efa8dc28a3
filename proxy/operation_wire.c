#include "proxy/operation_wire.h"

#include "sandbox/wire.h"

#include <assert.h>
#include <string.h>

static void put_double(struct wire_writer *w, double v)
{
    uint64_t bits;

    static_assert(sizeof bits == sizeof v, "a double has 64 bits");
    memcpy(&bits, &v, sizeof bits);
    wire_put_u64(w, bits);
}

static double get_double(struct wire_reader *r)
{
    uint64_t bits = wire_get_u64(r);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

void operation_encode(const struct operation *o, uint8_t out[OPERATION_WIRE_SIZE])
{
    struct wire_writer w;

    wire_writer_init(&w, out, OPERATION_WIRE_SIZE);
    wire_put_u8(&w, o->point.type);
    wire_put_u16(&w, o->point.ca);
    wire_put_u32(&w, o->point.ioa);
    for (size_t i = 0; i < OPERATION_STEPS; i++)
        wire_put_u32(&w, o->answer_ms[i]);
    wire_put_u32(&w, o->termination_ms);
    wire_put_u32(&w, o->state_ms);
    wire_put_u8(&w, o->has_value);
    put_double(&w, o->has_value ? o->value : 0);
    wire_put_u8(&w, o->has_state);
    wire_put_u8(&w, o->has_state ? o->state.type : 0);
    wire_put_u8(&w, o->has_state ? o->state.cause : 0);
    wire_put_u8(&w, o->has_state ? o->state.quality : 0);
    wire_put_u16(&w, o->has_state ? o->state.ca : 0);
    wire_put_u32(&w, o->has_state ? o->state.ioa : 0);
    put_double(&w, o->has_state ? o->state.value : 0);
    assert(!w.bad && w.len == OPERATION_WIRE_SIZE);
}

/* Types and causes are a table's, so that the words of the line are. */
static bool is_sound(const struct operation *o, unsigned int has_value,
                     unsigned int has_state)
{
    return has_value <= 1 && has_state <= 1 && type_info(o->point.type) &&
           o->state.cause <= COT_MAX &&
           (has_state ? type_info(o->state.type) != NULL : o->state.type == 0);
}

bool operation_decode(const uint8_t *p, size_t n, struct operation *o)
{
    struct wire_reader r;
    unsigned int has_value;
    unsigned int has_state;

    memset(o, 0, sizeof *o);
    wire_reader_init(&r, p, n);
    o->point.type = wire_get_u8(&r);
    o->point.ca = wire_get_u16(&r);
    o->point.ioa = wire_get_u32(&r);
    for (size_t i = 0; i < OPERATION_STEPS; i++)
        o->answer_ms[i] = wire_get_u32(&r);
    o->termination_ms = wire_get_u32(&r);
    o->state_ms = wire_get_u32(&r);
    has_value = wire_get_u8(&r);
    o->value = get_double(&r);
    has_state = wire_get_u8(&r);
    o->state.type = wire_get_u8(&r);
    o->state.cause = wire_get_u8(&r);
    o->state.quality = wire_get_u8(&r);
    o->state.ca = wire_get_u16(&r);
    o->state.ioa = wire_get_u32(&r);
    o->state.value = get_double(&r);
    o->has_value = has_value == 1;
    o->has_state = has_state == 1;
    return wire_end(&r) && is_sound(o, has_value, has_state);
}
