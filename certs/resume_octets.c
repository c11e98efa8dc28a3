#include "certs/resume_octets.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "certs/tls_context.h"
#include "sandbox/messages.h"
#include "sandbox/wire.h"

/* u8 number of certificates beside the first; for each a u16 length and its DER; the rest
 * is what i2d_SSL_SESSION gives. */

_Static_assert(RESUME_OCTETS_MAX == SESSION_OCTETS_MAX, "fits its message");
_Static_assert(RESUME_ID_SIZE == SESSION_ID_SIZE, "fits its message");

static void put_cert(struct wire_writer *w, X509 *cert)
{
    int n = i2d_X509(cert, NULL);
    unsigned char *p = w->buf + w->len + 2;

    if (n <= 0 || (size_t)n + 2 > w->cap - w->len) {
        w->bad = true;
        return;
    }
    wire_put_u16(w, (uint16_t)n);
    (void)i2d_X509(cert, &p);
    w->len += (size_t)n;
}

bool resume_octets_write(struct resume_session *s, SSL_SESSION *session,
                         STACK_OF(X509) * sent)
{
    X509 *leaf = SSL_SESSION_get0_peer(session);
    unsigned int id_size = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_size);
    int count = sk_X509_num(sent); /* -1: none */
    int n = i2d_SSL_SESSION(session, NULL);
    struct wire_writer w;
    unsigned char *p;
    int first;

    if (!leaf || id_size != RESUME_ID_SIZE || n <= 0 || count > TLS_CERTS_SENT_MAX)
        return false;
    memcpy(s->id, id, RESUME_ID_SIZE);
    s->once = SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
    /* A full handshake's begin with the leaf, a resumed session's do not. */
    first = count > 0 && X509_cmp(sk_X509_value(sent, 0), leaf) == 0 ? 1 : 0;
    wire_writer_init(&w, s->octets, sizeof s->octets);
    wire_put_u8(&w, (uint8_t)(count > first ? count - first : 0));
    for (int i = first; i < count && !w.bad; i++)
        put_cert(&w, sk_X509_value(sent, i));
    if (w.bad || (size_t)n > w.cap - w.len)
        return false;
    p = s->octets + w.len;
    s->size = w.len + (size_t)n;
    return i2d_SSL_SESSION(session, &p) == n;
}

static STACK_OF(X509) * get_certs(struct wire_reader *r)
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    unsigned int count = wire_get_u8(r);

    if (count > TLS_CERTS_SENT_MAX)
        r->bad = true;
    for (unsigned int i = 0; sent && i < count && !r->bad; i++) {
        size_t n;
        const unsigned char *p = wire_get_blob(r, &n);
        const unsigned char *end = p ? p + n : NULL;
        X509 *cert = p ? d2i_X509(NULL, &p, (long)n) : NULL;

        if (cert && p == end && sk_X509_push(sent, cert) > 0)
            continue;
        X509_free(cert);
        r->bad = true;
    }
    return sent;
}

static bool is_session_of(const SSL_SESSION *session, const uint8_t *id)
{
    unsigned int n = 0;
    const unsigned char *own = SSL_SESSION_get_id(session, &n);

    return n == RESUME_ID_SIZE && memcmp(own, id, n) == 0 &&
           SSL_SESSION_get0_peer((SSL_SESSION *)session) != NULL;
}

SSL_SESSION *resume_octets_read(const struct resume_session *s, STACK_OF(X509) * *sent)
{
    struct wire_reader r;
    const unsigned char *p;
    SSL_SESSION *session = NULL;

    wire_reader_init(&r, s->octets, s->size);
    *sent = get_certs(&r);
    if (*sent && !r.bad) {
        p = r.buf + r.pos;
        session = d2i_SSL_SESSION(NULL, &p, (long)(r.len - r.pos));
        if (session && p == r.buf + r.len && is_session_of(session, s->id)) {
            /* Its time is the keeper's business, by a clock that nobody sets. */
            (void)SSL_SESSION_set_time(session, (long)time(NULL));
            (void)SSL_SESSION_set_timeout(session, (long)s->seconds);
            return session;
        }
    }
    SSL_SESSION_free(session);
    sk_X509_pop_free(*sent, X509_free);
    *sent = NULL;
    ERR_clear_error();
    return NULL;
}
