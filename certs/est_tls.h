/* The TLS profile of IEC 62351-3 for the way to an enrolment server (IEC 62351-9). */
#ifndef GATE104_CERTS_EST_TLS_H
#define GATE104_CERTS_EST_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct est_tls {
    const STACK_OF(X509) * anchors;  /* nothing else is trusted */
    const STACK_OF(X509_CRL) * crls; /* NULL: revocation is not checked */
    const STACK_OF(X509) * own;      /* certificate and chain, or NULL */
    EVP_PKEY *key;                   /* of the first of own */
};

/* Makes the client's context of a TLS library's user conform.  The server's name is left
 * to that user.  False: the OpenSSL error queue says why. */
bool est_tls_apply(SSL_CTX *ctx, const struct est_tls *s);

#endif
