/* Identities: out of certificates, over the wire, from hostile octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/identity.h"
#include "certs/identity_ssl.h"
#include "tests/lib/tls_stage.h"

static struct peer_identity sample(void)
{
    struct peer_identity id = {
        .subject = "CN=rtu,O=Lab",
        .issuer = "CN=Lab CA,O=Lab",
        .san = "DNS:rtu.example, IP:10.0.0.1",
        .serial = "03E8",
        .not_before = 1700000000,
        .not_after = -1,
        .version = "TLSv1.3",
        .suite = "TLS_AES_128_GCM_SHA256",
        .role_token = ROLE_TOKEN_ONE,
        .roles_size = 3,
        .roles = {0x30, 0x01, 0x00},
    };

    for (size_t i = 0; i < sizeof(id.fingerprint); i++)
        id.fingerprint[i] = (uint8_t)(200 + i);
    return id;
}

static size_t encode(const struct peer_identity *id, uint8_t buf[IDENTITY_WIRE_MAX])
{
    size_t n = identity_encode(id, buf, IDENTITY_WIRE_MAX);

    assert_in_range(n, 1, IDENTITY_WIRE_MAX);
    return n;
}

/* In a block of the exact size, for the sanitizer's sake. */
static bool decodes(const uint8_t *buf, size_t n, struct peer_identity *id)
{
    uint8_t *exact = malloc(n ? n : 1);
    bool good;

    memcpy(exact, buf, n);
    memset(id, 0x5a, sizeof(*id));
    good = identity_decode(id, exact, n);
    free(exact);
    return good;
}

static void must_not_decode(const uint8_t *buf, size_t n)
{
    static const struct peer_identity zero;
    struct peer_identity id;

    assert_false(decodes(buf, n, &id));
    assert_memory_equal(&id, &zero, sizeof(id));
}

static void round_trip(void **state)
{
    struct peer_identity id = sample();
    struct peer_identity back;
    uint8_t buf[IDENTITY_WIRE_MAX];
    size_t n = encode(&id, buf);

    (void)state;
    assert_true(decodes(buf, n, &back));
    assert_string_equal(back.subject, id.subject);
    assert_string_equal(back.issuer, id.issuer);
    assert_string_equal(back.san, id.san);
    assert_string_equal(back.serial, id.serial);
    assert_memory_equal(back.fingerprint, id.fingerprint, 32);
    assert_true(back.not_before == 1700000000 && back.not_after == -1);
    assert_string_equal(back.version, id.version);
    assert_string_equal(back.suite, id.suite);
    assert_int_equal(back.role_token, ROLE_TOKEN_ONE);
    assert_int_equal(back.roles_size, id.roles_size);
    assert_memory_equal(back.roles, id.roles, sizeof(id.roles));
    for (size_t cap = 0; cap < n; cap++)
        assert_int_equal(identity_encode(&id, buf, cap), 0);
}

static void largest_fits(void **state)
{
    struct peer_identity id = sample();
    struct peer_identity back;
    uint8_t buf[IDENTITY_WIRE_MAX];

    (void)state;
    memset(id.subject, 'a', sizeof(id.subject) - 1);
    memset(id.issuer, 'b', sizeof(id.issuer) - 1);
    memset(id.san, 'c', sizeof(id.san) - 1);
    memset(id.serial, 'D', sizeof(id.serial) - 1);
    memset(id.version, 'e', sizeof(id.version) - 1);
    memset(id.suite, 'f', sizeof(id.suite) - 1);
    id.role_token = ROLE_TOKEN_ONE;
    id.roles_size = sizeof(id.roles);
    memset(id.roles, 'g', sizeof(id.roles));
    assert_int_equal(encode(&id, buf), IDENTITY_WIRE_MAX);
    assert_true(decodes(buf, IDENTITY_WIRE_MAX, &back));
    assert_memory_equal(&back, &id, sizeof(id));
}

static void cut_or_longer(void **state)
{
    struct peer_identity id = sample();
    uint8_t buf[IDENTITY_WIRE_MAX + 1] = {0};
    size_t n = encode(&id, buf);

    (void)state;
    for (size_t i = 0; i < n; i++)
        must_not_decode(buf, i);
    must_not_decode(buf, n + 1);
    for (unsigned int layout = 0; layout < 256; layout++) {
        buf[0] = (uint8_t)layout;
        if (layout != 2)
            must_not_decode(buf, n);
    }
}

/* Every single octet set to every value: what still decodes is printable and bounded. */
static void every_octet(void **state)
{
    struct peer_identity id = sample();
    uint8_t buf[IDENTITY_WIRE_MAX];
    size_t n = encode(&id, buf);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        uint8_t saved = buf[i];

        for (unsigned int v = 0; v < 256; v++) {
            struct peer_identity back;

            buf[i] = (uint8_t)v;
            if (!decodes(buf, n, &back))
                continue;
            for (const char *p = back.subject; *p; p++)
                assert_in_range(*p, 0x20, 0x7e);
            assert_null(strpbrk(back.serial, "ghijklmnopqrstuvwxyz\n"));
        }
        buf[i] = saved;
    }
}

static void bad_fields(void **state)
{
    static const char *const serials[] = {"",       "-",   "xyz", "12 ",  "12..",
                                          "12....", "--1", "...", "0x12", "ab"};
    static const char *const good[] = {"00", "-01", "0123456789ABCDEF", "12..."};
    static const char bad_octets[] = {'\n',       '\r',       0x1b, 0x7f,
                                      (char)0x80, (char)0xff, '\t'};
    struct peer_identity back;
    uint8_t buf[IDENTITY_WIRE_MAX];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
        struct peer_identity id = sample();

        strcpy(id.serial, serials[i]);
        n = encode(&id, buf);
        must_not_decode(buf, n);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct peer_identity id = sample();

        strcpy(id.serial, good[i]);
        n = encode(&id, buf);
        assert_true(decodes(buf, n, &back));
    }
    for (size_t i = 0; i < sizeof(bad_octets); i++) {
        struct peer_identity ids[5] = {sample(), sample(), sample(), sample(), sample()};

        ids[0].subject[3] = bad_octets[i];
        ids[1].issuer[0] = bad_octets[i];
        ids[2].san[5] = bad_octets[i];
        ids[3].version[6] = bad_octets[i];
        ids[4].suite[1] = bad_octets[i];
        for (size_t k = 0; k < 5; k++) {
            n = encode(&ids[k], buf);
            must_not_decode(buf, n);
        }
    }
}

static void bad_roles(void **state)
{
    struct peer_identity id = sample();
    uint8_t buf[IDENTITY_WIRE_MAX + 1];
    size_t n = encode(&id, buf) - id.roles_size - 2; /* of the length, behind the token */

    (void)state;
    for (unsigned int token = 0; token < 256; token++) {
        buf[n - 1] = (uint8_t)token;
        if (token != ROLE_TOKEN_ONE)
            must_not_decode(buf, n + 5);
    }
    id.roles_size = 0;
    for (unsigned int token = 0; token < ROLE_TOKENS; token++) {
        struct peer_identity back;

        id.role_token = (enum role_token)token;
        n = encode(&id, buf);
        assert_true(decodes(buf, n, &back));
        assert_int_equal(back.role_token, token);
    }
    id.role_token = ROLE_TOKEN_ONE;
    id.roles_size = sizeof id.roles;
    n = encode(&id, buf);
    buf[n] = 0;
    buf[n - sizeof id.roles - 2]++; /* 1025 octets */
    must_not_decode(buf, n + 1);
}

/* ---- out of certificates ---- */

static struct peer_identity of(const struct pki_cert *c)
{
    struct peer_identity id;
    struct peer_identity back;
    uint8_t buf[IDENTITY_WIRE_MAX];
    size_t n;

    assert_true(identity_from_cert(&id, c->cert));
    /* whatever a certificate holds, its identity passes the wire */
    strcpy(id.version, "TLSv1.2");
    n = encode(&id, buf);
    assert_true(decodes(buf, n, &back));
    assert_memory_equal(&back, &id, sizeof(id));
    assert_int_equal(ERR_peek_error(), 0);
    return id;
}

static void fields_of_a_certificate(void **state)
{
    struct pki_want want = {
        .cn = "RTU 7, bay \"3\"",
        .san = "DNS:rtu7.example,IP:10.0.0.1,IP:fd00::1,URI:urn:x,email:a@b.example,"
               "RID:1.2.3",
        .serial = 0x123456,
        .from = -3600,
        .to = 7200,
    };
    struct pki_cert c = pki_issue(&stage.ca, PKI_P256, &want);
    struct peer_identity id = of(&c);
    unsigned char digest[32];
    int64_t now = time(NULL);

    (void)state;
    assert_string_equal(id.subject, "CN=RTU 7\\, bay \\\"3\\\",O=Lab");
    assert_string_equal(id.issuer, "CN=Lab CA,O=Lab");
    assert_string_equal(id.san, "DNS:rtu7.example, IP:10.0.0.1, IP:FD00:0:0:0:0:0:0:1, "
                                "URI:urn:x, email:a@b.example, other");
    assert_string_equal(id.serial, "123456");
    assert_in_range(id.not_before - (now - 3600) + 5, 0, 10);
    assert_in_range(id.not_after - (now + 7200) + 5, 0, 10);
    assert_int_equal(X509_digest(c.cert, EVP_sha256(), digest, NULL), 1);
    assert_memory_equal(id.fingerprint, digest, 32);
    pki_free(&c);
}

/* Line ends, terminal escapes, non-ASCII and separators in names cannot reach a log. */
static void hostile_names(void **state)
{
    struct pki_want plain = {.cn = "a\nCN=admin\x1b[2J\xc3\xa9"};
    struct pki_cert c = pki_issue(&stage.ca, PKI_P256, &plain);
    struct peer_identity id = of(&c);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *gn = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    (void)state;
    assert_string_equal(id.subject, "CN=a\\0ACN=admin\\1B[2J\\C3\\A9,O=Lab");
    assert_string_equal(id.san, "");
    assert_int_equal(ASN1_STRING_set(text, "a\0b, DNS:evil\n\\", 15), 1);
    GENERAL_NAME_set0_value(gn, GEN_DNS, text);
    assert_true(sk_GENERAL_NAME_push(names, gn) > 0);
    assert_int_equal(X509_add1_ext_i2d(c.cert, NID_subject_alt_name, names, 0, 0), 1);
    assert_true(X509_sign(c.cert, stage.ca.key, EVP_sha256()) > 0);
    id = of(&c);
    assert_string_equal(id.san, "DNS:a\\00b\\2C\\20DNS:evil\\0A\\5C");
    GENERAL_NAMES_free(names);
    pki_free(&c);
}

static void long_values_are_cut_visibly(void **state)
{
    char san[1024] = "";
    struct pki_want want = {.cn = "0123456789012345678901234567890123456789", .san = san};
    struct pki_cert c;
    struct peer_identity id;
    X509_NAME *name;
    char text[8];

    (void)state;
    for (int i = 0; i < 20; i++)
        strcat(san,
               i ? ",DNS:a-rather-long-name.example" : "DNS:a-rather-long-name.example");
    c = pki_issue(&stage.ca, PKI_P256, &want);
    name = X509_get_subject_name(c.cert);
    for (int i = 0; i < 8; i++)
        X509_NAME_add_entry_by_txt(
            name, "OU", MBSTRING_ASC,
            (const unsigned char *)"a unit of 40 characters or so, yes", -1, -1, 0);
    assert_true(X509_sign(c.cert, stage.ca.key, EVP_sha256()) > 0);
    id = of(&c);
    assert_int_equal(strlen(id.subject), 255);
    assert_string_equal(id.subject + 252, "...");
    assert_int_equal(strlen(id.san), 255);
    assert_string_equal(id.san + 252, "...");
    identity_name_text(X509_get_issuer_name(c.cert), text, sizeof(text));
    assert_string_equal(text, "CN=L...");
    pki_free(&c);
}

static void long_and_negative_serials(void **state)
{
    struct pki_cert c = pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "x"});
    BIGNUM *bn = BN_new();
    struct peer_identity id;

    (void)state;
    assert_int_equal(BN_set_bit(bn, 300), 1);
    assert_non_null(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c.cert)));
    assert_true(X509_sign(c.cert, stage.ca.key, EVP_sha256()) > 0);
    id = of(&c);
    assert_int_equal(strlen(id.serial), 64);
    assert_string_equal(id.serial + 61, "...");
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c.cert), -0x1234), 1);
    assert_true(X509_sign(c.cert, stage.ca.key, EVP_sha256()) > 0);
    id = of(&c);
    assert_string_equal(id.serial, "-1234");
    BN_free(bn);
    pki_free(&c);
}

static void add_roles(X509 *cert, const void *octets, int n)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(USER_ROLES_OID, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext;

    assert_int_equal(ASN1_OCTET_STRING_set(value, octets, n), 1);
    ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    assert_true(X509_sign(cert, stage.ca.key, EVP_sha256()) > 0);
}

static void roles_of_a_certificate(void **state)
{
    static const uint8_t octets[IDENTITY_ROLES_CAP + 1] = {0x30, 0x02, 0xFF, 0x00};
    static const struct {
        int size;
        enum role_token token;
    } rows[] = {
        {0, ROLE_TOKEN_ONE},
        {4, ROLE_TOKEN_ONE},
        {IDENTITY_ROLES_CAP, ROLE_TOKEN_ONE},
        {IDENTITY_ROLES_CAP + 1, ROLE_TOKEN_TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_cert c = pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "x"});
        struct peer_identity id = of(&c);

        assert_int_equal(id.role_token, ROLE_TOKEN_NONE);
        add_roles(c.cert, octets, rows[i].size);
        id = of(&c);
        assert_int_equal(id.role_token, rows[i].token);
        assert_int_equal(id.roles_size,
                         rows[i].token == ROLE_TOKEN_ONE ? rows[i].size : 0);
        assert_memory_equal(id.roles, octets, id.roles_size);
        add_roles(c.cert, octets, 4);
        id = of(&c);
        assert_int_equal(id.role_token, ROLE_TOKEN_SEVERAL);
        assert_int_equal(id.roles_size, 0);
        pki_free(&c);
    }
}

static void of_a_session(void **state)
{
    static const struct {
        int version;
        const char *name;
        const char *suite;
    } rows[] = {
        {TLS1_2_VERSION, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {TLS1_3_VERSION, "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct peer_identity id;
        struct tls_pair pair;

        tls_pair_open(&pair, stage.server.ctx, stage.client.ctx);
        SSL_set_max_proto_version(pair.client.ssl, rows[i].version);
        assert_false(identity_from_ssl(&id, pair.server.ssl));
        assert_true(tls_pair_shake(&pair));
        assert_true(identity_from_ssl(&id, pair.server.ssl));
        assert_string_equal(id.subject, "CN=master,O=Lab");
        assert_string_equal(id.version, rows[i].name);
        assert_string_equal(id.suite, rows[i].suite);
        assert_true(identity_from_ssl(&id, pair.client.ssl));
        assert_string_equal(id.san, "DNS:" STAGE_NAME);
        tls_pair_close(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(largest_fits),
        cmocka_unit_test(cut_or_longer),
        cmocka_unit_test(every_octet),
        cmocka_unit_test(bad_fields),
        cmocka_unit_test(bad_roles),
        cmocka_unit_test(roles_of_a_certificate),
        cmocka_unit_test(fields_of_a_certificate),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(long_values_are_cut_visibly),
        cmocka_unit_test(long_and_negative_serials),
        cmocka_unit_test(of_a_session),
    };

    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
