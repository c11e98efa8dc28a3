#include "certs/pem.h"

#include <limits.h>
#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "certs/errtext.h"

void pem_free_certs(STACK_OF(X509) * certs)
{
    sk_X509_pop_free(certs, X509_free);
}

void pem_free_crls(STACK_OF(X509_CRL) * crls)
{
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
}

static BIO *open_text(const struct tls_pem *pem)
{
    if (!pem->data || pem->len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(pem->data, (int)pem->len);
}

/* True if the last read ended because there is no further block. */
static bool at_end(void)
{
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_PEM &&
           ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static void explain(const struct tls_pem *pem, int count, const char *what, char *err,
                    size_t cap)
{
    if (count >= PEM_ITEMS_MAX)
        errtext_set(err, cap, "%s: more than %d blocks; split the file", pem->name,
                    PEM_ITEMS_MAX);
    else if (!pem->data || at_end())
        errtext_set(err, cap, "%s: holds no %s in PEM form", pem->name, what);
    else
        errtext_set(err, cap,
                    "%s: %s number %d cannot be read (%s); store it again in PEM",
                    pem->name, what, count + 1, errtext_openssl());
    ERR_clear_error();
}

/* NULL at the end of the text and on error. */
static X509 *next_cert(BIO *bio)
{
    X509 *cert = X509_new();

    if (cert && PEM_read_bio_X509(bio, &cert, NULL, NULL))
        return cert;
    X509_free(cert);
    return NULL;
}

static X509_CRL *next_crl(BIO *bio)
{
    X509_CRL *crl = X509_CRL_new();

    if (crl && PEM_read_bio_X509_CRL(bio, &crl, NULL, NULL))
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

STACK_OF(X509) * pem_read_certs(const struct tls_pem *pem, char *err, size_t cap)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = open_text(pem);
    X509 *cert = NULL;

    ERR_clear_error();
    while (bio && certs && sk_X509_num(certs) < PEM_ITEMS_MAX) {
        cert = next_cert(bio);
        if (!cert || !sk_X509_push(certs, cert))
            break;
    }
    BIO_free(bio);
    if (sk_X509_num(certs) > 0 && at_end()) {
        ERR_clear_error();
        return certs;
    }
    explain(pem, sk_X509_num(certs), "certificate", err, cap);
    pem_free_certs(certs);
    return NULL;
}

STACK_OF(X509_CRL) * pem_read_crls(const struct tls_pem *pem, char *err, size_t cap)
{
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    BIO *bio = open_text(pem);
    X509_CRL *crl = NULL;

    ERR_clear_error();
    while (bio && crls && sk_X509_CRL_num(crls) < PEM_ITEMS_MAX) {
        crl = next_crl(bio);
        if (!crl || !sk_X509_CRL_push(crls, crl))
            break;
    }
    BIO_free(bio);
    if (sk_X509_CRL_num(crls) > 0 && at_end()) {
        ERR_clear_error();
        return crls;
    }
    explain(pem, sk_X509_CRL_num(crls), "revocation list", err, cap);
    pem_free_crls(crls);
    return NULL;
}

size_t pem_public(const struct tls_pem *chain, uint8_t *der, size_t der_cap, char *err,
                  size_t cap)
{
    STACK_OF(X509) *certs = pem_read_certs(chain, err, cap);
    X509_PUBKEY *pub;
    int n;

    if (!certs)
        return 0;
    pub = X509_get_X509_PUBKEY(sk_X509_value(certs, 0));
    n = i2d_X509_PUBKEY(pub, NULL);
    if (n <= 0 || (size_t)n > der_cap) {
        errtext_set(err, cap, "%s: the public key is too large", chain->name);
        n = 0;
    } else {
        n = i2d_X509_PUBKEY(pub, &der);
    }
    pem_free_certs(certs);
    return (size_t)n;
}
