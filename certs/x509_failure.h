/* From libcrypto's verdict on a certificate to a failure of the table, and so to a
 * security event.  x509_failure.def is the map. */
#ifndef GATE104_CERTS_X509_FAILURE_H
#define GATE104_CERTS_X509_FAILURE_H

#include <openssl/x509_vfy.h>

#include "certs/tls_failure.h"

/* The row of an X509_V_ERR_*; TLS_FAIL_CHAIN if there is none. */
enum tls_failure x509_failure(int error);
/* The same inside a verify callback, where the certificate at fault tells more: which
 * usage is missing, what kind of key is short. */
enum tls_failure x509_failure_at(X509_STORE_CTX *store, int error);

#endif
