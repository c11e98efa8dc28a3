/* What gate104 remembers about one handshake; between the tls_*.c files alone. */
#ifndef GATE104_CERTS_TLS_NOTE_H
#define GATE104_CERTS_TLS_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "certs/revocation_rule.h"
#include "certs/tls_failure.h"

#define TLS_NOTE_FIRST 5u

struct tls_note {
    unsigned int warnings;
    bool too_stale;   /* if nothing worse is found, a list out of date is why not */
    bool established; /* a session runs: the verdict is on whether it may go on */
    bool etm;         /* the last hello of the peer had encrypt-then-MAC in it */
    bool have_first;
    uint8_t first[TLS_NOTE_FIRST]; /* what stands where a record header should be */
    enum tls_failure failure;      /* verdict on the certificates, or TLS_FAIL_NONE */
    char subject[256];             /* of the certificate that was refused */
    char reason[96];
};

/* Every SSL object has one from its birth; NULL only if memory ran out then. */
struct tls_note *tls_note_of(const SSL *ssl);
/* Makes the SSL objects of this context keep notes, and verify with them. */
bool tls_verify_install(SSL_CTX *ctx, const struct revocation_rule *rule);
/* Verifies the certificates in `store` for a session that runs, as in a handshake; the
 * note then holds the verdict.  `store` is initialised. */
void tls_verify_again(SSL *ssl, X509_STORE_CTX *store);
/* Verifies what is in the initialised `store` as a handshake of `ssl` would.  The note of
 * `ssl` then says why not. */
bool tls_verify_trial(SSL *ssl, X509_STORE_CTX *store);
/* Verifies the certificates in `store`, which is initialised, as in a handshake.  Gives
 * the verdict, and in `detail` which certificate and why. */
enum tls_failure tls_verify_stored(SSL *ssl, X509_STORE_CTX *store, char *detail,
                                   size_t cap);

#endif
