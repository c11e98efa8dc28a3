/* What an operator asks of the log at the control socket: audit carries it out. */
#include "proxy/monitor_control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A large file is hashed to its end before it is turned over. */
#define ORDER_WAIT_MS 30000u

static const struct {
    const char *word;
    const char *record;
    enum log_order what;
} orders[] = {
    {"seal", "log seal", LOG_ORDER_SEAL},
    {"rotate", "log rotate", LOG_ORDER_ROTATE},
};

static bool is_open(const struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->client[i].fd >= 0 && control->client[i].order != 0)
            return true;
    }
    return false;
}

static void give(struct control_client *c, size_t which)
{
    struct monitor *m = c->monitor;
    struct proc *audit = monitor_proc_find(m, ROLE_AUDIT, 0);
    struct msg_log_order order = {.what = (uint8_t)orders[which].what};

    if (is_open(m->control)) {
        control_error(c, "another order to the log is being carried out");
        return;
    }
    /* In front of what it tells of. */
    control_record(c, orders[which].record, 0, NULL);
    if (++m->control->request == 0) /* 0 is no order */
        m->control->request++;
    order.request = m->control->request;
    if (!audit || audit->state != PROC_RUNNING ||
        imsg_send(&audit->control, MSG_LOG_ORDER, &order, sizeof order, NULL, 0) !=
            IMSG_OK) {
        control_error(c, "the audit process takes no messages now");
        return;
    }
    c->order = order.request;
    (void)loop_timer_set(&m->loop, &c->timer, ORDER_WAIT_MS);
}

void control_order(struct control_client *c, const char *what)
{
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(what, orders[i].word) == 0) {
            give(c, i);
            return;
        }
    }
    control_error(c, "\"log\" wants \"seal\" or \"rotate\"");
}

void control_order_timeout(struct control_client *c)
{
    control_error(c, "the audit process does not answer");
}

static void done(struct control_client *c, const struct msg_log_ordered *m)
{
    char text[120];

    if (m->what == LOG_ORDER_SEAL)
        (void)snprintf(text, sizeof text, ": record %" PRIu64 " is a seal", m->seq);
    else
        (void)snprintf(text, sizeof text,
                       ": gate104.jsonl begins with record %" PRIu64 " now", m->seq);
    control_answer(c, json_pack("{s:b,s:s,s:I}", "ok", 1, "detail", text, "seq",
                                (json_int_t)m->seq));
}

/* It may have been taken over: nothing is believed that cannot be. */
static bool valid(const struct msg_log_ordered *m)
{
    return (m->what == LOG_ORDER_SEAL || m->what == LOG_ORDER_ROTATE) &&
           m->result >= LOG_ORDERED_DONE && m->result <= LOG_ORDERED_OFF &&
           (m->zero[0] | m->zero[1]) == 0 && m->seq <= INT64_MAX &&
           (m->seq == 0) == (m->result != LOG_ORDERED_DONE);
}

enum imsg_status monitor_order_answer(struct proc *audit, struct imsg *msg)
{
    struct control *control = audit->monitor->control;
    struct msg_log_ordered m;

    imsg_get(msg, &m, sizeof m);
    if (!valid(&m))
        return imsg_reject(&audit->control, msg);
    for (size_t i = 0; control && i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &control->client[i];

        if (c->fd < 0 || c->order == 0 || c->order != m.request)
            continue;
        if (m.result == LOG_ORDERED_DONE)
            done(c, &m);
        else if (m.result == LOG_ORDERED_OFF)
            control_error(c, "this log is not sealed (audit.seal_key)");
        else
            control_error(c, "it did not work; the operator's lines and the log say why");
    }
    return IMSG_OK; /* to nobody: who asked has gone */
}
