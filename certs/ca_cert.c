#include "certs/ca_cert.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "certs/ca_key.h"
#include "certs/errtext.h"
#include "certs/user_roles_encode.h"

#define DAY 86400
/* Stations whose clocks are behind take the certificate at once. */
#define BACKDATED   300
#define SERIAL_BITS 128

/* SHA-256 for P-256 and RSA, SHA-384 for P-384 (IEC 62351-3 Ed. 2, signatures). */
static const EVP_MD *digest_of(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
                                                                    : EVP_sha256();
}

/* ---- extensions ---- */

/* Only texts of this file are values here: what people write goes another way. */
static bool add_text(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool good;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    good = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return good;
}

static bool add_names(X509 *cert, const GENERAL_NAMES *names)
{
    if (sk_GENERAL_NAME_num(names) <= 0)
        return true;
    return X509_add1_ext_i2d(cert, NID_subject_alt_name, (void *)names, 0, 0) == 1;
}

static bool add_crl_url(X509 *cert, const char *url)
{
    CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    DIST_POINT *point = DIST_POINT_new();
    GENERAL_NAME *gn = GENERAL_NAME_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
    bool good = points && point && gn && uri && ASN1_STRING_set(uri, url, -1) == 1 &&
                (point->distpoint = DIST_POINT_NAME_new()) != NULL &&
                (point->distpoint->name.fullname = GENERAL_NAMES_new()) != NULL;

    if (good) {
        point->distpoint->type = 0; /* fullName */
        GENERAL_NAME_set0_value(gn, GEN_URI, uri);
        uri = NULL;
        good = sk_GENERAL_NAME_push(point->distpoint->name.fullname, gn) > 0;
        gn = good ? NULL : gn;
        good = good && sk_DIST_POINT_push(points, point) > 0;
        point = good ? NULL : point;
        good = good &&
               X509_add1_ext_i2d(cert, NID_crl_distribution_points, points, 0, 0) == 1;
    }
    ASN1_IA5STRING_free(uri);
    GENERAL_NAME_free(gn);
    DIST_POINT_free(point);
    CRL_DIST_POINTS_free(points);
    return good;
}

static bool add_roles(X509 *cert, const struct ca_want *want)
{
    uint8_t der[USER_ROLES_DER_MAX];
    size_t n = user_roles_encode(&want->roles, der, sizeof der);
    ASN1_OBJECT *oid = OBJ_txt2obj(USER_ROLES_OID, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    bool good = n > 0 && oid && octets && ASN1_OCTET_STRING_set(octets, der, (int)n) == 1;

    /* IEC 62351-8 profile A: not critical. */
    if (good)
        ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets);
    good = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
    return good;
}

/* An RSA key may also decrypt: stations that know no other key exchange need it. */
static bool add_usages(X509 *cert, X509 *ca, EVP_PKEY *key, unsigned int use)
{
    static const char *const purposes[] = {
        [CA_USE_SERVER] = "serverAuth",
        [CA_USE_CLIENT] = "clientAuth",
        [CA_USE_SERVER | CA_USE_CLIENT] = "serverAuth,clientAuth",
    };
    const bool decrypts = EVP_PKEY_is_a(key, "RSA") && (use & CA_USE_SERVER);

    return add_text(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
           add_text(cert, ca, NID_key_usage,
                    decrypts ? "critical,digitalSignature,keyEncipherment"
                             : "critical,digitalSignature") &&
           add_text(cert, ca, NID_ext_key_usage, purposes[use]);
}

static bool add_extensions(X509 *cert, const struct ca_want *want, EVP_PKEY *key,
                           X509 *ca)
{
    return add_usages(cert, ca, key, want->use) &&
           add_text(cert, ca, NID_subject_key_identifier, "hash") &&
           add_text(cert, ca, NID_authority_key_identifier, "keyid:always") &&
           add_names(cert, want->names) &&
           (!want->crl_url || add_crl_url(cert, want->crl_url)) &&
           (want->roles.count == 0 || add_roles(cert, want));
}

static bool add_root_extensions(X509 *cert)
{
    return add_text(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_text(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_text(cert, cert, NID_subject_key_identifier, "hash") &&
           add_text(cert, cert, NID_authority_key_identifier, "keyid:always");
}

/* ---- certificates ---- */

static bool set_serial(X509 *cert)
{
    BIGNUM *number = BN_new();
    bool good = number &&
                BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                !BN_is_zero(number) &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

    BN_free(number);
    return good;
}

static X509 *begin(const X509_NAME *subject, const X509_NAME *issuer, EVP_PKEY *key,
                   int days, time_t now)
{
    X509 *cert = X509_new();

    if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        X509_time_adj_ex(X509_getm_notBefore(cert), 0, -BACKDATED, &now) &&
        X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now) &&
        X509_set_subject_name(cert, subject) == 1 &&
        X509_set_issuer_name(cert, issuer) == 1 && X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool days_good(int days, char *err, size_t cap)
{
    if (days >= 1 && days <= CA_DAYS_MAX)
        return true;
    errtext_set(err, cap, "a certificate is valid for 1 to %d days", CA_DAYS_MAX);
    return false;
}

static X509 *finish(X509 *cert, bool good, EVP_PKEY *signer, char *err, size_t cap)
{
    if (good && X509_sign(cert, signer, digest_of(signer)) > 0)
        return cert;
    errtext_set(err, cap, "the certificate cannot be made (%s)", errtext_openssl());
    X509_free(cert);
    return NULL;
}

X509 *ca_cert_root(const X509_NAME *subject, EVP_PKEY *key, int days, time_t now,
                   char *err, size_t cap)
{
    X509 *cert;

    if (!days_good(days, err, cap))
        return NULL;
    cert = begin(subject, subject, key, days, now);
    return finish(cert, cert && add_root_extensions(cert), key, err, cap);
}

/* What outlives its CA is refused by every peer from that day on. */
static bool within_ca(X509 *ca, int days, time_t now, char *err, size_t cap)
{
    ASN1_TIME *end = X509_time_adj_ex(NULL, days, 0, &now);
    ASN1_TIME *today = X509_time_adj_ex(NULL, 0, 0, &now);
    int left = 0, seconds;
    bool good = end && today && ASN1_TIME_compare(end, X509_get0_notAfter(ca)) <= 0;

    if (!good && today)
        (void)ASN1_TIME_diff(&left, &seconds, today, X509_get0_notAfter(ca));
    if (!good && left > 0)
        errtext_set(err, cap,
                    "the certificate would outlive its CA, which has %d days left; ask "
                    "for fewer days or make a new CA",
                    left);
    else if (!good)
        errtext_set(err, cap, "the CA has less than a day left; make a new one");
    ASN1_TIME_free(end);
    ASN1_TIME_free(today);
    return good;
}

static bool want_good(const struct ca_want *want, char *err, size_t cap)
{
    if (want->use < CA_USE_SERVER || want->use > (CA_USE_SERVER | CA_USE_CLIENT)) {
        errtext_set(err, cap, "say what it is for: server, client or both");
        return false;
    }
    /* IEC 62351-9: alternative names are mandatory in certificates of TLS servers. */
    if ((want->use & CA_USE_SERVER) && sk_GENERAL_NAME_num(want->names) <= 0) {
        errtext_set(
            err, cap,
            "a server's certificate needs the host name or IP address under which "
            "masters reach it; add --san NAME");
        return false;
    }
    if (X509_NAME_entry_count(want->subject) <= 0) {
        errtext_set(err, cap, "the subject is empty; add --name");
        return false;
    }
    if (want->crl_url && strncmp(want->crl_url, "http://", 7) != 0) {
        errtext_set(err, cap, "the address of the revocation list begins with http://");
        return false;
    }
    return days_good(want->days, err, cap);
}

X509 *ca_cert_issue(const struct ca_want *want, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key,
                    time_t now, char *err, size_t cap)
{
    X509 *cert;

    if (!want_good(want, err, cap) || !within_ca(ca, want->days, now, err, cap) ||
        !ca_key_good(key, "the public key", err, cap))
        return NULL;
    cert = begin(want->subject, X509_get_subject_name(ca), key, want->days, now);
    return finish(cert, cert && add_extensions(cert, want, key, ca), ca_key, err, cap);
}

BIO *ca_cert_pem(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio && PEM_write_bio_X509(bio, cert) == 1)
        return bio;
    BIO_free(bio);
    return NULL;
}

/* ---- requests ---- */

static bool request_names(X509_REQ *req, const GENERAL_NAMES *names)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    bool good;

    if (sk_GENERAL_NAME_num(names) <= 0)
        return true;
    good = X509V3_add1_i2d(&exts, NID_subject_alt_name, (void *)names, 0,
                           X509V3_ADD_DEFAULT) == 1 &&
           X509_REQ_add_extensions(req, exts) == 1;
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return good;
}

X509_REQ *ca_request_make(const X509_NAME *subject, const GENERAL_NAMES *names,
                          EVP_PKEY *key, char *err, size_t cap)
{
    X509_REQ *req = X509_REQ_new();

    if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
        X509_REQ_set_subject_name(req, subject) == 1 &&
        X509_REQ_set_pubkey(req, key) == 1 && request_names(req, names) &&
        X509_REQ_sign(req, key, digest_of(key)) > 0)
        return req;
    errtext_set(err, cap, "the request cannot be made (%s)", errtext_openssl());
    X509_REQ_free(req);
    return NULL;
}

X509_REQ *ca_request_read(const char *name, const char *text, size_t n, char *err,
                          size_t cap)
{
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    X509_REQ *req = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = req ? X509_REQ_get0_pubkey(req) : NULL;

    BIO_free(bio);
    if (key && X509_REQ_verify(req, key) == 1)
        return req;
    if (!req)
        errtext_set(err, cap, "%s: no certificate request in PEM form (%s)", name,
                    errtext_openssl());
    else
        errtext_set(
            err, cap,
            "%s: the request is not signed by the key it names: it was changed, or "
            "made by somebody without the key",
            name);
    ERR_clear_error();
    X509_REQ_free(req);
    return NULL;
}

GENERAL_NAMES *ca_request_names(const X509_REQ *req)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions((X509_REQ *)req);
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return names;
}

BIO *ca_request_pem(X509_REQ *req)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio && PEM_write_bio_X509_REQ(bio, req) == 1)
        return bio;
    BIO_free(bio);
    return NULL;
}
