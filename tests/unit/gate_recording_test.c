/* APDUs for a recording as the gate sends them: each once, in order, never in the way of
 * a record, and counted where audit does not keep up. */
#include "proxy/gate.h"
#include "proxy/recorded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUTES 2u

static struct gate gate;
static struct gate_route routes[ROUTES];
static struct gate_session session[ROUTES];
static struct imsg_channel audit; /* the far end */
static struct imsg received;

/* What audit got since the test began. */
static struct {
    uint64_t messages, apdus[RECORDED_LEGS], dropped[RECORDED_LEGS];
    uint8_t last[RECORDED_APDU_MAX];
    bool sent;
    uint16_t route;
    uint64_t of_session[ROUTES];
} got;

static void make_session(unsigned int i)
{
    routes[i].index = (uint16_t)(10 + i);
    routes[i].record.apdus = true;
    session[i] = (struct gate_session){.gate = &gate, .route = &routes[i], .id = i + 1};
    session[i].source = (struct msg_endpoint){4, 0, 40000, {10, 0, 0, 1}};
    session[i].target = (struct msg_endpoint){4, 0, 2404, {10, 0, 0, 2}};
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        session[i].leg[leg].session = &session[i];
        session[i].leg[leg].side = (enum link_leg)leg;
    }
}

static void connect_audit(void)
{
    int pair[2];

    imsg_channel_close(&gate.audit);
    imsg_channel_close(&audit);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    imsg_channel_init(&gate.audit, pair[0], ROLE_GATE, ROLE_AUDIT, 0, PHASE_RUN);
    imsg_channel_init(&audit, pair[1], ROLE_AUDIT, ROLE_GATE, 0, PHASE_RUN);
    gate_recording_begin(&gate);
}

static int make(void **state)
{
    (void)state;
    memset(&gate, 0, sizeof gate);
    memset(&got, 0, sizeof got);
    memset(routes, 0, sizeof routes);
    gate.audit.fd = audit.fd = -1;
    gate.config.route = routes;
    gate.config.route_count = ROUTES;
    for (unsigned int i = 0; i < ROUTES; i++)
        make_session(i);
    assert_true(gate_recording_init(&gate));
    connect_audit();
    return 0;
}

static int drop(void **state)
{
    (void)state;
    imsg_channel_close(&gate.audit);
    imsg_channel_close(&audit);
    free(gate.recording.dropped);
    free(gate.recording.queue);
    return 0;
}

static void look_at(const struct imsg *m)
{
    struct recorded_apdu a;
    struct msg_recorded head;
    size_t pos = 0;

    assert_int_equal(m->type, MSG_RECORDED);
    assert_true(recorded_check(m->payload, m->len, &head));
    got.messages++;
    got.route = head.route;
    assert_true(head.session == 0 || head.session == head.route - 9u);
    for (unsigned int i = 0; i < RECORDED_LEGS; i++)
        got.dropped[i] += head.dropped[i];
    while (recorded_next(m->payload, m->len, &pos, &a)) {
        got.apdus[a.leg]++;
        got.of_session[head.session - 1]++;
        got.sent = a.sent;
        memcpy(got.last, a.octets, a.size);
        assert_true(a.utc_us > UINT64_C(1500000000000000));
    }
}

static void take_all(void)
{
    while (imsg_recv(&audit, &received) == IMSG_OK)
        look_at(&received);
}

static bool acknowledge(uint64_t taken)
{
    const struct msg_recorded_ack ack = {.taken = taken};
    struct imsg in = {.type = MSG_RECORDED_ACK, .len = sizeof ack};

    memcpy(in.payload, &ack, sizeof ack);
    return gate_recording_taken(&gate, &in);
}

/* I-frames of 255 octets, each with another number. */
static void come(unsigned int which, enum link_leg leg, unsigned int count)
{
    static uint32_t number;
    uint8_t apdu[RECORDED_APDU_MAX] = {0x68, 253};

    for (unsigned int i = 0; i < count; i++) {
        number++;
        memcpy(apdu + 6, &number, sizeof number);
        gate_recording_came(&session[which].leg[leg], apdu, sizeof apdu);
    }
}

static void test_what_comes(void **state)
{
    (void)state;
    come(0, LEG_MASTER, 2);
    come(0, LEG_STATION, 3);
    take_all();
    assert_int_equal(got.messages, 0); /* the round is not over */
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, 1);
    assert_int_equal(got.apdus[LEG_MASTER], 2);
    assert_int_equal(got.apdus[LEG_STATION], 3);
    assert_int_equal(got.route, 10);
    assert_false(got.sent);
    routes[0].record.apdus = false;
    come(0, LEG_MASTER, 1);
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, 1);
}

static void test_sessions(void **state)
{
    (void)state;
    come(0, LEG_MASTER, 1);
    come(1, LEG_MASTER, 2);
    come(0, LEG_MASTER, 3);
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, 3);
    assert_int_equal(got.of_session[0], 4);
    assert_int_equal(got.of_session[1], 2);
}

/* Whatever pieces the socket takes, each APDU is told once, with its first octet. */
static void test_what_leaves(void **state)
{
    static const uint8_t out[] = {0x68, 4, 1, 0, 2, 0,    0x68, 8, 0, 0, 0,
                                  0,    9, 9, 9, 9, 0x68, 4,    3, 0, 0, 0};
    static const size_t wholes[] = {0, 6, 16, sizeof out};

    (void)state;
    for (size_t cut = 1; cut < sizeof out; cut++) {
        struct gate_leg *leg = &session[0].leg[LEG_STATION];
        unsigned int expected = 0;

        memset(&got, 0, sizeof got);
        gate_recording_left(leg, out, cut, sizeof out);
        gate_recording_left(leg, out + cut, 0, sizeof out - cut);
        for (size_t i = 0; i < 3; i++)
            expected += wholes[i] < cut;
        gate_recording_flush(&gate);
        take_all();
        assert_int_equal(got.apdus[LEG_STATION], expected);
        gate_recording_left(leg, out + cut, sizeof out - cut, sizeof out - cut);
        gate_recording_flush(&gate);
        take_all();
        assert_int_equal(got.apdus[LEG_STATION], 3);
        assert_true(got.sent);
        assert_memory_equal(got.last, out + 16, 6);
        assert_int_equal(leg->recorded, 0);
        assert_true(acknowledge(gate.recording.sent));
    }
}

/* Audit does not answer: a bounded number of messages, the rest is counted. */
static void test_behind(void **state)
{
    const unsigned int many = 5000;

    (void)state;
    come(0, LEG_MASTER, many);
    come(1, LEG_STATION, many);
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, RECORDED_WINDOW);
    assert_true(got.apdus[LEG_MASTER] > 0 && got.dropped[LEG_MASTER] == 0);
    assert_false(gate_recording_idle(&gate));
    for (unsigned int i = 0; i < 20; i++) {
        assert_true(acknowledge(got.messages));
        gate_recording_flush(&gate);
        take_all();
    }
    assert_true(gate_recording_idle(&gate));
    assert_int_equal(got.apdus[LEG_MASTER] + got.dropped[LEG_MASTER], many);
    assert_int_equal(got.apdus[LEG_STATION] + got.dropped[LEG_STATION], many);
    assert_true(got.dropped[LEG_STATION] > 0);
}

/* They wait while a record does. */
static void test_records_go_first(void **state)
{
    (void)state;
    come(0, LEG_MASTER, 1);
    gate.queue_count = 1;
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, 0);
    gate.queue_count = 0;
    gate_recording_flush(&gate);
    take_all();
    assert_int_equal(got.messages, 1);
}

/* The window leaves room for whatever else the channel is for. */
static void test_room_is_left(void **state)
{
    struct record r;
    const uint8_t *payload;
    unsigned int records = 0;
    size_t n;

    (void)state;
    come(0, LEG_MASTER, 5000);
    record_begin(&r, EVENT_COMMAND, 1, true);
    n = record_end(&r, &payload);
    while (records < 64 &&
           imsg_send(&gate.audit, MSG_RECORD, payload, n, NULL, 0) == IMSG_OK)
        records++;
    assert_int_equal(records, 64);
}

static void test_no_audit(void **state)
{
    (void)state;
    come(0, LEG_MASTER, 3);
    imsg_channel_close(&gate.audit);
    come(0, LEG_MASTER, 100);
    gate_recording_flush(&gate);
    assert_true(gate_recording_idle(&gate));
    connect_audit();
    for (unsigned int i = 0; i < 4; i++) {
        gate_recording_flush(&gate);
        take_all();
    }
    assert_int_equal(got.apdus[LEG_MASTER] + got.dropped[LEG_MASTER], 103);
}

static void test_answers(void **state)
{
    (void)state;
    come(0, LEG_MASTER, 1);
    gate_recording_flush(&gate);
    assert_false(acknowledge(2));
    assert_true(acknowledge(1));
    assert_true(acknowledge(1));
    assert_false(acknowledge(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_comes, make, drop),
        cmocka_unit_test_setup_teardown(test_sessions, make, drop),
        cmocka_unit_test_setup_teardown(test_what_leaves, make, drop),
        cmocka_unit_test_setup_teardown(test_behind, make, drop),
        cmocka_unit_test_setup_teardown(test_records_go_first, make, drop),
        cmocka_unit_test_setup_teardown(test_room_is_left, make, drop),
        cmocka_unit_test_setup_teardown(test_no_audit, make, drop),
        cmocka_unit_test_setup_teardown(test_answers, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
