/* Roles in what people write: policies and routes. */
#include "policy/policy.h"
#include "proxy/policy_file.h"
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The rules of b.policy, on line 2; in front of it stands `head`, on line 1. */
static struct policy_file policy(const char *head, const char *rules, size_t errors,
                                 struct config_errors *errs)
{
    struct config_place at = {"gate104.conf", 1, "policy"};
    struct policy_file file;
    char text[1024], path[128];

    (void)snprintf(text, sizeof text, "%s\ncontrol = { rules = (%s); };\n", head, rules);
    config_lab_spew("b.policy", text, strlen(text));
    (void)snprintf(path, sizeof path, "%s/b.policy", config_lab_folder);
    config_errors_init(errs);
    assert_true(policy_file_load(path, &at, errs, &file) == (errors == 0));
    if (errs->errors != errors) {
        config_errors_print(errs, stderr);
        fail_msg("%zu errors, not %zu", errs->errors, errors);
    }
    return file;
}

#define RULE(keys) "{ types = [ \"C_SC_NA_1\" ]; " keys " }"

static void test_policy(void **state)
{
    struct config_errors errs;
    struct policy *p;
    char err[200];
    struct policy_file f = policy("role_names = { DSO = -1; A-2 = -32768; };",
                                  RULE("roles = [ \"OPERATOR\", \"DSO\" ];") "," RULE(
                                      "roles = ( \"VIEWER\", -7 );"),
                                  0, &errs);

    (void)state;
    assert_true(f.roles.used);
    assert_int_equal(f.roles.count, 3);
    assert_string_equal(f.roles.role[1].name, "A-2");
    assert_int_equal(f.roles.role[1].role, -32768);
    assert_string_equal(f.roles.role[2].name, "-7");
    assert_int_equal(f.roles.role[2].role, -7);
    assert_true(policy_load(f.blob, f.size, &p, err, sizeof err));
    assert_true(policy_role_bit(p, 0) && policy_role_bit(p, 1) && policy_role_bit(p, -1));
    assert_true(policy_role_bit(p, -7) != 0);
    assert_true(policy_role_bit(p, 2) == 0 && policy_role_bit(p, -32768) == 0);
    policy_free(p);
    policy_file_free(&f);
    f = policy("role_names = { DSO = -1; };", RULE(""), 0, &errs);
    assert_false(f.roles.used);
    policy_file_free(&f);
}

struct wrong {
    const char *head, *rules;
    unsigned int line;
    const char *key, *what, *remedy;
};

static void test_policy_mistakes(void **state)
{
    static const struct wrong w[] = {
        {"", RULE("roles = [ \"OPERTOR\" ];"), 2, "control.rules[0].roles[0]", "no role",
         "did you mean \"OPERATOR\"?"},
        {"role_names = { AGGREGATOR = -2; };", RULE("roles = [ \"AGREGATOR\" ];"), 2,
         "roles[0]", "no role", "did you mean \"AGGREGATOR\"?"},
        {"", RULE("roles = [ \"ADMINISTRATOR\" ];"), 2, "roles[0]", "no role",
         "role_names"},
        {"", RULE("roles = [ \"operator\" ];"), 2, "roles[0]", "no role", "OPERATOR"},
        {"", RULE("roles = [ ];"), 2, "roles", "empty", "at least one"},
        {"", RULE("roles = \"OPERATOR\";"), 2, "roles", "wrong type", "a list"},
        {"", RULE("roles = [ 7 ];"), 2, "roles[0]", "7 is no role", "-32768 to -1"},
        {"", RULE("roles = [ -32769 ];"), 2, "roles[0]", "-32769 is no role", "OPERATOR"},
        {"", RULE("roles = [ 1.5 ];"), 2, "roles[0]", "not a string", ""},
        {"", RULE("role = [ 1 ];"), 2, "role", "no such key", "\"roles\""},
        {"role_names = { A = 0; };", RULE(""), 1, "role_names.A", "0 is no number",
         "-32768"},
        {"role_names = { a = -1; };", RULE(""), 1, "role_names.a", "no name of a role",
         "capital"},
        {"role_names = { VIEWER = -1; };", RULE(""), 1, "role_names.VIEWER",
         "is a role of IEC 62351-8", "another name"},
        {"role_names = { A = -1; B = -1; };", RULE(""), 1, "role_names.B", "two names",
         "remove one"},
        {"role_names = { A = \"x\"; };", RULE(""), 1, "role_names.A", "wrong type",
         "NAME = -1;"},
        {"role_names = [ -1 ];", RULE(""), 1, "role_names", "wrong type", ""},
        {"",
         RULE("roles = [-1,-2,-3,-4,-5,-6,-7,-8,-9,-10,-11,-12,-13,-14,-15,-16,-17];"), 2,
         "roles", "17 elements", "fewer"},
        {"role_names = { A = -17; };",
         RULE("roles = [-1,-2,-3,-4,-5,-6,-7,-8,-9,-10,-11,-12,-13,-14,-15,-16];"), 2,
         "roles[15]", "more than 16 private roles", "fewer"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(w); i++) {
        struct config_errors errs;

        (void)policy(w[i].head, w[i].rules, 1, &errs);
        if (!config_lab_find(&errs, CONFIG_ERROR, w[i].line, w[i].key, w[i].what,
                             w[i].remedy)) {
            config_errors_print(&errs, stderr);
            fail_msg("\"%s\" is not found", w[i].what);
        }
        config_errors_free(&errs);
    }
}

/* ---- routes ---- */

static void write_policy(const char *name, const char *roles)
{
    char text[256];

    (void)snprintf(text, sizeof text,
                   "role_names = { DSO = -1; };\ncontrol = { rules = ( { types = [ "
                   "\"C_IC_NA_1\" ]; %s } ); };\n",
                   roles);
    config_lab_spew(name, text, strlen(text));
}

/* Both routes have the policy; the first, or with `wrap` the second, these settings. */
static struct config *load(const char *roles, const char *settings, bool wrap,
                           struct config_errors *errs)
{
    char replace[512], *text;
    struct config *c;

    write_policy("a.policy", roles);
    (void)snprintf(replace, sizeof replace, "%s %s", settings,
                   wrap ? "peer_name" : "allow_from");
    text = config_lab_edited(wrap ? "peer_name" : "allow_from", replace);
    c = config_lab_load(text, errs);
    free(text);
    return c;
}

static void test_route(void **state)
{
    struct config_errors errs;
    struct config *c = load("roles = [ \"OPERATOR\" ];",
                            "areas = [ \"north\", \"s\xC3\xBC"
                            "d\" ]; role_revision = 7; "
                            "role_definitions = [ \"CEI 0-16\" ]; no_role = \"DSO\";",
                            false, &errs);
    struct gate_config g;
    const struct role_settings *s;

    (void)state;
    assert_non_null(c);
    assert_true(config_gate_role(c, 0, &g));
    s = &g.route[0].roles;
    assert_int_equal(s->area_count, 2);
    assert_string_equal(s->area[1], "s\xC3\xBC"
                                    "d");
    assert_true(s->has_revision && s->revision == 7);
    assert_int_equal(s->definition_count, 1);
    assert_string_equal(s->definition[0], "CEI 0-16");
    assert_true(s->has_default && s->default_role == -1);
    assert_int_equal(s->named_count, 1);
    assert_string_equal(s->named[0].name, "DSO");
    gate_config_free(&g);
    config_free(c);
    config_errors_free(&errs);
}

static void test_defaults(void **state)
{
    struct config_errors errs;
    struct config *c = load("", "", false, &errs);

    (void)state;
    assert_non_null(c);
    assert_int_equal(errs.warnings, 0);
    assert_int_equal(c->routes[0].roles.area_count, 1);
    assert_string_equal(c->routes[0].roles.area[0], "rtu-7");
    assert_false(c->routes[0].roles.has_revision || c->routes[0].roles.has_default);
    config_free(c);
    config_errors_free(&errs);
}

struct finding {
    const char *roles, *settings;
    bool wrap;
    enum config_severity severity;
    const char *key, *what, *remedy;
};

#define USED "roles = [ \"OPERATOR\" ];"

static void test_findings(void **state)
{
    static const struct finding f[] = {
        {USED, "areas = [ ];", false, CONFIG_ERROR, "areas", "empty", ""},
        {USED, "areas = [ \"\" ];", false, CONFIG_ERROR, "areas[0]", "1 to 64", ""},
        {USED,
         "areas = [ "
         "\"12345678901234567890123456789012345678901234567890123456789012345\" "
         "];",
         false, CONFIG_ERROR, "areas[0]", "1 to 64", ""},
        {USED, "role_revision = 256;", false, CONFIG_ERROR, "role_revision", "256", ""},
        {USED, "role_definitions = [ \"123456789012345678901234\" ];", false,
         CONFIG_ERROR, "role_definitions[0]", "1 to 23", ""},
        {USED, "no_role = \"VIEVER\";", false, CONFIG_ERROR, "no_role",
         "neither a role nor", "did you mean \"VIEWER\"?"},
        {USED, "no_role = \"DS0\";", false, CONFIG_ERROR, "no_role", "neither",
         "did you mean \"DSO\"?"},
        {USED, "no_role = 1;", false, CONFIG_ERROR, "no_role", "wrong type", ""},
        {USED, "roles = [ \"OPERATOR\" ];", false, CONFIG_ERROR, "roles", "not supported",
         "rules of the policy"},
        {USED, "areas = [ \"x\" ];", true, CONFIG_ERROR, "routes[1].areas",
         "no certificates", "no_role"},
        {USED, "", true, CONFIG_WARNING, "routes[1].policy", "no command will pass",
         "no_role"},
        {"", "no_role = \"VIEWER\";", false, CONFIG_WARNING, "routes[0].no_role",
         "no rule of the policy", "remove"},
        {"", "areas = [ \"x\" ];", false, CONFIG_WARNING, "routes[0].areas",
         "no rule of the policy", "remove"},
        {"", "no_role = \"VIEWER\";", true, CONFIG_WARNING, "routes[1].no_role",
         "no rule of the policy", "remove"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(f); i++) {
        struct config_errors errs;
        struct config *c = load(f[i].roles, f[i].settings, f[i].wrap, &errs);
        bool found = false;

        for (unsigned int line = 8; line <= 18 && !found; line++)
            found = config_lab_find(&errs, f[i].severity, line, f[i].key, f[i].what,
                                    f[i].remedy) != NULL;
        if (!found || (c != NULL) != (f[i].severity == CONFIG_WARNING)) {
            config_errors_print(&errs, stderr);
            fail_msg("\"%s\" is not found for %s", f[i].what, f[i].settings);
        }
        config_free(c);
        config_errors_free(&errs);
    }
}

/* no_role makes rules with roles match in wrap-master: nothing to warn of. */
static void test_wrap_master_with_a_role(void **state)
{
    struct config_errors errs;
    struct config *c = load(USED, "no_role = \"OPERATOR\";", true, &errs);

    (void)state;
    assert_non_null(c);
    assert_int_equal(errs.warnings, 0);
    config_free(c);
    config_errors_free(&errs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),   cmocka_unit_test(test_policy_mistakes),
        cmocka_unit_test(test_route),    cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_findings), cmocka_unit_test(test_wrap_master_with_a_role),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
