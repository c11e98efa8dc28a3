#include "certs/ca_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "certs/ca_crl.h"
#include "certs/ca_key.h"
#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/pem.h"

#define DAY 86400

bool ca_serial_text(const X509 *cert, char serial[CA_SERIAL_CAP])
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    bool good = hex && hex[0] != '-' && strlen(hex) < CA_SERIAL_CAP;

    if (good)
        (void)snprintf(serial, CA_SERIAL_CAP, "%s", hex);
    OPENSSL_free(hex);
    BN_free(number);
    return good;
}

static bool put_bio(const char *dir, const char *name, BIO *bio, bool replace, char *err,
                    size_t cap)
{
    char path[CA_PATH_CAP];
    char *data = NULL;
    const long n = bio ? BIO_get_mem_data(bio, &data) : 0;
    bool good = false;

    if (n <= 0)
        errtext_set(err, cap, "%s/%s: cannot be encoded", dir, name);
    else if (ca_path(path, err, cap, "%s/%s", dir, name))
        good = (replace ? ca_file_replace : ca_file_create)(path, data, (size_t)n,
                                                            CA_MODE_PUBLIC, err, cap);
    BIO_free(bio);
    return good;
}

/* ---- opening ---- */

static bool load_cert(struct ca_store *s, char *err, size_t cap)
{
    char path[CA_PATH_CAP];
    STACK_OF(X509) *certs = NULL;
    char *text = NULL;
    size_t n = 0;

    if (ca_path(path, err, cap, "%s/ca.crt", s->dir))
        text = ca_file_read(path, &n, err, cap);
    if (text)
        certs = pem_read_certs(&(struct tls_pem){path, text, n}, err, cap);
    if (certs)
        s->cert = sk_X509_shift(certs);
    pem_free_certs(certs);
    ca_file_free(text);
    return s->cert != NULL;
}

static bool load_key(struct ca_store *s, char *err, size_t cap)
{
    char path[CA_PATH_CAP];

    if (!ca_path(path, err, cap, "%s/ca.key", s->dir))
        return false;
    s->key = ca_key_load(path, err, cap);
    if (!s->key)
        return false;
    if (X509_check_private_key(s->cert, s->key) == 1)
        return true;
    errtext_set(err, cap, "%s: not the key of ca.crt; restore both from a copy", path);
    ERR_clear_error();
    return false;
}

static bool load_index(struct ca_store *s, char *err, size_t cap)
{
    char path[CA_PATH_CAP];

    if (ca_path(path, err, cap, "%s/index", s->dir))
        s->index = ca_index_open(path, err, cap);
    return s->index != NULL;
}

bool ca_store_open(struct ca_store *s, const char *dir, char *err, size_t cap)
{
    *s = (struct ca_store){.cert = NULL};
    return ca_path(s->dir, err, cap, "%s", dir) && load_index(s, err, cap) &&
           load_cert(s, err, cap) && load_key(s, err, cap);
}

void ca_store_close(struct ca_store *s)
{
    X509_free(s->cert);
    EVP_PKEY_free(s->key);
    ca_index_close(s->index);
    *s = (struct ca_store){.cert = NULL};
}

/* ---- making one ---- */

static bool fill(const char *dir, X509 *cert, EVP_PKEY *key, char *err, size_t cap)
{
    char path[CA_PATH_CAP];

    if (!ca_path(path, err, cap, "%s/issued", dir))
        return false;
    if (mkdir(path, 0700) != 0) {
        errtext_set(err, cap, "%s: %s", path, strerror(errno));
        return false;
    }
    return ca_path(path, err, cap, "%s/ca.key", dir) &&
           ca_key_store(path, key, err, cap) &&
           ca_path(path, err, cap, "%s/index", dir) && ca_index_create(path, err, cap) &&
           put_bio(dir, "ca.crt", ca_cert_pem(cert), false, err, cap);
}

static bool first_list(const char *dir, int crl_days, time_t now, char *err, size_t cap)
{
    struct ca_store s;
    bool good =
        ca_store_open(&s, dir, err, cap) && ca_store_crl(&s, crl_days, now, err, cap);

    ca_store_close(&s);
    return good;
}

static void remove_part(const char *dir)
{
    static const char *const names[] = {"ca.key", "ca.crt", "ca.crl", "index", "issued"};
    char path[CA_PATH_CAP], err[1];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ca_path(path, err, sizeof err, "%s/%s", dir, names[i]))
            (void)remove(path);
    }
    (void)rmdir(dir);
}

/* A folder takes the place of none or an empty one, never of one with files. */
static bool build(const char *dir, X509 *cert, EVP_PKEY *key, int crl_days, time_t now,
                  char *err, size_t cap)
{
    char part[CA_PATH_CAP];

    if (!ca_path(part, err, cap, "%s.part-XXXXXX", dir))
        return false;
    if (!mkdtemp(part)) {
        errtext_set(err, cap, "%s: cannot be made: %s", dir, strerror(errno));
        return false;
    }
    if (fill(part, cert, key, err, cap) && first_list(part, crl_days, now, err, cap)) {
        if (rename(part, dir) == 0)
            return true;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
            errtext_set(err, cap,
                        "%s: is there already; nothing is overwritten: choose another "
                        "folder",
                        dir);
        else
            errtext_set(err, cap, "%s: %s", dir, strerror(errno));
    }
    remove_part(part);
    return false;
}

bool ca_store_init(const char *dir, const X509_NAME *subject, int rsa_bits, int days,
                   int crl_days, time_t now, char *err, size_t cap)
{
    char plain[CA_PATH_CAP];
    size_t n;
    EVP_PKEY *key;
    X509 *cert;
    bool good;

    if (!ca_path(plain, err, cap, "%s", dir))
        return false;
    for (n = strlen(plain); n > 1 && plain[n - 1] == '/'; n--)
        plain[n - 1] = '\0';
    key = ca_key_make(rsa_bits, err, cap);
    cert = key ? ca_cert_root(subject, key, days, now, err, cap) : NULL;
    good = cert && build(plain, cert, key, crl_days, now, err, cap);
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}

/* ---- its acts ---- */

static time_t time_of(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static bool write_down(struct ca_store *s, X509 *cert, time_t now, char *err, size_t cap)
{
    char serial[CA_SERIAL_CAP], subject[CA_SUBJECT_CAP], name[CA_SERIAL_CAP + 16];

    if (!ca_serial_text(cert, serial))
        return false;
    identity_name_text(X509_get_subject_name(cert), subject, sizeof subject);
    (void)snprintf(name, sizeof name, "issued/%s.crt", serial);
    return ca_index_add_issued(s->index, serial, time_of(X509_get0_notAfter(cert)),
                               subject, now, err, cap) &&
           put_bio(s->dir, name, ca_cert_pem(cert), false, err, cap);
}

X509 *ca_store_issue(struct ca_store *s, const struct ca_want *want, EVP_PKEY *key,
                     time_t now, char *err, size_t cap)
{
    X509 *cert = ca_cert_issue(want, key, s->cert, s->key, now, err, cap);

    if (!cert || write_down(s, cert, now, err, cap))
        return cert;
    X509_free(cert);
    return NULL;
}

bool ca_store_revoke(struct ca_store *s, const char *serial, enum ca_reason reason,
                     time_t now, char *err, size_t cap)
{
    const struct ca_entry *e = ca_index_find(s->index, serial);

    if (!e)
        errtext_set(err, cap, "this CA issued no certificate with the serial number %s",
                    serial);
    else if (e->revoked)
        errtext_set(err, cap, "the certificate %s is revoked already (%s)", serial,
                    ca_reason_name(e->reason));
    return e && !e->revoked &&
           ca_index_add_revoked(s->index, serial, reason, now, err, cap);
}

bool ca_store_signed(const struct ca_store *s, X509 *cert)
{
    bool good =
        X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(s->cert)) == 0 &&
        X509_verify(cert, s->key) == 1;

    ERR_clear_error();
    return good;
}

static BIO *crl_pem(X509_CRL *crl)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio && PEM_write_bio_X509_CRL(bio, crl) == 1)
        return bio;
    BIO_free(bio);
    return NULL;
}

bool ca_store_crl(struct ca_store *s, int days, time_t now, char *err, size_t cap)
{
    const uint64_t number = ca_index_list_number(s->index) + 1;
    const time_t next = now + (time_t)days * DAY;
    X509_CRL *crl;
    bool good;

    if (days < 1 || days > CA_CRL_DAYS_MAX) {
        errtext_set(err, cap, "a revocation list is good for 1 to %d days",
                    CA_CRL_DAYS_MAX);
        return false;
    }
    crl = ca_crl_make(s->index, s->cert, s->key, number, now, next, err, cap);
    /* The number first: no two lists ever bear the same. */
    good = crl && ca_index_add_list(s->index, number, next, now, err, cap) &&
           put_bio(s->dir, "ca.crl", crl_pem(crl), true, err, cap);
    X509_CRL_free(crl);
    return good;
}
