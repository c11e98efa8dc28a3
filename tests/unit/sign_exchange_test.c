/* What may be signed where secrets are not agreed on by curves: finite fields, and RSA
 * key transport, for those alone whose rules have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/sign_check.h"
#include "tests/lib/sign_content.h"

#define PKCS1 0x0401
#define ALL   (SIGN_ALLOW_TLS12 | SIGN_ALLOW_DHE | SIGN_ALLOW_TRANSPORT)

static enum sign_kind check(const struct sign_content *c, enum sign_role role,
                            unsigned int allow)
{
    uint8_t *exact = malloc(c->n);
    enum sign_kind kind;

    assert_non_null(exact);
    memcpy(exact, c->p, c->n);
    kind = sign_check(exact, c->n, PKCS1, role, allow);
    free(exact);
    return kind;
}

/* ---- a server's ServerDHParams ---- */

static void put_prime(struct sign_content *c, size_t n)
{
    content_put_int(c, 2, n);
    content_put_fill(c, 0xFF, 8);
    content_put_fill(c, 0x5A, n - 16);
    content_put_fill(c, 0xFF, 8);
}

static void put_dh(struct sign_content *c, size_t prime, size_t value)
{
    put_prime(c, prime);
    content_put_int(c, 2, 1);
    content_put_int(c, 1, 2);
    content_put_int(c, 2, value);
    content_put_fill(c, 0x66, value);
}

static struct sign_content server_dh(size_t prime, size_t value)
{
    struct sign_content c = {.n = 0};

    content_put_fill(&c, 0x11, 64);
    put_dh(&c, prime, value);
    return c;
}

static void finite_field(void **state)
{
    struct sign_content c = server_dh(256, 256);

    (void)state;
    assert_int_equal(check(&c, SIGN_ROLE_SERVER, ALL), SIGN_TLS12_SERVER);
    assert_int_equal(check(&c, SIGN_ROLE_BOTH, ALL), SIGN_TLS12_SERVER);
    assert_int_equal(check(&c, SIGN_ROLE_CLIENT, ALL), SIGN_REFUSED_SIDE);
    assert_int_equal(check(&c, SIGN_ROLE_SERVER, SIGN_ALLOW_DHE), SIGN_REFUSED_VERSION);
    assert_false(sign_kind_good(check(&c, SIGN_ROLE_SERVER, ALL & ~SIGN_ALLOW_DHE)));
}

static void other_fields(void **state)
{
    static const struct {
        size_t prime, value;
    } sizes[] = {{255, 255}, {257, 256}, {384, 384}, {256, 255}, {256, 257}, {128, 128}};
    /* octets of the prime's ends, of the generator and of lengths */
    static const size_t at[] = {64, 65, 66, 73, 314, 321, 322, 323, 324, 325, 326};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct sign_content c = server_dh(sizes[i].prime, sizes[i].value);

        assert_false(sign_kind_good(check(&c, SIGN_ROLE_SERVER, ALL)));
    }
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct sign_content c = server_dh(256, 256);

        c.p[at[i]] ^= 1;
        assert_false(sign_kind_good(check(&c, SIGN_ROLE_SERVER, ALL)));
    }
}

static void every_length(void **state)
{
    struct sign_content c = server_dh(256, 256);
    size_t whole = c.n;

    (void)state;
    content_put_fill(&c, 0, 8);
    for (c.n = 1; c.n < whole + 8; c.n++)
        assert_int_equal(sign_kind_good(check(&c, SIGN_ROLE_SERVER, ALL)), c.n == whole);
}

/* ---- a client's transcript ---- */

struct exchange {
    size_t suite;
    size_t prime; /* of ServerKeyExchange; 0: with a curve */
    size_t value; /* of ClientKeyExchange, with a length of two octets; 0: a point */
    bool no_server_key;
};

static void begin(struct sign_content *c, size_t type, size_t n)
{
    content_put_int(c, 1, type);
    content_put_int(c, 3, n);
}

static void put_hello(struct sign_content *c, size_t type, size_t suite)
{
    begin(c, type, type == 1 ? 43 : 40);
    content_put_int(c, 2, 0x0303);
    content_put_fill(c, 0x33, 32);
    content_put_int(c, 1, 0);
    if (type == 1)
        content_put_int(c, 2, 2);
    content_put_int(c, 2, suite);
    if (type == 1)
        content_put_int(c, 1, 1);
    content_put_int(c, 1, 0);
    content_put_int(c, 2, 0);
}

static void put_certificate(struct sign_content *c)
{
    begin(c, 11, 3 + 3 + 20);
    content_put_int(c, 3, 3 + 20);
    content_put_int(c, 3, 20);
    content_put_fill(c, 0x30, 20);
}

static void put_server_key(struct sign_content *c, const struct exchange *e)
{
    begin(c, 12, (e->prime ? 2 * (2 + e->prime) + 3 : 69) + 2 + 2 + 16);
    if (e->prime)
        put_dh(c, e->prime, e->prime);
    else
        content_put_params(c, 23, 65);
    content_put_int(c, 2, PKCS1);
    content_put_int(c, 2, 16);
    content_put_fill(c, 0x31, 16);
}

static void put_client_key(struct sign_content *c, const struct exchange *e)
{
    if (e->value == 0) {
        begin(c, 16, 66);
        content_put_int(c, 1, 65);
        content_put_int(c, 1, 4);
        content_put_fill(c, 0x34, 64);
        return;
    }
    begin(c, 16, 2 + e->value);
    content_put_int(c, 2, e->value);
    content_put_fill(c, 0x34, e->value);
}

static struct sign_content transcript(const struct exchange *e)
{
    struct sign_content c = {.n = 0};

    put_hello(&c, 1, e->suite);
    put_hello(&c, 2, e->suite);
    put_certificate(&c);
    if (!e->no_server_key)
        put_server_key(&c, e);
    begin(&c, 13, 1 + 1 + 2 + 2 + 2);
    content_put_int(&c, 2, 0x0101);
    content_put_int(&c, 2, 2);
    content_put_int(&c, 2, PKCS1);
    content_put_int(&c, 2, 0);
    begin(&c, 14, 0);
    put_certificate(&c);
    put_client_key(&c, e);
    return c;
}

static void clients(void **state)
{
    static const struct {
        struct exchange e;
        unsigned int needs; /* of SIGN_ALLOW_*; 0: never good */
    } rows[] = {
        {{0xC02F, 0, 0, false}, SIGN_ALLOW_TLS12},
        {{0x009E, 256, 256, false}, SIGN_ALLOW_DHE},
        {{0x009F, 384, 384, false}, SIGN_ALLOW_DHE},
        {{0x009F, 384, 1, false}, SIGN_ALLOW_DHE},
        {{0x003C, 0, 256, true}, SIGN_ALLOW_TRANSPORT},
        {{0x003C, 0, 512, true}, SIGN_ALLOW_TRANSPORT},
        /* an exchange that is not that of the suite */
        {{0xC02F, 256, 256, false}, 0},
        {{0xC02F, 0, 256, true}, 0},
        {{0x003C, 256, 256, false}, 0},
        {{0x003C, 0, 0, false}, 0},
        {{0x003C, 0, 0, true}, 0},
        {{0x009E, 0, 0, false}, 0},
        {{0x009E, 256, 256, true}, 0},
        /* too small, larger than the prime */
        {{0x009E, 255, 255, false}, 0},
        {{0x009E, 128, 128, false}, 0},
        {{0x009E, 256, 257, false}, 0},
        {{0x003C, 0, 1025, true}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sign_content c = transcript(&rows[i].e);

        for (unsigned int allow = 1; allow <= ALL; allow += 2) {
            bool good = rows[i].needs && (allow & rows[i].needs);

            if (sign_kind_good(check(&c, SIGN_ROLE_CLIENT, allow)) != good)
                fail_msg("row %zu, allowed %u: %s", i, allow,
                         sign_kind_name(check(&c, SIGN_ROLE_CLIENT, allow)));
            assert_false(sign_kind_good(check(&c, SIGN_ROLE_SERVER, allow)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_field),
        cmocka_unit_test(other_fields),
        cmocka_unit_test(every_length),
        cmocka_unit_test(clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
