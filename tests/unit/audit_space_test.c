/* When the disk is full enough for what, and when a file is old. */
#include "proxy/audit_space.h"
#include "proxy/audit_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- time ---- */

static void times_of_records(void **state)
{
    (void)state;
    assert_int_equal(audit_time_ms("1970-01-01T00:00:00.000Z"), 0);
    assert_int_equal(audit_time_ms("2026-11-21T02:59:14.009Z"), 1795229954009);
    assert_int_equal(audit_time_ms("2024-02-29T23:59:59.999Z"), 1709251199999);
    assert_int_equal(audit_time_ms("2000-03-01T00:00:00.000Z"), 951868800000);
    assert_int_equal(audit_time_ms("2026-11-21 02:59:14.009Z"), 0);
    assert_int_equal(audit_time_ms("2026-11-21T02:59"), 0);
}

static void a_step_forward_counts_a_day_later(void **state)
{
    struct audit_calendar c = {0};
    const int64_t utc = 1795229954009;
    const int64_t year = INT64_C(365) * 86400000;
    uint64_t mono = 5000;

    (void)state;
    assert_int_equal(audit_calendar(&c, utc, mono), utc);
    assert_int_equal(audit_calendar(&c, utc + 2000, mono + 1000), utc + 2000);
    assert_int_equal(audit_calendar(&c, utc + year, mono + 2000), utc + 3000);
    assert_int_equal(audit_calendar(&c, utc + year + 86399000, mono + 2000 + 86399000),
                     utc + 3000 + 86399000);
    assert_int_equal(audit_calendar(&c, utc + year + 86400000, mono + 2000 + 86400000),
                     utc + year + 86400000);
    assert_int_equal(audit_calendar(&c, utc, mono + 2001 + 86400000), utc);
    /* A step that is taken back never counts. */
    assert_int_equal(audit_calendar(&c, utc + year, mono + 2002 + 86400000), utc + 1);
    assert_int_equal(audit_calendar(&c, utc + 2, mono + 2003 + 86400000), utc + 2);
    assert_int_equal(c.ahead_since_ms, 0);
}

/* ---- space ---- */

static void levels_have_hysteresis(void **state)
{
    static const struct {
        enum log_pressure before;
        unsigned int used;
        enum log_pressure after;
    } rows[] = {
        {LOG_PRESSURE_NONE, 0, LOG_PRESSURE_NONE},
        {LOG_PRESSURE_NONE, 79, LOG_PRESSURE_NONE},
        {LOG_PRESSURE_NONE, 80, LOG_PRESSURE_ALARM},
        {LOG_PRESSURE_NONE, 100, LOG_PRESSURE_REFUSE},
        {LOG_PRESSURE_ALARM, 89, LOG_PRESSURE_ALARM},
        {LOG_PRESSURE_ALARM, 90, LOG_PRESSURE_THIN},
        {LOG_PRESSURE_ALARM, 78, LOG_PRESSURE_ALARM},
        {LOG_PRESSURE_ALARM, 77, LOG_PRESSURE_NONE},
        {LOG_PRESSURE_THIN, 94, LOG_PRESSURE_THIN},
        {LOG_PRESSURE_THIN, 95, LOG_PRESSURE_REFUSE},
        {LOG_PRESSURE_THIN, 88, LOG_PRESSURE_THIN},
        {LOG_PRESSURE_THIN, 87, LOG_PRESSURE_ALARM},
        {LOG_PRESSURE_REFUSE, 93, LOG_PRESSURE_REFUSE},
        {LOG_PRESSURE_REFUSE, 92, LOG_PRESSURE_THIN},
        {LOG_PRESSURE_REFUSE, 1, LOG_PRESSURE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (audit_space_level(rows[i].before, rows[i].used) != rows[i].after)
            fail_msg("row %d", (int)i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_records),
        cmocka_unit_test(a_step_forward_counts_a_day_later),
        cmocka_unit_test(levels_have_hysteresis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
