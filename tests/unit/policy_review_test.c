/* What is said of rules: never decides, overlaps, does not match; each against the rules
 * as they read, point by point. */
#include "policy/policy_review.h"
#include "tests/lib/area_make.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 8u
#define CAS   7u /* 1..6, and 7 for all above */
#define IOAS  9u

static uint32_t seed = 7;
static char err[200];

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Rules of which every point can be asked. */
struct small {
    struct policy_rule rule;
    struct policy_range ca[2], ioa[2];
    struct area_made made; /* of a rule with areas */
};

static const uint8_t TYPES[] = {45, 50, 100, 46};
#define TYPES_N 4u

static void make_rule(struct small *r)
{
    memset(r, 0, sizeof *r);
    r->rule.name = "";
    r->rule.action = draw(2) ? POLICY_PASS : POLICY_REFUSE;
    if (draw(3) == 0 && area_make(&r->made, &r->rule, draw))
        return;
    policy_types_set(r->rule.types, TYPES[draw(3)]);
    policy_types_set(r->rule.types, TYPES[draw(3)]);
    r->rule.ca = r->ca;
    r->rule.ioa = r->ioa;
    r->rule.ca_count = draw(3);
    r->rule.ioa_count = draw(3);
    for (size_t i = 0; i < 2; i++) {
        r->ca[i].first = 1 + draw(CAS - 1);
        r->ca[i].last = r->ca[i].first + draw(CAS - r->ca[i].first);
        r->ioa[i].first = draw(IOAS);
        r->ioa[i].last = r->ioa[i].first + draw(IOAS - r->ioa[i].first);
    }
    if (draw(4) == 0)
        r->rule.when.phases = POLICY_PHASE_EXECUTE;
    if (draw(6) == 0)
        r->rule.role_count = 1;
    r->rule.has_value = draw(6) == 0;
    r->rule.peers = draw(4) == 0 ? 1 + draw(3) : 0;
    r->rule.times = draw(4) == 0 ? 1 + draw(3) : 0;
}

static bool in(const struct policy_range *r, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++)
        if (x >= r[i].first && x <= r[i].last)
            return true;
    return n == 0;
}

static bool names(const struct small *s, uint8_t type, uint32_t ca, uint32_t ioa)
{
    const struct policy_rule *r = &s->rule;

    for (size_t t = 0; r->area_count > 0 && t < AREA_TYPES; t++)
        if (area_types[t] == type)
            return ca < AREA_CAS && ioa < AREA_IOAS && s->made.named[t][ca][ioa];
    return r->area_count == 0 && (r->types[type / 8] >> type % 8 & 1) &&
           in(r->ca, r->ca_count, ca) && (type == 100 || in(r->ioa, r->ioa_count, ioa));
}

/* True if whatever b asks, a asks no more: of who and when, each bit is another one. */
static bool asks_no_more(const struct small *a, const struct small *b)
{
    const struct policy_rule *x = &a->rule, *y = &b->rule;
    const bool set =
        (x->peers == 0 || (y->peers != 0 && (x->peers | y->peers) == x->peers)) &&
        (x->times == 0 || (y->times != 0 && (x->times | y->times) == x->times));
    /* Without a clock a refusing rule holds, and one that passes does not. */
    const bool dark =
        x->times != 0 && x->action == POLICY_PASS && y->action != POLICY_PASS;

    return set && !dark && (x->when.phases == 0 || y->when.phases != 0) &&
           (x->role_count == 0 || y->role_count != 0) && (!x->has_value || y->has_value);
}

static bool is_taken(const struct small *s, size_t rule, uint8_t type, uint32_t ca,
                     uint32_t ioa)
{
    for (size_t i = 0; i < rule; i++)
        if (names(&s[i], type, ca, ioa) && asks_no_more(&s[i], &s[rule]))
            return true;
    return false;
}

/* What is found of n rules by asking every point. */
static void ask_all(const struct small *s, size_t n, bool decides[RULES],
                    bool meets[RULES][RULES])
{
    memset(decides, 0, RULES * sizeof *decides);
    memset(meets, 0, RULES * sizeof *meets);
    for (size_t t = 0; t < TYPES_N; t++)
        for (uint32_t ca = 1; ca <= CAS; ca++)
            for (uint32_t ioa = 0; ioa <= IOAS; ioa++) {
                for (size_t i = 0; i < n; i++) {
                    if (!names(&s[i], TYPES[t], ca, ioa))
                        continue;
                    decides[i] = decides[i] || !is_taken(s, i, TYPES[t], ca, ioa);
                    for (size_t k = 0; k < i; k++)
                        meets[i][k] = meets[i][k] || names(&s[k], TYPES[t], ca, ioa);
                }
            }
}

static void check(const struct small *s, size_t n, const uint8_t *blob, size_t size)
{
    struct policy_finding found[RULES * RULES];
    bool decides[RULES], meets[RULES][RULES], whole;
    const long count = policy_review(blob, size, found, RULES * RULES, &whole);

    ask_all(s, n, decides, meets);
    assert_true(whole && count >= 0);
    for (size_t i = 0; i < n; i++) {
        bool never = false;
        for (long f = 0; f < count; f++) {
            if (found[f].rule != i)
                continue;
            assert_true(found[f].other < i);
            if (found[f].kind == POLICY_NEVER_DECIDES) {
                never = true;
                continue;
            }
            assert_true(meets[i][found[f].other]);
            assert_true(s[i].rule.action != s[found[f].other].rule.action);
            meets[i][found[f].other] = false;
        }
        assert_int_equal(never, !decides[i]);
        for (size_t k = 0; !never && k < i; k++)
            assert_false(meets[i][k] && s[i].rule.action != s[k].rule.action);
    }
}

static void test_every_point(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct policy_builder *b = policy_builder_new();
        struct small s[RULES];
        const size_t n = 1 + draw(RULES);
        const uint8_t *blob;
        size_t size;

        for (size_t i = 0; i < n; i++) {
            make_rule(&s[i]);
            assert_true(policy_builder_add(b, &s[i].rule, err, sizeof err));
        }
        blob = policy_builder_blob(b, &size);
        check(s, n, blob, size);
        policy_builder_free(b);
    }
}

static void test_no_room_and_no_policy(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = ""};
    struct policy_finding found[2];
    const uint8_t *blob;
    size_t size;
    bool whole;

    (void)state;
    policy_types_set(r.types, 45);
    for (int i = 0; i < 4; i++)
        assert_true(policy_builder_add(b, &r, err, sizeof err));
    blob = policy_builder_blob(b, &size);
    assert_int_equal(policy_review(blob, size, found, 2, &whole), 2);
    assert_false(whole);
    assert_int_equal(found[1].rule, 2);
    assert_int_equal(found[1].other, 0);
    assert_int_equal(policy_review(blob, size - 1, found, 2, &whole), -1);
    policy_builder_free(b);
}

/* ---- why a rule does not match ---- */

struct answer {
    size_t count;
    enum policy_mismatch mismatch[20];
};

static bool note(void *ctx, uint32_t rule, const struct policy_rule *r,
                 enum policy_mismatch mismatch)
{
    struct answer *a = ctx;

    (void)r;
    assert_int_equal(rule, a->count);
    a->mismatch[a->count++] = mismatch;
    return mismatch != POLICY_MATCHES;
}

static void add(struct policy_builder *b, const struct policy_rule *rule, uint8_t type)
{
    struct policy_rule r = *rule;

    r.name = "";
    if (type)
        policy_types_set(r.types, type);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
}

/* In the order in which they are looked at. */
static const enum policy_mismatch expected[] = {
    POLICY_OTHER_DIRECTION, POLICY_OTHER_TYPE,  POLICY_OTHER_CA,
    POLICY_OTHER_IOA,       POLICY_OTHER_CAUSE, POLICY_OTHER_PHASE,
    POLICY_OTHER_QUALIFIER, POLICY_OTHER_OA,    POLICY_OTHER_BITS,
    POLICY_OTHER_VALUES,    POLICY_OTHER_ROLE,  POLICY_OTHER_PEER,
    POLICY_OTHER_SOURCE,    POLICY_OTHER_TIME,  POLICY_OTHER_VALUE,
};

/* A rule for each reason why one does not match, and one that does. */
static void add_each(struct policy_builder *b)
{
    static const struct policy_range two = {2, 2};
    struct policy_rule qualifier = {.direction = DIR_CONTROL};
    struct policy_rule oa = {.direction = DIR_CONTROL};

    policy_octet_add(qualifier.when.qualifiers, 1);
    policy_octet_add(oa.when.originators, 1);
    add(b, &(struct policy_rule){.direction = DIR_MONITOR}, 1);
    add(b, &(struct policy_rule){.action = POLICY_PASS}, 46);
    add(b, &(struct policy_rule){.ca = &two, .ca_count = 1}, 45);
    add(b, &(struct policy_rule){.ioa = &two, .ioa_count = 1}, 45);
    add(b, &(struct policy_rule){.when = {.causes = COT_BIT(8)}}, 45);
    add(b, &(struct policy_rule){.when = {.phases = POLICY_PHASE_SELECT}}, 45);
    add(b, &qualifier, 45);
    add(b, &oa, 45);
    add(b, &(struct policy_rule){.when = {.bits = POLICY_BIT_TEST}}, 45);
    add(b, &(struct policy_rule){.when = {.value_count = 1, .value = {0}}}, 45);
    add(b, &(struct policy_rule){.role_count = 1, .role = {3}}, 45);
    add(b, &(struct policy_rule){.peers = 6}, 45);
    add(b, &(struct policy_rule){.sources = 1}, 45);
    add(b, &(struct policy_rule){.times = 5}, 45);
    add(b, &(struct policy_rule){.has_value = true, .value_min = 5, .value_max = 6}, 45);
    add(b, &(struct policy_rule){.role_count = 1, .role = {2}}, 45);
    add(b, &(struct policy_rule){.action = POLICY_PASS}, 45);
}

static void test_each_mismatch(void **state)
{
    struct policy_builder *b = policy_builder_new();
    const struct make m = {.type = 45, .cause = 6, .ca = 1, .ioa = 1};
    static const int16_t roles[] = {1, 2};
    uint8_t octets[MAKE_ROOM];
    struct asdu asdu;
    struct answer a = {.count = 0};
    struct policy_question q = {.direction = DIR_CONTROL,
                                .asdu = &asdu,
                                .roles = roles,
                                .role_count = 2,
                                .who = {.peers = 1, .sources = 2, .times = 2}};
    const uint8_t *blob;
    size_t size;

    (void)state;
    add_each(b);
    blob = policy_builder_blob(b, &size);
    const size_t n = asdu_make(&m, octets);
    octets[9] = 0x01;
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &asdu).reason,
                     REASON_OK);
    assert_true(policy_explain(blob, size, &q, note, &a));
    assert_int_equal(a.count, 16);
    for (unsigned int i = 0; i < 15; i++) {
        assert_int_equal(a.mismatch[i], expected[i]);
        assert_true(strlen(policy_mismatch_text(a.mismatch[i])) > 0);
    }
    assert_int_equal(a.mismatch[15], POLICY_MATCHES);
    q.who.times = POLICY_TIME_UNKNOWN;
    a.count = 0;
    assert_true(policy_explain(blob, size, &q, note, &a));
    assert_int_equal(a.mismatch[13], POLICY_NO_CLOCK);
    q.object = 1;
    assert_false(policy_explain(blob, size, &q, note, &a));
    policy_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_point),
        cmocka_unit_test(test_no_room_and_no_policy),
        cmocka_unit_test(test_each_mismatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
