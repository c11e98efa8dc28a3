/* Whether the peer of a running session would still be let in: TLS verifies a
 * certificate once, 104 sessions last for months (IEC 62351-3 clause 6.4.4, and what a
 * renegotiation would check, for TLS 1.3 too).  For the tls process. */
#ifndef GATE104_CERTS_REVALIDATE_H
#define GATE104_CERTS_REVALIDATE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "certs/tls_failure.h"

struct revalidation {
    enum tls_failure failure; /* TLS_FAIL_NONE: the session may go on */
    unsigned int warnings;    /* set of IDENTITY_WARN_* */
    char detail[120];         /* printable, which certificate and why; or "" */
};

/* Of the handshake's verdict on: what would only have prevented a session does not end
 * it (a list that is missing or out of date). */
void revalidate_established(SSL *ssl);
/* Makes the session one of `ctx`, whose certificate, anchors and lists count from now on,
 * in a later renegotiation as well.  Between two calls of libssl only, whose state holds
 * no part of the old ones then.  False: out of memory, and nothing changed. */
bool revalidate_move(SSL *ssl, SSL_CTX *ctx);
/* Verifies the certificates the peer sent once more, with the present time. */
void revalidate(SSL *ssl, struct revalidation *out);

#endif
