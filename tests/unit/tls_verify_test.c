/* Which certificates are taken, and why others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "certs/tls_context.h"
#include "tests/lib/tls_stage.h"

/* Our server against a client with that certificate. */
static void refuses_client_cert(const struct pki_cert *by, enum pki_type type,
                                const struct pki_want *want, enum tls_failure failure,
                                const char *detail)
{
    struct pki_cert own = pki_issue(by, type, want);
    SSL_CTX *theirs = stage_stranger(false, &own);

    stage_server_refuses(stage.server.ctx, theirs, failure, detail);
    SSL_CTX_free(theirs);
    pki_free(&own);
}

/* A client of ours against a server with that certificate. */
static void refuses_at(const struct tls_party *ours, const struct pki_want *want,
                       enum tls_failure failure, const char *detail)
{
    struct pki_cert own = pki_issue(&stage.ca, PKI_P256, want);
    SSL_CTX *theirs = stage_stranger(true, &own);

    stage_client_refuses(ours->ctx, theirs, failure, detail);
    SSL_CTX_free(theirs);
    pki_free(&own);
}

static void refuses_server_cert(const struct pki_want *want, enum tls_failure failure,
                                const char *detail)
{
    refuses_at(&stage.client, want, failure, detail);
}

static void accepts_server_cert(const struct tls_party *ours, const struct pki_want *want)
{
    struct pki_cert own = pki_issue(&stage.ca, PKI_P256, want);
    SSL_CTX *theirs = stage_stranger(true, &own);

    stage_both_accept(theirs, ours->ctx, TLS1_2_VERSION);
    stage_both_accept(theirs, ours->ctx, TLS1_3_VERSION);
    SSL_CTX_free(theirs);
    pki_free(&own);
}

/* ---- certificates ---- */

static void no_peer_certificate(void **state)
{
    SSL_CTX *theirs = stage_stranger(false, NULL);

    (void)state;
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_NO_PEER_CERT, NULL);
    SSL_CTX_free(theirs);
}

static void unknown_ca(void **state)
{
    struct pki_want want = {.cn = "eve", .san = "DNS:" STAGE_NAME};

    (void)state;
    refuses_client_cert(&stage.other_ca, PKI_P256, &want, TLS_FAIL_UNKNOWN_CA,
                        "CN=eve,O=Lab");
    refuses_client_cert(NULL, PKI_P256, &want, TLS_FAIL_UNKNOWN_CA, "CN=eve,O=Lab");
    want.ca = true;
    refuses_client_cert(NULL, PKI_P256, &want, TLS_FAIL_UNKNOWN_CA, "CN=eve,O=Lab");
}

static void validity(void **state)
{
    struct pki_want old = {
        .cn = "old", .san = "DNS:" STAGE_NAME, .from = -9 * PKI_DAY, .to = -60};
    struct pki_want early = {.cn = "early", .san = "DNS:" STAGE_NAME, .from = 3600};

    (void)state;
    refuses_client_cert(&stage.ca, PKI_P256, &old, TLS_FAIL_EXPIRED, "CN=old");
    refuses_client_cert(&stage.ca, PKI_P256, &early, TLS_FAIL_NOT_YET_VALID, "CN=early");
    refuses_server_cert(&old, TLS_FAIL_EXPIRED, "CN=old");
    refuses_server_cert(&early, TLS_FAIL_NOT_YET_VALID, "CN=early");
}

static void purpose(void **state)
{
    struct pki_want wrong_client = {.cn = "x", .eku = "serverAuth"};
    struct pki_want wrong_server = {
        .cn = "x", .san = "DNS:" STAGE_NAME, .eku = "clientAuth"};
    struct pki_want both = {.cn = "x", .eku = "serverAuth,clientAuth"};
    struct pki_cert own = pki_issue(&stage.ca, PKI_P256, &both);
    SSL_CTX *theirs = stage_stranger(false, &own);

    (void)state;
    refuses_client_cert(&stage.ca, PKI_P256, &wrong_client, TLS_FAIL_PURPOSE, NULL);
    refuses_server_cert(&wrong_server, TLS_FAIL_PURPOSE_SERVER, NULL);
    stage_both_accept(stage.server.ctx, theirs, TLS1_3_VERSION);
    SSL_CTX_free(theirs);
    pki_free(&own);
}

/* The subject's common name does not help where there is an alternative name. */
static void peer_name(void **state)
{
    static const char *const wrong[] = {
        "DNS:rtu2.example",
        "DNS:rtu.example.evil",
        "DNS:xrtu.example",
        "DNS:r*.example",
        "IP:10.0.0.1",
        "URI:https://rtu.example/",
        "DNS:example",
        "DNS:*.example",
        "DNS:*",
        "email:operator@rtu.example",
    };
    static const char *const right[] = {NULL, "DNS:a.example,DNS:rtu.example",
                                        "DNS:RTU.example"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct pki_want want = {.cn = STAGE_NAME, .san = wrong[i]};

        refuses_server_cert(&want, TLS_FAIL_NAME, NULL);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        struct pki_want want = {.cn = STAGE_NAME, .san = right[i]};

        accepts_server_cert(&stage.client, &want);
    }
}

static void peer_name_wildcards(void **state)
{
    static const char *const wrong[] = {"DNS:r*.lab.example", "DNS:*u.lab.example",
                                        "DNS:*.*.example", "DNS:*.example"};
    struct tls_party_want want = stage_want_client();
    struct tls_party ours;

    (void)state;
    want.peer_name = "rtu.lab.example";
    tls_party_open(&ours, &want);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuses_at(&ours, &(struct pki_want){.cn = "x", .san = wrong[i]}, TLS_FAIL_NAME,
                   NULL);
    accepts_server_cert(&ours, &(struct pki_want){.cn = "x", .san = "DNS:*.lab.example"});
    tls_party_close(&ours);
}

static void peer_address(void **state)
{
    struct pki_want good = {.cn = "rtu", .san = "IP:10.0.0.1"};
    struct pki_want text = {.cn = "10.0.0.1", .san = "DNS:10.0.0.1"};
    struct pki_want bare = {.cn = "10.0.0.1"};
    struct tls_party_want want = stage_want_client();
    struct tls_party ours;

    (void)state;
    want.peer_name = "10.0.0.1";
    tls_party_open(&ours, &want);
    accepts_server_cert(&ours, &good);
    refuses_at(&ours, &text, TLS_FAIL_NAME, NULL);
    refuses_at(&ours, &bare, TLS_FAIL_NAME, NULL);
    tls_party_close(&ours);
}

static void sizes_and_keys(void **state)
{
    struct pki_want large = {.cn = "large", .ballast = 8192};
    struct pki_want near = {.cn = "near", .ballast = 7700};
    struct pki_want small = {.cn = "short key"};
    struct pki_cert own = pki_issue(&stage.ca, PKI_P256, &near);
    SSL_CTX *theirs = stage_stranger(false, &own);

    (void)state;
    refuses_client_cert(&stage.ca, PKI_P256, &large, TLS_FAIL_CERT_SIZE, "CN=large");
    refuses_client_cert(&stage.ca, PKI_RSA1024, &small, TLS_FAIL_SHORT_KEY,
                        "CN=short key");
    stage_both_accept(stage.server.ctx, theirs, TLS1_2_VERSION);
    for (int i = 0; i < TLS_CERTS_SENT_MAX; i++)
        SSL_CTX_add1_chain_cert(theirs, stage.ca.cert);
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_CERT_SIZE, "too many");
    SSL_CTX_free(theirs);
    pki_free(&own);
}

static void weak_digest_and_forgery(void **state)
{
    struct pki_want want = {.cn = "x"};
    struct pki_cert sha1 = pki_issue(&stage.ca, PKI_P256, &want);
    struct pki_cert mid =
        pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "mid", .ca = true});
    struct pki_cert forged = pki_issue(&stage.ca, PKI_P256, &want);
    struct pki_cert leaf_ca =
        pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "no CA"});
    struct pki_cert below = pki_issue(&leaf_ca, PKI_P256, &want);
    SSL_CTX *theirs;

    (void)state;
    assert_true(X509_sign(mid.cert, stage.ca.key, EVP_sha1()) > 0);
    assert_true(X509_sign(sha1.cert, mid.key, EVP_sha256()) > 0);
    pki_free(&sha1);
    sha1 = pki_issue(&mid, PKI_P256, &want);
    theirs = stage_stranger(false, &sha1);
    SSL_CTX_add1_chain_cert(theirs, mid.cert);
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_WEAK_DIGEST, NULL);
    SSL_CTX_free(theirs);

    assert_true(X509_sign(forged.cert, stage.other_ca.key, EVP_sha256()) > 0);
    theirs = stage_stranger(false, &forged);
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_CERT_SIGNATURE, NULL);
    SSL_CTX_free(theirs);

    theirs = stage_stranger(false, &below);
    SSL_CTX_add1_chain_cert(theirs, leaf_ca.cert);
    stage_server_refuses(stage.server.ctx, theirs, TLS_FAIL_NOT_A_CA, NULL);
    SSL_CTX_free(theirs);
    pki_free(&below);
    pki_free(&leaf_ca);
    pki_free(&forged);
    pki_free(&mid);
    pki_free(&sha1);
}

/* An intermediate sent by the peer, and one that is itself the trust anchor. */
static void chains_and_anchors(void **state)
{
    struct pki_cert mid =
        pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "mid", .ca = true});
    struct pki_cert own = pki_issue(&mid, PKI_P256, &(struct pki_want){.cn = "m"});
    X509 *anchors[2] = {stage.other_ca.cert, mid.cert};
    struct tls_party_want wc = stage_want_client();
    struct tls_party_want ws = stage_want_server();
    struct tls_party with_chain;
    struct tls_party without;
    struct tls_party anchored;

    (void)state;
    wc.own = &own;
    tls_party_open(&without, &wc);
    wc.own_ca = &mid;
    tls_party_open(&with_chain, &wc);
    stage_both_accept(stage.server.ctx, with_chain.ctx, TLS1_2_VERSION);
    stage_both_accept(stage.server.ctx, with_chain.ctx, TLS1_3_VERSION);
    stage_server_refuses(stage.server.ctx, without.ctx, TLS_FAIL_UNKNOWN_CA, NULL);
    ws.ca = anchors;
    ws.ca_count = 2;
    tls_party_open(&anchored, &ws);
    stage_both_accept(anchored.ctx, without.ctx, TLS1_3_VERSION);
    stage_server_refuses(anchored.ctx, stage.client.ctx, TLS_FAIL_UNKNOWN_CA,
                         "CN=master");
    tls_party_close(&anchored);
    tls_party_close(&with_chain);
    tls_party_close(&without);
    pki_free(&own);
    pki_free(&mid);
}

/* ---- revocation ---- */

static void open_with_crl(struct tls_party *p, const struct pki_cert *by, long serial,
                          long next, X509 *const *anchors, size_t count)
{
    struct tls_party_want want = stage_want_server();
    X509_CRL *crl = pki_crl(by, &serial, 1, next);

    want.crl = crl;
    want.ca = anchors;
    want.ca_count = count;
    tls_party_open(p, &want);
    X509_CRL_free(crl);
}

/* A CA between the peer and the anchor that its own CA has revoked. */
static void revoked_ca_below(void **state)
{
    struct pki_cert mid = pki_issue(
        &stage.ca, PKI_P256, &(struct pki_want){.cn = "mid", .ca = true, .serial = 777});
    struct pki_cert own = pki_issue(&mid, PKI_P256, &(struct pki_want){.cn = "m"});
    struct tls_party_want wc = stage_want_client();
    struct tls_party client;

    (void)state;
    wc.own = &own;
    wc.own_ca = &mid;
    tls_party_open(&client, &wc);
    for (long serial = 776; serial <= 777; serial++) {
        X509_CRL *crl = pki_crl(&stage.ca, &serial, 1, PKI_DAY);
        struct tls_party_want ws = stage_want_server();
        struct tls_party server;

        ws.crl = crl;
        ws.revocation.missing = CRL_MISSING_ALLOW; /* there is none of "mid" */
        tls_party_open(&server, &ws);
        if (serial == 777)
            stage_server_refuses(server.ctx, client.ctx, TLS_FAIL_REVOKED,
                                 "keyCompromise: CN=mid");
        else
            stage_both_accept(server.ctx, client.ctx, TLS1_3_VERSION);
        tls_party_close(&server);
        X509_CRL_free(crl);
    }
    tls_party_close(&client);
    pki_free(&own);
    pki_free(&mid);
}

static void revoked(void **state)
{
    static const long nexts[] = {PKI_DAY, -3600};
    struct pki_cert own =
        pki_issue(&stage.ca, PKI_P256, &(struct pki_want){.cn = "bad", .serial = 666});
    SSL_CTX *theirs = stage_stranger(false, &own);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tls_party p;
        unsigned int expected = i ? IDENTITY_WARN_CRL_STALE : 0;

        open_with_crl(&p, &stage.ca, 666, nexts[i], &stage.ca.cert, 1);
        stage_server_refuses(p.ctx, theirs, TLS_FAIL_REVOKED, "keyCompromise: CN=bad");
        /* a list past its nextUpdate still lets the others in, with a warning */
        assert_int_equal(stage_both_accept(p.ctx, stage.client.ctx, TLS1_2_VERSION),
                         expected);
        assert_int_equal(stage_both_accept(p.ctx, stage.client.ctx, TLS1_3_VERSION),
                         expected);
        tls_party_close(&p);
    }
    SSL_CTX_free(theirs);
    pki_free(&own);
}

static void no_list_of_that_ca(void **state)
{
    X509 *anchors[2] = {stage.ca.cert, stage.other_ca.cert};
    struct tls_party p;

    (void)state;
    open_with_crl(&p, &stage.other_ca, 1, PKI_DAY, anchors, 2);
    stage_server_refuses(p.ctx, stage.client.ctx, TLS_FAIL_NO_CRL, "CN=master");
    tls_party_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_peer_certificate),
        cmocka_unit_test(unknown_ca),
        cmocka_unit_test(validity),
        cmocka_unit_test(purpose),
        cmocka_unit_test(peer_name),
        cmocka_unit_test(peer_name_wildcards),
        cmocka_unit_test(peer_address),
        cmocka_unit_test(sizes_and_keys),
        cmocka_unit_test(weak_digest_and_forgery),
        cmocka_unit_test(chains_and_anchors),
        cmocka_unit_test(revoked),
        cmocka_unit_test(revoked_ca_below),
        cmocka_unit_test(no_list_of_that_ca),
    };

    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
