/* Life of a session: set-up in the order of its route's mode, supervision, one end. */
#include "proxy/gate.h"

#include "proxy/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Added to t1 + t3: a peer that answers in its last millisecond is not gone. */
#define IDLE_MARGIN_MS 2000u
/* Added to the tls process's and the broker's own time-outs, which come first. */
#define SET_UP_MARGIN_MS 2000u

static uint64_t now_ms(const struct gate_session *s)
{
    return loop_now(&s->gate->child.loop);
}

static enum link_leg tls_side(const struct gate_session *s)
{
    return s->route->mode == ROUTE_PROTECT_RTU ? LEG_MASTER : LEG_STATION;
}

struct gate_session *gate_session_find(struct gate *g, uint64_t id)
{
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->id == id && s->state != GATE_CLOSED)
            return s;
    }
    return NULL;
}

/* ---- supervision ---- */

void gate_session_wake(struct gate_session *s, uint64_t due_ms)
{
    uint64_t now = now_ms(s);

    if (s->state == GATE_CLOSED ||
        (loop_timer_armed(&s->timer) && s->timer.due <= due_ms))
        return;
    (void)loop_timer_set(&s->gate->child.loop, &s->timer,
                         due_ms > now ? due_ms - now : 0);
}

/* When an APDU that was begun is overdue; UINT64_MAX: none was begun. */
static uint64_t partial_due(const struct gate_leg *leg)
{
    if (leg->partial_ms == 0)
        return UINT64_MAX;
    return leg->partial_ms + (uint64_t)leg->session->route->t1_s * 1000u;
}

/* When a station that keeps to t3 and t1 would have been heard (104 5.2); UINT64_MAX: it
 * is not listened to now. */
static uint64_t idle_due(const struct gate_leg *leg)
{
    const struct gate_route *r = leg->session->route;

    if (!(leg->watch.events & EPOLLIN))
        return UINT64_MAX;
    return leg->heard_ms + ((uint64_t)r->t1_s + r->t3_s) * 1000u + IDLE_MARGIN_MS;
}

/* When a station that reads would have taken something; UINT64_MAX: nothing waits. */
static uint64_t stuck_due(const struct gate_leg *leg)
{
    if (leg->blocked_ms == 0)
        return UINT64_MAX;
    return leg->blocked_ms + (uint64_t)leg->session->route->t1_s * 1000u;
}

/* When the master would have acknowledged what it was answered here. */
static uint64_t reply_due(const struct gate_leg *leg)
{
    const struct gate_session *s = leg->session;

    if (leg->side != LEG_MASTER || s->reply_ms == 0)
        return UINT64_MAX;
    return s->reply_ms + (uint64_t)s->route->t1_s * 1000u;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Ends the session if something about this leg is overdue; else gives when it will be. */
static uint64_t supervise_leg(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    bool master = leg->side == LEG_MASTER;
    uint64_t partial = partial_due(leg);
    uint64_t stuck = stuck_due(leg);
    uint64_t idle = idle_due(leg);
    uint64_t reply = reply_due(leg);
    uint64_t now = now_ms(s);

    if (partial <= now) {
        gate_log_malformed(leg, (struct verdict){.reason = REASON_PARTIAL_TIMEOUT},
                           leg->input, leg->input_size);
        gate_session_close(s, reason_name(REASON_PARTIAL_TIMEOUT), (int)leg->side, NULL);
    } else if (stuck <= now) {
        gate_session_close(s, master ? "master-stuck" : "station-stuck", (int)leg->side,
                           "it does not take what is sent to it");
    } else if (reply <= now) {
        gate_session_close(s, "master-t1", (int)leg->side,
                           "it does not acknowledge the answer to what was refused");
    } else if (idle <= now) {
        gate_session_close(s, master ? "master-silent" : "station-silent", (int)leg->side,
                           NULL);
    }
    return earlier(earlier(partial, stuck), earlier(reply, idle));
}

static void supervise_open(struct gate_session *s)
{
    uint64_t next = earlier(gate_operation_supervise(s), gate_point_supervise(s));

    for (int i = 0; i < LINK_LEGS && s->state == GATE_OPEN; i++) {
        uint64_t due = supervise_leg(&s->leg[i]);

        next = earlier(due, next);
    }
    /* Legs that are not listened to now may be, later. */
    if (s->state == GATE_OPEN)
        gate_session_wake(s, next != UINT64_MAX ? next : now_ms(s) + IDLE_MARGIN_MS);
}

static void timer_expired(void *ctx)
{
    struct gate_session *s = ctx;

    if (s->state == GATE_OPEN)
        supervise_open(s);
    else if (s->state == GATE_IDENTIFY)
        gate_session_close(s, "handshake-timeout", (int)tls_side(s), NULL);
    else if (s->state == GATE_DIAL)
        gate_session_close(s, "dial-timeout", -1, "the broker did not answer");
}

/* ---- set-up ---- */

static const struct gate_route *route_by_index(const struct gate *g, uint16_t index,
                                               const struct policy **policy)
{
    for (size_t i = 0; i < g->config.route_count; i++) {
        if (g->config.route[i].index == index) {
            *policy = g->policy[i];
            return &g->config.route[i];
        }
    }
    return NULL;
}

static void leg_init(struct gate_session *s, enum link_leg side)
{
    struct gate_leg *leg = &s->leg[side];

    leg->session = s;
    leg->side = side;
    leg->kind = LEG_NONE;
    gate_input_init(leg);
    leg->ch.fd = -1;
    leg->watch.fd = -1;
}

static struct gate_session *session_new(struct gate *g, const struct msg_session *m)
{
    const struct policy *policy = NULL;
    const struct gate_route *route = route_by_index(g, m->route, &policy);
    struct gate_session *s = route ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->gate = g;
    s->id = m->session;
    s->route = route;
    s->policy = policy;
    s->source = m->remote;
    s->opened_ms = loop_now(&g->child.loop);
    loop_timer_init(&s->timer, timer_expired, s);
    leg_init(s, LEG_MASTER);
    leg_init(s, LEG_STATION);
    s->next = g->sessions;
    g->sessions = s;
    return s;
}

/* False: the channel has no room now. */
static bool send_session_end(struct gate *g, uint64_t id)
{
    struct msg_session_id end = {.session = id};

    return imsg_send(&g->broker, MSG_SESSION_END, &end, sizeof end, NULL, 0) !=
           IMSG_AGAIN;
}

/* True for a message about a session this gate may be given now. */
static bool session_acceptable(struct gate *g, const struct msg_session *m,
                               enum route_mode mode)
{
    const struct policy *policy;
    const struct gate_route *route = route_by_index(g, m->route, &policy);

    return route && route->mode == mode && m->zero == 0 && endpoint_valid(&m->remote) &&
           !gate_session_find(g, m->session);
}

static enum imsg_status session_begin(struct gate *g, struct imsg *m)
{
    bool tls = m->type == MSG_GATE_SESSION_TLS;
    struct gate_session *s;
    struct msg_session body;

    imsg_get(m, &body, sizeof body);
    if (!session_acceptable(g, &body, tls ? ROUTE_PROTECT_RTU : ROUTE_WRAP_MASTER))
        return imsg_reject(&g->broker, m);
    s = g->stopping ? NULL : session_new(g, &body);
    if (!s) {
        imsg_drop_fds(m);
        (void)send_session_end(g, body.session);
        return IMSG_OK;
    }
    s->state = GATE_IDENTIFY;
    if (tls)
        gate_session_wake(s, now_ms(s) + (uint64_t)g->config.handshake_s * 1000u +
                                 SET_UP_MARGIN_MS);
    gate_leg_attach(&s->leg[LEG_MASTER], tls ? LEG_TLS : LEG_PLAIN, m->fds[0],
                    body.worker);
    m->fd_count = 0;
    if (!tls && s->state != GATE_CLOSED) {
        gate_role_evaluate(s);
        gate_asker_find(s);
        gate_session_ask_dial(s);
    }
    return IMSG_OK;
}

void gate_session_ask_dial(struct gate_session *s)
{
    struct msg_session_id dial = {.session = s->id};
    struct gate *g = s->gate;

    s->state = GATE_DIAL;
    /* Nothing is read before both legs are there. */
    loop_set(&g->child.loop, &s->leg[LEG_MASTER].watch, 0);
    loop_timer_stop(&g->child.loop, &s->timer);
    gate_session_wake(s, now_ms(s) + (uint64_t)g->config.t0_max_s * 1000u +
                             SET_UP_MARGIN_MS);
    if (imsg_send(&g->broker, MSG_DIAL, &dial, sizeof dial, NULL, 0) != IMSG_OK)
        gate_session_close(s, "broker-gone", -1, NULL);
}

static enum imsg_status session_dialed(struct gate *g, struct imsg *m)
{
    bool tls = m->type == MSG_DIALED_TLS;
    struct msg_session body;
    struct gate_session *s;

    imsg_get(m, &body, sizeof body);
    s = gate_session_find(g, body.session);
    if (!s) { /* it ended while the broker dialled */
        imsg_drop_fds(m);
        return IMSG_OK;
    }
    if (s->state != GATE_DIAL || body.route != s->route->index ||
        !endpoint_valid(&body.remote) || tls != (tls_side(s) == LEG_STATION))
        return imsg_reject(&g->broker, m);
    s->target = body.remote;
    s->state = GATE_IDENTIFY;
    gate_leg_attach(&s->leg[LEG_STATION], tls ? LEG_TLS : LEG_PLAIN, m->fds[0],
                    body.worker);
    m->fd_count = 0;
    if (s->state == GATE_CLOSED)
        return IMSG_OK;
    loop_timer_stop(&g->child.loop, &s->timer);
    if (tls)
        gate_session_wake(s, now_ms(s) + (uint64_t)g->config.handshake_s * 1000u +
                                 SET_UP_MARGIN_MS);
    else
        gate_session_open(s);
    return IMSG_OK;
}

static enum imsg_status session_dial_failed(struct gate *g, struct imsg *m)
{
    struct msg_dial_failed body;
    struct gate_session *s;
    struct record r;

    imsg_get(m, &body, sizeof body);
    s = gate_session_find(g, body.session);
    if (!s)
        return IMSG_OK;
    if (s->state != GATE_DIAL || !endpoint_valid(&body.remote))
        return imsg_reject(&g->broker, m);
    s->target = body.remote;
    gate_log_begin(&r, s, EVENT_DIAL_FAILED, 0);
    gate_log_peer(&r, s);
    record_text(&r, RECORD_WHY, "unreachable");
    record_text(&r, RECORD_DETAIL, strerror((int)(body.error & 0xFFFF)));
    (void)gate_log_send(g, &r);
    gate_session_close(s, NULL, -1, NULL);
    return IMSG_OK;
}

enum imsg_status gate_broker_message(struct gate *g, struct imsg *m)
{
    switch (m->type) {
    case MSG_GATE_SESSION_TLS:
    case MSG_GATE_SESSION_PLAIN: return session_begin(g, m);
    case MSG_DIALED_PLAIN:
    case MSG_DIALED_TLS: return session_dialed(g, m);
    case MSG_DIAL_FAILED: return session_dial_failed(g, m);
    default: return imsg_reject(&g->broker, m);
    }
}

/* Room for k I-frames of half the largest size, and for the U- and S-frames of a round.
 * Larger ones leave in two writes. */
static size_t output_size(uint16_t k)
{
    const size_t useful = (size_t)k * APDU_SIZE_MAX / 2 + LINK_OUTPUT_MIN / 2;

    if (useful < LINK_OUTPUT_MIN)
        return LINK_OUTPUT_MIN;
    return useful < LINK_OUTPUT_DEFAULT ? useful : LINK_OUTPUT_DEFAULT;
}

static bool make_link(struct gate_session *s)
{
    struct link_config c = {.k = s->route->k, .output_size = output_size(s->route->k)};
    size_t size = link_memory_size(&c);

    s->link_memory = size > 0 ? malloc(size) : NULL;
    if (s->link_memory)
        s->link = link_init(&c, s->link_memory, size);
    return s->link != NULL;
}

static void note_warnings(struct record *r, uint16_t warnings)
{
    bool no_crl = warnings & IDENTITY_WARN_NO_CRL;
    bool no_pfs = warnings & IDENTITY_WARN_NO_PFS;
    char text[160];

    if (!no_crl && !no_pfs)
        return;
    (void)snprintf(text, sizeof text, "%s%s%s",
                   no_crl ? "there is no revocation list of the peer's CA" : "",
                   no_crl && no_pfs ? "; " : "",
                   no_pfs ? "RSA key transport, without forward secrecy" : "");
    record_text(r, RECORD_DETAIL, text);
    if (no_crl)
        gate_log_security(r, RECORD_EVENT_WARNING, SECURITY_TLS_NO_CRL);
}

void gate_session_open(struct gate_session *s)
{
    struct record r;

    if (!make_link(s)) {
        gate_session_close(s, "out-of-memory", -1, NULL);
        return;
    }
    s->state = GATE_OPEN;
    s->opened_ms = now_ms(s);
    s->leg[LEG_MASTER].heard_ms = s->leg[LEG_STATION].heard_ms = s->opened_ms;
    gate_log_begin(&r, s, EVENT_SESSION_OPEN, 0);
    gate_log_peer(&r, s);
    record_text(&r, RECORD_MODE,
                gate_trust_no_commands(s) ? "monitor-only"
                : s->route->enforce       ? "enforce"
                                          : "observe");
    record_octets(&r, RECORD_POLICY_HASH, s->route->policy_hash, POLICY_HASH_SIZE);
    gate_role_record(&r, s);
    note_warnings(&r, s->warnings);
    (void)gate_log_send(s->gate, &r);
    gate_guard_begin(s);
    loop_timer_stop(&s->gate->child.loop, &s->timer);
    supervise_open(s);
    gate_leg_pump(s);
}

/* ---- end ---- */

static uint64_t unsent_octets(const struct gate_session *s, enum link_leg leg)
{
    const uint8_t *p;
    size_t n;

    link_output(s->link, leg, &p, &n);
    return n;
}

static void log_counts(struct record *r, const struct gate_session *s)
{
    const struct link_count *m = link_counts(s->link, LEG_MASTER);
    const struct link_count *t = link_counts(s->link, LEG_STATION);

    record_u64(r, RECORD_MASTER_I, m->received.i);
    record_u64(r, RECORD_MASTER_S, m->received.s);
    record_u64(r, RECORD_MASTER_U, m->received.u);
    record_u64(r, RECORD_STATION_I, t->received.i);
    record_u64(r, RECORD_STATION_S, t->received.s);
    record_u64(r, RECORD_STATION_U, t->received.u);
    record_u64(r, RECORD_REFUSED, m->refused);
    record_u64(r, RECORD_DROPPED, m->dropped + t->dropped);
    record_u64(r, RECORD_MALFORMED, s->malformed);
    record_u64(r, RECORD_TOLERATED, s->tolerated);
    record_u64(r, RECORD_MASTER_UNACKED, link_unacknowledged(s->link, LEG_MASTER));
    record_u64(r, RECORD_STATION_UNACKED, link_unacknowledged(s->link, LEG_STATION));
    record_u64(r, RECORD_UNSENT,
               unsent_octets(s, LEG_MASTER) + unsent_octets(s, LEG_STATION));
}

static void log_close(struct gate_session *s, const char *why, int side,
                      const char *detail)
{
    bool opened = s->link != NULL;
    struct record r;

    gate_log_begin(&r, s, opened ? EVENT_SESSION_CLOSE : EVENT_SESSION_REFUSED, 0);
    if (!opened)
        gate_log_peer(&r, s);
    record_text(&r, RECORD_WHY, why);
    record_text(&r, RECORD_LEG, gate_log_side(side));
    if (s->end_event)
        record_text(&r, RECORD_EVENT_ID, s->end_event);
    if (detail)
        record_text(&r, RECORD_DETAIL, detail);
    record_u64(&r, RECORD_DURATION_MS, now_ms(s) - s->opened_ms);
    if (opened)
        log_counts(&r, s);
    (void)gate_log_send(s->gate, &r);
}

void gate_session_close(struct gate_session *s, const char *why, int side,
                        const char *detail)
{
    if (s->state == GATE_CLOSED)
        return;
    gate_operation_end(s);
    gate_point_tell(s);
    gate_guard_end(s);
    /* What was relayed before the end still goes out; a leg that cannot take it loses it
     * unacknowledged, as on a cut cable. */
    if (s->link) {
        link_close(s->link, REASON_OK);
        gate_leg_flush(&s->leg[LEG_MASTER]);
        gate_leg_flush(&s->leg[LEG_STATION]);
    }
    s->state = GATE_CLOSED;
    s->held_ticket = 0;
    if (why)
        log_close(s, why, side, detail);
    gate_leg_close(&s->leg[LEG_MASTER]);
    gate_leg_close(&s->leg[LEG_STATION]);
    loop_timer_stop(&s->gate->child.loop, &s->timer);
}

void gate_session_sweep(struct gate *g)
{
    struct gate_session **p = &g->sessions;
    bool untold = false;

    while (*p) {
        struct gate_session *s = *p;

        if (s->state != GATE_CLOSED || !send_session_end(g, s->id)) {
            untold = untold || s->state == GATE_CLOSED;
            p = &s->next;
            continue;
        }
        *p = s->next;
        gate_input_free(&s->leg[LEG_MASTER]);
        gate_input_free(&s->leg[LEG_STATION]);
        free(s->link_memory);
        free(s);
    }
    loop_set(&g->child.loop, &g->broker_watch, untold ? EPOLLIN | EPOLLOUT : EPOLLIN);
}
