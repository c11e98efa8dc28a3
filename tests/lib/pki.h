/* A PKI in memory, for tests only.  Every function ends the test program on failure. */
#ifndef GATE104_TESTS_LIB_PKI_H
#define GATE104_TESTS_LIB_PKI_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum pki_type { PKI_P256, PKI_P384, PKI_RSA2048, PKI_RSA1024, PKI_TYPES };

#define PKI_DAY 86400L

/* What to issue; zero is a plain end-entity certificate, valid from a day ago for a year.
 */
struct pki_want {
    const char *cn;
    const char *san; /* as in openssl.cnf: "DNS:rtu7.example,IP:10.0.0.1", or NULL */
    const char *eku; /* "serverAuth", "clientAuth", both with a comma, or NULL */
    long serial;     /* 0: 1000 */
    long from;       /* seconds from now; 0: a day ago */
    long to;         /* seconds from now; 0: in a year */
    bool ca;
    size_t ballast; /* octets of a private extension, to make it large */
};

struct pki_cert {
    EVP_PKEY *key;
    X509 *cert;
};

/* A fresh key; RSA keys are made once for each type and shared. */
EVP_PKEY *pki_key(enum pki_type type);
/* Issued by `by`, self-signed if that is NULL. */
struct pki_cert pki_issue(const struct pki_cert *by, enum pki_type type,
                          const struct pki_want *want);
void pki_free(struct pki_cert *c);
/* A CRL over the serials, with nextUpdate `next` seconds from now. */
X509_CRL *pki_crl(const struct pki_cert *by, const long *serials, size_t n, long next);

/* PEM text, NUL-terminated; free() it. */
char *pki_pem_certs(X509 *const *certs, size_t n);
char *pki_pem_crl(X509_CRL *crl);
char *pki_pem_key(EVP_PKEY *key);

#endif
