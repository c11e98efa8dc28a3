#include "fuzz/lib/policy_naive.h"

#include "fuzz/lib/fuzz.h"

#include <string.h>

struct naive_object {
    enum direction direction;
    uint8_t type;
    uint32_t ca, ioa;
    bool ioa_matters, has_value;
    double value;
    const int16_t *roles; /* the master's */
    size_t role_count;
    uint64_t asker[3]; /* peers, sources, times */
    const struct asdu *asdu;
    const uint8_t *element;
};

size_t naive_count(const uint8_t *blob)
{
    return fuzz_get32(blob + 8);
}

struct naive_rule naive_read(const uint8_t *blob, size_t *at)
{
    const uint8_t *p = blob + *at;
    struct naive_rule r = {.direction = p[0], .action = p[1], .name_size = p[3]};
    const bool has_value = (p[2] & 1) != 0;

    r.name = p + 4;
    r.types = r.name + r.name_size;
    r.ca_count = fuzz_get16(r.types + 32);
    r.ioa_count = fuzz_get16(r.types + 34);
    r.ca = r.types + 36;
    r.ioa = r.ca + 4 * r.ca_count;
    const uint8_t *end = r.ioa + 8 * r.ioa_count;
    if (has_value) {
        r.value = end;
        end += 16;
    }
    if (p[2] & 2) {
        r.roles = end + 1;
        r.role_count = end[0];
        end += 1 + 2 * r.role_count;
    }
    if (p[2] & 4) {
        r.when = end;
        end += 74;
        end += 1 + 8 * end[0];
    }
    if (p[2] & 8)
        end += 10;
    if (p[2] & 16) {
        r.asker = end;
        end += 24;
    }
    if (p[2] & 32)
        end += 13;
    if (p[2] & 128) {
        r.area_count = fuzz_get32(end);
        r.areas = end + 4;
        end = r.areas + 7 * r.area_count;
        for (size_t i = 0; i < r.area_count; i++)
            end += 8 * (size_t)fuzz_get32(r.areas + 7 * i + 3);
    }
    *at = (size_t)(end - blob);
    return r;
}

static double read_double(const uint8_t *p)
{
    const uint64_t bits = fuzz_get32(p) | (uint64_t)fuzz_get32(p + 4) << 32;
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* 65535 is its own permission. */
static bool ca_matches(const struct naive_rule *r, uint32_t ca)
{
    if (r->ca_count == 0)
        return ca >= 1 && ca <= 65534;
    for (size_t i = 0; i < r->ca_count; i++) {
        const unsigned int first = fuzz_get16(r->ca + 4 * i);
        const unsigned int last = fuzz_get16(r->ca + 4 * i + 2);
        if (ca >= first && ca <= last && (ca != 65535 || first == 65535))
            return true;
    }
    return false;
}

static bool ioa_matches(const struct naive_rule *r, const struct naive_object *o)
{
    if (r->ioa_count == 0 || !o->ioa_matters)
        return true;
    for (size_t i = 0; i < r->ioa_count; i++)
        if (o->ioa >= fuzz_get32(r->ioa + 8 * i) &&
            o->ioa <= fuzz_get32(r->ioa + 8 * i + 4))
            return true;
    return false;
}

static bool is_in_area(const struct naive_rule *r, const struct naive_object *o)
{
    const uint8_t *ranges = r->areas + 7 * r->area_count;

    for (size_t i = 0; i < r->area_count; i++) {
        const uint8_t *a = r->areas + 7 * i;
        const bool here = a[0] == o->type && fuzz_get16(a + 1) == o->ca;
        const size_t n = fuzz_get32(a + 3);
        for (size_t k = 0; k < n; k++, ranges += 8)
            if (here && o->ioa >= fuzz_get32(ranges) && o->ioa <= fuzz_get32(ranges + 4))
                return true;
    }
    return false;
}

static bool place_matches(const struct naive_rule *r, const struct naive_object *o)
{
    if (r->areas != NULL)
        return is_in_area(r, o);
    return ca_matches(r, o->ca) && ioa_matches(r, o);
}

static bool role_matches(const struct naive_rule *r, const struct naive_object *o)
{
    for (size_t i = 0; i < r->role_count; i++)
        for (size_t k = 0; k < o->role_count; k++)
            if ((int16_t)fuzz_get16(r->roles + 2 * i) == o->roles[k])
                return true;
    return r->role_count == 0;
}

static uint64_t read_u64(const uint8_t *p)
{
    return fuzz_get32(p) | (uint64_t)fuzz_get32(p + 4) << 32;
}

/* The third set is of times; its last bit says that nobody knows the time, and then all
 * rules with times match that let nothing pass (actions from 3 on). */
static bool asker_matches(const struct naive_rule *r, const struct naive_object *o)
{
    for (size_t i = 0; r->asker != NULL && i < 3; i++) {
        const uint64_t asked = read_u64(r->asker + 8 * i);
        const bool unknown = i == 2 && o->asker[2] >> 63 != 0;

        if (asked != 0 && (asked & o->asker[i]) == 0 && !(unknown && r->action >= 3))
            return false;
    }
    return true;
}

static bool any_octet(const uint8_t *set)
{
    for (size_t i = 0; i < 32; i++)
        if (set[i] != 0)
            return true;
    return false;
}

static bool in_octets(const uint8_t *set, unsigned int n)
{
    return (set[n / 8] >> n % 8 & 1) != 0;
}

/* The qualifier, or -1; `at` is the octet in the object, counted by hand. */
static int qualifier_of(uint8_t type, const uint8_t *e)
{
    static const struct {
        uint8_t first, last, at, shift, mask;
    } rows[] = {
        {45, 47, 0, 2, 31},    {58, 60, 0, 2, 31},    {48, 49, 2, 0, 127},
        {61, 62, 2, 0, 127},   {50, 50, 4, 0, 127},   {63, 63, 4, 0, 127},
        {70, 70, 0, 0, 255},   {100, 101, 0, 0, 255}, {105, 105, 0, 0, 255},
        {110, 111, 2, 0, 255}, {112, 112, 4, 0, 255}, {113, 113, 0, 0, 255},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (type >= rows[i].first && type <= rows[i].last)
            return e[rows[i].at] >> rows[i].shift & rows[i].mask;
    return -1;
}

/* As near as the type can tell numbers apart. */
static bool value_is_listed(const uint8_t *w, const struct naive_object *o)
{
    for (size_t i = 0; o->has_value && i < w[74]; i++) {
        const double listed = read_double(w + 75 + 8 * i);
        const bool nva = o->asdu->type->value == VALUE_NVA;

        if (nva ? listed - o->value <= 1.0 / 65536 && o->value - listed <= 1.0 / 65536
                : (float)listed == (float)o->value)
            return true;
    }
    return false;
}

static bool when_matches(const struct naive_rule *r, const struct naive_object *o)
{
    const uint8_t *w = r->when;
    const struct type_info *type = o->asdu->type;

    if (w == NULL)
        return true;
    if ((fuzz_get32(w) | fuzz_get32(w + 4)) != 0 &&
        (w[o->asdu->cause / 8] >> o->asdu->cause % 8 & 1) == 0)
        return false;
    if (w[8] != 0 && !type->has_select)
        return false;
    if (w[8] == 1 && o->element[type->select_offset] >= 128)
        return false;
    if (w[8] == 2 && o->element[type->select_offset] < 128)
        return false;
    if (any_octet(w + 41) && !in_octets(w + 41, o->asdu->oa))
        return false;
    if ((w[73] & 3) != 0 && (w[73] & (o->asdu->negative ? 2 : 1)) == 0)
        return false;
    if ((w[73] & 12) != 0 && (w[73] & (o->asdu->test ? 8 : 4)) == 0)
        return false;
    if (w[74] != 0 && !value_is_listed(w, o))
        return false;
    const int q = qualifier_of(o->type, o->element);
    return !any_octet(w + 9) || (q >= 0 && in_octets(w + 9, (unsigned int)q));
}

static bool rule_matches(const struct naive_rule *r, const struct naive_object *o)
{
    if (r->direction != o->direction || (r->types[o->type / 8] >> o->type % 8 & 1) == 0)
        return false;
    if (!place_matches(r, o) || !role_matches(r, o) || !when_matches(r, o) ||
        !asker_matches(r, o))
        return false;
    if (r->value == NULL)
        return true;
    return o->has_value && o->value >= read_double(r->value) &&
           o->value <= read_double(r->value + 8);
}

/* The place of the first rule that matches, or -1; its action, or the default. */
static long decide(const uint8_t *blob, const struct naive_object *o, uint8_t *action)
{
    size_t at = NAIVE_FIRST;

    for (size_t i = 0; i < naive_count(blob); i++) {
        const struct naive_rule r = naive_read(blob, &at);
        if (!rule_matches(&r, o))
            continue;
        *action = r.action;
        return (long)i;
    }
    *action = blob[12 + o->direction];
    return -1;
}

/* Compares what is decided for a master with these roles. */
static void compare_for(const uint8_t *blob, const struct policy *p,
                        enum direction direction, const struct asdu *a,
                        const int16_t *roles, size_t role_count, uint64_t others)
{
    struct naive_object o = {.direction = direction,
                             .type = a->type_id,
                             .ca = a->ca,
                             .roles = roles,
                             .role_count = role_count,
                             .asker = {others, ~others, others},
                             .asdu = a};
    struct policy_asker who = {.peers = others, .sources = ~others, .times = others};
    struct policy_decision d;
    uint8_t strictest = 0;
    const uint8_t *element;
    unsigned int which = 0;
    long rule = -1;

    /* The validator stops such an ASDU (REASON_BAD_IOA), nobody asks the policy. */
    if (a->sq && a->ioa + (a->count - 1u) > ASDU_IOA_MAX)
        return;
    o.ioa_matters = a->type->ioa != TYPE_IOA_ZERO;
    for (unsigned int i = 0; i < a->count; i++) {
        uint8_t action;
        FUZZ_CHECK(asdu_object(a, i, &o.ioa, &element));
        o.element = element;
        o.has_value = asdu_value(a->type, element, &o.value);
        const long found = decide(blob, &o, &action);
        if (i > 0 && action <= strictest)
            continue;
        strictest = action;
        which = i;
        rule = found;
    }
    for (size_t i = 0; i < role_count; i++)
        who.roles |= policy_role_bit(p, roles[i]);
    policy_decide_for(p, &who, direction, a, &d);
    FUZZ_CHECK((uint8_t)d.action == strictest);
    FUZZ_CHECK(d.rule == rule);
    FUZZ_CHECK(d.object == which);
    FUZZ_CHECK(strcmp(d.name, policy_rule_name(p, d.rule)) == 0);
}

void naive_compare(const uint8_t *blob, const struct policy *p, enum direction direction,
                   const struct asdu *a)
{
    static const int16_t roles[] = {1, 0, -1};
    static const uint64_t others[] = {0, 5, UINT64_MAX, UINT64_C(1) << 63};

    for (size_t n = 0; n <= sizeof roles / sizeof roles[0]; n++)
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            compare_for(blob, p, direction, a, roles, n, others[i]);
}
