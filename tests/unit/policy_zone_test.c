/* Local time: windows of the week over both changes of the clocks, and time tags. */
#include "policy/policy.h"
#include "proxy/policy_file_zone.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char found[2000];
static struct policy_zone berlin;

/* "2026-03-29 00:59:59" in UTC. */
static int64_t utc(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

    if (end == NULL || *end != '\0')
        fail_msg("%s", text);
    return timegm(&tm);
}

static bool holds(const char *zone, const char *times, const char *when)
{
    char text[400];
    struct policy *p;
    uint64_t set;

    (void)snprintf(text, sizeof text,
                   "time_zone = \"%s\"; control = { rules = ( { types = [ 45 ]; "
                   "time = [ %s ]; } ); };",
                   zone, times);
    p = policy_text_load(text, found, sizeof found);
    if (p == NULL)
        fail_msg("%s", found);
    set = policy_askers_times(policy_askers(p), utc(when));
    policy_free(p);
    return set != 0;
}

static void check(const char *zone, const char *times, const char *when, bool expected)
{
    if (holds(zone, times, when) != expected)
        fail_msg("%s in %s at %s UTC: %d", times, zone, when, !expected);
}

/* 2026-11-23 is a Monday. */
static void test_windows(void **state)
{
    static const struct {
        const char *times, *when;
        bool holds;
    } rows[] = {
        {"\"Mon-Fri 07:00-19:00\"", "2026-11-23 06:59:59", false},
        {"\"Mon-Fri 07:00-19:00\"", "2026-11-23 07:00:00", true},
        {"\"Mon-Fri 07:00-19:00\"", "2026-11-27 18:59:59", true},
        {"\"Mon-Fri 07:00-19:00\"", "2026-11-27 19:00:00", false},
        {"\"Mon-Fri 07:00-19:00\"", "2026-11-28 12:00:00", false},
        {"\"Mon-Fri 07:00-19:00\", \"Sat 08:00-12:00\"", "2026-11-28 11:59:00", true},
        {"\"Sat,Sun\"", "2026-11-29 23:59:59", true},
        {"\"Sat,Sun\"", "2026-11-30 00:00:00", false},
        {"\"sat-mon 10:00-11:00\"", "2026-11-30 10:30:00", true},
        {"\"sat-mon 10:00-11:00\"", "2026-12-01 10:30:00", false},
        {"\"Mon-Wed,Fri 10:00-11:00\"", "2026-11-27 10:30:00", true},
        {"\"Mon-Wed,Fri 10:00-11:00\"", "2026-11-26 10:30:00", false},
        /* Over midnight: the day is that on which it begins. */
        {"\"22:00-06:00\"", "2026-11-25 21:59:59", false},
        {"\"22:00-06:00\"", "2026-11-25 22:00:00", true},
        {"\"22:00-06:00\"", "2026-11-26 05:59:59", true},
        {"\"22:00-06:00\"", "2026-11-26 06:00:00", false},
        {"\"Sun 22:00-06:00\"", "2026-11-30 05:59:59", true},
        {"\"Sun 22:00-06:00\"", "2026-11-29 05:59:59", false},
        {"\"Sun 22:00-06:00\"", "2026-11-29 22:00:00", true},
        {"\"00:00-24:00\"", "2026-11-26 23:59:59", true},
        {"\"23:59-24:00\"", "2026-11-26 23:59:30", true},
        {"\"23:59-00:00\"", "2026-11-26 23:59:30", true},
        {"\"23:59-00:00\"", "2026-11-26 00:00:00", false},
        {"\"Thu 00:00-00:01\"", "1970-01-01 00:00:59", true},
        {"\"Wed 23:59-24:00\"", "1969-12-31 23:59:59", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check("UTC", rows[i].times, rows[i].when, rows[i].holds);
}

/* Clocks go forward at 02:00 on 29 March 2026, and back at 03:00 on 25 October, both at
 * 01:00 UTC. */
static void test_changes_of_the_clocks(void **state)
{
    static const struct {
        const char *times, *when;
        bool holds;
    } rows[] = {
        {"\"Sat 07:00-08:00\"", "2026-03-28 06:00:00", true},
        {"\"Sun 07:00-08:00\"", "2026-03-29 06:00:00", false},
        {"\"Sun 07:00-08:00\"", "2026-03-29 05:00:00", true},
        {"\"Sun 01:59-02:00\"", "2026-03-29 00:59:59", true},
        /* There is no 02:30. */
        {"\"Sun 02:00-03:00\"", "2026-03-29 00:59:59", false},
        {"\"Sun 02:00-03:00\"", "2026-03-29 01:00:00", false},
        {"\"Sun 03:00-04:00\"", "2026-03-29 01:00:00", true},
        {"\"Sun 07:00-08:00\"", "2026-10-25 05:00:00", false},
        {"\"Sun 07:00-08:00\"", "2026-10-25 06:00:00", true},
        {"\"Sat 07:00-08:00\"", "2026-10-24 05:00:00", true},
        /* There are two 02:30. */
        {"\"Sun 02:00-03:00\"", "2026-10-25 00:30:00", true},
        {"\"Sun 02:00-03:00\"", "2026-10-25 01:30:00", true},
        {"\"Sun 02:00-03:00\"", "2026-10-25 02:00:00", false},
        {"\"Sun 03:00-04:00\"", "2026-10-25 02:00:00", true},
        {"\"Mon 07:00-08:00\"", "2099-07-06 05:00:00", true},
        {"\"Wed 07:00-08:00\"", "2020-01-01 06:00:00", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check("Europe/Berlin", rows[i].times, rows[i].when, rows[i].holds);
    check("Asia/Kolkata", "\"Mon 00:00-00:30\"", "2026-11-22 18:30:00", true);
    check("America/New_York", "\"Sun 01:00-02:00\"", "2026-11-01 06:30:00", true);
}

/* Without time_zone it is that of the system; reading a file leaves TZ as it was. */
static void test_zone_of_the_system(void **state)
{
    static const char text[] =
        "control = { rules = ( { types = [ 45 ]; time = [ \"Mon 07:00-08:00\" ]; } ); };";
    struct policy *p;

    (void)state;
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    p = policy_text_load(text, found, sizeof found);
    assert_non_null(p);
    assert_true(policy_askers_times(policy_askers(p), utc("2026-11-23 06:30:00")) != 0);
    assert_true(policy_askers_times(policy_askers(p), utc("2026-11-23 07:30:00")) == 0);
    policy_free(p);
    assert_true(holds("Asia/Kolkata", "\"Mon 00:00-00:30\"", "2026-11-22 18:30:00"));
    assert_string_equal(getenv("TZ"), "Europe/Berlin");
    assert_int_equal(unsetenv("TZ"), 0);
    assert_true(holds("Asia/Kolkata", "\"Mon 00:00-00:30\"", "2026-11-22 18:30:00"));
    assert_null(getenv("TZ"));
}

/* What the tables say is what localtime says, at every change and on both sides. */
static void test_tables_are_localtime(void **state)
{
    static const char *const zones[] = {"Europe/Berlin",     "America/New_York",
                                        "Australia/Sydney",  "Asia/Kolkata",
                                        "Africa/Casablanca", "Australia/Lord_Howe"};
    struct policy_zone z;
    char remedy[160];

    (void)state;
    for (size_t i = 0; i < COUNT(zones); i++) {
        assert_true(policy_file_zone(zones[i], &z, remedy, sizeof remedy));
        assert_null(policy_zone_fault(&z));
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        for (time_t t = utc("2020-01-01 00:00:00"); t < utc("2040-01-01 00:00:00");
             t += 1800) {
            struct tm tm;
            (void)localtime_r(&t, &tm);
            assert_int_equal(policy_zone_offset(&z, t), tm.tm_gmtoff);
            assert_int_equal(policy_zone_minute(&z, t),
                             ((tm.tm_wday + 6) % 7 * 24 + tm.tm_hour) * 60 + tm.tm_min);
        }
        assert_int_equal(unsetenv("TZ"), 0);
        tzset();
    }
}

static void test_zones_that_are_none(void **state)
{
    static const char *const none[] = {"Europe/Berln",      "europe/berlin",  "",
                                       "../zoneinfo/Japan", "/etc/localtime", "Europe",
                                       "CET-1CEST",         "Europe/",        ":UTC",
                                       "tzdata.zi"};
    struct policy_zone z;
    char remedy[160];

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        if (policy_file_zone(none[i], &z, remedy, sizeof remedy))
            fail_msg("%s", none[i]);
        assert_non_null(strstr(remedy, "write"));
    }
    assert_true(policy_file_zone("UTC", &z, remedy, sizeof remedy));
    assert_int_equal(z.count, 0);
}

/* ---- time tags ---- */

struct tag {
    unsigned int year, month, day, hour, minute, ms, flags;
};
#define SU 0x80u

static void put_tag(const struct tag *t, uint8_t out[7])
{
    out[0] = (uint8_t)t->ms;
    out[1] = (uint8_t)(t->ms >> 8);
    out[2] = (uint8_t)(t->minute | (t->flags & 1 ? 0x80u : 0));
    out[3] = (uint8_t)(t->hour | (t->flags & SU));
    out[4] = (uint8_t)t->day;
    out[5] = (uint8_t)t->month;
    out[6] = (uint8_t)t->year;
}

static void test_tags(void **state)
{
    static const struct {
        struct tag tag;
        bool local;
        const char *utc; /* NULL: invalid */
        int ms;
    } rows[] = {
        {{26, 11, 21, 15, 30, 45123, 0}, false, "2026-11-21 15:30:45", 123},
        {{24, 2, 29, 0, 0, 0, 0}, false, "2024-02-29 00:00:00", 0},
        {{0, 1, 1, 0, 0, 0, 0}, false, "2000-01-01 00:00:00", 0},
        {{99, 12, 31, 23, 59, 59999, 0}, false, "2099-12-31 23:59:59", 999},
        {{24, 12, 31, 23, 59, 0, 0}, false, "2024-12-31 23:59:00", 0},
        {{26, 2, 29, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 4, 31, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 13, 1, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 0, 1, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 1, 0, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 1, 1, 24, 0, 0, 0}, false, NULL, 0},
        {{26, 1, 1, 0, 60, 0, 0}, false, NULL, 0},
        {{26, 1, 1, 0, 0, 60000, 0}, false, NULL, 0},
        {{100, 1, 1, 0, 0, 0, 0}, false, NULL, 0},
        {{26, 11, 21, 15, 30, 0, 1}, false, NULL, 0}, /* IV */
        {{26, 7, 21, 15, 30, 0, SU}, false, NULL, 0}, /* not UTC */
        {{26, 7, 21, 15, 30, 0, SU}, true, "2026-07-21 13:30:00", 0},
        {{26, 7, 21, 15, 30, 0, 0}, true, "2026-07-21 13:30:00", 0},
        {{26, 11, 21, 15, 30, 0, 0}, true, "2026-11-21 14:30:00", 0},
        {{26, 3, 29, 1, 59, 59000, 0}, true, "2026-03-29 00:59:59", 0},
        {{26, 3, 29, 2, 30, 0, 0}, true, NULL, 0}, /* there is none */
        {{26, 3, 29, 3, 0, 0, SU}, true, "2026-03-29 01:00:00", 0},
        {{26, 10, 25, 2, 30, 0, SU}, true, "2026-10-25 00:30:00", 0},
        {{26, 10, 25, 2, 30, 0, 0}, true, "2026-10-25 01:30:00", 0},
        {{26, 10, 25, 3, 0, 0, 0}, true, "2026-10-25 02:00:00", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t tag[7];
        int64_t ms = 0;
        enum policy_tag said;

        put_tag(&rows[i].tag, tag);
        said = policy_tag_read(&berlin, rows[i].local, tag, &ms);
        if ((said == POLICY_TAG_GOOD) != (rows[i].utc != NULL))
            fail_msg("row %zu", i);
        if (rows[i].utc != NULL && ms != utc(rows[i].utc) * 1000 + rows[i].ms)
            fail_msg("row %zu: %lld", i, (long long)ms);
    }
}

/* Every hour of a year as clocks show it leads back to where it came from. */
static void test_there_and_back(void **state)
{
    (void)state;
    for (int64_t t = utc("2026-01-01 00:00:00"); t < utc("2027-01-01 00:00:00");
         t += 900) {
        const time_t local = (time_t)(t + policy_zone_offset(&berlin, t));
        struct tm tm;
        struct tag shown;
        uint8_t tag[7];
        int64_t ms;

        (void)gmtime_r(&local, &tm);
        shown = (struct tag){(unsigned int)tm.tm_year - 100,
                             (unsigned int)tm.tm_mon + 1,
                             (unsigned int)tm.tm_mday,
                             (unsigned int)tm.tm_hour,
                             (unsigned int)tm.tm_min,
                             0,
                             policy_zone_offset(&berlin, t) == 7200 ? SU : 0};
        put_tag(&shown, tag);
        assert_int_equal(policy_tag_read(&berlin, true, tag, &ms), POLICY_TAG_GOOD);
        assert_int_equal(ms, t * 1000);
    }
}

static void test_bad_zones(void **state)
{
    struct policy_zone z = {.count = 2, .change = {{5, 0, 0}, {6, 3600, 1}}};

    (void)state;
    assert_null(policy_zone_fault(&z));
    z.change[1].from = 5;
    assert_non_null(policy_zone_fault(&z));
    z.change[1].from = 6;
    z.change[1].offset = POLICY_ZONE_OFFSET + 1;
    assert_non_null(policy_zone_fault(&z));
    z.change[1].offset = -(int32_t)POLICY_ZONE_OFFSET - 1;
    assert_non_null(policy_zone_fault(&z));
    z.change[1].offset = 0;
    z.change[0].summer = 2;
    assert_non_null(policy_zone_fault(&z));
}

static int read_berlin(void **state)
{
    char remedy[160];

    (void)state;
    return policy_file_zone("Europe/Berlin", &berlin, remedy, sizeof remedy) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_changes_of_the_clocks),
        cmocka_unit_test(test_zone_of_the_system),
        cmocka_unit_test(test_tables_are_localtime),
        cmocka_unit_test(test_zones_that_are_none),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_bad_zones),
    };

    return cmocka_run_group_tests(tests, read_berlin, NULL);
}
