#include "certs/est_answer.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "certs/errtext.h"
#include "certs/pem.h"

char *est_request_text(X509_REQ *req)
{
    unsigned char *der = NULL;
    const int n = i2d_X509_REQ(req, &der);
    unsigned char *text = n > 0 ? OPENSSL_malloc(4 * ((size_t)n / 3 + 1) + 1) : NULL;

    if (text)
        (void)EVP_EncodeBlock(text, der, n);
    OPENSSL_free(der);
    return (char *)text;
}

/* ---- reading ---- */

/* Octets decoded, or -1. */
static int decode(const char *body, int n, unsigned char *out)
{
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    int head = 0, tail = 0;
    bool good = false;

    if (ctx) {
        EVP_DecodeInit(ctx);
        good = EVP_DecodeUpdate(ctx, out, &head, (const unsigned char *)body, n) >= 0 &&
               EVP_DecodeFinal(ctx, out + head, &tail) == 1;
    }
    EVP_ENCODE_CTX_free(ctx);
    return good ? head + tail : -1;
}

static PKCS7 *read_pkcs7(const char *body, size_t n)
{
    unsigned char *der = n <= INT_MAX / 2 ? OPENSSL_malloc(n + 4) : NULL;
    const int size = der ? decode(body, (int)n, der) : -1;
    const unsigned char *p = der;
    PKCS7 *p7 = size > 0 ? d2i_PKCS7(NULL, &p, size) : NULL;

    if (p7 && (p != der + size || !PKCS7_type_is_signed(p7))) {
        PKCS7_free(p7);
        p7 = NULL;
    }
    OPENSSL_free(der);
    return p7;
}

STACK_OF(X509) * est_read_certs(const char *body, size_t n, char *err, size_t cap)
{
    PKCS7 *p7 = read_pkcs7(body, n);
    STACK_OF(X509) *certs = NULL;

    if (p7 && p7->d.sign && sk_X509_num(p7->d.sign->cert) > 0 &&
        sk_X509_num(p7->d.sign->cert) <= PEM_ITEMS_MAX)
        certs = X509_chain_up_ref(p7->d.sign->cert);
    if (!certs)
        errtext_set(
            err, cap,
            "the server's answer is not base64 of a certs-only PKCS#7 message; is "
            "this an EST server?");
    PKCS7_free(p7);
    ERR_clear_error();
    return certs;
}

/* ---- choosing ---- */

static bool add_all(X509_STORE *store, const STACK_OF(X509) * certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(certs, i)) != 1)
            return false;
    }
    return true;
}

static bool trusted(X509 *cert, STACK_OF(X509) * certs, const STACK_OF(X509) * anchors,
                    const STACK_OF(X509) * more, time_t now, char *err, size_t cap)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool good = false;

    errtext_set(err, cap, "out of memory");
    if (store && ctx && add_all(store, anchors) && add_all(store, more) &&
        X509_STORE_CTX_init(ctx, store, cert, certs) == 1) {
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set_time(ctx, 0, now);
        good = X509_verify_cert(ctx) == 1;
        errtext_set(err, cap,
                    "the certificate the server sent cannot be used: %s; nothing was "
                    "changed",
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return good;
}

X509 *est_pick(STACK_OF(X509) * certs, EVP_PKEY *key, const STACK_OF(X509) * anchors,
               const STACK_OF(X509) * more, time_t now, char *err, size_t cap)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        EVP_PKEY *its = X509_get0_pubkey(cert);

        if (its && EVP_PKEY_eq(its, key) == 1)
            return trusted(cert, certs, anchors, more, now, err, cap) ? cert : NULL;
    }
    errtext_set(err, cap,
                "the server sent a certificate for another key than ours; nothing was "
                "changed");
    ERR_clear_error();
    return NULL;
}

BIO *est_chain_pem(X509 *cert, const STACK_OF(X509) * certs)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio && PEM_write_bio_X509(bio, cert) == 1;

    for (int i = 0; good && i < sk_X509_num(certs); i++) {
        X509 *other = sk_X509_value(certs, i);

        if (other != cert && X509_self_signed(other, 0) != 1)
            good = PEM_write_bio_X509(bio, other) == 1;
    }
    ERR_clear_error();
    if (good)
        return bio;
    BIO_free(bio);
    return NULL;
}

bool est_due(const X509 *cert, int percent, time_t now, time_t *when)
{
    struct tm from, to;
    time_t start, end;

    *when = now;
    if (ASN1_TIME_to_tm(X509_get0_notBefore(cert), &from) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(cert), &to) != 1)
        return true;
    start = timegm(&from);
    end = timegm(&to);
    *when = start + (end - start) / 100 * percent;
    return now >= *when;
}
