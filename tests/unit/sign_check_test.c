/* What the signer is willing to sign, octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/sign_check.h"
#include "certs/sign_scheme.h"

#define P256_SHA256 0x0403
#define PKCS1       0x0401

/* Content under construction.  Given to the check in a block of its exact size, so that
 * the sanitizer sees any read beyond it. */
struct content {
    uint8_t p[2048];
    size_t n;
};

static enum sign_kind check(const struct content *c, uint16_t scheme, enum sign_role role,
                            bool tls12)
{
    uint8_t *exact = malloc(c->n ? c->n : 1);
    enum sign_kind kind;

    assert_non_null(exact);
    memcpy(exact, c->p, c->n);
    kind = sign_check(exact, c->n, scheme, role, tls12);
    free(exact);
    return kind;
}

static void put(struct content *c, const void *p, size_t n)
{
    assert_true(c->n + n <= sizeof(c->p));
    memcpy(c->p + c->n, p, n);
    c->n += n;
}

static void put_int(struct content *c, size_t octets, size_t v)
{
    for (size_t i = octets; i > 0; i--) {
        uint8_t o = (uint8_t)(v >> (8 * (i - 1)));

        put(c, &o, 1);
    }
}

static void put_fill(struct content *c, uint8_t o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(c, &o, 1);
}

static struct content tls13(const char *side, size_t hash)
{
    struct content c = {.n = 0};

    put_fill(&c, 0x20, 64);
    put(&c, "TLS 1.3, ", 9);
    put(&c, side, 6);
    put(&c, " CertificateVerify", 19);
    put_fill(&c, 0xa5, hash);
    return c;
}

static void put_params(struct content *c, size_t curve, size_t point)
{
    put_int(c, 1, 3);
    put_int(c, 2, curve);
    put_int(c, 1, point);
    put_int(c, 1, 4);
    put_fill(c, 0x77, point - 1);
}

static struct content ske(size_t curve, size_t point)
{
    struct content c = {.n = 0};

    put_fill(&c, 0x11, 32);
    put_fill(&c, 0x22, 32);
    put_params(&c, curve, point);
    return c;
}

/* ---- TLS 1.3 ---- */

static void tls13_good(void **state)
{
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0804, 0x0805, 0x0806};
    struct content server = tls13("server", 32);
    struct content server384 = tls13("server", 48);
    struct content client = tls13("client", 32);

    (void)state;
    assert_int_equal(server.n, 130);
    assert_int_equal(server384.n, 146);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        assert_int_equal(check(&server, schemes[i], SIGN_ROLE_SERVER, false),
                         SIGN_TLS13_SERVER);
        assert_int_equal(check(&server384, schemes[i], SIGN_ROLE_BOTH, true),
                         SIGN_TLS13_SERVER);
        assert_int_equal(check(&client, schemes[i], SIGN_ROLE_CLIENT, false),
                         SIGN_TLS13_CLIENT);
    }
}

static void tls13_every_octet_of_the_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < 98; i++) {
        struct content c = tls13("server", 32);

        c.p[i] ^= 1;
        assert_false(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_SERVER, false)));
        assert_false(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_BOTH, true)));
    }
}

static void tls13_every_length(void **state)
{
    (void)state;
    for (size_t hash = 0; hash <= 70; hash++) {
        struct content c = tls13("server", hash);
        bool good = hash == 32 || hash == 48;

        assert_int_equal(check(&c, P256_SHA256, SIGN_ROLE_SERVER, true),
                         good ? SIGN_TLS13_SERVER : SIGN_REFUSED_LENGTH);
    }
}

static void tls13_side_and_scheme(void **state)
{
    struct content server = tls13("server", 32);
    struct content client = tls13("client", 32);
    struct content other = tls13("serveR", 32);

    (void)state;
    assert_int_equal(check(&server, P256_SHA256, SIGN_ROLE_CLIENT, true),
                     SIGN_REFUSED_SIDE);
    assert_int_equal(check(&client, P256_SHA256, SIGN_ROLE_SERVER, true),
                     SIGN_REFUSED_SIDE);
    assert_int_equal(check(&server, P256_SHA256, 0, true), SIGN_REFUSED_SIDE);
    assert_int_equal(check(&server, P256_SHA256, 4, true), SIGN_REFUSED_SIDE);
    assert_int_equal(check(&server, P256_SHA256, 5, true), SIGN_REFUSED_SIDE);
    assert_int_equal(check(&other, P256_SHA256, SIGN_ROLE_BOTH, true),
                     SIGN_REFUSED_CONTEXT);
    for (uint16_t low = 0x0401; low <= 0x0601; low += 0x0100)
        assert_int_equal(check(&server, low, SIGN_ROLE_SERVER, true),
                         SIGN_REFUSED_SCHEME);
}

static void only_eight_schemes(void **state)
{
    struct content c = tls13("server", 32);
    unsigned int good = 0;

    (void)state;
    for (unsigned int s = 0; s <= 0xffff; s++)
        good += sign_kind_good(check(&c, (uint16_t)s, SIGN_ROLE_SERVER, true));
    assert_int_equal(good, 5);
    c = ske(23, 65);
    good = 0;
    for (unsigned int s = 0; s <= 0xffff; s++)
        good += sign_kind_good(check(&c, (uint16_t)s, SIGN_ROLE_SERVER, true));
    assert_int_equal(good, 8);
}

/* ---- TLS 1.2 server ---- */

static void ske_good(void **state)
{
    struct content p256 = ske(23, 65);
    struct content p384 = ske(24, 97);
    struct content x25519 = ske(29, 32);

    (void)state;
    x25519.p[68] = 0x99;
    assert_int_equal(check(&p256, P256_SHA256, SIGN_ROLE_SERVER, true),
                     SIGN_TLS12_SERVER);
    assert_int_equal(check(&p256, PKCS1, SIGN_ROLE_BOTH, true), SIGN_TLS12_SERVER);
    assert_int_equal(check(&p384, P256_SHA256, SIGN_ROLE_BOTH, true), SIGN_TLS12_SERVER);
    assert_int_equal(check(&x25519, P256_SHA256, SIGN_ROLE_SERVER, true),
                     SIGN_TLS12_SERVER);
}

static void ske_just_bad(void **state)
{
    static const struct {
        size_t at;
        uint8_t octet;
        enum sign_kind kind;
    } rows[] = {
        {64, 1, SIGN_REFUSED_CURVE},  {64, 2, SIGN_REFUSED_CURVE},
        {64, 0, SIGN_REFUSED_CURVE},  {64, 4, SIGN_REFUSED_CURVE},
        {65, 1, SIGN_REFUSED_CURVE},  {66, 22, SIGN_REFUSED_CURVE},
        {66, 25, SIGN_REFUSED_CURVE}, {66, 24, SIGN_REFUSED_POINT},
        {66, 29, SIGN_REFUSED_POINT}, {67, 64, SIGN_REFUSED_POINT},
        {67, 66, SIGN_REFUSED_POINT}, {67, 0, SIGN_REFUSED_POINT},
        {68, 2, SIGN_REFUSED_POINT},  {68, 3, SIGN_REFUSED_POINT},
        {68, 0, SIGN_REFUSED_POINT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct content c = ske(23, 65);

        c.p[rows[i].at] = rows[i].octet;
        assert_int_equal(check(&c, P256_SHA256, SIGN_ROLE_SERVER, true), rows[i].kind);
    }
}

static void ske_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 200; n++) {
        struct content c = ske(23, 65);

        memset(c.p + c.n, 0, 100);
        c.n = n;
        assert_int_equal(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_SERVER, true)),
                         n == 133);
        assert_int_equal(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_BOTH, true)),
                         n == 133);
    }
}

static void ske_not_allowed(void **state)
{
    struct content c = ske(23, 65);

    (void)state;
    assert_int_equal(check(&c, P256_SHA256, SIGN_ROLE_SERVER, false),
                     SIGN_REFUSED_VERSION);
    assert_false(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_CLIENT, true)));
}

/* ---- TLS 1.2 client ---- */

/* The messages of a full handshake.  `skip` leaves one out, `twice` repeats one, `extra`
 * puts a message of that type before number `extra_at`. */
struct shape {
    int skip;
    int twice;
    int extra_at;
    uint8_t extra_type;
};

static const struct shape plain = {-1, -1, -1, 0};

static struct content hello(bool server)
{
    struct content c = {.n = 0};

    put_int(&c, 2, 0x0303);
    put_fill(&c, 0x33, 32);
    put_int(&c, 1, 0);
    if (!server)
        put_int(&c, 2, 2);
    put_int(&c, 2, 0xc02b);
    if (!server)
        put_int(&c, 1, 1);
    put_int(&c, 1, 0);
    put_int(&c, 2, 8); /* extensions: extended_master_secret, and one more, empty too */
    put_int(&c, 4, 0x00170000);
    put_int(&c, 4, 0xff010000);
    return c;
}

static struct content certificate(void)
{
    struct content c = {.n = 0};

    put_int(&c, 3, 3 + 40 + 3 + 1);
    put_int(&c, 3, 40);
    put_fill(&c, 0x30, 40);
    put_int(&c, 3, 1);
    put_fill(&c, 0x30, 1);
    return c;
}

static struct content key_exchange(void)
{
    struct content c = {.n = 0};

    put_params(&c, 23, 65);
    put_int(&c, 2, 0x0403);
    put_int(&c, 2, 70);
    put_fill(&c, 0x31, 70);
    return c;
}

static struct content request(void)
{
    struct content c = {.n = 0};

    put_int(&c, 1, 2);
    put_int(&c, 2, 0x4001);
    put_int(&c, 2, 4);
    put_int(&c, 4, 0x04030804);
    put_int(&c, 2, 12);
    put_int(&c, 2, 10);
    put_fill(&c, 0x32, 10);
    return c;
}

static struct content client_key(void)
{
    struct content c = {.n = 0};

    put_int(&c, 1, 65);
    put_int(&c, 1, 4);
    put_fill(&c, 0x34, 64);
    return c;
}

#define MESSAGES 8
static const uint8_t types[MESSAGES] = {1, 2, 11, 12, 13, 14, 11, 16};

static struct content body_of(int i)
{
    struct content empty = {.n = 0};

    switch (i) {
    case 0: return hello(false);
    case 1: return hello(true);
    case 2: return certificate();
    case 3: return key_exchange();
    case 4: return request();
    case 6: return certificate();
    case 7: return client_key();
    default: return empty;
    }
}

static void put_message(struct content *c, uint8_t type, const struct content *body)
{
    put_int(c, 1, type);
    put_int(c, 3, body->n);
    put(c, body->p, body->n);
}

/* The transcript, with `with` in place of the body of message `at` (-1: none). */
static struct content transcript(struct shape shape, int at, const struct content *with)
{
    struct content c = {.n = 0};

    for (int i = 0; i < MESSAGES; i++) {
        struct content body = at == i ? *with : body_of(i);
        struct content none = {.n = 0};

        if (shape.extra_at == i)
            put_message(&c, shape.extra_type, &none);
        if (shape.skip != i)
            put_message(&c, types[i], &body);
        if (shape.twice == i)
            put_message(&c, types[i], &body);
    }
    if (shape.extra_at == MESSAGES)
        put_int(&c, 4, (size_t)shape.extra_type << 24);
    return c;
}

static enum sign_kind check_client(const struct content *c)
{
    return check(c, P256_SHA256, SIGN_ROLE_CLIENT, true);
}

static void client_good(void **state)
{
    struct content c = transcript(plain, -1, NULL);

    (void)state;
    assert_int_equal(check_client(&c), SIGN_TLS12_CLIENT);
    assert_int_equal(check(&c, PKCS1, SIGN_ROLE_BOTH, true), SIGN_TLS12_CLIENT);
    assert_int_equal(check(&c, P256_SHA256, SIGN_ROLE_CLIENT, false),
                     SIGN_REFUSED_VERSION);
    assert_false(sign_kind_good(check(&c, P256_SHA256, SIGN_ROLE_SERVER, true)));
}

static void client_order(void **state)
{
    static const uint8_t others[] = {0, 4, 15, 20, 22, 24};

    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct content skipped = transcript((struct shape){i, -1, -1, 0}, -1, NULL);
        struct content doubled = transcript((struct shape){-1, i, -1, 0}, -1, NULL);

        assert_false(sign_kind_good(check_client(&skipped)));
        assert_false(sign_kind_good(check_client(&doubled)));
    }
    for (size_t k = 0; k < sizeof(others); k++) {
        for (int i = 0; i <= MESSAGES; i++) {
            struct shape shape = {-1, -1, i, others[k]};
            struct content c = transcript(shape, -1, NULL);

            assert_false(sign_kind_good(check_client(&c)));
        }
    }
}

static void client_cut_and_longer(void **state)
{
    struct content c = transcript(plain, -1, NULL);
    size_t n = c.n;

    (void)state;
    for (c.n = 0; c.n < n; c.n++)
        assert_int_equal(check_client(&c), SIGN_REFUSED_LENGTH);
    for (c.n = n + 1; c.n < n + 5; c.n++)
        assert_int_equal(check_client(&c), SIGN_REFUSED_LENGTH);
}

/* Each body one octet longer and one shorter: something inside no longer adds up. */
static void client_bodies_add_up(void **state)
{
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct content body = body_of(i);
        struct content c;

        body.n++;
        c = transcript(plain, i, &body);
        assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
        if (body.n < 2)
            continue;
        body.n -= 2;
        c = transcript(plain, i, &body);
        assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
    }
}

static void client_just_bad(void **state)
{
    static const struct {
        int message;
        size_t at;
        uint8_t octet;
    } rows[] = {
        {0, 1, 0x04}, {0, 1, 0x02}, {0, 0, 0x02}, {0, 34, 1}, {0, 34, 33}, {0, 36, 0},
        {0, 36, 3},   {0, 39, 0},   {0, 40, 1},   {0, 42, 7}, {0, 42, 9},  {0, 46, 1},
        {0, 50, 1},   {1, 1, 0x04}, {1, 34, 1},   {1, 37, 1}, {1, 39, 7},  {1, 43, 5},
        {2, 2, 46},   {2, 2, 48},   {2, 5, 39},   {2, 5, 41}, {2, 48, 0},  {2, 0, 1},
        {3, 0, 1},    {3, 2, 25},   {3, 2, 24},   {3, 3, 64}, {3, 4, 3},   {3, 72, 69},
        {3, 72, 71},  {3, 71, 1},   {4, 0, 0},    {4, 0, 3},  {4, 4, 3},   {4, 4, 0},
        {4, 4, 5},    {4, 10, 13},  {4, 10, 11},  {4, 12, 9}, {4, 12, 11}, {6, 2, 46},
        {6, 5, 41},   {7, 0, 64},   {7, 0, 66},   {7, 1, 3},  {7, 1, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct content body = body_of(rows[i].message);
        struct content c;

        assert_int_not_equal(body.p[rows[i].at], rows[i].octet);
        body.p[rows[i].at] = rows[i].octet;
        c = transcript(plain, rows[i].message, &body);
        if (check_client(&c) != SIGN_REFUSED_MESSAGE)
            fail_msg("message %d, octet %zu = %u: %s", rows[i].message, rows[i].at,
                     rows[i].octet, sign_kind_name(check_client(&c)));
    }
}

/* mutual authentication: neither side may show nothing */
static void client_empty_lists(void **state)
{
    struct content none = {.p = {0, 0, 0}, .n = 3};
    struct content c;

    (void)state;
    c = transcript(plain, 2, &none);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
    c = transcript(plain, 6, &none);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
}

/* The point of ClientKeyExchange must lie on the curve of ServerKeyExchange. */
static void client_curves_agree(void **state)
{
    struct content point = {.n = 0};
    struct content c;

    (void)state;
    put_int(&point, 1, 97);
    put_int(&point, 1, 4);
    put_fill(&point, 0x34, 96);
    c = transcript(plain, 7, &point);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
}

/* ---- everything else ---- */

static void other_content(void **state)
{
    static uint8_t large[SIGN_CONTENT_MAX + 1];
    struct content crl = {.n = 0};
    struct content empty = {.n = 0};

    (void)state;
    put_fill(&crl, 0x30, 300);
    for (int role = 1; role <= 3; role++) {
        assert_false(sign_kind_good(check(&crl, P256_SHA256, role, true)));
        assert_int_equal(check(&empty, P256_SHA256, role, true), SIGN_REFUSED_LENGTH);
        assert_int_equal(sign_check(large, sizeof(large), P256_SHA256, role, true),
                         SIGN_REFUSED_LENGTH);
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(sign_kind_name(SIGN_TLS13_SERVER), "tls13-server");
    assert_string_equal(sign_kind_name(SIGN_REFUSED_CONTEXT), "context");
    assert_string_equal(sign_kind_name(0), "unknown");
    assert_string_equal(sign_kind_text(999), "unknown");
    assert_false(sign_kind_good(0));
    assert_false(sign_kind_good(5));
    assert_true(sign_kind_good(SIGN_TLS12_CLIENT));
    assert_null(sign_scheme_match(SIGN_ECDSA, "SHA512"));
    assert_null(sign_scheme_match(SIGN_ECDSA, "SHA1"));
    assert_null(sign_scheme_match(SIGN_ECDSA, "MD"));
    assert_int_equal(sign_scheme_match(SIGN_RSA_PSS, "sha2-384")->code, 0x0805);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls13_good),
        cmocka_unit_test(tls13_every_octet_of_the_prefix),
        cmocka_unit_test(tls13_every_length),
        cmocka_unit_test(tls13_side_and_scheme),
        cmocka_unit_test(only_eight_schemes),
        cmocka_unit_test(ske_good),
        cmocka_unit_test(ske_just_bad),
        cmocka_unit_test(ske_every_length),
        cmocka_unit_test(ske_not_allowed),
        cmocka_unit_test(client_good),
        cmocka_unit_test(client_order),
        cmocka_unit_test(client_cut_and_longer),
        cmocka_unit_test(client_bodies_add_up),
        cmocka_unit_test(client_just_bad),
        cmocka_unit_test(client_empty_lists),
        cmocka_unit_test(client_curves_agree),
        cmocka_unit_test(other_content),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
