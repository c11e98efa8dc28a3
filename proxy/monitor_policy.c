/* New policies for gates that work, in two steps: all gates compile them and record that
 * they will; only then all use them.  If one cannot, none does. */
#include "proxy/monitor.h"

#include "proxy/config_errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compiling may take some seconds, in a gate that has much else to do more. */
#define READY_TIMEOUT_MS 60000u
#define USED_TIMEOUT_MS  5000u

/* ---- out ---- */

static bool send_step(struct proc *p, enum policy_step step)
{
    const struct msg_policy_step m = {.update = p->monitor->policy.number,
                                      .step = (uint8_t)step};

    return imsg_send(&p->control, MSG_POLICY_STEP, &m, sizeof m, NULL, 0) == IMSG_OK;
}

static bool send_octets(struct proc *p)
{
    struct policy_delivery *d = &p->policy;
    struct msg_update_begin begin = {.size = (uint32_t)d->size};

    if (!d->cleared && !send_step(p, POLICY_STEP_FORGET))
        return false;
    d->cleared = true;
    if (!d->begun) {
        if (imsg_send(&p->control, MSG_UPDATE_BEGIN, &begin, sizeof begin, NULL, 0) !=
            IMSG_OK)
            return false;
        d->begun = true;
    }
    while (d->sent < d->size) {
        size_t n = d->size - d->sent;

        n = n < IMSG_PAYLOAD_MAX ? n : IMSG_PAYLOAD_MAX;
        if (imsg_send(&p->control, MSG_UPDATE_DATA, d->cfg + d->sent, n, NULL, 0) !=
            IMSG_OK)
            return false;
        d->sent += n;
    }
    return true;
}

void monitor_policy_pump(struct proc *p)
{
    struct policy_delivery *d = &p->policy;
    struct loop *l = &p->monitor->loop;

    if (p->state != PROC_RUNNING || d->due == 0)
        return;
    if ((d->due == POLICY_STEP_CHECK && !send_octets(p)) ||
        !send_step(p, (enum policy_step)d->due)) {
        loop_set(l, &p->watch, EPOLLIN | EPOLLOUT);
        return;
    }
    d->due = 0;
    loop_set(l, &p->watch, EPOLLIN);
}

static void send_to(struct proc *p, enum policy_step step, enum policy_wait wait)
{
    p->policy.due = (uint8_t)step;
    p->policy.wait = wait;
    monitor_policy_pump(p);
}

static void drop(struct policy_delivery *d)
{
    free(d->cfg);
    d->cfg = NULL;
    d->size = d->sent = 0;
    d->cleared = d->begun = false;
    d->wait = POLICY_WAIT_NONE;
}

/* ---- the first step ---- */

static bool some_wait(const struct monitor *m, enum policy_wait wait)
{
    for (const struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_GATE && p->policy.wait == wait)
            return true;
    }
    return false;
}

static void timer_expired(void *ctx)
{
    struct monitor *m = ctx;

    if (m->policy.wait == POLICY_WAIT_READY) {
        monitor_reload_gates(m, "timeout", "a gate did not compile them in time");
        return;
    }
    /* It starts anew, with the new ones. */
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_GATE && p->policy.wait == POLICY_WAIT_USED) {
            monitor_log("gate-%u does not say that it uses its new policies", p->id);
            monitor_proc_kill(p);
        }
    }
}

static void wait_for(struct monitor *m, enum policy_wait wait, uint64_t ms)
{
    m->policy.wait = wait;
    loop_timer_init(&m->policy.timer, timer_expired, m);
    (void)loop_timer_set(&m->loop, &m->policy.timer, ms);
}

static void stop_waiting(struct monitor *m, enum policy_wait wait)
{
    loop_timer_stop(&m->loop, &m->policy.timer);
    m->policy.wait = wait;
}

static bool encode(const struct config *c, uint32_t gate, struct policy_delivery *d)
{
    struct gate_config role;

    if (!config_gate_role(c, gate, &role))
        return false;
    d->size = gate_config_encode(&role, &d->cfg);
    gate_config_free(&role);
    return d->size > 0;
}

/* What each gate is to have; nothing for one that has it. */
static bool prepare(struct monitor *m, const struct config *next)
{
    struct config view;
    bool good = config_live_view(m->config, next, &view);

    for (struct proc *p = m->procs; good && p; p = p->next) {
        struct policy_delivery *d = &p->policy;

        if (p->role != ROLE_GATE)
            continue;
        drop(d);
        good = encode(&view, p->id, d);
        if (good && d->size == p->cfg_size && memcmp(d->cfg, p->cfg, d->size) == 0)
            drop(d);
    }
    config_live_view_free(&view);
    return good;
}

bool monitor_policy_offer(struct monitor *m, const struct config *next)
{
    m->policy.number++;
    if (!prepare(m, next)) {
        monitor_policy_forget(m);
        monitor_reload_gates(m, "too-large",
                             "out of memory, or the policies of a gate are too large");
        return true;
    }
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->policy.cfg && p->state == PROC_RUNNING)
            send_to(p, POLICY_STEP_CHECK, POLICY_WAIT_READY);
    }
    if (!some_wait(m, POLICY_WAIT_READY)) {
        stop_waiting(m, POLICY_WAIT_HELD);
        return false;
    }
    wait_for(m, POLICY_WAIT_READY, READY_TIMEOUT_MS);
    return true;
}

void monitor_policy_forget(struct monitor *m)
{
    stop_waiting(m, POLICY_WAIT_NONE);
    for (struct proc *p = m->procs; p; p = p->next) {
        const bool told = p->policy.wait != POLICY_WAIT_NONE;

        if (p->role != ROLE_GATE)
            continue;
        drop(&p->policy);
        if (told && p->state == PROC_RUNNING)
            send_to(p, POLICY_STEP_FORGET, POLICY_WAIT_NONE);
    }
}

/* ---- the second ---- */

/* A gate that ends from now on comes back with the new ones. */
static void give(struct proc *p)
{
    struct policy_delivery *d = &p->policy;
    const bool ready = d->wait == POLICY_WAIT_HELD;

    free(p->cfg);
    p->cfg = d->cfg;
    p->cfg_size = d->size;
    d->cfg = NULL;
    drop(d);
    if (ready)
        send_to(p, POLICY_STEP_USE, POLICY_WAIT_USED);
    else if (p->pid > 0) /* it is being told the old ones */
        monitor_proc_kill(p);
}

void monitor_policy_use(struct monitor *m, struct config *next)
{
    config_live_take(m->config, next);
    wait_for(m, POLICY_WAIT_USED, USED_TIMEOUT_MS);
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_GATE && p->policy.cfg)
            give(p);
    }
    if (!some_wait(m, POLICY_WAIT_USED))
        stop_waiting(m, POLICY_WAIT_NONE);
}

bool monitor_policy_is_busy(const struct monitor *m)
{
    return m->policy.wait != POLICY_WAIT_NONE;
}

static void one_uses(struct proc *p)
{
    struct monitor *m = p->monitor;

    p->policy.wait = POLICY_WAIT_NONE;
    if (m->policy.wait != POLICY_WAIT_USED || some_wait(m, POLICY_WAIT_USED))
        return;
    stop_waiting(m, POLICY_WAIT_NONE);
    monitor_reload_over(m);
}

/* ---- what gates do ---- */

void monitor_policy_gate_runs(struct proc *p)
{
    if (p->monitor->policy.wait == POLICY_WAIT_READY && p->policy.cfg)
        send_to(p, POLICY_STEP_CHECK, POLICY_WAIT_READY);
}

void monitor_policy_gate_ended(struct proc *p)
{
    struct monitor *m = p->monitor;
    const enum policy_wait wait = p->policy.wait;
    char text[80];

    p->policy.due = 0;
    p->policy.wait = POLICY_WAIT_NONE;
    if (wait == POLICY_WAIT_USED) {
        one_uses(p);
    } else if (wait != POLICY_WAIT_NONE && m->policy.wait == POLICY_WAIT_READY) {
        (void)snprintf(text, sizeof text, "gate-%u ended when it had been given them",
                       p->id);
        monitor_reload_gates(m, "gate-ended", text);
    }
}

static bool text_valid(const char *p, size_t n)
{
    const size_t size = strnlen(p, n);

    for (size_t i = 0; i < size; i++) {
        if (p[i] < 0x20 || p[i] > 0x7E)
            return false;
    }
    return size < n;
}

static bool told_valid(const struct proc *p, const struct msg_policy_told *t)
{
    return t->update != 0 && t->update <= p->monitor->policy.number && t->what >= 1 &&
           t->what <= POLICY_TOLD_MAX && t->zero[0] == 0 && t->zero[1] == 0 &&
           t->zero[2] == 0 && text_valid(t->why, sizeof t->why);
}

static void ready(struct proc *p)
{
    struct monitor *m = p->monitor;

    p->policy.wait = POLICY_WAIT_HELD;
    if (some_wait(m, POLICY_WAIT_READY))
        return;
    stop_waiting(m, POLICY_WAIT_HELD);
    monitor_reload_gates(m, NULL, NULL);
}

enum imsg_status monitor_policy_told(struct proc *p, struct imsg *msg)
{
    static const enum policy_wait fits[] = {
        [POLICY_TOLD_READY] = POLICY_WAIT_READY,
        [POLICY_TOLD_USED] = POLICY_WAIT_USED,
        [POLICY_TOLD_REFUSED] = POLICY_WAIT_READY,
    };
    struct msg_policy_told t;

    imsg_get(msg, &t, sizeof t);
    if (!told_valid(p, &t))
        return imsg_reject(&p->control, msg);
    /* It may have been said before the gate read that it shall forget. */
    if (t.update != p->monitor->policy.number || p->policy.wait == POLICY_WAIT_NONE)
        return IMSG_OK;
    if (p->policy.wait != fits[t.what] || p->policy.due != 0)
        return imsg_reject(&p->control, msg);
    if (t.what == POLICY_TOLD_USED)
        one_uses(p);
    else if (t.what == POLICY_TOLD_READY)
        ready(p);
    else
        monitor_reload_gates(p->monitor, "gate-refused", t.why);
    return IMSG_OK;
}
