/* What an EST server (RFC 7030) is sent and what it answers.  Every octet of an answer is
 * hostile. */
#ifndef GATE104_CERTS_EST_ANSWER_H
#define GATE104_CERTS_EST_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

/* The request in base64 (RFC 7030 clause 4.2.1), NUL-terminated; free with OPENSSL_free.
 * NULL: out of memory. */
char *est_request_text(X509_REQ *req);

/* The certificates of a certs-only answer (RFC 7030 clause 4.1.3): base64 of a PKCS#7
 * SignedData with at least one certificate and nothing behind it.  NULL with a sentence
 * in `err`.  Free with pem_free_certs(). */
STACK_OF(X509) * est_read_certs(const char *body, size_t n, char *err, size_t cap);

/* The certificate of the key `key` (belongs to `certs`), when it is usable: signed, by
 * way of the others in `certs`, by one of the CAs in `anchors` or `more` (may be NULL),
 * and valid at `now`.  NULL with a sentence in `err`. */
X509 *est_pick(STACK_OF(X509) * certs, EVP_PKEY *key, const STACK_OF(X509) * anchors,
               const STACK_OF(X509) * more, time_t now, char *err, size_t cap);

/* `cert` and behind it what of `certs` stands between it and a root, as PEM; NULL: out of
 * memory. */
BIO *est_chain_pem(X509 *cert, const STACK_OF(X509) * certs);

/* True when so many per cent of the certificate's lifetime are over (IEC 62351-9: 70). */
bool est_due(const X509 *cert, int percent, time_t now, time_t *when);

#endif
