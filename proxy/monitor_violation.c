/* Who goes when one process says that another broke the catalogue.  Either may have been
 * taken over: who accuses must not end what is not his business, nor fill the log. */
#include "proxy/monitor.h"

#include <stdio.h>

/* Of two processes that disagree about the catalogue the one nearer to the network goes:
 * a process that was taken over may accuse whom it likes. */
static const int standing[ROLE_COUNT] = {
    [ROLE_TLS] = 0,    [ROLE_FETCHER] = 1, [ROLE_GATE] = 2,    [ROLE_BROKER] = 3,
    [ROLE_SIGNER] = 4, [ROLE_AUDIT] = 5,   [ROLE_MONITOR] = 6,
};

static bool gate_has_group(const struct config *c, uint32_t gate, uint32_t group)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (config_gate_of(c, i) == gate && c->routes[i].tls == group)
            return true;
    }
    return false;
}

/* True if what a worker did wrong can have happened to the reporter.  A worker of one
 * session has one gate, as the broker said before it gave the session away; workers of
 * many may have any gate of their group. */
static bool may_end_worker(const struct proc *reporter, const struct proc *worker)
{
    const struct config *c = reporter->monitor->config;

    if (reporter->role == ROLE_FETCHER)
        return false; /* all workers talk to it, and it is nothing a session needs */
    if (reporter->role != ROLE_GATE)
        return true;
    if (c->limits.sessions_per_worker == 1)
        return worker->taken && worker->gate == reporter->id;
    return gate_has_group(c, reporter->id, TLS_WORKER_GROUP(worker->id));
}

/* An offence that ends nobody, or whose author is not there any more. */
static void record_only(struct monitor *m, struct proc *reporter,
                        const struct msg_violation *v, const char *detail)
{
    char name[24];
    struct record r;

    if (reporter && !rate_take(&reporter->accuses, loop_now(&m->loop)))
        return;
    monitor_log("%s", detail);
    (void)snprintf(name, sizeof name, "%s-%u", role_name(v->role), v->id);
    record_begin(&r, EVENT_IPC_VIOLATION, 0, false);
    record_text(&r, RECORD_PROCESS, name);
    record_text(&r, RECORD_DETAIL, detail);
    if (reporter && reporter->accuses.refused > reporter->accuses.told) {
        record_u64(&r, RECORD_COUNT, reporter->accuses.refused - reporter->accuses.told);
        reporter->accuses.told = reporter->accuses.refused;
    }
    monitor_record(m, &r);
}

static void end(struct monitor *m, struct proc *goes, const char *detail)
{
    monitor_log("%s", detail);
    monitor_record_proc(m, EVENT_IPC_VIOLATION, goes, detail);
    monitor_proc_kill(goes);
}

static void describe(const char *who, const struct msg_violation *v, char *out,
                     size_t cap)
{
    (void)snprintf(out, cap, "%s says that %s-%u sent message %u: %s", who,
                   role_name(v->role), v->id, v->type, imsg_fault_name(v->fault));
}

void monitor_violation_seen(struct monitor *m, const struct msg_violation *v)
{
    struct proc *accused = monitor_proc_find(m, (enum role)v->role, v->id);
    char detail[160];

    describe("monitor", v, detail, sizeof detail);
    if (accused)
        end(m, accused, detail);
    else
        record_only(m, NULL, v, detail);
}

void monitor_violation_said(struct proc *reporter, const struct msg_violation *v)
{
    struct monitor *m = reporter->monitor;
    struct proc *accused;
    char detail[160];
    char who[40];

    (void)snprintf(who, sizeof who, "%s-%u", role_name(reporter->role), reporter->id);
    describe(who, v, detail, sizeof detail);
    if (standing[v->role] >= standing[reporter->role]) {
        end(m, reporter, detail);
        return;
    }
    /* What the broker said of a worker may still wait to be read.  (It accuses no gate's
     * worker on behalf of a gate, so this does not come back here.) */
    if (v->role == ROLE_TLS && reporter->role == ROLE_GATE)
        monitor_proc_hear_broker(m);
    /* Who is accused may have ended meanwhile: that is no lie. */
    accused = monitor_proc_find(m, (enum role)v->role, v->id);
    if (!accused || (accused->role == ROLE_TLS && !may_end_worker(reporter, accused)))
        record_only(m, reporter, v, detail);
    else
        end(m, accused, detail);
}
