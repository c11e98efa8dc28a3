/* Lists of points that routes name: what they do to policies, what audit is told, what a
 * reload says of them. */
#include "proxy/config_build.h"
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void spew(const char *name, const char *text)
{
    config_lab_spew(name, text, strlen(text));
}

static int set_up(void **state)
{
    const int status = config_lab_set_up(state);

    spew("one.csv", "name,ca,ioa,type\nbreaker,1,1001,C_SC_NA_1\nfar,300,70000,45\n");
    spew("two.csv", "name,ca,ioa,type\nbreaker,2,1002,C_SC_NA_1\n");
    spew("bad.csv", "name,ca,ioa\n");
    spew("named.policy", "control = { rules = ( { points = [ \"breaker\" ]; } ); };\n");
    return status;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"one.csv", "two.csv", "bad.csv", "named.policy"};
    char path[128];

    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", config_lab_folder, names[i]);
        (void)unlink(path);
    }
    return config_lab_tear_down(state);
}

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"k = 12", "points = 1", 12, "points", "wrong type", ""},
        {"k = 12", "points = \"none.csv\"", 12, "points", "cannot open",
         "create the file or correct the path"},
        {"k = 12", "points = \"bad.csv\"", 1, "type", "missing", "write a first row"},
        {"\"a.policy\"; enforce", "\"named.policy\"; enforce", 1, "points", "no list",
         "add points = "},
    };
    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static struct config *load(const char *one, const char *two)
{
    char *text = config_lab_edited("policy = \"a.policy\"; enforce = true; k = 12;", one);
    char *at = strstr(text, "policy = \"a.policy\"; }");
    char whole[4096];
    struct config_errors errs;
    struct config *c;

    assert_non_null(at);
    (void)snprintf(whole, sizeof whole, "%.*s%s }%s", (int)(at - text), text, two,
                   at + strlen("policy = \"a.policy\"; }"));
    c = config_lab_load(whole, &errs);
    if (!c) {
        config_errors_print(&errs, stderr);
        fail();
    }
    config_errors_free(&errs);
    free(text);
    return c;
}

#define ROUTE(policy, points) "policy = \"" policy "\"; points = \"" points "\";"

static void test_sizes(void **state)
{
    static const char *const sizes[] = {"ca_size = 1;", "ioa_size = 2;"};
    struct config_errors errs;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char with[200];
        (void)snprintf(with, sizeof with, "points = \"one.csv\"; %s k = 12", sizes[i]);
        char *text = config_lab_edited("k = 12", with);
        struct config *c = config_lab_load(text, &errs);
        assert_non_null(c);
        assert_non_null(config_lab_find(&errs, CONFIG_WARNING, 12, "points",
                                        "1 points have addresses",
                                        "ca_size and ioa_size"));
        config_free(c);
        config_errors_free(&errs);
        free(text);
    }
}

/* The same file is compiled once for each list. */
static void test_policies(void **state)
{
    struct config *c =
        load(ROUTE("named.policy", "one.csv"), ROUTE("named.policy", "two.csv"));

    (void)state;
    assert_int_equal(c->policy_count, 2);
    assert_int_equal(c->points_count, 2);
    assert_memory_equal(c->policies[0].hash, c->policies[1].hash, POLICY_HASH_SIZE);
    assert_true(c->policies[0].size == c->policies[1].size &&
                memcmp(c->policies[0].blob, c->policies[1].blob, c->policies[0].size) !=
                    0);
    assert_ptr_equal(config_points_of(c, c->routes[1].points), &c->points[1].list);
    config_free(c);
    c = load(ROUTE("named.policy", "one.csv"), ROUTE("named.policy", "one.csv"));
    assert_int_equal(c->policy_count, 1);
    assert_int_equal(c->points_count, 1);
    config_free(c);
    c = load(ROUTE("a.policy", "one.csv"), "policy = \"a.policy\";");
    assert_null(config_points_of(c, c->routes[1].points));
    assert_int_equal(c->policy_count, 2);
    config_free(c);
}

static void test_audit(void **state)
{
    struct config *c = load(ROUTE("named.policy", "two.csv"), "policy = \"a.policy\";");
    struct audit_config a, b;
    uint8_t *octets;
    size_t n;

    (void)state;
    assert_true(config_audit_role(c, &a));
    n = audit_config_encode(&a, &octets);
    assert_true(n > 0);
    assert_true(audit_config_decode(octets, n, &b));
    assert_int_equal(b.points_count, 1);
    assert_memory_equal(b.route[0].points->hash, c->points[0].list.hash, 32);
    assert_string_equal(point_names_find(&b.route[0].points->names, 2, 1002, 45),
                        "breaker");
    assert_null(b.route[1].points);
    audit_config_free(&a);
    audit_config_free(&b);
    free(octets);
    config_free(c);
}

/* Audit's names are those of the start. */
static void test_restart(void **state)
{
    const char *const routes[] = {"policy = \"a.policy\";", ROUTE("a.policy", "one.csv"),
                                  ROUTE("a.policy", "two.csv")};
    char words[200];

    (void)state;
    for (size_t i = 0; i < COUNT(routes); i++)
        for (size_t k = 0; k < COUNT(routes); k++) {
            struct config *a = load(routes[i], routes[0]),
                          *b = load(routes[k], routes[0]);
            config_restart_words(a, b, words, sizeof words);
            assert_string_equal(words, i == k ? "" : "lists of points");
            config_free(a);
            config_free(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_policies), cmocka_unit_test(test_audit),
        cmocka_unit_test(test_restart),
    };

    return cmocka_run_group_tests_name("config points", tests, set_up, tear_down);
}
