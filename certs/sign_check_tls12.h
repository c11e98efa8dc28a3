/* The TLS 1.2 half of sign_check.h; called by it alone.  Pure. */
#ifndef GATE104_CERTS_SIGN_CHECK_TLS12_H
#define GATE104_CERTS_SIGN_CHECK_TLS12_H

#include "certs/sign_check.h"

/* Two randoms; prime, generator and public value of ffdhe2048, each with its length. With
 * a curve it is shorter. */
#define SIGN_TLS12_SERVER_MAX (32u + 32u + 2u + 256u + 2u + 1u + 2u + 256u)

/* Client random, server random, and ServerECDHParams (RFC 8422 clause 5.4) or, where
 * `allow` has it, ServerDHParams (RFC 5246 clause 7.4.3) of ffdhe2048.
 * SIGN_TLS12_SERVER or a refusal. */
enum sign_kind sign_check_tls12_server(const uint8_t *tbs, size_t n, unsigned int allow);
/* RFC 5246 clause 7.4.8: every handshake message up to ClientKeyExchange of a full
 * handshake with client authentication, with ECDHE or what `allow` adds.
 * SIGN_TLS12_CLIENT or a refusal. */
enum sign_kind sign_check_tls12_client(const uint8_t *tbs, size_t n, unsigned int allow);

#endif
