#include "certs/pem_check.h"

#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/pem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define DAY         86400
#define WARN_DAYS   60
#define URGENT_DAYS 7

struct check {
    time_t now;
    pem_report_fn report;
    void *ctx;
};

__attribute__((format(printf, 4, 5))) static void
tell(const struct check *c, bool error, const char *remedy, const char *what, ...)
{
    struct pem_finding f = {.error = error};
    va_list ap;

    va_start(ap, what);
    (void)vsnprintf(f.what, sizeof f.what, what, ap);
    va_end(ap);
    (void)snprintf(f.remedy, sizeof f.remedy, "%s", remedy);
    c->report(c->ctx, &f);
}

static struct tls_pem as_pem(const struct pem_text *t)
{
    return (struct tls_pem){t->name, t->text, strlen(t->text)};
}

static STACK_OF(X509) * read_certs(const struct check *c, const struct pem_text *t)
{
    struct tls_pem pem = as_pem(t);
    char err[PEM_CHECK_TEXT];
    STACK_OF(X509) *certs = pem_read_certs(&pem, err, sizeof err);

    ERR_clear_error();
    if (!certs && c)
        tell(c, true, "put PEM certificates into the file", "%s", err);
    return certs;
}

/* Days from now, towards the past rounded down; 0 if the field makes no sense. */
static long days_until(const struct check *c, const ASN1_TIME *t)
{
    struct tm tm;
    time_t when;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    when = timegm(&tm);
    return when >= c->now ? (long)((when - c->now) / DAY)
                          : -1 - (long)((c->now - when - 1) / DAY);
}

static void check_validity(const struct check *c, const char *file, const X509 *cert,
                           const char *subject)
{
    time_t now = c->now;
    long days = days_until(c, X509_get0_notAfter(cert));

    if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0)
        tell(c, true, "set the clock of this machine, or wait",
             "\"%s\": the certificate %s is not valid yet", file, subject);
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
        tell(c, true, "renew it", "\"%s\": the certificate %s expired %ld days ago", file,
             subject, -days - 1);
    else if (days <= WARN_DAYS)
        tell(c, false, days <= URGENT_DAYS ? "renew it now" : "renew it",
             "\"%s\": the certificate %s expires in %ld days", file, subject, days);
}

static void check_key_size(const struct check *c, const char *file, X509 *cert,
                           const char *subject)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    int bits = key ? EVP_PKEY_get_bits(key) : 0;

    /* IEC 62351-9: RSA of 2048 bits, ECDSA of 256. */
    if (!key || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")))
        tell(c, true, "issue one with an RSA or ECDSA key",
             "\"%s\": the key of %s is neither RSA nor ECDSA", file, subject);
    else if (bits < (EVP_PKEY_is_a(key, "RSA") ? 2048 : 256))
        tell(c, true, "issue one with ECDSA P-256 or RSA 2048",
             "\"%s\": the key of %s has only %d bits", file, subject, bits);
}

static void check_purpose(const struct check *c, const char *file, X509 *cert,
                          const char *subject, int purpose, const char *word)
{
    if (X509_check_purpose(cert, purpose, 0) == 1)
        return;
    tell(c, true, "issue one with the extended key usage this side needs",
         "\"%s\": the certificate %s is not for TLS %s", file, subject, word);
}

static void check_order(const struct check *c, const char *file, STACK_OF(X509) * certs)
{
    for (int i = 0; i + 1 < sk_X509_num(certs); i++) {
        if (X509_check_issued(sk_X509_value(certs, i + 1), sk_X509_value(certs, i)) ==
            X509_V_OK)
            continue;
        tell(c, true, "put the own certificate first and each issuer behind it",
             "\"%s\": certificate %d was not issued by certificate %d", file, i + 1,
             i + 2);
    }
}

void pem_check_chain(const struct pem_text *chain, bool server, bool client, time_t now,
                     pem_report_fn report, void *ctx)
{
    struct check c = {now, report, ctx};
    STACK_OF(X509) *certs = read_certs(&c, chain);
    char subject[IDENTITY_NAME_CAP];

    if (!certs)
        return;
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        identity_name_text(X509_get_subject_name(cert), subject, sizeof subject);
        check_validity(&c, chain->name, cert, subject);
        check_key_size(&c, chain->name, cert, subject);
        if (i == 0 && server)
            check_purpose(&c, chain->name, cert, subject, X509_PURPOSE_SSL_SERVER,
                          "servers");
        if (i == 0 && client)
            check_purpose(&c, chain->name, cert, subject, X509_PURPOSE_SSL_CLIENT,
                          "clients");
    }
    check_order(&c, chain->name, certs);
    pem_free_certs(certs);
    ERR_clear_error();
}

void pem_check_ca(const struct pem_text *ca, time_t now, pem_report_fn report, void *ctx)
{
    struct check c = {now, report, ctx};
    STACK_OF(X509) *certs = read_certs(&c, ca);
    char subject[IDENTITY_NAME_CAP];

    if (!certs)
        return;
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        identity_name_text(X509_get_subject_name(cert), subject, sizeof subject);
        check_validity(&c, ca->name, cert, subject);
        check_key_size(&c, ca->name, cert, subject);
        if (X509_check_ca(cert) != 1)
            tell(&c, true, "name the certificate of the CA that issues for the peers",
                 "\"%s\": %s is not a CA (basic constraints)", ca->name, subject);
    }
    pem_free_certs(certs);
    ERR_clear_error();
}

/* ---- revocation lists ------------------------------------------------------------- */

enum issuer { ISSUER_NONE, ISSUER_NAME, ISSUER_SIGNED };

/* How far the list agrees with one of the certificates. */
static enum issuer issuer_in(X509_CRL *crl, STACK_OF(X509) * certs)
{
    enum issuer best = ISSUER_NONE;

    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        EVP_PKEY *key = X509_get0_pubkey(cert);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(cert)) != 0)
            continue;
        if (key && X509_CRL_verify(crl, key) == 1)
            return ISSUER_SIGNED;
        best = ISSUER_NAME;
    }
    return best;
}

static enum issuer issuer_of(X509_CRL *crl, const struct pem_text *ca, size_t ca_count)
{
    enum issuer best = ISSUER_NONE;

    for (size_t i = 0; i < ca_count && best != ISSUER_SIGNED; i++) {
        STACK_OF(X509) *certs = read_certs(NULL, &ca[i]);
        enum issuer found = issuer_in(crl, certs);

        best = found > best ? found : best;
        pem_free_certs(certs);
    }
    return best;
}

static void check_age(const struct check *c, const char *file, const X509_CRL *crl,
                      const char *issuer)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    time_t now = c->now;

    if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) >= 0)
        tell(c, false, "set the clock of this machine",
             "\"%s\": the list of %s is from the future", file, issuer);
    if (!next)
        tell(c, false, "let the CA issue lists with nextUpdate",
             "\"%s\": the list of %s does not say until when it is good", file, issuer);
    else if (X509_cmp_time(next, &now) <= 0)
        tell(c, false, "fetch a new one from the CA",
             "\"%s\": the list of %s is out of date since %ld days", file, issuer,
             -days_until(c, next) - 1);
    else if (days_until(c, next) < 1)
        tell(c, false, "fetch a new one from the CA",
             "\"%s\": the list of %s is good for less than a day", file, issuer);
}

static STACK_OF(X509_CRL) * read_crls(const struct check *c, const struct pem_text *t)
{
    struct tls_pem pem = as_pem(t);
    char err[PEM_CHECK_TEXT];
    STACK_OF(X509_CRL) *crls = pem_read_crls(&pem, err, sizeof err);

    ERR_clear_error();
    if (!crls && c)
        tell(c, true, "put PEM revocation lists into the file", "%s", err);
    return crls;
}

void pem_check_crl(const struct pem_text *crl, const struct pem_text *ca, size_t ca_count,
                   time_t now, pem_report_fn report, void *ctx)
{
    struct check c = {now, report, ctx};
    STACK_OF(X509_CRL) *crls = read_crls(&c, crl);
    char issuer[IDENTITY_NAME_CAP];

    if (!crls)
        return;
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        X509_CRL *one = sk_X509_CRL_value(crls, i);
        enum issuer found = issuer_of(one, ca, ca_count);

        identity_name_text(X509_CRL_get_issuer(one), issuer, sizeof issuer);
        check_age(&c, crl->name, one, issuer);
        if (X509_CRL_get_ext_by_NID(one, NID_delta_crl, -1) >= 0)
            tell(&c, true, "fetch the full list of that CA instead",
                 "\"%s\": the list of %s is a delta list, which names changes only",
                 crl->name, issuer);
        if (found == ISSUER_NONE)
            tell(&c, true,
                 "add that CA to \"ca\", or name the list of a CA that is there",
                 "\"%s\": its issuer %s is not among the CAs", crl->name, issuer);
        if (found == ISSUER_NAME)
            tell(&c, true, "fetch it again from the CA",
                 "\"%s\": the signature of %s is wrong", crl->name, issuer);
    }
    pem_free_crls(crls);
    ERR_clear_error();
}

static bool covered(X509 *ca, const struct pem_text *crl, size_t crl_count)
{
    bool found = false;

    for (size_t i = 0; i < crl_count && !found; i++) {
        STACK_OF(X509_CRL) *crls = read_crls(NULL, &crl[i]);

        for (int k = 0; k < sk_X509_CRL_num(crls); k++) {
            X509_CRL *one = sk_X509_CRL_value(crls, k);

            if (X509_NAME_cmp(X509_CRL_get_issuer(one), X509_get_subject_name(ca)) == 0)
                found = true;
        }
        pem_free_crls(crls);
    }
    return found;
}

void pem_check_coverage(const struct pem_text *ca, const struct pem_text *crl,
                        size_t crl_count, pem_report_fn report, void *ctx)
{
    struct check c = {0, report, ctx};
    STACK_OF(X509) *certs = crl_count > 0 ? read_certs(NULL, ca) : NULL;
    char subject[IDENTITY_NAME_CAP];

    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        if (covered(cert, crl, crl_count))
            continue;
        identity_name_text(X509_get_subject_name(cert), subject, sizeof subject);
        tell(&c, false, "add its list to \"crl\"",
             "\"%s\": there is no list of %s; crl_missing says what that means for its "
             "peers",
             ca->name, subject);
    }
    pem_free_certs(certs);
    ERR_clear_error();
}
