/* Rules of the profile for the certificates of a peer that libcrypto does not know. */
#ifndef GATE104_CERTS_CERT_RULES_H
#define GATE104_CERTS_CERT_RULES_H

#include <openssl/x509.h>

#include "certs/tls_failure.h"

/* Looks at a chain that libcrypto found good, leaf first: RSA keys have 2048 bits,
 * curves are P-256 or larger (IEC 62351-9); the leaf may
 * sign handshakes.  Gives TLS_FAIL_NONE, or what is wrong with `*at`, and in words
 * `*reason`. */
enum tls_failure cert_rules(const STACK_OF(X509) * chain, X509 **at, const char **reason);

#endif
