/* Is this the content of a TLS handshake signature, and of which?
 *
 * The signer holds the private key and answers a process that may have been taken over.
 * It signs nothing but what the two sides of a handshake sign:
 *   TLS 1.3 CertificateVerify           RFC 8446 clause 4.4.3
 *   TLS 1.2 ServerKeyExchange (ECDHE)   RFC 8422 clause 5.4
 *   TLS 1.2 ServerKeyExchange (DHE)     RFC 5246 clause 7.4.3
 *   TLS 1.2 client CertificateVerify    RFC 5246 clause 7.4.8, over the messages of 7.3
 * No content is good in two ways: TLS 1.3 content starts with 64 spaces, after which
 * ServerKeyExchange would need an octet below 4 where "TLS 1.3" stands.  What is good as
 * ServerKeyExchange is never taken for a client's messages.
 *
 * Pure: no OpenSSL, no I/O, no allocation, callable from any process. */
#ifndef GATE104_CERTS_SIGN_CHECK_H
#define GATE104_CERTS_SIGN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of content a signer takes.  A TLS 1.2 client signs all messages of the handshake
 * so far, with the certificates of both sides in them. */
#define SIGN_CONTENT_MAX 32768u

enum sign_kind {
#define X(symbol, id, name, text) symbol = (id),
#include "certs/sign_kind.def"
#undef X
};

/* The sides of a handshake that a key may serve. */
enum sign_role { SIGN_ROLE_SERVER = 1, SIGN_ROLE_CLIENT = 2, SIGN_ROLE_BOTH = 3 };

/* What of TLS 1.2 may be signed: a set. */
#define SIGN_ALLOW_TLS12     1u /* with ECDHE */
#define SIGN_ALLOW_DHE       2u /* with finite-field groups, too */
#define SIGN_ALLOW_TRANSPORT 4u /* and after RSA key transport, as client */

/* Judges the `n` octets at `tbs` (not a digest of them) that are to be signed with the
 * SignatureScheme code point `scheme`.  Gives the kind of content, or a refusal. */
enum sign_kind sign_check(const uint8_t *tbs, size_t n, uint16_t scheme,
                          enum sign_role role, unsigned int allow);

/* True if content of this kind may be signed. */
bool sign_kind_good(enum sign_kind kind);
/* Short stable name ("tls13-server", "context"), or "unknown". */
const char *sign_kind_name(unsigned int kind);
/* A phrase for people, or "unknown". */
const char *sign_kind_text(unsigned int kind);

#endif
