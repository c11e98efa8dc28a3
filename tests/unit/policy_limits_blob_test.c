/* Limits of rules on their way to the gate: what was put in comes out, and what is none
 * is refused. */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LIMITS(s, p, n, m)                                                               \
    {                                                                                    \
        .select = (s), .per = (p), .rate_count = (n), .rate_seconds = (m)                \
    }
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char err[200];

static void add(struct policy_builder *b, const struct policy_limits *limits)
{
    struct policy_rule r = {.name = "r", .limits = *limits};

    policy_types_set(r.types, 45);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
}

static void test_limits_come_back(void **state)
{
    static const struct policy_limits none,
        some[] = {
            LIMITS(POLICY_SELECT_REQUIRED, POLICY_PER_SESSION, 0, 0),
            LIMITS(POLICY_SELECT_FORBIDDEN, POLICY_PER_POINT, 1, 86400),
            LIMITS(POLICY_SELECT_ALLOWED, POLICY_PER_ROUTE, 100000, 1),
        };
    struct policy_builder *b = policy_builder_new();
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n;

    (void)state;
    add(b, &none);
    for (size_t i = 0; i < COUNT(some); i++)
        add(b, &some[i]);
    policy_builder_select_timeout(b, 7);
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    assert_null(policy_rule_limits(p, 0));
    for (size_t i = 0; i < COUNT(some); i++) {
        const struct policy_limits *l = policy_rule_limits(p, (int32_t)i + 1);
        assert_non_null(l);
        assert_memory_equal(l, &some[i], sizeof *l);
    }
    assert_null(policy_rule_limits(p, (int32_t)COUNT(some) + 1));
    assert_null(policy_rule_limits(p, POLICY_NO_ROLE));
    assert_true(policy_has_rates(p));
    assert_int_equal(policy_select_timeout_ms(p), 7000);
    policy_free(p);
    /* Octets of the last rule: select, per, count and seconds stand at the end. */
    uint8_t copy[512];
    memcpy(copy, blob, n);
    memset(copy + n - 8, 0, 4);
    assert_false(policy_load(copy, n, &p, err, sizeof err));
    policy_builder_free(b);
}

static void test_without_limits(void **state)
{
    static const struct policy_limits none;
    struct policy_builder *b = policy_builder_new();
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n;

    (void)state;
    add(b, &none);
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    assert_null(policy_rule_limits(p, 0));
    assert_false(policy_has_rates(p));
    assert_int_equal(policy_select_timeout_ms(p), POLICY_SELECT_TIMEOUT * 1000);
    policy_free(p);
    policy_builder_free(b);
}

/* What no file says, a hostile monitor's blob might. */
static void test_rules_that_are_none(void **state)
{
    static const struct policy_limits bad[] = {
        LIMITS(3, 0, 0, 0), LIMITS(0, 4, 1, 1),     LIMITS(0, 0, 100001, 1),
        LIMITS(0, 0, 1, 0), LIMITS(0, 0, 1, 86401), LIMITS(1, 0, 0, 5),
    };
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "r"};

    (void)state;
    policy_types_set(r.types, 45);
    for (size_t i = 0; i < COUNT(bad); i++) {
        r.limits = bad[i];
        assert_false(policy_builder_add(b, &r, err, sizeof err));
    }
    r.limits = (struct policy_limits){.select = 1};
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    r.action = POLICY_REFUSE;
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    policy_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_come_back),
        cmocka_unit_test(test_without_limits),
        cmocka_unit_test(test_rules_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
