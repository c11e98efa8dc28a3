/* Revocation lists out of the index of a CA. */
#ifndef GATE104_CERTS_CA_CRL_H
#define GATE104_CERTS_CA_CRL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "certs/ca_index.h"

/* A list of version 2 with authority key identifier and list number, and a reason for
 * each entry that has one (RFC 5280 clause 5).  NULL with a sentence in `err`. */
X509_CRL *ca_crl_make(const struct ca_index *index, X509 *ca, EVP_PKEY *key,
                      uint64_t number, time_t now, time_t next, char *err, size_t cap);

#endif
