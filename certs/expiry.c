#include "certs/expiry.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "certs/identity_ssl.h"
#include "certs/pem.h"

#define DAY 86400

int expiry_threshold(int64_t from, int64_t to, int64_t now)
{
    static const int days[] = {7, 14, 30, 60};

    if (now >= to)
        return 0;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        const int64_t span = (int64_t)days[i] * DAY;

        if (to - now <= span && span <= (to - from) / 2)
            return days[i];
    }
    return EXPIRY_NONE;
}

static bool seconds_of(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

static struct tls_pem as_pem(const struct pem_text *t)
{
    return (struct tls_pem){t->name, t->text, strlen(t->text)};
}

void expiry_of_certs(const struct pem_text *pem, expiry_fn fn, void *ctx)
{
    struct tls_pem text = as_pem(pem);
    char err[PEM_CHECK_TEXT];
    STACK_OF(X509) *certs = pem_read_certs(&text, err, sizeof err);

    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        struct expiry_item item;

        memset(&item, 0, sizeof item);
        identity_name_text(X509_get_subject_name(cert), item.name, sizeof item.name);
        if (seconds_of(X509_get0_notBefore(cert), &item.from) &&
            seconds_of(X509_get0_notAfter(cert), &item.to) &&
            X509_digest(cert, EVP_sha256(), item.hash, NULL) == 1)
            fn(ctx, &item);
    }
    pem_free_certs(certs);
    ERR_clear_error();
}

void expiry_of_crls(const struct pem_text *pem, expiry_fn fn, void *ctx)
{
    struct tls_pem text = as_pem(pem);
    char err[PEM_CHECK_TEXT];
    STACK_OF(X509_CRL) *crls = pem_read_crls(&text, err, sizeof err);

    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(crls, i);
        struct expiry_item item;

        memset(&item, 0, sizeof item);
        identity_name_text(X509_CRL_get_issuer(crl), item.name, sizeof item.name);
        if (seconds_of(X509_CRL_get0_lastUpdate(crl), &item.from) &&
            seconds_of(X509_CRL_get0_nextUpdate(crl), &item.to) &&
            X509_CRL_digest(crl, EVP_sha256(), item.hash, NULL) == 1)
            fn(ctx, &item);
    }
    pem_free_crls(crls);
    ERR_clear_error();
}
