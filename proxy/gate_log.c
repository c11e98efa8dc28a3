/* Records from the gate to audit, and what happens when the log does not work: commands
 * are refused (monitor-only) until it works again. */
#include "proxy/gate.h"

#include "proxy/endpoint.h"

#include <assert.h>
#include <string.h>

/* How often a broken log is probed, and how long a command may wait for its record. */
#define PROBE_INTERVAL_MS 1000u
#define RECORD_TIMEOUT_MS 3000u
/* Records of failed handshakes in a burst, and for each interval after it. */
#define FAILURE_BURST  100u
#define FAILURE_REFILL 5u

uint64_t gate_log_ticket(struct gate *g)
{
    return ++g->ticket_last;
}

const char *gate_log_side(int side)
{
    return side == LEG_MASTER ? "master" : side == LEG_STATION ? "station" : "gate";
}

/* Sends what is queued; returns false while something is left. */
static bool drain(struct gate *g)
{
    while (g->queue_count > 0) {
        struct gate_queued *q = &g->queue[g->queue_head];

        if (imsg_send(&g->audit, MSG_RECORD, q->payload, q->size, NULL, 0) != IMSG_OK)
            return false;
        g->queue_head = (g->queue_head + 1) % GATE_RECORD_QUEUE;
        g->queue_count--;
        g->queue_moved_ms = loop_now(&g->child.loop);
    }
    return true;
}

bool gate_log_idle(const struct gate *g)
{
    return g->queue_count == 0 || g->audit.fd < 0;
}

bool gate_log_has_room(const struct gate *g)
{
    return g->queue_count < GATE_RECORD_QUEUE / 2;
}

bool gate_log_keeps_up(const struct gate *g)
{
    return gate_log_has_room(g) || g->monitor_only || g->audit.fd < 0;
}

static bool enqueue(struct gate *g, const uint8_t *payload, size_t n)
{
    struct gate_queued *q;

    if (g->queue_count == GATE_RECORD_QUEUE)
        return false;
    if (g->queue_count == 0)
        g->queue_moved_ms = loop_now(&g->child.loop);
    q = &g->queue[(g->queue_head + g->queue_count) % GATE_RECORD_QUEUE];
    memcpy(q->payload, payload, n);
    q->size = n;
    g->queue_count++;
    return true;
}

static bool put(struct gate *g, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    assert(n > 0);
    if (n == 0)
        return false;
    if (drain(g) && imsg_send(&g->audit, MSG_RECORD, payload, n, NULL, 0) == IMSG_OK)
        return true;
    if (!enqueue(g, payload, n))
        return false;
    loop_set(&g->child.loop, &g->audit_watch, EPOLLIN | EPOLLOUT);
    return true;
}

static void tell_gap(struct gate *g)
{
    struct record r;

    if (g->untold == 0)
        return;
    record_begin(&r, EVENT_LOG_GAP, 0, false);
    record_u64(&r, RECORD_COUNT, g->untold);
    if (put(g, &r))
        g->untold = 0;
}

bool gate_log_send(struct gate *g, struct record *r)
{
    tell_gap(g);
    if (put(g, r))
        return true;
    g->untold++;
    return false;
}

bool gate_log_offer(struct gate *g, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    return n > 0 && g->queue_count == 0 && g->untold == 0 && !g->monitor_only &&
           imsg_send(&g->audit, MSG_RECORD, payload, n, NULL, 0) == IMSG_OK;
}

void gate_log_begin(struct record *r, const struct gate_session *s, enum event event,
                    uint64_t ticket)
{
    record_begin(r, event, ticket, ticket != 0);
    if (!s)
        return;
    record_u64(r, RECORD_SESSION, s->id);
    record_u64(r, RECORD_ROUTE, s->route->index);
}

void gate_log_security(struct record *r, enum record_tag tag, enum security_event event)
{
    const struct security_event_info *info = security_event_info(event);

    if (info)
        record_text(r, tag, info->id);
}

void gate_log_peer(struct record *r, const struct gate_session *s)
{
    char text[ENDPOINT_TEXT_MAX];

    endpoint_text(&s->source, text);
    record_text(r, RECORD_SOURCE, text);
    if (s->target.family != 0) {
        endpoint_text(&s->target, text);
        record_text(r, RECORD_TARGET, text);
    }
    if (!s->identified)
        return;
    record_text(r, RECORD_SUBJECT, s->peer.subject);
    record_text(r, RECORD_ISSUER, s->peer.issuer);
    record_text(r, RECORD_SERIAL, s->peer.serial);
    record_octets(r, RECORD_FINGERPRINT, s->peer.fingerprint, sizeof s->peer.fingerprint);
    record_text(r, RECORD_SAN, s->peer.san);
    record_text(r, RECORD_TLS_VERSION, s->peer.version);
    record_text(r, RECORD_TLS_SUITE, s->peer.suite);
    if (s->warnings & IDENTITY_RESUMED)
        record_text(r, RECORD_HANDSHAKE, "resumed");
}

void gate_log_malformed(struct gate_leg *leg, struct verdict v, const uint8_t *p,
                        size_t n)
{
    struct gate_session *s = leg->session;
    struct record r;

    s->malformed++;
    gate_log_begin(&r, s, EVENT_APCI, 0);
    record_u64(&r, RECORD_DIRECTION, leg->side == LEG_MASTER ? DIR_CONTROL : DIR_MONITOR);
    record_text(&r, RECORD_LEG, gate_log_side((int)leg->side));
    record_u64(&r, RECORD_REASON, v.reason);
    record_u64(&r, RECORD_OFFSET, v.offset);
    record_octets(&r, RECORD_APDU, p, n < APDU_SIZE_MAX ? n : APDU_SIZE_MAX);
    (void)gate_log_send(s->gate, &r);
}

void gate_log_tolerated(struct gate_session *s, enum link_leg leg,
                        const struct link_frame *f, uint32_t quirks)
{
    const uint32_t news = quirks & ~s->tolerated_told[leg];
    struct record r;

    s->tolerated++;
    s->tolerated_told[leg] |= quirks;
    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        if ((news & QUIRK_BIT(q)) == 0)
            continue;
        gate_log_begin(&r, s, EVENT_TOLERATED, 0);
        gate_log_frame(&r, s, leg, f);
        record_text(&r, RECORD_VERDICT, "pass");
        record_u64(&r, RECORD_QUIRK, q);
        (void)gate_log_send(s->gate, &r);
    }
}

/* ---- monitor-only ---- */

static void probe(struct gate *g)
{
    struct record r;

    if (g->probing || g->audit.fd < 0)
        return;
    g->probe_ticket = gate_log_ticket(g);
    record_begin(&r, EVENT_MONITOR_ONLY_ON, g->probe_ticket, true);
    record_text(&r, RECORD_DETAIL,
                "the log could not be written; commands are refused until it can");
    g->probing = put(g, &r);
}

/* Commands that waited because the log was behind. */
static void pump_sessions(struct gate *g)
{
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->state == GATE_OPEN)
            gate_leg_pump(s);
    }
}

/* Commands that wait for a record which will not come. */
static void refuse_held(struct gate *g)
{
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        uint64_t ticket = s->held_ticket;

        if (ticket == 0 || s->state != GATE_OPEN)
            continue;
        s->held_ticket = 0;
        gate_judge_release(s, ticket, false);
    }
}

static void enter_monitor_only(struct gate *g, const char *why)
{
    if (!g->monitor_only)
        child_log(&g->child, "ALARM: %s: %s", why,
                  g->config.log_closes ? "sessions end (on_failure = \"close\")"
                                       : "commands are refused (monitor-only)");
    g->monitor_only = true;
    gate_update_log_lost(g);
    refuse_held(g);
    pump_sessions(g);
    (void)loop_timer_set(&g->child.loop, &g->log_timer, PROBE_INTERVAL_MS);
}

static void leave_monitor_only(struct gate *g)
{
    struct record r;

    g->monitor_only = false;
    child_log(&g->child, "the log works again: commands are judged as before");
    record_begin(&r, EVENT_MONITOR_ONLY_OFF, 0, false);
    (void)gate_log_send(g, &r);
}

static bool some_record_is_late(const struct gate *g)
{
    uint64_t now = loop_now(&g->child.loop);

    if (g->queue_count > 0 && now - g->queue_moved_ms >= RECORD_TIMEOUT_MS)
        return true;
    for (const struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->held_ticket != 0 && now - s->held_since_ms >= RECORD_TIMEOUT_MS)
            return true;
    }
    return false;
}

bool gate_log_may_tell_failure(struct gate *g)
{
    if (g->failure_tokens == 0) {
        g->failures_untold++;
        return false;
    }
    g->failure_tokens--;
    return true;
}

static void tell_failures(struct gate *g)
{
    struct record r;

    g->failure_tokens += FAILURE_REFILL;
    if (g->failure_tokens > FAILURE_BURST)
        g->failure_tokens = FAILURE_BURST;
    if (g->failures_untold == 0)
        return;
    record_begin(&r, EVENT_TLS_FAILED, 0, false);
    record_u64(&r, RECORD_ROUTE, g->config.route[0].index);
    record_text(&r, RECORD_WHY, "many");
    record_u64(&r, RECORD_COUNT, g->failures_untold);
    record_text(&r, RECORD_DETAIL, "failed like those before, not listed one by one");
    if (gate_log_send(g, &r))
        g->failures_untold = 0;
}

static void log_tick(void *ctx)
{
    struct gate *g = ctx;

    tell_failures(g);

    if (some_record_is_late(g))
        enter_monitor_only(g, "audit does not answer");
    if (g->monitor_only)
        probe(g);
    (void)loop_timer_set(&g->child.loop, &g->log_timer, PROBE_INTERVAL_MS);
}

/* ---- the channel ---- */

static void session_ack(struct gate *g, uint64_t ticket)
{
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->held_ticket == ticket && s->state == GATE_OPEN) {
            s->held_ticket = 0;
            gate_judge_release(s, ticket, true);
            gate_leg_pump(s);
            return;
        }
    }
}

static enum imsg_status audit_message(struct gate *g, struct imsg *m)
{
    struct msg_record_ack ack;

    if (m->type == MSG_LOG_PRESSURE)
        return gate_failure_pressure(g, m) ? IMSG_OK : imsg_reject(&g->audit, m);
    if (m->type == MSG_RECORDED_ACK)
        return gate_recording_taken(g, m) ? IMSG_OK : imsg_reject(&g->audit, m);
    imsg_get(m, &ack, sizeof ack);
    if (m->type != MSG_RECORD_ACK || !record_ack_valid(&ack) ||
        ack.ticket > g->ticket_last)
        return imsg_reject(&g->audit, m);
    if (g->probing && ack.ticket == g->probe_ticket) {
        g->probing = false;
        if (ack.durable && g->monitor_only)
            leave_monitor_only(g);
        return IMSG_OK;
    }
    if (gate_update_acked(g, ack.ticket, ack.durable))
        return IMSG_OK;
    if (ack.durable)
        session_ack(g, ack.ticket);
    else
        enter_monitor_only(g, "a record could not be written");
    return IMSG_OK;
}

static void lost_audit(struct gate *g)
{
    loop_del(&g->child.loop, &g->audit_watch);
    imsg_channel_close(&g->audit);
    g->probing = false;
    enter_monitor_only(g, "the audit process is gone");
}

static void audit_ready(void *ctx, uint32_t events)
{
    struct gate *g = ctx;

    for (int budget = 32; budget > 0; budget--) {
        enum imsg_status s = imsg_recv(&g->audit, &g->child.scratch);

        if (s == IMSG_AGAIN)
            break;
        if (s == IMSG_OK)
            s = audit_message(g, &g->child.scratch);
        if (s == IMSG_OK)
            continue;
        if (s == IMSG_BAD)
            child_violation(&g->child, &g->audit, &g->audit_watch);
        lost_audit(g);
        return;
    }
    if (!(events & EPOLLOUT))
        return;
    if (drain(g))
        loop_set(&g->child.loop, &g->audit_watch, EPOLLIN);
    if (gate_log_has_room(g))
        pump_sessions(g);
}

void gate_log_channel(struct gate *g, uint32_t id, int fd)
{
    bool first = g->log_timer.expired == NULL;

    /* The end of the one before may not have been read yet. */
    if (g->audit.fd >= 0)
        lost_audit(g);
    loop_del(&g->child.loop, &g->audit_watch);
    imsg_channel_close(&g->audit);
    imsg_channel_init(&g->audit, fd, ROLE_GATE, ROLE_AUDIT, id, PHASE_RUN);
    gate_recording_begin(g);
    g->pressure = LOG_PRESSURE_NONE; /* until it says otherwise */
    if (!loop_add(&g->child.loop, &g->audit_watch, fd, EPOLLIN, audit_ready, g)) {
        lost_audit(g);
        return;
    }
    if (first) {
        loop_timer_init(&g->log_timer, log_tick, g);
        g->monitor_only = false;
        g->failure_tokens = FAILURE_BURST;
        (void)loop_timer_set(&g->child.loop, &g->log_timer, PROBE_INTERVAL_MS);
    } else if (g->monitor_only) {
        probe(g);
    }
}

void gate_log_frame(struct record *r, const struct gate_session *s, enum link_leg leg,
                    const struct link_frame *f)
{
    char source[ENDPOINT_TEXT_MAX];

    record_u64(r, RECORD_DIRECTION, leg == LEG_MASTER ? DIR_CONTROL : DIR_MONITOR);
    record_octets(r, RECORD_APDU, f->apdu, f->apdu_size);
    /* Who asked.  (In wrap-master the peer with a certificate is the station.) */
    if (leg != LEG_MASTER)
        return;
    endpoint_text(&s->source, source);
    record_text(r, RECORD_SOURCE, source);
    if (s->identified && s->route->mode == ROUTE_PROTECT_RTU)
        record_text(r, RECORD_SUBJECT, s->peer.subject);
}
