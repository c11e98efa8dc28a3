/* Suites, groups and signature algorithms of the profiles; between the tls_*.c files
 * alone. */
#ifndef GATE104_CERTS_TLS_PROFILE_H
#define GATE104_CERTS_TLS_PROFILE_H

#include <openssl/ssl.h>

#include "certs/tls_failure.h"
#include "certs/tls_rules.h"

/* Versions, suites, groups, signature algorithms and the finite-field group of a context,
 * which remembers the rules. */
bool tls_profile_set(SSL_CTX *ctx, const struct tls_rules *rules);
/* Was negotiated what the rules of the context allow?  For a completed handshake. */
enum tls_failure tls_profile_check(const SSL *ssl);
/* The secret of the session was encrypted to the server's RSA key: no forward secrecy. */
bool tls_profile_is_transport(const SSL *ssl);

#endif
