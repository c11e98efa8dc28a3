/* Times as people give them, and as the log writes them. */
#include "proxy/cli/log_filter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW 1795229954123LL /* 2026-11-21T02:59:14.123Z */

static const struct {
    const char *text, *expected; /* NULL: refused */
} rows[] = {
    {"2026-11-21", "2026-11-21T00:00:00.000Z"},
    {"2026-11-21T02:59", "2026-11-21T02:59:00.000Z"},
    {"2026-11-21 02:59:14", "2026-11-21T02:59:14.000Z"},
    {"2026-11-21T02:59:14.009", "2026-11-21T02:59:14.009Z"},
    {"2026-11-21T02:59:14.009Z", "2026-11-21T02:59:14.009Z"},
    {"2024-02-29", "2024-02-29T00:00:00.000Z"},
    {"0s", "2026-11-21T02:59:14.123Z"},
    {"90s", "2026-11-21T02:57:44.123Z"},
    {"30m", "2026-11-21T02:29:14.123Z"},
    {"2h", "2026-11-21T00:59:14.123Z"},
    {"7d", "2026-11-14T02:59:14.123Z"},
    {"99999d", "1970-01-01T00:00:00.000Z"},
    {"", NULL},
    {"h", NULL},
    {"2", NULL},
    {"2w", NULL},
    {"2hh", NULL},
    {"-2h", NULL},
    {"9999999999d", NULL},
    {"2026-02-29", NULL},
    {"2026-13-01", NULL},
    {"2026-00-01", NULL},
    {"2026-11-21T24:00", NULL},
    {"2026-11-21T02:60", NULL},
    {"2026-11-21T02:59:60", NULL},
    {"2026-11-21T", NULL},
    {"2026-11-21Z ", NULL},
    {"2026-11-21T02:59:14.1", NULL},
    {"2026-11-21T02:59:14+01:00", NULL},
    {"1969-12-31", NULL},
    {"2026/11/21", NULL},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[AUDIT_TIME_SIZE + 1] = "";
        bool ok = log_time_parse(rows[i].text, NOW, out);

        if (ok != (rows[i].expected != NULL))
            fail_msg("\"%s\": %s", rows[i].text, ok ? out : "refused");
        if (ok)
            assert_string_equal(out, rows[i].expected);
    }
}

static void test_ms(void **state)
{
    (void)state;
    assert_int_equal(log_time_ms("2026-11-21T02:59:14.123Z"), NOW);
    assert_int_equal(log_time_ms("1970-01-01T00:00:00.000Z"), 0);
    assert_int_equal(log_time_ms("yesterday"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_ms)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
