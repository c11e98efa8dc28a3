/* Policy files: what is written is what passes; what cannot be kept is an error. */
#include "policy/policy.h"
#include "proxy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char path[] = "/tmp/gate104-policy-XXXXXX";

static bool load(const char *text, struct config_errors *errs, struct policy_file *out)
{
    struct config_place at = {"gate104.conf", 9, "policy"};
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    config_errors_init(errs);
    return policy_file_load(path, &at, errs, out);
}

/* Compiles a text without a mistake. */
static struct policy *compile(const char *text, size_t warnings)
{
    struct config_errors errs;
    struct policy_file file;
    struct policy *p = NULL;
    char err[160] = "";

    if (!load(text, &errs, &file)) {
        config_errors_print(&errs, stderr);
        fail();
    }
    assert_int_equal(errs.warnings, warnings);
    if (!policy_load(file.blob, file.size, &p, err, sizeof err))
        fail_msg("%s", err);
    policy_file_free(&file);
    config_errors_free(&errs);
    return p;
}

/* What becomes of the first octets of an ASDU in control direction with cause 6 (or 5 for
 * C_RD): type, CA, IOA, elements. */
static enum policy_action decide(const struct policy *p, uint8_t type, uint16_t ca,
                                 uint32_t ioa, const uint8_t *element, size_t n)
{
    uint8_t octets[32] = {type,
                          1,
                          6,
                          0,
                          (uint8_t)ca,
                          (uint8_t)(ca >> 8),
                          (uint8_t)ioa,
                          (uint8_t)(ioa >> 8),
                          (uint8_t)(ioa >> 16)};
    struct policy_decision d;
    struct asdu asdu;

    memcpy(octets + 9, element, n);
    assert_int_equal(asdu_parse(octets, 9 + n, DIR_CONTROL, &PROFILE_104, &asdu).reason,
                     REASON_OK);
    policy_decide(p, DIR_CONTROL, &asdu, &d);
    return d.action;
}

static enum policy_action single(const struct policy *p, uint16_t ca, uint32_t ioa)
{
    static const uint8_t on = 0x01;

    return decide(p, 45, ca, ioa, &on, 1);
}

static enum policy_action setpoint(const struct policy *p, uint32_t ioa, float value)
{
    uint8_t element[5] = {0};

    memcpy(element, &value, 4);
    return decide(p, 50, 1, ioa, element, sizeof element);
}

static enum policy_action interrogation(const struct policy *p, uint16_t ca)
{
    static const uint8_t station = 20;

    return decide(p, 100, ca, 0, &station, 1);
}

/* ---- what is right ---------------------------------------------------------------- */

/* The sample of the manual. */
static const char sample[] =
    "monitor = { default = \"pass\"; };        # RTU to master\n"
    "control = { default = \"refuse\"; rules = (\n"
    "  { name = \"feeder breakers\"; types = [ \"C_SC_NA_1\", \"C_SC_TA_1\" ];\n"
    "    ca = [ 1 ]; ioa = [ \"1001-1100\" ]; },\n"
    "  { name = \"setpoint\"; types = [ \"C_SE_NC_1\" ]; ca = [ 1 ]; ioa = [ \"1301\" "
    "];\n"
    "    value = [ 0.0, 110.0 ]; },\n"
    "  { types = [ \"C_IC_NA_1\", \"C_CS_NA_1\" ]; ca = [ 1 ]; } ); };\n";

static void test_sample_does_what_it_says(void **state)
{
    struct policy *p = compile(sample, 0);

    (void)state;
    assert_int_equal(policy_rule_count(p), 3);
    assert_string_equal(policy_rule_name(p, 0), "feeder breakers");
    assert_int_equal(single(p, 1, 1001), POLICY_PASS);
    assert_int_equal(single(p, 1, 1100), POLICY_PASS);
    assert_int_equal(single(p, 1, 1000), POLICY_REFUSE);
    assert_int_equal(single(p, 1, 1101), POLICY_REFUSE);
    assert_int_equal(single(p, 2, 1001), POLICY_REFUSE);
    assert_int_equal(setpoint(p, 1301, 0.0f), POLICY_PASS);
    assert_int_equal(setpoint(p, 1301, 110.0f), POLICY_PASS);
    assert_int_equal(setpoint(p, 1301, 110.5f), POLICY_REFUSE);
    assert_int_equal(setpoint(p, 1301, -0.5f), POLICY_REFUSE);
    assert_int_equal(setpoint(p, 1302, 1.0f), POLICY_REFUSE);
    assert_int_equal(interrogation(p, 1), POLICY_PASS);
    assert_int_equal(interrogation(p, 65535), POLICY_REFUSE);
    assert_int_equal(policy_default(p, DIR_MONITOR), POLICY_PASS);
    policy_free(p);
}

static void test_numbers_ranges_and_broadcast(void **state)
{
    struct policy *p =
        compile("control = { rules = (\n"
                " { types = [ 45 ]; ca = ( 7, \"10-12\" ); ioa = ( 5, \"8-9\" ); },\n"
                " { types = [ 100 ]; ca = [ \"broadcast\" ]; },\n"
                " { types = [ 100 ]; ca = [ \"1-65534\" ]; action = \"drop\"; } ); };\n",
                0);

    (void)state;
    assert_int_equal(single(p, 7, 5), POLICY_PASS);
    assert_int_equal(single(p, 7, 6), POLICY_REFUSE);
    assert_int_equal(single(p, 12, 9), POLICY_PASS);
    assert_int_equal(single(p, 13, 9), POLICY_REFUSE);
    assert_int_equal(interrogation(p, 65535), POLICY_PASS);
    assert_int_equal(interrogation(p, 3), POLICY_DROP);
    policy_free(p);
}

static void test_defaults_and_actions(void **state)
{
    struct policy *p =
        compile("monitor = { default = \"log\"; };\n"
                "control = { default = \"close\"; rules = (\n"
                " { types = [ 45 ]; ioa = [ 1 ]; action = \"log\"; },\n"
                " { types = [ 45 ]; ioa = [ 2 ]; action = \"refuse\"; } ); };\n",
                0);

    (void)state;
    assert_int_equal(single(p, 1, 1), POLICY_LOG);
    assert_int_equal(single(p, 1, 2), POLICY_REFUSE);
    assert_int_equal(single(p, 1, 3), POLICY_CLOSE);
    assert_int_equal(policy_default(p, DIR_MONITOR), POLICY_LOG);
    policy_free(p);
}

static void test_monitor_rule_without_types_means_all(void **state)
{
    struct policy *p = compile("monitor = { default = \"drop\"; rules = (\n"
                               " { ca = [ 1 ]; } ); };\n"
                               "control = { rules = ( { types = [ 45 ]; } ); };\n",
                               0);

    (void)state;
    assert_int_equal(policy_rule_count(p), 2);
    assert_int_equal(policy_default(p, DIR_MONITOR), POLICY_DROP);
    policy_free(p);
}

static void test_conditions_are_read(void **state)
{
    static const uint8_t read = 0x05, freeze = 0x45;
    static const uint8_t select = 0x85, execute = 0x05, other = 0x09;
    struct policy *p = compile(
        "control = { rules = (\n"
        " { types = [ \"C_CI_NA_1\" ]; qualifier = [ \"1-5\" ]; },\n"
        " { types = [ 45 ]; ioa = [ 1 ]; se = \"execute\"; qualifier = [ 1 ]; },\n"
        " { types = [ 45 ]; ioa = [ 2 ]; se = \"select\"; },\n"
        " { types = [ 45 ]; ioa = [ 3 ]; cot = [ \"deactivation\" ]; },\n"
        " { types = [ 45 ]; ioa = [ 4 ]; cot = ( 6, \"deactivation\" ); },\n"
        " { types = [ 45 ]; ioa = [ 5 ]; oa = ( 1, \"3-255\" ); },\n"
        " { types = [ 45 ]; ioa = [ 6 ]; oa = ( \"0-2\" ); } ); };\n",
        0);

    (void)state;
    assert_int_equal(decide(p, 101, 1, 0, &read, 1), POLICY_PASS);
    assert_int_equal(decide(p, 101, 1, 0, &freeze, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 1, &execute, 1), POLICY_PASS);
    assert_int_equal(decide(p, 45, 1, 1, &select, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 1, &other, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 2, &select, 1), POLICY_PASS);
    assert_int_equal(decide(p, 45, 1, 2, &execute, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 3, &execute, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 4, &execute, 1), POLICY_PASS);
    assert_int_equal(decide(p, 45, 1, 5, &execute, 1), POLICY_REFUSE);
    assert_int_equal(decide(p, 45, 1, 6, &execute, 1), POLICY_PASS);
    policy_free(p);
}

static void test_hash_is_that_of_the_octets(void **state)
{
    struct config_errors errs;
    struct policy_file a;
    struct policy_file b;

    (void)state;
    assert_true(load(sample, &errs, &a));
    config_errors_free(&errs);
    assert_true(load("control = { };", &errs, &b));
    config_errors_free(&errs);
    assert_memory_not_equal(a.hash, b.hash, sizeof a.hash);
    policy_file_free(&a);
    policy_file_free(&b);
}

/* ---- what is wrong ---------------------------------------------------------------- */

struct mistake {
    const char *text; /* the whole file */
    unsigned int line;
    const char *key, *what, *remedy;
};

static bool found(const struct config_errors *e, enum config_severity severity,
                  const struct mistake *m)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct config_finding *f = &e->item[i];

        if (f->severity == severity && f->line == m->line && strstr(f->key, m->key) &&
            strstr(f->what, m->what) && strstr(f->remedy, m->remedy) &&
            strcmp(f->file, path) == 0)
            return true;
    }
    return false;
}

static void check_mistake(const struct mistake *m, enum config_severity severity)
{
    struct config_errors errs;
    struct policy_file file;
    bool good = load(m->text, &errs, &file);

    if (!found(&errs, severity, m)) {
        print_message("%s\n", m->text);
        config_errors_print(&errs, stderr);
        fail_msg("\"%s\" is not found on line %u", m->what, m->line);
    }
    assert_int_equal(good, severity == CONFIG_WARNING);
    if (good)
        policy_file_free(&file);
    config_errors_free(&errs);
}

/* A control rule with something wrong on line 2. */
#define RULE(text)                                                                       \
    "control = { rules = ( { types = [ \"C_SC_NA_1\" ];\n" text "\n} ); };\n"

static void test_mistakes_in_rules(void **state)
{
    static const struct mistake m[] = {
        {RULE("iao = [ 1 ];"), 2, "control.rules[0].iao", "no such key", "\"ioa\""},
        {RULE("ioa = 1;"), 2, "ioa", "wrong type", "a list"},
        {RULE("ioa = [ ];"), 2, "ioa", "empty", "at least one"},
        {RULE("ioa = [ 16777216 ];"), 2, "ioa[0]", "16777216 is out of range",
         "16777215"},
        {RULE("ioa = [ 1, -1 ];"), 2, "ioa[1]", "-1 is out of range", "16777215"},
        {RULE("ioa = [ \"5-3\" ];"), 2, "ioa[0]", "5 is larger than 3", "smaller"},
        {RULE("ioa = [ \"1001-1100-2\" ];"), 2, "ioa[0]", "neither", "1001-1100"},
        {RULE("ioa = [ \"0x10\" ];"), 2, "ioa[0]", "neither", ""},
        {RULE("ioa = [ \"\" ];"), 2, "ioa[0]", "neither", ""},
        {RULE("ioa = [ \"broadcast\" ];"), 2, "ioa[0]", "neither", ""},
        {RULE("ioa = [ \"1 - 5\" ];"), 2, "ioa[0]", "neither", ""},
        {RULE("ioa = [ 1.5 ];"), 2, "ioa[0]", "wrong type", ""},
        {RULE("ioa = [ 4294968297 ];"), 2, "", "above 2147483647", ""},
        {RULE("ioa = [ \"99999999999999\" ];"), 2, "ioa[0]", "neither", ""},
        {RULE("ca = [ 0 ];"), 2, "ca[0]", "0 is out of range", "65534"},
        {RULE("ca = [ \"1-65535\" ];"), 2, "ca[0]", "all stations", "broadcast"},
        {RULE("ca = [ 65536 ];"), 2, "ca[0]", "65536 is out of range", "65534"},
        {RULE("action = \"allow\";"), 2, "action", "no action", "\"pass\""},
        {RULE("action = \"refus\";"), 2, "action", "no action",
         "did you mean \"refuse\"?"},
        {RULE("value = [ 0 ];"), 2, "value", "not two", "SMALLEST"},
        {RULE("value = [ 1, 0 ];"), 2, "value", "larger", "smaller"},
        {RULE("value = [ 0.0, 1e999 ];"), 2, "value[1]", "not a finite", "110"},
        {RULE("value = [ \"0\", \"1\" ];"), 2, "value[0]", "not a finite", "110"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(m); i++)
        check_mistake(&m[i], CONFIG_ERROR);
}

#define RULE_OF(type, text)                                                              \
    "control = { rules = ( { types = [ \"" type "\" ];\n" text "\n} ); };\n"

static void test_mistakes_in_conditions(void **state)
{
    static const struct mistake m[] = {
        {RULE("cot = 6;"), 2, "cot", "wrong type", "a list"},
        {RULE("cot = [ ];"), 2, "cot", "empty", "at least one"},
        {RULE("cot = [ 64 ];"), 2, "cot[0]", "64 is out of range", "63"},
        {RULE("cot = [ 0 ];"), 2, "cot[0]", "0 is out of range", "63"},
        {RULE("cot = [ \"activaton\" ];"), 2, "cot[0]", "no cause",
         "did you mean \"activation\"?"},
        {RULE("cot = [ \"reserved\" ];"), 2, "cot[0]", "no cause", ""},
        {RULE("cot = [ 3 ];"), 2, "cot[0]", "no type of the rule", "remove"},
        {RULE("cot = ( 6, \"5-3\" );"), 2, "cot[1]", "5 is larger than 3", "smaller"},
        {RULE("se = \"selected\";"), 2, "se", "S/E bit says", "\"execute\""},
        {RULE("se = 1;"), 2, "se", "wrong type", ""},
        {RULE_OF("C_IC_NA_1", "se = \"select\";"), 2, "se", "has no S/E bit",
         "of its own"},
        {RULE("qualifier = [ 256 ];"), 2, "qualifier[0]", "256 is out of range", "255"},
        {RULE("qualifier = [ 32 ];"), 2, "qualifier", "go to 31 only", "S/E bit"},
        {RULE_OF("C_SE_NC_1", "qualifier = [ 128 ];"), 2, "qualifier", "go to 127 only",
         ""},
        {RULE_OF("C_CS_NA_1", "qualifier = [ 1 ];"), 2, "qualifier", "has no qualifier",
         "of its own"},
        {RULE("oa = [ 256 ];"), 2, "oa[0]", "256 is out of range", "255"},
        {RULE("oa = [ ];"), 2, "oa", "empty", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(m); i++)
        check_mistake(&m[i], CONFIG_ERROR);
}

static void test_mistakes_in_files(void **state)
{
    static const struct mistake m[] = {
        {"", 0, "control", "missing", "add control"},
        {"controll = { };", 1, "controll", "no such key", "\"control\""},
        {"control = { defualt = \"refuse\"; };", 1, "control.defualt", "no such key",
         "\"default\""},
        {"control = { default = \"no\"; };", 1, "control.default", "no action", ""},
        {"control = { };\nmonitor = { default = \"refuse\"; };", 2, "monitor.default",
         "nobody is answered", "drop"},
        {"control = { rules = ( 1 ); };", 1, "rules[0]", "wrong type", "a group"},
        {"control = { rules = ( { ca = [ 1 ]; } ); };", 1, "rules[0].types", "missing",
         "add types"},
        {"control = { rules = ( { types = [ ]; } ); };", 1, "types", "empty", ""},
        {"control = { rules = (\n{ types = [ \"C_SC_NA1\" ]; } ); };", 2, "types[0]",
         "no type", "did you mean \"C_SC_NA_1\"?"},
        {"control = { rules = ( { types = [ 22 ]; } ); };", 1, "types[0]", "no TypeID",
         ""},
        {"control = { rules = ( { types = [ 301 ]; } ); };", 1, "types[0]", "no TypeID",
         ""},
        {"control = { rules = ( { types = [ \"M_SP_NA_1\" ]; } ); };", 1, "types[0]",
         "does not occur in control", "other direction"},
        {"control = { rules = ( { types = [ \"C_IC_NA_1\" ]; value = [ 0, 1 ]; } ); };",
         1, "value", "carries no number", "of its own"},
        {"control = { rules = ( { types = [ 45 ];\n name = "
         "\"0123456789012345678901234567890123456789012345678901234567890123\"; } ); };",
         2, "name", "more than 63", "shorter"},
        {"@include \"x\"\ncontrol = { };", 1, "", "including", ""},
        {"control = {\n rules = ( { types = [ 45 ]; } ;\n };", 3, "", "stands against",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(m); i++)
        check_mistake(&m[i], CONFIG_ERROR);
}

static void test_warnings(void **state)
{
    static const struct mistake m[] = {
        {"control = { };", 1, "control.rules", "no command at all", "add rules"},
        {"control = { default = \"pass\"; };", 1, "control.default", "will pass",
         "refuse"},
        {"control = { rules = ( { types = [ \"C_SE_NA_1\" ];\n value = [ 0, 110 ]; } ); "
         "};",
         2, "value", "from -1 to 1 only", "unit"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(m); i++)
        check_mistake(&m[i], CONFIG_WARNING);
}

static void test_missing_file_is_told_where_it_was_named(void **state)
{
    struct config_place at = {"gate104.conf", 9, "policy"};
    struct config_errors errs;
    struct policy_file file;

    (void)state;
    config_errors_init(&errs);
    assert_false(policy_file_load("/nonexistent/p", &at, &errs, &file));
    assert_int_equal(errs.count, 1);
    assert_string_equal(errs.item[0].file, "gate104.conf");
    assert_int_equal(errs.item[0].line, 9);
    config_errors_free(&errs);
}

static int set_up(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_does_what_it_says),
        cmocka_unit_test(test_numbers_ranges_and_broadcast),
        cmocka_unit_test(test_defaults_and_actions),
        cmocka_unit_test(test_monitor_rule_without_types_means_all),
        cmocka_unit_test(test_hash_is_that_of_the_octets),
        cmocka_unit_test(test_mistakes_in_rules),
        cmocka_unit_test(test_mistakes_in_conditions),
        cmocka_unit_test(test_conditions_are_read),
        cmocka_unit_test(test_mistakes_in_files),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_missing_file_is_told_where_it_was_named),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
