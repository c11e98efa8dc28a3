/* Select before operate and rates, from the policy's text to what the gate asks. */
#include "policy/policy.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LIMITS(s, p, n, m)                                                               \
    {                                                                                    \
        .select = (s), .per = (p), .rate_count = (n), .rate_seconds = (m)                \
    }

static char found[2000];

static void test_limits_are_read(void **state)
{
    static const struct {
        const char *keys;
        struct policy_limits limits;
    } rows[] = {
        {"rate = \"10/min\";", LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_SESSION, 10, 60)},
        {"rate = \"1/s\"; rate_per = \"point\";",
         LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_POINT, 1, 1)},
        {"rate = \"3/30s\"; rate_per = \"peer\";",
         LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_PEER, 3, 30)},
        {"rate = \"100000/24h\"; rate_per = \"route\";",
         LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_ROUTE, 100000, 86400)},
        {"rate = \"5/d\"; rate_per = \"session\"; action = \"log\";",
         LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_SESSION, 5, 86400)},
        {"select = \"required\";",
         LIMITS(POLICY_SELECT_REQUIRED, POLICY_PER_SESSION, 0, 0)},
        {"select = \"forbidden\"; rate = \"2/h\";",
         LIMITS(POLICY_SELECT_FORBIDDEN, POLICY_PER_SESSION, 2, 3600)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct policy *p;
        const struct policy_limits *l;

        (void)snprintf(
            text, sizeof text,
            "control = { rules = ( { types = [ 46 ]; }, { types = [ 45 ]; %s } "
            "); };",
            rows[i].keys);
        p = policy_text_load(text, found, sizeof found);
        if (!p)
            fail_msg("%s", found);
        l = policy_rule_limits(p, 1);
        assert_non_null(l);
        assert_int_equal(l->select, rows[i].limits.select);
        assert_int_equal(l->per, rows[i].limits.per);
        assert_int_equal(l->rate_count, rows[i].limits.rate_count);
        assert_int_equal(l->rate_seconds, rows[i].limits.rate_seconds);
        assert_int_equal(policy_has_rates(p), rows[i].limits.rate_count > 0);
        assert_null(policy_rule_limits(p, 0));
        assert_null(policy_rule_limits(p, 2));
        assert_null(policy_rule_limits(p, POLICY_DEFAULT));
        policy_free(p);
    }
}

static void test_no_limits(void **state)
{
    struct policy *p = policy_text_load(
        "control = { select_timeout = 3600; rules = ( { types = [ 45 ]; select = "
        "\"allowed\"; } ); };",
        found, sizeof found);

    (void)state;
    assert_non_null(p);
    assert_null(policy_rule_limits(p, 0));
    assert_false(policy_has_rates(p));
    assert_int_equal(policy_select_timeout_ms(p), 3600000);
    policy_free(p);
    p = policy_text_load("control = { };", found, sizeof found);
    assert_int_equal(policy_select_timeout_ms(p), 30000);
    policy_free(p);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *keys, *what, *remedy;
    } rows[] = {
        {"select = \"requird\";", "none of its words", "required"},
        {"select = true;", "wrong type", ""},
        {"rate = 10;", "wrong type", ""},
        {"rate = \"10\";", "no rate", "3/30s"},
        {"rate = \"10/fortnight\";", "no rate", "3/30s"},
        {"rate = \"/min\";", "no rate", ""},
        {"rate = \"-1/min\";", "no rate", ""},
        {"rate = \"1/1min \";", "no rate", ""},
        {"rate = \"1/9999999s\";", "no rate", ""},
        {"rate = \"0/min\";", "out of range", "remove the rule"},
        {"rate = \"100001/min\";", "out of range", "1 to 100000"},
        {"rate = \"1/0s\";", "out of range", "a day"},
        {"rate = \"1/25h\";", "out of range", "a day"},
        {"rate = \"1/86400d\";", "out of range", "a day"},
        {"rate = \"1/49711d\";", "out of range", "a day"}, /* 2^32 s and a bit */
        {"rate_per = \"point\";", "no rate", "add rate"},
        {"rate = \"1/s\"; rate_per = \"user\";", "none of its words", "\"peer\""},
        {"select = \"required\"; action = \"refuse\";", "let commands pass", "remove"},
        {"rate = \"1/s\"; action = \"drop\";", "let commands pass", "remove"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];

        (void)snprintf(text, sizeof text,
                       "control = { rules = (\n { types = [ 45 ]; %s } ); };",
                       rows[i].keys);
        assert_null(policy_text_load(text, found, sizeof found));
        if (!strstr(found, rows[i].what) || !strstr(found, rows[i].remedy) ||
            !strstr(found, ":2: error: control.rules[0]."))
            fail_msg("%s\n%s", text, found);
    }
}

static void test_where_they_have_no_meaning(void **state)
{
    static const char *const texts[][2] = {
        {"control = { rules = ( { types = [ 100 ]; select = \"required\"; } ); };",
         "C_IC_NA_1 has no S/E bit"},
        {"control = { }; monitor = { rules = ( { types = [ 1 ]; rate = \"1/s\"; } ); };",
         "let commands pass"},
        {"control = { }; monitor = { select_timeout = 5; };", "nothing is selected"},
        {"control = { select_timeout = 0; };", "select_timeout"},
        {"control = { select_timeout = 3601; };", "select_timeout"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_null(policy_text_load(texts[i][0], found, sizeof found));
        if (!strstr(found, texts[i][1]))
            fail_msg("%s\n%s", texts[i][0], found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_are_read),
        cmocka_unit_test(test_no_limits),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_where_they_have_no_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
