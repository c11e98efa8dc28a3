/* One role process: start, configuration, messages, end. */
#include "proxy/monitor.h"

#include "sandbox/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT_MS 15000u
/* Records of accusations that end nobody, of one process. */
#define ACCUSATIONS_BURST 20u
#define ACCUSATIONS_PER_S 1u
/* Messages taken from one channel in a round: more than a socket holds, so that what a
 * process said is known when its end is judged. */
#define LAST_WORDS 512

struct proc *monitor_proc_find(struct monitor *m, enum role role, uint32_t id)
{
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role == role && p->id == id)
            return p;
    }
    return NULL;
}

/* The user and group a role becomes; 0 when there is no other user to become. */
bool monitor_role_user(const struct monitor *m, enum role role, uid_t *uid, gid_t *gid)
{
    *uid = *gid = 0;
    if (geteuid() != 0 || config_role_user(m->config, role, uid, gid))
        return true;
    monitor_log("there is neither a user \"%s-%s\" nor \"%s\" for the %s process",
                m->config->user, role_name(role), m->config->user, role_name(role));
    return false;
}

struct proc *monitor_proc_add(struct monitor *m, enum role role, uint32_t id,
                              uint8_t *cfg, size_t cfg_size)
{
    struct proc *p = calloc(1, sizeof *p);

    if (!p) {
        free(cfg);
        return NULL;
    }
    p->monitor = m;
    p->role = role;
    p->id = id;
    p->cfg = cfg;
    p->cfg_size = cfg_size;
    p->control.fd = -1;
    p->watch.fd = -1;
    p->next = m->procs;
    m->procs = p;
    return p;
}

static void proc_remove(struct monitor *m, struct proc *p)
{
    struct proc **at = &m->procs;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    loop_timer_stop(&m->loop, &p->timer);
    monitor_trust_drop(p);
    free(p->cfg);
    free(p);
}

void monitor_proc_kill(struct proc *p)
{
    if (p->pid <= 0 || kill(p->pid, SIGKILL) == 0 || errno != EPERM || p->uid == 0)
        return;
    /* Root without CAP_KILL: the user that the process has become may end it. */
    if (seteuid(p->uid) == 0)
        (void)kill(p->pid, SIGKILL);
    if (seteuid(0) != 0)
        abort();
}

/* ---- configuration ---- */

/* Sends as much as the channel takes; the rest when it has room again. */
static void send_config(struct proc *p)
{
    struct msg_cfg_begin begin = {.size = (uint32_t)p->cfg_size};

    if (!p->begun) {
        if (imsg_send(&p->control, MSG_CFG_BEGIN, &begin, sizeof begin, NULL, 0) !=
            IMSG_OK)
            return;
        p->begun = true;
    }
    while (p->cfg_sent < p->cfg_size) {
        size_t n = p->cfg_size - p->cfg_sent;

        n = n < IMSG_PAYLOAD_MAX ? n : IMSG_PAYLOAD_MAX;
        if (imsg_send(&p->control, MSG_CFG_DATA, p->cfg + p->cfg_sent, n, NULL, 0) !=
            IMSG_OK)
            return;
        p->cfg_sent += n;
    }
    loop_set(&p->monitor->loop, &p->watch, EPOLLIN);
}

/* ---- messages ---- */

static enum imsg_status handle(struct proc *p, struct imsg *msg)
{
    struct msg_violation v;
    struct msg_worker taken;

    switch (msg->type) {
    case MSG_READY:
        p->state = PROC_READY;
        p->control.phase = PHASE_RUN;
        loop_timer_stop(&p->monitor->loop, &p->timer);
        if (monitor_sandbox_good(p))
            monitor_fleet_ready(p);
        else
            monitor_proc_kill(p);
        return IMSG_OK;
    case MSG_VIOLATION:
        imsg_get(msg, &v, sizeof v);
        if (!role_valid(v.role))
            return imsg_reject(&p->control, msg);
        monitor_violation_said(p, &v);
        return IMSG_OK;
    case MSG_WORKER_TAKEN:
        imsg_get(msg, &taken, sizeof taken);
        monitor_fleet_worker_taken(p->monitor, &taken);
        return IMSG_OK;
    case MSG_NOTE: monitor_note(p, msg); return IMSG_OK;
    case MSG_SIGNER_REFUSED: return monitor_signer_refused(p, msg);
    case MSG_LOG_STATUS: return monitor_audit_status(p, msg);
    case MSG_LOG_ORDERED: return monitor_order_answer(p, msg);
    case MSG_SHIP_LOST: return monitor_ship_lost(p, msg);
    case MSG_RECORD_ACK: return monitor_permit_ack(p, msg);
    case MSG_PERMIT_USED: return monitor_permit_used(p, msg);
    case MSG_STATUS_SESSION: return monitor_control_session(p, msg);
    case MSG_STATUS_END: return monitor_control_end_of(p, msg);
    case MSG_POLICY_TOLD: return monitor_policy_told(p, msg);
    default: return imsg_reject(&p->control, msg);
    }
}

static void control_ready(void *ctx, uint32_t events)
{
    struct proc *p = ctx;
    struct monitor *m = p->monitor;

    if ((events & EPOLLOUT) && p->state == PROC_STARTING)
        send_config(p);
    else if ((events & EPOLLOUT) && p->role == ROLE_GATE)
        monitor_policy_pump(p);
    else if (events & EPOLLOUT)
        monitor_trust_pump(p);
    for (int budget = LAST_WORDS; budget > 0; budget--) {
        enum imsg_status s = imsg_recv(&p->control, &m->scratch);

        if (s == IMSG_AGAIN)
            return;
        if (s == IMSG_OK)
            s = handle(p, &m->scratch);
        if (s == IMSG_OK)
            continue;
        if (s == IMSG_BAD) {
            struct msg_violation v = {.role = (uint8_t)p->role,
                                      .fault = (uint8_t)p->control.fault,
                                      .type = p->control.fault_type,
                                      .id = p->id};

            monitor_violation_seen(m, &v);
        }
        /* Its end is told by the kernel; nothing more is read from it. */
        loop_del(&m->loop, &p->watch);
        imsg_channel_close(&p->control);
        monitor_proc_kill(p);
        return;
    }
}

/* ---- start and stop ---- */

static void start_timeout(void *ctx)
{
    struct proc *p = ctx;

    monitor_log("%s-%u was not ready in time", role_name(p->role), p->id);
    monitor_proc_kill(p);
}

static bool launch(struct proc *p)
{
    struct spawn_request r = {.id = p->id};
    char program[512];
    int pair[2];

    if (!spawn_find(p->role, program, sizeof program)) {
        monitor_log("gate104-%s is neither beside gate104d nor in %s", role_name(p->role),
                    GATE104_LIBEXECDIR);
        return false;
    }
    if (!monitor_role_user(p->monitor, p->role, &r.uid, &r.gid) || !imsg_pair(pair))
        return false;
    p->uid = r.uid;
    if (monitor_sandbox_alone(p))
        r.net_fd = p->monitor->empty_net;
    r.program = program;
    r.birth = monitor_sandbox_birth(p);
    r.control_fd = pair[1];
    p->pid = spawn_role(&r);
    (void)close(pair[1]);
    if (p->pid < 0) {
        monitor_log("cannot start %s: %s", program, strerror(errno));
        (void)close(pair[0]);
        return false;
    }
    imsg_channel_init(&p->control, pair[0], ROLE_MONITOR, p->role, p->id, PHASE_INIT);
    return loop_add(&p->monitor->loop, &p->watch, pair[0], EPOLLIN | EPOLLOUT,
                    control_ready, p);
}

static void ended(struct monitor *m, struct proc *p, int status);

static void restart(void *ctx)
{
    struct proc *p = ctx;

    if (p->role == ROLE_BROKER)
        monitor_renew_broker(p);
    monitor_proc_start(p);
}

void monitor_proc_start(struct proc *p)
{
    struct monitor *m = p->monitor;

    p->state = PROC_STARTING;
    p->begun = false;
    p->cfg_sent = 0;
    p->missing = 0;
    p->forbidden_call = -1;
    p->started_ms = loop_now(&m->loop);
    rate_init(&p->tells, MONITOR_TELLS_PER_S, MONITOR_TELLS_BURST, p->started_ms);
    rate_init(&p->accuses, ACCUSATIONS_PER_S, ACCUSATIONS_BURST, p->started_ms);
    if (!launch(p)) {
        if (p->pid > 0)
            monitor_proc_kill(p); /* its end will be collected */
        else
            ended(m, p, -1);
        return;
    }
    loop_timer_init(&p->timer, start_timeout, p);
    (void)loop_timer_set(&m->loop, &p->timer, START_TIMEOUT_MS);
}

void monitor_proc_send_start(struct proc *p)
{
    if (imsg_send(&p->control, MSG_START, NULL, 0, NULL, 0) != IMSG_OK) {
        monitor_proc_kill(p);
        return;
    }
    p->state = PROC_RUNNING;
    p->clock_told = -1;
    monitor_fleet_running(p);
}

static void stop_timeout(void *ctx)
{
    struct proc *p = ctx;

    monitor_log("%s-%u did not stop in time", role_name(p->role), p->id);
    monitor_proc_kill(p);
}

void monitor_proc_stop(struct proc *p, uint64_t timeout_ms)
{
    struct monitor *m = p->monitor;
    bool told = false;

    loop_timer_stop(&m->loop, &p->timer);
    if (p->pid <= 0)
        return;
    if (p->state == PROC_READY || p->state == PROC_RUNNING)
        told = imsg_send(&p->control, MSG_STOP, NULL, 0, NULL, 0) == IMSG_OK;
    p->state = PROC_STOPPING;
    if (!told) {
        monitor_proc_kill(p);
        return;
    }
    loop_timer_init(&p->timer, stop_timeout, p);
    (void)loop_timer_set(&m->loop, &p->timer, timeout_ms);
}

/* ---- end ---- */

#define RESTART_MIN_MS 100u
#define RESTART_MAX_MS 10000u
#define STEADY_MS      60000u

static void schedule_restart(struct proc *p)
{
    uint64_t delay = RESTART_MIN_MS;

    if (loop_now(&p->monitor->loop) - p->started_ms > STEADY_MS)
        p->failures = 0;
    for (uint32_t i = 0; i < p->failures && delay < RESTART_MAX_MS; i++)
        delay *= 2;
    p->failures++;
    loop_timer_init(&p->timer, restart, p);
    (void)loop_timer_set(&p->monitor->loop, &p->timer,
                         delay < RESTART_MAX_MS ? delay : RESTART_MAX_MS);
}

/* What a process said with its last breath is often why it ended. */
static void hear_last_words(struct proc *p)
{
    for (int budget = LAST_WORDS; budget > 0; budget--) {
        if (imsg_recv(&p->control, &p->monitor->scratch) != IMSG_OK)
            return;
        if (p->monitor->scratch.type == MSG_NOTE)
            monitor_note(p, &p->monitor->scratch);
        else if (p->monitor->scratch.type == MSG_SIGNER_REFUSED)
            (void)monitor_signer_refused(p, &p->monitor->scratch);
        /* A permit that was used up must not begin anew with the next gate. */
        else if (p->monitor->scratch.type == MSG_PERMIT_USED)
            (void)monitor_permit_used(p, &p->monitor->scratch);
    }
}

static void ended(struct monitor *m, struct proc *p, int status)
{
    hear_last_words(p);

    p->pid = 0;
    loop_timer_stop(&m->loop, &p->timer);
    loop_del(&m->loop, &p->watch);
    imsg_channel_close(&p->control);
    monitor_fleet_ended(p, status);
    p->state = PROC_DOWN;
    if (p->transient)
        proc_remove(m, p);
    else if (m->stop_step == 0)
        schedule_restart(p);
}

/* Whether a worker was taken, the broker has said before the worker could end; the word
 * may still wait to be read. */
void monitor_proc_hear_broker(struct monitor *m)
{
    struct proc *broker = monitor_proc_find(m, ROLE_BROKER, 0);

    if (broker && broker->pid > 0 && broker->state == PROC_RUNNING &&
        broker->control.fd >= 0)
        control_ready(broker, EPOLLIN);
}

void monitor_proc_reap(struct monitor *m)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct proc *p = m->procs; p; p = p->next) {
            if (p->pid == pid) {
                if (p->role == ROLE_TLS)
                    monitor_proc_hear_broker(m);
                ended(m, p, status);
                break;
            }
        }
    }
}
