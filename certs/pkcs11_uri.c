#include "certs/pkcs11_uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "pkcs11:"

__attribute__((format(printf, 3, 4))) static bool fail(char *err, size_t cap,
                                                       const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(err, cap, format, ap);
    va_end(ap);
    return false;
}

bool pkcs11_uri_is(const char *name)
{
    return strncmp(name, SCHEME, sizeof SCHEME - 1) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes %XX; false if the text is malformed, holds a control character or does not fit.
 */
static bool decode(const char *p, size_t n, char *out, size_t cap)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)p[i];

        if (c == '%') {
            int high = i + 2 < n ? hex_digit(p[i + 1]) : -1;
            int low = i + 2 < n ? hex_digit(p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = high << 4 | low;
            i += 2;
        }
        if (c < 0x20 || c == 0x7F || used + 1 >= cap)
            return false;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return true;
}

static bool word_is(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

static bool set_file(const char *what, const char *p, size_t n, char *out, char *err,
                     size_t cap)
{
    static const char file[] = "file:";
    size_t skip = n >= sizeof file - 1 && memcmp(p, file, sizeof file - 1) == 0
                      ? sizeof file - 1
                      : 0;

    if (out[0] != '\0')
        return fail(err, cap, "%s stands there twice; leave one", what);
    if (!decode(p + skip, n - skip, out, PKCS11_PATH_MAX) || out[0] != '/')
        return fail(err, cap, "%s is no absolute path; begin it with a /", what);
    return true;
}

/* NAME=VALUE. */
static bool set_env(struct pkcs11_uri *uri, const char *p, size_t n, char *err,
                    size_t cap)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t name;
    char *to;

    if (uri->env_count >= PKCS11_ENV_MAX)
        return fail(err, cap, "more than %u x-env attributes; leave some out",
                    PKCS11_ENV_MAX);
    to = uri->env[uri->env_count];
    if (!decode(p, n, to, sizeof uri->env[0]))
        return fail(err, cap, "x-env is too long or not in the form of RFC 7512");
    name = strspn(to, letters);
    if (name == 0 || to[name] != '=' || strncmp(to, "LD_", 3) == 0)
        return fail(err, cap, "x-env must be NAME=VALUE with a NAME of A-Z, 0-9 and _");
    uri->env_count++;
    return true;
}

/* One attribute behind the '?'. */
static bool set_query(struct pkcs11_uri *uri, const char *p, size_t n, char *err,
                      size_t cap)
{
    const char *equals = memchr(p, '=', n);
    size_t name = equals ? (size_t)(equals - p) : n;
    const char *value = equals ? equals + 1 : p + n;
    size_t size = n - name - (equals ? 1 : 0);

    if (word_is(p, name, "module-path"))
        return set_file("module-path", value, size, uri->module, err, cap);
    if (word_is(p, name, "pin-source"))
        return set_file("pin-source", value, size, uri->pin_file, err, cap);
    if (word_is(p, name, "x-env"))
        return set_env(uri, value, size, err, cap);
    if (word_is(p, name, "pin-value"))
        return fail(err, cap,
                    "a PIN does not belong into the configuration; put it into a file of "
                    "its own and name that with pin-source=/PATH");
    return fail(err, cap,
                "\"%.*s\" is not known behind the '?'; module-path, pin-source and x-env "
                "are",
                (int)(name < 40 ? name : 40), p);
}

static bool set_queries(struct pkcs11_uri *uri, const char *p, char *err, size_t cap)
{
    while (*p != '\0') {
        size_t n = strcspn(p, "&");

        if (!set_query(uri, p, n, err, cap))
            return false;
        p += n;
        if (*p == '&')
            p++;
    }
    return true;
}

/* The attributes that choose a key (RFC 7512 clause 2.3). */
static bool check_attribute(const char *p, size_t n, unsigned int *seen, char *err,
                            size_t cap)
{
    static const char *const names[] = {
        "token",  "object", "id",      "manufacturer",      "model",
        "serial", "type",   "slot-id", "slot-manufacturer", "slot-description"};
    const char *equals = memchr(p, '=', n);
    size_t name = equals ? (size_t)(equals - p) : 0;
    char value[256];

    for (unsigned int i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!word_is(p, name, names[i]))
            continue;
        *seen |= 1u << i;
        /* "id" is octets, which need not be characters. */
        return i == 2 ||
                       (decode(equals + 1, n - name - 1, value, sizeof value) && value[0])
                   ? true
                   : fail(err, cap, "\"%s\" has no value in the form of RFC 7512",
                          names[i]);
    }
    if (word_is(p, name, "pin-source") || word_is(p, name, "module-path"))
        return fail(err, cap, "\"%.*s\" belongs behind a '?', not behind a ';'",
                    (int)name, p);
    return fail(err, cap,
                "\"%.*s\" is no attribute of RFC 7512; write token=...;object=...",
                (int)(n < 40 ? n : 40), p);
}

static bool check_key(const char *key, char *err, size_t cap)
{
    const char *p = key + sizeof SCHEME - 1;
    unsigned int seen = 0;

    for (const char *c = p; *c != '\0'; c++) {
        if (*c <= 0x20 || *c >= 0x7F)
            return fail(err, cap,
                        "there is a character in it that RFC 7512 writes as %%XX");
    }
    while (*p != '\0') {
        size_t n = strcspn(p, ";");

        if (!check_attribute(p, n, &seen, err, cap))
            return false;
        p += n;
        if (*p == ';')
            p++;
    }
    if (!(seen & (1u << 0 | 1u << 5)))
        return fail(err, cap, "it does not say which token; add token=...");
    if (!(seen & (1u << 1 | 1u << 2)))
        return fail(err, cap, "it does not say which key; add object=... or id=...");
    return true;
}

bool pkcs11_uri_parse(const char *name, struct pkcs11_uri *uri, char *err, size_t cap)
{
    size_t n = strcspn(name, "?");

    memset(uri, 0, sizeof *uri);
    if (!pkcs11_uri_is(name) || n >= sizeof uri->key)
        return fail(err, cap, "it is too long");
    memcpy(uri->key, name, n);
    if (!check_key(uri->key, err, cap))
        return false;
    if (name[n] == '?' && !set_queries(uri, name + n + 1, err, cap))
        return false;
    if (uri->module[0] == '\0')
        return fail(err, cap,
                    "it does not say which module; add ?module-path=/usr/lib/MODULE.so");
    return true;
}
