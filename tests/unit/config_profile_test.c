/* What a route says of its stations: address sizes, quirks, secauth. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_profiles(void **state)
{
    static const struct mistake m[] = {
        {"k = 12", "quirks = [ \"x\" ]", 12, "quirks[0]", "no quirk", "gate104.conf(5)"},
        {"k = 12", "quirks = [ \"reserved-bit\" ]", 12, "quirks[0]", "no quirk",
         "did you mean \"reserved-bits\""},
        {"k = 12", "quirks = [ \"ca-zero\", \"ca-zero\" ]", 12, "quirks[1]",
         "named twice", "remove"},
        {"k = 12", "quirks = [ \"untimed-test\" ]", 12, "quirks[0]", "the master sends",
         "control_quirks"},
        {"k = 12", "control_quirks = [ \"cp24-types\" ]", 12, "control_quirks[0]",
         "the station sends", "quirks = "},
        {"k = 12", "quirks = [ \"secauth\" ]", 12, "quirks[0]", "a setting of the route",
         "secauth = "},
        {"k = 12", "secauth = \"sometimes\"", 12, "secauth", "no way", "passthrough"},
        {"k = 12", "cot_size = 3", 12, "cot_size", "", ""},
        {"k = 12", "ca_size = 0", 12, "ca_size", "", ""},
        {"k = 12", "ioa_size = 4", 12, "ioa_size", "", ""},
    };

    char *text = config_lab_edited("k = 12", "ca_size = 1; quirks = [ \"ca-zero\" ]; "
                                             "control_quirks = ( \"untimed-test\" ); "
                                             "secauth = \"passthrough\"");
    const uint32_t common = QUIRK_BIT(QUIRK_UNTIMED_TEST) | QUIRK_BIT(QUIRK_SECAUTH);
    struct config_errors errs;
    struct config *c;

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
    c = config_lab_load(text, &errs);
    assert_non_null(c);
    assert_int_equal(c->routes[0].profile.cot_size, 2);
    assert_int_equal(c->routes[0].profile.ca_size, 1);
    assert_int_equal(c->routes[0].profile.ioa_size, 3);
    assert_int_equal(c->routes[0].profile.quirks[DIR_CONTROL], common);
    assert_int_equal(c->routes[0].profile.quirks[DIR_MONITOR],
                     common | QUIRK_BIT(QUIRK_CA_ZERO));
    assert_memory_equal(&c->routes[1].profile, &PROFILE_104, sizeof PROFILE_104);
    config_free(c);
    config_errors_free(&errs);
    free(text);
}

/* A policy that speaks of what the validator stops. */
static void test_policy_needs_quirk(void **state)
{
    static const char policy[] =
        "control = { rules = ( { types = [ \"C_TS_NA_1\" ]; ca = [ 1 ]; } ); };\n"
        "monitor = { rules = ( { types = [ 2, 30 ]; action = \"drop\"; } ); };\n";
    static const struct mistake m[] = {
        {"a.policy", "b.policy", 12, "policy", "quirk \"cp24-types\"", "name the quirk"},
        {"a.policy", "b.policy", 12, "policy", "quirk \"untimed-test\"",
         "name the quirk"},
    };
    char *text =
        config_lab_edited("a.policy\";", "b.policy\"; quirks = [ \"cp24-types\" ]; "
                                         "control_quirks = [ \"untimed-test\" ];");
    struct config_errors errs;
    struct config *c;

    (void)state;
    config_lab_spew("b.policy", policy, strlen(policy));
    config_lab_mistakes(m, COUNT(m), CONFIG_WARNING);
    c = config_lab_load(text, &errs);
    assert_non_null(c);
    assert_null(config_lab_find(&errs, CONFIG_WARNING, 12, "policy", "quirk", ""));
    config_free(c);
    config_errors_free(&errs);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_policy_needs_quirk),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
