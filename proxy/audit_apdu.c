#include "proxy/audit_apdu.h"

#include "policy/asdu.h"
#include "proxy/audit_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of a name in a list of points. */
#define POINT_TEXT 63u

static bool set(json_t *line, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(line, key, value) == 0;
}

static bool set_number(json_t *line, const char *key, unsigned int v)
{
    return set(line, key, json_integer((json_int_t)v));
}

/* The fewest digits that give the same single back: 1.1 and not 1.10000002. */
static double shortest(double v)
{
    char text[32];

    for (int digits = 1; digits < 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if ((double)strtof(text, NULL) == v)
            return strtod(text, NULL);
    }
    return v;
}

bool audit_apdu_value(json_t *line, const char *key, enum type_value kind, double v)
{
    const bool whole = kind != VALUE_NVA && kind != VALUE_R32 && fabs(v) < 4294967296.0;

    if (isnan(v))
        return set(line, key, json_string("nan"));
    if (isinf(v))
        return set(line, key, json_string(v > 0 ? "inf" : "-inf"));
    if (whole)
        return set(line, key, json_integer((json_int_t)v));
    return set(line, key, json_real(shortest(v)));
}

static bool set_cause(json_t *line, const struct asdu *a)
{
    const char *name = cot_name(a->cause);

    if (strcmp(name, "reserved") == 0 || strcmp(name, "private") == 0)
        return set_number(line, "cot", a->cause);
    return set(line, "cot", json_string(name));
}

/* 101 clause 7.2: as much as the header has octets. */
static bool set_header(json_t *line, const struct asdu *a)
{
    bool good = true;

    if ((a->has & ASDU_HAS_TYPE) != 0) {
        if (a->type)
            good = set(line, "type", json_string(a->type->name));
        good = good && set_number(line, "type_id", a->type_id);
    }
    if ((a->has & ASDU_HAS_VSQ) != 0 && (a->sq || a->count != 1))
        good = good && set(line, "sq", json_boolean(a->sq)) &&
               set_number(line, "objects", a->count);
    if ((a->has & ASDU_HAS_CAUSE) != 0)
        good = good && set_cause(line, a) && set(line, "pn", json_boolean(a->negative)) &&
               set(line, "test", json_boolean(a->test));
    if ((a->has & ASDU_HAS_OA) != 0)
        good = good && set_number(line, "oa", a->oa);
    if ((a->has & ASDU_HAS_CA) != 0)
        good = good && set_number(line, "ca", a->ca);
    if ((a->has & ASDU_HAS_IOA) != 0)
        good = good && set_number(line, "ioa", a->ioa);
    return good;
}

bool audit_apdu_point(json_t *line, const struct point_names *names, uint16_t ca,
                      uint32_t ioa, uint8_t type)
{
    const char *name = point_names_find(names, ca, ioa, type);
    char text[5 * POINT_TEXT + 1]; /* an octet takes five at most in the line */

    if (!name)
        return true;
    (void)audit_text_escape((const uint8_t *)name, strlen(name), text, sizeof text - 1);
    return set(line, "point", json_string_nocheck(text));
}

static bool describe(json_t *line, const struct asdu *a,
                     const struct audit_apdu_context *c)
{
    const uint8_t addressed = ASDU_HAS_TYPE | ASDU_HAS_CA | ASDU_HAS_IOA;

    if (!set_header(line, a))
        return false;
    if ((a->has & addressed) == addressed &&
        !audit_apdu_point(line, c->names, a->ca, a->ioa, a->type_id))
        return false;
    if (!a->type || !a->objects)
        return true;
    if (a->has_value &&
        !audit_apdu_value(line, "value", (enum type_value)a->type->value, a->value))
        return false;
    return !a->has_select || set(line, "select", json_boolean(a->select));
}

/* 60870-5-7: what an aggressive mode request protects. */
static bool describe_inner(json_t *line, const struct asdu *outer,
                           const struct audit_apdu_context *c)
{
    json_t *inner = json_object();
    struct asdu a;

    if (!inner)
        return false;
    (void)asdu_parse(outer->inner, outer->inner_size, c->dir, c->profile, &a);
    if (describe(inner, &a, c))
        return set(line, "inner", inner);
    json_decref(inner);
    return false;
}

static bool describe_asdu(json_t *line, const struct apci *apci,
                          const struct audit_apdu_context *c)
{
    struct asdu a;

    (void)asdu_parse(apci->asdu, apci->asdu_size, c->dir, c->profile, &a);
    return set(line, "frame", json_string("I")) && describe(line, &a, c) &&
           (!a.inner || describe_inner(line, &a, c));
}

bool audit_apdu_describe(json_t *line, const uint8_t *apdu, size_t n,
                         const struct audit_apdu_context *c)
{
    struct apci apci;

    if (apci_parse(apdu, n, &apci).reason != REASON_OK)
        return true;
    switch (apci.format) {
    case APCI_I: return describe_asdu(line, &apci, c);
    case APCI_S: return set(line, "frame", json_string("S"));
    case APCI_U:
        return set(line, "frame", json_string("U")) &&
               set(line, "function", json_string(apci_function_name(apci.function)));
    }
    return true;
}
