/* A policy that is compiled in pieces is the one that is compiled in one go, down to the
 * last octet; so are the mistakes that are found.  No piece does much. */
#include "policy/policy_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POINTS    100000u
#define SENTENCE  200u
#define PIECE_MAX 150000u /* units of work: a millisecond */

static uint32_t seed = 1;

static uint32_t chance(uint32_t n)
{
    seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (seed >> 8) % n;
}

static struct policy_range some_range(uint32_t max)
{
    const uint32_t first = 1 + chance(max), more = chance(4) == 0 ? chance(max) : 0;

    return (struct policy_range){first, first + more < max ? first + more : max};
}

/* Rules of all kinds, over each other. */
static struct policy_builder *some_rules(unsigned int count)
{
    static const uint8_t types[] = {45, 46, 48, 58, 100};
    struct policy_builder *b = policy_builder_new();
    char err[SENTENCE];

    for (unsigned int i = 0; i < count; i++) {
        struct policy_range ca[3], ioa[40];
        struct policy_rule r = {.name = "rule",
                                .action = (enum policy_action)chance(2),
                                .ca = ca,
                                .ca_count = chance(4),
                                .ioa = ioa,
                                .ioa_count = chance(41)};

        for (size_t k = 0; k < r.ca_count; k++)
            ca[k] = some_range(60000);
        for (size_t k = 0; k < r.ioa_count; k++)
            ioa[k] = some_range(ASDU_IOA_MAX - 1);
        for (unsigned int k = 1 + chance(3); k > 0; k--)
            policy_types_set(r.types, types[chance(sizeof types)]);
        if (chance(20) == 0)
            r.when.phases = POLICY_PHASE_SELECT;
        if (chance(4) == 0)
            r.limits = (struct policy_limits){
                .select = POLICY_SELECT_REQUIRED, .rate_count = 3, .rate_seconds = 60};
        assert_true(policy_builder_add(b, &r, err, sizeof err));
    }
    return b;
}

/* All points of one station. */
static struct policy_builder *many_points(void)
{
    struct policy_builder *b = policy_builder_new();
    char err[SENTENCE];

    for (unsigned int i = 0; i < POINTS; i++) {
        const struct policy_range ioa = {1000 + 2 * i, 1000 + 2 * i};
        struct policy_rule r = {
            .action = (enum policy_action)(i % 2), .ioa = &ioa, .ioa_count = 1};

        policy_types_set(r.types, 45);
        assert_true(policy_builder_add(b, &r, err, sizeof err));
    }
    return b;
}

static struct policy *in_pieces(const uint8_t *blob, size_t n, size_t steps, char *err,
                                unsigned int *pieces)
{
    struct policy_loading *l = policy_loading_begin(blob, n);

    assert_non_null(l);
    *pieces = 1;
    while (policy_loading_step(l, steps, err, SENTENCE) == POLICY_LOAD_MORE)
        ++*pieces;
    return policy_loading_end(l);
}

static void same_pool(const struct policy_pool *a, const struct policy_pool *b)
{
    assert_int_equal(a->count, b->count);
    if (a->count > 0)
        assert_memory_equal(a->item, b->item, a->count * sizeof *a->item);
}

static void same_policy(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->rule_count, b->rule_count);
    assert_int_equal(a->index_count, b->index_count);
    assert_int_equal(a->node_count, b->node_count);
    assert_memory_equal(a->index_of, b->index_of, sizeof a->index_of);
    assert_memory_equal(a->index, b->index, a->index_count * sizeof a->index[0]);
    assert_memory_equal(a->nodes, b->nodes, a->node_count * sizeof *a->nodes);
    same_pool(&a->leaf_start, &b->leaf_start);
    same_pool(&a->segment_start, &b->segment_start);
    same_pool(&a->segment_end, &b->segment_end);
    assert_int_equal(a->candidate_count, b->candidate_count);
    assert_memory_equal(a->candidates, b->candidates,
                        a->candidate_count * sizeof *a->candidates);
    for (size_t i = 0; i < a->rule_count; i++) {
        assert_int_equal(a->rule[i].action, b->rule[i].action);
        assert_true(policy_rule_rate_key(a, (int32_t)i) ==
                    policy_rule_rate_key(b, (int32_t)i));
    }
}

static void compare(struct policy_builder *b, size_t steps)
{
    struct policy *whole, *pieces;
    char err[SENTENCE] = "";
    unsigned int count;
    size_t n;
    const uint8_t *blob = policy_builder_blob(b, &n);

    assert_true(policy_load(blob, n, &whole, err, sizeof err));
    pieces = in_pieces(blob, n, steps, err, &count);
    assert_non_null(pieces);
    assert_true(count > 1);
    same_policy(whole, pieces);
    policy_free(whole);
    policy_free(pieces);
}

static void test_same(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 30; i++) {
        struct policy_builder *b = some_rules(chance(120));

        compare(b, 1 + chance(500));
        policy_builder_free(b);
    }
}

static void test_points(void **state)
{
    struct policy_builder *b = many_points();
    struct policy *p;
    char err[SENTENCE];
    size_t n;
    const uint8_t *blob = policy_builder_blob(b, &n);

    (void)state;
    compare(b, 20000);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    /* Each where it is, and nothing between. */
    for (unsigned int i = 0; i < 2 * POINTS; i++) {
        const uint32_t ioa = 1000 + i;
        const uint8_t octets[] = {
            45, 1, 6, 0, 7, 0, (uint8_t)ioa, (uint8_t)(ioa >> 8), (uint8_t)(ioa >> 16),
            1};
        struct policy_decision d;
        struct asdu a;

        (void)asdu_parse(octets, sizeof octets, DIR_CONTROL, &PROFILE_104, &a);
        policy_decide(p, DIR_CONTROL, &a, &d);
        assert_int_equal(d.rule, i % 2 == 0 ? (int32_t)(i / 2) : POLICY_DEFAULT);
    }
    policy_free(p);
    policy_builder_free(b);
}

/* Work is counted by what is done, so that no time has to be measured. */
static void test_no_piece_is_large(void **state)
{
    struct policy_builder *b = many_points();
    size_t n, before = 0;
    const uint8_t *blob = policy_builder_blob(b, &n);
    struct policy_loading *l = policy_loading_begin(blob, n);
    char err[SENTENCE];

    (void)state;
    assert_non_null(l);
    while (policy_loading_step(l, 1, err, sizeof err) == POLICY_LOAD_MORE) {
        assert_in_range(policy_loading_work(l) - before, 1, PIECE_MAX);
        before = policy_loading_work(l);
    }
    /* It was counted. */
    assert_true(before > 50 * PIECE_MAX);
    policy_free(policy_loading_end(l));
    policy_builder_free(b);
}

/* Cut off, or with an octet changed: the same sentence, or the same policy. */
static void test_same_mistakes(void **state)
{
    struct policy_builder *b = some_rules(40);
    size_t n;
    const uint8_t *blob = policy_builder_blob(b, &n);
    uint8_t *bad = malloc(n);

    (void)state;
    assert_non_null(bad);
    for (unsigned int i = 0; i < 3000; i++) {
        const size_t size = i % 2 == 0 ? n : chance((uint32_t)n);
        char one[SENTENCE] = "", other[SENTENCE] = "";
        struct policy *whole, *pieces;
        unsigned int count;

        memcpy(bad, blob, n);
        if (i % 2 == 0)
            bad[chance((uint32_t)n)] ^= (uint8_t)(1 + chance(255));
        (void)policy_load(bad, size, &whole, one, sizeof one);
        pieces = in_pieces(bad, size, 1 + chance(300), other, &count);
        assert_string_equal(one, other);
        assert_int_equal(whole == NULL, pieces == NULL);
        if (whole)
            same_policy(whole, pieces);
        policy_free(whole);
        policy_free(pieces);
    }
    free(bad);
    policy_builder_free(b);
}

/* Given up in the middle of anything. */
static void test_given_up(void **state)
{
    struct policy_builder *b = some_rules(60);
    size_t n;
    const uint8_t *blob = policy_builder_blob(b, &n);

    (void)state;
    for (unsigned int i = 0; i < 400; i++) {
        struct policy_loading *l = policy_loading_begin(blob, n);
        char err[SENTENCE];
        bool more = true;

        assert_non_null(l);
        for (unsigned int k = 0; k < i && more; k++)
            more = policy_loading_step(l, 1, err, sizeof err) == POLICY_LOAD_MORE;
        policy_free(policy_loading_end(l));
    }
    policy_builder_free(b);
}

static uint64_t key_of(const char *name, uint32_t ioa, uint32_t count,
                       unsigned int before)
{
    struct policy_builder *b = policy_builder_new();
    const struct policy_range r = {ioa, ioa};
    struct policy_rule rule = {.name = name, .ioa = &r, .ioa_count = 1};
    struct policy *p;
    char err[SENTENCE];
    uint64_t key;
    size_t n;

    policy_types_set(rule.types, 45);
    for (unsigned int i = 0; i < before; i++)
        assert_true(policy_builder_add(b, &rule, err, sizeof err));
    rule.limits = (struct policy_limits){.rate_count = count, .rate_seconds = 60};
    assert_true(policy_builder_add(b, &rule, err, sizeof err));
    const uint8_t *blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    key = policy_rule_rate_key(p, (int32_t)before);
    assert_true(policy_rule_rate_key(p, (int32_t)before + 1) == 0);
    policy_free(p);
    policy_builder_free(b);
    return key;
}

static void test_rate_key(void **state)
{
    (void)state;
    assert_true(key_of("one", 5, 3, 0) == key_of("two", 5, 3, 0));
    assert_true(key_of("one", 5, 3, 0) == key_of("", 5, 3, 4));
    assert_true(key_of("one", 5, 3, 0) != key_of("one", 6, 3, 0));
    assert_true(key_of("one", 5, 3, 0) != key_of("one", 5, 4, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_no_piece_is_large),
        cmocka_unit_test(test_same_mistakes),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_rate_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
