/* Two stations under one CA, strangers, and what to expect of them; for tests only. */
#ifndef GATE104_TESTS_LIB_TLS_STAGE_H
#define GATE104_TESTS_LIB_TLS_STAGE_H

#include <openssl/ssl.h>

#include "tests/lib/pki.h"
#include "tests/lib/tls_pair.h"
#include "tests/lib/tls_party.h"

/* The name in the certificate of stage.rtu. */
#define STAGE_NAME "rtu.example"

struct tls_stage {
    struct pki_cert ca;
    struct pki_cert other_ca;
    struct pki_cert rtu;
    struct pki_cert master;
    struct tls_party server; /* with rtu, trusts ca */
    struct tls_party client; /* with master, trusts ca, expects STAGE_NAME */
};

extern struct tls_stage stage;

/* Group set-up and tear-down of cmocka. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* What stage.server and stage.client are made of. */
struct tls_party_want stage_want_server(void);
struct tls_party_want stage_want_client(void);

/* A peer that is not ours: OpenSSL's defaults, no checks of its own, no certificate if
 * `own` is NULL. */
SSL_CTX *stage_stranger(bool is_server, const struct pki_cert *own);

/* Fails the test unless `end` failed so, with `detail` (if not NULL) in its detail. */
void stage_expect(const struct tls_end *end, enum tls_failure failure,
                  const char *detail);
/* Our server must refuse that client, in both versions; and the other way round. */
void stage_server_refuses(SSL_CTX *ours, SSL_CTX *theirs, enum tls_failure failure,
                          const char *detail);
void stage_client_refuses(SSL_CTX *ours, SSL_CTX *theirs, enum tls_failure failure,
                          const char *detail);
/* The handshake must succeed.  Gives the server's warnings. */
unsigned int stage_both_accept(SSL_CTX *s, SSL_CTX *c, int version);

#endif
