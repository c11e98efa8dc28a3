/* Rules as a configuration would write them, in any number and overlap: what the builder
 * takes, the loader takes too, and the policy decides as the rules read.
 *
 * Target functions: policy_builder_add policy_builder_default policy_builder_blob
 *   policy_load policy_decide_for policy_role_bit policy_types_set policy_action_name
 *   policy_action_by_name
 * Options: -max_len=600
 *
 * Input: a script of rules, see make_rule. */
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_probe.h"

#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#define RANGES    4u
#define AREAS     4u
#define RULES_MAX 24u

struct made {
    struct policy_rule rule;
    struct policy_range ca[RANGES], ioa[RANGES * AREAS];
    struct policy_area area[AREAS];
    char name[POLICY_NAME_MAX + 2];
};

/* Mostly small numbers near each other, so that ranges meet. */
static uint32_t make_number(struct fuzz_input *in, uint32_t max)
{
    const uint8_t first = fuzz_u8(in);

    if (first < 200)
        return first;
    return first < 220 ? max - (first - 200u) : fuzz_u32(in) % (max + 16);
}

static size_t make_ranges(struct fuzz_input *in, struct policy_range *r, uint32_t max)
{
    const uint8_t what = fuzz_u8(in);
    const size_t n = what % (RANGES + 1);

    for (size_t i = 0; i < n; i++) {
        r[i].first = make_number(in, max);
        r[i].last = what < 128 ? r[i].first + fuzz_u8(in) % 16 : make_number(in, max);
    }
    return n;
}

static double make_value(struct fuzz_input *in)
{
    const uint8_t what = fuzz_u8(in);
    double v;

    if (what < 240)
        return what < 120 ? what - 60 : (what - 180) / 64.0;
    const uint64_t bits = fuzz_u32(in) | (uint64_t)fuzz_u32(in) << 32;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Few, so that the same ones meet. */
static void make_roles(struct fuzz_input *in, struct policy_rule *rule)
{
    const uint8_t n = fuzz_u8(in);

    if (n % 3 != 0)
        return;
    rule->role_count = n / 3 % (POLICY_RULE_ROLES_MAX + 1);
    for (size_t i = 0; i < rule->role_count; i++)
        rule->role[i] = (int16_t)(fuzz_u8(in) % 5 - 2);
}

/* Mostly nothing, else mostly what the probes have. */
static void make_when(struct fuzz_input *in, struct policy_when *w)
{
    const uint8_t what = fuzz_u8(in);

    if (what % 4 != 1)
        return;
    if (what & 8)
        w->causes = COT_BIT(fuzz_u8(in) % 64) | COT_BIT(COT_ACTIVATION);
    if (what & 16)
        w->phases = fuzz_u8(in) % 5;
    if (what & 32)
        policy_octet_add(w->qualifiers, fuzz_u8(in) % 32);
    if (what & 64)
        policy_octet_add(w->originators, fuzz_u8(in) % 3);
    if (what & 128) {
        w->bits = fuzz_u8(in) % 17;
        w->value_count = fuzz_u8(in) % 4;
    }
    for (size_t i = 0; i < w->value_count; i++)
        w->value[i] = make_value(in);
}

static void make_limits(struct fuzz_input *in, struct policy_limits *l)
{
    const uint8_t what = fuzz_u8(in);

    if (what % 4 != 2)
        return;
    l->select = what / 4 % 4;
    l->per = what / 16 % 5;
    l->rate_count = what & 128 ? fuzz_u32(in) % (POLICY_RATE_COUNT_MAX + 2) : 0;
    l->rate_seconds = what & 128 ? fuzz_u32(in) % (POLICY_RATE_SECONDS_MAX + 2) : 0;
    l->step_first = what / 64 % 3;
    l->step = what & 16 ? make_value(in) : 0;
    l->age_ms = what & 32 ? fuzz_u32(in) % (POLICY_AGE_MS_MAX + 2) : 0;
}

/* Few bits, so that probes have some of them. */
static void make_asker(struct fuzz_input *in, struct policy_rule *rule)
{
    const uint8_t what = fuzz_u8(in);

    if (what % 4 != 3)
        return;
    rule->peers = what & 8 ? fuzz_u8(in) % 8 : 0;
    rule->sources = what & 16 ? UINT64_C(1) << fuzz_u8(in) % 64 : 0;
    rule->times = what & 32 ? UINT64_C(1) << fuzz_u8(in) % 64 : 0;
}

/* Points instead of addresses, one area with the other's ranges behind it. */
static void make_areas(struct fuzz_input *in, struct made *m)
{
    const uint8_t what = fuzz_u8(in);
    const size_t n = what % 4 == 3 ? 1 + what / 4 % AREAS : 0;

    if (n == 0)
        return;
    m->rule.ca_count = 0;
    m->rule.ioa_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct policy_area *a = &m->area[i];
        a->type = what & 128 ? fuzz_u8(in) : (uint8_t)(45 + i);
        a->ca = (uint16_t)make_number(in, 65535);
        a->first = (uint32_t)m->rule.ioa_count;
        a->count = (uint32_t)make_ranges(in, m->ioa + a->first, 0xFFFFFF);
        m->rule.ioa_count += a->count;
        policy_types_set(m->rule.types, a->type);
    }
    m->rule.area = m->area;
    m->rule.area_count = n;
}

static void make_rule(struct fuzz_input *in, struct made *m)
{
    const uint8_t head = fuzz_u8(in);
    const size_t types = fuzz_u8(in) % 4u;
    size_t name = head / 32u;

    memset(m, 0, sizeof *m);
    m->rule.direction = head % 2 == 0 ? DIR_CONTROL : DIR_MONITOR;
    m->rule.action = (enum policy_action)(head / 2 % POLICY_ACTIONS);
    for (size_t i = 0; i < types; i++)
        policy_types_set(m->rule.types, type_at(fuzz_u8(in) % TYPE_COUNT)->id);
    if (types == 3)
        policy_types_all(m->rule.types, m->rule.direction);
    m->rule.ca = m->ca;
    m->rule.ca_count = make_ranges(in, m->ca, 65535);
    m->rule.ioa = m->ioa;
    m->rule.ioa_count = make_ranges(in, m->ioa, 0xFFFFFF);
    m->rule.has_value = head / 16 % 2 == 1;
    if (m->rule.has_value) {
        m->rule.value_min = make_value(in);
        m->rule.value_max = make_value(in);
    }
    if (name == 7)
        name = POLICY_NAME_MAX + fuzz_u8(in) % 2u;
    const uint8_t *letters = fuzz_take(in, &name);
    memcpy(m->name, letters, name);
    m->rule.name = m->name;
    make_roles(in, &m->rule);
    make_when(in, &m->rule.when);
    make_limits(in, &m->rule.limits);
    make_asker(in, &m->rule);
    make_areas(in, m);
}

static void check_actions(enum policy_action action)
{
    enum policy_action again;

    FUZZ_CHECK(policy_action_by_name(policy_action_name(action), &again));
    FUZZ_CHECK(again == action);
}

static void build(struct fuzz_input *in, struct policy_builder *b)
{
    char err[200] = "";
    struct made m;

    for (int d = DIR_CONTROL; d <= DIR_MONITOR; d++) {
        const enum policy_action action =
            (enum policy_action)(fuzz_u8(in) % POLICY_ACTIONS);
        check_actions(action);
        policy_builder_default(b, (enum direction)d, action);
    }
    for (size_t i = 0; i < RULES_MAX && in->left > 0; i++) {
        make_rule(in, &m);
        err[0] = '\0';
        if (!policy_builder_add(b, &m.rule, err, sizeof err))
            FUZZ_CHECK(err[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct policy_builder *b = policy_builder_new();
    struct policy *p;
    char err[200];
    size_t n;

    FUZZ_CHECK(b != NULL);
    build(&in, b);
    const uint8_t *blob = policy_builder_blob(b, &n);
    FUZZ_CHECK(blob != NULL);
    /* Too few rules to use up the loader's budget. */
    FUZZ_CHECK(policy_load(blob, n, &p, err, sizeof err));
    policy_probe(blob, n, p);
    policy_free(p);
    policy_builder_free(b);
    return 0;
}
