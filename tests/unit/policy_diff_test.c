/* Two random policies: what is told of each address against what both decide there, asked
 * with every value, phase, cause and role. */
#include "policy/policy_diff.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 6u
#define CAS   6u
#define IOAS  8u
#define NONE  (-1)

static uint32_t seed = 11;
static char err[200];

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static const uint8_t TYPES[] = {45, 49, 100, 103};
#define TYPES_ASKED 4u
static const int16_t ROLES[] = {1, -3};

struct small {
    struct policy_rule rule;
    struct policy_range ca[2], ioa[2];
};

struct lot {
    struct small s[RULES];
    size_t n;
    enum policy_action fallback[DIRECTIONS];
    uint16_t timeout;
};

/* ---- random policies --------------------------------------------------------------- */

static void make_conditions(struct small *r)
{
    if (draw(5) == 0)
        r->rule.when.phases = draw(2) ? POLICY_PHASE_EXECUTE : POLICY_PHASE_SELECT;
    if (draw(5) == 0)
        r->rule.when.causes = draw(2) ? COT_BIT(6) : COT_BIT(8);
    if (draw(6) == 0) {
        r->rule.role_count = 1;
        r->rule.role[0] = ROLES[draw(2)];
    }
    if (draw(6) == 0)
        r->rule.peers = 1 + draw(3);
    if (draw(6) == 0)
        r->rule.times = 1;
    if (draw(5) == 0) {
        r->rule.has_value = true;
        r->rule.value_min = draw(2);
        r->rule.value_max = r->rule.value_min + draw(2);
    }
    if (r->rule.direction == DIR_MONITOR || !policy_action_passes(r->rule.action))
        return;
    if (draw(5) == 0)
        r->rule.limits.select = POLICY_SELECT_FORBIDDEN;
    if (draw(5) == 0) {
        r->rule.limits.rate_count = 1 + draw(2);
        r->rule.limits.rate_seconds = 60;
    }
}

static void make_rule(struct small *r, bool plain)
{
    static const enum policy_action actions[8] = {
        POLICY_PASS, POLICY_PASS,   POLICY_LOG,   POLICY_ALARM,
        POLICY_MUTE, POLICY_REFUSE, POLICY_CLOSE, POLICY_DROP};

    memset(r, 0, sizeof *r);
    r->rule.name = "";
    r->rule.direction = draw(5) == 0 ? DIR_MONITOR : DIR_CONTROL;
    r->rule.action = actions[draw(8)];
    if (r->rule.direction == DIR_MONITOR &&
        (r->rule.action == POLICY_REFUSE || r->rule.action == POLICY_MUTE))
        r->rule.action = POLICY_DROP;
    policy_types_set(r->rule.types, TYPES[draw(TYPES_ASKED)]);
    policy_types_set(r->rule.types, TYPES[draw(TYPES_ASKED)]);
    r->rule.ca_count = draw(3);
    r->rule.ioa_count = draw(3);
    for (size_t i = 0; i < 2; i++) {
        r->ca[i].first = 1 + draw(CAS - 1);
        r->ca[i].last = r->ca[i].first + draw(CAS - r->ca[i].first);
        r->ioa[i].first = draw(IOAS);
        r->ioa[i].last = r->ioa[i].first + draw(IOAS - r->ioa[i].first);
    }
    if (draw(6) == 0)
        r->ca[0] = (struct policy_range){65535, 65535};
    if (!plain)
        make_conditions(r);
}

static void make_lot(struct lot *l, bool plain)
{
    l->n = draw(RULES + 1);
    l->timeout = 30;
    l->fallback[DIR_CONTROL] =
        draw(4) ? POLICY_REFUSE : (enum policy_action)draw(POLICY_ACTIONS);
    l->fallback[DIR_MONITOR] = draw(4) ? POLICY_PASS : POLICY_DROP;
    for (size_t i = 0; i < l->n; i++)
        make_rule(&l->s[i], plain);
}

/* Often only one rule is another. */
static void make_other(struct lot *l, const struct lot *from, bool plain)
{
    if (draw(3) == 0) {
        make_lot(l, plain);
        return;
    }
    *l = *from;
    if (l->n > 0 && draw(4) > 0)
        make_rule(&l->s[draw((uint32_t)l->n)], plain);
    if (l->n > 1 && draw(3) == 0) {
        const struct small s = l->s[0];

        l->s[0] = l->s[1];
        l->s[1] = s;
    }
}

/* Two certificates and a time that rules may name. */
static const struct policy_askers *askers(void)
{
    static struct policy_askers t = {
        .peer_count = 2,
        .window_count = 1,
        .peer = {{0, POLICY_PEER_SUBJECT, 4, "CN=a"},
                 {1, POLICY_PEER_SUBJECT, 4, "CN=b"}},
        .window = {{0, 60, 120}},
    };

    return &t;
}

static struct policy_builder *build(struct lot *l)
{
    struct policy_builder *b = policy_builder_new();

    for (int d = 0; d < DIRECTIONS; d++)
        policy_builder_default(b, (enum direction)d, l->fallback[d]);
    policy_builder_select_timeout(b, l->timeout);
    assert_true(policy_builder_askers(b, askers()));
    for (size_t i = 0; i < l->n; i++) {
        l->s[i].rule.ca = l->s[i].ca;
        l->s[i].rule.ioa = l->s[i].ioa;
        assert_true(policy_builder_add(b, &l->s[i].rule, err, sizeof err));
    }
    return b;
}

/* ---- what is told ------------------------------------------------------------------ */

/* By direction, type, common address (CAS + 1: a larger one, CAS + 2: 65535), object. */
static int told_kind[DIRECTIONS][TYPES_ASKED][CAS + 3][IOAS + 2];

static uint32_t ca_at(uint32_t i)
{
    return i == CAS + 2 ? 65535 : i;
}

static bool in(const struct policy_range *r, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++)
        if (x >= r[i].first && x <= r[i].last)
            return true;
    return false;
}

static bool told(void *ctx, const struct policy_difference *c)
{
    (void)ctx;
    assert_string_not_equal(c->was, c->is);
    for (size_t t = 0; t < TYPES_ASKED; t++) {
        const bool zero = type_info(TYPES[t])->ioa == TYPE_IOA_ZERO;

        if ((c->types[TYPES[t] / 8] >> TYPES[t] % 8 & 1) == 0)
            continue;
        assert_int_equal(zero, c->ioa_count == 0);
        for (uint32_t ca = 0; ca < CAS + 3; ca++)
            for (uint32_t ioa = 0; ioa < IOAS + 2; ioa++) {
                if (!in(&c->ca, 1, ca_at(ca)) ||
                    (!zero && !in(c->ioa, c->ioa_count, ioa)))
                    continue;
                assert_int_equal(told_kind[c->direction][t][ca][ioa], NONE);
                told_kind[c->direction][t][ca][ioa] = (int)c->kind;
            }
    }
    return true;
}

static void name_role(int16_t role, char *out, size_t cap)
{
    (void)snprintf(out, cap, "R%d", role);
}

/* ---- what is decided --------------------------------------------------------------- */

struct answer {
    bool passes;
    enum policy_action action;
    struct policy_limits limits;
};

/* A master: roles by place in ROLES, certificate, whether it is the time. */
struct caller {
    unsigned int roles;
    uint64_t peers, times;
};

static struct answer ask(const struct policy *p, enum direction dir, const struct asdu *a,
                         const struct caller *c)
{
    struct answer answer = {.passes = false};
    const struct policy_limits *limits;
    struct policy_decision d;
    struct policy_asker who = {.peers = c->peers, .times = c->times};

    for (unsigned int i = 0; i < 2; i++)
        who.roles |= c->roles >> i & 1 ? policy_role_bit(p, ROLES[i]) : 0;
    if (c->roles == 0)
        policy_decide_without_role(p, &who, dir, a, &d);
    else
        policy_decide_for(p, &who, dir, a, &d);
    answer.passes = policy_action_passes(d.action);
    answer.action = d.action;
    if (dir == DIR_CONTROL && d.action == POLICY_LOG)
        answer.action = POLICY_PASS;
    if (dir == DIR_MONITOR && d.action == POLICY_REFUSE)
        answer.action = POLICY_DROP;
    limits = policy_rule_limits(p, d.rule);
    if (answer.passes && limits)
        answer.limits = *limits;
    return answer;
}

/* What any question at an address finds. */
struct finding {
    bool was_passes, is_passes; /* for some question */
    bool permission, action;    /* another, for some question */
};

static void ask_both(struct finding *f, const struct policy *was, const struct policy *is,
                     enum direction dir, const struct asdu *a)
{
    static const struct caller callers[] = {
        {0, 0, 0}, {0, 1, 1},
        {1, 0, 1}, {2, 0, POLICY_TIME_UNKNOWN},
        {3, 2, 0}, {3, 1, POLICY_TIME_UNKNOWN},
        {0, 2, 1}, {2, 0, 0},
    };

    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        const struct answer x = ask(was, dir, a, &callers[i]);
        const struct answer y = ask(is, dir, a, &callers[i]);

        f->was_passes = f->was_passes || x.passes;
        f->is_passes = f->is_passes || y.passes;
        f->permission = f->permission || x.passes != y.passes ||
                        memcmp(&x.limits, &y.limits, sizeof x.limits) != 0;
        f->action = f->action || x.action != y.action;
    }
}

static struct finding ask_all(const struct policy *was, const struct policy *is,
                              enum direction dir, size_t t, uint32_t ca, uint32_t ioa)
{
    static const uint8_t causes[DIRECTIONS][2] = {{6, 8}, {7, 10}};
    struct finding f = {.action = false};
    struct asdu a;

    for (unsigned int way = 0; way < 16; way++) {
        /* The address and elements of the parsed ASDU are replaced by those asked for. */
        const struct make m = {
            .type = TYPES[t], .cause = causes[dir][way & 1], .ca = 1, .ioa = 1};
        uint8_t octets[MAKE_ROOM];
        const size_t n = asdu_make(&m, octets);

        if (TYPES[t] != 45 && TYPES[t] != 49 && way > 1)
            break;
        if (TYPES[t] != 100 && TYPES[t] != 103) {
            octets[6] = (uint8_t)ioa;
            octets[9] = (uint8_t)(way >> 2);
        }
        if (TYPES[t] == 45)
            octets[9] = (uint8_t)((way >> 2 & 1) | (way & 2 ? 0x80 : 0));
        if (TYPES[t] == 49)
            octets[11] = way & 2 ? 0x80 : 0;
        octets[4] = (uint8_t)ca_at(ca);
        octets[5] = (uint8_t)(ca_at(ca) >> 8);
        (void)asdu_parse(octets, n, dir, &PROFILE_104, &a);
        if (a.objects == NULL)
            continue; /* 65535, or no cause of the type: the validator refuses */
        ask_both(&f, was, is, dir, &a);
    }
    return f;
}

static void check_place(const struct policy *was, const struct policy *is,
                        enum direction dir, size_t t, uint32_t ca, uint32_t ioa,
                        bool plain)
{
    const struct finding f = ask_all(was, is, dir, t, ca, ioa);
    const int kind = told_kind[dir][t][ca][ioa];

    if (f.permission)
        assert_true(kind == POLICY_NEWLY_ALLOWED || kind == POLICY_NO_LONGER ||
                    kind == POLICY_OTHER_CONDITIONS);
    if (f.action)
        assert_int_not_equal(kind, NONE);
    if (kind == POLICY_NEWLY_ALLOWED)
        assert_false(f.was_passes);
    if (kind == POLICY_NO_LONGER)
        assert_false(f.is_passes);
    if (!plain)
        return;
    /* Without conditions nothing is in other words. */
    assert_int_equal(kind == POLICY_NEWLY_ALLOWED, !f.was_passes && f.is_passes);
    assert_int_equal(kind == POLICY_NO_LONGER, f.was_passes && !f.is_passes);
    assert_int_not_equal(kind, POLICY_OTHER_CONDITIONS);
    assert_int_equal(kind == POLICY_OTHER_ANSWER,
                     f.action && f.was_passes == f.is_passes);
}

static void check(struct lot *was, struct lot *is, bool plain)
{
    struct policy_builder *b[2] = {build(was), build(is)};
    struct policy *p[2];
    const uint8_t *blob[2];
    size_t size[2];

    for (int i = 0; i < 2; i++) {
        blob[i] = policy_builder_blob(b[i], &size[i]);
        if (!policy_load(blob[i], size[i], &p[i], err, sizeof err))
            fail_msg("%s", err);
    }
    memset(told_kind, 0xFF, sizeof told_kind);
    assert_int_equal(policy_diff(blob[0], size[0], blob[1], size[1], name_role, told,
                                 NULL, err, sizeof err),
                     POLICY_DIFF_DONE);
    for (int d = 0; d < DIRECTIONS; d++)
        for (size_t t = 0; t < TYPES_ASKED; t++)
            for (uint32_t ca = 0; ca < CAS + 3; ca++)
                for (uint32_t ioa = 0; ioa < IOAS + 2; ioa++)
                    if (d == DIR_CONTROL || ca != CAS + 2)
                        check_place(p[0], p[1], (enum direction)d, t, ca, ioa, plain);
    for (int i = 0; i < 2; i++) {
        policy_free(p[i]);
        policy_builder_free(b[i]);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < 600; round++) {
        const bool plain = round % 3 == 0;
        struct lot was, is;

        make_lot(&was, plain);
        make_other(&is, &was, plain);
        check(&was, &is, plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
