#include "certs/resume.h"

#include <string.h>

#include <openssl/err.h>

#include "certs/identity.h"
#include "certs/resume_octets.h"
#include "certs/tls_note.h"

/* Ids that are looked up in one handshake: a TLS 1.3 client may name many (RFC 8446
 * clause 4.2.11), and each costs a question. */
#define ASKED_MAX 2u

struct state {
    STACK_OF(X509) * sent; /* with the session that is resumed */
    SSL_SESSION *taken;    /* until the peer is admitted */
    uint32_t seconds;      /* that one may still be used */
    unsigned int asked;
    bool lapsed;
    bool admitted;
    struct resume_session *fresh; /* to be kept once the peer is admitted */
};

/* ---- what belongs to an SSL object, and to a context ---- */

static void fresh_drop(struct state *st)
{
    OPENSSL_clear_free(st->fresh, sizeof *st->fresh);
    st->fresh = NULL;
}

static void state_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                       void *argp)
{
    struct state *st = ptr;

    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    if (!st)
        return;
    sk_X509_pop_free(st->sent, X509_free);
    SSL_SESSION_free(st->taken);
    fresh_drop(st);
    OPENSSL_free(st);
}

static void settings_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                          void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    OPENSSL_free(ptr);
}

static int state_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, state_free);
    return index;
}

static int settings_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, settings_free);
    return index;
}

static struct state *state_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, state_index());
}

static struct state *state_need(SSL *ssl)
{
    struct state *st = state_of(ssl);

    if (st)
        return st;
    st = OPENSSL_zalloc(sizeof *st);
    if (st && SSL_set_ex_data(ssl, state_index(), st) == 1)
        return st;
    OPENSSL_free(st);
    return NULL;
}

static const struct resume_settings *settings_of(const SSL_CTX *ctx)
{
    return SSL_CTX_get_ex_data(ctx, settings_index());
}

/* ---- what libssl calls ---- */

static void keep(const struct resume_settings *set, struct state *st)
{
    set->keeper.put(set->keeper.ctx, st->fresh);
    fresh_drop(st);
}

/* A handshake made a session.  It is kept when the peer is admitted; after that, in a
 * renegotiation, libssl has verified the peer. */
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    const struct resume_settings *set = settings_of(SSL_get_SSL_CTX(ssl));
    struct state *st = state_need(ssl);
    bool resumed = SSL_session_reused(ssl) == 1;

    if (!set || !st)
        return 0;
    fresh_drop(st);
    st->fresh = OPENSSL_zalloc(sizeof *st->fresh);
    if (!st->fresh)
        return 0;
    if (!resume_octets_write(st->fresh, session, resume_peer_chain(ssl))) {
        fresh_drop(st);
        return 0;
    }
    st->fresh->renewed = resumed;
    st->fresh->seconds = resumed ? st->seconds : set->lifetime_s;
    if (st->admitted)
        keep(set, st);
    return 0;
}

static bool is_taken(const struct state *st, const unsigned char *id)
{
    unsigned int n = 0;
    const unsigned char *own = st->taken ? SSL_SESSION_get_id(st->taken, &n) : NULL;

    return n == RESUME_ID_SIZE && memcmp(own, id, n) == 0;
}

static void take(const struct resume_settings *set, struct state *st,
                 const unsigned char *id)
{
    struct resume_session *s = OPENSSL_zalloc(sizeof *s);
    enum resume_found found;

    st->asked++;
    if (!s)
        return;
    memcpy(s->id, id, RESUME_ID_SIZE);
    found = set->keeper.take(set->keeper.ctx, s);
    st->lapsed = st->lapsed || found == RESUME_LAPSED;
    if (found == RESUME_FOUND) {
        sk_X509_pop_free(st->sent, X509_free);
        SSL_SESSION_free(st->taken);
        st->taken = resume_octets_read(s, &st->sent);
        st->seconds = s->seconds;
    }
    OPENSSL_clear_free(s, sizeof *s);
    ERR_clear_error();
}

/* libssl asks twice for the same where it sends a HelloRetryRequest (RFC 8446 clause
 * 4.1.4), but a session that may be used once is given out once. */
static SSL_SESSION *on_get(SSL *ssl, const unsigned char *id, int size, int *copy)
{
    const struct resume_settings *set = settings_of(SSL_get_SSL_CTX(ssl));
    struct state *st = state_need(ssl);

    *copy = 0;
    if (!set || !st || size != (int)RESUME_ID_SIZE || st->admitted)
        return NULL;
    if (!is_taken(st, id) && st->asked < ASKED_MAX)
        take(set, st, id);
    if (!is_taken(st, id) || SSL_SESSION_up_ref(st->taken) != 1)
        return NULL;
    return st->taken;
}

static void forget(const SSL_CTX *ctx, const SSL_SESSION *session)
{
    const struct resume_settings *set = settings_of(ctx);
    unsigned int n = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &n);

    if (set && n == RESUME_ID_SIZE)
        set->keeper.forget(set->keeper.ctx, id);
}

/* After a fatal alert a session must not be resumed (RFC 5246 clause 7.2.2).  A TCP
 * connection that ends without close_notify, which libssl takes for such an error, is no
 * reason (clause 7.2.1): most stations end in no other way. */
static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    if (ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        forget(ctx, session);
}

bool resume_install(SSL_CTX *ctx, const struct resume_settings *s)
{
    unsigned char place[12] = "gate104";
    struct resume_settings *copy;

    if (state_index() < 0 || settings_index() < 0)
        return false;
    if (s->lifetime_s == 0)
        return true;
    memcpy(place + 8, &s->place, sizeof s->place);
    copy = OPENSSL_memdup(s, sizeof *s);
    if (!copy || SSL_CTX_set_ex_data(ctx, settings_index(), copy) != 1) {
        OPENSSL_free(copy);
        return false;
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER |
                                            SSL_SESS_CACHE_NO_INTERNAL |
                                            SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    SSL_CTX_sess_set_get_cb(ctx, on_get);
    SSL_CTX_sess_set_remove_cb(ctx, on_remove);
    (void)SSL_CTX_set_timeout(ctx, (long)s->lifetime_s);
    return SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_session_id_context(ctx, place, sizeof place) == 1;
}

/* ---- after a handshake ---- */

STACK_OF(X509) * resume_peer_chain(const SSL *ssl)
{
    const struct state *st = state_of(ssl);
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);

    return !sent && st && SSL_session_reused(ssl) ? st->sent : sent;
}

static bool set_up(X509_STORE_CTX *store, SSL *ssl, X509 *leaf)
{
    X509_STORE *anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509_VERIFY_PARAM *param;

    if (X509_STORE_CTX_init(store, anchors, leaf, resume_peer_chain(ssl)) != 1 ||
        X509_STORE_CTX_set_default(store, "ssl_client") != 1)
        return false;
    param = X509_STORE_CTX_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
    return X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) == 1;
}

static enum tls_failure validate(SSL *ssl, char *detail, size_t cap)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    enum tls_failure failure = TLS_FAIL_INTERNAL;

    if (leaf && store && set_up(store, ssl, leaf))
        failure = tls_verify_stored(ssl, store, detail, cap);
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return failure;
}

enum tls_failure resume_admit(SSL *ssl, char *detail, size_t cap)
{
    const struct resume_settings *set = settings_of(SSL_get_SSL_CTX(ssl));
    struct state *st = state_of(ssl);
    enum tls_failure failure = TLS_FAIL_NONE;

    if (SSL_session_reused(ssl)) {
        if (!set || !st)
            return TLS_FAIL_PROFILE;
        /* Event 1.5 of IEC 62351-3; libssl makes a full handshake before that. */
        if (SSL_SESSION_get_protocol_version(SSL_get0_session(ssl)) != SSL_version(ssl))
            failure = TLS_FAIL_VERSION;
        else
            failure = validate(ssl, detail, cap);
    }
    if (!st)
        return failure;
    SSL_SESSION_free(st->taken);
    st->taken = NULL;
    st->admitted = failure == TLS_FAIL_NONE;
    if (!st->admitted) {
        forget(SSL_get_SSL_CTX(ssl), SSL_get0_session(ssl));
        fresh_drop(st);
    } else if (st->fresh) {
        keep(set, st);
    }
    return failure;
}

unsigned int resume_flags(const SSL *ssl)
{
    const struct state *st = state_of(ssl);

    if (SSL_session_reused(ssl))
        return IDENTITY_RESUMED;
    return st && st->lapsed ? IDENTITY_WARN_LAPSED : 0;
}
