#include "proxy/audit_operation.h"

#include "policy/types.h"
#include "proxy/audit_apdu.h"
#include "proxy/audit_hash.h"
#include "proxy/operation_wire.h"

#include <stdio.h>

static bool set(json_t *line, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(line, key, value) == 0;
}

static bool set_number(json_t *line, const char *key, uint32_t v)
{
    return set(line, key, json_integer((json_int_t)v));
}

static bool set_ms(json_t *line, const char *key, uint32_t ms)
{
    return ms == OPERATION_NO_TIME || set_number(line, key, ms);
}

/* 101 7.2.6.1 to 7.2.6.3: what is set of these, or nothing. */
static bool set_quality(json_t *line, uint8_t quality)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {{0x01, "overflow"},
                 {0x10, "blocked"},
                 {0x20, "substituted"},
                 {0x40, "not-topical"},
                 {0x80, "invalid"}};
    char text[64] = "";
    size_t used = 0;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((quality & words[i].bit) != 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     used > 0 ? " " : "", words[i].word);
    }
    return used == 0 || set(line, "state_quality", json_string(text));
}

static bool put_state(json_t *line, const struct operation *o)
{
    const struct type_info *type = type_info(o->state.type);

    if (!o->has_state)
        return true;
    return audit_apdu_value(line, "state", (enum type_value)type->value,
                            o->state.value) &&
           set(line, "state_type", json_string(type->name)) &&
           set(line, "state_cot", json_string(cot_name(o->state.cause))) &&
           set_number(line, "state_ioa", o->state.ioa) &&
           set_quality(line, o->state.quality);
}

static bool put_times(json_t *line, const struct operation *o)
{
    return set_ms(line, "select_confirm_ms", o->answer_ms[OPERATION_SELECT]) &&
           set_ms(line, "confirm_ms", o->answer_ms[OPERATION_EXECUTE]) &&
           set_ms(line, "deselect_confirm_ms", o->answer_ms[OPERATION_CANCEL]) &&
           set_ms(line, "termination_ms", o->termination_ms) &&
           set_ms(line, "state_ms", o->state_ms);
}

bool audit_operation_put(json_t *line, const struct point_names *names, const uint8_t *p,
                         size_t n)
{
    char hex[2 * 255 + 1];
    struct operation o;
    const struct type_info *type;

    /* The names are those of an APDU's fields: no record has both, unless it lies. */
    if (json_object_get(line, "apdu") || !operation_decode(p, n, &o)) {
        if (n > 255)
            n = 255;
        audit_hex(p, n, hex);
        return set(line, "operation", json_string(hex));
    }
    type = type_info(o.point.type);
    return set(line, "type", json_string(type->name)) &&
           set_number(line, "type_id", o.point.type) &&
           set_number(line, "ca", o.point.ca) && set_number(line, "ioa", o.point.ioa) &&
           audit_apdu_point(line, names, o.point.ca, o.point.ioa, o.point.type) &&
           (!o.has_value ||
            audit_apdu_value(line, "value", (enum type_value)type->value, o.value)) &&
           put_times(line, &o) && put_state(line, &o);
}
