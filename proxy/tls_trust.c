/* Certificates, anchors and revocation lists that change while sessions run: new sessions
 * get the new ones, the peers of running ones are verified again, at once and from time
 * to time (IEC 62351-3 clause 6.4.4). */
#include "proxy/tls.h"

#include "certs/revalidate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- running sessions ---- */

/* A session that began without the right to command, because its CA's list was out of
 * date, gets it with the first good list; none that has it loses it (clause 6.4.4). */
static uint16_t warnings_now(const struct tls_session *s, unsigned int found)
{
    if (s->warned & IDENTITY_WARN_MONITOR_ONLY && found & IDENTITY_WARN_CRL_STALE)
        found |= IDENTITY_WARN_MONITOR_ONLY;
    return (uint16_t)found;
}

/* A channel without room is no loss: the next time tells. */
static void tell_warnings(struct tls_session *s, uint16_t warnings)
{
    struct msg_tls_warnings m = {.warnings = warnings};

    if (warnings != s->warned &&
        imsg_send(&s->gate, MSG_TLS_WARNINGS, &m, sizeof m, NULL, 0) == IMSG_OK)
        s->warned = warnings;
}

void tls_trust_end(struct tls_session *s, enum tls_failure failure, const char *detail)
{
    struct msg_tls_closed m = {.how = TLS_CLOSE_UNTRUSTED, .failure = (uint16_t)failure};

    if (failure == TLS_FAIL_REVOKED)
        m.how = TLS_CLOSE_REVOKED;
    if (failure == TLS_FAIL_EXPIRED)
        m.how = TLS_CLOSE_EXPIRED;
    (void)snprintf(m.detail, sizeof m.detail, "%s", detail);
    tls_session_closed(s, &m);
}

/* False: the session was ended. */
static bool revalidate_session(struct tls_session *s)
{
    struct revalidation found;

    revalidate(s->ssl, &found);
    if (found.failure == TLS_FAIL_NONE) {
        tell_warnings(s, warnings_now(s, found.warnings));
        return true;
    }
    tls_trust_end(s, found.failure, found.detail);
    return false;
}

static void revalidate_all(struct tls *t)
{
    /* Sessions that end stay in the list until the end of the round. */
    for (struct tls_session *s = t->sessions; s; s = s->next) {
        if (s->state == TLS_OPEN && revalidate_session(s))
            tls_ocsp_recheck(s);
    }
}

static void revalidate_due(void *ctx)
{
    struct tls *t = ctx;

    revalidate_all(t);
    (void)loop_timer_set(&t->child.loop, &t->revalidate,
                         (uint64_t)t->config.revalidate_s * 1000u);
}

SSL_CTX **tls_trust_contexts(struct tls *t, const struct tls_config *c, char *err,
                             size_t cap)
{
    struct tls_signers signers = {tls_sign, tls_decrypt, &t->key, &t->second_key,
                                  tls_resume_keeper(t)};

    return tls_contexts_make(c, &signers, err, cap);
}

void tls_trust_keys(struct tls *t)
{
    t->key = (struct tls_key){t, t->config.key};
    t->second_key = (struct tls_key){t, t->config.second_key};
}

void tls_trust_init(struct tls *t)
{
    loop_timer_init(&t->revalidate, revalidate_due, t);
    (void)loop_timer_set(&t->child.loop, &t->revalidate,
                         (uint64_t)t->config.revalidate_s * 1000u);
}

SSL_CTX *tls_trust_context(const struct tls *t, uint16_t route)
{
    for (size_t i = 0; i < t->config.route_count; i++) {
        if (t->config.route[i].index == route)
            return t->ctx[i];
    }
    return NULL;
}

bool tls_trust_admit(struct tls_session *s)
{
    SSL_CTX *ctx = tls_trust_context(s->tls, s->route);
    bool same = SSL_get_SSL_CTX(s->ssl) == ctx;

    revalidate_established(s->ssl);
    return same || (revalidate_move(s->ssl, ctx) && revalidate_session(s));
}

/* ---- new material ---- */

static void use_signer(struct tls *t)
{
    if (t->signer.fd >= 0 && t->signer.peer_id == t->config.signer)
        return;
    imsg_channel_close(&t->signer);
    if (t->signer_next.fd < 0 || t->signer_next.peer_id != t->config.signer)
        return;
    t->signer = t->signer_next;
    t->signer_next.fd = -1;
}

void tls_trust_signer(struct tls *t, uint32_t id, int fd)
{
    struct imsg_channel *ch = id == t->config.signer ? &t->signer : &t->signer_next;

    imsg_channel_close(ch);
    imsg_channel_init(ch, fd, ROLE_TLS, ROLE_SIGNER, id, PHASE_RUN);
}

/* What was kept of peers that the old material let in must not let anybody in now: the
 * one place where that is thrown away. */
static void forget_what_old_trust_allowed(struct tls *t)
{
    for (size_t i = 0; i < t->config.route_count; i++)
        SSL_CTX_flush_sessions(t->ctx[i], 0);
}

/* Also sessions in their handshake change over: a handshake sends its certificate and the
 * signature over it in one call of libssl, so between two calls it has done both, or
 * neither.  (With RSA key transport the client's secret comes later: that handshake
 * fails, and the client tries again.)  What it verified before is verified again when it
 * is complete. */
static bool move_sessions(struct tls *t)
{
    bool all = true;

    for (struct tls_session *s = t->sessions; s; s = s->next) {
        SSL_CTX *ctx = tls_trust_context(t, s->route);

        if ((s->state != TLS_OPEN && s->state != TLS_HANDSHAKE) ||
            revalidate_move(s->ssl, ctx))
            continue;
        child_log(&t->child, "session %llu keeps its certificates: out of memory",
                  (unsigned long long)s->id);
        all = false;
    }
    return all;
}

/* The sessions that began with a context keep it to their end, and with it would keep
 * lists that may be large. */
static void empty_stores(SSL_CTX **ctx, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        X509_STORE *empty = X509_STORE_new();

        if (empty)
            SSL_CTX_set_cert_store(ctx[i], empty);
    }
}

static bool same_routes(const struct tls_config *a, const struct tls_config *b)
{
    if (a->group != b->group || a->key != b->key || a->route_count != b->route_count)
        return false;
    for (size_t i = 0; i < a->route_count; i++) {
        if (a->route[i].index != b->route[i].index ||
            a->route[i].mode != b->route[i].mode)
            return false;
    }
    return true;
}

/* Takes the configuration over. */
static void apply(struct tls *t, struct tls_config *c)
{
    char err[600];
    SSL_CTX **ctx = tls_trust_contexts(t, c, err, sizeof err);
    SSL_CTX **old = t->ctx;

    if (!ctx) {
        child_log(&t->child, "ALARM: the new certificates are not used: %s", err);
        tls_config_free(c);
        return;
    }
    forget_what_old_trust_allowed(t);
    tls_config_free(&t->config);
    t->config = *c;
    t->ctx = ctx;
    use_signer(t);
    tls_trust_keys(t);
    tls_ocsp_contexts(t);
    if (move_sessions(t))
        empty_stores(old, c->route_count);
    tls_contexts_free(old, c);
    revalidate_due(t);
}

enum imsg_status tls_trust_message(struct child *child, struct imsg *m)
{
    struct tls *t = (struct tls *)child;
    enum collect_status status = collect_take(&t->update, m);
    struct tls_config c;

    if (status == COLLECT_BAD)
        return imsg_reject(&child->control, m);
    if (status == COLLECT_NO_ROOM && t->update.have == 0)
        child_log(child, "ALARM: the new certificates are not used: out of memory");
    if (status != COLLECT_DONE)
        return IMSG_OK;
    if (!tls_config_decode(t->update.buf, t->update.size, &c)) {
        collect_reset(&t->update);
        return imsg_reject(&child->control, m);
    }
    collect_reset(&t->update);
    if (!same_routes(&t->config, &c)) {
        tls_config_free(&c);
        return imsg_reject(&child->control, m);
    }
    apply(t, &c);
    return IMSG_OK;
}
