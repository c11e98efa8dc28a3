#include "certs/ca_crl.h"

#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/errtext.h"

static bool set_reason(X509_REVOKED *r, enum ca_reason reason)
{
    ASN1_ENUMERATED *value;
    bool good;

    /* RFC 5280 clause 5.3.1: unspecified is said by saying nothing. */
    if (reason == CA_REASON_UNSPECIFIED)
        return true;
    value = ASN1_ENUMERATED_new();
    good = value && ASN1_ENUMERATED_set(value, (long)reason) == 1 &&
           X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, value, 0, 0) == 1;
    ASN1_ENUMERATED_free(value);
    return good;
}

static bool set_serial(X509_REVOKED *r, const char *hex)
{
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    bool good = BN_hex2bn(&number, hex) > 0 &&
                (serial = BN_to_ASN1_INTEGER(number, NULL)) != NULL &&
                X509_REVOKED_set_serialNumber(r, serial) == 1;

    ASN1_INTEGER_free(serial);
    BN_free(number);
    return good;
}

static bool add_entry(X509_CRL *crl, const struct ca_entry *e)
{
    X509_REVOKED *r = X509_REVOKED_new();
    time_t at = e->revoked_at;
    ASN1_TIME *when = X509_time_adj_ex(NULL, 0, 0, &at);

    if (r && when && X509_REVOKED_set_revocationDate(r, when) == 1 &&
        set_serial(r, e->serial) && set_reason(r, e->reason) &&
        X509_CRL_add0_revoked(crl, r) == 1) {
        ASN1_TIME_free(when);
        return true;
    }
    ASN1_TIME_free(when);
    X509_REVOKED_free(r);
    return false;
}

static bool add_entries(X509_CRL *crl, const struct ca_index *index)
{
    for (size_t i = 0; i < ca_index_count(index); i++) {
        const struct ca_entry *e = ca_index_entry(index, i);

        if (e->revoked && !add_entry(crl, e))
            return false;
    }
    return true;
}

static bool add_extensions(X509_CRL *crl, X509 *ca, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    X509V3_CTX ctx;
    X509_EXTENSION *aki;
    bool good;

    X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
    aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    good = aki && X509_CRL_add_ext(crl, aki, -1) == 1 && value &&
           ASN1_INTEGER_set_uint64(value, number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1;
    X509_EXTENSION_free(aki);
    ASN1_INTEGER_free(value);
    return good;
}

static bool set_times(X509_CRL *crl, time_t now, time_t next)
{
    ASN1_TIME *from = X509_time_adj_ex(NULL, 0, 0, &now);
    ASN1_TIME *to = X509_time_adj_ex(NULL, 0, 0, &next);
    bool good = from && to && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
                X509_CRL_set1_nextUpdate(crl, to) == 1;

    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return good;
}

X509_CRL *ca_crl_make(const struct ca_index *index, X509 *ca, EVP_PKEY *key,
                      uint64_t number, time_t now, time_t next, char *err, size_t cap)
{
    const bool p384 = EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256;
    X509_CRL *crl = X509_CRL_new();

    if (crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) == 1 &&
        set_times(crl, now, next) && add_extensions(crl, ca, number) &&
        add_entries(crl, index) && X509_CRL_sort(crl) == 1 &&
        X509_CRL_sign(crl, key, p384 ? EVP_sha384() : EVP_sha256()) > 0)
        return crl;
    errtext_set(err, cap, "the revocation list cannot be made (%s)", errtext_openssl());
    X509_CRL_free(crl);
    return NULL;
}
