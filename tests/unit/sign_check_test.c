/* What the signer is willing to sign, octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "certs/sign_check.h"
#include "certs/sign_scheme.h"
#include "tests/lib/sign_content.h"

#define P256_SHA256 0x0403
#define PKCS1       0x0401

static struct sign_content tls13(const char *side, size_t hash)
{
    struct sign_content c = {.n = 0};

    content_put_fill(&c, 0x20, 64);
    content_put(&c, "TLS 1.3, ", 9);
    content_put(&c, side, 6);
    content_put(&c, " CertificateVerify", 19);
    content_put_fill(&c, 0xa5, hash);
    return c;
}

static struct sign_content ske(size_t curve, size_t point)
{
    struct sign_content c = {.n = 0};

    content_put_fill(&c, 0x11, 32);
    content_put_fill(&c, 0x22, 32);
    content_put_params(&c, curve, point);
    return c;
}

/* ---- TLS 1.3 ---- */

static void tls13_good(void **state)
{
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0804, 0x0805, 0x0806};
    struct sign_content server = tls13("server", 32);
    struct sign_content server384 = tls13("server", 48);
    struct sign_content client = tls13("client", 32);

    (void)state;
    assert_int_equal(server.n, 130);
    assert_int_equal(server384.n, 146);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        assert_int_equal(content_check(&server, schemes[i], SIGN_ROLE_SERVER, false),
                         SIGN_TLS13_SERVER);
        assert_int_equal(content_check(&server384, schemes[i], SIGN_ROLE_BOTH, true),
                         SIGN_TLS13_SERVER);
        assert_int_equal(content_check(&client, schemes[i], SIGN_ROLE_CLIENT, false),
                         SIGN_TLS13_CLIENT);
    }
}

static void tls13_every_octet_of_the_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < 98; i++) {
        struct sign_content c = tls13("server", 32);

        c.p[i] ^= 1;
        assert_false(
            sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, false)));
        assert_false(
            sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_BOTH, true)));
    }
}

static void tls13_every_length(void **state)
{
    (void)state;
    for (size_t hash = 0; hash <= 70; hash++) {
        struct sign_content c = tls13("server", hash);
        bool good = hash == 32 || hash == 48;

        assert_int_equal(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, true),
                         good ? SIGN_TLS13_SERVER : SIGN_REFUSED_LENGTH);
    }
}

static void tls13_side_and_scheme(void **state)
{
    struct sign_content server = tls13("server", 32);
    struct sign_content client = tls13("client", 32);
    struct sign_content other = tls13("serveR", 32);

    (void)state;
    assert_int_equal(content_check(&server, P256_SHA256, SIGN_ROLE_CLIENT, true),
                     SIGN_REFUSED_SIDE);
    assert_int_equal(content_check(&client, P256_SHA256, SIGN_ROLE_SERVER, true),
                     SIGN_REFUSED_SIDE);
    assert_int_equal(content_check(&server, P256_SHA256, 0, true), SIGN_REFUSED_SIDE);
    assert_int_equal(content_check(&server, P256_SHA256, 4, true), SIGN_REFUSED_SIDE);
    assert_int_equal(content_check(&server, P256_SHA256, 5, true), SIGN_REFUSED_SIDE);
    assert_int_equal(content_check(&other, P256_SHA256, SIGN_ROLE_BOTH, true),
                     SIGN_REFUSED_CONTEXT);
    for (uint16_t low = 0x0401; low <= 0x0601; low += 0x0100)
        assert_int_equal(content_check(&server, low, SIGN_ROLE_SERVER, true),
                         SIGN_REFUSED_SCHEME);
}

static void only_eight_schemes(void **state)
{
    struct sign_content c = tls13("server", 32);
    unsigned int good = 0;

    (void)state;
    for (unsigned int s = 0; s <= 0xffff; s++)
        good += sign_kind_good(content_check(&c, (uint16_t)s, SIGN_ROLE_SERVER, true));
    assert_int_equal(good, 5);
    c = ske(23, 65);
    good = 0;
    for (unsigned int s = 0; s <= 0xffff; s++)
        good += sign_kind_good(content_check(&c, (uint16_t)s, SIGN_ROLE_SERVER, true));
    assert_int_equal(good, 8);
}

/* ---- TLS 1.2 server ---- */

static void ske_good(void **state)
{
    struct sign_content p256 = ske(23, 65);
    struct sign_content p384 = ske(24, 97);
    struct sign_content x25519 = ske(29, 32);

    (void)state;
    x25519.p[68] = 0x99;
    assert_int_equal(content_check(&p256, P256_SHA256, SIGN_ROLE_SERVER, true),
                     SIGN_TLS12_SERVER);
    assert_int_equal(content_check(&p256, PKCS1, SIGN_ROLE_BOTH, true),
                     SIGN_TLS12_SERVER);
    assert_int_equal(content_check(&p384, P256_SHA256, SIGN_ROLE_BOTH, true),
                     SIGN_TLS12_SERVER);
    assert_int_equal(content_check(&x25519, P256_SHA256, SIGN_ROLE_SERVER, true),
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
        struct sign_content c = ske(23, 65);

        c.p[rows[i].at] = rows[i].octet;
        assert_int_equal(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, true),
                         rows[i].kind);
    }
}

static void ske_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 200; n++) {
        struct sign_content c = ske(23, 65);

        memset(c.p + c.n, 0, 100);
        c.n = n;
        assert_int_equal(
            sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, true)),
            n == 133);
        assert_int_equal(
            sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_BOTH, true)),
            n == 133);
    }
}

static void ske_not_allowed(void **state)
{
    struct sign_content c = ske(23, 65);

    (void)state;
    assert_int_equal(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, false),
                     SIGN_REFUSED_VERSION);
    assert_false(sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_CLIENT, true)));
}

/* ---- everything else ---- */

static void other_content(void **state)
{
    static uint8_t large[SIGN_CONTENT_MAX + 1];
    struct sign_content crl = {.n = 0};
    struct sign_content empty = {.n = 0};

    (void)state;
    content_put_fill(&crl, 0x30, 300);
    for (int role = 1; role <= 3; role++) {
        assert_false(sign_kind_good(content_check(&crl, P256_SHA256, role, true)));
        assert_int_equal(content_check(&empty, P256_SHA256, role, true),
                         SIGN_REFUSED_LENGTH);
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
        cmocka_unit_test(other_content),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
