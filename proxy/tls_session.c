/* One TLS session: handshake, then records to the gate and APDUs from it.  Towards the
 * peer every APDU is a record of its own: widely used stations read one record and take
 * one APDU from it, and leave the rest until more octets come. */
#include "proxy/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Records not yet taken by the socket; above this nothing more comes from the gate. */
#define OUTPUT_HIGH 32768u
#define LINGER_MS   1000u

static void tcp_ready(void *ctx, uint32_t events);
static void gate_ready(void *ctx, uint32_t events);

static size_t pending_output(const struct tls_session *s)
{
    return BIO_ctrl_pending(s->out);
}

/* Writes finished records; false when the connection is broken. */
static bool flush_output(struct tls_session *s)
{
    char *p;
    long n = BIO_get_mem_data(s->out, &p);

    while (n > 0) {
        char sink[4096];
        ssize_t sent = send(s->tcp, p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        /* A memory BIO gives up its octets only by being read. */
        for (ssize_t left = sent; left > 0;) {
            int part = left > (ssize_t)sizeof sink ? (int)sizeof sink : (int)left;
            int got = BIO_read(s->out, sink, part);

            if (got <= 0)
                return false;
            left -= got;
        }
        n = BIO_get_mem_data(s->out, &p);
    }
    return true;
}

static bool takes_from_gate(const struct tls_session *s)
{
    return pending_output(s) < OUTPUT_HIGH && tls_rekey_may_write(s);
}

static void set_interest(struct tls_session *s)
{
    struct loop *l = &s->tls->child.loop;
    bool room = pending_output(s) < OUTPUT_HIGH;
    uint32_t tcp = 0, gate = 0;

    /* Without room nothing is read from the peer either: what it sends may want an answer
     * (KeyUpdate, RFC 8446 clause 4.6.3), and it must not make us keep answers. */
    if (s->state == TLS_LINGER || s->state == TLS_HANDSHAKE ||
        (s->state == TLS_OPEN && s->held_size == 0 && room))
        tcp |= EPOLLIN;
    if (pending_output(s) > 0)
        tcp |= EPOLLOUT;
    if (s->state != TLS_LINGER && takes_from_gate(s))
        gate |= EPOLLIN;
    if (s->state == TLS_OPEN && s->held_size > 0)
        gate |= EPOLLOUT;
    loop_set(l, &s->tcp_watch, tcp);
    loop_set(l, &s->gate_watch, gate);
}

/* The session is over.  Its memory stays until the end of the round, as callers up the
 * stack still look at it. */
static void finish(struct tls_session *s)
{
    struct loop *l = &s->tls->child.loop;

    s->state = TLS_ENDED;
    loop_timer_stop(l, &s->timer);
    loop_timer_stop(l, &s->again);
    tls_rekey_stop(s);
    loop_del(l, &s->tcp_watch);
    loop_del(l, &s->gate_watch);
    imsg_channel_close(&s->gate);
}

bool tls_session_free(struct tls_session *s)
{
    struct tls *t = s->tls;
    struct msg_session_id done = {.session = s->id};

    /* The broker counts on it; without a broker nobody does. */
    if (imsg_send(&t->broker, MSG_TLS_DONE, &done, sizeof done, NULL, 0) == IMSG_AGAIN)
        return false;
    tls_ocsp_forget(s);
    SSL_free(s->ssl);
    free(s->held);
    if (s->tcp >= 0)
        (void)close(s->tcp);
    free(s);
    return true;
}

/* Writes what is left, then waits, for a bounded time, until the peer has closed: closing
 * first, with octets of the peer unread, would make TCP throw away our last ones. */
static void linger_on(struct tls_session *s)
{
    char sink[4096];
    ssize_t n;

    if (!flush_output(s)) {
        finish(s);
        return;
    }
    if (pending_output(s) == 0)
        (void)shutdown(s->tcp, SHUT_WR);
    n = recv(s->tcp, sink, sizeof sink, MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        set_interest(s);
    else
        finish(s);
}

/* Nothing more is taken from either side. */
static void linger(struct tls_session *s)
{
    struct loop *l = &s->tls->child.loop;

    tls_ocsp_forget(s);
    loop_del(l, &s->gate_watch);
    loop_timer_stop(l, &s->again);
    tls_rekey_stop(s);
    imsg_channel_close(&s->gate);
    s->state = TLS_LINGER;
    (void)loop_timer_set(l, &s->timer, LINGER_MS);
    linger_on(s);
}

void tls_session_end(struct tls_session *s)
{
    if (s->state == TLS_LINGER || s->state == TLS_ENDED)
        return;
    if (s->state == TLS_OPEN || s->state == TLS_CHECK)
        (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
    linger(s);
}

void tls_session_closed(struct tls_session *s, const struct msg_tls_closed *m)
{
    if (imsg_send(&s->gate, MSG_TLS_CLOSED, m, sizeof *m, NULL, 0) == IMSG_AGAIN)
        child_log(&s->tls->child, "session %llu: the gate could not be told how it ended",
                  (unsigned long long)s->id);
    tls_session_end(s);
}

static void peer_ended(struct tls_session *s, enum tls_close how)
{
    struct msg_tls_closed m = {.how = (uint16_t)how};

    tls_session_closed(s, &m);
}

void tls_session_refuse(struct tls_session *s, enum tls_failure failure,
                        const char *detail)
{
    struct msg_tls_failed m = {.failure = (uint16_t)failure};

    (void)snprintf(m.detail, sizeof m.detail, "%s", detail);
    (void)imsg_send(&s->gate, MSG_TLS_FAILED, &m, sizeof m, NULL, 0);
    tls_session_end(s);
}

/* ---- handshake ---- */

static void handshake_done(struct tls_session *s)
{
    enum tls_failure failure = tls_check_negotiated(s->ssl);
    char detail[120] = "";

    if (failure == TLS_FAIL_NONE)
        failure = resume_admit(s->ssl, detail, sizeof detail);
    if (failure != TLS_FAIL_NONE)
        tls_session_refuse(s, failure, detail);
    else
        tls_ocsp_check(s);
}

/* True if the session is still there and may go on. */
static bool handshake(struct tls_session *s)
{
    char detail[120] = "";
    enum tls_failure failure;
    int ret = SSL_do_handshake(s->ssl);

    if (ret == 1) {
        handshake_done(s);
        return s->state == TLS_OPEN || s->state == TLS_CHECK;
    }
    failure = tls_failure(s->ssl, ret, detail, sizeof detail);
    if (failure == TLS_FAIL_NONE)
        return true;
    tls_session_refuse(s, failure, detail);
    return false;
}

/* ---- data ---- */

static bool give_to_gate(struct tls_session *s, const uint8_t *p, size_t n)
{
    enum imsg_status status = imsg_send(&s->gate, MSG_TLS_DATA, p, n, NULL, 0);

    if (status == IMSG_AGAIN) {
        if (!s->held)
            s->held = malloc(IMSG_PAYLOAD_MAX);
        if (!s->held)
            return false;
        if (p != s->held)
            memcpy(s->held, p, n);
        s->held_size = n;
        return true;
    }
    s->held_size = 0;
    free(s->held);
    s->held = NULL;
    return status == IMSG_OK;
}

/* What a failed SSL_read means.  A TLS 1.3 client learns only here that the server did
 * not like its certificate (RFC 8446 clause 4.4.4: the handshake was complete before). */
static void read_failed(struct tls_session *s, int ret)
{
    struct msg_tls_closed m = {.how = TLS_CLOSE_ERROR};
    int error = SSL_get_error(s->ssl, ret);
    unsigned long code = ERR_peek_error();
    int saved = errno;

    if (error == SSL_ERROR_ZERO_RETURN)
        m.how = TLS_CLOSE_NOTIFY;
    else if (error == SSL_ERROR_SYSCALL)
        m.how = saved == 0 ? TLS_CLOSE_EOF : TLS_CLOSE_RESET;
    else if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        m.how = TLS_CLOSE_EOF;
    else if (ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET)
        m.how = TLS_CLOSE_ALERT;
    if (m.how == TLS_CLOSE_ERROR || m.how == TLS_CLOSE_ALERT)
        m.failure = (uint16_t)tls_failure(s->ssl, ret, m.detail, sizeof m.detail);
    tls_rekey_explain(s, ERR_GET_REASON(code), &m);
    ERR_clear_error();
    tls_session_closed(s, &m);
}

/* Reads records while the gate takes them; bounded, so that one peer with a full pipe
 * does not keep the others of this worker waiting. */
static bool read_records(struct tls_session *s)
{
    uint8_t buf[IMSG_PAYLOAD_MAX];

    for (int budget = 64; budget > 0 && s->held_size == 0; budget--) {
        bool again;
        int n;

        if (pending_output(s) >= OUTPUT_HIGH)
            break;
        ERR_clear_error();
        errno = 0;
        n = SSL_read(s->ssl, buf, sizeof buf);
        again = n <= 0 && SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ;
        if ((n > 0 || again) && !tls_rekey_after_read(s, n > 0))
            return false;
        if (n > 0) {
            if (!give_to_gate(s, buf, (size_t)n)) {
                tls_session_end(s);
                return false;
            }
            continue;
        }
        if (again) {
            s->unread = false;
            return true;
        }
        read_failed(s, n);
        return false;
    }
    s->unread = true;
    return true;
}

/* The end of every visit: wait for what can happen next.  What OpenSSL has read ahead
 * announces itself nowhere, so it is come back for. */
static void settle(struct tls_session *s)
{
    tls_rekey_settle(s);
    if (s->state == TLS_OPEN && s->unread && s->held_size == 0 &&
        pending_output(s) < OUTPUT_HIGH)
        (void)loop_timer_set(&s->tls->child.loop, &s->again, 0);
    set_interest(s);
}

static void read_again(void *ctx)
{
    tcp_ready(ctx, 0);
}

/* One record for each APDU of a message.  False if the message is not whole APDUs. */
static bool write_apdus(struct tls_session *s, const uint8_t *p, size_t n)
{
    size_t pos = 0;

    while (pos < n) {
        size_t size = n - pos >= 2 ? 2u + p[pos + 1] : 0;

        if (size < 6 || size > n - pos)
            return false;
        /* The memory BIO takes everything, so a short write cannot happen. */
        if (SSL_write(s->ssl, p + pos, (int)size) != (int)size)
            return false;
        pos += size;
    }
    return true;
}

static void handshake_timeout(void *ctx)
{
    struct tls_session *s = ctx;

    if (s->state == TLS_HANDSHAKE)
        tls_session_refuse(s, TLS_FAIL_TIMEOUT, "");
    else if (s->state == TLS_CHECK)
        tls_ocsp_timeout(s);
    else
        finish(s);
}

static void tcp_ready(void *ctx, uint32_t events)
{
    struct tls_session *s = ctx;

    if (s->state == TLS_LINGER) {
        if (events & (EPOLLERR | EPOLLHUP))
            finish(s);
        else
            linger_on(s);
        return;
    }
    if (s->state == TLS_HANDSHAKE && !handshake(s))
        return;
    if (s->state == TLS_CHECK && (events & (EPOLLERR | EPOLLHUP))) {
        tls_session_refuse(s, TLS_FAIL_CLOSED, "");
        return;
    }
    if (s->state == TLS_OPEN) {
        /* Nothing is read now, so reading will not find it. */
        if (!(s->tcp_watch.events & EPOLLIN) && (events & (EPOLLERR | EPOLLHUP))) {
            peer_ended(s, TLS_CLOSE_RESET);
            return;
        }
        if (!read_records(s))
            return;
    }
    if (!flush_output(s)) {
        if (s->state == TLS_OPEN)
            peer_ended(s, TLS_CLOSE_RESET);
        else
            tls_session_refuse(s, TLS_FAIL_CLOSED, "");
        return;
    }
    settle(s);
}

/* A message of the gate.  False when the session is over. */
static bool gate_message(struct tls_session *s, struct imsg *m)
{
    if (m->type == MSG_GATE_DATA && write_apdus(s, m->payload, m->len))
        return true;
    if (m->type != MSG_GATE_CLOSE)
        child_log(&s->tls->child, "session %llu: octets from the gate are no APDUs",
                  (unsigned long long)s->id);
    tls_session_end(s);
    return false;
}

static void gate_ready(void *ctx, uint32_t events)
{
    struct tls_session *s = ctx;
    struct imsg *m = &s->tls->child.scratch;

    if ((events & EPOLLOUT) && s->held_size > 0) {
        if (!give_to_gate(s, s->held, s->held_size)) {
            tls_session_end(s);
            return;
        }
    }
    /* A peer that reads nothing must not keep the session of a gate that has ended it;
     * and the end of the pair would be told again and again. */
    if ((events & (EPOLLERR | EPOLLHUP)) && !takes_from_gate(s)) {
        tls_session_end(s);
        return;
    }
    for (int budget = 16; budget > 0 && takes_from_gate(s); budget--) {
        enum imsg_status status = imsg_recv(&s->gate, m);

        if (status == IMSG_AGAIN)
            break;
        if (status == IMSG_BAD)
            child_log(&s->tls->child, "the gate broke the catalogue: %s",
                      imsg_fault_name(s->gate.fault));
        if (status != IMSG_OK) {
            tls_session_end(s);
            return;
        }
        if (!gate_message(s, m))
            return;
    }
    if (!flush_output(s)) {
        if (s->state == TLS_OPEN)
            peer_ended(s, TLS_CLOSE_RESET);
        else
            tls_session_refuse(s, TLS_FAIL_CLOSED, "");
        return;
    }
    settle(s);
}

/* ---- begin ---- */

static bool make_ssl(struct tls_session *s, SSL_CTX *ctx, bool server)
{
    BIO *in;

    s->ssl = SSL_new(ctx);
    in = BIO_new_socket(s->tcp, BIO_NOCLOSE);
    s->out = BIO_new(BIO_s_mem());
    if (!s->ssl || !in || !s->out) {
        BIO_free(in);
        BIO_free(s->out);
        s->out = NULL;
        return false;
    }
    SSL_set_bio(s->ssl, in, s->out);
    SSL_set_read_ahead(s->ssl, 1);
    if (server)
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
    tls_ocsp_prepare(s);
    return true;
}

void tls_session_begin(struct tls *t, const struct msg_session *m, SSL_CTX *ctx, int tcp,
                       int pair)
{
    struct tls_session *s = calloc(1, sizeof *s);
    bool server = SSL_CTX_get_ssl_method(ctx) == TLS_server_method();

    if (!s) { /* the gate sees its end of the pair close */
        child_log(&t->child, "session %llu: out of memory",
                  (unsigned long long)m->session);
        (void)close(tcp);
        (void)close(pair);
        return;
    }
    s->tls = t;
    s->id = m->session;
    s->route = m->route;
    s->tcp = tcp;
    s->tcp_watch.fd = s->gate_watch.fd = -1;
    (void)fcntl(tcp, F_SETFL, O_NONBLOCK); /* whatever the broker made of it */
    imsg_channel_init(&s->gate, pair, ROLE_TLS, ROLE_GATE, 0, PHASE_HELLO);
    loop_timer_init(&s->timer, handshake_timeout, s);
    loop_timer_init(&s->again, read_again, s);
    tls_rekey_init(s, m->route);
    s->next = t->sessions;
    t->sessions = s;
    t->session_count++;
    if (!make_ssl(s, ctx, server) ||
        !loop_add(&t->child.loop, &s->tcp_watch, tcp, EPOLLIN, tcp_ready, s) ||
        !loop_add(&t->child.loop, &s->gate_watch, pair, EPOLLIN, gate_ready, s) ||
        !loop_timer_set(&t->child.loop, &s->timer,
                        (uint64_t)t->config.handshake_s * 1000u)) {
        child_log(&t->child, "session %llu: out of memory", (unsigned long long)s->id);
        finish(s);
        return;
    }
    tcp_ready(s, 0); /* a client speaks first */
}
