/* A station with a certificate, whose key is behind the remote-key provider, the content
 * check and the signer's key, as in the real processes; for tests only. */
#ifndef GATE104_TESTS_LIB_TLS_PARTY_H
#define GATE104_TESTS_LIB_TLS_PARTY_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "certs/resume.h"
#include "certs/revocation_rule.h"
#include "certs/sign_check.h"
#include "certs/sign_key.h"
#include "certs/tls_rules.h"
#include "tests/lib/pki.h"

struct tls_party {
    struct sign_key *key;
    struct tls_party *second; /* with the second key, or NULL */
    enum sign_role role;
    bool tls12;          /* the signer allows TLS 1.2 */
    bool mute;           /* the signer gives no signature */
    unsigned int allow;  /* what of TLS 1.2: SIGN_ALLOW_* */
    bool transport;      /* the signer decrypts */
    unsigned int opened; /* times it was asked to decrypt */
    unsigned int asked;  /* times the signer was asked */
    enum sign_kind last; /* what it found the last time */
    uint16_t scheme;     /* asked for the last time */
    size_t content;      /* octets of content, the last time */
    SSL_CTX *ctx;
};

/* What a party is made of.  `ca` may hold several; `crl` may be NULL. */
struct tls_party_want {
    bool server;
    struct tls_rules rules;
    const struct pki_cert *own;
    const struct pki_cert *second; /* of the other key type, or NULL */
    const struct pki_cert *own_ca; /* sent behind the own certificate, or NULL */
    X509 *const *ca;
    size_t ca_count;
    X509_CRL *crl;
    struct revocation_rule revocation;
    const char *peer_name;
    struct resume_settings resume;
};

/* False, with a sentence in `err`, if the context is refused. */
bool tls_party_try(struct tls_party *p, const struct tls_party_want *want, char *err,
                   size_t cap);
/* Ends the test program if the context is refused. */
void tls_party_open(struct tls_party *p, const struct tls_party_want *want);
void tls_party_close(struct tls_party *p);

#endif
