/* The TLS signature schemes gate104 can make (RFC 8446 clause 4.2.3).
 *
 * One table for the process that asks for a signature and the one that makes it.  Pure:
 * no OpenSSL, no allocation, callable from any process. */
#ifndef GATE104_CERTS_SIGN_SCHEME_H
#define GATE104_CERTS_SIGN_SCHEME_H

#include <stdint.h>

/* Room for the largest signature: RSA-8192. */
#define SIGN_SIGNATURE_MAX 1024u

enum sign_family { SIGN_ECDSA, SIGN_RSA_PSS, SIGN_RSA_PKCS1 };

struct sign_scheme {
    uint16_t code; /* SignatureScheme code point */
    enum sign_family family;
    const char *name;   /* as RFC 8446 spells it */
    const char *digest; /* OpenSSL's short name */
    const char
        *curve; /* OpenSSL's group name; what TLS 1.3 ties the scheme to, or NULL */
};

/* The row of a code point, or NULL if gate104 does not make such signatures. */
const struct sign_scheme *sign_scheme_find(uint16_t code);
/* The row of a family and a digest ("SHA256", "SHA2-256", any case), or NULL. */
const struct sign_scheme *sign_scheme_match(enum sign_family family, const char *digest);

#endif
