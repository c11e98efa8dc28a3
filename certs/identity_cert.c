#include "certs/identity_ssl.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

/* ---- text that is always printable and always ends ---- */

struct text {
    char *s;
    size_t cap;
    size_t len;
    bool cut;
};

static void text_begin(struct text *t, char *s, size_t cap)
{
    *t = (struct text){s, cap, 0, false};
    s[0] = '\0';
}

static void text_add(struct text *t, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (t->len + 1 >= t->cap) {
            t->cut = true;
            break;
        }
        t->s[t->len++] = s[i] >= 0x20 && s[i] <= 0x7e ? s[i] : '?';
    }
    t->s[t->len] = '\0';
}

static void text_end(struct text *t)
{
    if (t->cut)
        memcpy(t->s + t->cap - 4, "...", 4);
}

static void text_string(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

/* Octets of another's choice: what is not a plain character becomes \XX, as in RFC 2253
 * clause 2.4; the comma too, which separates entries here. */
static void text_escaped(struct text *t, const unsigned char *p, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < n && !t->cut; i++) {
        char raw[3] = {'\\', hex[p[i] >> 4], hex[p[i] & 15]};
        bool plain = p[i] > 0x20 && p[i] <= 0x7e && p[i] != ',' && p[i] != '\\';

        if (plain)
            text_add(t, (const char *)&p[i], 1);
        else
            text_add(t, raw, sizeof(raw));
    }
}

/* ---- names ---- */

static void add_name(struct text *t, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long n = 0;

    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_get_mem_data(bio, &data);
    if (n > 0)
        text_add(t, data, (size_t)n);
    BIO_free(bio);
}

void identity_name_text(const X509_NAME *name, char *text, size_t cap)
{
    struct text t;

    text_begin(&t, text, cap);
    add_name(&t, name);
    text_end(&t);
}

static void add_ip(struct text *t, const ASN1_OCTET_STRING *ip)
{
    const unsigned char *p = ASN1_STRING_get0_data(ip);
    int n = ASN1_STRING_length(ip);
    char item[8];

    text_string(t, "IP:");
    if (n != 4 && n != 16) {
        text_string(t, "invalid");
        return;
    }
    for (int i = 0; i < n; i += n == 4 ? 1 : 2) {
        if (n == 4)
            BIO_snprintf(item, sizeof(item), i ? ".%u" : "%u", p[i]);
        else
            BIO_snprintf(item, sizeof(item), i ? ":%X" : "%X", p[i] << 8 | p[i + 1]);
        text_string(t, item);
    }
}

static void add_string(struct text *t, const char *kind, const ASN1_STRING *s)
{
    text_string(t, kind);
    text_escaped(t, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void add_general_name(struct text *t, const GENERAL_NAME *gn)
{
    int type;
    const void *value = GENERAL_NAME_get0_value(gn, &type);

    if (type == GEN_DNS)
        add_string(t, "DNS:", value);
    else if (type == GEN_URI)
        add_string(t, "URI:", value);
    else if (type == GEN_EMAIL)
        add_string(t, "email:", value);
    else if (type == GEN_IPADD)
        add_ip(t, value);
    else if (type == GEN_DIRNAME) {
        text_string(t, "DirName:");
        add_name(t, value);
    } else
        text_string(t, "other");
}

static void san_text(const X509 *cert, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    struct text t;

    text_begin(&t, out, cap);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !t.cut; i++) {
        if (i > 0)
            text_string(&t, ", ");
        add_general_name(&t, sk_GENERAL_NAME_value(names, i));
    }
    text_end(&t);
    GENERAL_NAMES_free(names);
}

/* ---- the rest ---- */

static bool serial_text(const X509 *cert, char *out, size_t cap)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = bn ? BN_bn2hex(bn) : NULL;
    struct text t;

    text_begin(&t, out, cap);
    if (hex)
        text_string(&t, hex);
    text_end(&t);
    OPENSSL_free(hex);
    BN_free(bn);
    return t.len > 0;
}

static bool time_seconds(const ASN1_TIME *when, int64_t *seconds)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) != 1)
        return false;
    *seconds = timegm(&tm);
    return true;
}

static bool fingerprint(const X509 *cert, uint8_t out[IDENTITY_FINGERPRINT_LEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (X509_digest(cert, EVP_sha256(), digest, &n) != 1 || n != IDENTITY_FINGERPRINT_LEN)
        return false;
    memcpy(out, digest, IDENTITY_FINGERPRINT_LEN);
    return true;
}

bool identity_from_cert(struct peer_identity *id, X509 *cert)
{
    bool good;

    memset(id, 0, sizeof(*id));
    good = fingerprint(cert, id->fingerprint) &&
           serial_text(cert, id->serial, sizeof(id->serial)) &&
           time_seconds(X509_get0_notBefore(cert), &id->not_before) &&
           time_seconds(X509_get0_notAfter(cert), &id->not_after);
    if (good) {
        identity_name_text(X509_get_subject_name(cert), id->subject, sizeof(id->subject));
        identity_name_text(X509_get_issuer_name(cert), id->issuer, sizeof(id->issuer));
        san_text(cert, id->san, sizeof(id->san));
        identity_take_roles(id, cert);
    } else {
        memset(id, 0, sizeof(*id));
    }
    ERR_clear_error();
    return good;
}
