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

/* How the two sides of a handshake agree on a secret. */
enum exchange { EXCHANGE_ECDHE, EXCHANGE_DHE, EXCHANGE_TRANSPORT };

struct agreement {
    enum exchange how;
    const struct curve *curve; /* ECDHE */
    size_t prime;              /* DHE: octets of it */
};

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

/* RFC 7919: the prime begins and ends with 64 ones, the generator is 2.  OpenSSL fills
 * the public value up to the length of the prime. */
static bool is_ffdhe2048(const struct cursor *p, const struct cursor *g,
                         const struct cursor *y)
{
    static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};

    return p->left == 256 && g->left == 1 && y->left == 256 && g->p[0] == 2 &&
           memcmp(p->p, ones, sizeof ones) == 0 &&
           memcmp(p->p + 256 - sizeof ones, ones, sizeof ones) == 0;
}

/* ServerDHParams, RFC 5246 clause 7.4.3: our own are of one group, a peer's of any with a
 * prime of 2048 to 8192 bits. */
static bool dh_params_good(struct cursor *c, bool own, size_t *prime)
{
    struct cursor p = vector(c, 2);
    struct cursor g = vector(c, 2);
    struct cursor y = vector(c, 2);

    if (c->bad || g.left == 0 || y.left == 0 || g.left > p.left || y.left > p.left)
        return false;
    *prime = p.left;
    return own ? is_ffdhe2048(&p, &g, &y) : p.left >= 256 && p.left <= 1024;
}

enum sign_kind sign_check_tls12_server(const uint8_t *tbs, size_t n, unsigned int allow)
{
    struct cursor c = {tbs, n, false};
    struct cursor dh;
    const struct curve *curve;
    enum sign_kind found;
    size_t prime;

    sub(&c, 64);
    dh = c;
    found = check_params(&c, &curve);
    if (found == SIGN_TLS12_SERVER)
        return whole(&c) ? SIGN_TLS12_SERVER : SIGN_REFUSED_LENGTH;
    /* The curve type is below 4, and the first octet of a length of 256 is 1. */
    if ((allow & SIGN_ALLOW_DHE) && dh_params_good(&dh, true, &prime))
        return whole(&dh) ? SIGN_TLS12_SERVER : SIGN_REFUSED_LENGTH;
    return found;
}

/* The messages of a full handshake, RFC 5246 clause 7.4.  Each check reads one body, and
 * the caller sees to it that nothing of the body is left. */
typedef bool (*body_fn)(struct cursor *c, struct agreement *a);

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

static bool client_hello_good(struct cursor *c, struct agreement *a)
{
    struct cursor suites;
    struct cursor compression;

    (void)a;
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

/* The suites of the profile that do not use curves. */
static const struct {
    uint16_t suite;
    enum exchange how;
} exchanges[] = {
    {0x009E, EXCHANGE_DHE},
    {0x009F, EXCHANGE_DHE},
    {0x003C, EXCHANGE_TRANSPORT},
};

static bool server_hello_good(struct cursor *c, struct agreement *a)
{
    uint32_t suite;

    if (!hello_start_good(c))
        return false;
    suite = get(c, 2);
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        if (exchanges[i].suite == suite)
            a->how = exchanges[i].how;
    }
    if (get(c, 1) != 0)
        return false;
    return extensions_good(c);
}

/* Either side's: mutual authentication leaves no empty list. */
static bool certificate_good(struct cursor *c, struct agreement *a)
{
    struct cursor list = vector(c, 3);

    (void)a;
    return !list.bad && list.left > 0 && items_good(list, 3, 1);
}

static bool server_key_exchange_good(struct cursor *c, struct agreement *a)
{
    struct cursor signature;

    if (a->how == EXCHANGE_DHE ? !dh_params_good(c, false, &a->prime)
                               : check_params(c, &a->curve) != SIGN_TLS12_SERVER)
        return false;
    get(c, 2);
    signature = vector(c, 2);
    return !signature.bad && signature.left > 0;
}

static bool certificate_request_good(struct cursor *c, struct agreement *a)
{
    struct cursor types = vector(c, 1);
    struct cursor schemes = vector(c, 2);
    struct cursor names = vector(c, 2);

    (void)a;
    if (types.bad || types.left == 0)
        return false;
    if (schemes.bad || schemes.left < 2 || schemes.left % 2 != 0)
        return false;
    return items_good(names, 2, 1);
}

static bool hello_done_good(struct cursor *c, struct agreement *a)
{
    (void)c;
    (void)a;
    return true;
}

/* The largest that a key of 8192 bits encrypts to (RFC 5246 clause 7.4.7.1). */
#define ENCRYPTED_MAX 1024u

/* RFC 6066 clause 8: an OCSP answer. */
static bool certificate_status_good(struct cursor *c, struct agreement *a)
{
    struct cursor answer;

    (void)a;
    if (get(c, 1) != 1)
        return false;
    answer = vector(c, 3);
    return !answer.bad && answer.left > 0;
}

static bool client_key_exchange_good(struct cursor *c, struct agreement *a)
{
    struct cursor value;

    if (a->how == EXCHANGE_ECDHE)
        return point_good(c, a->curve);
    value = vector(c, 2);
    return !value.bad && value.left > 0 &&
           value.left <= (a->how == EXCHANGE_DHE ? a->prime : ENCRYPTED_MAX);
}

/* RFC 5246 clause 7.3, figure 1.  gate104 asks for no ticket, so there is no place for
 * one; a server that is asked for its CertificateStatus may leave it out. */
#define SERVER_KEY_EXCHANGE 12u
#define CERTIFICATE_STATUS  22u
static const struct step {
    uint8_t type;
    body_fn good;
} steps[] = {
    {1, client_hello_good},
    {2, server_hello_good},
    {11, certificate_good},
    {CERTIFICATE_STATUS, certificate_status_good},
    {SERVER_KEY_EXCHANGE, server_key_exchange_good},
    {13, certificate_request_good},
    {14, hello_done_good},
    {11, certificate_good},
    {16, client_key_exchange_good},
};

static bool exchange_allowed(enum exchange how, unsigned int allow)
{
    if (how == EXCHANGE_ECDHE)
        return true;
    return allow & (how == EXCHANGE_DHE ? SIGN_ALLOW_DHE : SIGN_ALLOW_TRANSPORT);
}

/* True if the message is not there, and need not be. */
static bool left_out(const struct step *step, const struct cursor *c,
                     const struct agreement *a)
{
    if (step->type == CERTIFICATE_STATUS)
        return c->left > 0 && c->p[0] != step->type;
    /* Key transport needs nothing of the server but its certificate. */
    return step->type == SERVER_KEY_EXCHANGE && a->how == EXCHANGE_TRANSPORT;
}

enum sign_kind sign_check_tls12_client(const uint8_t *tbs, size_t n, unsigned int allow)
{
    struct cursor c = {tbs, n, false};
    struct agreement a = {EXCHANGE_ECDHE, NULL, 0};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct cursor body;

        if (left_out(&steps[i], &c, &a))
            continue;
        if (get(&c, 1) != steps[i].type)
            return c.bad ? SIGN_REFUSED_LENGTH : SIGN_REFUSED_ORDER;
        body = vector(&c, 3);
        if (body.bad)
            return SIGN_REFUSED_LENGTH;
        if (!steps[i].good(&body, &a) || !whole(&body) || !exchange_allowed(a.how, allow))
            return SIGN_REFUSED_MESSAGE;
    }
    return whole(&c) ? SIGN_TLS12_CLIENT : SIGN_REFUSED_LENGTH;
}
