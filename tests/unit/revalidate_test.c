/* The peer of a running session, verified again with what is known now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "certs/revalidate.h"
#include "tests/lib/tls_stage.h"

/* What the server has from now on. */
struct now {
    const struct pki_cert *anchor;
    const struct pki_cert *crl_by; /* NULL: no list */
    long serial;                   /* that it revokes */
    long next;                     /* its nextUpdate, seconds from now */
    struct revocation_rule rule;
    long clock; /* seconds from now at which is verified */
    bool again; /* verified before, already */
};

struct pair {
    struct tls_pair tls;
    struct tls_party before;
};

static void open_pair(struct pair *p, int version)
{
    struct tls_party_want want = stage_want_server();
    X509_CRL *crl = pki_crl(&stage.ca, NULL, 0, PKI_DAY);

    want.crl = crl;
    tls_party_open(&p->before, &want);
    tls_pair_open(&p->tls, p->before.ctx, stage.client.ctx);
    assert_int_equal(SSL_set_max_proto_version(p->tls.server.ssl, version), 1);
    assert_true(tls_pair_shake(&p->tls));
    assert_int_equal(SSL_version(p->tls.server.ssl), version);
    X509_CRL_free(crl);
}

static void close_pair(struct pair *p)
{
    tls_pair_close(&p->tls);
    tls_party_close(&p->before);
}

static struct revalidation look(const struct now *n, int version)
{
    struct tls_party_want want = stage_want_server();
    X509_CRL *crl =
        n->crl_by ? pki_crl(n->crl_by, &n->serial, n->serial ? 1 : 0, n->next) : NULL;
    struct revalidation found;
    struct tls_party after;
    struct pair p;
    SSL *ssl;

    open_pair(&p, version);
    ssl = p.tls.server.ssl;
    want.ca = &n->anchor->cert;
    want.ca_count = 1;
    want.crl = crl;
    want.revocation = n->rule;
    tls_party_open(&after, &want);
    revalidate_established(ssl);
    if (n->again)
        revalidate(ssl, &found);
    assert_true(revalidate_move(ssl, after.ctx));
    if (n->clock != 0)
        X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), time(NULL) + n->clock);
    revalidate(ssl, &found);
    close_pair(&p);
    tls_party_close(&after);
    X509_CRL_free(crl);
    return found;
}

static void expect(const struct now *n, enum tls_failure failure, unsigned int warnings,
                   const char *detail)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct now copy = *n;

    for (int i = 0; i < 4; i++) {
        struct revalidation found;

        copy.again = i / 2 == 1;
        found = look(&copy, versions[i % 2]);
        assert_int_equal(found.failure, failure);
        assert_int_equal(found.warnings, warnings);
        if (!strstr(found.detail, detail))
            fail_msg("no \"%s\" in \"%s\"", detail, found.detail);
    }
}

static long master_serial(void)
{
    return ASN1_INTEGER_get(X509_get0_serialNumber(stage.master.cert));
}

static void goes_on(void **state)
{
    struct now n = {
        .anchor = &stage.ca, .crl_by = &stage.ca, .serial = 666, .next = PKI_DAY};

    (void)state;
    expect(&n, TLS_FAIL_NONE, 0, "");
    n.crl_by = NULL; /* lists are not checked any more */
    expect(&n, TLS_FAIL_NONE, IDENTITY_WARN_NO_CRL, "");
}

static void ends(void **state)
{
    struct now n = {.anchor = &stage.ca,
                    .crl_by = &stage.ca,
                    .serial = master_serial(),
                    .next = PKI_DAY};

    (void)state;
    expect(&n, TLS_FAIL_REVOKED, 0, "keyCompromise: CN=master");
    n.next = -3600; /* a list out of date still revokes */
    expect(&n, TLS_FAIL_REVOKED, IDENTITY_WARN_CRL_STALE, "keyCompromise: CN=master");
    n.rule.stale = CRL_STALE_REFUSE;
    expect(&n, TLS_FAIL_REVOKED, IDENTITY_WARN_CRL_STALE, "keyCompromise: CN=master");
    n.crl_by = NULL;
    n.clock = 400 * PKI_DAY;
    expect(&n, TLS_FAIL_EXPIRED, IDENTITY_WARN_NO_CRL, "CN=");
    n.clock = 0;
    n.anchor = &stage.other_ca;
    expect(&n, TLS_FAIL_UNKNOWN_CA, IDENTITY_WARN_NO_CRL, "CN=master");
}

/* What would have prevented the session does not end it. */
static void only_warns(void **state)
{
    static const enum crl_stale stale[] = {CRL_STALE_ALLOW, CRL_STALE_REFUSE,
                                           CRL_STALE_MONITOR_ONLY};
    struct now n = {.anchor = &stage.ca, .crl_by = &stage.ca, .next = -3600};

    (void)state;
    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
        n.rule.stale = stale[i];
        expect(&n, TLS_FAIL_NONE, IDENTITY_WARN_CRL_STALE, "");
    }
    n.crl_by = NULL;
    n.rule = (struct revocation_rule){.check = true, .missing = CRL_MISSING_REFUSE};
    expect(&n, TLS_FAIL_NONE, IDENTITY_WARN_NO_CRL, "");
    n.clock = 400 * PKI_DAY; /* a missing list hides nothing */
    expect(&n, TLS_FAIL_EXPIRED, IDENTITY_WARN_NO_CRL, "CN=");
    n.clock = -400 * PKI_DAY; /* our clock went back */
    expect(&n, TLS_FAIL_NONE, IDENTITY_WARN_NO_CRL, "");
}

/* For a new session the configured rule holds. */
static void new_sessions(void **state)
{
    static const struct {
        struct revocation_rule rule;
        long next; /* 0: no list */
        enum tls_failure failure;
        unsigned int warnings;
    } rows[] = {
        {{.check = true}, 0, TLS_FAIL_NO_CRL, 0},
        {{.check = true, .missing = CRL_MISSING_ALLOW},
         0,
         TLS_FAIL_NONE,
         IDENTITY_WARN_NO_CRL},
        {{.stale = CRL_STALE_REFUSE, .grace_s = 7200},
         -3600,
         TLS_FAIL_NONE,
         IDENTITY_WARN_CRL_STALE},
        {{.stale = CRL_STALE_REFUSE, .grace_s = 1800}, -3600, TLS_FAIL_CRL_STALE, 0},
        {{.stale = CRL_STALE_MONITOR_ONLY, .grace_s = 7200},
         -3600,
         TLS_FAIL_NONE,
         IDENTITY_WARN_CRL_STALE},
        {{.stale = CRL_STALE_MONITOR_ONLY, .grace_s = 1800},
         -3600,
         TLS_FAIL_NONE,
         IDENTITY_WARN_CRL_STALE | IDENTITY_WARN_MONITOR_ONLY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tls_party_want want = stage_want_server();
        struct tls_party p;
        X509_CRL *crl = rows[i].next ? pki_crl(&stage.ca, NULL, 0, rows[i].next) : NULL;

        want.crl = crl;
        want.revocation = rows[i].rule;
        tls_party_open(&p, &want);
        if (rows[i].failure != TLS_FAIL_NONE)
            stage_server_refuses(p.ctx, stage.client.ctx, rows[i].failure, "CN=master");
        else
            assert_int_equal(stage_both_accept(p.ctx, stage.client.ctx, TLS1_3_VERSION),
                             rows[i].warnings);
        tls_party_close(&p);
        X509_CRL_free(crl);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),
        cmocka_unit_test(ends),
        cmocka_unit_test(only_warns),
        cmocka_unit_test(new_sessions),
    };

    return cmocka_run_group_tests(tests, stage_set_up, stage_tear_down);
}
