/* The TLS profile, what is not TLS, and the settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "certs/tls_context.h"
#include "certs/tls_warm_up.h"
#include "tests/lib/tls_stage.h"

static void accepts_both_versions(void **state)
{
    (void)state;
    assert_int_equal(
        stage_both_accept(stage.server.ctx, stage.client.ctx, TLS1_2_VERSION),
        IDENTITY_WARN_NO_CRL);
    assert_int_equal(
        stage_both_accept(stage.server.ctx, stage.client.ctx, TLS1_3_VERSION),
        IDENTITY_WARN_NO_CRL);
}

/* ---- negotiation ---- */

static void suites(void **state)
{
    static const struct {
        const char *list;
        bool good;
    } rows[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {"ECDHE-ECDSA-AES128-SHA256", false},
        {"ECDHE-ECDSA-CHACHA20-POLY1305", false},
        {"ECDHE-ECDSA-AES128-CCM8", false},
        {"ECDHE-ECDSA-NULL-SHA", false},
        {"DHE-RSA-AES128-GCM-SHA256", false},
        {"AES128-SHA256", false},
        {"AES128-GCM-SHA256", false},
        {"ADH-AES128-GCM-SHA256", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SSL_CTX *theirs = stage_stranger(false, &stage.master);
        struct tls_pair pair;

        assert_int_equal(SSL_CTX_set_cipher_list(theirs, rows[i].list), 1);
        SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
        tls_pair_open(&pair, stage.server.ctx, theirs);
        assert_int_equal(tls_pair_shake(&pair), rows[i].good);
        stage_expect(&pair.server,
                     rows[i].good ? TLS_FAIL_NONE : TLS_FAIL_NO_SHARED_CIPHER, NULL);
        tls_pair_close(&pair);
        SSL_CTX_free(theirs);
    }
}

static void suites_13(void **state)
{
    static const struct {
        const char *list;
        bool good;
    } rows[] = {
        {"TLS_AES_128_GCM_SHA256", true},        {"TLS_AES_256_GCM_SHA384", true},
        {"TLS_AES_128_CCM_SHA256", true},        {"TLS_AES_128_CCM_8_SHA256", false},
        {"TLS_CHACHA20_POLY1305_SHA256", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SSL_CTX *theirs = stage_stranger(false, &stage.master);
        struct tls_pair pair;

        assert_int_equal(SSL_CTX_set_ciphersuites(theirs, rows[i].list), 1);
        SSL_CTX_set_min_proto_version(theirs, TLS1_3_VERSION);
        tls_pair_open(&pair, stage.server.ctx, theirs);
        assert_int_equal(tls_pair_shake(&pair), rows[i].good);
        stage_expect(&pair.server,
                     rows[i].good ? TLS_FAIL_NONE : TLS_FAIL_NO_SHARED_CIPHER, NULL);
        tls_pair_close(&pair);
        SSL_CTX_free(theirs);
    }
}

static void groups_and_signatures(void **state)
{
    static const char *const groups[] = {"X25519", "P-521", "X448", "ffdhe2048"};
    SSL_CTX *theirs;

    (void)state;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct tls_pair pair;

        theirs = stage_stranger(false, &stage.master);
        assert_int_equal(SSL_CTX_set1_groups_list(theirs, groups[i]), 1);
        SSL_CTX_set_min_proto_version(theirs, TLS1_3_VERSION);
        tls_pair_open(&pair, stage.server.ctx, theirs);
        assert_false(tls_pair_shake(&pair));
        stage_expect(&pair.server, TLS_FAIL_NO_SHARED_GROUP, NULL);
        tls_pair_close(&pair);
        SSL_CTX_free(theirs);
    }
    theirs = stage_stranger(false, &stage.master);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(theirs, "ECDSA+SHA1"), 1);
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_SIGNATURE_TYPE, NULL);
    SSL_CTX_free(theirs);
}

static void versions(void **state)
{
    struct tls_party_want want = stage_want_server();
    SSL_CTX *theirs = stage_stranger(false, &stage.master);
    struct tls_party only13;
    struct tls_pair pair;

    (void)state;
    SSL_CTX_set_min_proto_version(theirs, TLS1_VERSION);
    for (int version = TLS1_VERSION; version <= TLS1_1_VERSION; version++) {
        SSL_CTX_set_max_proto_version(theirs, version);
        tls_pair_open(&pair, stage.server.ctx, theirs);
        assert_false(tls_pair_shake(&pair));
        stage_expect(&pair.server, TLS_FAIL_VERSION, NULL);
        stage_expect(&pair.client, TLS_FAIL_VERSION, "alert");
        tls_pair_close(&pair);
    }
    SSL_CTX_free(theirs);
    want.rules.tls13_only = true;
    tls_party_open(&only13, &want);
    stage_both_accept(only13.ctx, stage.client.ctx, TLS1_3_VERSION);
    tls_pair_open(&pair, only13.ctx, stage.client.ctx);
    SSL_set_max_proto_version(pair.client.ssl, TLS1_2_VERSION);
    assert_false(tls_pair_shake(&pair));
    stage_expect(&pair.server, TLS_FAIL_VERSION, NULL);
    tls_pair_close(&pair);
    tls_party_close(&only13);
}

static void extended_master_secret(void **state)
{
    SSL_CTX *theirs = stage_stranger(false, &stage.master);
    struct tls_pair pair;

    (void)state;
    SSL_CTX_set_max_proto_version(theirs, TLS1_2_VERSION);
    SSL_CTX_set_options(theirs, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    tls_pair_open(&pair, stage.server.ctx, theirs);
    assert_true(tls_pair_shake(&pair));
    assert_int_equal(tls_check_negotiated(pair.server.ssl), TLS_FAIL_NO_EMS);
    tls_pair_close(&pair);
    tls_pair_open(&pair, stage.server.ctx, theirs);
    assert_int_equal(tls_check_negotiated(pair.server.ssl), TLS_FAIL_INTERNAL);
    tls_pair_close(&pair);
    SSL_CTX_free(theirs);
}

/* Nothing to resume with: no ticket, no session id; and no renegotiation. */
static void no_resumption_no_renegotiation(void **state)
{
    SSL_CTX *theirs = stage_stranger(false, &stage.master);

    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_pair pair;
        SSL_SESSION *session;

        tls_pair_open(&pair, stage.server.ctx, theirs);
        SSL_set_max_proto_version(pair.client.ssl, version);
        assert_true(tls_pair_shake(&pair));
        session = SSL_get1_session(pair.client.ssl);
        assert_false(SSL_SESSION_has_ticket(session));
        assert_false(SSL_SESSION_is_resumable(session));
        SSL_SESSION_free(session);
        assert_int_equal(SSL_get_secure_renegotiation_support(pair.server.ssl), 1);
        if (version == TLS1_2_VERSION) {
            assert_int_equal(SSL_renegotiate(pair.client.ssl), 1);
            pair.client.done = false;
            assert_false(tls_pair_shake(&pair));
            assert_int_equal(SSL_get_state(pair.server.ssl), TLS_ST_OK);
        }
        tls_pair_close(&pair);
    }
    SSL_CTX_free(theirs);
}

/* ---- what is not TLS ---- */

static void noise(void **state)
{
    static const struct {
        const char *octets;
        size_t n;
        bool eof;
        enum tls_failure failure;
    } rows[] = {
        {"\x68\x04\x07\x00\x00\x00", 6, false, TLS_FAIL_PLAIN_104},
        {"\x68\x0e\x00\x00\x00\x00\x64\x01\x06\x00\x01\x00\x00\x00\x00\x14", 16, false,
         TLS_FAIL_PLAIN_104},
        {"\x68\x03\x07\x00\x00\x00", 6, false, TLS_FAIL_NOT_TLS},
        {"\x68\xfe\x07\x00\x00\x00", 6, false, TLS_FAIL_NOT_TLS},
        {"GET / HTTP/1.1\r\n\r\n", 18, false, TLS_FAIL_HTTP},
        {"POST /x HTTP/1.1\r\n\r\n", 20, false, TLS_FAIL_HTTP},
        {"CONNECT a:1 HTTP/1.1\r\n\r\n", 24, false, TLS_FAIL_HTTP},
        {"SSH-2.0-OpenSSH_9.2\r\n", 21, false, TLS_FAIL_NOT_TLS},
        {"\x00\x00\x00\x00\x00\x00\x00\x00", 8, false, TLS_FAIL_NOT_TLS},
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, false, TLS_FAIL_NOT_TLS},
        {"\x99\x03\x03\x00\x05\x01\x02\x03\x04\x05", 10, false, TLS_FAIL_NOT_TLS},
        {"\x17\x03\x03\x00\x05\x01\x02\x03\x04\x05", 10, false, TLS_FAIL_PROTOCOL},
        {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, false, TLS_FAIL_PROTOCOL},
        {"\x16\x03\x01\x00\x05\x01\x00\x00", 8, true, TLS_FAIL_CLOSED},
        {"\x68\x04", 2, true, TLS_FAIL_CLOSED},
        {"", 0, true, TLS_FAIL_CLOSED},
        {"\x16\x03\x01", 3, false, TLS_FAIL_NONE},
        {"\x15\x03\x01\x00\x02\x02\x28", 7, false, TLS_FAIL_PROTOCOL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_end end;

        tls_end_feed(&end, stage.server.ctx, true, rows[i].octets, rows[i].n,
                     rows[i].eof);
        if (end.failure != rows[i].failure)
            fail_msg("row %zu: %s (%s)", i, tls_failure_info(end.failure)->name,
                     end.detail);
    }
}

/* An outstation that speaks plain 104, or nothing, on its TLS port. */
static void noise_at_the_client(void **state)
{
    struct tls_end end;

    (void)state;
    tls_end_feed(&end, stage.client.ctx, false, "\x68\x04\x83\x00\x00\x00", 6, false);
    stage_expect(&end, TLS_FAIL_PLAIN_104, "68 04 83 00 00");
    tls_end_feed(&end, stage.client.ctx, false, "HTTP/1.1 400 Bad Request\r\n", 26, true);
    stage_expect(&end, TLS_FAIL_NOT_TLS, "48 54 54 50 2f");
    tls_end_feed(&end, stage.client.ctx, false, "", 0, true);
    stage_expect(&end, TLS_FAIL_CLOSED, NULL);
}

/* ---- what the peer thinks of us ---- */

static void peer_refuses_our_certificate(void **state)
{
    struct tls_party_want want = stage_want_server();
    struct tls_party picky;
    struct tls_pair pair;

    (void)state;
    want.ca = &stage.other_ca.cert;
    tls_party_open(&picky, &want);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_pair_open(&pair, picky.ctx, stage.client.ctx);
        SSL_set_max_proto_version(pair.client.ssl, version);
        assert_false(tls_pair_shake(&pair));
        stage_expect(&pair.client, TLS_FAIL_PEER_REFUSED_CERT, "unknown CA");
        stage_expect(&pair.server, TLS_FAIL_UNKNOWN_CA, "CN=master");
        tls_pair_close(&pair);
    }
    tls_party_close(&picky);
}

/* A peer that shows a certificate without holding its key. */
static int sign_with_another(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n,
                             uint8_t *sig, size_t cap, size_t *siglen)
{
    return sign_key_sign(ctx, SIGN_TLS13_CLIENT, scheme, tbs, n, sig, cap, siglen) ? 0
                                                                                   : -1;
}

static void steal(const struct pki_cert *victim, struct sign_key *thief)
{
    SSL_CTX *theirs = stage_stranger(false, NULL);
    struct tls_pair pair;
    EVP_PKEY *fake;

    fake = remote_key_new(X509_get0_pubkey(victim->cert), sign_with_another, thief);
    assert_non_null(fake);
    assert_int_equal(SSL_CTX_use_certificate(theirs, victim->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(theirs, fake), 1);
    tls_pair_open(&pair, stage.server.ctx, theirs);
    assert_false(tls_pair_shake(&pair));
    stage_expect(&pair.server, TLS_FAIL_SIGNATURE, NULL);
    stage_expect(&pair.client, TLS_FAIL_PEER_REFUSED, "decrypt error");
    tls_pair_close(&pair);
    EVP_PKEY_free(fake);
    SSL_CTX_free(theirs);
}

static struct sign_key *another_rsa_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    char *text = pki_pem_key(key);
    char err[256];
    struct sign_key *made = sign_key_parse("key", text, strlen(text), err, sizeof(err));

    assert_non_null(made);
    free(text);
    EVP_PKEY_free(key);
    return made;
}

static void stolen_certificate(void **state)
{
    struct pki_cert rsa =
        pki_issue(&stage.ca, PKI_RSA2048, &(struct pki_want){.cn = "m"});
    struct sign_key *thief = another_rsa_key();

    (void)state;
    steal(&stage.master, stage.server.key);
    steal(&rsa, thief);
    sign_key_free(thief);
    pki_free(&rsa);
}

/* ---- the settings ---- */

static void must_not_open(const struct tls_party_want *want, const char *word)
{
    char err[512] = "";
    struct tls_party p;

    assert_false(tls_party_try(&p, want, err, sizeof(err)));
    if (!strstr(err, word))
        fail_msg("\"%s\" in: %s", word, err);
    assert_int_equal(ERR_peek_error(), 0);
    tls_party_close(&p);
}

static void refuses_settings(void **state)
{
    static const char *const names[] = {NULL, "", "a b", "*.example", "rtu/1"};
    struct tls_party_want want = stage_want_server();
    X509_CRL *crl = pki_crl(&stage.other_ca, NULL, 0, PKI_DAY);
    X509_CRL *fake;
    struct pki_cert short_key =
        pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "x", .ca = true});

    (void)state;
    want.ca = &stage.rtu.cert;
    must_not_open(&want, "ca.crt: certificate number 1 is not that of a CA");
    want = stage_want_server();
    want.ca_count = 0;
    must_not_open(&want, "ca.crt: holds no certificate");
    want = stage_want_server();
    want.crl = crl;
    must_not_open(&want,
                  "ca.crl: revocation list number 1 is not signed by a CA of ca.crt");
    /* the right name, but not the right key */
    fake = X509_CRL_dup(crl);
    assert_int_equal(X509_CRL_set_issuer_name(fake, X509_get_subject_name(stage.ca.cert)),
                     1);
    assert_true(X509_CRL_sign(fake, stage.other_ca.key, EVP_sha256()) > 0);
    want.crl = fake;
    must_not_open(&want, "not signed by a CA of ca.crt");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        want = stage_want_client();
        want.peer_name = names[i];
        must_not_open(&want, "peer_name");
    }
    X509_CRL_free(fake);
    X509_CRL_free(crl);
    pki_free(&short_key);
}

static void refuses_texts(void **state)
{
    static const struct {
        const char *text;
        const char *word;
    } rows[] = {
        {NULL, "own.crt: holds no certificate"},
        {"", "own.crt: holds no certificate"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "own.crt: certificate number 1 cannot be read"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n", "own.crt: certificate number 1"},
    };
    char err[512];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_settings s = {
            .server = true,
            .chain = {"own.crt", rows[i].text, rows[i].text ? strlen(rows[i].text) : 0},
        };

        assert_null(tls_context_new(&s, err, sizeof(err)));
        if (!strstr(err, rows[i].word))
            fail_msg("row %zu: %s", i, err);
    }
}

static void refuses_a_cut_chain(void **state)
{
    X509 *two[2] = {stage.rtu.cert, stage.ca.cert};
    char *text = pki_pem_certs(two, 2);
    struct tls_settings s = {.server = true,
                             .chain = {"own.crt", text, strlen(text) - 40}};
    char err[512];

    (void)state;
    assert_null(tls_context_new(&s, err, sizeof(err)));
    if (!strstr(err, "certificate number 2"))
        fail_msg("%s", err);
    free(text);
}

static void refuses_own_weak_key(void **state)
{
    struct pki_cert weak =
        pki_issue(&stage.ca, PKI_RSA1024, &(struct pki_want){.cn = "weak"});
    char *text = pki_pem_certs(&weak.cert, 1);
    struct tls_settings s = {.server = true, .chain = {"own.crt", text, strlen(text)}};
    char err[512];

    (void)state;
    assert_null(tls_context_new(&s, err, sizeof(err)));
    if (!strstr(err, "own.crt") || !strstr(err, "2048"))
        fail_msg("%s", err);
    free(text);
    pki_free(&weak);
}

/* ---- names and warm-up ---- */

static void table(void **state)
{
    (void)state;
    assert_string_equal(tls_failure_info(TLS_FAIL_REVOKED)->event, "2.4");
    assert_string_equal(tls_failure_info(TLS_FAIL_REVOKED)->mnemonic, "TLS_CERT_REVOKED");
    assert_string_equal(tls_failure_info(TLS_FAIL_PLAIN_104)->name, "plain-104");
    assert_int_equal(tls_failure_info(31)->failure, TLS_FAIL_INTERNAL);
    assert_int_equal(tls_failure_info(UINT32_MAX)->failure, TLS_FAIL_INTERNAL);
    assert_int_equal(tls_failure_info(0)->failure, TLS_FAIL_NONE);
}

/* After the warm-up no descriptor may be needed, and the default library context must not
 * have read a configuration. */
static void warm_up(void **state)
{
    struct rlimit old;
    struct rlimit none;
    char err[256] = "";

    (void)state;
    if (!tls_warm_up(err, sizeof(err)))
        fail_msg("%s", err);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    stage_both_accept(stage.server.ctx, stage.client.ctx, TLS1_2_VERSION);
    stage_both_accept(stage.server.ctx, stage.client.ctx, TLS1_3_VERSION);
    assert_true(tls_warm_up(err, sizeof(err)));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_both_versions),
        cmocka_unit_test(suites),
        cmocka_unit_test(suites_13),
        cmocka_unit_test(groups_and_signatures),
        cmocka_unit_test(versions),
        cmocka_unit_test(extended_master_secret),
        cmocka_unit_test(no_resumption_no_renegotiation),
        cmocka_unit_test(noise),
        cmocka_unit_test(noise_at_the_client),
        cmocka_unit_test(peer_refuses_our_certificate),
        cmocka_unit_test(stolen_certificate),
        cmocka_unit_test(refuses_settings),
        cmocka_unit_test(refuses_texts),
        cmocka_unit_test(refuses_a_cut_chain),
        cmocka_unit_test(refuses_own_weak_key),
        cmocka_unit_test(table),
        cmocka_unit_test(warm_up),
    };

    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
