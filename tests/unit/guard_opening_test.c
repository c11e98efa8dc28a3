/* Guards: what a session begins with, and what clock it is told. */
#include "policy/guard.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct guard_set *set;
static struct guard_session session;
static struct guard_now now;
static struct guard_trips trips;

static int tear_down(void **state)
{
    (void)state;
    guard_set_free(set);
    set = NULL;
    return 0;
}

/* ---- openings: t TESTFR, s STARTDT, S STOPDT, i c k r x C o as the steps are ---- */

static void step(char what)
{
    static const struct {
        char what;
        uint8_t type, function;
    } rows[] = {
        {'t', 0, APCI_TESTFR_ACT},
        {'s', 0, APCI_STARTDT_ACT},
        {'S', 0, APCI_STOPDT_ACT},
        {'i', 100, 0},
        {'c', 101, 0},
        {'k', 103, 0},
        {'r', 102, 0},
        {'x', 107, 0},
        {'C', 45, 0},
        {'o', 122, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct make m = {.type = rows[i].type,
                               .cause = rows[i].type == 102   ? 5
                                        : rows[i].type == 122 ? 13
                                                              : 6};
        uint8_t octets[MAKE_ROOM];
        struct asdu a;

        if (rows[i].what != what)
            continue;
        if (rows[i].function != 0) {
            guard_feed_u(&session, (enum apci_function)rows[i].function, &now, &trips);
            return;
        }
        assert_int_equal(
            asdu_parse(octets, asdu_make(&m, octets), DIR_CONTROL, &PROFILE_104, &a)
                .reason,
            REASON_OK);
        guard_feed(&session, DIR_CONTROL, &a, &now, &trips);
        return;
    }
    fail();
}

/* The place, from 1, at which a session of this peer strays; 0: nowhere. */
static size_t run(uint64_t who, const char *steps)
{
    const struct guard_peer peer = {who, who};
    size_t strayed = 0;

    memset(&session, 0, sizeof session);
    guard_session_begin(set, &session, &peer);
    for (size_t i = 0; steps[i] != '\0'; i++) {
        step(steps[i]);
        assert_true(trips.count <= 1);
        assert_true(trips.count == 0 || strayed == 0); /* once in a session */
        if (trips.count > 0)
            strayed = i + 1;
    }
    guard_session_end(&session, now.ms);
    return strayed;
}

static void openings(uint32_t frames, const char *expect)
{
    struct guard_settings g = {
        .rule = {[GUARD_OPENING] = {GUARD_ALARM, frames, 0, 0}},
        .expect_count = (uint8_t)strlen(expect),
    };

    for (size_t i = 0; i < g.expect_count; i++)
        g.expect[i] = (uint8_t)(expect[i] - '0');
    assert_null(guard_settings_fault(&g));
    guard_set_free(set);
    set = guard_set_new(&g);
    assert_non_null(set);
}

static void test_learnt(void **state)
{
    (void)state;
    openings(6, "");
    assert_int_equal(run(1, "s"), 0);      /* ended before it was seen whole */
    assert_int_equal(run(1, "sik"), 0);    /* so there may be more */
    assert_int_equal(run(1, "sikCCC"), 0); /* this is it */
    assert_int_equal(run(1, "siikkCt"), 0);
    assert_int_equal(run(1, "sitttttttC"), 10); /* TESTFR says nothing here */
    assert_int_equal(run(1, "tsik"), 1);        /* as Industroyer2 does */
    assert_int_equal(trips.count, 0);
    assert_int_equal(run(1, "sC"), 2);
    assert_int_equal(run(1, "skiC"), 2);
    assert_int_equal(run(1, "sikCr"), 5);   /* more than there was */
    assert_int_equal(run(1, "sikCCCr"), 0); /* beyond what is looked at */
    assert_int_equal(run(1, "s"), 0);
    assert_int_equal(run(2, "tsrC"), 0); /* another peer has habits of his own */
    assert_int_equal(run(2, "sr"), 1);
}

static void test_told(void **state)
{
    (void)state;
    openings(6, "");
    run(1, "sikCCC");
    assert_int_equal(run(1, "sC"), 2);
    assert_int_equal(run(1, "sC"), 2); /* each session */
    assert_true(trips.trip[0].news);
    assert_int_equal(trips.trip[0].came, GUARD_STEP_COMMAND);
    assert_int_equal(trips.trip[0].due, GUARD_STEP_INTERROGATION);
    assert_int_equal(trips.trip[0].count, 2);
}

static void test_expected(void **state)
{
    (void)state;
    openings(8, "2356"); /* startdt, interrogation, clock, read */
    assert_string_equal(guard_step_name((enum guard_step)5), "clock");
    assert_int_equal(run(1, "sC"), 2); /* from the first session on */
    assert_int_equal(run(1, "sikrC"), 0);
    assert_int_equal(run(1, "sikrxo"), 0); /* nothing is said of what follows */
    assert_int_equal(run(1, "sic"), 3);
    assert_int_equal(run(1, "t"), 1);
}

/* ---- the clock ---- */

static void told_time(const struct tm *t, unsigned int ms, uint8_t *cp56)
{
    const unsigned int n = (unsigned int)t->tm_sec * 1000 + ms;

    cp56[0] = (uint8_t)n;
    cp56[1] = (uint8_t)(n >> 8);
    cp56[2] = (uint8_t)t->tm_min;
    cp56[3] = (uint8_t)t->tm_hour;
    cp56[4] = (uint8_t)t->tm_mday;
    cp56[5] = (uint8_t)(t->tm_mon + 1);
    cp56[6] = (uint8_t)(t->tm_year - 100);
}

static enum guard_action clock_told(int64_t ms, uint8_t cause)
{
    const struct make m = {.type = 103, .cause = cause};
    const time_t seconds = (time_t)(ms / 1000);
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    struct tm t;
    struct asdu a;

    assert_non_null(gmtime_r(&seconds, &t));
    told_time(&t, (unsigned int)(ms % 1000), octets + 9);
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    guard_feed(&session, DIR_CONTROL, &a, &now, &trips);
    return trips.action;
}

static void test_clock(void **state)
{
    static const int64_t times[] = {
        INT64_C(946684800000),  /* 2000-01-01 */
        INT64_C(951782400000),  /* 2000-02-29 */
        INT64_C(1709251199999), /* 2024-02-29 23:59:59.999 */
        INT64_C(1767225600000), /* 2026-01-01 */
        INT64_C(4102444700000), /* 2099-12-31 */
    };
    struct guard_settings g = {.rule = {[GUARD_CLOCK_STEP] = {GUARD_REFUSE, 2000, 0, 0}}};
    const struct guard_peer peer = {1, 1};

    (void)state;
    guard_set_free(set);
    set = guard_set_new(&g);
    assert_non_null(set);
    memset(&session, 0, sizeof session);
    guard_session_begin(set, &session, &peer);
    now.clock_trusted = true;
    for (size_t i = 0; i < COUNT(times); i++) {
        now.utc_ms = times[i];
        assert_int_equal(clock_told(times[i], 6), GUARD_OFF);
        assert_int_equal(clock_told(times[i] + 2000, 6), GUARD_OFF);
        assert_int_equal(clock_told(times[i] + 2001, 6), GUARD_REFUSE);
        assert_true(trips.trip[0].news);
        assert_int_equal(trips.trip[0].count, 2001);
        now.utc_ms = times[i] + 2001;
        assert_int_equal(clock_told(times[i], 6), GUARD_REFUSE);
        assert_false(trips.trip[0].news);
    }
    now.clock_trusted = false;
    assert_int_equal(clock_told(times[0], 6), GUARD_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learnt),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_expected),
        cmocka_unit_test_teardown(test_clock, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
