#include "certs/sign_check_tls12.h"

#include <string.h>

/* A bounded cursor over big-endian octets (RFC 5246 clause 4.4).  The first read beyond
 * the end sets `bad`; after it every read gives zero. */
struct cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static uint32_t get(struct cursor *c, size_t octets)
{
    uint32_t v = 0;

    if (c->bad || c->left < octets) {
        c->bad = true;
        return 0;
    }
    for (size_t i = 0; i < octets; i++)
        v = v << 8 | c->p[i];
    c->p += octets;
    c->left -= octets;
    return v;
}

/* The next n octets as a cursor of their own. */
static struct cursor sub(struct cursor *c, size_t n)
{
    struct cursor s = {c->p, n, false};

    if (c->bad || c->left < n) {
        c->bad = true;
        return (struct cursor){c->p, 0, true};
    }
    c->p += n;
    c->left -= n;
    return s;
}

/* A vector with a length in front of it. */
static struct cursor vector(struct cursor *c, size_t length_octets)
{
    size_t n = get(c, length_octets);

    return sub(c, n);
}

static bool whole(const struct cursor *c)
{
    return !c->bad && c->left == 0;
}

struct curve {
    uint16_t code;
    uint8_t point;
    bool prefixed; /* uncompressed form, RFC 8422 clause 5.4.1 */
};

static const struct curve curves[] = {
    {23, 65, true},
    {24, 97, true},
    {29, 32, false},
};

static const struct curve *curve_find(uint16_t code)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (curves[i].code == code)
            return &curves[i];
    }
    return NULL;
}

static bool point_good(struct cursor *c, const struct curve *curve)
{
    struct cursor point = vector(c, 1);

    return !point.bad && point.left == curve->point &&
           (!curve->prefixed || point.p[0] == 0x04);
}

/* ServerECDHParams, RFC 8422 clause 5.4. */
static enum sign_kind check_params(struct cursor *c, const struct curve **curve)
{
    if (get(c, 1) != 3)
        return c->bad ? SIGN_REFUSED_LENGTH : SIGN_REFUSED_CURVE;
    *curve = curve_find((uint16_t)get(c, 2));
    if (!*curve)
        return c->bad ? SIGN_REFUSED_LENGTH : SIGN_REFUSED_CURVE;
    return point_good(c, *curve) ? SIGN_TLS12_SERVER : SIGN_REFUSED_POINT;
}

enum sign_kind sign_check_tls12_server(const uint8_t *tbs, size_t n)
{
    struct cursor c = {tbs, n, false};
    const struct curve *curve;
    enum sign_kind found;

    sub(&c, 64);
    found = check_params(&c, &curve);
    if (found != SIGN_TLS12_SERVER)
        return found;
    return whole(&c) ? SIGN_TLS12_SERVER : SIGN_REFUSED_LENGTH;
}

/* The messages of a full handshake, RFC 5246 clause 7.4.  Each check reads one body, and
 * the caller sees to it that nothing of the body is left. */
typedef bool (*body_fn)(struct cursor *c, const struct curve **curve);

/* Items of at least `min` octets, each with a length of `width` octets; at most as many
 * as there are octets. */
static bool items_good(struct cursor list, size_t width, size_t min)
{
    while (!list.bad && list.left > 0) {
        struct cursor item = vector(&list, width);

        if (item.bad || item.left < min)
            return false;
    }
    return whole(&list);
}

/* Clause 7.4.1.4: type and length of each, adding up exactly. */
static bool extensions_good(struct cursor *c)
{
    struct cursor list = vector(c, 2);

    while (!list.bad && list.left > 0) {
        get(&list, 2);
        vector(&list, 2);
    }
    return whole(&list);
}

/* The part both hellos begin with: version, random, session id. */
static bool hello_start_good(struct cursor *c)
{
    struct cursor id;

    if (get(c, 2) != 0x0303)
        return false;
    sub(c, 32);
    id = vector(c, 1);
    return !id.bad && id.left <= 32;
}

static bool client_hello_good(struct cursor *c, const struct curve **curve)
{
    struct cursor suites;
    struct cursor compression;

    (void)curve;
    if (!hello_start_good(c))
        return false;
    suites = vector(c, 2);
    if (suites.bad || suites.left < 2 || suites.left % 2 != 0)
        return false;
    compression = vector(c, 1);
    if (compression.bad || compression.left != 1 || compression.p[0] != 0)
        return false;
    return extensions_good(c);
}

static bool server_hello_good(struct cursor *c, const struct curve **curve)
{
    (void)curve;
    if (!hello_start_good(c))
        return false;
    get(c, 2);
    if (get(c, 1) != 0)
        return false;
    return extensions_good(c);
}

/* Either side's: mutual authentication leaves no empty list. */
static bool certificate_good(struct cursor *c, const struct curve **curve)
{
    struct cursor list = vector(c, 3);

    (void)curve;
    return !list.bad && list.left > 0 && items_good(list, 3, 1);
}

static bool server_key_exchange_good(struct cursor *c, const struct curve **curve)
{
    struct cursor signature;

    if (check_params(c, curve) != SIGN_TLS12_SERVER)
        return false;
    get(c, 2);
    signature = vector(c, 2);
    return !signature.bad && signature.left > 0;
}

static bool certificate_request_good(struct cursor *c, const struct curve **curve)
{
    struct cursor types = vector(c, 1);
    struct cursor schemes = vector(c, 2);
    struct cursor names = vector(c, 2);

    (void)curve;
    if (types.bad || types.left == 0)
        return false;
    if (schemes.bad || schemes.left < 2 || schemes.left % 2 != 0)
        return false;
    return items_good(names, 2, 1);
}

static bool hello_done_good(struct cursor *c, const struct curve **curve)
{
    (void)c;
    (void)curve;
    return true;
}

static bool client_key_exchange_good(struct cursor *c, const struct curve **curve)
{
    return point_good(c, *curve);
}

/* RFC 5246 clause 7.3, figure 1.  gate104 asks for no CertificateStatus and no ticket, so
 * there is no place for them. */
static const struct step {
    uint8_t type;
    body_fn good;
} steps[] = {
    {1, client_hello_good},         {2, server_hello_good},
    {11, certificate_good},         {12, server_key_exchange_good},
    {13, certificate_request_good}, {14, hello_done_good},
    {11, certificate_good},         {16, client_key_exchange_good},
};

enum sign_kind sign_check_tls12_client(const uint8_t *tbs, size_t n)
{
    struct cursor c = {tbs, n, false};
    const struct curve *curve = NULL;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct cursor body;

        if (get(&c, 1) != steps[i].type)
            return c.bad ? SIGN_REFUSED_LENGTH : SIGN_REFUSED_ORDER;
        body = vector(&c, 3);
        if (body.bad)
            return SIGN_REFUSED_LENGTH;
        if (!steps[i].good(&body, &curve) || !whole(&body))
            return SIGN_REFUSED_MESSAGE;
    }
    return whole(&c) ? SIGN_TLS12_CLIENT : SIGN_REFUSED_LENGTH;
}
