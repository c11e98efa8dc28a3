/* New policies as a gate takes them: all of an update or nothing, in the one order that
 * there is, and only what may change. */
#include "proxy/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define ROUTES 2u
#define NUMBER 7u

static struct gate gate;
static struct gate_session session[ROUTES];
static struct imsg_channel monitor, audit; /* the far ends */
static struct imsg in, out;

/* ---- a gate at work ---- */

/* A policy that lets one point be commanded. */
static void set_policy(struct gate_route *r, uint32_t ioa)
{
    struct policy_builder *b = policy_builder_new();
    const struct policy_range range = {ioa, ioa};
    struct policy_rule rule = {.name = "point", .ioa = &range, .ioa_count = 1};
    char err[200];
    const uint8_t *blob;

    policy_types_set(rule.types, 45);
    assert_true(policy_builder_add(b, &rule, err, sizeof err));
    blob = policy_builder_blob(b, &r->policy_size);
    assert_non_null(blob);
    free(r->policy);
    r->policy = malloc(r->policy_size);
    assert_non_null(r->policy);
    memcpy(r->policy, blob, r->policy_size);
    memset(r->policy_hash, (int)ioa, sizeof r->policy_hash);
    policy_builder_free(b);
}

static void make_config(struct gate_config *c, uint32_t ioa)
{
    static struct gate_route none;

    *c = (struct gate_config){
        .commands_sync = true, .handshake_s = 10, .t0_max_s = 30, .route_count = ROUTES};
    c->route = calloc(ROUTES, sizeof *c->route);
    assert_non_null(c->route);
    for (uint16_t i = 0; i < ROUTES; i++) {
        struct gate_route *r = &c->route[i];

        *r = none;
        r->index = i;
        (void)snprintf(r->name, sizeof r->name, "route-%u", i);
        r->mode = ROUTE_PROTECT_RTU;
        r->enforce = true;
        r->profile = PROFILE_104;
        r->max_sessions = 4;
        r->k = 12;
        r->w = 8;
        r->t1_s = 15;
        r->t2_s = 10;
        r->t3_s = 20;
        r->record.points_per_s = 1;
        set_policy(r, ioa);
    }
}

static void open_channel(struct imsg_channel *ours, struct imsg_channel *far,
                         enum role role)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    imsg_channel_init(ours, pair[0], ROLE_GATE, role, 0, PHASE_RUN);
    imsg_channel_init(far, pair[1], role, ROLE_GATE, 0, PHASE_RUN);
}

static void stop_round(void *ctx)
{
    (void)ctx;
    loop_stop(&gate.child.loop);
}

static int make(void **state)
{
    struct gate_config c;
    uint8_t *octets;
    size_t n;

    (void)state;
    memset(&gate, 0, sizeof gate);
    memset(session, 0, sizeof session);
    open_channel(&gate.child.control, &monitor, ROLE_MONITOR);
    open_channel(&gate.audit, &audit, ROLE_AUDIT);
    assert_true(loop_init(&gate.child.loop));
    gate.child.loop.round_end = stop_round;
    gate.audit_watch.fd = gate.broker_watch.fd = -1;
    gate_update_init(&gate);
    make_config(&c, 1);
    n = gate_config_encode(&c, &octets);
    gate_config_free(&c);
    assert_true(n > 0 && gate_config_decode(octets, n, &gate.config));
    free(octets);
    gate.policy = calloc(ROUTES, sizeof *gate.policy);
    for (size_t i = 0; i < ROUTES; i++) {
        const struct gate_route *r = &gate.config.route[i];
        char err[200];

        assert_true(
            policy_load(r->policy, r->policy_size, &gate.policy[i], err, sizeof err));
        session[i] = (struct gate_session){.gate = &gate,
                                           .id = i + 1,
                                           .route = r,
                                           .policy = gate.policy[i],
                                           .state = GATE_OPEN,
                                           .next = i == 0 ? &session[1] : NULL};
    }
    gate.sessions = session;
    assert_true(gate_guard_init(&gate));
    return 0;
}

static int drop(void **state)
{
    struct msg_policy_step forget = {.update = NUMBER, .step = POLICY_STEP_FORGET};

    (void)state;
    in = (struct imsg){.type = MSG_POLICY_STEP, .len = sizeof forget};
    memcpy(in.payload, &forget, sizeof forget);
    assert_int_equal(gate_update_message(&gate, &in), IMSG_OK);
    for (size_t i = 0; i < ROUTES; i++)
        policy_free(gate.policy[i]);
    free(gate.policy);
    free(gate.guards);
    free(gate.guards_next);
    gate_config_free(&gate.config);
    imsg_channel_close(&gate.child.control);
    imsg_channel_close(&gate.audit);
    imsg_channel_close(&monitor);
    imsg_channel_close(&audit);
    loop_free(&gate.child.loop);
    return 0;
}

/* ---- what the monitor sends, and hears ---- */

static enum imsg_status take(enum imsg_type type, const void *payload, size_t n)
{
    in = (struct imsg){.type = (uint16_t)type, .len = n};
    memcpy(in.payload, payload, n);
    return gate_update_message(&gate, &in);
}

static enum imsg_status begin(uint32_t size)
{
    const struct msg_update_begin m = {.size = size};

    return take(MSG_UPDATE_BEGIN, &m, sizeof m);
}

static enum imsg_status step(uint8_t what, uint32_t number)
{
    const struct msg_policy_step m = {.update = number, .step = what};

    return take(MSG_POLICY_STEP, &m, sizeof m);
}

static void send_octets(const uint8_t *p, size_t n)
{
    assert_int_equal(begin((uint32_t)n), IMSG_OK);
    for (size_t done = 0; done < n;) {
        const size_t some = n - done < 100 ? n - done : 100;

        assert_int_equal(take(MSG_UPDATE_DATA, p + done, some), IMSG_OK);
        done += some;
    }
}

static void send_config(const struct gate_config *c)
{
    uint8_t *octets;
    const size_t n = gate_config_encode(c, &octets);

    assert_true(n > 0);
    send_octets(octets, n);
    free(octets);
}

/* Until nothing is left to compile. */
static void compile(void)
{
    for (unsigned int i = 0; i < 1000 && gate.update.state == UPDATE_COMPILES; i++) {
        gate.child.loop.stopping = false;
        loop_run(&gate.child.loop);
    }
    assert_int_not_equal(gate.update.state, UPDATE_COMPILES);
}

/* 0: nothing was said; else what, and why. */
static unsigned int told(const char **why)
{
    static struct msg_policy_told m;

    if (imsg_recv(&monitor, &out) != IMSG_OK)
        return 0;
    assert_int_equal(out.type, MSG_POLICY_TOLD);
    imsg_get(&out, &m, sizeof m);
    assert_int_equal(m.update, NUMBER);
    if (why)
        *why = m.why;
    return m.what;
}

/* Records of this event; the ticket of the last. */
static unsigned int come(enum event event, uint64_t *ticket)
{
    struct record_head head;
    unsigned int n = 0;

    while (imsg_recv(&audit, &out) == IMSG_OK) {
        assert_true(record_check(out.payload, out.len, &head));
        if (head.event->event != event)
            continue;
        n++;
        if (ticket)
            *ticket = head.ticket;
    }
    return n;
}

static bool lets_pass(size_t i, uint32_t ioa)
{
    const uint8_t octets[] = {45, 1, 6, 0, 1, 0, (uint8_t)ioa, 0, 0, 1};
    struct policy_decision d;
    struct asdu a;

    assert_int_equal(
        asdu_parse(octets, sizeof octets, DIR_CONTROL, &PROFILE_104, &a).reason,
        REASON_OK);
    policy_decide(session[i].policy, DIR_CONTROL, &a, &d);
    return d.action == POLICY_PASS;
}

static void all_is_as_it_was(void)
{
    for (size_t i = 0; i < ROUTES; i++) {
        assert_ptr_equal(session[i].policy, gate.policy[i]);
        assert_true(lets_pass(i, 1) && !lets_pass(i, 2));
        assert_int_equal(gate.config.route[i].policy_hash[0], 1);
        assert_true(gate.config.route[i].enforce);
    }
}

/* ---- tests ---- */

static void test_taken(void **state)
{
    struct gate_config c;
    uint64_t ticket = 0;

    (void)state;
    make_config(&c, 1);
    set_policy(&c.route[1], 2);
    session[1].held_ticket = 5;
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    assert_int_equal(come(EVENT_POLICY_ACCEPTED, &ticket), 1);
    assert_int_equal(told(NULL), 0);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_BAD);
    assert_false(gate_update_acked(&gate, ticket + 1, true));
    assert_int_equal(told(NULL), 0);
    assert_true(gate_update_acked(&gate, ticket, true));
    assert_int_equal(told(NULL), POLICY_TOLD_READY);
    all_is_as_it_was();
    assert_int_equal(step(POLICY_STEP_USE, NUMBER + 1), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_OK);
    assert_int_equal(told(NULL), POLICY_TOLD_USED);
    assert_int_equal(come(EVENT_POLICY_RELOADED, NULL), 1);
    assert_true(lets_pass(0, 1) && lets_pass(1, 2) && !lets_pass(1, 1));
    assert_int_equal(gate.config.route[0].policy_hash[0], 1);
    assert_int_equal(gate.config.route[1].policy_hash[0], 2);
    assert_true(session[1].held_again);
    assert_false(session[0].held_again);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_BAD);
    gate_config_free(&c);
}

static void test_mode_alone(void **state)
{
    struct gate_config c;
    uint64_t ticket;

    (void)state;
    make_config(&c, 1);
    c.route[0].enforce = false;
    gate.config.route[0].commands_closed = true;
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    assert_int_equal(come(EVENT_POLICY_ACCEPTED, &ticket), 1);
    assert_true(gate_update_acked(&gate, ticket, true));
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_OK);
    assert_false(gate.config.route[0].enforce);
    assert_true(gate.config.route[0].commands_closed);
    assert_ptr_equal(session[0].policy, gate.policy[0]);
    gate_config_free(&c);
}

static void test_order(void **state)
{
    const uint8_t octet = 0;
    struct gate_config c;

    (void)state;
    assert_int_equal(take(MSG_UPDATE_DATA, &octet, 1), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_BAD);
    assert_int_equal(step(0, NUMBER), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_MAX + 1, NUMBER), IMSG_BAD);
    assert_int_equal(begin(0), IMSG_BAD);
    assert_int_equal(begin(CFG_SIZE_MAX + 1), IMSG_BAD);
    assert_int_equal(begin(2), IMSG_OK);
    assert_int_equal(begin(2), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    assert_int_equal(take(MSG_UPDATE_DATA, &octet, 1), IMSG_OK);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    assert_int_equal(take(MSG_UPDATE_DATA, "abc", 3), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_FORGET, NUMBER), IMSG_OK);
    make_config(&c, 2);
    send_config(&c);
    assert_int_equal(take(MSG_UPDATE_DATA, &octet, 1), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    assert_int_equal(begin(2), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_BAD);
    all_is_as_it_was();
    gate_config_free(&c);
}

static void test_not_a_configuration(void **state)
{
    uint8_t *octets;
    struct gate_config c;
    size_t n;

    (void)state;
    make_config(&c, 2);
    n = gate_config_encode(&c, &octets);
    assert_true(n > 0);
    send_octets(octets, n - 1);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    assert_int_equal(step(POLICY_STEP_FORGET, NUMBER), IMSG_OK);
    octets[0] ^= 1;
    send_octets(octets, n);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
    all_is_as_it_was();
    free(octets);
    gate_config_free(&c);
}

#define CHANGES 11u

static void change(struct gate_config *c, unsigned int what)
{
    struct gate_route *r = &c->route[1];

    switch (what) {
    case 0: c->gate++; break;
    case 1: free(c->route[--c->route_count].policy); break;
    case 2: c->commands_sync = false; break;
    case 3: c->log_closes = true; break;
    case 4: r->name[0] = 'R'; break;
    case 5: r->index = 9; break;
    case 6: r->mode = ROUTE_WRAP_MASTER; break;
    case 7: r->profile.ioa_size = 2; break;
    case 8: r->k++; break;
    case 9: r->t3_s++; break;
    default: r->record.points = RECORD_POINTS_ALL; break;
    }
}

static void test_what_may_not_change(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < CHANGES; i++) {
        struct gate_config c;

        make_config(&c, 2);
        change(&c, i);
        send_config(&c);
        assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_BAD);
        assert_int_equal(step(POLICY_STEP_FORGET, NUMBER), IMSG_OK);
        gate_config_free(&c);
    }
    all_is_as_it_was();
}

/* One of two does not compile. */
static void test_refused(void **state)
{
    const char *why = NULL;
    struct gate_config c;

    (void)state;
    make_config(&c, 2);
    c.route[1].policy[0] ^= 1;
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    assert_int_equal(told(&why), POLICY_TOLD_REFUSED);
    assert_non_null(strstr(why, "route \"route-1\": this is no policy"));
    assert_int_equal(come(EVENT_POLICY_ACCEPTED, NULL), 0);
    assert_int_equal(step(POLICY_STEP_USE, NUMBER), IMSG_BAD);
    all_is_as_it_was();
    gate_config_free(&c);
}

static void test_without_a_log(void **state)
{
    const char *why = NULL;
    struct gate_config c;
    uint64_t ticket = 0;

    (void)state;
    make_config(&c, 2);
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    assert_int_equal(come(EVENT_POLICY_ACCEPTED, &ticket), 2);
    assert_true(gate_update_acked(&gate, ticket - 1, true));
    assert_int_equal(told(NULL), 0);
    assert_false(gate_update_acked(&gate, ticket, false));
    assert_int_equal(told(&why), POLICY_TOLD_REFUSED);
    assert_non_null(strstr(why, "cannot be written"));
    gate.monitor_only = true;
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    assert_int_equal(told(NULL), POLICY_TOLD_REFUSED);
    gate.monitor_only = false;
    send_config(&c);
    assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
    compile();
    gate_update_log_lost(&gate);
    assert_int_equal(told(NULL), POLICY_TOLD_REFUSED);
    all_is_as_it_was();
    gate_config_free(&c);
}

static void test_forgotten(void **state)
{
    struct gate_config c;
    uint64_t ticket = 0;

    (void)state;
    make_config(&c, 2);
    for (unsigned int i = 0; i < 4; i++) {
        send_config(&c);
        if (i > 0)
            assert_int_equal(step(POLICY_STEP_CHECK, NUMBER), IMSG_OK);
        if (i > 1)
            compile();
        if (i > 2) {
            assert_int_equal(come(EVENT_POLICY_ACCEPTED, &ticket), 2);
            assert_true(gate_update_acked(&gate, ticket - 1, true));
            assert_true(gate_update_acked(&gate, ticket, true));
            assert_int_equal(told(NULL), POLICY_TOLD_READY);
        }
        (void)come(EVENT_POLICY_ACCEPTED, NULL);
        assert_int_equal(step(POLICY_STEP_FORGET, NUMBER), IMSG_OK);
        assert_int_equal(gate.update.state, UPDATE_NONE);
        all_is_as_it_was();
    }
    gate_config_free(&c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_taken),
        TEST(test_mode_alone),
        TEST(test_order),
        TEST(test_not_a_configuration),
        TEST(test_what_may_not_change),
        TEST(test_refused),
        TEST(test_without_a_log),
        TEST(test_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
