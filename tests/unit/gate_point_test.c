/* Records of points as the gate sends them: never in the way of others, counted where the
 * log has no room, none while its disk is nearly full. */
#include "proxy/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define START 5000000u

static struct gate gate;
static struct gate_route route;
static struct gate_session session;
static struct imsg_channel audit; /* the far end */
static struct imsg received;

/* M_SP_NA_1, spontaneous, CA 1, IOA 5, with its APCI. */
static const uint8_t change[] = {0x68, 14, 0, 0, 0, 0, 1, 1, 3, 0, 1, 0, 5, 0, 0, 1};
static const struct link_frame frame = {.ticket = 1,
                                        .apdu = change,
                                        .apdu_size = sizeof change,
                                        .asdu = change + 6,
                                        .asdu_size = sizeof change - 6};

static int make(void **state)
{
    int pair[2];

    (void)state;
    memset(&gate, 0, sizeof gate);
    memset(&session, 0, sizeof session);
    memset(&route, 0, sizeof route);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    imsg_channel_init(&gate.audit, pair[0], ROLE_GATE, ROLE_AUDIT, 0, PHASE_RUN);
    imsg_channel_init(&audit, pair[1], ROLE_AUDIT, ROLE_GATE, 0, PHASE_RUN);
    assert_true(loop_init(&gate.child.loop));
    gate.child.loop.now = START;
    gate.audit_watch.fd = -1;
    route.profile = PROFILE_104;
    route.record.points = RECORD_POINTS_CHANGES;
    route.record.points_per_s = 10;
    session.gate = &gate;
    session.route = &route;
    session.state = GATE_OPEN;
    loop_timer_init(&session.timer, NULL, NULL);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    imsg_channel_close(&gate.audit);
    imsg_channel_close(&audit);
    loop_free(&gate.child.loop);
    return 0;
}

static void pass(unsigned int n)
{
    struct asdu a;

    assert_int_equal(
        asdu_parse(frame.asdu, frame.asdu_size, DIR_MONITOR, &PROFILE_104, &a).reason,
        REASON_OK);
    for (unsigned int i = 0; i < n; i++)
        gate_point_passed(&session, &frame, &a);
}

/* Records of this event that audit gets now; the count of the last. */
static unsigned int come(enum event event, uint64_t *count)
{
    struct record_head head;
    struct record_field f;
    unsigned int n = 0;
    size_t pos = 0;

    while (imsg_recv(&audit, &received) == IMSG_OK) {
        assert_int_equal(received.type, MSG_RECORD);
        assert_true(record_check(received.payload, received.len, &head));
        if (head.event->event != event)
            continue;
        n++;
        pos = 0;
        while (count && record_next(received.payload, received.len, &pos, &f)) {
            if (f.tag->tag == RECORD_COUNT)
                *count = f.u64;
        }
    }
    return n;
}

static bool press(uint8_t level, uint8_t beside)
{
    struct msg_log_pressure m = {.level = level, .zero = {0, 0, beside}};
    struct imsg in = {.type = MSG_LOG_PRESSURE, .len = sizeof m};

    memcpy(in.payload, &m, sizeof m);
    return gate_failure_pressure(&gate, &in);
}

static void test_rate(void **state)
{
    uint64_t count = 0;

    (void)state;
    pass(25);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 20);
    assert_int_equal(session.points.count[POINT_RATE].apdus, 5);
    assert_true(loop_timer_armed(&session.timer));
    assert_int_equal(gate_point_supervise(&session), START + POINT_INTERVAL_MS);
    assert_int_equal(come(EVENT_LOG_THINNED, &count), 0);
    gate.child.loop.now = START + POINT_INTERVAL_MS;
    assert_int_equal(gate_point_supervise(&session), UINT64_MAX);
    assert_int_equal(come(EVENT_LOG_THINNED, &count), 1);
    assert_int_equal(count, 5);
    gate_point_tell(&session);
    assert_int_equal(come(EVENT_LOG_THINNED, &count), 0);
}

/* A record that waits goes before, and so does a gap that is to be told. */
static void test_not_in_the_way(void **state)
{
    (void)state;
    gate.queue_count = 1;
    pass(1);
    gate.queue_count = 0;
    gate.untold = 1;
    pass(1);
    gate.untold = 0;
    gate.monitor_only = true;
    pass(1);
    gate.monitor_only = false;
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 0);
    assert_int_equal(session.points.count[POINT_BUSY].apdus, 3);
    pass(1);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 1);
}

/* Counts wait while other records do, and are not lost. */
static void test_told_later(void **state)
{
    uint64_t count = 0;

    (void)state;
    pass(21);
    (void)come(EVENT_POINT_VALUE, NULL);
    gate.child.loop.now = START + POINT_INTERVAL_MS;
    gate.queue_count = GATE_RECORD_QUEUE / 2;
    assert_int_equal(gate_point_supervise(&session), START + 2 * POINT_INTERVAL_MS);
    gate.queue_count = 0;
    assert_int_equal(gate_point_supervise(&session), UINT64_MAX);
    assert_int_equal(come(EVENT_LOG_THINNED, &count), 1);
    assert_int_equal(count, 1);
}

/* All sessions together do not fill the channel. */
static void test_of_all_sessions(void **state)
{
    (void)state;
    route.record.points_per_s = 10000;
    pass(1000);
    assert_in_range(come(EVENT_POINT_VALUE, NULL), 64, 200);
    assert_int_equal(session.points.count[POINT_RATE].apdus, 0);
    assert_true(session.points.count[POINT_BUSY].apdus > 0);
    assert_int_equal(gate.queue_count, 0);
}

static void test_none(void **state)
{
    (void)state;
    route.record.points = RECORD_POINTS_NONE;
    pass(5);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 0);
    assert_int_equal(point_meter_due(&session.points), UINT64_MAX);
}

static void test_disk_nearly_full(void **state)
{
    (void)state;
    assert_true(press(LOG_PRESSURE_ALARM, 0));
    pass(1);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 1);
    assert_null(gate_commands_closed(&session));
    assert_true(press(LOG_PRESSURE_THIN, 0));
    pass(3);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 0);
    assert_int_equal(session.points.count[POINT_DISK].apdus, 3);
    assert_null(gate_commands_closed(&session));
    assert_true(press(LOG_PRESSURE_REFUSE, 0));
    assert_string_equal(gate_commands_closed(&session), "log-unavailable");
    assert_true(press(LOG_PRESSURE_NONE, 0));
    assert_null(gate_commands_closed(&session));
    pass(1);
    assert_int_equal(come(EVENT_POINT_VALUE, NULL), 1);
}

static void test_hostile_pressure(void **state)
{
    (void)state;
    assert_true(press(LOG_PRESSURE_THIN, 0));
    assert_false(press(LOG_PRESSURE_MAX + 1, 0));
    assert_false(press(255, 0));
    assert_false(press(LOG_PRESSURE_NONE, 1));
    assert_int_equal(gate.pressure, LOG_PRESSURE_THIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rate, make, drop),
        cmocka_unit_test_setup_teardown(test_not_in_the_way, make, drop),
        cmocka_unit_test_setup_teardown(test_told_later, make, drop),
        cmocka_unit_test_setup_teardown(test_of_all_sessions, make, drop),
        cmocka_unit_test_setup_teardown(test_none, make, drop),
        cmocka_unit_test_setup_teardown(test_disk_nearly_full, make, drop),
        cmocka_unit_test_setup_teardown(test_hostile_pressure, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
