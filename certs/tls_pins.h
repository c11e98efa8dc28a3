/* The list of certificates of a TLS context. */
#ifndef GATE104_CERTS_TLS_PINS_H
#define GATE104_CERTS_TLS_PINS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "certs/pins.h"

/* Gives the context a copy of its list; NULL or an empty one for none.  Once. */
bool tls_pins_install(SSL_CTX *ctx, const struct pins *pins);
/* Whether the peer's own certificate is on the list of its context, or there is none. */
bool tls_pins_admit(const SSL *ssl, const X509 *leaf);

#endif
