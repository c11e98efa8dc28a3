#include "tests/lib/tls_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "certs/tls_context.h"

struct tls_stage stage;

struct tls_party_want stage_want_server(void)
{
    return (struct tls_party_want){
        .server = true, .own = &stage.rtu, .ca = &stage.ca.cert, .ca_count = 1};
}

struct tls_party_want stage_want_client(void)
{
    return (struct tls_party_want){.own = &stage.master,
                                   .ca = &stage.ca.cert,
                                   .ca_count = 1,
                                   .peer_name = STAGE_NAME};
}

int stage_set_up(void **state)
{
    struct tls_party_want s = stage_want_server();
    struct tls_party_want c = stage_want_client();
    struct pki_want wr = {.cn = "rtu", .san = "DNS:" STAGE_NAME, .eku = "serverAuth"};
    struct pki_want wm = {.cn = "master", .eku = "clientAuth"};

    (void)state;
    tls_library_init();
    stage.ca = pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "Lab CA", .ca = true});
    stage.other_ca =
        pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "Other CA", .ca = true});
    stage.rtu = pki_issue(&stage.ca, PKI_P256, &wr);
    stage.master = pki_issue(&stage.ca, PKI_P256, &wm);
    tls_party_open(&stage.server, &s);
    tls_party_open(&stage.client, &c);
    return 0;
}

int stage_tear_down(void **state)
{
    (void)state;
    tls_party_close(&stage.server);
    tls_party_close(&stage.client);
    pki_free(&stage.rtu);
    pki_free(&stage.master);
    pki_free(&stage.ca);
    pki_free(&stage.other_ca);
    return 0;
}

static int take_any(int good, X509_STORE_CTX *store)
{
    (void)good;
    (void)store;
    return 1;
}

SSL_CTX *stage_stranger(bool is_server, const struct pki_cert *own)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    if (own) {
        assert_int_equal(SSL_CTX_use_certificate(ctx, own->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, own->key), 1);
    }
    /* a server asks for a certificate, and takes any */
    SSL_CTX_set_verify(ctx, is_server ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, take_any);
    return ctx;
}

void stage_expect(const struct tls_end *end, enum tls_failure failure, const char *detail)
{
    const struct tls_failure_info *info = tls_failure_info(failure);

    if (end->failure != failure || (detail && !strstr(end->detail, detail)))
        fail_msg("expected %s (%s), got %s (%s)", info->name, detail ? detail : "",
                 tls_failure_info(end->failure)->name, end->detail);
    assert_int_equal(ERR_peek_error(), 0);
}

void stage_server_refuses(SSL_CTX *ours, SSL_CTX *theirs, enum tls_failure failure,
                          const char *detail)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_pair pair;

        tls_pair_open(&pair, ours, theirs);
        SSL_set_max_proto_version(pair.client.ssl, version);
        assert_false(tls_pair_shake(&pair));
        stage_expect(&pair.server, failure, detail);
        tls_pair_close(&pair);
    }
}

void stage_client_refuses(SSL_CTX *ours, SSL_CTX *theirs, enum tls_failure failure,
                          const char *detail)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_pair pair;

        tls_pair_open(&pair, theirs, ours);
        SSL_set_max_proto_version(pair.client.ssl, version);
        assert_false(tls_pair_shake(&pair));
        stage_expect(&pair.client, failure, detail);
        tls_pair_close(&pair);
    }
}

/* A stranger takes what is outside the profile. */
static void check_ours(SSL_CTX *ctx, const SSL *ssl)
{
    if (SSL_CTX_get_verify_callback(ctx) != take_any)
        assert_int_equal(tls_check_negotiated(ssl), TLS_FAIL_NONE);
}

unsigned int stage_both_accept(SSL_CTX *s, SSL_CTX *c, int version)
{
    struct tls_pair pair;
    unsigned int warnings;

    tls_pair_open(&pair, s, c);
    SSL_set_max_proto_version(pair.client.ssl, version);
    if (!tls_pair_shake(&pair))
        fail_msg("server: %s %s, client: %s %s",
                 tls_failure_info(pair.server.failure)->name, pair.server.detail,
                 tls_failure_info(pair.client.failure)->name, pair.client.detail);
    check_ours(s, pair.server.ssl);
    check_ours(c, pair.client.ssl);
    warnings = tls_warnings(pair.server.ssl);
    tls_pair_close(&pair);
    return warnings;
}
