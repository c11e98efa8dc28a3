/* TLS contexts in the profile of IEC 62351-3, from memory.
 *
 * TLS 1.2 and 1.3, mutual authentication always, suites, groups and signature algorithms
 * of a profile (tls_rules.h); no compression, sealed tickets or early data; resumption if
 * wanted (resume.h), and no renegotiation unless its user allows one (proxy/tls_rekey.c).
 *
 * For the tls process, and for whoever checks a configuration.  No files are opened. */
#ifndef GATE104_CERTS_TLS_CONTEXT_H
#define GATE104_CERTS_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "certs/identity.h"
#include "certs/pem.h"
#include "certs/pins.h"
#include "certs/remote_key.h"
#include "certs/resume.h"
#include "certs/revocation_rule.h"
#include "certs/tls_failure.h"
#include "certs/tls_rules.h"

/* IEC 62351-3 clause 6.4.2: a certificate up to this size must be taken; larger ones are
 * refused. */
#define TLS_CERT_OCTETS_MAX 8192
/* Certificates a peer may send. */
#define TLS_CERTS_SENT_MAX 8

struct tls_settings {
    bool server; /* false: client */
    struct tls_rules rules;
    struct tls_pem chain; /* own certificate, then intermediates; the key is elsewhere */
    struct tls_pem ca;    /* trust anchors, several allowed; each must be a CA */
    struct tls_pem crl;   /* optional; one for each CA that issues peer certificates */
    struct revocation_rule revocation;
    const struct pins *pins; /* the certificates that alone may connect, or NULL */
    remote_sign_fn sign;
    void *sign_ctx;
    /* Optional: a second chain for a key of the other type (RSA beside EC), signed for
     * through second_ctx; the peer's offer decides which is shown. */
    struct tls_pem second;
    void *second_ctx;
    /* A server whose rules offer key transport needs it. */
    remote_decrypt_fn decrypt;
    /* A client must say whom it expects: a DNS name or an IP address in the server's
     * certificate.  Ignored for a server. */
    const char *peer_name;
    struct resume_settings resume; /* of a server */
};

/* Once in a process, before anything else of OpenSSL: no configuration file is read. */
bool tls_library_init(void);

/* NULL on error, with a sentence in `err` that says what to change.  Free with
 * SSL_CTX_free; `sign_ctx` must outlive it and its sessions. */
SSL_CTX *tls_context_new(const struct tls_settings *s, char *err, size_t cap);

/* To call after every completed handshake, before the first octet of data: what was
 * negotiated is in the profile, a verified peer certificate is there, TLS 1.2 uses the
 * extended master secret (RFC 7627) and CBC encrypt-then-MAC (RFC 7366), unless the rules
 * have an exception.  TLS_FAIL_NONE, or why the session must end. */
enum tls_failure tls_check_negotiated(const SSL *ssl);

/* Asks why SSL_do_handshake, SSL_read or SSL_write just failed with `ret`; to be called
 * at once, as it reads and empties the OpenSSL error queue of the thread.  `ssl` must
 * come from a context of tls_context.h.  Gives TLS_FAIL_NONE if nothing failed: the call
 * only wants to be repeated (WANT_READ, WANT_WRITE), or the peer ended the session in
 * order. `detail` gets what is known beyond the table, printable ASCII, possibly "": the
 * subject of the refused certificate, the alert the peer sent, the first octets. */
enum tls_failure tls_failure(SSL *ssl, int ret, char *detail, size_t cap);

/* What did not stop a handshake but belongs in the log: a set of IDENTITY_WARN_*. */
unsigned int tls_warnings(const SSL *ssl);
void tls_warn(const SSL *ssl, unsigned int warning);

#endif
