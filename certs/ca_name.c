#include "certs/ca_name.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/err.h>

#include "certs/errtext.h"

#define PART_CAP 256u
#define PARTS    16u

/* ---- subject ---- */

/* Takes the octets up to an unescaped `stop` or the end.  What stands behind them, or
 * NULL if they do not fit. */
static const char *take(const char *p, char stop, char out[PART_CAP])
{
    size_t n = 0;

    for (; *p && *p != stop; p++) {
        if (*p == '\\' && p[1])
            p++;
        if (n + 1 >= PART_CAP)
            return NULL;
        out[n++] = *p;
    }
    out[n] = '\0';
    return p;
}

static bool add_entry(X509_NAME *name, const char *type, const char *value)
{
    bool good = type[0] && value[0] &&
                X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
                                           (const unsigned char *)value, -1, -1, 0) == 1;

    ERR_clear_error();
    return good;
}

static bool add_parts(X509_NAME *name, const char *text)
{
    char type[PART_CAP], value[PART_CAP];
    const char *p = text;

    for (size_t i = 0; i < PARTS && *p == '/'; i++) {
        p = take(p + 1, '=', type);
        if (!p || *p != '=')
            return false;
        p = take(p + 1, '/', value);
        if (!p || !add_entry(name, type, value))
            return false;
    }
    return *p == '\0';
}

X509_NAME *ca_name_parse(const char *text, char *err, size_t cap)
{
    X509_NAME *name = X509_NAME_new();

    if (name && (text[0] == '/' ? add_parts(name, text) : add_entry(name, "CN", text)))
        return name;
    errtext_set(err, cap,
                "the name \"%.100s\" cannot be used; write a common name of 1 to 64 "
                "characters, or /O=ORGANISATION/CN=NAME",
                text);
    X509_NAME_free(name);
    return NULL;
}

/* ---- alternative names ---- */

/* RFC 5280 clause 4.2.1.6: the preferred name syntax of RFC 1034; underscores live. */
static bool is_host(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789-_.";
    const size_t n = strlen(text);

    return n >= 1 && n <= 253 && strspn(text, good) == n && text[0] != '.' &&
           text[0] != '-' && text[n - 1] != '.' && !strstr(text, "..");
}

static bool push(GENERAL_NAMES *names, int type, const void *octets, size_t n)
{
    GENERAL_NAME *gn = GENERAL_NAME_new();
    ASN1_STRING *value =
        ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

    if (!gn || !value || ASN1_STRING_set(value, octets, (int)n) != 1) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(gn);
        return false;
    }
    GENERAL_NAME_set0_value(gn, type, value);
    if (sk_GENERAL_NAME_push(names, gn) > 0)
        return true;
    GENERAL_NAME_free(gn);
    return false;
}

static bool add_text(GENERAL_NAMES *names, const char *text)
{
    const bool dns = strncmp(text, "DNS:", 4) == 0;
    const bool ip = strncmp(text, "IP:", 3) == 0;
    const char *value = text + (dns ? 4 : ip ? 3 : 0);
    unsigned char octets[16];

    if (!dns && inet_pton(AF_INET, value, octets) == 1)
        return push(names, GEN_IPADD, octets, 4);
    if (!dns && inet_pton(AF_INET6, value, octets) == 1)
        return push(names, GEN_IPADD, octets, 16);
    return !ip && is_host(value) && push(names, GEN_DNS, value, strlen(value));
}

GENERAL_NAMES *ca_names_parse(const char *const *texts, size_t count, char *err,
                              size_t cap)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();

    for (size_t i = 0; names && i < count; i++) {
        if (i < CA_NAMES_MAX && add_text(names, texts[i]))
            continue;
        errtext_set(err, cap,
                    "the alternative name \"%.100s\" is neither a host name nor an IP "
                    "address (or there are more than %u); write DNS:NAME or IP:ADDRESS",
                    texts[i], CA_NAMES_MAX);
        GENERAL_NAMES_free(names);
        return NULL;
    }
    return names;
}

bool ca_names_add(GENERAL_NAMES *to, const GENERAL_NAMES *from, char *err, size_t cap)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(from); i++) {
        int type;
        const ASN1_STRING *value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(from, i), &type);
        const int n =
            type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_length(value) : 0;
        char host[254] = "";

        if (type != GEN_DNS && type != GEN_IPADD)
            continue;
        if (type == GEN_DNS && n > 0 && n < (int)sizeof host)
            memcpy(host, ASN1_STRING_get0_data(value), (size_t)n);
        if (sk_GENERAL_NAME_num(to) >= (int)CA_NAMES_MAX ||
            (type == GEN_DNS ? strlen(host) != (size_t)n || !is_host(host)
                             : n != 4 && n != 16) ||
            !push(to, type, ASN1_STRING_get0_data(value), (size_t)n)) {
            errtext_set(err, cap,
                        "alternative name number %d of the request cannot be taken over; "
                        "give the names with --san",
                        i + 1);
            return false;
        }
    }
    return true;
}
