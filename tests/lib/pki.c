#include "tests/lib/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define MUST(call) must((call), #call)

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "pki: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(99);
}

static EVP_PKEY *key_make(enum pki_type type)
{
    switch (type) {
    case PKI_P256: return EVP_EC_gen("P-256");
    case PKI_P384: return EVP_EC_gen("P-384");
    case PKI_RSA2048: return EVP_RSA_gen(2048);
    case PKI_RSA1024: return EVP_RSA_gen(1024);
    case PKI_TYPES: break;
    }
    return NULL;
}

EVP_PKEY *pki_key(enum pki_type type)
{
    static EVP_PKEY *cached[PKI_TYPES];
    EVP_PKEY *key = cached[type];

    if (!key) {
        key = key_make(type);
        MUST(key != NULL);
    }
    if (type == PKI_RSA2048 || type == PKI_RSA1024) {
        cached[type] = key;
        MUST(EVP_PKEY_up_ref(key));
    }
    return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(ext != NULL);
    MUST(X509_add_ext(cert, ext, -1));
    X509_EXTENSION_free(ext);
}

static void add_ballast(X509 *cert, size_t n)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    unsigned char *data = calloc(1, n);
    X509_EXTENSION *ext;

    MUST(oid && octets && data);
    MUST(ASN1_OCTET_STRING_set(octets, data, (int)n));
    ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets);
    MUST(ext && X509_add_ext(cert, ext, -1));
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
    free(data);
}

static void add_extensions(X509 *cert, X509 *issuer, const struct pki_want *want)
{
    add_extension(cert, issuer, NID_basic_constraints,
                  want->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(cert, issuer, NID_key_usage,
                  want->ca ? "critical,keyCertSign,cRLSign"
                           : "critical,digitalSignature");
    if (want->eku)
        add_extension(cert, issuer, NID_ext_key_usage, want->eku);
    if (want->san)
        add_extension(cert, issuer, NID_subject_alt_name, want->san);
    if (want->ballast)
        add_ballast(cert, want->ballast);
}

struct pki_cert pki_issue(const struct pki_cert *by, enum pki_type type,
                          const struct pki_want *want)
{
    struct pki_cert c = {pki_key(type), X509_new()};
    X509 *issuer = by ? by->cert : c.cert;
    X509_NAME *name;

    MUST(c.cert && X509_set_version(c.cert, X509_VERSION_3));
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(c.cert),
                          want->serial ? want->serial : 1000));
    MUST(X509_gmtime_adj(X509_getm_notBefore(c.cert),
                         want->from ? want->from : -PKI_DAY) != NULL);
    MUST(X509_gmtime_adj(X509_getm_notAfter(c.cert),
                         want->to ? want->to : 365 * PKI_DAY) != NULL);
    name = X509_get_subject_name(c.cert);
    MUST(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                    (const unsigned char *)"Lab", -1, -1, 0));
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)want->cn, -1, -1, 0));
    MUST(X509_set_issuer_name(c.cert, X509_get_subject_name(issuer)));
    MUST(X509_set_pubkey(c.cert, c.key));
    add_extensions(c.cert, issuer, want);
    MUST(X509_sign(c.cert, by ? by->key : c.key, EVP_sha256()) > 0);
    return c;
}

void pki_free(struct pki_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    c->cert = NULL;
    c->key = NULL;
}

static void crl_revoke(X509_CRL *crl, long serial, ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

    MUST(entry && number && reason && ASN1_INTEGER_set(number, serial));
    MUST(X509_REVOKED_set_serialNumber(entry, number));
    MUST(X509_REVOKED_set_revocationDate(entry, when));
    MUST(ASN1_ENUMERATED_set(reason, CRL_REASON_KEY_COMPROMISE));
    MUST(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0));
    MUST(X509_CRL_add0_revoked(crl, entry));
    ASN1_ENUMERATED_free(reason);
    ASN1_INTEGER_free(number);
}

X509_CRL *pki_crl(const struct pki_cert *by, const long *serials, size_t n, long next)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = X509_gmtime_adj(NULL, -2 * PKI_DAY);
    ASN1_TIME *due = X509_gmtime_adj(NULL, next);

    MUST(crl && last && due);
    MUST(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
    MUST(X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert)));
    MUST(X509_CRL_set1_lastUpdate(crl, last));
    MUST(X509_CRL_set1_nextUpdate(crl, due));
    for (size_t i = 0; i < n; i++)
        crl_revoke(crl, serials[i], last);
    MUST(X509_CRL_sort(crl));
    MUST(X509_CRL_sign(crl, by->key, EVP_sha256()) > 0);
    ASN1_TIME_free(last);
    ASN1_TIME_free(due);
    return crl;
}

static char *text_of(BIO *bio)
{
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    char *text = malloc((size_t)n + 1);

    MUST(text != NULL);
    if (n > 0)
        memcpy(text, data, (size_t)n);
    text[n] = '\0';
    BIO_free(bio);
    return text;
}

char *pki_pem_certs(X509 *const *certs, size_t n)
{
    BIO *bio = BIO_new(BIO_s_mem());

    MUST(bio != NULL);
    for (size_t i = 0; i < n; i++)
        MUST(PEM_write_bio_X509(bio, certs[i]));
    return text_of(bio);
}

char *pki_pem_crl(X509_CRL *crl)
{
    BIO *bio = BIO_new(BIO_s_mem());

    MUST(bio && PEM_write_bio_X509_CRL(bio, crl));
    return text_of(bio);
}

char *pki_pem_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    MUST(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    return text_of(bio);
}
