/* The profiles of tls_rules.h: suites, groups, encrypt-then-MAC, extended master secret,
 * RSA key transport, and two certificates at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "certs/tls_context.h"
#include "tests/lib/tls_stage.h"

static const struct tls_rules STRICT = {.profile = TLS_PROFILE_STRICT};
static const struct tls_rules FULL = {.profile = TLS_PROFILE_FULL};
static const struct tls_rules STRICT_LEGACY = {.legacy_rsa = true};

static struct pki_cert rsa_rtu;
static struct pki_cert rsa_master;

static int set_up(void **state)
{
    struct pki_want rtu = {.cn = "rtu", .san = "DNS:" STAGE_NAME, .eku = "serverAuth"};
    struct pki_want master = {.cn = "old", .eku = "clientAuth"};

    if (stage_set_up(state) != 0)
        return -1;
    rsa_rtu = pki_issue(&stage.ca, PKI_RSA2048, &rtu);
    rsa_master = pki_issue(&stage.ca, PKI_RSA2048, &master);
    return 0;
}

static int tear_down(void **state)
{
    pki_free(&rsa_rtu);
    pki_free(&rsa_master);
    return stage_tear_down(state);
}

/* A server with both certificates. */
static void open_server(struct tls_party *p, struct tls_rules rules)
{
    struct tls_party_want want = stage_want_server();

    want.rules = rules;
    want.second = &rsa_rtu;
    tls_party_open(p, &want);
}

static void open_client(struct tls_party *p, struct tls_rules rules)
{
    struct tls_party_want want = stage_want_client();

    want.rules = rules;
    tls_party_open(p, &want);
}

/* What a handshake of the server with that client comes to. */
static enum tls_failure meet(struct tls_party *server, SSL_CTX *client, const char *suite)
{
    enum tls_failure found;
    struct tls_pair pair;

    tls_pair_open(&pair, server->ctx, client);
    found = tls_pair_shake(&pair) ? tls_check_negotiated(pair.server.ssl)
                                  : pair.server.failure;
    if (found == TLS_FAIL_NONE && suite)
        assert_string_equal(SSL_get_cipher_name(pair.server.ssl), suite);
    tls_pair_close(&pair);
    return found;
}

/* ---- suites ---- */

#define S 1u
#define F 2u

static void suites(void **state)
{
    static const struct {
        const char *name;
        int version;
        unsigned int in;
    } rows[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION, S | F},
        {"ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, S | F},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, S | F},
        {"ECDHE-RSA-AES256-GCM-SHA384", TLS1_2_VERSION, S | F},
        {"DHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, F},
        {"DHE-RSA-AES256-GCM-SHA384", TLS1_2_VERSION, F},
        {"AES128-SHA256", TLS1_2_VERSION, F},
        {"AES256-SHA256", TLS1_2_VERSION, 0},
        {"AES128-SHA", TLS1_2_VERSION, 0},
        {"AES128-GCM-SHA256", TLS1_2_VERSION, 0},
        {"AES128-CCM", TLS1_2_VERSION, 0},
        {"NULL-SHA256", TLS1_2_VERSION, 0},
        {"DHE-RSA-AES128-SHA256", TLS1_2_VERSION, 0},
        {"DHE-RSA-CHACHA20-POLY1305", TLS1_2_VERSION, 0},
        {"ECDHE-RSA-AES128-SHA256", TLS1_2_VERSION, 0},
        {"ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION, 0},
        {"ADH-AES128-GCM-SHA256", TLS1_2_VERSION, 0},
        {"TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, S | F},
        {"TLS_AES_256_GCM_SHA384", TLS1_3_VERSION, S | F},
        {"TLS_AES_128_CCM_SHA256", TLS1_3_VERSION, S | F},
        {"TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION, F},
        {"TLS_AES_128_CCM_8_SHA256", TLS1_3_VERSION, 0},
    };
    struct tls_party server[2];

    (void)state;
    open_server(&server[0], STRICT);
    open_server(&server[1], FULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned int k = 0; k < 2; k++) {
            SSL_CTX *theirs = stage_stranger(false, &stage.master);
            bool good = rows[i].in & (1u << k);

            SSL_CTX_set_min_proto_version(theirs, rows[i].version);
            SSL_CTX_set_max_proto_version(theirs, rows[i].version);
            if (rows[i].version == TLS1_3_VERSION)
                assert_int_equal(SSL_CTX_set_ciphersuites(theirs, rows[i].name), 1);
            else
                assert_int_equal(SSL_CTX_set_cipher_list(theirs, rows[i].name), 1);
            if (meet(&server[k], theirs, rows[i].name) !=
                (good ? TLS_FAIL_NONE : TLS_FAIL_NO_SHARED_CIPHER))
                fail_msg("%s with profile %u", rows[i].name, k);
            SSL_CTX_free(theirs);
        }
    }
    tls_party_close(&server[0]);
    tls_party_close(&server[1]);
}

/* The order of the server decides, whatever the client likes best. */
static void server_order(void **state)
{
    struct tls_party server;
    SSL_CTX *theirs = stage_stranger(false, &stage.master);

    (void)state;
    open_server(&server, FULL);
    SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(theirs,
                                             "AES128-SHA256:DHE-RSA-AES256-GCM-SHA384:"
                                             "ECDHE-RSA-AES256-GCM-SHA384:"
                                             "ECDHE-RSA-AES128-GCM-SHA256"),
                     1);
    assert_int_equal(meet(&server, theirs, "ECDHE-RSA-AES128-GCM-SHA256"), TLS_FAIL_NONE);
    assert_int_equal(
        SSL_CTX_set_cipher_list(theirs, "AES128-SHA256:DHE-RSA-AES128-GCM-SHA256"), 1);
    assert_int_equal(meet(&server, theirs, "DHE-RSA-AES128-GCM-SHA256"), TLS_FAIL_NONE);
    SSL_CTX_free(theirs);
    tls_party_close(&server);
}

static void groups(void **state)
{
    static const struct {
        const char *name;
        unsigned int in;
    } rows[] = {
        {"P-256", S | F}, {"P-384", S | F}, {"ffdhe2048", F}, {"ffdhe3072", F},
        {"ffdhe4096", F}, {"ffdhe6144", 0}, {"ffdhe8192", 0}, {"X25519", 0},
        {"X448", 0},      {"P-521", 0},
    };
    struct tls_party server[2];

    (void)state;
    open_server(&server[0], STRICT);
    open_server(&server[1], FULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned int k = 0; k < 2; k++) {
            SSL_CTX *theirs = stage_stranger(false, &stage.master);
            bool good = rows[i].in & (1u << k);

            SSL_CTX_set_min_proto_version(theirs, TLS1_3_VERSION);
            assert_int_equal(SSL_CTX_set1_groups_list(theirs, rows[i].name), 1);
            if (meet(&server[k], theirs, NULL) !=
                (good ? TLS_FAIL_NONE : TLS_FAIL_NO_SHARED_GROUP))
                fail_msg("%s with profile %u", rows[i].name, k);
            SSL_CTX_free(theirs);
        }
    }
    tls_party_close(&server[0]);
    tls_party_close(&server[1]);
}

/* The finite-field group of TLS 1.2 is the mandatory one. */
static void dhe_group(void **state)
{
    SSL_CTX *theirs = stage_stranger(false, &stage.master);
    struct tls_party server;
    struct tls_pair pair;
    EVP_PKEY *key = NULL;
    char name[32] = "";

    (void)state;
    open_server(&server, FULL);
    SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(theirs, "DHE-RSA-AES128-GCM-SHA256"), 1);
    tls_pair_open(&pair, server.ctx, theirs);
    assert_true(tls_pair_shake(&pair));
    assert_int_equal(SSL_get_peer_tmp_key(pair.client.ssl, &key), 1);
    assert_int_equal(EVP_PKEY_get_group_name(key, name, sizeof(name), NULL), 1);
    assert_string_equal(name, "ffdhe2048");
    EVP_PKEY_free(key);
    tls_pair_close(&pair);
    SSL_CTX_free(theirs);
    tls_party_close(&server);
}

/* ---- CBC, and what old stations lack ---- */

static SSL_CTX *old_station(unsigned long options)
{
    SSL_CTX *ctx = stage_stranger(false, &rsa_master);

    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, "AES128-SHA256"), 1);
    SSL_CTX_set_options(ctx, options);
    return ctx;
}

static void old_stations(void **state)
{
    const unsigned long ems = SSL_OP_NO_EXTENDED_MASTER_SECRET;
    const unsigned long etm = SSL_OP_NO_ENCRYPT_THEN_MAC;
    const struct {
        struct tls_rules rules;
        unsigned long lacks;
        enum tls_failure found;
    } rows[] = {
        {FULL, 0, TLS_FAIL_NONE},
        {FULL, etm, TLS_FAIL_NO_ETM},
        {FULL, ems, TLS_FAIL_NO_EMS},
        {FULL, ems | etm, TLS_FAIL_NO_EMS},
        {STRICT, 0, TLS_FAIL_NO_SHARED_CIPHER},
        {STRICT, ems | etm, TLS_FAIL_NO_SHARED_CIPHER},
        {STRICT_LEGACY, 0, TLS_FAIL_NONE},
        {STRICT_LEGACY, etm, TLS_FAIL_NONE},
        {STRICT_LEGACY, ems | etm, TLS_FAIL_NONE},
        {{.profile = TLS_PROFILE_FULL, .legacy_rsa = true}, ems | etm, TLS_FAIL_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SSL_CTX *theirs = old_station(rows[i].lacks);
        struct tls_party server;

        open_server(&server, rows[i].rules);
        if (meet(&server, theirs, "AES128-SHA256") != rows[i].found)
            fail_msg("row %zu", i);
        tls_party_close(&server);
        SSL_CTX_free(theirs);
    }
}

/* The exception is for that one suite. */
static void exception_is_narrow(void **state)
{
    static const char *const others[] = {"ECDHE-RSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-AES256-GCM-SHA384"};
    struct tls_party server;

    (void)state;
    open_server(&server, STRICT_LEGACY);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        SSL_CTX *theirs = old_station(SSL_OP_NO_EXTENDED_MASTER_SECRET);

        assert_int_equal(SSL_CTX_set_cipher_list(theirs, others[i]), 1);
        assert_int_equal(meet(&server, theirs, others[i]), TLS_FAIL_NO_EMS);
        SSL_CTX_free(theirs);
    }
    tls_party_close(&server);
}

/* As a client, to an old outstation. */
static void old_outstations(void **state)
{
    const struct {
        struct tls_rules rules;
        unsigned long lacks;
        enum tls_failure found;
    } rows[] = {
        {FULL, 0, TLS_FAIL_NONE},
        {FULL, SSL_OP_NO_ENCRYPT_THEN_MAC, TLS_FAIL_NO_ETM},
        {FULL, SSL_OP_NO_EXTENDED_MASTER_SECRET, TLS_FAIL_NO_EMS},
        {STRICT_LEGACY, SSL_OP_NO_ENCRYPT_THEN_MAC | SSL_OP_NO_EXTENDED_MASTER_SECRET,
         TLS_FAIL_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SSL_CTX *theirs = stage_stranger(true, &rsa_rtu);
        struct tls_party client;
        struct tls_pair pair;

        open_client(&client, rows[i].rules);
        assert_int_equal(SSL_CTX_set_cipher_list(theirs, "AES128-SHA256"), 1);
        SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
        SSL_CTX_set_options(theirs, rows[i].lacks);
        tls_pair_open(&pair, theirs, client.ctx);
        assert_true(tls_pair_shake(&pair));
        assert_int_equal(tls_check_negotiated(pair.client.ssl), rows[i].found);
        assert_int_equal(client.last, SIGN_TLS12_CLIENT);
        tls_pair_close(&pair);
        tls_party_close(&client);
        SSL_CTX_free(theirs);
    }
}

/* A client of the full profile signs after finite-field exchanges too, OpenSSL's own
 * groups included. */
static void dhe_outstation(void **state)
{
    SSL_CTX *theirs = stage_stranger(true, &rsa_rtu);
    struct tls_party client;
    struct tls_pair pair;

    (void)state;
    open_client(&client, FULL);
    assert_int_equal(SSL_CTX_set_cipher_list(theirs, "DHE-RSA-AES256-GCM-SHA384"), 1);
    SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
    SSL_CTX_set_dh_auto(theirs, 1);
    tls_pair_open(&pair, theirs, client.ctx);
    assert_true(tls_pair_shake(&pair));
    assert_int_equal(tls_check_negotiated(pair.client.ssl), TLS_FAIL_NONE);
    assert_int_equal(client.last, SIGN_TLS12_CLIENT);
    tls_pair_close(&pair);
    tls_party_close(&client);
    SSL_CTX_free(theirs);
}

static void transport_is_told(void **state)
{
    SSL_CTX *theirs = old_station(0);
    struct tls_party server;
    struct tls_pair pair;

    (void)state;
    open_server(&server, FULL);
    tls_pair_open(&pair, server.ctx, theirs);
    assert_true(tls_pair_shake(&pair));
    assert_int_equal(tls_warnings(pair.server.ssl),
                     IDENTITY_WARN_NO_CRL | IDENTITY_WARN_NO_PFS);
    assert_int_equal(server.second->opened, 1);
    assert_int_equal(server.second->asked, 0);
    tls_pair_close(&pair);
    server.second->mute = true;
    assert_int_equal(meet(&server, theirs, NULL), TLS_FAIL_SIGNER);
    tls_party_close(&server);
    SSL_CTX_free(theirs);
}

/* ---- two certificates ---- */

static void both_certificates(void **state)
{
    static const struct {
        int version;
        const char *sigalgs;
        int type;
    } rows[] = {
        {TLS1_2_VERSION, "ECDSA+SHA256", EVP_PKEY_EC},
        {TLS1_3_VERSION, "ECDSA+SHA256", EVP_PKEY_EC},
        {TLS1_2_VERSION, "RSA+SHA256", EVP_PKEY_RSA},
        {TLS1_2_VERSION, "rsa_pss_rsae_sha256", EVP_PKEY_RSA},
        {TLS1_3_VERSION, "rsa_pss_rsae_sha256", EVP_PKEY_RSA},
    };
    struct tls_party server;

    (void)state;
    open_server(&server, STRICT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SSL_CTX *theirs = stage_stranger(false, NULL);
        struct tls_pair pair;

        SSL_CTX_set_max_proto_version(theirs, rows[i].version);
        assert_int_equal(SSL_CTX_set1_sigalgs_list(theirs, rows[i].sigalgs), 1);
        tls_pair_open(&pair, server.ctx, theirs);
        (void)tls_pair_shake(&pair);
        assert_non_null(SSL_get0_peer_certificate(pair.client.ssl));
        assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(
                             SSL_get0_peer_certificate(pair.client.ssl))),
                         rows[i].type);
        tls_pair_close(&pair);
        SSL_CTX_free(theirs);
    }
    assert_true(server.asked >= 2 && server.second->asked >= 3);
    tls_party_close(&server);
}

static void not_twice_the_same_type(void **state)
{
    struct tls_party_want want = stage_want_server();
    struct tls_party p;
    char err[512] = "";

    (void)state;
    want.second = &stage.master;
    assert_false(tls_party_try(&p, &want, err, sizeof(err)));
    assert_non_null(strstr(err, "second.crt: a second certificate for the same type"));
    tls_party_close(&p);
}

/* ---- the secret ---- */

#define KEY_OCTETS 256u

static size_t encrypt(EVP_PKEY *key, int padding, const void *p, size_t n, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t made = KEY_OCTETS;

    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, out, &made, p, n), 1);
    EVP_PKEY_CTX_free(ctx);
    return made;
}

/* The same input twice: what is random differs. */
static bool is_random(struct sign_key *key, const uint8_t *in, size_t n,
                      const uint8_t *secret)
{
    uint8_t a[SIGN_PREMASTER];
    uint8_t b[SIGN_PREMASTER];

    assert_true(sign_key_premaster(key, in, n, a));
    assert_true(sign_key_premaster(key, in, n, b));
    assert_memory_not_equal(a, secret, sizeof(a));
    return memcmp(a, b, sizeof(a)) != 0;
}

static void premaster(void **state)
{
    struct tls_party server;
    struct sign_key *key;
    uint8_t secret[KEY_OCTETS] = {3, 3};
    uint8_t in[2 * KEY_OCTETS] = {0};
    uint8_t out[SIGN_PREMASTER];
    size_t n;

    (void)state;
    open_server(&server, FULL);
    key = server.second->key;
    assert_int_equal(RAND_bytes(secret + 2, sizeof(secret) - 2), 1);
    n = encrypt(rsa_rtu.key, RSA_PKCS1_PADDING, secret, SIGN_PREMASTER, in);
    assert_true(sign_key_premaster(key, in, n, out));
    assert_memory_equal(out, secret, sizeof(out));

    /* a bit of it, its length, nothing at all */
    in[9] ^= 1;
    assert_true(is_random(key, in, n, secret));
    in[9] ^= 1;
    assert_true(is_random(key, in, n - 1, secret));
    assert_true(is_random(key, in, n + 1, secret));
    assert_true(is_random(key, in, 1, secret));
    memset(in, 0xFF, sizeof(in));
    assert_true(is_random(key, in, n, secret));

    /* another version, and secrets of the wrong length */
    secret[1] = 2;
    n = encrypt(rsa_rtu.key, RSA_PKCS1_PADDING, secret, SIGN_PREMASTER, in);
    assert_true(is_random(key, in, n, secret));
    secret[1] = 3;
    for (size_t size = SIGN_PREMASTER - 1; size <= SIGN_PREMASTER + 1; size += 2) {
        n = encrypt(rsa_rtu.key, RSA_PKCS1_PADDING, secret, size, in);
        assert_true(is_random(key, in, n, secret));
    }
    /* a secret without padding */
    secret[0] = 0;
    n = encrypt(rsa_rtu.key, RSA_NO_PADDING, secret, KEY_OCTETS, in);
    assert_true(is_random(key, in, n, secret));

    assert_false(sign_key_premaster(server.key, in, n, out)); /* EC */
    tls_party_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suites),
        cmocka_unit_test(server_order),
        cmocka_unit_test(groups),
        cmocka_unit_test(dhe_group),
        cmocka_unit_test(old_stations),
        cmocka_unit_test(exception_is_narrow),
        cmocka_unit_test(old_outstations),
        cmocka_unit_test(dhe_outstation),
        cmocka_unit_test(transport_is_told),
        cmocka_unit_test(both_certificates),
        cmocka_unit_test(not_twice_the_same_type),
        cmocka_unit_test(premaster),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
