/* Octets in and out of a session's two legs, and the relay's round between them. */
#include "proxy/gate.h"

#include "certs/security_event.h"
#include "certs/tls_failure.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leg_ready(void *ctx, uint32_t events);

void gate_leg_attach(struct gate_leg *leg, enum leg_kind kind, int fd, uint32_t worker)
{
    struct gate_session *s = leg->session;

    leg->kind = kind;
    imsg_channel_init(&leg->ch, fd, ROLE_GATE, ROLE_TLS, worker, PHASE_HELLO);
    if (!loop_add(&s->gate->child.loop, &leg->watch, fd, kind == LEG_TLS ? EPOLLIN : 0,
                  leg_ready, leg))
        gate_session_close(s, "out-of-memory", (int)leg->side, NULL);
}

void gate_leg_close(struct gate_leg *leg)
{
    struct gate *g = leg->session->gate;

    if (leg->kind == LEG_NONE)
        return;
    loop_del(&g->child.loop, &leg->watch);
    if (leg->kind == LEG_TLS)
        (void)imsg_send(&leg->ch, MSG_GATE_CLOSE, NULL, 0, NULL, 0);
    else
        (void)shutdown(leg->ch.fd, SHUT_WR);
    imsg_channel_close(&leg->ch);
    leg->kind = LEG_NONE;
}

/* ---- out ---- */

/* Octets of the whole APDUs at the start of p that fit one message. */
static size_t whole_apdus(const uint8_t *p, size_t n)
{
    size_t size = 0;

    while (size + 2 <= n) {
        size_t apdu = 2u + p[size + 1];

        if (size + apdu > n || size + apdu > IMSG_PAYLOAD_MAX)
            break;
        size += apdu;
    }
    return size;
}

/* How many octets one write took; 0: no room now.  Errors show up on reading. */
static size_t write_some(struct gate_leg *leg, const uint8_t *p, size_t n)
{
    ssize_t sent;

    if (leg->kind == LEG_TLS) {
        size_t size = whole_apdus(p, n);

        return imsg_send(&leg->ch, MSG_GATE_DATA, p, size, NULL, 0) == IMSG_OK ? size : 0;
    }
    do {
        sent = send(leg->ch.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent > 0 ? (size_t)sent : 0;
}

void gate_leg_flush(struct gate_leg *leg)
{
    struct link *l = leg->session->link;

    while (leg->kind != LEG_NONE) {
        const uint8_t *p;
        size_t n;
        size_t sent;

        link_output(l, leg->side, &p, &n);
        sent = n > 0 ? write_some(leg, p, n) : 0;
        gate_recording_left(leg, p, sent, n);
        if (sent > 0 || n == 0)
            leg->blocked_ms = 0;
        else if (leg->blocked_ms == 0)
            leg->blocked_ms = loop_now(&leg->session->gate->child.loop);
        if (sent == 0)
            break;
        link_output_consumed(l, leg->side, sent);
    }
}

/* ---- the round ---- */

/* Takes complete APDUs from the input while the relay has room. */
static void take_apdus(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    size_t pos = 0;

    while (s->state == GATE_OPEN && link_can_receive(s->link, leg->side)) {
        const uint8_t *p = leg->input + pos;
        size_t left = leg->input_size - pos;
        size_t size = 0;
        struct verdict v = apci_scan(p, left, &size);

        if (v.reason == REASON_OK && size == 0)
            break;
        gate_recording_came(leg, p, size ? size : left);
        if (v.reason == REASON_OK && leg->side == LEG_MASTER)
            gate_guard_link(s, p);
        if (s->state != GATE_OPEN)
            return;
        if (v.reason == REASON_OK)
            v = link_receive(s->link, leg->side, p, size);
        if (v.reason != REASON_OK) {
            gate_log_malformed(leg, v, p, size ? size : left);
            gate_session_close(s, reason_name(v.reason), (int)leg->side, NULL);
            return;
        }
        pos += size;
        /* Judged before the next is looked at, so that a bad APDU behind it changes
         * nothing for a good one. */
        gate_judge(s);
    }
    leg->input_size -= pos;
    if (pos > 0 && leg->input_size > 0)
        memmove(leg->input, leg->input + pos, leg->input_size);
    if (pos > 0)
        leg->partial_ms = 0;
}

/* Starts the clock of an APDU whose first octet came and whose last has not. */
static void watch_partial(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    uint64_t now = loop_now(&s->gate->child.loop);

    /* Whole APDUs that wait for the relay's room are not the peer's delay. */
    if (leg->input_size == 0 || !link_can_receive(s->link, leg->side)) {
        leg->partial_ms = 0;
    } else if (leg->partial_ms == 0) {
        leg->partial_ms = now;
        gate_session_wake(s, now + (uint64_t)s->route->t1_s * 1000u);
    }
}

static void set_interest(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    uint64_t now = loop_now(&s->gate->child.loop);
    uint32_t events = 0;

    if (leg->kind == LEG_NONE)
        return;
    if (GATE_INPUT_SIZE - leg->input_size >= IMSG_PAYLOAD_MAX &&
        link_can_receive(s->link, leg->side))
        events |= EPOLLIN;
    /* Silence counts only while we listen. */
    if ((events & EPOLLIN) && !(leg->watch.events & EPOLLIN))
        leg->heard_ms = now;
    if (leg->blocked_ms != 0) {
        events |= EPOLLOUT;
        gate_session_wake(s, leg->blocked_ms + (uint64_t)s->route->t1_s * 1000u);
    }
    loop_set(&s->gate->child.loop, &leg->watch, events);
}

/* Link establishment and release are part of the log: 104 5.3. */
static void log_started(struct gate_session *s)
{
    struct record r;

    if (link_is_started(s->link) == s->started)
        return;
    s->started = !s->started;
    gate_log_begin(&r, s, s->started ? EVENT_STARTDT : EVENT_STOPDT, 0);
    (void)gate_log_send(s->gate, &r);
}

/* True if an APDU, or what can be none, waits in the input and the relay has room. */
static bool input_is_due(const struct gate_leg *leg)
{
    size_t size;
    struct verdict v = apci_scan(leg->input, leg->input_size, &size);

    return (size > 0 || v.reason != REASON_OK) &&
           link_can_receive(leg->session->link, leg->side);
}

/* True if octets that left made room for a frame that waits, in the relay or before it.
 * Nothing else would call for it: the octets behind it may never come. */
static bool more_is_due(const struct gate_session *s)
{
    struct link_frame f;

    return gate_judge_next(s, LEG_MASTER, &f) || gate_judge_next(s, LEG_STATION, &f) ||
           input_is_due(&s->leg[LEG_MASTER]) || input_is_due(&s->leg[LEG_STATION]);
}

/* Nobody else applies t1 to the answers made here (104 5.2).  Those that follow while
 * some wait run from when these are acknowledged. */
static void watch_replies(struct gate_session *s)
{
    const uint64_t acknowledged = link_counts(s->link, LEG_MASTER)->acknowledged;
    uint64_t last;

    if (s->reply_ms != 0 && acknowledged >= s->reply_last)
        s->reply_ms = 0;
    if (s->reply_ms != 0 || !link_reply_is_open(s->link, LEG_MASTER, &last))
        return;
    s->reply_last = last;
    s->reply_ms = loop_now(&s->gate->child.loop);
    gate_session_wake(s, s->reply_ms + (uint64_t)s->route->t1_s * 1000u);
}

void gate_leg_pump(struct gate_session *s)
{
    /* Each turn but the first takes an APDU from an input or judges one that waited, so
     * it ends at the latest when both inputs are empty. */
    do {
        gate_judge(s);
        for (int i = 0; i < LINK_LEGS && s->state == GATE_OPEN; i++)
            take_apdus(&s->leg[i]);
        for (int i = 0; i < LINK_LEGS && s->state == GATE_OPEN; i++)
            gate_leg_flush(&s->leg[i]);
    } while (s->state == GATE_OPEN && more_is_due(s));
    if (s->state != GATE_OPEN)
        return;
    log_started(s);
    watch_replies(s);
    for (int i = 0; i < LINK_LEGS; i++) {
        watch_partial(&s->leg[i]);
        set_interest(&s->leg[i]);
    }
}

/* ---- in ---- */

static const char *closed_word(enum link_leg side, bool reset)
{
    if (side == LEG_MASTER)
        return reset ? "master-reset" : "master-closed";
    return reset ? "station-reset" : "station-closed";
}

static void read_plain(struct gate_leg *leg)
{
    ssize_t n;

    gate_input_widen(leg);
    n = recv(leg->ch.fd, leg->input + leg->input_size, GATE_INPUT_SIZE - leg->input_size,
             MSG_DONTWAIT);
    if (n > 0) {
        leg->input_size += (size_t)n;
        leg->heard_ms = loop_now(&leg->session->gate->child.loop);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    gate_session_close(leg->session, closed_word(leg->side, n < 0), (int)leg->side,
                       n < 0 ? strerror(errno) : NULL);
}

/* The tls process broke the catalogue: all its sessions are its own end. */
static void tls_offence(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;

    child_violation(&s->gate->child, &leg->ch, &leg->watch);
    gate_session_close(s, "ipc-violation", (int)leg->side,
                       imsg_fault_name(leg->ch.fault));
}

static void tls_warnings(struct gate_leg *leg, struct imsg *m)
{
    struct msg_tls_warnings w;

    imsg_get(m, &w, sizeof w);
    if ((w.warnings & ~IDENTITY_WARNINGS) == 0) {
        gate_trust_warnings(leg->session, w.warnings);
        return;
    }
    (void)imsg_reject(&leg->ch, m);
    tls_offence(leg);
}

static void tls_identity(struct gate_leg *leg, struct imsg *m)
{
    struct gate_session *s = leg->session;
    struct msg_identity head;

    imsg_get(m, &head, sizeof head);
    /* The broker told both of us which session this is.  If it joined two, the peer was
     * authenticated by the rules of another route. */
    if (s->identified || head.session != s->id || head.route != s->route->index ||
        (head.warnings & ~IDENTITY_WARNINGS) != 0 ||
        !identity_decode(&s->peer, m->payload + sizeof head, m->len - sizeof head)) {
        (void)imsg_reject(&leg->ch, m);
        tls_offence(leg);
        return;
    }
    s->identified = true;
    leg->ch.phase = PHASE_OPEN;
    gate_trust_warnings(s, head.warnings);
    gate_warn_ocsp(s);
    if (s->route->mode == ROUTE_PROTECT_RTU) {
        gate_role_evaluate(s);
        gate_asker_find(s);
        gate_session_ask_dial(s);
    } else {
        gate_session_open(s);
    }
}

/* What the table says of a failure, and what is known beyond it. */
static void describe_failure(uint16_t failure, const char *detail, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s%s%s", tls_failure_info(failure)->text,
                   detail[0] ? ": " : "", detail);
}

static void tls_failed(struct gate_leg *leg, const struct imsg *m)
{
    struct gate_session *s = leg->session;
    const struct tls_failure_info *info;
    struct msg_tls_failed f;
    char text[400];
    struct record r;

    imsg_get(m, &f, sizeof f);
    f.detail[sizeof f.detail - 1] = '\0';
    info = tls_failure_info(f.failure);
    if (!gate_log_may_tell_failure(s->gate)) {
        gate_session_close(s, NULL, (int)leg->side, NULL);
        return;
    }
    gate_log_begin(&r, s, EVENT_TLS_FAILED, 0);
    gate_log_peer(&r, s);
    record_text(&r, RECORD_WHY, info->name);
    gate_log_security(&r, RECORD_EVENT_ID, security_event_named(info->mnemonic));
    describe_failure(f.failure, f.detail, text, sizeof text);
    record_text(&r, RECORD_DETAIL, text);
    (void)gate_log_send(s->gate, &r);
    gate_session_close(s, NULL, (int)leg->side, NULL);
}

/* The security event of an end that the tls process tells. */
static const char *closing_event(const struct msg_tls_closed *c)
{
    const struct security_event_info *info = NULL;

    if (c->failure != 0)
        info = security_event_info(
            security_event_named(tls_failure_info(c->failure)->mnemonic));
    else if (c->how == TLS_CLOSE_ERROR)
        info = security_event_info(SECURITY_COMM_PACKET_AUTHENTICATION_FAIL);
    return info ? info->id : NULL;
}

static void tls_closed(struct gate_leg *leg, const struct imsg *m)
{
    static const char *const words[] = {
        [TLS_CLOSE_NOTIFY] = "close_notify",
        [TLS_CLOSE_EOF] = "TCP closed without close_notify",
        [TLS_CLOSE_RESET] = "TCP reset",
        [TLS_CLOSE_ALERT] = "TLS alert received",
        [TLS_CLOSE_ERROR] = "TLS record not authentic or malformed",
    };
    struct msg_tls_closed c;
    char text[400];
    bool known;

    imsg_get(m, &c, sizeof c);
    c.detail[sizeof c.detail - 1] = '\0';
    if (gate_trust_closed(leg, &c))
        return;
    known = c.how > 0 && c.how < sizeof words / sizeof words[0];
    (void)snprintf(text, sizeof text, "%s", known ? words[c.how] : "unknown");
    leg->session->end_event = closing_event(&c);
    if (c.failure != 0)
        describe_failure(c.failure, c.detail, text, sizeof text);
    if (gate_rekey_closed(leg, &c, c.failure != 0 ? text : c.detail))
        return;
    gate_session_close(
        leg->session,
        closed_word(leg->side, c.how != TLS_CLOSE_NOTIFY && c.how != TLS_CLOSE_EOF),
        (int)leg->side, text);
}

static void tls_message(struct gate_leg *leg, struct imsg *m)
{
    switch (m->type) {
    case MSG_IDENTITY: tls_identity(leg, m); break;
    case MSG_TLS_FAILED: tls_failed(leg, m); break;
    case MSG_TLS_CLOSED: tls_closed(leg, m); break;
    case MSG_TLS_WARNINGS: tls_warnings(leg, m); break;
    case MSG_TLS_REKEY:
        if (!gate_rekey_told(leg, m))
            tls_offence(leg);
        break;
    case MSG_TLS_DATA:
        gate_input_widen(leg);
        memcpy(leg->input + leg->input_size, m->payload, m->len);
        leg->input_size += m->len;
        leg->heard_ms = loop_now(&leg->session->gate->child.loop);
        break;
    default: break;
    }
}

static void read_tls(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    struct imsg *m = &s->gate->child.scratch;
    enum imsg_status status = imsg_recv(&leg->ch, m);

    if (status == IMSG_AGAIN)
        return;
    if (status == IMSG_OK) {
        tls_message(leg, m);
        return;
    }
    if (status == IMSG_BAD)
        tls_offence(leg);
    else
        gate_session_close(s, "tls-process-gone", (int)leg->side, NULL);
}

/* The other end of a leg is gone while nothing is read from it.  Of what a tls process
 * had still sent only its last word counts. */
static void hung_up(struct gate_leg *leg)
{
    struct gate_session *s = leg->session;
    struct imsg *m = &s->gate->child.scratch;

    if (leg->kind == LEG_PLAIN) {
        gate_session_close(s, closed_word(leg->side, true), (int)leg->side, NULL);
        return;
    }
    while (s->state != GATE_CLOSED && imsg_recv(&leg->ch, m) == IMSG_OK) {
        if (m->type == MSG_TLS_CLOSED)
            tls_closed(leg, m);
    }
    gate_session_close(s, "tls-process-gone", (int)leg->side, NULL);
}

static bool may_read(const struct gate_leg *leg)
{
    return (leg->watch.events & EPOLLIN) &&
           GATE_INPUT_SIZE - leg->input_size >= IMSG_PAYLOAD_MAX;
}

static void leg_ready(void *ctx, uint32_t events)
{
    struct gate_leg *leg = ctx;
    struct gate_session *s = leg->session;

    if ((events & EPOLLIN) && may_read(leg)) {
        if (leg->kind == LEG_TLS)
            read_tls(leg);
        else
            read_plain(leg);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        hung_up(leg);
    }
    if (s->state == GATE_OPEN)
        gate_leg_pump(s);
    if (s->state == GATE_CLOSED)
        gate_input_free(leg);
    else if (!gate_input_settle(leg))
        gate_session_close(s, "out-of-memory", (int)leg->side, NULL);
}
