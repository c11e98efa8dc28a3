/* Certificates and requests for them, with the content IEC 62351-9 asks for: version 3,
 * random serial number of 128 bits, subject and authority key identifiers, basic
 * constraints and key usage (both critical), extended key usage for TLS, alternative
 * names, and the roles of IEC 62351-8. */
#ifndef GATE104_CERTS_CA_CERT_H
#define GATE104_CERTS_CA_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs/user_roles.h"

#define CA_USE_SERVER 1u
#define CA_USE_CLIENT 2u
#define CA_DAYS_MAX   36500

struct ca_want {
    const X509_NAME *subject;
    const GENERAL_NAMES *names; /* NULL or empty: none; a server needs one */
    unsigned int use;           /* CA_USE_*, at least one */
    int days;                   /* 1..CA_DAYS_MAX */
    const char *crl_url;        /* http://...; NULL: none */
    struct user_roles roles;    /* count 0: none */
};

/* NULL with a sentence in `err`, each.  `now` in seconds since 1970. */

/* A certificate that signs itself, for a CA that issues to end entities only. */
X509 *ca_cert_root(const X509_NAME *subject, EVP_PKEY *key, int days, time_t now,
                   char *err, size_t cap);
/* A certificate over the public half of `key`, signed by the CA. */
X509 *ca_cert_issue(const struct ca_want *want, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key,
                    time_t now, char *err, size_t cap);
/* A request that asks for the names; `names` may be NULL. */
X509_REQ *ca_request_make(const X509_NAME *subject, const GENERAL_NAMES *names,
                          EVP_PKEY *key, char *err, size_t cap);
/* Out of PEM text; its signature is checked, so whoever made it holds the key. */
X509_REQ *ca_request_read(const char *name, const char *text, size_t n, char *err,
                          size_t cap);
/* The alternative names a request asks for; NULL: none.  Free with GENERAL_NAMES_free. */
GENERAL_NAMES *ca_request_names(const X509_REQ *req);

/* PEM text; free with BIO_free. */
BIO *ca_cert_pem(X509 *cert);
BIO *ca_request_pem(X509_REQ *req);

#endif
