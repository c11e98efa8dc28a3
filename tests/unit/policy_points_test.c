/* Rules that name points of a list: what passes is what they name, and no more. */
#include "policy/policy.h"
#include "proxy/policy_file.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char csv[] = "/tmp/policy_points_csv.XXXXXX";
static char path[] = "/tmp/policy_points.XXXXXX";
static struct config_errors errs;
static struct policy_file file;
static struct point_list list;

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void load_list(const char *text)
{
    const struct config_place at = {"gate104.conf", 8, "points"};

    point_list_free(&list);
    write_file(csv, text);
    config_errors_free(&errs);
    config_errors_init(&errs);
    if (!point_list_load(csv, &at, &errs, &list)) {
        config_errors_print(&errs, stderr);
        fail();
    }
}

static bool load(const char *rules)
{
    const struct config_place at = {"gate104.conf", 9, "policy"};

    write_file(path, rules);
    config_errors_free(&errs);
    config_errors_init(&errs);
    return policy_file_load_points(path, list.count > 0 ? &list : NULL, &at, &errs,
                                   &file);
}

static struct policy *compile(const char *rules)
{
    struct policy *p = NULL;
    char err[160] = "";

    if (!load(rules)) {
        config_errors_print(&errs, stderr);
        fail();
    }
    assert_true(policy_load(file.blob, file.size, &p, err, sizeof err));
    return p;
}

static int setup(void **state)
{
    const int a = mkstemp(csv), b = mkstemp(path);

    (void)state;
    config_errors_init(&errs);
    return a < 0 || b < 0 || close(a) != 0 || close(b) != 0;
}

static int teardown(void **state)
{
    (void)state;
    point_list_free(&list);
    config_errors_free(&errs);
    return unlink(csv) != 0 || unlink(path) != 0;
}

/* What becomes of a command with this value, which begins the object. */
static struct policy_decision ask(const struct policy *p, uint8_t type, uint16_t ca,
                                  uint32_t ioa, double value)
{
    const struct make m = {
        .type = type, .cause = type == 102 ? 5 : 6, .ca = ca, .ioa = ioa};
    const float number = (float)value;
    uint8_t octets[MAKE_ROOM];
    struct policy_decision d;
    struct asdu a;
    const size_t n = asdu_make(&m, octets);

    if (type == 50)
        memcpy(octets + 9, &number, 4);
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    policy_decide(p, DIR_CONTROL, &a, &d);
    return d;
}

static bool passes(const struct policy *p, uint8_t type, uint16_t ca, uint32_t ioa)
{
    return ask(p, type, ca, ioa, 0).action == POLICY_PASS;
}

static void free_policy(struct policy *p)
{
    policy_free(p);
    policy_file_free(&file);
}

#define CONTROL(rule) "control = { rules = ( " rule " ); };\n"

static const char LIST[] = "name;ca;ioa;type;min;max;select;role\n"
                           "F1 breaker;1;1001;C_SC_NA_1;;;yes;OPERATOR\n"
                           "F1 isolator;1;1002;C_DC_NA_1\n"
                           "F1 state;1;1;M_SP_NA_1\n"
                           "F2 breaker;2;1002;C_SC_NA_1;;;no\n"
                           "F2 setpoint;2;1301;C_SE_NC_1;-0,5;110;;ENGINEER\n"
                           "F3 breaker;3;1001;C_SC_NA_1\n"
                           "F3 setpoint;3;1301;C_SE_NC_1;;50\n";

/* ---- what passes ---- */

static void test_names(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p =
        compile(CONTROL("{ points = [ \"F1 breaker\", \"F2 setpoint\" ]; }"));
    assert_int_equal(policy_rule_count(p), 1);
    assert_true(passes(p, 45, 1, 1001));
    assert_true(passes(p, 50, 2, 1301));
    assert_false(passes(p, 50, 1, 1001)); /* another type */
    assert_false(passes(p, 58, 1, 1001)); /* with time tag: not named */
    assert_false(passes(p, 45, 2, 1001)); /* of the other's station */
    assert_false(passes(p, 45, 2, 1301));
    assert_false(passes(p, 45, 1, 1002));
    assert_false(passes(p, 50, 1, 1301));
    free_policy(p);
}

static void test_patterns(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p = compile(CONTROL("{ points = [ \"F1*\", \"*setpoint\" ]; }"));
    assert_true(passes(p, 45, 1, 1001));
    assert_true(passes(p, 46, 1, 1002));
    assert_true(passes(p, 50, 2, 1301));
    assert_true(passes(p, 50, 3, 1301));
    assert_false(passes(p, 45, 2, 1002));
    assert_false(passes(p, 45, 1, 1)); /* F1 state is no command */
    free_policy(p);
    p = compile(CONTROL("{ points = [ \"F*b*k*r\", \"F1 breaker*\" ]; }"));
    assert_true(passes(p, 45, 3, 1001));
    assert_true(passes(p, 45, 2, 1002));
    assert_false(passes(p, 50, 3, 1301));
    free_policy(p);
}

/* The same object addresses at several stations. */
static void test_same_addresses(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p =
        compile(CONTROL("{ points = [ \"F1 breaker\", \"F3 breaker\" ]; }"));
    assert_true(passes(p, 45, 1, 1001));
    assert_false(passes(p, 45, 2, 1001));
    assert_true(passes(p, 45, 3, 1001));
    free_policy(p);
}

/* The other bound is that of the type. */
static void test_one_bound(void **state)
{
    (void)state;
    load_list("name,ca,ioa,type,max\na,1,1,C_SE_NB_1,50\nb,1,2,C_SE_NC_1,50\n");
    struct policy *p =
        compile(CONTROL("{ points = [ \"*\" ]; limits_from_points = true; }"));
    assert_int_equal(policy_rule_count(p), 2);
    assert_int_equal(ask(p, 50, 1, 2, -40000).action, POLICY_PASS);
    free_policy(p);
}

static void test_types(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p =
        compile(CONTROL("{ types = [ 45, 58, 102 ]; points = [ \"F1*\" ]; }"));
    assert_true(passes(p, 45, 1, 1001));
    assert_true(passes(p, 58, 1, 1001));
    assert_true(passes(p, 102, 1, 1));
    assert_false(passes(p, 46, 1, 1002));
    assert_false(passes(p, 45, 1, 1002)); /* not what that point is */
    assert_false(passes(p, 45, 1, 1));
    assert_false(passes(p, 102, 1, 1001));
    free_policy(p);
}

static void test_monitor_direction(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p =
        compile("monitor = { default = \"drop\"; rules = ( { points = [ \"F1 "
                "state\" ]; } ); }; control = { };");
    struct policy_stats s;
    policy_stats(p, &s);
    assert_int_equal(s.indexes, 1);
    free_policy(p);
}

static void test_limits(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p =
        compile(CONTROL("{ points = [ \"*breaker\", \"*setpoint\" ]; limits_from_points "
                        "= true; rate = \"3/min\"; rate_per = \"point\"; }"));
    struct policy_decision d = ask(p, 50, 3, 1301, 50);

    assert_int_equal(policy_rule_count(p), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(file.line[i], file.line[0]);
    assert_int_equal(d.action, POLICY_PASS);
    assert_int_equal(policy_rule_limits(p, d.rule)->rate_count, 3);
    assert_int_equal(ask(p, 50, 3, 1301, 51).action, POLICY_REFUSE);
    assert_int_equal(ask(p, 50, 3, 1301, -1e38).action, POLICY_PASS);
    /* For certain roles only. */
    assert_int_equal(ask(p, 50, 2, 1301, 50).action, POLICY_REFUSE);
    assert_int_equal(ask(p, 45, 1, 1001, 0).action, POLICY_REFUSE);
    assert_true(file.roles.used);
    d = ask(p, 45, 3, 1001, 0);
    assert_int_equal(d.action, POLICY_PASS);
    assert_int_equal(policy_rule_limits(p, d.rule)->select, POLICY_SELECT_ALLOWED);
    free_policy(p);

    load_list("name,ca,ioa,type,select\na,1,1,45,yes\nb,1,2,45,\n");
    p = compile(CONTROL("{ points = [ \"*\" ]; limits_from_points = true; }"));
    d = ask(p, 45, 1, 1, 0);
    assert_int_equal(policy_rule_limits(p, d.rule)->select, POLICY_SELECT_REQUIRED);
    assert_null(policy_rule_limits(p, ask(p, 45, 1, 2, 0).rule));
    free_policy(p);
}

/* The list's limits are not those of a rule that does not ask for them. */
static void test_without_limits(void **state)
{
    (void)state;
    load_list(LIST);
    struct policy *p = compile(CONTROL(
        "{ points = [ \"*setpoint\" ]; limits_from_points = false; value = [ 0, 5 ]; }"));
    assert_int_equal(policy_rule_count(p), 1);
    assert_int_equal(ask(p, 50, 2, 1301, 5).action, POLICY_PASS);
    assert_int_equal(ask(p, 50, 2, 1301, 6).action, POLICY_REFUSE);
    free_policy(p);
}

/* ---- errors ---- */

static void expect(const char *rules, const char *what, const char *remedy)
{
    assert_false(load(rules));
    assert_true(errs.count > 0);
    assert_string_equal(errs.item[0].what, what);
    assert_string_equal(errs.item[0].remedy, remedy);
    assert_int_equal(errs.item[0].line, 1);
}

static void expect_csv(const char *rules, const char *format, unsigned int line,
                       const char *remedy)
{
    char what[300];
    const char *at = strstr(format, "CSV");

    (void)snprintf(what, sizeof what, "%.*s%s%s", (int)(at - format), format, csv,
                   at + 3);
    if (line > 0)
        (void)snprintf(what + strlen(what), sizeof what - strlen(what), ":%u)", line);
    expect(rules, what, remedy);
}

static void test_errors(void **state)
{
    static const char other[] =
        "remove it, or write it into a rule of the other direction";

    (void)state;
    load_list(LIST);
    expect_csv(CONTROL("{ points = [ \"f1 braker\" ]; }"),
               "\"f1 braker\" is no point of CSV", 0, "did you mean \"F1 breaker\"?");
    expect_csv(CONTROL("{ points = [ \"Transformer\" ]; }"),
               "\"Transformer\" is no point of CSV", 0, "write the name as in the list");
    expect_csv(
        CONTROL("{ points = [ \"F1 state\" ]; }"),
        "\"F1 state\" is M_SP_NA_1, which does not occur in control direction (CSV", 4,
        other);
    expect_csv(CONTROL("{ types = [ 50 ]; points = [ \"F1 breaker\" ]; }"),
               "\"F1 breaker\" is C_SC_NA_1, which none of the rule's types fits (CSV", 2,
               "remove it, or add its type");
    expect_csv(CONTROL("{ points = [ \"F9*\" ]; }"),
               "\"F9*\" fits no point of CSV that occurs in this direction", 0,
               "look at the names of the list");
    expect_csv(CONTROL("{ types = [ 45 ]; points = [ \"*setpoint\" ]; }"),
               "\"*setpoint\" fits no point of CSV that the rule's types fit", 0,
               "look at the names of the list");
    expect(CONTROL("{ types = [ 45, 50 ]; points = [ \"F1*\" ]; }"),
           "none of the rule's points is one for C_SE_NC_1", "remove it");
    expect(CONTROL("{ types = [ 45, 100 ]; points = [ \"F1*\" ]; }"),
           "none of the rule's points is one for C_IC_NA_1", "remove it");
    expect(CONTROL("{ points = [ \"F1*\" ]; ca = [ 1 ]; }"),
           "the rule has points, too, which says the same", "remove it, or points");
    expect(CONTROL("{ points = [ \"F1*\" ]; ioa = [ 1 ]; }"),
           "the rule has points, too, which says the same", "remove it, or points");
    expect(CONTROL("{ points = [ ]; }"), "the list is empty", "name at least one");
}

static void test_limit_errors(void **state)
{
    static const char remedy[] = "remove it, or limits_from_points";
    static const char what[] =
        "the rule has limits_from_points, too, which says the same";

    (void)state;
    load_list(LIST);
#define LISTED(more)                                                                     \
    CONTROL("{ points = [ \"F1 b*\" ]; limits_from_points = true; " more "}")
    expect(LISTED("value = [ 0, 1 ];"), what, remedy);
    expect(LISTED("select = \"required\";"), what, remedy);
    expect(LISTED("roles = [ \"OPERATOR\" ];"), what, remedy);
    expect(LISTED("rate = \"1/min\";"),
           "points with limits of their own cannot share a rate",
           "write rate_per = \"point\";");
    expect(LISTED("action = \"refuse\";"),
           "a select can be asked of commands that pass only",
           "write the limits into the rule");
    expect(CONTROL("{ types = [ 45 ]; limits_from_points = true; }"),
           "the rule names no points", "add points = [ \"NAME\" ];");
    load_list("name,ca,ioa,type,role\na,1,1,45,OPERATR\n");
    assert_false(load(CONTROL("{ points = [ \"a\" ]; limits_from_points = true; }")));
    assert_string_equal(errs.item[0].what, "\"OPERATR\" is no role");
    assert_string_equal(errs.item[0].remedy, "did you mean \"OPERATOR\"?");
    assert_string_equal(errs.item[0].file, csv);
    assert_int_equal(errs.item[0].line, 2);
}

static void test_no_list(void **state)
{
    (void)state;
    point_list_free(&list);
    expect(
        CONTROL("{ points = [ \"a\" ]; }"),
        "the rule names points, and there is no list of them",
        "add points = \"FILE.csv\"; to the route, or --points FILE.csv to the command");
}

/* ---- every point ---- */

#define CAS   4u
#define IOAS  6u
#define TYPES 3u

static uint32_t seed = 5;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void test_every_point(void **state)
{
    static const uint8_t types[TYPES] = {45, 46, 50};
    bool named[TYPES][CAS + 1][IOAS + 1];
    char table[8192], rule[8192];

    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t n = (size_t)sprintf(table, "name;ca;ioa;type\nzero;1;99;45\n"), used;
        const uint32_t rare = 1 + draw(6);

        used = (size_t)sprintf(rule, "control = { rules = ( { points = [ \"zero\"");
        memset(named, 0, sizeof named);
        for (unsigned int t = 0; t < TYPES; t++)
            for (unsigned int ca = 1; ca <= CAS; ca++)
                for (unsigned int ioa = 1; ioa <= IOAS; ioa++) {
                    if (draw(3) == 0)
                        continue;
                    n += (size_t)sprintf(table + n, "p%u.%u.%u;%u;%u;%u\n", t, ca, ioa,
                                         ca, ioa, types[t]);
                    named[t][ca][ioa] = draw(rare) == 0;
                    if (named[t][ca][ioa])
                        used +=
                            (size_t)sprintf(rule + used, ", \"p%u.%u.%u\"", t, ca, ioa);
                }
        (void)sprintf(rule + used, " ]; } ); };");
        load_list(table);
        struct policy *p = compile(rule);
        for (unsigned int t = 0; t < TYPES; t++)
            for (uint16_t ca = 1; ca <= CAS; ca++)
                for (uint32_t ioa = 1; ioa <= IOAS; ioa++)
                    assert_int_equal(passes(p, types[t], ca, ioa), named[t][ca][ioa]);
        free_policy(p);
    }
}

/* ---- 100,000 ---- */

#define MANY 100000u

/* Scattered: no two of them touch. */
static void load_many(void)
{
    char *text = malloc(MANY * 48u + 64), *p = text;

    assert_non_null(text);
    p += sprintf(p, "name;ca;ioa;type\n");
    for (unsigned int i = 0; i < MANY; i++)
        p += sprintf(p, "Feeder %u breaker;%u;%u;C_SC_NA_1\n", i, i % 500 + 1,
                     1 + i * 7919u % 15999983u);
    load_list(text);
    free(text);
}

static void check_many(const char *rules)
{
    struct policy *p = compile(rules);

    for (unsigned int i = 0; i < MANY; i += 977) {
        const uint16_t ca = (uint16_t)(i % 500 + 1);
        const uint32_t ioa = 1 + i * 7919u % 15999983u;
        assert_true(passes(p, 45, ca, ioa));
        assert_false(passes(p, 45, ca, ioa + 1));
        assert_false(passes(p, 45, (uint16_t)(ca + 1), ioa));
        assert_false(passes(p, 46, ca, ioa));
    }
    free_policy(p);
}

static void test_many(void **state)
{
    char *text = malloc(MANY * 64u + 64), *p = text;

    (void)state;
    assert_non_null(text);
    load_many();
    check_many(CONTROL("{ points = [ \"Feeder*\" ]; }"));
    p += sprintf(p, "control = { rules = ( { points = [ \"Feeder 0 breaker\"");
    for (unsigned int i = 1; i < MANY; i++)
        p += sprintf(p, ",\"Feeder %u breaker\"", i);
    (void)sprintf(p, " ]; } ); };");
    check_many(text);
    p = text + sprintf(text, "control = { rules = ( ");
    for (unsigned int i = 0; i < MANY; i++)
        p += sprintf(p, "%s{ points = [ \"Feeder %u breaker\" ]; }", i ? "," : "", i);
    (void)sprintf(p, " ); };");
    check_many(text);
    free(text);
}

static void test_too_many_patterns(void **state)
{
    char *text = malloc(64 * 1024), *p = text;

    (void)state;
    assert_non_null(text);
    load_many();
    p += sprintf(p, "control = { rules = ( { points = [ \"*1\"");
    for (unsigned int i = 0; i < 200; i++)
        p += sprintf(p, ",\"*%u breaker\"", i);
    (void)sprintf(p, " ]; } ); };");
    assert_false(load(text));
    assert_string_equal(errs.item[1].what, "too many names begin with an asterisk");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),     cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_types),     cmocka_unit_test(test_same_addresses),
        cmocka_unit_test(test_one_bound), cmocka_unit_test(test_monitor_direction),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_without_limits),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_limit_errors),
        cmocka_unit_test(test_no_list),   cmocka_unit_test(test_every_point),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_too_many_patterns),
    };

    return cmocka_run_group_tests_name("policy points", tests, setup, teardown);
}
