/* The group rekey of the configuration. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config *load(const char *find, const char *replace)
{
    char *text = config_lab_edited(find, replace);
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    if (!c)
        config_errors_print(&errs, stderr);
    assert_non_null(c);
    config_errors_free(&errs);
    free(text);
    return c;
}

static void test_defaults(void **state)
{
    struct config *c = load("", "");

    (void)state;
    assert_int_equal(c->tls[0].rekey.interval_s, 43200);
    assert_int_equal(c->tls[0].rekey.timeout_s, 10);
    assert_int_equal(c->tls[0].rekey.records, 8388608);
    assert_false(c->tls[0].rekey.close_silent);
    config_free(c);
}

static void test_one_for_all(void **state)
{
    struct config *c = load("crl = [ \"ca.crl\" ];",
                            "crl = [ \"ca.crl\" ]; rekey = { interval = 600; timeout = "
                            "120; records = 65536; silent = \"close\"; };");

    (void)state;
    assert_int_equal(c->tls_count, 1);
    assert_int_equal(c->tls[0].rekey.interval_s, 600);
    assert_int_equal(c->tls[0].rekey.timeout_s, 120);
    assert_int_equal(c->tls[0].rekey.records, 65536);
    assert_true(c->tls[0].rekey.close_silent);
    config_free(c);
}

/* Workers are shared by routes with the same settings only. */
static void test_route_of_its_own(void **state)
{
    struct config *c =
        load("t1 = 15; t2 = 10;", "t1 = 15; tls = { rekey = { interval = 86400; }; };");
    struct tls_config t;

    (void)state;
    assert_int_equal(c->tls_count, 2);
    assert_int_not_equal(c->routes[0].tls, c->routes[1].tls);
    assert_int_equal(c->tls[c->routes[0].tls].rekey.interval_s, 86400);
    assert_int_equal(c->tls[c->routes[1].tls].rekey.interval_s, 43200);
    assert_true(config_tls_role(c, (uint32_t)c->routes[0].tls, &t));
    assert_int_equal(t.rekey.interval_s, 86400);
    assert_int_equal(t.route[0].update_answer_s, 20 + 15 + 10);
    tls_config_free(&t);
    config_free(c);
}

static void test_lab(void **state)
{
    struct config *c = load(
        "crl = [ \"ca.crl\" ];",
        "crl = [ \"ca.crl\" ]; rekey = { interval = 1; records = 100; lab = true; };");

    (void)state;
    assert_int_equal(c->tls[0].rekey.interval_s, 1);
    assert_int_equal(c->tls[0].rekey.records, 100);
    config_free(c);
}

#define REKEY(text) "crl = [ \"ca.crl\" ];", "crl = [ \"ca.crl\" ]; rekey = { " text " };"

static void test_mistakes(void **state)
{
    static const struct mistake errors[] = {
        {REKEY("interval = 599;"), 5, "tls.rekey.interval", "599 is out of range",
         "lab = true"},
        {REKEY("interval = 86401; lab = true;"), 5, "tls.rekey.interval",
         "86401 is out of range", "1 to 86400"},
        {REKEY("interval = 0; lab = true;"), 5, "tls.rekey.interval", "0 is out of range",
         "1 to 86400"},
        {REKEY("records = 65535;"), 5, "tls.rekey.records", "65535 is out of range",
         "lab = true"},
        {REKEY("records = 8388609;"), 5, "tls.rekey.records", "8388609 is out of range",
         "100 to 8388608"},
        {REKEY("timeout = 121;"), 5, "tls.rekey.timeout", "121 is out of range",
         "1 to 120"},
        {REKEY("silent = \"log\";"), 5, "tls.rekey.silent", "\"log\" is no way",
         "\"alarm\" or \"close\""},
        {REKEY("every = 600;"), 5, "tls.rekey.every", "no such key", "remove it"},
    };
    static const struct mistake warnings[] = {
        {REKEY("lab = true;"), 5, "tls.rekey.lab", "faster than IEC 62351-3",
         "remove it"},
    };

    (void)state;
    config_lab_mistakes(errors, sizeof errors / sizeof errors[0], CONFIG_ERROR);
    config_lab_mistakes(warnings, 1, CONFIG_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),         cmocka_unit_test(test_one_for_all),
        cmocka_unit_test(test_route_of_its_own), cmocka_unit_test(test_lab),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
