#include "certs/ca_show.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs/ca_cert.h"
#include "certs/ca_index.h"
#include "certs/ca_key.h"
#include "certs/ca_show_roles.h"
#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/pem.h"
#include "certs/user_roles.h"

#define DAY         86400
#define NAME_CAP    1024u
#define ENTRIES_MAX 1000 /* lines of a revocation list that are printed */

struct show {
    FILE *out;
    time_t now;
};

/* ---- single lines ---- */

__attribute__((format(printf, 3, 4))) static void
line(const struct show *s, const char *label, const char *format, ...)
{
    va_list args;

    (void)fprintf(s->out, "  %-14s", label);
    va_start(args, format);
    (void)vfprintf(s->out, format, args);
    va_end(args);
    (void)fputc('\n', s->out);
}

static void name_line(const struct show *s, const char *label, const X509_NAME *name)
{
    char text[NAME_CAP];

    identity_name_text(name, text, sizeof text);
    line(s, label, "%s", text[0] ? text : "(empty)");
}

static void number_line(const struct show *s, const char *label, const ASN1_INTEGER *n)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(n, NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;

    line(s, label, "%.80s", hex ? hex : "?");
    OPENSSL_free(hex);
    BN_free(number);
}

static void time_line(const struct show *s, const char *label, const ASN1_TIME *t,
                      const char *ahead, const char *past)
{
    char text[CA_TIME_CAP];
    struct tm tm;
    time_t when;
    long days;

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1) {
        line(s, label, "not given");
        return;
    }
    when = timegm(&tm);
    ca_time_text(when, text);
    days = (long)((when > s->now ? when - s->now : s->now - when) / DAY);
    line(s, label, "%s (%s%ld day%s%s)", text, when > s->now ? ahead : past, days,
         days == 1 ? "" : "s", when > s->now ? "" : " ago");
}

static void key_line(const struct show *s, EVP_PKEY *key)
{
    char text[96] = "not readable";

    if (key)
        ca_key_text(key, text, sizeof text);
    line(s, "key", "%s", text);
}

/* SHA-256 of the SubjectPublicKeyInfo: the same for a key, its request and its
 * certificates. */
static void pin_line(const struct show *s, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    const int n = key ? i2d_PUBKEY(key, &der) : 0;
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t size = 0;

    if (n > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)n, digest, &size) == 1) {
        (void)fprintf(s->out, "  %-14s", "key SHA-256");
        for (size_t i = 0; i < size; i++)
            (void)fprintf(s->out, "%02x", digest[i]);
        (void)fputc('\n', s->out);
    }
    OPENSSL_free(der);
}

/* ---- extensions ---- */

static void print_safe(FILE *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            (void)fputs("; ", out);
        else if (p[i] >= 0x20 && p[i] < 0x7f)
            (void)fputc(p[i], out);
        else
            (void)fprintf(out, "\\x%02X", (unsigned int)(unsigned char)p[i]);
    }
}

static void extension_line(const struct show *s, const char *label, X509_EXTENSION *ext)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long n = 0;

    if (bio && X509V3_EXT_print(bio, ext, 0, 0) == 1)
        n = BIO_get_mem_data(bio, &data);
    (void)fprintf(s->out, "  %-14s", label);
    while (n > 0 && (data[n - 1] == '\n' || data[n - 1] == ' '))
        n--;
    if (n > 0)
        print_safe(s->out, data, (size_t)n);
    else
        (void)fputs("not readable", s->out);
    (void)fputs(X509_EXTENSION_get_critical(ext) ? " (critical)\n" : "\n", s->out);
    BIO_free(bio);
    ERR_clear_error();
}

static const struct extension_label {
    int nid;
    const char *label;
} LABELS[] = {
    {NID_subject_alt_name, "names"},
    {NID_ext_key_usage, "purpose"},
    {NID_key_usage, "key usage"},
    {NID_basic_constraints, "constraints"},
    {NID_subject_key_identifier, "key id"},
    {NID_authority_key_identifier, "issuer's id"},
    {NID_crl_distribution_points, "list at"},
    {NID_info_access, "services at"},
    {NID_crl_number, "list number"},
};

static const char *label_of(const X509_EXTENSION *ext)
{
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object((X509_EXTENSION *)ext));

    for (size_t i = 0; i < sizeof LABELS / sizeof LABELS[0]; i++) {
        if (LABELS[i].nid == nid)
            return LABELS[i].label;
    }
    return NULL;
}

static void show_extensions(const struct show *s, const STACK_OF(X509_EXTENSION) * exts)
{
    for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
        X509_EXTENSION *ext = sk_X509_EXTENSION_value(exts, i);
        const char *label = label_of(ext);
        char oid[80];

        (void)OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(ext), 1);
        if (label)
            extension_line(s, label, ext);
        else if (strcmp(oid, USER_ROLES_OID) == 0)
            ca_show_roles(s->out, X509_EXTENSION_get_data(ext));
        else
            line(s, "extension", "%s%s", oid,
                 X509_EXTENSION_get_critical(ext) ? " (critical)" : "");
    }
}

/* ---- kinds ---- */

static bool show_cert(const struct show *s, const unsigned char *der, long n)
{
    X509 *cert = d2i_X509(NULL, &der, n);
    struct peer_identity id;

    if (!cert)
        return false;
    (void)fputs("certificate\n", s->out);
    name_line(s, "subject", X509_get_subject_name(cert));
    name_line(s, "issuer", X509_get_issuer_name(cert));
    number_line(s, "serial", X509_get0_serialNumber(cert));
    time_line(s, "valid from", X509_get0_notBefore(cert), "not yet: in ", "");
    time_line(s, "valid until", X509_get0_notAfter(cert), "left: ", "expired ");
    key_line(s, X509_get0_pubkey(cert));
    line(s, "signature", "%s", OBJ_nid2ln(X509_get_signature_nid(cert)));
    show_extensions(s, X509_get0_extensions(cert));
    if (identity_from_cert(&id, cert)) {
        (void)fprintf(s->out, "  %-14s", "SHA-256");
        for (size_t i = 0; i < sizeof id.fingerprint; i++)
            (void)fprintf(s->out, "%02x", id.fingerprint[i]);
        (void)fputc('\n', s->out);
    }
    pin_line(s, X509_get0_pubkey(cert));
    X509_free(cert);
    return true;
}

static bool show_request(const struct show *s, const unsigned char *der, long n)
{
    X509_REQ *req = d2i_X509_REQ(NULL, &der, n);
    EVP_PKEY *key = req ? X509_REQ_get0_pubkey(req) : NULL;
    STACK_OF(X509_EXTENSION) * exts;

    if (!req)
        return false;
    exts = X509_REQ_get_extensions(req);
    (void)fputs("certificate request\n", s->out);
    name_line(s, "subject", X509_REQ_get_subject_name(req));
    key_line(s, key);
    line(s, "signed", "%s",
         key && X509_REQ_verify(req, key) == 1 ? "by this key" : "WRONGLY");
    show_extensions(s, exts);
    pin_line(s, key);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    X509_REQ_free(req);
    return true;
}

static void show_entry(const struct show *s, X509_REVOKED *r)
{
    ASN1_ENUMERATED *value = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);

    number_line(s, "revoked", X509_REVOKED_get0_serialNumber(r));
    time_line(s, "  on", X509_REVOKED_get0_revocationDate(r), "in ", "");
    if (value)
        line(s, "  reason", "%s",
             ca_reason_name((enum ca_reason)ASN1_ENUMERATED_get(value)));
    ASN1_ENUMERATED_free(value);
}

static bool show_crl(const struct show *s, const unsigned char *der, long n)
{
    X509_CRL *crl = d2i_X509_CRL(NULL, &der, n);
    STACK_OF(X509_REVOKED) * entries;
    int count;

    if (!crl)
        return false;
    entries = X509_CRL_get_REVOKED(crl);
    count = sk_X509_REVOKED_num(entries) > 0 ? sk_X509_REVOKED_num(entries) : 0;
    (void)fputs("revocation list\n", s->out);
    name_line(s, "issuer", X509_CRL_get_issuer(crl));
    time_line(s, "made", X509_CRL_get0_lastUpdate(crl), "not yet: in ", "");
    time_line(s, "good until", X509_CRL_get0_nextUpdate(crl),
              "left: ", "out of date since ");
    line(s, "signature", "%s", OBJ_nid2ln(X509_CRL_get_signature_nid(crl)));
    show_extensions(s, X509_CRL_get0_extensions(crl));
    line(s, "entries", "%d", count);
    for (int i = 0; i < count && i < ENTRIES_MAX; i++)
        show_entry(s, sk_X509_REVOKED_value(entries, i));
    if (count > ENTRIES_MAX)
        line(s, "", "... and %d more", count - ENTRIES_MAX);
    X509_CRL_free(crl);
    return true;
}

static bool show_public(const struct show *s, const char *what, EVP_PKEY *key)
{
    if (!key)
        return false;
    (void)fprintf(s->out, "%s\n", what);
    key_line(s, key);
    pin_line(s, key);
    EVP_PKEY_free(key);
    return true;
}

static bool show_private(const struct show *s, const unsigned char *der, long n)
{
    return show_public(s, "private key (its public half)",
                       d2i_AutoPrivateKey(NULL, &der, n));
}

static bool show_key(const struct show *s, const unsigned char *der, long n)
{
    return show_public(s, "public key", d2i_PUBKEY(NULL, &der, n));
}

static bool show_encrypted(const struct show *s, const unsigned char *der, long n)
{
    (void)der;
    (void)n;
    (void)fputs("private key, encrypted: nothing can be told of it\n", s->out);
    return true;
}

/* ---- files ---- */

static const struct kind {
    const char *name; /* of the PEM block */
    bool (*show)(const struct show *s, const unsigned char *der, long n);
    bool bare; /* looked for in DER, too */
} KINDS[] = {
    {PEM_STRING_X509, show_cert, true},
    {PEM_STRING_X509_TRUSTED, show_cert, false},
    {PEM_STRING_X509_REQ, show_request, true},
    {PEM_STRING_X509_REQ_OLD, show_request, false},
    {PEM_STRING_X509_CRL, show_crl, true},
    {PEM_STRING_PKCS8INF, show_private, false},
    {PEM_STRING_ECPRIVATEKEY, show_private, false},
    {PEM_STRING_RSA, show_private, false},
    {PEM_STRING_PUBLIC, show_key, true},
    {PEM_STRING_PKCS8, show_encrypted, false},
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static bool show_block(const struct show *s, const char *block, const unsigned char *der,
                       long n)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(KINDS[i].name, block) == 0)
            return KINDS[i].show(s, der, n);
    }
    return false;
}

static bool show_bare(const struct show *s, const char *text, size_t n)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (KINDS[i].bare && KINDS[i].show(s, (const unsigned char *)text, (long)n))
            return true;
    }
    return false;
}

/* The blocks shown, or -1 at one that cannot be. */
static int show_blocks(const struct show *s, BIO *bio)
{
    int shown = 0;

    for (; shown < PEM_ITEMS_MAX; shown++) {
        char *block = NULL, *header = NULL;
        unsigned char *der = NULL;
        long n = 0;
        bool good;

        if (PEM_read_bio(bio, &block, &header, &der, &n) != 1)
            break;
        /* EC PARAMETERS stand in front of the key that repeats them. */
        good =
            strcmp(block, PEM_STRING_ECPARAMETERS) == 0 || show_block(s, block, der, n);
        OPENSSL_free(block);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)n);
        if (!good)
            return -1;
    }
    return shown;
}

bool ca_show(FILE *out, const char *name, const char *text, size_t n, time_t now,
             char *err, size_t cap)
{
    const struct show s = {out, now};
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    const int shown = bio ? show_blocks(&s, bio) : -1;
    bool good = shown > 0 || (shown == 0 && show_bare(&s, text, n));

    BIO_free(bio);
    if (!good)
        errtext_set(err, cap,
                    "%s: holds %s certificate, request, revocation list or key in PEM or "
                    "DER form",
                    name, shown < 0 ? "a block that is no" : "no");
    ERR_clear_error();
    return good;
}
