#include "proxy/cli/decode.h"

#include <jansson.h>
#include <math.h>

/* Every setter says whether it could: an object that lacks a field would be a lie. */
static bool set(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(o, key, value) == 0;
}

static bool set_number(json_t *o, const char *key, uint64_t v)
{
    return set(o, key, json_integer((json_int_t)v));
}

static bool set_text(json_t *o, const char *key, const char *text)
{
    return set(o, key, json_string(text));
}

static json_t *hex(const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * APDU_SIZE_MAX];

    for (size_t i = 0; i < n; i++) { /* n <= APDU_SIZE_MAX */
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 0x0F];
    }
    return json_stringn(text, 2 * n);
}

/* ---- elements ---------------------------------------------------------------------- */

static bool set_real(json_t *o, const struct decode_field *f)
{
    if (isfinite(f->real))
        return set(o, f->name, json_real(f->real));
    if (isnan(f->real))
        return set_text(o, f->name, "nan");
    return set_text(o, f->name, f->real > 0 ? "inf" : "-inf");
}

static bool set_field(json_t *o, const struct decode_field *f)
{
    char key[32];

    switch (f->kind) {
    case DECODE_FLAG: return set(o, f->name, json_boolean(f->number != 0));
    case DECODE_TIME: return set_text(o, f->name, f->text);
    case DECODE_REAL: return set_real(o, f);
    case DECODE_HEX:
    case DECODE_NUMBER: break;
    }
    if (!set(o, f->name, json_integer((json_int_t)f->number)))
        return false;
    if (!f->text[0])
        return true;
    (void)snprintf(key, sizeof key, "%s_text", f->name);
    return set_text(o, key, f->text);
}

static json_t *element_object(enum element element, const uint8_t *p, size_t offset)
{
    struct decode_field fields[DECODE_FIELDS_MAX];
    const size_t n = decode_element(element, p, fields);
    json_t *o = json_object();
    bool good = set_text(o, "element", decode_element_name(element)) &&
                set_number(o, "offset", offset) &&
                set(o, "hex", hex(p, element_size(element)));

    for (size_t i = 0; good && i < n; i++)
        good = set_field(o, &fields[i]);
    if (good)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *elements_of(const struct decode_object *o)
{
    json_t *list = json_array();
    size_t at = 0;

    for (size_t k = 0; k < ELEMENT_LIST_MAX; k++) {
        const enum element element = (enum element)o->type->elements[k];
        if (element == ELEMENT_NONE)
            break;
        if (json_array_append_new(
                list, element_object(element, o->elements + at, o->offset + at)) != 0) {
            json_decref(list);
            return NULL;
        }
        at += element_size(element);
    }
    return list;
}

static json_t *object_of(const struct decode_apdu *a, const struct decode_object *o)
{
    json_t *j = json_object();
    const char *name = point_names_find(a->rules->names, a->asdu.ca, o->ioa, o->type->id);
    bool good = set_number(j, "ioa", o->ioa) && set(j, "elements", elements_of(o));

    if (good && name)
        good = set_text(j, "point", name);
    if (good && o->segment > 0)
        good = set(j, "segment", hex(o->elements + o->type->size, o->segment));
    if (good)
        return j;
    json_decref(j);
    return NULL;
}

static json_t *objects_of(const struct decode_apdu *a)
{
    json_t *list = json_array();
    struct decode_object o;

    for (unsigned int i = 0; decode_object(a, i, &o); i++) { /* 127 at most */
        if (json_array_append_new(list, object_of(a, &o)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* ---- the rest ---------------------------------------------------------------------- */

static bool set_asdu(json_t *o, const struct decode_apdu *a)
{
    const struct asdu *d = &a->asdu;
    bool good = set_number(o, "type_id", d->type_id);

    if (d->type)
        good = good && set_text(o, "type", d->type->name) &&
               set_text(o, "type_text", decode_type_text(d->type_id));
    if ((d->has & ASDU_HAS_VSQ) != 0)
        good =
            good && set(o, "sq", json_boolean(d->sq)) && set_number(o, "count", d->count);
    if ((d->has & ASDU_HAS_CAUSE) != 0)
        good = good && set_number(o, "cot_id", d->cause) &&
               set_text(o, "cot", cot_name(d->cause)) &&
               set(o, "pn", json_boolean(d->negative)) &&
               set(o, "test", json_boolean(d->test));
    if ((d->has & ASDU_HAS_OA) != 0)
        good = good && set_number(o, "oa", d->oa);
    if ((d->has & ASDU_HAS_CA) != 0)
        good = good && set_number(o, "ca", d->ca);
    if (d->inner)
        good = good && set(o, "inner", hex(d->inner, d->inner_size));
    return good && set(o, "objects", objects_of(a));
}

static bool set_apci(json_t *o, const struct decode_apdu *a)
{
    static const char *const FRAMES[] = {[APCI_I] = "I", [APCI_S] = "S", [APCI_U] = "U"};
    const struct apci *c = &a->apci;
    bool good = set_text(o, "frame", FRAMES[c->format]);

    if (c->format == APCI_U)
        return good && set_text(o, "function", apci_function_name(c->function));
    if (c->format == APCI_I)
        good = good && set_number(o, "ns", c->ns);
    return good && set_number(o, "nr", c->nr);
}

static bool set_flow(json_t *o, const struct decode_flow *flow)
{
    char text[CAPTURE_ENDPOINT_TEXT], when[32];
    bool good = set_number(o, "packet", flow->number) &&
                (!flow->whole || set_number(o, "interface", flow->interface));

    decode_time_text(flow->time_us, when);
    good = good && set_text(o, "time", when);
    capture_endpoint_text(&flow->source, text);
    good = good && set_text(o, "source", text);
    capture_endpoint_text(&flow->destination, text);
    return good && set_text(o, "destination", text);
}

/* The quirks without which it would not be accepted. */
static json_t *tolerated(uint32_t quirks)
{
    json_t *list = json_array();

    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        if ((quirks & QUIRK_BIT(q)) != 0 &&
            json_array_append_new(list, json_string(quirk_name(q))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool set_verdict(json_t *o, const struct decode_apdu *a)
{
    const struct reason_info *why = reason_info((unsigned int)a->verdict.reason);
    const bool good = set_text(o, "verdict", decode_outcome_name(a->outcome));

    if (good && a->asdu.tolerated != 0 &&
        !set(o, "tolerated", tolerated(a->asdu.tolerated)))
        return false;
    if (a->verdict.reason == REASON_OK || !why)
        return good;
    if (a->verdict.quirk != QUIRK_NONE &&
        !set_text(o, "quirk", quirk_name(a->verdict.quirk)))
        return false;
    return good && set_text(o, "reason", why->name) &&
           set_text(o, "class", reason_class_name(why->class)) &&
           set_number(o, "reason_offset", a->verdict.offset) &&
           set_text(o, "reason_text", why->text) && set_text(o, "clause", why->clause);
}

/* A rule's place counts from 1, through those of monitor direction first. */
static bool set_decision(json_t *o, const struct policy_decision *d)
{
    return set_text(o, "action", policy_action_name(d->action)) &&
           set(o, "rule", d->rule < 0 ? json_null() : json_integer(d->rule + 1)) &&
           set_text(o, "rule_name", d->name) && set_number(o, "object", d->object + 1);
}

static bool describe(json_t *o, const struct decode_apdu *a, uint64_t offset,
                     const struct decode_flow *flow)
{
    bool good = !flow || set_flow(o, flow);

    good = good && set_number(o, "offset", offset) && set_number(o, "size", a->n) &&
           set(o, "hex", hex(a->octets, a->n));
    if (good && !a->either)
        good = set_text(o, "direction", direction_name(a->dir));
    if (good && a->has_apci)
        good = set_apci(o, a);
    if (good && a->has_asdu)
        good = set_asdu(o, a);
    good = good && set_verdict(o, a);
    return good && (!a->has_policy || set_decision(o, &a->decision));
}

bool decode_print_json(struct decode_run *run, const struct decode_apdu *a,
                       uint64_t offset, const struct decode_flow *flow)
{
    json_t *o = json_object();
    bool good = o && describe(o, a, offset, flow);

    good = good && json_dumpf(o, run->out, JSON_COMPACT) == 0 &&
           fputc('\n', run->out) != EOF;
    json_decref(o);
    return good;
}
