/* How large the files of the log get and how much of them is kept: the keys of the
 * group audit. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config *load(const char *replace)
{
    char *text = config_lab_edited("commands = \"sync\";", replace);
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
    struct config *c = load("");

    (void)state;
    assert_int_equal(c->files.rotate_size, 64 << 20);
    assert_int_equal(c->files.rotate_interval_s, 86400);
    assert_int_equal(c->files.retain_size, 0);
    assert_int_equal(c->files.retain_days, 0);
    assert_int_equal(c->files.reserve, 4 << 20);
    config_free(c);
}

static void test_settings(void **state)
{
    struct config *c =
        load("rotate_size = \"16M\"; rotate_interval = 3600; retain_size = "
             "\"1T\"; retain_days = 365; reserve = \"65536\";");
    struct audit_config a;

    (void)state;
    assert_true(config_audit_role(c, &a));
    assert_int_equal(a.files.rotate_size, 16 << 20);
    assert_int_equal(a.files.rotate_interval_s, 3600);
    assert_int_equal(a.files.retain_size, UINT64_C(1) << 40);
    assert_int_equal(a.files.retain_days, 365);
    assert_int_equal(a.files.reserve, 65536);
    audit_config_free(&a);
    config_free(c);
}

static void test_none(void **state)
{
    struct config *c = load("rotate_size = \"0\"; rotate_interval = 0; reserve = \"0\";");

    (void)state;
    assert_int_equal(c->files.rotate_size, 0);
    assert_int_equal(c->files.rotate_interval_s, 0);
    assert_int_equal(c->files.reserve, 0);
    config_free(c);
}

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"commands", "rotate_size = \"64MB\"; commands", 3, "audit.rotate_size",
         "\"64MB\" is no size", "K, M, G or T"},
        {"commands", "rotate_size = \"-1\"; commands", 3, "audit.rotate_size", "no size",
         "64M"},
        {"commands", "rotate_size = \"\"; commands", 3, "audit.rotate_size", "no size",
         ""},
        {"commands", "rotate_size = \"M\"; commands", 3, "audit.rotate_size", "no size",
         ""},
        {"commands", "rotate_size = \"18446744073709551616\"; commands", 3,
         "audit.rotate_size", "no size", ""},
        {"commands", "rotate_size = \"99999999T\"; commands", 3, "audit.rotate_size",
         "no size", ""},
        {"commands", "rotate_size = \"1K\"; commands", 3, "audit.rotate_size",
         "between 4K", "for none"},
        {"commands", "rotate_size = 64; commands", 3, "audit.rotate_size", "wrong type",
         "quotes"},
        {"commands", "reserve = \"1K\"; commands", 3, "audit.reserve", "between 4K", ""},
        {"commands", "reserve = \"2T\"; commands", 3, "audit.reserve", "1024G", ""},
        {"commands", "rotate_interval = 31622401; commands", 3, "audit.rotate_interval",
         "out of range", "31622400"},
        {"commands", "retain_days = 36526; commands", 3, "audit.retain_days",
         "out of range", "36525"},
        {"commands", "retain_size = \"64M\"; commands", 3, "audit.retain_size",
         "less would be kept", "several times"},
        {"commands",
         "rotate_size = \"0\"; rotate_interval = 0; retain_days = 9; commands", 3,
         "audit.rotate_size", "one only", "rotate_interval"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

/* They are told to the audit process at its start only. */
static void test_a_change_needs_a_restart(void **state)
{
    static const char *const changes[] = {
        "rotate_size = \"1M\";", "rotate_interval = 60;", "retain_size = \"1G\";",
        "retain_days = 7;",      "reserve = \"1M\";",
    };
    struct config *a = load("");
    char words[200];

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct config *b = load(changes[i]);

        config_restart_words(a, b, words, sizeof words);
        assert_string_equal(words, "audit");
        config_free(b);
    }
    config_free(a);
}

static void test_what_audit_takes(void **state)
{
    static const struct files_settings good = {1 << 20, 3600, 90, UINT64_C(1) << 40,
                                               65536};
    static const struct files_settings bad[] = {
        {.rotate_size = FILES_ROTATE_SIZE_MIN - 1},
        {.rotate_size = FILES_SIZE_MAX + 1},
        {.rotate_interval_s = FILES_INTERVAL_MAX + 1},
        {.retain_days = FILES_DAYS_MAX + 1},
        {.retain_size = FILES_SIZE_MAX + 1},
        {.reserve = FILES_RESERVE_MIN - 1},
        {.reserve = FILES_RESERVE_MAX + 1},
    };
    static const struct ship_config ship = {SHIP_OFF, 300, 16384, 32473};
    static const struct recording_settings recording = {1 << 20, 60, 0, 0};
    static struct audit_route route[1] = {
        {.name = "rtu-7", .profile = {2, 2, 3, {0, 0}}}};
    struct audit_config c = {.dir = "/log",
                             .files = good,
                             .seal = {.interval_s = 60},
                             .ship = ship,
                             .recording = recording,
                             .route_count = 1,
                             .route = route};
    uint8_t *p;
    size_t n = audit_config_encode(&c, &p);

    (void)state;
    assert_true(audit_config_decode(p, n, &c));
    assert_memory_equal(&c.files, &good, sizeof good);
    audit_config_free(&c);
    free(p);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        c = (struct audit_config){.dir = "/log",
                                  .files = bad[i],
                                  .seal = {.interval_s = 60},
                                  .ship = ship,
                                  .recording = recording,
                                  .route_count = 1,
                                  .route = route};
        n = audit_config_encode(&c, &p);
        assert_true(n > 0);
        if (audit_config_decode(p, n, &c))
            fail_msg("row %d", (int)i);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_a_change_needs_a_restart),
        cmocka_unit_test(test_what_audit_takes),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
