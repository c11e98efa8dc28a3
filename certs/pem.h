/* Certificates and revocation lists out of PEM text in memory.  libcrypto only. */
#ifndef GATE104_CERTS_PEM_H
#define GATE104_CERTS_PEM_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

/* Blocks taken from one text. */
#define PEM_ITEMS_MAX 64

/* PEM text, and how to call it in an error (its file name).  `data` NULL: there is none.
 */
struct tls_pem {
    const char *name;
    const void *data;
    size_t len;
};

/* All certificates of a text, at least one; text between the blocks is skipped.  NULL on
 * error, with a sentence in `err`.  Free with pem_free_certs(). */
STACK_OF(X509) * pem_read_certs(const struct tls_pem *pem, char *err, size_t cap);
/* All revocation lists of a text, at least one.  Free with pem_free_crls(). */
STACK_OF(X509_CRL) * pem_read_crls(const struct tls_pem *pem, char *err, size_t cap);
void pem_free_certs(STACK_OF(X509) * certs);
void pem_free_crls(STACK_OF(X509_CRL) * crls);

/* The public key of the first certificate, as SubjectPublicKeyInfo in DER, to be compared
 * with that of a private key (sign_key_public).  Its length, or 0 with a sentence in
 * `err`. */
size_t pem_public(const struct tls_pem *chain, uint8_t *der, size_t der_cap, char *err,
                  size_t cap);

#endif
