/* Permits in the monitor: nothing holds before the log has it, nobody confirms his own,
 * and what gates and audit say is believed as far as it can be true. */
#include "proxy/monitor_permit.h"

#include "proxy/permit_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FIRST  1000
#define SECOND 1001
#define GATES  2

static struct config_route routes[GATES];
static struct config_policy policy = {.permits = true};
static struct config config;
static struct monitor m;
static struct proc *gate[GATES], *audit;
static struct imsg_channel at_gate[GATES], at_audit;
static struct imsg got;

static struct proc *add(enum role role, uint32_t id, struct imsg_channel *other)
{
    struct proc *p = monitor_proc_add(&m, role, id, NULL, 0);
    int pair[2];

    assert_true(p && imsg_pair(pair));
    imsg_channel_init(&p->control, pair[0], ROLE_MONITOR, role, id, PHASE_RUN);
    imsg_channel_init(other, pair[1], role, ROLE_MONITOR, 0, PHASE_RUN);
    p->state = PROC_RUNNING;
    return p;
}

static int begin(void **state)
{
    (void)state;
    memset(&m, 0, sizeof m);
    config = (struct config){
        .limits = {.routes_per_gate = 1},
        .permits = {.max_s = 600, .confirm_s = 60, .persons = 1},
        .policies = &policy,
        .route_count = GATES,
        .routes = routes,
    };
    for (uint16_t i = 0; i < GATES; i++) {
        memset(&routes[i], 0, sizeof routes[i]);
        routes[i].index = i;
        (void)snprintf(routes[i].name, sizeof routes[i].name, "r%u", i);
    }
    m.config = &config;
    assert_true(loop_init(&m.loop));
    audit = add(ROLE_AUDIT, 0, &at_audit);
    for (uint32_t i = 0; i < GATES; i++)
        gate[i] = add(ROLE_GATE, i, &at_gate[i]);
    m.control = calloc(1, sizeof *m.control);
    assert_non_null(m.control);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        m.control->client[i].fd = -1;
    assert_true(monitor_permit_begin(&m));
    return 0;
}

static int end(void **state)
{
    struct proc *next;

    (void)state;
    monitor_permit_end(&m);
    for (struct proc *p = m.procs; p; p = next) {
        next = p->next;
        imsg_channel_close(&p->control);
        free(p);
    }
    imsg_channel_close(&at_audit);
    for (size_t i = 0; i < GATES; i++)
        imsg_channel_close(&at_gate[i]);
    free(m.control);
    loop_free(&m.loop);
    return 0;
}

/* ---- an operator ---- */

static int client_end;

static struct control_client *ask(uid_t uid, const char *question)
{
    struct control_client *c = &m.control->client[0];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    memset(c, 0, sizeof *c);
    c->monitor = &m;
    c->fd = pair[0];
    c->watch.fd = -1;
    c->uid = uid;
    client_end = pair[1];
    loop_timer_init(&c->timer, NULL, c);
    control_permit(c, question);
    return c;
}

/* NULL: nothing yet.  To be freed. */
static json_t *answer(void)
{
    static char text[1u << 16];
    const ssize_t n = recv(client_end, text, sizeof text - 1, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return NULL;
    assert_true(n > 0);
    (void)close(client_end);
    return json_loadb(text, (size_t)n, 0, NULL);
}

static bool is_good(json_t *a)
{
    const bool good = json_is_true(json_object_get(a, "ok"));

    assert_non_null(a);
    json_decref(a);
    return good;
}

/* ---- audit and gates ---- */

/* The record of this event that went out; gives its ticket. */
static uint64_t recorded(enum event event)
{
    struct record_head head;

    while (imsg_recv(&at_audit, &got) == IMSG_OK) {
        assert_true(got.type == MSG_RECORD && record_check(got.payload, got.len, &head));
        if (head.event->event == event)
            return head.ticket;
    }
    fail_msg("no record of event %d", (int)event);
    return 0;
}

static enum imsg_status say(struct proc *from, enum imsg_type type, const void *p,
                            size_t n)
{
    static struct imsg msg;

    msg.type = (uint16_t)type;
    msg.len = n;
    memcpy(msg.payload, p, n);
    return type == MSG_PERMIT_USED ? monitor_permit_used(from, &msg)
                                   : monitor_permit_ack(from, &msg);
}

static enum imsg_status acknowledge(uint64_t ticket, bool durable)
{
    const struct msg_record_ack ack = {.ticket = ticket, .durable = durable};

    return say(audit, MSG_RECORD_ACK, &ack, sizeof ack);
}

static enum imsg_status used(size_t by, uint32_t id, uint16_t route, uint32_t times)
{
    const struct msg_permit_used u = {.id = id, .used = times, .route = route};

    return say(gate[by], MSG_PERMIT_USED, &u, sizeof u);
}

/* What this gate was told; the type, or 0. */
static unsigned int told(size_t which)
{
    return imsg_recv(&at_gate[which], &got) == IMSG_OK ? got.type : 0;
}

/* A permit that holds on route 0. */
static struct grant *active(const char *more)
{
    char question[200];

    (void)snprintf(question, sizeof question, "grant\troute=r0\tfor=1m\treason=x%s%s",
                   more[0] ? "\t" : "", more);
    (void)ask(FIRST, question);
    assert_int_equal(acknowledge(recorded(EVENT_PERMIT_GRANTED), true), IMSG_OK);
    assert_true(is_good(answer()));
    assert_int_equal(told(0), MSG_PERMIT);
    return m.permits->grants;
}

/* ---- tests ---- */

static void test_log_before_effect(void **state)
{
    struct msg_permit sent;
    uint64_t ticket;

    (void)state;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x\tioa=7");
    ticket = recorded(EVENT_PERMIT_GRANTED);
    assert_null(answer());
    assert_int_equal(told(0), 0);
    assert_int_equal(monitor_permit_count(&m, 0), 0);
    assert_int_equal(acknowledge(ticket, true), IMSG_OK);
    assert_true(is_good(answer()));
    assert_int_equal(told(0), MSG_PERMIT);
    imsg_get(&got, &sent, sizeof sent);
    assert_int_equal(sent.ioa[0].first, 7);
    assert_true(sent.until_ms <= permit_now_ms() + 60000);
    assert_int_equal(told(1), 0);
    assert_int_equal(monitor_permit_count(&m, 0), 1);
}

static void test_without_a_log(void **state)
{
    (void)state;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_int_equal(acknowledge(recorded(EVENT_PERMIT_GRANTED), false), IMSG_OK);
    assert_false(is_good(answer()));
    (void)recorded(EVENT_PERMIT_ENDED);
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    monitor_permit_log_gone(&m);
    assert_false(is_good(answer()));
    audit->state = PROC_DOWN;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_false(is_good(answer()));
    audit->state = PROC_RUNNING;
    m.log.broken = 1;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_false(is_good(answer()));
    m.log.broken = 0;
    m.log.level = LOG_PRESSURE_REFUSE;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_false(is_good(answer()));
    assert_null(m.permits->grants);
    assert_int_equal(told(0), 0);
}

/* Later than the answer was waited for; and what was never asked. */
static void test_strange_acknowledgements(void **state)
{
    uint64_t ticket;

    (void)state;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    ticket = recorded(EVENT_PERMIT_GRANTED);
    assert_int_equal(acknowledge(ticket + 1, true), IMSG_BAD);
    grant_unrecorded(m.permits, m.permits->grants);
    assert_false(is_good(answer()));
    assert_int_equal(acknowledge(ticket, true), IMSG_OK);
    assert_null(m.permits->grants);
    assert_int_equal(told(0), 0);
}

static void test_two_persons(void **state)
{
    char question[40];
    struct grant *g;
    uint64_t ticket;

    (void)state;
    routes[0].permit_persons = 2;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_int_equal(acknowledge(recorded(EVENT_PERMIT_GRANTED), true), IMSG_OK);
    assert_true(is_good(answer()));
    g = m.permits->grants;
    assert_int_equal(g->state, GRANT_PENDING);
    assert_int_equal(told(0), 0);
    (void)snprintf(question, sizeof question, "confirm %u", g->permit.id);
    (void)ask(FIRST, question);
    assert_false(is_good(answer()));
    (void)recorded(EVENT_PERMIT_REFUSED);
    assert_int_equal(g->state, GRANT_PENDING);
    (void)ask(SECOND, question);
    ticket = recorded(EVENT_PERMIT_CONFIRMED);
    assert_int_equal(told(0), 0);
    (void)ask(SECOND, question); /* once is enough */
    assert_false(is_good(answer()));
    (void)ask(SECOND, "list");
    assert_true(is_good(answer()));
    assert_int_equal(acknowledge(ticket, true), IMSG_OK);
    assert_int_equal(g->state, GRANT_ACTIVE);
    assert_int_equal(told(0), MSG_PERMIT);
}

static void test_pending_does_not_last(void **state)
{
    (void)state;
    config.permits.persons = 2;
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_int_equal(acknowledge(recorded(EVENT_PERMIT_GRANTED), true), IMSG_OK);
    assert_true(is_good(answer()));
    m.permits->grants->due_ms = permit_now_ms();
    m.permits->timer.expired(m.permits);
    assert_null(m.permits->grants);
    (void)recorded(EVENT_PERMIT_ENDED);
}

static void test_expiry(void **state)
{
    struct grant *g = active("");

    (void)state;
    m.permits->timer.expired(m.permits);
    assert_int_equal(monitor_permit_count(&m, 0), 1);
    g->permit.until_ms = permit_now_ms();
    m.permits->timer.expired(m.permits);
    assert_int_equal(monitor_permit_count(&m, 0), 0);
    (void)recorded(EVENT_PERMIT_ENDED);
    assert_int_equal(told(0), 0); /* it knows */
}

static void test_revoke(void **state)
{
    const struct grant *g = active("");
    char question[40];

    (void)state;
    (void)snprintf(question, sizeof question, "revoke %u", g->permit.id);
    (void)ask(SECOND, question);
    assert_true(is_good(answer()));
    assert_int_equal(told(0), MSG_PERMIT_REVOKE);
    (void)recorded(EVENT_PERMIT_ENDED);
    (void)ask(SECOND, question);
    assert_false(is_good(answer()));
}

static void test_uses(void **state)
{
    const uint32_t id = active("commands=2")->permit.id;

    (void)state;
    assert_int_equal(used(0, id, 0, 0), IMSG_BAD);
    assert_int_equal(used(0, id, 0, 3), IMSG_BAD);
    assert_int_equal(used(0, id, 0, 1), IMSG_OK);
    assert_int_equal(used(0, id, 0, 1), IMSG_BAD);
    monitor_permit_gate_runs(gate[0]);
    assert_int_equal(told(0), MSG_PERMIT);
    assert_int_equal(((struct msg_permit *)(void *)got.payload)->used, 1);
    assert_int_equal(used(0, id, 0, 2), IMSG_OK);
    assert_int_equal(monitor_permit_count(&m, 0), 0);
    assert_int_equal(used(0, id, 0, 3), IMSG_OK); /* it has ended meanwhile */
    assert_int_equal(told(0), 0);
}

/* A gate that was taken over. */
static void test_used_by_another(void **state)
{
    const uint32_t id = active("commands=2")->permit.id;

    (void)state;
    assert_int_equal(used(1, id, 0, 1), IMSG_BAD);
    assert_int_equal(used(1, id, 9, 1), IMSG_BAD);
    assert_int_equal(used(1, id, 1, 1), IMSG_OK); /* none that is its own */
    assert_int_equal(m.permits->grants->permit.used, 0);
}

static void test_bounds(void **state)
{
    (void)state;
    m.permits->rate.burst = 1000;
    m.permits->rate.credit = 1000 * 1000;
    for (unsigned int i = 0; i < PERMITS_MAX; i++)
        (void)active("");
    (void)ask(FIRST, "grant\troute=r0\tfor=1m\treason=x");
    assert_false(is_good(answer()));
    (void)ask(FIRST, "grant\troute=r1\tfor=1m\treason=x");
    assert_null(answer());
    (void)close(client_end);
    m.permits->rate.credit = 0;
    (void)ask(FIRST, "grant\troute=r1\tfor=1m\treason=x");
    assert_false(is_good(answer()));
    (void)ask(FIRST, "list");
    assert_true(is_good(answer()));
}

static void test_stop(void **state)
{
    (void)state;
    (void)active("");
    monitor_permit_stop(&m);
    assert_null(m.permits->grants);
    (void)recorded(EVENT_PERMIT_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_before_effect, begin, end),
        cmocka_unit_test_setup_teardown(test_without_a_log, begin, end),
        cmocka_unit_test_setup_teardown(test_strange_acknowledgements, begin, end),
        cmocka_unit_test_setup_teardown(test_two_persons, begin, end),
        cmocka_unit_test_setup_teardown(test_pending_does_not_last, begin, end),
        cmocka_unit_test_setup_teardown(test_expiry, begin, end),
        cmocka_unit_test_setup_teardown(test_revoke, begin, end),
        cmocka_unit_test_setup_teardown(test_uses, begin, end),
        cmocka_unit_test_setup_teardown(test_used_by_another, begin, end),
        cmocka_unit_test_setup_teardown(test_bounds, begin, end),
        cmocka_unit_test_setup_teardown(test_stop, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
