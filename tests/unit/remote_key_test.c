/* The remote key in whole handshakes, and alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "certs/remote_key.h"
#include "tests/lib/pki.h"
#include "tests/lib/tls_pair.h"
#include "tests/lib/tls_party.h"

static struct pki_cert ca;

static const enum pki_type types[] = {PKI_P256, PKI_P384, PKI_RSA2048};
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int set_up(void **state)
{
    (void)state;
    tls_library_init();
    ca = pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "Lab CA", .ca = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&ca);
    return 0;
}

static void open_party(struct tls_party *p, bool server, enum pki_type type)
{
    struct pki_want want = {
        .cn = server ? "rtu" : "master",
        .san = server ? "DNS:rtu.example" : NULL,
        .eku = server ? "serverAuth" : "clientAuth",
    };
    struct pki_cert own = pki_issue(&ca, type, &want);

    tls_party_open(p, &(struct tls_party_want){.server = server,
                                               .own = &own,
                                               .ca = &ca.cert,
                                               .ca_count = 1,
                                               .peer_name = "rtu.example"});
    pki_free(&own);
}

static uint16_t scheme_13(enum pki_type type)
{
    if (type == PKI_RSA2048)
        return 0x0804;
    return type == PKI_P384 ? 0x0503 : 0x0403;
}

/* Data in both directions, and an empty error queue: a stale error would be taken for a
 * failure of the next call. */
static void talk(SSL *from, SSL *to)
{
    static const char frame[] = {0x68, 4, 7, 0, 0, 0};
    char got[16];

    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(SSL_write(from, frame, sizeof(frame)), sizeof(frame));
    assert_int_equal(SSL_read(to, got, sizeof(got)), sizeof(frame));
    assert_memory_equal(got, frame, sizeof(frame));
    assert_int_equal(ERR_peek_error(), 0);
}

static void one_handshake(struct tls_party *server, struct tls_party *client, int version)
{
    struct tls_pair pair;

    server->asked = client->asked = 0;
    tls_pair_open(&pair, server->ctx, client->ctx);
    SSL_set_max_proto_version(pair.client.ssl, version);
    if (!tls_pair_shake(&pair))
        fail_msg("server: %s %s, client: %s %s",
                 tls_failure_info(pair.server.failure)->name, pair.server.detail,
                 tls_failure_info(pair.client.failure)->name, pair.client.detail);
    assert_int_equal(SSL_version(pair.client.ssl), version);
    assert_int_equal(tls_check_negotiated(pair.server.ssl), TLS_FAIL_NONE);
    assert_int_equal(tls_check_negotiated(pair.client.ssl), TLS_FAIL_NONE);
    assert_int_equal(server->asked, 1);
    assert_int_equal(client->asked, 1);
    talk(pair.client.ssl, pair.server.ssl);
    talk(pair.server.ssl, pair.client.ssl);
    tls_pair_close(&pair);
}

static void every_key_and_version(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++) {
        for (int c = 0; c < 3; c++) {
            struct tls_party server;
            struct tls_party client;

            open_party(&server, true, types[s]);
            open_party(&client, false, types[c]);
            one_handshake(&server, &client, versions[0]);
            assert_int_equal(server.last, SIGN_TLS12_SERVER);
            assert_int_equal(client.last, SIGN_TLS12_CLIENT);
            one_handshake(&server, &client, versions[1]);
            assert_int_equal(server.last, SIGN_TLS13_SERVER);
            assert_int_equal(client.last, SIGN_TLS13_CLIENT);
            assert_int_equal(server.scheme, scheme_13(types[s]));
            assert_int_equal(client.scheme, scheme_13(types[c]));
            tls_party_close(&server);
            tls_party_close(&client);
        }
    }
}

/* An old peer offers nothing but PKCS#1 v1.5, or SHA-256 alone with a P-384 key. */
static void narrow_peers_12(void **state)
{
    static const struct {
        enum pki_type type;
        const char *sigalgs;
        uint16_t scheme;
    } rows[] = {
        {PKI_RSA2048, "RSA+SHA256", 0x0401},
        {PKI_RSA2048, "RSA+SHA384", 0x0501},
        {PKI_RSA2048, "RSA+SHA512", 0x0601},
        {PKI_RSA2048, "rsa_pss_rsae_sha384", 0x0805},
        {PKI_RSA2048, "rsa_pss_rsae_sha512", 0x0806},
        {PKI_P384, "ECDSA+SHA256", 0x0403},
        {PKI_P256, "ECDSA+SHA384", 0x0503},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_party server;
        struct tls_party client;

        open_party(&server, true, rows[i].type);
        open_party(&client, false, rows[i].type);
        assert_int_equal(SSL_CTX_set1_sigalgs_list(client.ctx, rows[i].sigalgs), 1);
        one_handshake(&server, &client, TLS1_2_VERSION);
        assert_int_equal(server.scheme, rows[i].scheme);
        tls_party_close(&server);
        tls_party_close(&client);
    }
}

/* A TLS 1.2 client signs every message so far: several certificates of nearly the largest
 * size must fit. */
static void large_transcript(void **state)
{
    struct pki_cert big = pki_issue(
        &ca, PKI_P256,
        &(struct pki_want){.cn = "rtu", .san = "DNS:rtu.example", .ballast = 7500});
    struct tls_party_want want = {
        .server = true, .own = &big, .ca = &ca.cert, .ca_count = 1};
    struct tls_party server;
    struct tls_party client;

    (void)state;
    tls_party_open(&server, &want);
    want.server = false;
    want.peer_name = "rtu.example";
    tls_party_open(&client, &want);
    one_handshake(&server, &client, TLS1_2_VERSION);
    assert_true(client.content > 15000);
    tls_party_close(&server);
    tls_party_close(&client);
    pki_free(&big);
}

/* A taken-over worker asks for the other side's signature, or for TLS 1.2 where the
 * signer allows none: the handshake fails, and says that the signer did not sign. */
static void signer_refuses(void **state)
{
    struct tls_party server;
    struct tls_party client;

    (void)state;
    open_party(&server, true, PKI_P256);
    open_party(&client, false, PKI_P256);
    for (int i = 0; i < 6; i++) {
        bool at_client = i % 2;
        struct tls_party *p = at_client ? &client : &server;
        struct tls_pair pair;

        p->role =
            i / 2 == 0 ? (at_client ? SIGN_ROLE_SERVER : SIGN_ROLE_CLIENT) : p->role;
        p->tls12 = i / 2 != 1;
        p->mute = i / 2 == 2;
        tls_pair_open(&pair, server.ctx, client.ctx);
        SSL_set_max_proto_version(pair.client.ssl,
                                  i / 2 == 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_false(tls_pair_shake(&pair));
        assert_int_equal(at_client ? pair.client.failure : pair.server.failure,
                         TLS_FAIL_SIGNER);
        tls_pair_close(&pair);
        server.role = SIGN_ROLE_SERVER;
        client.role = SIGN_ROLE_CLIENT;
        server.tls12 = client.tls12 = true;
        server.mute = client.mute = false;
    }
    tls_party_close(&server);
    tls_party_close(&client);
}

/* ---- the key alone ---- */

struct box {
    EVP_PKEY *key;
    uint16_t scheme;
    size_t n;
    size_t claim; /* size to claim instead of the true one, 0: none */
};

static int sign_in_box(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n,
                       uint8_t *sig, size_t cap, size_t *siglen)
{
    struct box *b = ctx;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t made = cap;
    int good;

    b->scheme = scheme;
    b->n = n;
    good = EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, b->key, NULL) == 1 &&
           EVP_DigestSign(md, sig, &made, tbs, n) == 1;
    EVP_MD_CTX_free(md);
    *siglen = b->claim ? b->claim : made;
    return good ? 0 : -1;
}

static void collects_pieces(void **state)
{
    static uint8_t content[SIGN_CONTENT_MAX + 1];
    struct box box = {.key = pki_key(PKI_P256)};
    EVP_PKEY *key = remote_key_new(box.key, sign_in_box, &box);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t sig[256];
    size_t n = 0;

    (void)state;
    assert_non_null(key);
    assert_int_equal(EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, content, 20000), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, content, SIGN_CONTENT_MAX - 20000), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, content, 0), 1);
    assert_int_not_equal(EVP_DigestSignUpdate(md, content, 1), 1);
    assert_int_equal(EVP_DigestSignFinal(md, NULL, &n), 1);
    assert_in_range(n, 70, sizeof(sig));
    assert_int_equal(EVP_DigestSignFinal(md, sig, &n), 1);
    assert_int_equal(box.n, SIGN_CONTENT_MAX);
    assert_int_equal(box.scheme, 0x0403);
    EVP_MD_CTX_reset(md);
    assert_int_equal(
        EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, box.key, NULL), 1);
    assert_int_equal(EVP_DigestVerify(md, sig, n, content, SIGN_CONTENT_MAX), 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    EVP_PKEY_free(box.key);
    ERR_clear_error();
}

static int sign_once(EVP_PKEY *key, const char *digest, int padding, int salt, size_t cap)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t sig[1024];
    size_t n = cap;
    int good = EVP_DigestSignInit_ex(md, &ctx, digest, NULL, NULL, key, NULL) == 1;

    if (good && padding)
        good = EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1;
    if (good && salt)
        good = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1;
    good = good && EVP_DigestSign(md, sig, &n, (const uint8_t *)"tbs", 3) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return good;
}

static void refuses_other_digests_and_paddings(void **state)
{
    struct box rsa = {.key = pki_key(PKI_RSA2048)};
    struct box ec = {.key = pki_key(PKI_P256)};
    EVP_PKEY *r = remote_key_new(rsa.key, sign_in_box, &rsa);
    EVP_PKEY *e = remote_key_new(ec.key, sign_in_box, &ec);

    (void)state;
    assert_true(sign_once(r, "SHA256", 0, 0, 256));
    assert_int_equal(rsa.scheme, 0x0401);
    assert_true(
        sign_once(r, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, 256));
    assert_int_equal(rsa.scheme, 0x0804);
    assert_false(sign_once(r, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, 256));
    assert_false(sign_once(r, "SHA256", RSA_PKCS1_PSS_PADDING, 20, 256));
    assert_false(sign_once(r, "SHA256", RSA_NO_PADDING, 0, 256));
    assert_false(sign_once(r, "SHA256", RSA_X931_PADDING, 0, 256));
    assert_false(sign_once(r, "SHA1", 0, 0, 256));
    assert_false(sign_once(r, "SHA256", 0, 0, 255));
    assert_true(sign_once(e, "SHA384", 0, 0, 256));
    assert_int_equal(ec.scheme, 0x0503);
    assert_false(sign_once(e, "SHA512", 0, 0, 256));
    assert_false(sign_once(e, "SHA1", 0, 0, 256));
    assert_false(sign_once(e, "SHA256", 0, 0, 8));
    EVP_PKEY_free(r);
    EVP_PKEY_free(e);
    EVP_PKEY_free(rsa.key);
    EVP_PKEY_free(ec.key);
}

/* The signer is another process; what it claims is checked. */
static void distrusts_the_size(void **state)
{
    struct box box = {.key = pki_key(PKI_P256)};
    EVP_PKEY *key = remote_key_new(box.key, sign_in_box, &box);

    (void)state;
    box.claim = 73;
    assert_false(sign_once(key, "SHA256", 0, 0, 256));
    box.claim = SIZE_MAX;
    assert_false(sign_once(key, "SHA256", 0, 0, 256));
    box.claim = 72;
    assert_true(sign_once(key, "SHA256", 0, 0, 256));
    EVP_PKEY_free(key);
    EVP_PKEY_free(box.key);
}

static void holds_no_private_half(void **state)
{
    struct box box = {.key = pki_key(PKI_P256)};
    EVP_PKEY *key = remote_key_new(box.key, sign_in_box, &box);
    OSSL_PARAM *params = NULL;
    BIGNUM *secret = NULL;

    (void)state;
    assert_int_equal(EVP_PKEY_eq(key, box.key), 1);
    assert_int_equal(EVP_PKEY_eq(box.key, key), 1);
    assert_int_not_equal(EVP_PKEY_get_bn_param(key, "priv", &secret), 1);
    assert_null(secret);
    assert_int_not_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 1);
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
    OSSL_PARAM_free(params);
    EVP_PKEY_free(key);
    EVP_PKEY_free(box.key);
    ERR_clear_error();
}

static void refuses_other_keys(void **state)
{
    struct box box = {.key = NULL};
    EVP_PKEY *others[] = {EVP_EC_gen("P-521"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                          pki_key(PKI_RSA1024)};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_non_null(others[i]);
        assert_null(remote_key_new(others[i], sign_in_box, &box));
        EVP_PKEY_free(others[i]);
    }
    ERR_clear_error();
}

static void check_private_key_sees_a_stranger(void **state)
{
    struct box box = {.key = pki_key(PKI_P256)};
    EVP_PKEY *key = remote_key_new(box.key, sign_in_box, &box);
    struct pki_cert own = pki_issue(&ca, PKI_P256, &(struct pki_want){.cn = "other"});

    (void)state;
    assert_int_not_equal(X509_check_private_key(own.cert, key), 1);
    pki_free(&own);
    EVP_PKEY_free(key);
    EVP_PKEY_free(box.key);
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_and_version),
        cmocka_unit_test(narrow_peers_12),
        cmocka_unit_test(large_transcript),
        cmocka_unit_test(signer_refuses),
        cmocka_unit_test(collects_pieces),
        cmocka_unit_test(refuses_other_digests_and_paddings),
        cmocka_unit_test(distrusts_the_size),
        cmocka_unit_test(holds_no_private_half),
        cmocka_unit_test(refuses_other_keys),
        cmocka_unit_test(check_private_key_sees_a_stranger),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
