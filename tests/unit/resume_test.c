/* Resumption between contexts that share a keeper, as tls processes share the signer:
 * what goes on, and who is found out although libssl would let him go on. */
#include "certs/resume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "certs/identity.h"
#include "tests/lib/tls_stage.h"

/* Keeps one session. */
static struct keeper {
    struct resume_session kept;
    bool have;
    bool lapsed;
    unsigned int puts, takes, forgets;
} keeper;

static void put(void *ctx, const struct resume_session *s)
{
    struct keeper *k = ctx;

    k->kept = *s;
    k->have = true;
    k->puts++;
}

static enum resume_found take(void *ctx, struct resume_session *s)
{
    struct keeper *k = ctx;

    k->takes++;
    if (k->lapsed)
        return RESUME_LAPSED;
    if (!k->have || memcmp(k->kept.id, s->id, sizeof s->id) != 0)
        return RESUME_UNKNOWN;
    *s = k->kept;
    s->seconds = 55;
    k->have = !k->kept.once;
    return RESUME_FOUND;
}

static void forget(void *ctx, const uint8_t id[RESUME_ID_SIZE])
{
    struct keeper *k = ctx;

    k->forgets++;
    if (k->have && memcmp(k->kept.id, id, RESUME_ID_SIZE) == 0)
        k->have = false;
}

static struct tls_party_want want(uint32_t place)
{
    struct tls_party_want w = stage_want_server();

    w.resume.lifetime_s = 100;
    w.resume.place = place;
    w.resume.keeper = (struct resume_keeper){put, take, forget, &keeper};
    return w;
}

/* A master that resumes: any, with the certificate of `own`. */
static SSL_CTX *master(const struct pki_cert *own, int version)
{
    SSL_CTX *ctx = stage_stranger(false, own);

    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    return ctx;
}

struct outcome {
    bool shaken;
    bool reused;
    enum tls_failure failure;
    char detail[200];
    unsigned int flags;
    SSL_SESSION *session; /* the master's */
};

/* A handshake, and what the tls process asks after it.  Takes `session`. */
static struct outcome meet(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session)
{
    struct outcome o = {.failure = TLS_FAIL_INTERNAL};
    struct tls_pair pair;

    tls_pair_open(&pair, server, client);
    if (session)
        assert_int_equal(SSL_set_session(pair.client.ssl, session), 1);
    SSL_SESSION_free(session);
    o.shaken = tls_pair_shake(&pair);
    o.reused = SSL_session_reused(pair.server.ssl) == 1;
    if (o.shaken) {
        o.failure = resume_admit(pair.server.ssl, o.detail, sizeof o.detail);
        o.flags = resume_flags(pair.server.ssl);
        o.session = SSL_get1_session(pair.client.ssl);
    }
    (void)SSL_shutdown(pair.client.ssl);
    (void)SSL_shutdown(pair.server.ssl);
    tls_pair_close(&pair);
    return o;
}

static int reset(void **state)
{
    (void)state;
    memset(&keeper, 0, sizeof keeper);
    return 0;
}

static void resumed_elsewhere(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_party_want w = want(1);
        SSL_CTX *m = master(&stage.master, version);
        struct tls_party a, b;
        struct outcome o;

        reset(NULL);
        tls_party_open(&a, &w);
        tls_party_open(&b, &w);
        o = meet(a.ctx, m, NULL);
        assert_int_equal(o.failure, TLS_FAIL_NONE);
        assert_false(o.reused);
        assert_int_equal(o.flags, 0);
        assert_int_equal(keeper.puts, 1);
        assert_false(keeper.kept.renewed);
        assert_int_equal(keeper.kept.seconds, 100);
        assert_int_equal(keeper.kept.once, version == TLS1_3_VERSION);
        o = meet(b.ctx, m, o.session);
        assert_true(o.reused);
        assert_int_equal(o.failure, TLS_FAIL_NONE);
        assert_int_equal(o.flags, IDENTITY_RESUMED);
        assert_int_equal(b.asked, 0);
        /* TLS 1.3 gives a new ticket, which counts from the full handshake. */
        assert_int_equal(keeper.puts, version == TLS1_3_VERSION ? 2 : 1);
        assert_int_equal(keeper.kept.renewed, version == TLS1_3_VERSION);
        assert_int_equal(keeper.kept.seconds, version == TLS1_3_VERSION ? 55 : 100);
        o = meet(a.ctx, m, o.session);
        assert_true(o.reused);
        assert_int_equal(keeper.forgets, 0);
        SSL_SESSION_free(o.session);
        tls_party_close(&a);
        tls_party_close(&b);
        SSL_CTX_free(m);
    }
}

/* From a server that lets them in to one that must not. */
static void found_out(const struct tls_party_want *later, const struct pki_cert *own,
                      enum tls_failure failure, const char *detail)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_party_want w = want(1);
        SSL_CTX *m = master(own, version);
        struct tls_party a, b;
        struct outcome o;

        reset(NULL);
        tls_party_open(&a, &w);
        tls_party_open(&b, later);
        o = meet(a.ctx, m, NULL);
        assert_int_equal(o.failure, TLS_FAIL_NONE);
        o = meet(b.ctx, m, o.session);
        assert_true(o.reused);
        assert_int_equal(o.failure, failure);
        assert_non_null(strstr(o.detail, detail));
        assert_false(keeper.have);
        assert_int_equal(keeper.puts, 1);
        SSL_SESSION_free(o.session);
        tls_party_close(&a);
        tls_party_close(&b);
        SSL_CTX_free(m);
    }
}

static void revoked_meanwhile(void **state)
{
    struct tls_party_want later = want(1);
    long serial = 1000;

    (void)state;
    later.crl = pki_crl(&stage.ca, &serial, 1, PKI_DAY);
    found_out(&later, &stage.master, TLS_FAIL_REVOKED, "CN=master");
    X509_CRL_free(later.crl);
}

static void another_anchor(void **state)
{
    struct tls_party_want later = want(1);

    (void)state;
    later.ca = &stage.other_ca.cert;
    found_out(&later, &stage.master, TLS_FAIL_UNKNOWN_CA, "CN=master");
}

/* The intermediate was sent in the first handshake only, and is needed in the second. */
static void by_an_intermediate(void **state)
{
    struct pki_want wi = {.cn = "Middle CA", .ca = true, .serial = 7};
    struct pki_want wl = {.cn = "far master", .eku = "clientAuth"};
    struct pki_cert middle = pki_issue(&stage.ca, PKI_P256, &wi);
    struct pki_cert leaf = pki_issue(&middle, PKI_P256, &wl);

    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_party_want w = want(1);
        SSL_CTX *m = master(&leaf, version);
        struct tls_party a;
        struct outcome o = {.session = NULL};

        reset(NULL);
        assert_int_equal(SSL_CTX_add1_chain_cert(m, middle.cert), 1);
        tls_party_open(&a, &w);
        for (int i = 0; i < 3; i++) {
            o = meet(a.ctx, m, o.session);
            assert_int_equal(o.reused, i > 0);
            assert_int_equal(o.failure, TLS_FAIL_NONE);
        }
        SSL_SESSION_free(o.session);
        tls_party_close(&a);
        SSL_CTX_free(m);
    }
    pki_free(&leaf);
    pki_free(&middle);
}

/* Another route, a session that is unknown, too old, or not what its id says: each leads
 * to a full handshake. */
static void full_instead(void **state)
{
    enum { OTHER_PLACE, UNKNOWN, LAPSED, OTHER_ID, CUT, LONGER, NOISE, CASES };

    (void)state;
    for (int i = 0; i < 2 * CASES; i++) {
        int version = i < CASES ? TLS1_2_VERSION : TLS1_3_VERSION;
        int way = i % CASES;
        struct tls_party_want w = want(1), w2 = want(way == OTHER_PLACE ? 2 : 1);
        SSL_CTX *m = master(&stage.master, version);
        struct tls_party a, b;
        struct outcome o;

        reset(NULL);
        tls_party_open(&a, &w);
        tls_party_open(&b, &w2);
        o = meet(a.ctx, m, NULL);
        assert_int_equal(keeper.puts, 1);
        keeper.have = way != UNKNOWN;
        keeper.lapsed = way == LAPSED;
        if (way == OTHER_ID) {
            uint8_t id[RESUME_ID_SIZE];
            SSL_SESSION *mine = o.session;

            /* What is kept under this id is the session of another. */
            memcpy(id, keeper.kept.id, sizeof id);
            o = meet(a.ctx, m, NULL);
            SSL_SESSION_free(o.session);
            o.session = mine;
            memcpy(keeper.kept.id, id, sizeof id);
        }
        keeper.kept.size -= way == CUT;
        keeper.kept.size += way == LONGER;
        if (way == NOISE)
            memset(keeper.kept.octets, 0x30, keeper.kept.size);
        o = meet(b.ctx, m, o.session);
        assert_true(o.shaken);
        assert_false(o.reused);
        assert_int_equal(o.failure, TLS_FAIL_NONE);
        assert_int_equal(o.flags, way == LAPSED ? IDENTITY_WARN_LAPSED : 0);
        SSL_SESSION_free(o.session);
        tls_party_close(&a);
        tls_party_close(&b);
        SSL_CTX_free(m);
    }
}

/* Without the setting nobody is asked. */
static void off(void **state)
{
    SSL_CTX *m = master(&stage.master, TLS1_2_VERSION);
    struct outcome o = meet(stage.server.ctx, m, NULL);

    (void)state;
    assert_int_equal(o.failure, TLS_FAIL_NONE);
    o = meet(stage.server.ctx, m, o.session);
    assert_false(o.reused);
    assert_int_equal(keeper.takes + keeper.puts, 0);
    SSL_SESSION_free(o.session);
    SSL_CTX_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(resumed_elsewhere, reset),
        cmocka_unit_test_setup(revoked_meanwhile, reset),
        cmocka_unit_test_setup(another_anchor, reset),
        cmocka_unit_test_setup(by_an_intermediate, reset),
        cmocka_unit_test_setup(full_instead, reset),
        cmocka_unit_test_setup(off, reset),
    };

    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
