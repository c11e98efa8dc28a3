/* Guards: each trips at the one beyond its limit, not before, for those it counts
 * together, and says so once. */
#include "policy/guard.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW 1000u

static struct guard_set *set;
static struct guard_session one, two;
static struct guard_now now;
static struct guard_trips trips;

/* ---- what comes ---- */

static void feed(struct guard_session *s, enum direction dir, uint8_t type, uint8_t cause,
                 uint16_t ca, uint32_t ioa, uint8_t octet)
{
    const struct make m = {
        .type = type, .cause = cause & 0x3F, .flags = cause & 0x40, .ca = ca, .ioa = ioa};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    struct asdu a;

    if (type >= 45 && type <= 47)
        octets[9] = octet;
    assert_int_equal(asdu_parse(octets, n, dir, &PROFILE_104, &a).reason, REASON_OK);
    guard_feed(s, dir, &a, &now, &trips);
}

static enum guard_action ask(struct guard_session *s, uint8_t type, uint32_t ioa,
                             uint8_t octet)
{
    feed(s, DIR_CONTROL, type, type == 102 ? 5 : 6, 1, ioa, octet);
    return trips.action;
}

static enum guard_action on(struct guard_session *s, uint32_t ioa)
{
    return ask(s, 45, ioa, 1);
}

static enum guard_action hear(struct guard_session *s, uint8_t type, uint8_t cause)
{
    feed(s, DIR_MONITOR, type, cause, 1, 0, 0);
    return trips.action;
}

static enum guard_action u(struct guard_session *s, enum apci_function function)
{
    guard_feed_u(s, function, &now, &trips);
    return trips.action;
}

/* The one trip there was; whether it is news. */
static bool news(enum guard_id guard)
{
    assert_int_equal(trips.count, 1);
    assert_int_equal(trips.trip[0].guard, guard);
    assert_int_equal(trips.guard, guard);
    return trips.trip[0].news;
}

static void begin(struct guard_session *s, uint64_t who, uint64_t from)
{
    const struct guard_peer peer = {who, who + from};

    memset(s, 0, sizeof *s);
    guard_session_begin(set, s, &peer);
}

/* One guard alone, and a session of peer 1. */
static void only(enum guard_id guard, struct guard_rule rule)
{
    struct guard_settings g = {.expect_count = 0};

    g.rule[guard] = rule;
    assert_null(guard_settings_fault(&g));
    guard_set_free(set);
    set = guard_set_new(&g);
    assert_non_null(set);
    now = (struct guard_now){.ms = 5000};
    begin(&one, 1, 0);
}

static int tear_down(void **state)
{
    (void)state;
    guard_set_free(set);
    set = NULL;
    return 0;
}

/* ---- counting ---- */

static void test_sweep(void **state)
{
    (void)state;
    only(GUARD_SWEEP, (struct guard_rule){GUARD_REFUSE, 3, 0, WINDOW});
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(on(&one, 1 + i % 3), GUARD_OFF);   /* the same three */
    assert_int_equal(ask(&one, 45, 4, 0x81), GUARD_REFUSE); /* a select, too */
    assert_true(news(GUARD_SWEEP));
    assert_int_equal(trips.trip[0].count, 4);
    assert_int_equal(trips.trip[0].limit, 3);
    assert_int_equal(trips.trip[0].window_ms, WINDOW);
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    assert_false(news(GUARD_SWEEP)); /* said already */
    now.ms += WINDOW - 1;
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    now.ms += 1;
    assert_int_equal(on(&one, 1), GUARD_OFF); /* only this one is left in the window */
    assert_int_equal(on(&one, 2) + on(&one, 3), GUARD_OFF);
    assert_int_equal(on(&one, 4), GUARD_REFUSE);
    assert_true(news(GUARD_SWEEP)); /* again */
}

/* Who comes again begins where he was; who is somebody else does not. */
static void test_sweep_is_by_peer(void **state)
{
    (void)state;
    only(GUARD_SWEEP, (struct guard_rule){GUARD_MONITOR_ONLY, 3, 0, WINDOW});
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(on(&one, i), GUARD_OFF);
    guard_session_end(&one, now.ms);
    begin(&two, 2, 0);
    for (uint32_t i = 4; i <= 6; i++)
        assert_int_equal(on(&two, i), GUARD_OFF);
    begin(&one, 1, 9);
    assert_int_equal(on(&one, 4), GUARD_MONITOR_ONLY);
    guard_session_end(&one, now.ms);
    begin(&one, 1, 9);
    assert_int_equal(on(&one, 4), GUARD_MONITOR_ONLY);
    assert_true(news(GUARD_SWEEP)); /* another session */
}

/* Peers beyond the places are counted together. */
static void test_many_peers(void **state)
{
    uint32_t tripped = 0;

    (void)state;
    only(GUARD_SWEEP, (struct guard_rule){GUARD_ALARM, 3, 0, WINDOW});
    guard_session_end(&one, now.ms);
    for (uint64_t peer = 1; peer <= 40; peer++) {
        begin(&one, peer, 0);
        assert_int_equal(on(&one, (uint32_t)peer), peer <= 35 ? GUARD_OFF : GUARD_ALARM);
        guard_session_end(&one, now.ms);
    }
    now.ms += WINDOW;
    for (uint64_t peer = 101; peer <= 132; peer++) {
        begin(&one, peer, 0);
        tripped += on(&one, (uint32_t)peer) != GUARD_OFF;
        guard_session_end(&one, now.ms);
    }
    assert_int_equal(tripped, 0);
}

static void test_toggle(void **state)
{
    (void)state;
    only(GUARD_TOGGLE, (struct guard_rule){GUARD_REFUSE, 2, 0, WINDOW});
    begin(&two, 2, 0);
    assert_int_equal(ask(&one, 45, 7, 0x81), GUARD_OFF); /* select on */
    assert_int_equal(ask(&one, 45, 7, 0x01), GUARD_OFF); /* on: no change */
    assert_int_equal(ask(&one, 45, 7, 0x80), GUARD_OFF);
    assert_int_equal(ask(&two, 45, 7, 0x00), GUARD_OFF);
    assert_int_equal(ask(&two, 58, 8, 0x01), GUARD_OFF); /* another point */
    assert_int_equal(ask(&two, 45, 7, 0x01), GUARD_OFF);
    assert_int_equal(ask(&one, 45, 7, 0x00), GUARD_REFUSE); /* the third, whoever asks */
    assert_true(news(GUARD_TOGGLE));
    assert_int_equal(ask(&two, 45, 8, 0x01), GUARD_OFF);
    assert_int_equal(ask(&two, 45, 7, 0x00), GUARD_REFUSE);
    assert_true(news(GUARD_TOGGLE));
    assert_int_equal(ask(&two, 45, 7, 0x00), GUARD_REFUSE);
    assert_false(news(GUARD_TOGGLE));
    feed(&two, DIR_CONTROL, 45, 8, 1, 7, 0x01); /* to take back is no change */
    assert_int_equal(trips.action, GUARD_OFF);
    now.ms += WINDOW;
    assert_int_equal(ask(&two, 45, 7, 0x01), GUARD_OFF);
    assert_int_equal(ask(&one, 46, 9, 0x01) + ask(&one, 46, 9, 0x02) +
                         ask(&one, 46, 9, 0x01),
                     GUARD_OFF);
    assert_int_equal(ask(&one, 46, 9, 0x02), GUARD_REFUSE);
}

static void test_unknown(void **state)
{
    (void)state;
    only(GUARD_UNKNOWN, (struct guard_rule){GUARD_CLOSE, 2, 0, WINDOW});
    feed(&one, DIR_MONITOR, 45, 47 | 0x40, 1, 9, 1);
    assert_int_equal(trips.action, GUARD_OFF);
    feed(&one, DIR_MONITOR, 45, 7 | 0x40, 1, 9, 1); /* refused, but known */
    guard_feed_unknown(&one, &now, &trips);
    assert_int_equal(trips.action, GUARD_OFF);
    assert_int_equal(on(&one, 5), GUARD_OFF);
    feed(&one, DIR_MONITOR, 100, 46 | 0x40, 9, 0, 1);
    assert_int_equal(trips.action, GUARD_CLOSE);
    assert_true(news(GUARD_UNKNOWN));
    guard_session_end(&one, now.ms);
    begin(&two, 1, 0);
    assert_int_equal(on(&two, 5), GUARD_CLOSE); /* coming again does not help */
    begin(&one, 2, 0);
    assert_int_equal(on(&one, 5), GUARD_OFF); /* another peer */
    now.ms += WINDOW;
    assert_int_equal(on(&two, 5), GUARD_OFF);
}

static void test_interrogation(void **state)
{
    (void)state;
    only(GUARD_INTERROGATION, (struct guard_rule){GUARD_REFUSE, 2, 3, WINDOW});
    begin(&two, 2, 0);
    assert_int_equal(ask(&one, 100, 0, 0) + ask(&two, 101, 0, 0), GUARD_OFF);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(ask(&one, 102, i, 0), GUARD_OFF);
    feed(&one, DIR_CONTROL, 100, 6, 2, 0, 0); /* another station */
    assert_int_equal(trips.action, GUARD_OFF);
    feed(&one, DIR_CONTROL, 100, 8, 1, 0, 0); /* taken back */
    assert_int_equal(trips.action, GUARD_OFF);
    assert_int_equal(ask(&one, 103, 0, 0), GUARD_OFF);
    assert_int_equal(ask(&one, 100, 0, 0), GUARD_REFUSE);
    assert_int_equal(trips.trip[0].limit, 2);
    assert_int_equal(ask(&one, 102, 9, 0), GUARD_REFUSE);
    assert_int_equal(trips.trip[0].limit, 3);
    now.ms += WINDOW;
    assert_int_equal(ask(&one, 100, 0, 0) + ask(&one, 102, 1, 0), GUARD_OFF);
}

/* ---- sessions ---- */

static void test_early_command(void **state)
{
    (void)state;
    only(GUARD_EARLY_COMMAND, (struct guard_rule){GUARD_REFUSE, 0, 0, 0});
    assert_int_equal(ask(&one, 100, 0, 0) + ask(&one, 103, 0, 0) + ask(&one, 102, 1, 0),
                     GUARD_OFF);
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    assert_true(news(GUARD_EARLY_COMMAND));
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    assert_false(news(GUARD_EARLY_COMMAND));
    assert_int_equal(ask(&one, 105, 0, 0), GUARD_REFUSE);
    hear(&one, 100, 7 | 0x40); /* refused: it knows nothing */
    for (uint32_t i = 0; i < 100; i++)
        hear(&one, 1, 3);
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    hear(&one, 100, 7);
    assert_int_equal(on(&one, 1), GUARD_OFF);
    begin(&two, 1, 0);
    assert_int_equal(on(&two, 1), GUARD_REFUSE); /* each session */
}

static void test_early_command_after_data(void **state)
{
    (void)state;
    only(GUARD_EARLY_COMMAND, (struct guard_rule){GUARD_REFUSE, 3, 0, 0});
    hear(&one, 1, 3);
    hear(&one, 13, 20);
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    assert_int_equal(trips.trip[0].count, 2);
    hear(&one, 45, 7); /* no data */
    assert_int_equal(on(&one, 1), GUARD_REFUSE);
    hear(&one, 30, 3);
    assert_int_equal(on(&one, 1), GUARD_OFF);
}

static void test_second_master(void **state)
{
    (void)state;
    only(GUARD_SECOND_MASTER, (struct guard_rule){GUARD_CLOSE, 0, 0, 0});
    begin(&two, 1, 0);
    assert_int_equal(u(&two, APCI_TESTFR_ACT), GUARD_OFF); /* a spare connection */
    assert_int_equal(u(&one, APCI_STARTDT_ACT), GUARD_OFF);
    assert_int_equal(u(&two, APCI_TESTFR_ACT), GUARD_OFF);
    assert_int_equal(u(&two, APCI_STARTDT_ACT), GUARD_CLOSE);
    assert_true(news(GUARD_SECOND_MASTER));
    two.started = false;
    guard_session_end(&two, now.ms);
    assert_int_equal(u(&one, APCI_STOPDT_ACT), GUARD_OFF);
    begin(&two, 1, 0);
    assert_int_equal(u(&two, APCI_STARTDT_ACT), GUARD_OFF);
    guard_session_end(&two, now.ms);
    assert_int_equal(u(&one, APCI_STARTDT_ACT), GUARD_OFF);
}

static void test_takeover(void **state)
{
    (void)state;
    only(GUARD_TAKEOVER, (struct guard_rule){GUARD_ALARM, 0, 0, WINDOW});
    u(&one, APCI_STARTDT_ACT);
    guard_session_end(&one, now.ms);
    begin(&one, 1, 0);
    u(&one, APCI_STARTDT_ACT);
    assert_int_equal(on(&one, 1), GUARD_OFF); /* who comes again is the same */
    begin(&two, 1, 7);                        /* the same certificate from elsewhere */
    u(&two, APCI_STARTDT_ACT);
    guard_session_end(&one, now.ms);
    assert_int_equal(ask(&two, 100, 0, 0), GUARD_OFF);
    assert_int_equal(on(&two, 1), GUARD_ALARM);
    assert_true(news(GUARD_TAKEOVER));
    now.ms += WINDOW - 1;
    assert_int_equal(on(&two, 1), GUARD_ALARM);
    assert_false(news(GUARD_TAKEOVER));
    now.ms += 1;
    assert_int_equal(on(&two, 1), GUARD_OFF);
}

/* Who had begun before, or stopped in order, is not taken over. */
static void test_no_takeover(void **state)
{
    (void)state;
    only(GUARD_TAKEOVER, (struct guard_rule){GUARD_ALARM, 0, 0, WINDOW});
    u(&one, APCI_STARTDT_ACT);
    begin(&two, 2, 0);
    u(&two, APCI_STARTDT_ACT);
    now.ms += 10;
    guard_session_end(&one, now.ms);
    assert_int_equal(on(&two, 1), GUARD_OFF);
    begin(&one, 3, 0);
    u(&two, APCI_STOPDT_ACT);
    guard_session_end(&two, now.ms);
    now.ms += WINDOW;
    u(&one, APCI_STARTDT_ACT);
    assert_int_equal(on(&one, 1), GUARD_OFF);
}

static void test_moved(void **state)
{
    struct guard_settings g = {.rule = {[GUARD_SWEEP] = {GUARD_CLOSE, 1, 0, WINDOW}}};
    struct guard_set *other = guard_set_new(&g);

    (void)state;
    only(GUARD_EARLY_COMMAND, (struct guard_rule){GUARD_REFUSE, 0, 0, 0});
    begin(&two, 2, 0);
    guard_session_move(&one, other);
    assert_int_equal(on(&one, 1), GUARD_OFF);
    assert_int_equal(on(&one, 2), GUARD_CLOSE);
    assert_int_equal(on(&two, 1), GUARD_REFUSE);
    guard_session_move(&two, other); /* into the same */
    assert_int_equal(on(&two, 1), GUARD_OFF);
    guard_session_move(&one, NULL);
    assert_int_equal(on(&one, 3), GUARD_OFF);
    guard_set_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_sweep_is_by_peer),
        cmocka_unit_test(test_many_peers),
        cmocka_unit_test(test_toggle),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_interrogation),
        cmocka_unit_test(test_early_command),
        cmocka_unit_test(test_early_command_after_data),
        cmocka_unit_test(test_second_master),
        cmocka_unit_test(test_takeover),
        cmocka_unit_test(test_no_takeover),
        cmocka_unit_test(test_moved),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
