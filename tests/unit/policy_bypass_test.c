/* Whatever the indexes of a policy lead to, nothing passes that no rule lets pass: they
 * are broken here in every way, and the rule itself still has the word. */
#include "policy/policy_private.h"
#include "tests/lib/policy_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define RULES 4

static const struct line LINES[RULES] = {
    {"first", POLICY_PASS, {45}, {{1, 1}}, {{10, 19}, {30, 39}}, false, 0, 0, 0},
    {"other type", POLICY_PASS, {46}, {{1, 1}}, {{50, 59}}, false, 0, 0, 0},
    {"other station", POLICY_LOG, {45}, {{2, 3}}, {{50, 59}}, false, 0, 0, 0},
    {"monitored", POLICY_PASS, {30}, {{1, 9}}, {{50, 99}}, false, 0, 0, DIR_MONITOR},
};

/* What a line says, read here again. */
static bool line_says(int32_t rule, uint8_t type, uint16_t ca, uint32_t ioa)
{
    switch (rule) {
    case 0:
        return type == 45 && ca == 1 &&
               ((ioa >= 10 && ioa <= 19) || (ioa >= 30 && ioa <= 39));
    case 1: return type == 46 && ca == 1 && ioa >= 50 && ioa <= 59;
    case 2: return type == 45 && (ca == 2 || ca == 3) && ioa >= 50 && ioa <= 59;
    default: return false;
    }
}

static unsigned int ask_all(const struct policy *p)
{
    static const uint32_t addresses[] = {9,  10, 19, 20, 29, 30, 39, 40,
                                         49, 50, 55, 59, 60, 99, 100};
    unsigned int passed = 0;

    for (unsigned int i = 0; i < 2 * 4 * sizeof addresses / sizeof addresses[0]; i++) {
        const uint32_t ioa = addresses[i / 8];
        const uint8_t type = i % 2 == 0 ? 45 : 46;
        const uint16_t ca = (uint16_t)(1 + i / 2 % 4);
        const struct make m = {.type = type, .cause = 6, .ca = ca, .ioa = ioa};
        enum policy_action action;
        const int32_t rule = line_decide(p, DIR_CONTROL, &m, &action);

        if (!policy_action_passes(action))
            continue;
        if (!line_says(rule, type, ca, ioa))
            fail_msg("type %u ca %u ioa %u passed by rule %d", type, ca, ioa, rule);
        passed++;
    }
    return passed;
}

static void test_sound_indexes(void **state)
{
    struct policy *p = line_policy(LINES, RULES);

    (void)state;
    assert_int_equal(ask_all(p), 4 + 3 + 2 * 3);
    policy_free(p);
}

/* Each candidate leads to another rule, place or range, or beyond them. */
static void test_candidates_that_lie(void **state)
{
    struct policy *p = line_policy(LINES, RULES);

    (void)state;
    for (size_t i = 0; i < p->candidate_count; i++) {
        const struct policy_candidate right = p->candidates[i];

        for (uint32_t k = 0; k < 64; k++) {
            p->candidates[i] = (struct policy_candidate){k / 16, k / 4 % 4, k % 4};
            (void)ask_all(p);
        }
        p->candidates[i] = right;
        p->candidates[i].place = UINT32_MAX;
        (void)ask_all(p);
        p->candidates[i] = right;
        p->candidates[i].range = UINT32_MAX;
        (void)ask_all(p);
        p->candidates[i] = right;
    }
    policy_free(p);
}

/* Leaves, segments and types lead elsewhere. */
static void test_indexes_that_lie(void **state)
{
    struct policy *p = line_policy(LINES, RULES);

    (void)state;
    for (size_t i = 0; i < p->index_count; i++) {
        p->index_of[DIR_CONTROL][45] = (uint8_t)i;
        p->index_of[DIR_CONTROL][46] = (uint8_t)i;
        (void)ask_all(p);
    }
    policy_free(p);

    p = line_policy(LINES, RULES);
    for (size_t i = 1; i < p->segment_start.count; i++) {
        const uint32_t right = p->segment_start.item[i];
        p->segment_start.item[i] = 1;
        (void)ask_all(p);
        p->segment_start.item[i] = right;
    }
    for (size_t i = 1; i < p->leaf_start.count; i++) {
        const uint32_t right = p->leaf_start.item[i];
        p->leaf_start.item[i] = 1;
        (void)ask_all(p);
        p->leaf_start.item[i] = right;
    }
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_indexes),
        cmocka_unit_test(test_candidates_that_lie),
        cmocka_unit_test(test_indexes_that_lie),
    };
    return cmocka_run_group_tests_name("policy_bypass", tests, NULL, NULL);
}
