/* What a signer is asked to sign: only the content of a TLS handshake signature passes,
 * for a side the key may serve, and none is good in two ways.
 *
 * Target functions: sign_check sign_check_tls12_server sign_check_tls12_client
 *   sign_kind_good sign_kind_name sign_kind_text sign_scheme_find
 * Options: -max_len=4096
 *
 * Input: SignatureScheme (2, big endian), what of TLS 1.2 is allowed (1), the content. */
#include "fuzz/lib/fuzz.h"

#include "certs/sign_check.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 3u

static unsigned int be16(const uint8_t *p)
{
    return (unsigned int)p[0] << 8 | p[1];
}

static size_t be24(const uint8_t *p)
{
    return (size_t)be16(p) << 8 | p[2];
}

/* ---- an opinion of its own ---- */

/* RFC 8446 clause 4.4.3; the length is that of SHA-256 or SHA-384. */
static bool is_tls13(const uint8_t *p, size_t n, const char *context)
{
    if (n != 64 + 34 + 32 && n != 64 + 34 + 48)
        return false;
    for (size_t i = 0; i < 64; i++)
        if (p[i] != ' ')
            return false;
    return memcmp(p + 64, context, 34) == 0; /* its NUL is the separator */
}

static size_t point_size(unsigned int curve)
{
    return curve == 23 ? 65 : curve == 24 ? 97 : curve == 29 ? 32 : 0;
}

/* RFC 8422 clause 5.4 from the curve type on; 0 if it is none. */
static size_t params_size(const uint8_t *p, size_t n)
{
    if (n < 5 || p[0] != 3)
        return 0;
    const size_t point = point_size(be16(p + 1));
    if (point == 0 || p[3] != point || n < 4 + point || (point != 32 && p[4] != 4))
        return 0;
    return 4 + point;
}

/* RFC 5246 clause 7.4.3 with ffdhe2048: each part has one length. */
static bool is_dhe(const uint8_t *p, size_t n)
{
    if (n != 2 + 256 + 2 + 1 + 2 + 256 || be16(p) != 256 || be16(p + 258) != 1 ||
        p[260] != 2 || be16(p + 261) != 256)
        return false;
    for (size_t i = 0; i < 8; i++)
        if (p[2 + i] != 0xFF || p[257 - i] != 0xFF)
            return false;
    return true;
}

static bool is_tls12_server(const uint8_t *p, size_t n, unsigned int allow)
{
    if (n <= 64)
        return false;
    return params_size(p + 64, n - 64) == n - 64 ||
           ((allow & SIGN_ALLOW_DHE) && is_dhe(p + 64, n - 64));
}

/* The suite that a ServerHello names, 0 if it is too short. */
static unsigned int suite_of(const uint8_t *p, size_t n)
{
    return n >= 37 && n >= 37u + p[34] ? be16(p + 35 + p[34]) : 0;
}

/* The messages of RFC 5246 clause 7.3 in order, nothing behind them; what is inside them
 * is judged only in part. */
static bool may_be_tls12_client(const uint8_t *p, size_t n, unsigned int allow)
{
    static const uint8_t types[] = {1, 2, 11, 12, 13, 14, 11, 16};
    const uint8_t *body[8];
    size_t size[8] = {0};
    unsigned int suite = 0;

    for (size_t i = 0; i < sizeof types; i++) {
        /* An OCSP answer may stand behind the server's certificate (RFC 6066 clause 8).
         */
        if (i == 3 && n >= 4 && p[0] == 22 && be24(p + 1) <= n - 4) {
            if (be24(p + 1) < 5 || p[4] != 1)
                return false;
            n -= 4 + be24(p + 1);
            p += 4 + be24(p + 1);
        }
        if (i == 2)
            suite = suite_of(body[1], size[1]);
        if (i == 3 && suite == 0x003C) {
            if (!(allow & SIGN_ALLOW_TRANSPORT))
                return false;
            continue;
        }
        if (n < 4 || p[0] != types[i] || be24(p + 1) > n - 4)
            return false;
        body[i] = p + 4;
        size[i] = be24(p + 1);
        p += 4 + size[i];
        n -= 4 + size[i];
    }
    if (suite == 0x003C)
        return n == 0 && size[5] == 0 && size[7] > 2 && be16(body[7]) == size[7] - 2;
    if (suite == 0x009E || suite == 0x009F)
        return (allow & SIGN_ALLOW_DHE) && n == 0 && size[5] == 0 && size[7] > 2 &&
               be16(body[7]) == size[7] - 2 && be16(body[3]) >= 256 &&
               be16(body[7]) <= be16(body[3]);
    const size_t params = params_size(body[3], size[3]);
    return n == 0 && size[0] >= 43 && be16(body[0]) == 0x0303 && size[1] >= 40 &&
           be16(body[1]) == 0x0303 && params > 0 && size[5] == 0 &&
           size[7] == params - 3 && body[7][0] == params - 4;
}

/* ---- */

static bool is_pkcs1(unsigned int scheme)
{
    return scheme == 0x0401 || scheme == 0x0501 || scheme == 0x0601;
}

static bool is_scheme(unsigned int scheme)
{
    return is_pkcs1(scheme) || scheme == 0x0403 || scheme == 0x0503 ||
           (scheme >= 0x0804 && scheme <= 0x0806);
}

static void check_good(enum sign_kind kind, const uint8_t *p, size_t n,
                       unsigned int scheme, enum sign_role role, unsigned int allow)
{
    const bool server = kind == SIGN_TLS13_SERVER || kind == SIGN_TLS12_SERVER;

    FUZZ_CHECK(is_scheme(scheme));
    FUZZ_CHECK((role & (server ? SIGN_ROLE_SERVER : SIGN_ROLE_CLIENT)) != 0);
    switch (kind) {
    case SIGN_TLS13_SERVER:
        FUZZ_CHECK(is_tls13(p, n, "TLS 1.3, server CertificateVerify"));
        FUZZ_CHECK(!is_pkcs1(scheme));
        break;
    case SIGN_TLS13_CLIENT:
        FUZZ_CHECK(is_tls13(p, n, "TLS 1.3, client CertificateVerify"));
        FUZZ_CHECK(!is_pkcs1(scheme));
        break;
    case SIGN_TLS12_SERVER:
        FUZZ_CHECK((allow & 1) && is_tls12_server(p, n, allow));
        break;
    case SIGN_TLS12_CLIENT:
        FUZZ_CHECK((allow & 1) && may_be_tls12_client(p, n, allow));
        break;
    default: FUZZ_CHECK(false);
    }
}

static enum sign_kind check_role(const uint8_t *p, size_t n, unsigned int scheme,
                                 enum sign_role role, unsigned int allow)
{
    const enum sign_kind kind = sign_check(p, n, (uint16_t)scheme, role, allow);
    const bool good = kind >= SIGN_TLS13_SERVER && kind <= SIGN_TLS12_CLIENT;

    FUZZ_CHECK(sign_kind_good(kind) == good);
    FUZZ_CHECK(strcmp(sign_kind_name(kind), "unknown") != 0);
    FUZZ_CHECK(strcmp(sign_kind_text(kind), "unknown") != 0);
    if (good)
        check_good(kind, p, n, scheme, role, allow);
    return good ? kind : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    const unsigned int scheme = be16(data);
    const unsigned int allow = data[2];
    const size_t n = size - HEAD;
    uint8_t *p = fuzz_copy(data + HEAD, n);
    const enum sign_kind server = check_role(p, n, scheme, SIGN_ROLE_SERVER, allow);
    const enum sign_kind client = check_role(p, n, scheme, SIGN_ROLE_CLIENT, allow);
    const enum sign_kind both = check_role(p, n, scheme, SIGN_ROLE_BOTH, allow);

    FUZZ_CHECK(server == 0 || client == 0);
    FUZZ_CHECK(both == (server != 0 ? server : client));
    FUZZ_CHECK(check_role(p, n, scheme, (enum sign_role)0, allow) == 0);
    FUZZ_CHECK(check_role(p, n, scheme, (enum sign_role)4, allow) == 0);
    if (is_scheme(scheme) && (allow & 1))
        FUZZ_CHECK(!is_tls12_server(p, n, allow) || server == SIGN_TLS12_SERVER);
    free(p);
    return 0;
}

/* Changes one message of a TLS 1.2 handshake and makes its length fit. */
static size_t mutate_message(uint8_t *p, size_t n, size_t max, unsigned int skip)
{
    size_t at = 0, size = 0, room, now;

    for (; at + 4 <= n; at += 4 + size) {
        size = be24(p + at + 1);
        if (size > n - at - 4)
            return LLVMFuzzerMutate(p, n, max);
        if (skip-- == 0)
            break;
    }
    if (at + 4 > n)
        return LLVMFuzzerMutate(p, n, max);
    const size_t rest = n - at - 4 - size;
    uint8_t *tail = fuzz_copy(p + at + 4 + size, rest);
    room = max - at - 4 - rest;
    now = LLVMFuzzerMutate(p + at + 4, size, room < 2 * size + 8 ? room : 2 * size + 8);
    memcpy(p + at + 4 + now, tail, rest);
    free(tail);
    p[at + 1] = 0;
    p[at + 2] = (uint8_t)(now >> 8);
    p[at + 3] = (uint8_t)now;
    return at + 4 + now + rest;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (size < HEAD + 4 || data[HEAD] != 1 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return HEAD + mutate_message(data + HEAD, size - HEAD, max - HEAD, seed / 4 % 8);
}
