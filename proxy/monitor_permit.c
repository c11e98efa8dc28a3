/* The table of permits: what begins, what ends, and what gates are told. */
#include "proxy/monitor_permit.h"

#include "proxy/permit_wire.h"

#include <stdlib.h>
#include <string.h>

/* While there is a permit, it is looked after so often at least. */
#define TICK_MS 1000u
/* What persists is written down anew so often, so that a fall of the power does not give
 * back more time. */
#define SAVE_MS 60000u
/* What is recorded for operators. */
#define ASKS_PER_S 1u
#define ASKS_BURST 60u

const struct config_route *grant_route(const struct permits *all, const struct grant *g)
{
    return &all->monitor->config->routes[g->route];
}

struct grant *grant_of(struct permits *all, uint32_t id)
{
    for (struct grant *g = all->grants; g; g = g->next) {
        if (g->permit.id == id)
            return g;
    }
    return NULL;
}

/* ---- gates ---- */

static struct proc *gate_of(const struct permits *all, uint16_t route)
{
    struct monitor *m = all->monitor;
    struct proc *gate = monitor_proc_find(m, ROLE_GATE, config_gate_of(m->config, route));

    return gate && gate->state == PROC_RUNNING ? gate : NULL;
}

static void tell(struct permits *all, struct grant *g)
{
    struct proc *gate = gate_of(all, g->route);
    struct msg_permit m;

    permit_wire_put(&g->permit, g->route, &m);
    g->told =
        gate && imsg_send(&gate->control, MSG_PERMIT, &m, sizeof m, NULL, 0) == IMSG_OK;
}

/* A gate that cannot be told must not go on with it; it is told the rest when it is
 * back. */
static void untell(struct permits *all, const struct grant *g)
{
    struct msg_permit_revoke m = {.id = g->permit.id, .route = g->route};
    struct proc *gate = gate_of(all, g->route);

    if (gate &&
        imsg_send(&gate->control, MSG_PERMIT_REVOKE, &m, sizeof m, NULL, 0) != IMSG_OK)
        monitor_proc_kill(gate);
}

void monitor_permit_gate_runs(struct proc *gate)
{
    struct permits *all = gate->monitor->permits;

    for (struct grant *g = all ? all->grants : NULL; g; g = g->next) {
        if (g->state == GRANT_ACTIVE && gate_of(all, g->route) == gate)
            tell(all, g);
    }
}

/* Hostile: the gate may have been taken over.  It can use up what is its own. */
enum imsg_status monitor_permit_used(struct proc *gate, struct imsg *msg)
{
    struct permits *all = gate->monitor->permits;
    struct msg_permit_used used;
    struct grant *g;

    imsg_get(msg, &used, sizeof used);
    if (!all || used.zero != 0 || used.route >= gate->monitor->config->route_count ||
        config_gate_of(gate->monitor->config, used.route) != gate->id)
        return imsg_reject(&gate->control, msg);
    g = grant_of(all, used.id);
    if (!g || g->route != used.route || g->state != GRANT_ACTIVE)
        return IMSG_OK; /* it has ended meanwhile */
    if (used.used <= g->permit.used ||
        (g->permit.commands != 0 && used.used > g->permit.commands))
        return imsg_reject(&gate->control, msg);
    g->permit.used = used.used;
    if (g->permit.commands != 0 && used.used == g->permit.commands)
        (void)grant_end(all, g, "used-up", PERMIT_NOBODY);
    return IMSG_OK;
}

/* ---- begin and end ---- */

void grant_begin(struct permits *all, struct grant *g)
{
    if (!g->restored)
        g->permit.until_ms = permit_now_ms() + g->ms;
    g->state = GRANT_ACTIVE;
    g->ticket = 0;
    tell(all, g);
    permits_wake(all);
}

static void take_out(struct permits *all, const struct grant *g)
{
    struct grant **at = &all->grants;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
}

bool grant_end(struct permits *all, struct grant *g, const char *why, uid_t by)
{
    const bool kept =
        g->persist && (g->state == GRANT_ACTIVE || g->state == GRANT_RESTORED);
    bool gone;

    take_out(all, g);
    if (g->state == GRANT_ACTIVE && permit_lives(&g->permit, permit_now_ms()))
        untell(all, g);
    gone = !kept || permits_save(all);
    if (!gone)
        monitor_log("ALARM: permit %u is over, but the file in %s still has it: "
                    "remove the file",
                    g->permit.id, all->monitor->config->permits.dir);
    grant_record_end(all, g, why, by);
    free(g);
    return gone;
}

/* ---- time ---- */

static const char *overdue(const struct grant *g, uint64_t now)
{
    if (g->state == GRANT_ACTIVE || g->state == GRANT_RESTORED)
        return now >= g->permit.until_ms ? "expired" : NULL;
    if (g->state == GRANT_PENDING)
        return now >= g->due_ms ? "not-confirmed" : NULL;
    return NULL;
}

static void look_after(struct permits *all, struct grant *g, uint64_t now)
{
    const char *why = overdue(g, now);

    if (why)
        (void)grant_end(all, g, why, PERMIT_NOBODY);
    else if (g->ticket != 0 && now >= g->due_ms)
        grant_unrecorded(all, g);
    else if (g->state == GRANT_RESTORED && g->ticket == 0)
        (void)grant_record(all, g, EVENT_PERMIT_GRANTED, "restored");
    else if (g->state == GRANT_ACTIVE && !g->told)
        tell(all, g);
}

static bool some_persist(const struct permits *all)
{
    for (const struct grant *g = all->grants; g; g = g->next) {
        if (g->persist)
            return true;
    }
    return false;
}

static void tick(void *ctx)
{
    struct permits *all = ctx;
    const uint64_t now = permit_now_ms();
    struct grant *next;

    for (struct grant *g = all->grants; g; g = next) {
        next = g->next;
        look_after(all, g, now);
    }
    if (some_persist(all) && now - all->saved_ms >= SAVE_MS && !permits_save(all))
        monitor_log("permits cannot be written down in %s",
                    all->monitor->config->permits.dir);
    permits_wake(all);
}

/* A timer of the loop stands still while the machine is suspended, so it never sleeps for
 * long.  When a permit ends its gate knows by itself. */
void permits_wake(struct permits *all)
{
    const uint64_t now = permit_now_ms();
    uint64_t wait = TICK_MS;

    if (!all->grants)
        return;
    for (const struct grant *g = all->grants; g; g = g->next) {
        const uint64_t due =
            g->state == GRANT_ACTIVE ? g->permit.until_ms : now + TICK_MS;

        if (due < now + wait)
            wait = due > now ? due - now : 0;
    }
    (void)loop_timer_set(&all->monitor->loop, &all->timer, wait);
}

/* ---- life ---- */

bool monitor_permit_begin(struct monitor *m)
{
    struct permits *all = calloc(1, sizeof *all);

    if (!all)
        return false;
    all->monitor = m;
    loop_timer_init(&all->timer, tick, all);
    rate_init(&all->rate, ASKS_PER_S, ASKS_BURST, loop_now(&m->loop));
    m->permits = all;
    permits_restore(all);
    permits_wake(all);
    return true;
}

void monitor_permit_stop(struct monitor *m)
{
    struct permits *all = m->permits;
    struct grant *next;

    if (!all)
        return;
    (void)permits_save(all);
    for (struct grant *g = all->grants; g; g = next) {
        next = g->next;
        if (g->persist && (g->state == GRANT_ACTIVE || g->state == GRANT_RESTORED))
            continue;
        (void)grant_end(all, g, "restart", PERMIT_NOBODY);
    }
}

void monitor_permit_end(struct monitor *m)
{
    struct permits *all = m->permits;
    struct grant *next;

    if (!all)
        return;
    for (struct grant *g = all->grants; g; g = next) {
        next = g->next;
        free(g);
    }
    loop_timer_stop(&m->loop, &all->timer);
    free(all);
    m->permits = NULL;
}

size_t monitor_permit_count(const struct monitor *m, uint16_t route)
{
    size_t n = 0;

    for (const struct grant *g = m->permits ? m->permits->grants : NULL; g; g = g->next)
        n += g->route == route && g->state == GRANT_ACTIVE ? 1 : 0;
    return n;
}
