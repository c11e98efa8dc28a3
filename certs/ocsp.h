/* The status of a certificate by OCSP (RFC 6960): the request's octets, and what an
 * answer is worth.  No network here; for the tls process.  libcrypto, and libssl for
 * stapling. */
#ifndef GATE104_CERTS_OCSP_H
#define GATE104_CERTS_OCSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

/* What an answer says; anything after OCSP_REVOKED is as good as no answer. */
enum ocsp_status {
    OCSP_GOOD,
    OCSP_REVOKED,
    OCSP_UNKNOWN, /* the responder does not know the certificate */
    OCSP_SILENT,  /* no answer, or one that declines ("tryLater") */
    OCSP_EXPIRED, /* past its nextUpdate, or older than allowed, or not yet valid */
    OCSP_FORGED,  /* not signed by the issuer or by whom the issuer named for it */
    OCSP_OTHER,   /* about another certificate */
    OCSP_GARBAGE, /* not an OCSP answer */
    OCSP_STATUS_COUNT,
};

/* In words: "revoked", "no answer", ... */
const char *ocsp_status_text(enum ocsp_status status);

/* A certificate and its issuer; both belong to whoever holds this. */
struct ocsp_subject {
    X509 *cert;
    X509 *issuer;
};

/* The peer of a completed handshake.  False if it has no certificate whose issuer is
 * known. Free with ocsp_subject_free(). */
bool ocsp_subject_peer(const SSL *ssl, struct ocsp_subject *s);
/* Our own certificate in a context. */
bool ocsp_subject_own(SSL_CTX *ctx, struct ocsp_subject *s);
void ocsp_subject_free(struct ocsp_subject *s);

/* The request in DER: its size, or 0 if it does not fit.  Without a nonce, so that
 * responders may sign ahead (RFC 5019); what guards against replay is ocsp_judge()'s
 * `max_age_s`. */
size_t ocsp_request(const struct ocsp_subject *s, uint8_t *der, size_t cap);
/* What the `n` octets say about the certificate at the time `now` (seconds since 1970).
 * The signature must be the issuer's, or of a certificate that the issuer made for OCSP
 * (RFC 6960 clause 4.2.2.2), and not by SHA-1 or older.  `detail` gets the reason of a
 * revocation or the fault, printable, possibly "".  `until`, if not NULL, gets the time
 * after which the answer counts no more. */
enum ocsp_status ocsp_judge(const struct ocsp_subject *s, const uint8_t *der, size_t n,
                            time_t now, uint32_t max_age_s, time_t *until, char *detail,
                            size_t cap);

/* ---- stapling (RFC 6066 clause 8, RFC 8446 clause 4.4.2.1) ---- */

/* An answer about ourselves, to be given to peers that ask; `size` 0: there is none.  It
 * is not given after `until`. */
struct ocsp_staple {
    const X509 *about; /* only where this is the certificate that is shown */
    uint8_t *der;
    size_t size;
    time_t until; /* seconds since 1970 */
};

/* Makes a server's context give `staple`, as it then is, to who asks for it. */
void ocsp_staple_serve(SSL_CTX *ctx, struct ocsp_staple *staple);
/* Makes a client ask the server for its staple. */
void ocsp_staple_want(SSL *ssl);
/* What the server gave; NULL: nothing. */
const uint8_t *ocsp_staple_got(SSL *ssl, size_t *n);

#endif
