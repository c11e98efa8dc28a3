/* The messages a TLS 1.2 client signs: only whole handshakes of the profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certs/sign_check.h"
#include "tests/lib/sign_content.h"

#define P256_SHA256 0x0403
#define PKCS1       0x0401

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

static struct sign_content hello_with(bool server, size_t id)
{
    struct sign_content c = {.n = 0};

    content_put_int(&c, 2, 0x0303);
    content_put_fill(&c, 0x33, 32);
    content_put_int(&c, 1, id);
    content_put_fill(&c, 0x35, id);
    if (!server)
        content_put_int(&c, 2, 2);
    content_put_int(&c, 2, 0xc02b);
    if (!server)
        content_put_int(&c, 1, 1);
    content_put_int(&c, 1, 0);
    content_put_int(&c, 2,
                    8); /* extensions: extended_master_secret, and one more, empty too */
    content_put_int(&c, 4, 0x00170000);
    content_put_int(&c, 4, 0xff010000);
    return c;
}

static struct sign_content hello(bool server)
{
    return hello_with(server, 0);
}

static struct sign_content certificate(void)
{
    struct sign_content c = {.n = 0};

    content_put_int(&c, 3, 3 + 40 + 3 + 1);
    content_put_int(&c, 3, 40);
    content_put_fill(&c, 0x30, 40);
    content_put_int(&c, 3, 1);
    content_put_fill(&c, 0x30, 1);
    return c;
}

static struct sign_content key_exchange(void)
{
    struct sign_content c = {.n = 0};

    content_put_params(&c, 23, 65);
    content_put_int(&c, 2, 0x0403);
    content_put_int(&c, 2, 70);
    content_put_fill(&c, 0x31, 70);
    return c;
}

static struct sign_content request(void)
{
    struct sign_content c = {.n = 0};

    content_put_int(&c, 1, 2);
    content_put_int(&c, 2, 0x4001);
    content_put_int(&c, 2, 4);
    content_put_int(&c, 4, 0x04030804);
    content_put_int(&c, 2, 12);
    content_put_int(&c, 2, 10);
    content_put_fill(&c, 0x32, 10);
    return c;
}

static struct sign_content client_key(void)
{
    struct sign_content c = {.n = 0};

    content_put_int(&c, 1, 65);
    content_put_int(&c, 1, 4);
    content_put_fill(&c, 0x34, 64);
    return c;
}

#define MESSAGES 8
static const uint8_t types[MESSAGES] = {1, 2, 11, 12, 13, 14, 11, 16};

static struct sign_content body_of(int i)
{
    struct sign_content empty = {.n = 0};

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

static void put_message(struct sign_content *c, uint8_t type,
                        const struct sign_content *body)
{
    content_put_int(c, 1, type);
    content_put_int(c, 3, body->n);
    content_put(c, body->p, body->n);
}

/* The transcript, with `with` in place of the body of message `at` (-1: none). */
static struct sign_content transcript(struct shape shape, int at,
                                      const struct sign_content *with)
{
    struct sign_content c = {.n = 0};

    for (int i = 0; i < MESSAGES; i++) {
        struct sign_content body = at == i ? *with : body_of(i);
        struct sign_content none = {.n = 0};

        if (shape.extra_at == i)
            put_message(&c, shape.extra_type, &none);
        if (shape.skip != i)
            put_message(&c, types[i], &body);
        if (shape.twice == i)
            put_message(&c, types[i], &body);
    }
    if (shape.extra_at == MESSAGES)
        content_put_int(&c, 4, (size_t)shape.extra_type << 24);
    return c;
}

static enum sign_kind check_client(const struct sign_content *c)
{
    return content_check(c, P256_SHA256, SIGN_ROLE_CLIENT, true);
}

static void client_good(void **state)
{
    struct sign_content c = transcript(plain, -1, NULL);

    (void)state;
    assert_int_equal(check_client(&c), SIGN_TLS12_CLIENT);
    assert_int_equal(content_check(&c, PKCS1, SIGN_ROLE_BOTH, true), SIGN_TLS12_CLIENT);
    assert_int_equal(content_check(&c, P256_SHA256, SIGN_ROLE_CLIENT, false),
                     SIGN_REFUSED_VERSION);
    assert_false(sign_kind_good(content_check(&c, P256_SHA256, SIGN_ROLE_SERVER, true)));
}

static void client_order(void **state)
{
    static const uint8_t others[] = {0, 4, 15, 20, 22, 24};

    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct sign_content skipped = transcript((struct shape){i, -1, -1, 0}, -1, NULL);
        struct sign_content doubled = transcript((struct shape){-1, i, -1, 0}, -1, NULL);

        assert_false(sign_kind_good(check_client(&skipped)));
        assert_false(sign_kind_good(check_client(&doubled)));
    }
    for (size_t k = 0; k < sizeof(others); k++) {
        for (int i = 0; i <= MESSAGES; i++) {
            struct shape shape = {-1, -1, i, others[k]};
            struct sign_content c = transcript(shape, -1, NULL);

            assert_false(sign_kind_good(check_client(&c)));
        }
    }
}

static void client_cut_and_longer(void **state)
{
    struct sign_content c = transcript(plain, -1, NULL);
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
        struct sign_content body = body_of(i);
        struct sign_content c;

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
        struct sign_content body = body_of(rows[i].message);
        struct sign_content c;

        assert_int_not_equal(body.p[rows[i].at], rows[i].octet);
        body.p[rows[i].at] = rows[i].octet;
        c = transcript(plain, rows[i].message, &body);
        if (check_client(&c) != SIGN_REFUSED_MESSAGE)
            fail_msg("message %d, octet %zu = %u: %s", rows[i].message, rows[i].at,
                     rows[i].octet, sign_kind_name(check_client(&c)));
    }
}

/* Only the type of a message is wrong. */
static void client_types(void **state)
{
    struct sign_content good = transcript(plain, -1, NULL);
    size_t at = 0;

    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        for (unsigned int type = 0; type < 256; type++) {
            struct sign_content c = good;

            c.p[at] = (uint8_t)type;
            /* A CertificateStatus may stand behind the server's certificate. */
            assert_int_equal(check_client(&c), type == types[i] ? SIGN_TLS12_CLIENT
                                               : i == 3 && type == 22
                                                   ? SIGN_REFUSED_MESSAGE
                                                   : SIGN_REFUSED_ORDER);
        }
        at += 4 + body_of(i).n;
    }
}

/* The good messages with `times` CertificateStatus of this body before number `at`. */
static enum sign_kind check_with_status(int at, int times,
                                        const struct sign_content *body)
{
    struct sign_content c = {.n = 0};

    for (int i = 0; i < MESSAGES; i++) {
        struct sign_content good = body_of(i);

        for (int k = 0; i == at && k < times; k++)
            put_message(&c, 22, body);
        put_message(&c, types[i], &good);
    }
    return check_client(&c);
}

/* RFC 6066 clause 8. */
static void client_status(void **state)
{
    static const struct sign_content good = {.p = {1, 0, 0, 2, 0x30, 0}, .n = 6};
    static const struct sign_content bad[] = {
        {.p = {2, 0, 0, 2, 0x30, 0}, .n = 6},
        {.p = {1, 0, 0, 0}, .n = 4},
        {.p = {1, 0, 0, 3, 0x30, 0}, .n = 6},
        {.p = {1, 0, 0, 1, 0x30, 0}, .n = 6},
        {.p = {1}, .n = 1},
    };

    (void)state;
    for (int at = 0; at < MESSAGES; at++)
        assert_int_equal(check_with_status(at, 1, &good),
                         at == 3 ? SIGN_TLS12_CLIENT : SIGN_REFUSED_ORDER);
    assert_int_equal(check_with_status(3, 2, &good), SIGN_REFUSED_ORDER);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(check_with_status(3, 1, &bad[i]), SIGN_REFUSED_MESSAGE);
}

/* Vectors that add up, but hold what their message does not allow. */
static void client_vectors(void **state)
{
    static const struct {
        int message;
        const char *hex; /* behind the first `keep` octets of the good body */
        size_t keep;
        size_t n;
    } rows[] = {
        /* three octets of suites */
        {0, "\x00\x03\xc0\x2b\xc0\x01\x00\x00\x00", 35, 9},
        {0, "\x00\x00\x01\x00\x00\x00", 35, 6},
        {0, "\x00\x02\xc0\x2b\x02\x00\x01\x00\x00", 35, 9},
        /* an empty certificate among others */
        {2, "\x00\x00\x07\x00\x00\x01\x30\x00\x00\x00", 0, 10},
        {6, "\x00\x00\x03\x00\x00\x00", 0, 6},
        /* an empty signature */
        {3, "\x00\x00", 71, 2},
        /* no certificate types; none, or an odd number of octets of, signature schemes */
        {4, "\x00\x00\x02\x04\x03\x00\x00", 0, 7},
        {4, "\x01\x40\x00\x00\x00\x00", 0, 6},
        {4, "\x01\x40\x00\x03\x04\x03\x08\x00\x00", 0, 9},
        /* an empty name of a CA */
        {4, "\x01\x40\x00\x02\x04\x03\x00\x02\x00\x00", 0, 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sign_content body = body_of(rows[i].message);
        struct sign_content c;

        body.n = rows[i].keep;
        content_put(&body, rows[i].hex, rows[i].n);
        c = transcript(plain, rows[i].message, &body);
        if (check_client(&c) != SIGN_REFUSED_MESSAGE)
            fail_msg("row %zu: %s", i, sign_kind_name(check_client(&c)));
    }
}

static void client_session_ids(void **state)
{
    (void)state;
    for (size_t id = 0; id <= 34; id++) {
        for (int i = 0; i < 2; i++) {
            struct sign_content body = hello_with(i == 1, id);
            struct sign_content c = transcript(plain, i, &body);

            assert_int_equal(check_client(&c),
                             id <= 32 ? SIGN_TLS12_CLIENT : SIGN_REFUSED_MESSAGE);
        }
    }
}

/* mutual authentication: neither side may show nothing */
static void client_empty_lists(void **state)
{
    struct sign_content none = {.p = {0, 0, 0}, .n = 3};
    struct sign_content c;

    (void)state;
    c = transcript(plain, 2, &none);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
    c = transcript(plain, 6, &none);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
}

/* The point of ClientKeyExchange must lie on the curve of ServerKeyExchange. */
static void client_curves_agree(void **state)
{
    struct sign_content point = {.n = 0};
    struct sign_content c;

    (void)state;
    content_put_int(&point, 1, 97);
    content_put_int(&point, 1, 4);
    content_put_fill(&point, 0x34, 96);
    c = transcript(plain, 7, &point);
    assert_int_equal(check_client(&c), SIGN_REFUSED_MESSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_good),           cmocka_unit_test(client_order),
        cmocka_unit_test(client_cut_and_longer), cmocka_unit_test(client_bodies_add_up),
        cmocka_unit_test(client_just_bad),       cmocka_unit_test(client_types),
        cmocka_unit_test(client_status),         cmocka_unit_test(client_vectors),
        cmocka_unit_test(client_session_ids),    cmocka_unit_test(client_empty_lists),
        cmocka_unit_test(client_curves_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
