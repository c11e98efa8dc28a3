/* The policy: what its rules mean. */
#include "policy/policy.h"
#include "tests/lib/policy_line.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what rules mean
 * --------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    (void)state;
    const struct make command = {.type = 45, .cause = 6},
                      message = {.type = 1, .cause = 3};
    enum policy_action action;
    struct policy *p = line_policy(NULL, 0);
    assert_int_equal(line_decide(p, DIR_CONTROL, &command, &action), POLICY_DEFAULT);
    assert_int_equal(action, POLICY_REFUSE);
    assert_int_equal(line_decide(p, DIR_MONITOR, &message, &action), POLICY_DEFAULT);
    assert_int_equal(action, POLICY_PASS);
    assert_int_equal(policy_default(p, DIR_CONTROL), POLICY_REFUSE);
    assert_string_equal(policy_rule_name(p, 0), "default");
    policy_free(p);

    struct policy_builder *b = policy_builder_new();
    policy_builder_default(b, DIR_CONTROL, POLICY_CLOSE);
    policy_builder_default(b, DIR_MONITOR, POLICY_DROP);
    p = line_load(b);
    line_decide(p, DIR_CONTROL, &command, &action);
    assert_int_equal(action, POLICY_CLOSE);
    line_decide(p, DIR_MONITOR, &message, &action);
    assert_int_equal(action, POLICY_DROP);
    policy_free(p);
    policy_free(NULL);
    policy_builder_free(NULL);
}

static const struct line FEEDERS[] = {
    {"no 1050", POLICY_DROP, {45}, {{1, 1}}, {{1050, 1050}}, false, 0, 0, DIR_CONTROL},
    {"feeders",
     POLICY_PASS,
     {45, 58, 46},
     {{1, 1}, {7, 9}},
     {{1001, 1100}},
     false,
     0,
     0,
     0},
    {"", POLICY_LOG, {100, 103}, {{1, 1}}, {{0, 0}}, false, 0, 0, 0},
    {"any station", POLICY_PASS, {47}, {{0, 0}}, {{5, 5}}, false, 0, 0, 0},
};

static void test_matching(void **state)
{
    (void)state;
    struct policy *p = line_policy(FEEDERS, 4);
    assert_int_equal(policy_rule_count(p), 4);
    assert_string_equal(policy_rule_name(p, 1), "feeders");
    assert_string_equal(policy_rule_name(p, 2), "");
    assert_string_equal(policy_rule_name(p, 4), "default");
    assert_int_equal(line_rule(p, 45, 1, 1000), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 1, 1001), 1);
    assert_int_equal(line_rule(p, 45, 1, 1050), 0);
    assert_int_equal(line_rule(p, 58, 1, 1050), 1);
    assert_int_equal(line_rule(p, 45, 1, 1100), 1);
    assert_int_equal(line_rule(p, 45, 1, 1101), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 2, 1001), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 6, 1001), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 7, 1050), 1);
    assert_int_equal(line_rule(p, 45, 9, 1001), 1);
    assert_int_equal(line_rule(p, 45, 10, 1001), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 48, 1, 1001), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 100, 1, 0), 2);
    assert_int_equal(line_rule(p, 105, 1, 0), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 47, 1, 5), 3);
    assert_int_equal(line_rule(p, 47, 65534, 5), 3);
    assert_int_equal(line_rule(p, 47, 65534, 6), POLICY_DEFAULT);
    policy_free(p);
}

/* 65535 is a permission of its own. */
static void test_all_stations(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"any", POLICY_PASS, {100, 105}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0},
        {"most", POLICY_PASS, {100, 105}, {{1, 65534}}, {{0, 0}}, false, 0, 0, 0},
        {"all", POLICY_PASS, {100}, {{2, 2}, {65535, 65535}}, {{0, 0}}, false, 0, 0, 0},
    };
    struct policy *p = line_policy(lines, 3);
    assert_int_equal(line_rule(p, 100, 65534, 0), 0);
    assert_int_equal(line_rule(p, 100, 65535, 0), 2);
    assert_int_equal(line_rule(p, 105, 65535, 0), POLICY_DEFAULT);
    policy_free(p);
    p = line_policy(lines, 2);
    assert_int_equal(line_rule(p, 100, 65535, 0), POLICY_DEFAULT);
    policy_free(p);
}

/* Object addresses do not restrict types that have none, and do restrict "all
 * parameters". */
static void test_types_without_address(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"mixed", POLICY_PASS, {45, 100, 105, 113}, {{1, 1}}, {{10, 20}}, false, 0, 0, 0},
        {"all parameters", POLICY_PASS, {113}, {{2, 2}}, {{0, 5}}, false, 0, 0, 0},
    };
    static const uint8_t act_loaded[] = {113, 1, 6, 0, 1, 0, 0, 0, 0, 1};
    uint8_t octets[sizeof act_loaded];
    struct policy *p = line_policy(lines, 2);
    struct policy_decision d;
    struct asdu a;
    assert_int_equal(line_rule(p, 45, 1, 9), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 1, 10), 0);
    assert_int_equal(line_rule(p, 100, 1, 0), 0);
    assert_int_equal(line_rule(p, 105, 1, 0), 0);
    assert_int_equal(line_rule(p, 113, 1, 15), 0);
    memcpy(octets, act_loaded, sizeof octets);
    for (uint8_t ca = 1; ca <= 2; ca++) {
        octets[4] = ca;
        assert_int_equal(
            asdu_parse(octets, sizeof octets, DIR_CONTROL, &PROFILE_104, &a).reason,
            REASON_OK);
        policy_decide(p, DIR_CONTROL, &a, &d);
        assert_int_equal(d.rule, ca == 1 ? POLICY_DEFAULT : 1);
    }
    policy_free(p);
}

static int32_t set_point(const struct policy *p, float value)
{
    uint8_t octets[] = {50, 1, 6, 0, 1, 0, 0x15, 5, 0, 0, 0, 0, 0, 0};
    struct policy_decision d;
    struct asdu a;
    memcpy(octets + 9, &value, 4);
    asdu_parse(octets, sizeof octets, DIR_CONTROL, &PROFILE_104, &a);
    policy_decide(p, DIR_CONTROL, &a, &d);
    return d.rule;
}

static void test_values(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"low", POLICY_PASS, {50}, {{1, 1}}, {{1301, 1301}}, true, 0.0, 110.0, 0},
        {"high", POLICY_LOG, {50, 100}, {{1, 1}}, {{1301, 1301}}, true, 100.0, 200.0, 0},
        {"rest", POLICY_DROP, {50}, {{1, 1}}, {{1300, 1302}}, false, 0, 0, 0},
        {"never", POLICY_PASS, {50}, {{1, 1}}, {{1301, 1301}}, true, -10, 1000, 0},
    };
    struct policy *p = line_policy(lines, 4);
    assert_int_equal(set_point(p, 0.0f), 0);
    assert_int_equal(set_point(p, 110.0f), 0);
    assert_int_equal(set_point(p, 110.5f), 1);
    assert_int_equal(set_point(p, 200.0f), 1);
    assert_int_equal(set_point(p, 200.5f), 2);
    assert_int_equal(set_point(p, -0.5f), 2);
    assert_int_equal(set_point(p, NAN), 2);
    assert_int_equal(set_point(p, INFINITY), 2);
    assert_int_equal(line_rule(p, 100, 1, 0), POLICY_DEFAULT); /* carries no number */
    policy_free(p);
}

/* ---- several objects
 * ----------------------------------------------------------------------- */

static void test_strictest_object_decides(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"noise", POLICY_DROP, {1}, {{1, 1}}, {{105, 105}}, false, 0, 0, DIR_MONITOR},
        {"watch", POLICY_LOG, {1}, {{1, 1}}, {{103, 110}}, false, 0, 0, DIR_MONITOR},
        {"evil", POLICY_CLOSE, {1}, {{1, 1}}, {{120, 120}}, false, 0, 0, DIR_MONITOR},
    };
    struct policy *p = line_policy(lines, 3);
    for (unsigned int sq = 0; sq <= 0x80; sq += 0x80) {
        static const struct {
            uint32_t first;
            uint8_t count;
            int32_t rule;
        } cases[] = {{100, 3, POLICY_DEFAULT},
                     {100, 4, 1},
                     {100, 6, 0},
                     {106, 5, 1},
                     {106, 14, 1},
                     {106, 15, 2},
                     {100, 30, 2},
                     {121, 40, POLICY_DEFAULT}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct make m = {.type = 1,
                                   .cause = 3,
                                   .ioa = cases[i].first,
                                   .vsq = (uint8_t)(sq | cases[i].count)};
            assert_int_equal(line_decide(p, DIR_MONITOR, &m, NULL), cases[i].rule);
        }
    }
    policy_free(p);
}

static void test_unsound_asdu_never_passes(void **state)
{
    (void)state;
    static const enum policy_action defaults[] = {POLICY_PASS, POLICY_LOG, POLICY_CLOSE};
    const uint8_t octets[] = {45, 1, 6, 0, 1, 0, 1, 0, 0};
    for (size_t i = 0; i < 3; i++) {
        struct policy_builder *b = policy_builder_new();
        policy_builder_default(b, DIR_CONTROL, defaults[i]);
        struct policy *p = line_load(b);
        struct policy_decision d;
        struct asdu a;
        for (size_t n = 0; n <= sizeof octets; n++) {
            assert_int_not_equal(
                asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason, REASON_OK);
            policy_decide(p, DIR_CONTROL, &a, &d);
            assert_int_equal(d.action, i == 2 ? POLICY_CLOSE : POLICY_REFUSE);
            assert_int_equal(d.rule, POLICY_DEFAULT);
        }
        policy_free(p);
    }
}

/* A point is known when a rule is about it, whatever value or role that wants. */
static void test_what_is_known(void **state)
{
    static const struct line lines[] = {
        {"level", POLICY_PASS, {50}, {{1, 1}}, {{1301, 1301}}, true, 0, 110, 0},
    };
    static const struct {
        uint8_t type, ca;
        uint16_t ioa;
        enum policy_knowledge knows;
    } rows[] = {
        {50, 1, 1301, POLICY_KNOWS},
        {50, 1, 1302, POLICY_UNKNOWN_OBJECT},
        {50, 2, 1301, POLICY_UNKNOWN_OBJECT},
        {45, 1, 1301, POLICY_UNKNOWN_TYPE},
    };
    struct policy *p = line_policy(lines, 1);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t octets[] = {50, 1, 6, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 0xBF, 0};
        struct asdu a;

        octets[0] = rows[i].type;
        octets[4] = rows[i].ca;
        octets[6] = (uint8_t)rows[i].ioa;
        octets[7] = (uint8_t)(rows[i].ioa >> 8);
        (void)asdu_parse(octets, rows[i].type == 50 ? 14 : 10, DIR_CONTROL, &PROFILE_104,
                         &a);
        assert_int_equal(policy_knows(p, DIR_CONTROL, &a), rows[i].knows);
    }
    policy_free(p);
}

static void test_names_of_actions(void **state)
{
    (void)state;
    static const char *const names[] = {"pass", "log",          "alarm", "refuse",
                                        "drop", "monitor-only", "close"};
    enum policy_action action;
    for (size_t i = 0; i < POLICY_ACTIONS; i++) {
        assert_string_equal(policy_action_name((enum policy_action)i), names[i]);
        assert_true(policy_action_by_name(names[i], &action));
        assert_int_equal(action, i);
    }
    assert_false(policy_action_by_name("allow", &action));
    assert_false(policy_action_by_name("", &action));
    assert_string_equal(policy_action_name((enum policy_action)9), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_all_stations),
        cmocka_unit_test(test_types_without_address),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_strictest_object_decides),
        cmocka_unit_test(test_unsound_asdu_never_passes),
        cmocka_unit_test(test_what_is_known),
        cmocka_unit_test(test_names_of_actions),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
