/* All processes together: who is joined with whom, what follows when one ends, and the
 * order in which they stop. */
#include "proxy/monitor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 3000u

/* Which roles have a channel to each other. */
static const struct {
    enum role a, b;
} joins[] = {
    {ROLE_TLS, ROLE_SIGNER},   {ROLE_TLS, ROLE_FETCHER}, {ROLE_GATE, ROLE_AUDIT},
    {ROLE_BROKER, ROLE_AUDIT}, {ROLE_BROKER, ROLE_GATE}, {ROLE_BROKER, ROLE_TLS},
};

static bool give_channel(struct proc *to, const struct proc *peer, int fd)
{
    struct msg_channel m = {.role = (uint8_t)peer->role, .id = peer->id};

    if (imsg_send(&to->control, MSG_CHANNEL, &m, sizeof m, &fd, 1) == IMSG_OK)
        return true;
    monitor_log("%s-%u does not take its messages", role_name(to->role), to->id);
    monitor_proc_kill(to);
    return false;
}

static void join(struct proc *a, struct proc *b)
{
    int pair[2];

    if (!imsg_pair(pair)) {
        monitor_log("cannot make a channel: out of descriptors");
        return;
    }
    if (give_channel(a, b, pair[0]))
        (void)give_channel(b, a, pair[1]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static bool are_joined(enum role x, enum role y, size_t i)
{
    return (joins[i].a == x && joins[i].b == y) || (joins[i].a == y && joins[i].b == x);
}

/* A worker for one session that was given it has no business with a new broker. */
static bool has_had_its_session(const struct proc *p)
{
    return p->role == ROLE_TLS && p->taken &&
           p->monitor->config->limits.sessions_per_worker == 1;
}

/* Joins a process that runs now with all others that run, in the order of the table, so
 * that a worker knows its signer before the broker knows the worker. */
static void join_all(struct proc *p)
{
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++) {
        for (struct proc *q = p->monitor->procs; q; q = q->next) {
            if (q == p || q->state != PROC_RUNNING || !are_joined(p->role, q->role, i))
                continue;
            if ((has_had_its_session(p) && q->role == ROLE_BROKER) ||
                (has_had_its_session(q) && p->role == ROLE_BROKER))
                continue;
            if (p->retired || q->retired)
                continue;
            join(p, q);
        }
    }
}

static uint32_t spare_workers(const struct monitor *m, uint32_t group, bool running)
{
    uint32_t n = 0;

    for (const struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_TLS && TLS_WORKER_GROUP(p->id) == group && !p->taken &&
            (p->state == PROC_RUNNING ||
             (!running && (p->state == PROC_STARTING || p->state == PROC_READY))))
            n++;
    }
    return n;
}

static void start_worker(struct worker_group *g)
{
    struct monitor *m = g->monitor;
    uint8_t *cfg = malloc(g->cfg_size);
    struct proc *p;

    if (!cfg)
        return;
    memcpy(cfg, g->cfg, g->cfg_size);
    p = monitor_proc_add(m, ROLE_TLS, TLS_WORKER_ID(g->group, g->next_number++), cfg,
                         g->cfg_size);
    if (!p)
        return;
    p->transient = true;
    p->version = g->version;
    monitor_proc_start(p);
}

void monitor_fleet_workers(struct monitor *m)
{
    if (m->stop_step != 0)
        return;
    for (size_t i = 0; i < m->group_count; i++) {
        struct worker_group *g = &m->group[i];

        if (loop_timer_armed(&g->timer))
            continue; /* they die young: not so fast */
        for (uint32_t n = spare_workers(m, g->group, false); n < m->spare_workers; n++)
            start_worker(g);
    }
}

/* The broker accepts only once everything behind it is there. */
static void maybe_start_broker(struct monitor *m)
{
    struct proc *broker = monitor_proc_find(m, ROLE_BROKER, 0);

    if (!broker || broker->state != PROC_READY)
        return;
    for (const struct proc *p = m->procs; p; p = p->next) {
        if (p->role != ROLE_TLS && p->role != ROLE_BROKER && p->state != PROC_RUNNING)
            return;
    }
    for (size_t i = 0; i < m->group_count; i++) {
        if (spare_workers(m, m->group[i].group, true) == 0)
            return;
    }
    monitor_proc_send_start(broker);
}

void monitor_fleet_ready(struct proc *p)
{
    if (p->monitor->stop_step != 0)
        return;
    if (p->role == ROLE_BROKER)
        maybe_start_broker(p->monitor);
    else
        monitor_proc_send_start(p);
}

void monitor_fleet_running(struct proc *p)
{
    struct monitor *m = p->monitor;

    if (p->role == ROLE_AUDIT) {
        memset(&m->log, 0, sizeof m->log);
        monitor_clock_tell(m);
        monitor_record_flush(m);
        monitor_ship_begin(m);
    }
    if (!m->initial && p->role != ROLE_TLS)
        monitor_record_proc(m, EVENT_PROCESS_STARTED, p, NULL);
    if (p->role == ROLE_TLS)
        m->group[TLS_WORKER_GROUP(p->id)].failures = 0;
    if (p->role == ROLE_TLS)
        monitor_trust_catch_up(p);
    join_all(p);
    if (p->role == ROLE_SIGNER)
        monitor_reload_signer(p, true);
    if (p->role == ROLE_GATE) {
        monitor_control_gate_runs(p);
        monitor_clock_tell(m);
        monitor_permit_gate_runs(p);
        monitor_policy_gate_runs(p);
    }
    if (p->role == ROLE_BROKER && m->initial) {
        m->initial = false;
        monitor_log("ready");
        monitor_tell_ready(m);
        monitor_reload_begin(m);
    }
    maybe_start_broker(m);
}

void monitor_fleet_worker_taken(struct monitor *m, const struct msg_worker *taken)
{
    struct proc *p = monitor_proc_find(m, ROLE_TLS, taken->id);

    if (p) {
        p->taken = true;
        p->gate = taken->gate;
    }
    monitor_fleet_workers(m);
}

/* ---- trouble ---- */

static void describe_end(const struct proc *p, int status, char *out, size_t cap)
{
    if (status == -1)
        (void)snprintf(out, cap, "could not be started");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        monitor_sandbox_end(p, out, cap);
    else if (WIFSIGNALED(status))
        (void)snprintf(out, cap, "ended by signal %d", WTERMSIG(status));
    else
        (void)snprintf(out, cap, "ended with status %d", WEXITSTATUS(status));
}

static void retry_workers(void *ctx)
{
    struct worker_group *g = ctx;

    monitor_fleet_workers(g->monitor);
}

static void worker_ended(struct proc *p, bool orderly)
{
    struct monitor *m = p->monitor;
    struct worker_group *g = &m->group[TLS_WORKER_GROUP(p->id)];

    if (!orderly && !p->taken && m->stop_step == 0) {
        uint64_t delay = 100;

        for (uint32_t i = 0; i < g->failures && delay < 10000; i++)
            delay *= 2;
        g->failures++;
        loop_timer_init(&g->timer, retry_workers, g);
        (void)loop_timer_set(&m->loop, &g->timer, delay);
    }
}

static void next_stop_step(struct monitor *m);

void monitor_fleet_ended(struct proc *p, int status)
{
    struct monitor *m = p->monitor;
    bool orderly =
        status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
        (p->state == PROC_STOPPING || p->retired || (p->role == ROLE_TLS && p->taken));
    char text[100];

    p->state = PROC_DOWN;
    if (!orderly && m->stop_step == 0) {
        describe_end(p, status, text, sizeof text);
        monitor_log("%s-%u %s", role_name(p->role), p->id, text);
        if (m->initial) {
            monitor_log("start failed");
            monitor_fleet_stop(m, 1);
            return;
        }
        monitor_record_proc(m, EVENT_PROCESS_DIED, p, text);
    }
    if (p->role == ROLE_TLS)
        worker_ended(p, orderly);
    if (p->role == ROLE_SIGNER)
        monitor_reload_signer(p, false);
    if (p->role == ROLE_AUDIT)
        monitor_permit_log_gone(m);
    if (p->role == ROLE_GATE && m->stop_step == 0)
        monitor_policy_gate_ended(p);
    if (m->stop_step != 0)
        next_stop_step(m);
    else
        monitor_fleet_workers(m);
}

/* ---- stop ---- */

/* First what relays, so that every session gets its closing record; then what accepts,
 * then tls and signer; audit last, when nobody can have anything to say any more. */
static const struct {
    unsigned int roles; /* set of 1 << role */
} stop_steps[] = {
    {0},
    {1u << ROLE_GATE},
    {1u << ROLE_BROKER},
    {1u << ROLE_TLS | 1u << ROLE_SIGNER | 1u << ROLE_FETCHER},
    {1u << ROLE_AUDIT},
};

static bool some_left(const struct monitor *m, unsigned int roles)
{
    for (const struct proc *p = m->procs; p; p = p->next) {
        if ((roles >> p->role & 1u) && p->pid > 0)
            return true;
    }
    return false;
}

static void enter_stop_step(struct monitor *m)
{
    unsigned int roles = stop_steps[m->stop_step].roles;
    struct record r;

    if (roles & 1u << ROLE_AUDIT) {
        record_begin(&r, EVENT_SYSTEM_STOP, 0, false);
        record_text(&r, RECORD_VERSION, GATE104_VERSION);
        monitor_record(m, &r);
    }
    for (struct proc *p = m->procs; p; p = p->next) {
        if (roles >> p->role & 1u)
            monitor_proc_stop(p, STOP_MS);
    }
}

static void next_stop_step(struct monitor *m)
{
    const int last = (int)(sizeof stop_steps / sizeof stop_steps[0]) - 1;

    while (!some_left(m, stop_steps[m->stop_step].roles)) {
        if (m->stop_step == last) {
            loop_stop(&m->loop);
            return;
        }
        m->stop_step++;
        enter_stop_step(m);
    }
}

void monitor_fleet_stop(struct monitor *m, int exit_status)
{
    if (m->stop_step != 0)
        return;
    m->exit_status = exit_status;
    m->stop_step = 1;
    monitor_permit_stop(m);
    notify_stopping(&m->notify, exit_status == 0 ? "stopping" : "the start failed");
    enter_stop_step(m);
    next_stop_step(m);
}
