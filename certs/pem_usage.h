/* What the first certificate of a text may be used for.  libcrypto only. */
#ifndef GATE104_CERTS_PEM_USAGE_H
#define GATE104_CERTS_PEM_USAGE_H

#include <stdbool.h>

#include "certs/pem.h"

/* Its key is RSA.  False for what cannot be read, too. */
bool pem_is_rsa(const struct tls_pem *chain);
/* It has no key usage extension, or one with keyEncipherment (RFC 5280 clause 4.2.1.3).
 */
bool pem_may_encipher(const struct tls_pem *chain);

#endif
