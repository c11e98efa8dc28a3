#include "certs/sign_check.h"

#include <string.h>

#include "certs/sign_check_tls12.h"
#include "certs/sign_scheme.h"

/* RFC 8446 clause 4.4.3: 64 times 0x20, the context string, a zero octet, the hash of the
 * messages so far (SHA-256 or SHA-384, by cipher suite). */
#define PAD_OCTETS     64u
#define CONTEXT_OCTETS 34u
#define PREFIX_OCTETS  (PAD_OCTETS + CONTEXT_OCTETS)

struct tls13_context {
    char text[CONTEXT_OCTETS];
    enum sign_role role;
    enum sign_kind kind;
};

static const struct tls13_context contexts[] = {
    {"TLS 1.3, server CertificateVerify", SIGN_ROLE_SERVER, SIGN_TLS13_SERVER},
    {"TLS 1.3, client CertificateVerify", SIGN_ROLE_CLIENT, SIGN_TLS13_CLIENT},
};

static bool starts_with_pad(const uint8_t *tbs, size_t n)
{
    if (n < PAD_OCTETS)
        return false;
    for (size_t i = 0; i < PAD_OCTETS; i++) {
        if (tbs[i] != 0x20)
            return false;
    }
    return true;
}

static enum sign_kind check_tls13(const uint8_t *tbs, size_t n,
                                  const struct sign_scheme *scheme, enum sign_role role)
{
    if (n != PREFIX_OCTETS + 32 && n != PREFIX_OCTETS + 48)
        return SIGN_REFUSED_LENGTH;
    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        if (memcmp(tbs + PAD_OCTETS, contexts[i].text, CONTEXT_OCTETS) != 0)
            continue;
        if (!(role & contexts[i].role))
            return SIGN_REFUSED_SIDE;
        /* RFC 8446 clause 4.2.3: PKCS#1 v1.5 signs certificates only. */
        if (scheme->family == SIGN_RSA_PKCS1)
            return SIGN_REFUSED_SCHEME;
        return contexts[i].kind;
    }
    return SIGN_REFUSED_CONTEXT;
}

static enum sign_kind check_tls12(const uint8_t *tbs, size_t n, enum sign_role role,
                                  unsigned int allow)
{
    enum sign_kind server;
    enum sign_kind client;

    server = sign_check_tls12_server(tbs, n, allow);
    if (role == SIGN_ROLE_SERVER)
        return server;
    /* Octets that could stand for both are no client's. */
    if (sign_kind_good(server))
        return role == SIGN_ROLE_CLIENT ? SIGN_REFUSED_SIDE : server;
    client = sign_check_tls12_client(tbs, n, allow);
    if (sign_kind_good(client) || role == SIGN_ROLE_CLIENT)
        return client;
    return n <= SIGN_TLS12_SERVER_MAX ? server : client;
}

enum sign_kind sign_check(const uint8_t *tbs, size_t n, uint16_t scheme,
                          enum sign_role role, unsigned int allow)
{
    const struct sign_scheme *row = sign_scheme_find(scheme);

    if (!row)
        return SIGN_REFUSED_SCHEME;
    if (n == 0 || n > SIGN_CONTENT_MAX)
        return SIGN_REFUSED_LENGTH;
    if ((role & ~SIGN_ROLE_BOTH) || role == 0)
        return SIGN_REFUSED_SIDE;
    if (starts_with_pad(tbs, n))
        return check_tls13(tbs, n, row, role);
    if (!(allow & SIGN_ALLOW_TLS12))
        return SIGN_REFUSED_VERSION;
    return check_tls12(tbs, n, role, allow);
}

struct kind_row {
    enum sign_kind kind;
    const char *name;
    const char *text;
};

static const struct kind_row kinds[] = {
#define X(symbol, id, name, text) {symbol, name, text},
#include "certs/sign_kind.def"
#undef X
};

static const struct kind_row *kind_find(unsigned int kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].kind == kind)
            return &kinds[i];
    }
    return NULL;
}

bool sign_kind_good(enum sign_kind kind)
{
    return kind_find(kind) && kind < SIGN_REFUSED_SCHEME;
}

const char *sign_kind_name(unsigned int kind)
{
    const struct kind_row *row = kind_find(kind);

    return row ? row->name : "unknown";
}

const char *sign_kind_text(unsigned int kind)
{
    const struct kind_row *row = kind_find(kind);

    return row ? row->text : "unknown";
}
