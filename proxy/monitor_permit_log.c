/* Records of permits.  A grant and its confirmation are on disk before they take effect;
 * what ends is told behind. */
#include "proxy/monitor_permit.h"

#include "proxy/permit_wire.h"

#include <pwd.h>
#include <stdio.h>

/* As long as a command waits for its record. */
#define RECORD_MS 3000u

void grant_who(uid_t uid, char *out, size_t cap)
{
    const struct passwd *pw = getpwuid(uid);

    (void)snprintf(out, cap, "uid:%u(%s)", (unsigned int)uid, pw ? pw->pw_name : "?");
}

static void put_operator(struct record *r, uid_t uid)
{
    char who[64];

    if (uid == PERMIT_NOBODY)
        return;
    grant_who(uid, who, sizeof who);
    record_text(r, RECORD_OPERATOR, who);
}

static void put_grant(struct record *r, const struct grant *g)
{
    const struct permit_scope *s = &g->permit.scope;
    char scope[PERMIT_TEXT_CAP];

    record_u64(r, RECORD_ROUTE, g->route);
    record_u64(r, RECORD_PERMIT, g->permit.id);
    record_text(r, RECORD_PERMIT_REASON, g->reason);
    if (permit_scope_text(s, g->permit.commands, scope))
        record_text(r, RECORD_PERMIT_SCOPE, scope);
    if (s->has_fingerprint)
        record_octets(r, RECORD_FINGERPRINT, s->fingerprint, sizeof s->fingerprint);
    if (s->subject[0] != '\0')
        record_text(r, RECORD_SUBJECT, s->subject);
}

static bool log_works(struct monitor *m, const struct proc *audit)
{
    monitor_record_flush(m); /* what was said before comes before */
    return audit && audit->state == PROC_RUNNING && m->record_count == 0 &&
           !m->log.broken && m->log.level < LOG_PRESSURE_REFUSE;
}

bool grant_record(struct permits *all, struct grant *g, enum event event, const char *why)
{
    struct monitor *m = all->monitor;
    struct proc *audit = monitor_proc_find(m, ROLE_AUDIT, 0);
    const uint64_t now = permit_now_ms();
    const uint8_t *payload;
    struct record r;
    size_t n;

    if (!log_works(m, audit))
        return false;
    record_begin(&r, event, all->ticket_last + 1, true);
    put_grant(&r, g);
    record_u64(&r, RECORD_DURATION_MS, g->restored ? g->permit.until_ms - now : g->ms);
    put_operator(&r, event == EVENT_PERMIT_CONFIRMED ? g->confirmed : g->by);
    if (why)
        record_text(&r, RECORD_WHY, why);
    if (g->persist)
        record_text(&r, RECORD_MODE, "persist");
    n = record_end(&r, &payload);
    if (n == 0 || imsg_send(&audit->control, MSG_RECORD, payload, n, NULL, 0) != IMSG_OK)
        return false;
    g->ticket = ++all->ticket_last;
    g->due_ms = now + RECORD_MS;
    return true;
}

void grant_record_end(struct permits *all, const struct grant *g, const char *why,
                      uid_t by)
{
    struct record r;

    monitor_log("permit %u of route %s ended: %s", g->permit.id,
                grant_route(all, g)->name, why);
    record_begin(&r, EVENT_PERMIT_ENDED, 0, false);
    record_u64(&r, RECORD_ROUTE, g->route);
    record_u64(&r, RECORD_PERMIT, g->permit.id);
    record_text(&r, RECORD_WHY, why);
    record_u64(&r, RECORD_COUNT, g->permit.used);
    put_operator(&r, by);
    monitor_record(all->monitor, &r);
}

void grant_record_refused(struct permits *all, uid_t by, const char *why,
                          const char *detail)
{
    struct record r;

    record_begin(&r, EVENT_PERMIT_REFUSED, 0, false);
    put_operator(&r, by);
    record_text(&r, RECORD_WHY, why);
    record_text(&r, RECORD_DETAIL, detail);
    monitor_record(all->monitor, &r);
}

/* ---- the log's word ---- */

/* What was said of it may be on disk all the same, so that it came to nothing is said,
 * too. */
void grant_unrecorded(struct permits *all, struct grant *g)
{
    const uint64_t ticket = g->ticket;

    g->ticket = 0;
    if (g->state != GRANT_RESTORED)
        (void)grant_end(all, g, "not-recorded", PERMIT_NOBODY);
    grant_answer_failed(all, ticket, "the log does not work: no permit is granted");
}

static void recorded(struct permits *all, struct grant *g)
{
    const uint64_t ticket = g->ticket;
    const struct monitor *m = all->monitor;
    const bool second = g->state == GRANT_NEW && g->confirmed == PERMIT_NOBODY &&
                        config_permit_persons(m->config, g->route) == 2;

    g->ticket = 0;
    if (second) {
        g->state = GRANT_PENDING;
        g->due_ms = permit_now_ms() + (uint64_t)m->config->permits.confirm_s * 1000;
        permits_wake(all);
    } else {
        grant_begin(all, g);
        g->unsaved = g->persist && !permits_save(all);
    }
    monitor_log("permit %u for route %s %s", g->permit.id, grant_route(all, g)->name,
                second ? "waits for a second person" : "holds");
    grant_answer(all, ticket, g);
}

/* Audit may have been taken over: it cannot answer what it was not asked. */
enum imsg_status monitor_permit_ack(struct proc *audit, struct imsg *msg)
{
    struct permits *all = audit->monitor->permits;
    struct msg_record_ack ack;

    imsg_get(msg, &ack, sizeof ack);
    if (!all || !record_ack_valid(&ack) || ack.ticket > all->ticket_last)
        return imsg_reject(&audit->control, msg);
    for (struct grant *g = all->grants; g; g = g->next) {
        if (g->ticket != ack.ticket)
            continue;
        if (ack.durable)
            recorded(all, g);
        else
            grant_unrecorded(all, g);
        return IMSG_OK;
    }
    return IMSG_OK; /* too late */
}

void monitor_permit_log_gone(struct monitor *m)
{
    struct permits *all = m->permits;
    struct grant *next;

    for (struct grant *g = all ? all->grants : NULL; g; g = next) {
        next = g->next;
        if (g->ticket != 0)
            grant_unrecorded(all, g);
    }
}
