/* When keys are renewed and what a peer may ask for, with a clock of the test's own. */
#include "proxy/rekey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define S     1000ull
#define START 5000ull

static const struct rekey_settings normal = {
    .interval_s = 43200, .timeout_s = 10, .records = 1000000};

static struct rekey begun(enum rekey_side side)
{
    struct rekey r;

    rekey_begin(&r, side, &normal, 45, START);
    return r;
}

static void test_server_asks_at_the_interval(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);

    (void)state;
    assert_int_equal(rekey_due(&r, START), START + 43200 * S);
    assert_int_equal(rekey_tick(&r, START + 43200 * S - 1), REKEY_WAIT);
    assert_int_equal(rekey_tick(&r, START + 43200 * S), REKEY_ASK);
    assert_int_equal(rekey_tick(&r, START + 43200 * S), REKEY_WAIT);
}

static void test_client_lets_the_server_begin(void **state)
{
    struct rekey r = begun(REKEY_12_CLIENT);

    (void)state;
    assert_int_equal(rekey_tick(&r, START + 43219 * S), REKEY_WAIT);
    assert_int_equal(rekey_tick(&r, START + 43220 * S), REKEY_ASK);
}

static void test_both_ask_in_13(void **state)
{
    struct rekey r = begun(REKEY_13);

    (void)state;
    assert_int_equal(rekey_tick(&r, START + 43200 * S), REKEY_ASK);
    /* Not before t3 + t1 and more. */
    assert_int_equal(rekey_due(&r, 0), START + 43245 * S);
}

static void test_time_for_an_answer_runs_from_the_asking(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);
    uint64_t now = START + 43200 * S;

    (void)state;
    assert_int_equal(rekey_tick(&r, now), REKEY_ASK);
    rekey_asked(&r, now + 5 * S);
    assert_int_equal(rekey_tick(&r, now + 15 * S - 1), REKEY_WAIT);
    assert_int_equal(rekey_tick(&r, now + 15 * S), REKEY_GIVE_UP);
    rekey_postpone(&r, now + 15 * S);
    assert_int_equal(rekey_tick(&r, now + 24 * S), REKEY_WAIT);
    assert_int_equal(rekey_tick(&r, now + 25 * S), REKEY_GIVE_UP);
}

static void test_handshake_has_its_own_time(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);
    uint64_t now = START + 43200 * S;

    (void)state;
    assert_int_equal(rekey_tick(&r, now), REKEY_ASK);
    assert_int_equal(rekey_peer_begins(&r, now + 9 * S), 0);
    rekey_shaking(&r, now + 9 * S);
    assert_int_equal(rekey_tick(&r, now + 18 * S), REKEY_WAIT);
    assert_int_equal(rekey_tick(&r, now + 19 * S), REKEY_GIVE_UP);
}

static void test_done_begins_anew(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);
    uint64_t now = START + 43200 * S;

    (void)state;
    assert_int_equal(rekey_tick(&r, now), REKEY_ASK);
    rekey_shaking(&r, now);
    r.sent = r.received = 12345;
    rekey_done(&r, now + S);
    assert_int_equal(r.phase, REKEY_FRESH);
    assert_int_equal(r.sent + r.received, 0);
    assert_int_equal(rekey_due(&r, now), now + S + 43200 * S);
}

/* Nothing is postponed where nothing is waited for. */
static void test_postpone_moves_no_interval(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);

    (void)state;
    rekey_postpone(&r, START + 43199 * S);
    assert_int_equal(rekey_tick(&r, START + 43200 * S), REKEY_ASK);
}

static void test_records_wear_keys_out(void **state)
{
    struct rekey server = begun(REKEY_12_SERVER);
    struct rekey client = begun(REKEY_12_CLIENT);
    struct rekey thirteen = begun(REKEY_13);

    (void)state;
    server.sent = thirteen.received = 999999;
    assert_int_equal(rekey_tick(&server, START), REKEY_WAIT);
    assert_int_equal(rekey_tick(&thirteen, START), REKEY_WAIT);
    server.sent = thirteen.received = client.sent = 1000000;
    assert_int_equal(rekey_tick(&server, START), REKEY_ASK);
    assert_int_equal(rekey_tick(&thirteen, START), REKEY_ASK);
    /* The server is to ask first. */
    assert_int_equal(rekey_tick(&client, START), REKEY_WAIT);
    client.sent = 1125000;
    assert_int_equal(rekey_tick(&client, START), REKEY_ASK);
}

static void test_peer_begins_after_its_first_data(void **state)
{
    struct rekey r = begun(REKEY_12_SERVER);

    (void)state;
    assert_int_equal(rekey_peer_begins(&r, START + 3600 * S), TLS_CLOSE_RENEG_STORM);
    r.heard = true;
    assert_int_equal(rekey_peer_begins(&r, START + 3600 * S), 0);
}

static void test_peer_begins_once_in_ten_minutes(void **state)
{
    struct rekey r = begun(REKEY_12_CLIENT);

    (void)state;
    r.heard = true;
    assert_int_equal(rekey_peer_begins(&r, START), 0);
    rekey_shaking(&r, START);
    rekey_done(&r, START);
    assert_int_equal(rekey_peer_begins(&r, START + 594 * S), TLS_CLOSE_RENEG_STORM);
    assert_int_equal(rekey_peer_begins(&r, START + 600 * S), 0);
    rekey_done(&r, START + 600 * S);
    assert_int_equal(rekey_peer_begins(&r, START + 1194 * S), TLS_CLOSE_RENEG_STORM);
}

/* Two stations of a lab must not take each other for an attack. */
static void test_lab_peer_may_as_often_as_we(void **state)
{
    struct rekey_settings lab = {.interval_s = 10, .timeout_s = 1, .records = 100};
    struct rekey r;

    (void)state;
    rekey_begin(&r, REKEY_12_CLIENT, &lab, 5, START);
    r.heard = true;
    assert_int_equal(rekey_peer_begins(&r, START), 0);
    assert_int_equal(rekey_peer_begins(&r, START + 10 * S), 0);
    assert_int_equal(rekey_peer_begins(&r, START + 18 * S), TLS_CLOSE_RENEG_STORM);
}

static void test_update_answers(void **state)
{
    struct rekey r = begun(REKEY_13);
    uint64_t now = START + 43200 * S;
    bool answered;

    (void)state;
    assert_int_equal(rekey_peer_updates(&r, now - S, &answered), 0);
    assert_false(answered);
    assert_int_equal(rekey_tick(&r, now), REKEY_ASK);
    r.sent = 77;
    rekey_asked(&r, now);
    assert_int_equal(r.sent, 0);
    r.received = 77;
    assert_int_equal(rekey_peer_updates(&r, now + S, &answered), 0);
    assert_true(answered);
    assert_int_equal(r.received, 0);
    assert_int_equal(rekey_due(&r, now), now + S + 43200 * S);
}

static void test_updates_without_end(void **state)
{
    struct rekey r = begun(REKEY_13);
    bool answered;

    (void)state;
    for (unsigned int minute = 1; minute < 4; minute++) {
        for (unsigned int i = 0; i < REKEY_UPDATES_MAX; i++)
            assert_int_equal(
                rekey_peer_updates(&r, START + minute * 60 * S + i, &answered), 0);
    }
    assert_int_equal(rekey_peer_updates(&r, START + 200 * S, &answered),
                     TLS_CLOSE_UPDATE_STORM);
}

static void test_silence(void **state)
{
    struct rekey r = begun(REKEY_13);
    uint64_t now = START + 43245 * S;

    (void)state;
    (void)rekey_tick(&r, START + 43200 * S);
    assert_int_equal(rekey_tick(&r, now), REKEY_GIVE_UP);
    assert_false(rekey_silent_ends(&r, now));
    assert_int_equal(rekey_due(&r, now), now + 43200 * S);
    r.set.close_silent = true;
    assert_true(rekey_silent_ends(&r, now));
    /* Its key may not be used any longer, whatever is configured. */
    r.set.close_silent = false;
    r.received = 1000000;
    assert_true(rekey_silent_ends(&r, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_asks_at_the_interval),
        cmocka_unit_test(test_client_lets_the_server_begin),
        cmocka_unit_test(test_both_ask_in_13),
        cmocka_unit_test(test_time_for_an_answer_runs_from_the_asking),
        cmocka_unit_test(test_handshake_has_its_own_time),
        cmocka_unit_test(test_done_begins_anew),
        cmocka_unit_test(test_postpone_moves_no_interval),
        cmocka_unit_test(test_records_wear_keys_out),
        cmocka_unit_test(test_peer_begins_after_its_first_data),
        cmocka_unit_test(test_peer_begins_once_in_ten_minutes),
        cmocka_unit_test(test_lab_peer_may_as_often_as_we),
        cmocka_unit_test(test_update_answers),
        cmocka_unit_test(test_updates_without_end),
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
