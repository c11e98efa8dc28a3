/* Guards from the policy's text to what the gate loads, and what is refused on the way.
 */
#include "policy/guard.h"
#include "policy/policy.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char found[4000];

static struct policy *load(const char *guards)
{
    char text[1000];

    (void)snprintf(text, sizeof text,
                   "control = { rules = ( { types = [ 45 ]; } ); };\nguards = {\n%s };",
                   guards);
    return policy_text_load(text, found, sizeof found);
}

static void test_read(void **state)
{
    static const struct {
        const char *text;
        enum guard_id guard;
        struct guard_rule rule;
    } rows[] = {
        {"sweep = {};", GUARD_SWEEP, {GUARD_ALARM, 20, 0, 60000}},
        {"sweep = { points = 1000; window = \"1d\"; action = \"monitor-only\"; };",
         GUARD_SWEEP,
         {GUARD_MONITOR_ONLY, 1000, 0, 86400000}},
        {"toggle = { changes = 32; window = \"500ms\"; action = \"refuse\"; };",
         GUARD_TOGGLE,
         {GUARD_REFUSE, 32, 0, 500}},
        {"unknown = { answers = 1; window = \"2h\"; action = \"close\"; };",
         GUARD_UNKNOWN,
         {GUARD_CLOSE, 1, 0, 7200000}},
        {"interrogation = { requests = 2; reads = 3; window = \"5min\"; };",
         GUARD_INTERROGATION,
         {GUARD_ALARM, 2, 3, 300000}},
        {"early_command = {};", GUARD_EARLY_COMMAND, {GUARD_ALARM, 0, 0, 0}},
        {"early_command = { asdus = 5; action = \"alarm\"; };",
         GUARD_EARLY_COMMAND,
         {GUARD_ALARM, 5, 0, 0}},
        {"opening = { frames = 64; };", GUARD_OPENING, {GUARD_ALARM, 64, 0, 0}},
        {"clock_step = { limit = \"10s\"; action = \"refuse\"; };",
         GUARD_CLOCK_STEP,
         {GUARD_REFUSE, 10000, 0, 0}},
        {"second_master = { action = \"close\"; };",
         GUARD_SECOND_MASTER,
         {GUARD_CLOSE, 0, 0, 0}},
        {"takeover = { window = \"10s\"; };", GUARD_TAKEOVER, {GUARD_ALARM, 0, 0, 10000}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct policy *p = load(rows[i].text);
        const struct guard_settings *g;

        if (!p)
            fail_msg("%s", found);
        g = policy_guards(p);
        assert_non_null(g);
        for (size_t k = 0; k < GUARDS; k++) {
            const struct guard_rule *r = &g->rule[k];
            const struct guard_rule none = {0, 0, 0, 0};
            const struct guard_rule *want = k == rows[i].guard ? &rows[i].rule : &none;

            assert_int_equal(r->action, want->action);
            assert_int_equal(r->limit, want->limit);
            assert_int_equal(r->reads, want->reads);
            assert_int_equal(r->window_ms, want->window_ms);
        }
        policy_free(p);
    }
}

static void test_none(void **state)
{
    struct policy *p = load("");

    (void)state;
    assert_non_null(p);
    assert_null(policy_guards(p));
    policy_free(p);
}

static void test_expected_opening(void **state)
{
    struct policy *p =
        load("opening = { expect = [ \"testfr\", \"startdt\", \"clock\" ]; };");
    static const uint8_t steps[] = {GUARD_STEP_TESTFR, GUARD_STEP_STARTDT,
                                    GUARD_STEP_CLOCK};

    (void)state;
    if (!p)
        fail_msg("%s", found);
    assert_int_equal(policy_guards(p)->expect_count, 3);
    assert_memory_equal(policy_guards(p)->expect, steps, 3);
    policy_free(p);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *text, *where, *what, *remedy;
    } rows[] = {
        {"swep = {};", "guards.swep", "no such key", "\"sweep\""},
        {"sweep = 5;", "guards.sweep", "wrong type", ""},
        {"sweep = { point = 5; };", "guards.sweep.point", "no such key", "\"points\""},
        {"sweep = { points = 0; };", "guards.sweep.points", "0 is out", "1 to 1000"},
        {"sweep = { points = 1001; };", "guards.sweep.points", "1001 is out", ""},
        {"sweep = { points = \"20\"; };", "guards.sweep.points", "wrong type", ""},
        {"toggle = { changes = 33; };", "guards.toggle.changes", "33 is out", "1 to 32"},
        {"sweep = { window = 60; };", "guards.sweep.window", "wrong type", "quotes"},
        {"sweep = { window = \"60\"; };", "guards.sweep.window", "no span", "\"60s\""},
        {"sweep = { window = \"s\"; };", "guards.sweep.window", "no span", ""},
        {"sweep = { window = \"-1s\"; };", "guards.sweep.window", "no span", ""},
        {"sweep = { window = \"123456789s\"; };", "guards.sweep.window", "no span", ""},
        {"sweep = { window = \"1 s\"; };", "guards.sweep.window", "no span", ""},
        {"sweep = { window = \"0s\"; };", "guards.sweep.window", "out of range", "day"},
        {"sweep = { window = \"25h\"; };", "guards.sweep.window", "out of range", ""},
        {"sweep = { window = \"99999999d\"; };", "guards.sweep.window", "out of", ""},
        {"sweep = { action = \"refsue\"; };", "guards.sweep.action", "no action",
         "\"refuse\""},
        {"sweep = { action = \"pass\"; };", "guards.sweep.action", "no action", "alarm"},
        {"sweep = { action = \"off\"; };", "guards.sweep.action", "no action", "remove"},
        {"early_command = { window = \"1s\"; };", "guards.early_command.window",
         "no such key", ""},
        {"early_command = { asdus = 0; };", "guards.early_command.asdus", "0 is out", ""},
        {"opening = { action = \"refuse\"; };", "guards.opening.action", "cannot refuse",
         "\"close\""},
        {"opening = { frames = 65; };", "guards.opening.frames", "65 is out", ""},
        {"opening = { expect = []; };", "guards.opening.expect", "", ""},
        {"opening = { expect = [ 5 ]; };", "guards.opening.expect[0]", "not a string",
         ""},
        {"opening = { expect = [ \"startd\" ]; };", "guards.opening.expect[0]", "no step",
         "\"startdt\""},
        {"opening = { expect = [ \"clock\" ]; };", "guards.opening.expect[0]",
         "cannot come", "once"},
        {"opening = { expect = [ \"startdt\", \"testfr\" ]; };",
         "guards.opening.expect[1]", "cannot come", ""},
        {"opening = { expect = [ \"startdt\", \"read\", \"read\" ]; };",
         "guards.opening.expect[2]", "cannot come", ""},
        {"clock_step = { limit = 2; };", "guards.clock_step.limit", "wrong type", ""},
        {"clock_step = { limit = \"0ms\"; };", "guards.clock_step.limit", "out of", ""},
        {"second_master = { action = \"refuse\"; };", "guards.second_master.action",
         "cannot refuse", "\"close\""},
        {"takeover = { window = \"2d\"; };", "guards.takeover.window", "out of", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char where[80];

        (void)snprintf(where, sizeof where, ":3: error: %s: ", rows[i].where);
        assert_null(load(rows[i].text));
        if (!strstr(found, where) || !strstr(found, rows[i].what) ||
            !strstr(found, rows[i].remedy))
            fail_msg("%s\n%s", rows[i].text, found);
    }
}

/* ---- on their way to the gate ---- */

static const struct guard_settings all = {
    .rule =
        {
            [GUARD_SWEEP] = {GUARD_CLOSE, 20, 0, 60000},
            [GUARD_TOGGLE] = {GUARD_REFUSE, 4, 0, 60000},
            [GUARD_UNKNOWN] = {GUARD_MONITOR_ONLY, 5, 0, 1000},
            [GUARD_INTERROGATION] = {GUARD_ALARM, 6, 60, 86400000},
            [GUARD_EARLY_COMMAND] = {GUARD_ALARM, 0, 0, 0},
            [GUARD_OPENING] = {GUARD_ALARM, 8, 0, 0},
            [GUARD_CLOCK_STEP] = {GUARD_REFUSE, 2000, 0, 0},
            [GUARD_SECOND_MASTER] = {GUARD_CLOSE, 0, 0, 0},
            [GUARD_TAKEOVER] = {GUARD_ALARM, 0, 0, 30000},
        },
    .expect_count = 2,
    .expect = {GUARD_STEP_STARTDT, GUARD_STEP_CLOCK},
};

static bool loads(const uint8_t *blob, size_t n)
{
    struct policy *p = NULL;
    const bool good = policy_load(blob, n, &p, found, sizeof found);

    policy_free(p);
    return good;
}

/* Each octet of the guards with each value: what comes through is good, and is what was
 * written. */
static void try_octets(const uint8_t *blob, size_t n)
{
    uint8_t *copy = malloc(n);

    assert_non_null(copy);
    memcpy(copy, blob, n);
    for (size_t at = n - GUARD_SETTINGS_SIZE; at < n; at++) {
        for (unsigned int v = 0; v < 256; v++) {
            struct policy *p = NULL;
            uint8_t again[GUARD_SETTINGS_SIZE];

            copy[at] = (uint8_t)v;
            if (!policy_load(copy, n, &p, found, sizeof found))
                continue;
            assert_null(guard_settings_fault(policy_guards(p)));
            guard_settings_encode(policy_guards(p), again);
            assert_memory_equal(again, copy + n - sizeof again, sizeof again);
            policy_free(p);
        }
        copy[at] = blob[at];
    }
    free(copy);
}

static void test_octets(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule rule = {.name = "r"};
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n, without;

    (void)state;
    policy_types_set(rule.types, 45);
    assert_true(policy_builder_add(b, &rule, found, sizeof found));
    (void)policy_builder_blob(b, &without);
    policy_builder_guards(b, &all);
    blob = policy_builder_blob(b, &n);
    assert_int_equal(n, without + 1 + GUARD_SETTINGS_SIZE);
    assert_true(policy_load(blob, n, &p, found, sizeof found));
    assert_true(guard_settings_same(policy_guards(p), &all));
    assert_int_equal(policy_rule_count(p), 1);
    policy_free(p);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(loads(blob, cut), cut == without);
    try_octets(blob, n);
    /* A rule behind them comes before them. */
    assert_true(policy_builder_add(b, &rule, found, sizeof found));
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, found, sizeof found));
    assert_int_equal(policy_rule_count(p), 2);
    assert_true(guard_settings_same(policy_guards(p), &all));
    policy_free(p);
    policy_builder_free(b);
}

static void test_faults(void **state)
{
    static const struct guard_settings bad[] = {
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 0, 0, 1}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 1001, 0, 1}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 1, 1, 1}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 1, 0, 0}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 1, 0, 86400001}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_OFF, 1, 0, 0}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ACTIONS, 1, 0, 1}}},
        {.rule = {[GUARD_TOGGLE] = {GUARD_ALARM, 33, 0, 1}}},
        {.rule = {[GUARD_INTERROGATION] = {GUARD_ALARM, 1, 0, 1}}},
        {.rule = {[GUARD_INTERROGATION] = {GUARD_ALARM, 1, 1001, 1}}},
        {.rule = {[GUARD_EARLY_COMMAND] = {GUARD_ALARM, 1, 0, 1}}},
        {.rule = {[GUARD_OPENING] = {GUARD_REFUSE, 1, 0, 0}}},
        {.rule = {[GUARD_SECOND_MASTER] = {GUARD_REFUSE, 0, 0, 0}}},
        {.rule = {[GUARD_SECOND_MASTER] = {GUARD_ALARM, 1, 0, 0}}},
        {.rule = {[GUARD_TAKEOVER] = {GUARD_ALARM, 0, 0, 0}}},
        {.rule = {[GUARD_SWEEP] = {GUARD_ALARM, 1, 0, 1}},
         .expect_count = 1,
         .expect = {GUARD_STEP_STARTDT}},
        {.rule = {[GUARD_OPENING] = {GUARD_ALARM, 1, 0, 0}}, .expect_count = 1},
        {.rule = {[GUARD_OPENING] = {GUARD_ALARM, 1, 0, 0}}, .expect_count = GUARD_STEPS},
        {.rule = {[GUARD_OPENING] = {GUARD_ALARM, 1, 0, 0}},
         .expect_count = 2,
         .expect = {GUARD_STEP_STARTDT, GUARD_STEP_STARTDT}},
    };

    (void)state;
    assert_null(guard_settings_fault(&all));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_non_null(guard_settings_fault(&bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_expected_opening),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
