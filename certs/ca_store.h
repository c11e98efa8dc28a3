/* The folder of a small CA:
 *
 *   ca.crt      its certificate          ca.key   its private key, mode 0600
 *   ca.crl      its last revocation list issued/  a copy of each certificate
 *   index       what it did (ca_index.h)
 *
 * Every function that can fail puts a sentence into `err`. */
#ifndef GATE104_CERTS_CA_STORE_H
#define GATE104_CERTS_CA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>

#include "certs/ca_cert.h"
#include "certs/ca_file.h"
#include "certs/ca_index.h"

#define CA_CRL_DAYS_MAX 3650

struct ca_store {
    char dir[CA_PATH_CAP];
    X509 *cert;
    EVP_PKEY *key;
    struct ca_index *index;
};

/* Makes the folder, which must not be there or be empty, with a first revocation list
 * that is good for crl_days.  It is there complete or not at all. */
bool ca_store_init(const char *dir, const X509_NAME *subject, int rsa_bits, int days,
                   int crl_days, time_t now, char *err, size_t cap);
/* To be closed also when it fails. */
bool ca_store_open(struct ca_store *s, const char *dir, char *err, size_t cap);
void ca_store_close(struct ca_store *s);

/* Issues, writes it down and keeps a copy.  Free with X509_free. */
X509 *ca_store_issue(struct ca_store *s, const struct ca_want *want, EVP_PKEY *key,
                     time_t now, char *err, size_t cap);
/* Writes the revocation down; the list is renewed by ca_store_crl(). */
bool ca_store_revoke(struct ca_store *s, const char *serial, enum ca_reason reason,
                     time_t now, char *err, size_t cap);
/* True if this CA signed the certificate. */
bool ca_store_signed(const struct ca_store *s, X509 *cert);
/* Puts a new revocation list, good for so many days, in place of ca.crl. */
bool ca_store_crl(struct ca_store *s, int days, time_t now, char *err, size_t cap);

/* Upper-case hex; false if it is longer than RFC 5280 allows. */
bool ca_serial_text(const X509 *cert, char serial[CA_SERIAL_CAP]);

#endif
