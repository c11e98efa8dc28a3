/* The TLS 1.2 half of sign_check.h; called by it alone.  Pure. */
#ifndef GATE104_CERTS_SIGN_CHECK_TLS12_H
#define GATE104_CERTS_SIGN_CHECK_TLS12_H

#include "certs/sign_check.h"

/* Two randoms, curve type, named curve, point length, the point of secp384r1. */
#define SIGN_TLS12_SERVER_MAX (32u + 32u + 1u + 2u + 1u + 97u)

/* RFC 8422 clause 5.4: client random, server random, ServerECDHParams.
 * SIGN_TLS12_SERVER or a refusal. */
enum sign_kind sign_check_tls12_server(const uint8_t *tbs, size_t n);
/* RFC 5246 clause 7.4.8: every handshake message up to ClientKeyExchange of a full
 * ECDHE handshake with client authentication.  SIGN_TLS12_CLIENT or a refusal. */
enum sign_kind sign_check_tls12_client(const uint8_t *tbs, size_t n);

#endif
