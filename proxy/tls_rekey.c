#include "proxy/tls_rekey.h"

#include "proxy/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FINISHED_OURS   1u
#define FINISHED_THEIRS 2u
#define FINISHED_BOTH   (FINISHED_OURS | FINISHED_THEIRS)

/* HelloRequests while a handshake is under way. */
#define ASKED_AGAIN_MAX 4u

static uint64_t now_ms(const struct tls_session *s)
{
    return loop_now(&s->tls->child.loop);
}

static bool is_13(const struct tls_session *s)
{
    return s->rekey.rules.side == REKEY_13;
}

/* ---- the gate ---- */

static void end(struct tls_session *s, enum tls_close how, const char *detail)
{
    struct msg_tls_closed m = {.how = (uint16_t)how};

    (void)snprintf(m.detail, sizeof m.detail, "%s", detail);
    tls_session_closed(s, &m);
}

/* What finds no room is told with the next octets; only the last such word is kept. */
static void tell(struct tls_session *s, uint16_t what)
{
    struct msg_tls_rekey m = {.what = what};

    s->rekey.untold = 0;
    if (what != 0 &&
        imsg_send(&s->gate, MSG_TLS_REKEY, &m, sizeof m, NULL, 0) == IMSG_AGAIN)
        s->rekey.untold = what;
}

/* ---- what OpenSSL sends and receives ---- */

/* What the peer begins, before OpenSSL acts on it.  What is not to be is refused with a
 * warning, without any of a handshake's work. */
static void peer_begins(struct tls_session *s, SSL *ssl)
{
    struct tls_rekey *k = &s->rekey;

    k->verdict = rekey_peer_begins(&k->rules, now_ms(s));
    if (k->verdict != 0)
        SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
}

static void client_hello(struct tls_session *s, SSL *ssl, bool sent)
{
    struct tls_rekey *k = &s->rekey;

    if (!sent)
        peer_begins(s, ssl);
    if (k->verdict != 0)
        return;
    k->written = true;
    k->finished = 0;
    rekey_shaking(&k->rules, now_ms(s));
}

/* One that crosses our own ClientHello is nothing new (RFC 5246 clause 7.4.1.1).  More of
 * them libssl would pass over without end and without coming back: no more is read. */
static void ask_again(struct tls_session *s)
{
    struct tls_rekey *k = &s->rekey;

    if (++k->asked_again <= ASKED_AGAIN_MAX)
        return;
    k->verdict = TLS_CLOSE_RENEG_STORM;
    (void)shutdown(s->tcp, SHUT_RDWR);
}

static void hello_request(struct tls_session *s, SSL *ssl, bool sent)
{
    struct tls_rekey *k = &s->rekey;

    if (sent) {
        k->written = true;
        rekey_asked(&k->rules, now_ms(s));
        return;
    }
    if (k->rules.phase == REKEY_FRESH)
        peer_begins(s, ssl);
    else
        ask_again(s);
    /* libssl would answer with its session, but the handshake is to be a full one (IEC
     * 62351-3 Ed. 2 clause 7.4.5): what is out of its store is not offered. */
    (void)SSL_CTX_remove_session(SSL_get_SSL_CTX(ssl), SSL_get_session(ssl));
}

static void key_update(struct tls_session *s, bool sent)
{
    struct tls_rekey *k = &s->rekey;
    enum tls_close storm;
    bool answered = false;

    if (sent) {
        rekey_asked(&k->rules, now_ms(s));
        return;
    }
    storm = rekey_peer_updates(&k->rules, now_ms(s), &answered);
    if (storm != 0)
        k->verdict = storm;
    else if (answered)
        k->untold = TLS_REKEY_UPDATED;
}

static void on_handshake_message(struct tls_session *s, SSL *ssl, bool sent, uint8_t type)
{
    if (type == SSL3_MT_KEY_UPDATE && is_13(s))
        key_update(s, sent);
    if (is_13(s))
        return;
    if (type == SSL3_MT_CLIENT_HELLO)
        client_hello(s, ssl, sent);
    else if (type == SSL3_MT_HELLO_REQUEST)
        hello_request(s, ssl, sent);
    else if (type == SSL3_MT_FINISHED)
        s->rekey.finished |= sent ? FINISHED_OURS : FINISHED_THEIRS;
}

/* libssl calls it inside of SSL_read and SSL_write: nothing may be ended here. */
static void on_message(int sent, int version, int type, const void *buf, size_t len,
                       SSL *ssl, void *arg)
{
    struct tls_session *s = arg;
    struct rekey *r = &s->rekey.rules;

    (void)version;
    if (type == SSL3_RT_HEADER && sent)
        r->sent++;
    else if (type == SSL3_RT_HEADER)
        r->received++;
    else if (type == SSL3_RT_HANDSHAKE && len > 0)
        on_handshake_message(s, ssl, sent != 0, ((const uint8_t *)buf)[0]);
}

/* ---- renewing ---- */

/* It goes out at once; the peer's answer comes with its next write (OpenSSL 3.0), which
 * its test frames bring about. */
static bool ask_update(struct tls_session *s)
{
    return SSL_key_update(s->ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
           SSL_do_handshake(s->ssl) == 1;
}

static void ask(struct tls_session *s)
{
    struct tls_rekey *k = &s->rekey;

    if (!is_13(s) && !SSL_get_secure_renegotiation_support(s->ssl)) {
        end(s, TLS_CLOSE_NO_RENEG, "it lacks secure renegotiation (RFC 5746)");
        return;
    }
    ERR_clear_error();
    k->written = false;
    /* What SSL_renegotiate() asks for is done by the next SSL_read: alone that bears data
     * of the peer before its hello. */
    if (is_13(s) ? !ask_update(s) : SSL_renegotiate(s->ssl) != 1) {
        end(s, TLS_CLOSE_RENEG_FAILED, "the TLS library refuses to begin");
        return;
    }
    (void)loop_timer_set(&s->tls->child.loop, &s->again, 0);
}

static void give_up(struct tls_session *s)
{
    struct rekey *r = &s->rekey.rules;

    if (!is_13(s))
        end(s, TLS_CLOSE_NO_RENEG,
            r->phase == REKEY_SHAKING ? "it did not complete the handshake"
                                      : "it did not answer");
    else if (rekey_silent_ends(r, now_ms(s)))
        end(s, TLS_CLOSE_NO_UPDATE, "");
    else
        tell(s, TLS_REKEY_SILENT);
}

static void set_timer(struct tls_session *s)
{
    uint64_t now = now_ms(s);
    uint64_t due = rekey_due(&s->rekey.rules, now);

    if (loop_timer_armed(&s->rekey.timer) && s->rekey.timer.due == due)
        return;
    (void)loop_timer_set(&s->tls->child.loop, &s->rekey.timer, due > now ? due - now : 0);
}

static void timer_expired(void *ctx)
{
    struct tls_session *s = ctx;
    struct rekey *r = &s->rekey.rules;
    enum rekey_act act;

    if (s->state != TLS_OPEN)
        return;
    /* While the gate takes nothing the peer's answer is not read. */
    if (s->held_size > 0)
        rekey_postpone(r, now_ms(s));
    act = rekey_tick(r, now_ms(s));
    if (act == REKEY_ASK)
        ask(s);
    else if (act == REKEY_GIVE_UP)
        give_up(s);
    if (s->state == TLS_OPEN)
        set_timer(s);
}

/* ---- after a renegotiation ---- */

static bool peer_digest(const struct tls_session *s, uint8_t out[TLS_REKEY_DIGEST])
{
    const X509 *peer = SSL_get0_peer_certificate(s->ssl);

    return peer && X509_digest(peer, EVP_sha256(), out, NULL) == 1;
}

/* The gate goes on under the identity it was told first, so no other may stand behind it;
 * a peer with a new certificate makes a new session. */
static bool same_peer(struct tls_session *s)
{
    uint8_t digest[TLS_REKEY_DIGEST];
    enum tls_failure failure = tls_check_negotiated(s->ssl);
    struct msg_tls_closed m = {.how = TLS_CLOSE_RENEG_FAILED,
                               .failure = (uint16_t)failure};

    if (SSL_version(s->ssl) != s->rekey.version)
        end(s, TLS_CLOSE_RENEG_VERSION, "");
    else if (failure != TLS_FAIL_NONE)
        tls_session_closed(s, &m);
    else if (!peer_digest(s, digest) || memcmp(digest, s->rekey.peer, sizeof digest) != 0)
        end(s, TLS_CLOSE_RENEG_IDENTITY, "");
    return s->state == TLS_OPEN;
}

bool tls_rekey_after_read(struct tls_session *s, bool data)
{
    struct tls_rekey *k = &s->rekey;

    if (k->verdict != 0) {
        end(s, k->verdict, "");
        return false;
    }
    if (k->rules.phase == REKEY_SHAKING && k->finished == FINISHED_BOTH &&
        SSL_is_init_finished(s->ssl)) {
        if (!same_peer(s))
            return false;
        rekey_done(&k->rules, now_ms(s));
        k->asked_again = 0;
        k->untold = TLS_REKEY_RENEGOTIATED;
    }
    k->rules.heard = k->rules.heard || data;
    return true;
}

bool tls_rekey_may_write(const struct tls_session *s)
{
    return s->state != TLS_OPEN || is_13(s) ||
           (!SSL_in_init(s->ssl) &&
            (s->rekey.rules.phase == REKEY_FRESH || s->rekey.written));
}

void tls_rekey_settle(struct tls_session *s)
{
    if (s->state != TLS_OPEN)
        return;
    if (s->rekey.untold != 0)
        tell(s, s->rekey.untold);
    set_timer(s);
}

/* ---- failures ---- */

static const struct {
    int reason;
    enum tls_close how;
    const char *detail;
} reasons[] = {
    {SSL_R_NO_RENEGOTIATION, TLS_CLOSE_NO_RENEG, "it refused"},
    {SSL_R_UNEXPECTED_RECORD, TLS_CLOSE_RENEG_DATA, ""},
    {SSL_R_APP_DATA_IN_HANDSHAKE, TLS_CLOSE_RENEG_DATA, ""},
    {SSL_R_WRONG_SSL_VERSION, TLS_CLOSE_RENEG_VERSION, ""},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_CLOSE_RENEG_VERSION, ""},
    {SSL_R_VERSION_TOO_LOW, TLS_CLOSE_RENEG_VERSION, ""},
};

void tls_rekey_explain(struct tls_session *s, int reason, struct msg_tls_closed *m)
{
    struct tls_rekey *k = &s->rekey;

    if (k->verdict != 0) {
        *m = (struct msg_tls_closed){.how = (uint16_t)k->verdict};
        return;
    }
    if (is_13(s) || k->rules.phase == REKEY_FRESH ||
        (m->how != TLS_CLOSE_ERROR && m->how != TLS_CLOSE_ALERT))
        return;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].reason != reason)
            continue;
        *m = (struct msg_tls_closed){.how = (uint16_t)reasons[i].how};
        (void)snprintf(m->detail, sizeof m->detail, "%s", reasons[i].detail);
        return;
    }
    m->how = TLS_CLOSE_RENEG_FAILED;
}

/* ---- life ---- */

void tls_rekey_init(struct tls_session *s, uint16_t route)
{
    const struct tls_config *c = &s->tls->config;

    loop_timer_init(&s->rekey.timer, timer_expired, s);
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->route[i].index == route)
            s->rekey.answer_s = c->route[i].update_answer_s;
    }
}

void tls_rekey_begin(struct tls_session *s)
{
    struct tls_rekey *k = &s->rekey;
    enum rekey_side side = REKEY_13;

    k->server = SSL_is_server(s->ssl) == 1;
    k->version = SSL_version(s->ssl);
    if (k->version == TLS1_2_VERSION)
        side = k->server ? REKEY_12_SERVER : REKEY_12_CLIENT;
    if (!peer_digest(s, k->peer))
        memset(k->peer, 0, sizeof k->peer);
    rekey_begin(&k->rules, side, &s->tls->config.rekey, k->answer_s, now_ms(s));
    SSL_set_msg_callback(s->ssl, on_message);
    SSL_set_msg_callback_arg(s->ssl, s);
    /* Else a peer that sends key updates without end would keep SSL_read busy. */
    SSL_clear_mode(s->ssl, SSL_MODE_AUTO_RETRY);
    SSL_clear_options(s->ssl, SSL_OP_NO_RENEGOTIATION);
    SSL_set_options(s->ssl, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    if (side != REKEY_13 && !SSL_get_secure_renegotiation_support(s->ssl))
        k->untold = TLS_REKEY_IMPOSSIBLE;
}

void tls_rekey_stop(struct tls_session *s)
{
    loop_timer_stop(&s->tls->child.loop, &s->rekey.timer);
}
