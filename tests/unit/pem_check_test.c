/* Certificates and revocation lists before they are used: what is wrong is said. */
#include "certs/pem_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pki.h"

#define DAYS(n) ((n)*PKI_DAY + 3600)

static struct pki_cert root;
static struct pki_cert other;

struct findings {
    size_t errors, warnings;
    char text[4096];
};

static void collect(void *ctx, const struct pem_finding *f)
{
    struct findings *all = ctx;
    size_t used = strlen(all->text);

    if (f->error)
        all->errors++;
    else
        all->warnings++;
    assert_true(f->remedy[0] != '\0');
    (void)snprintf(all->text + used, sizeof all->text - used, "%s; %s\n", f->what,
                   f->remedy);
}

static void expect(const struct findings *f, size_t errors, size_t warnings,
                   const char *words)
{
    if (f->errors != errors || f->warnings != warnings || !strstr(f->text, words)) {
        print_message("%zu errors, %zu warnings: %s", f->errors, f->warnings, f->text);
        fail();
    }
}

static char *pem_of(const struct pki_cert *c)
{
    return pki_pem_certs(&c->cert, 1);
}

/* What is said about a certificate of the root as the own one of a server or client. */
static struct findings chain(const struct pki_cert *by, enum pki_type type,
                             const struct pki_want *want, bool server, bool client)
{
    struct findings f = {0};
    struct pki_cert c = pki_issue(by, type, want);
    char *text = pem_of(&c);
    struct pem_text t = {"own.crt", text};

    pem_check_chain(&t, server, client, time(NULL), collect, &f);
    free(text);
    pki_free(&c);
    return f;
}

static void test_chain(void **state)
{
    struct pki_want want = {.cn = "station", .eku = "serverAuth,clientAuth"};
    struct findings f = chain(&root, PKI_P256, &want, true, true);

    (void)state;
    expect(&f, 0, 0, "");
    f = chain(&root, PKI_RSA2048, &want, true, true);
    expect(&f, 0, 0, "");
    f = chain(&root, PKI_RSA1024, &want, true, false);
    expect(&f, 1, 0, "only 1024 bits");
    want.to = DAYS(59);
    f = chain(&root, PKI_P256, &want, true, false);
    expect(&f, 0, 1, "expires in 59 days; renew it\n");
    want.to = DAYS(61);
    f = chain(&root, PKI_P256, &want, true, false);
    expect(&f, 0, 0, "");
    want.to = DAYS(6);
    f = chain(&root, PKI_P256, &want, true, false);
    expect(&f, 0, 1, "expires in 6 days; renew it now");
    want.from = -30 * PKI_DAY;
    want.to = -2 * PKI_DAY;
    f = chain(&root, PKI_P256, &want, true, false);
    expect(&f, 1, 0, "expired");
    want.from = PKI_DAY;
    want.to = 300 * PKI_DAY;
    f = chain(&root, PKI_P256, &want, true, false);
    expect(&f, 1, 0, "not valid yet");
}

static void test_purpose(void **state)
{
    struct pki_want want = {.cn = "station", .eku = "clientAuth"};
    struct findings f = chain(&root, PKI_P256, &want, true, false);

    (void)state;
    expect(&f, 1, 0, "not for TLS servers");
    f = chain(&root, PKI_P256, &want, false, true);
    expect(&f, 0, 0, "");
    want.eku = "serverAuth";
    f = chain(&root, PKI_P256, &want, false, true);
    expect(&f, 1, 0, "not for TLS clients");
}

static void test_chain_order_and_rubbish(void **state)
{
    struct pki_want want = {.cn = "station"};
    struct pki_cert c = pki_issue(&root, PKI_P256, &want);
    X509 *wrong[] = {c.cert, other.cert};
    char *text = pki_pem_certs(wrong, 2);
    struct pem_text t = {"own.crt", text};
    struct findings f = {0};

    (void)state;
    pem_check_chain(&t, true, false, time(NULL), collect, &f);
    expect(&f, 1, 0, "certificate 1 was not issued by certificate 2");
    free(text);
    pki_free(&c);
    f = (struct findings){0};
    t.text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    pem_check_chain(&t, true, false, time(NULL), collect, &f);
    expect(&f, 1, 0, "own.crt");
}

static void test_ca(void **state)
{
    struct pki_want want = {.cn = "leaf"};
    struct pki_cert leaf = pki_issue(&root, PKI_P256, &want);
    char *good = pem_of(&root);
    char *bad = pem_of(&leaf);
    struct pem_text t = {"ca.crt", good};
    struct findings f = {0};

    (void)state;
    pem_check_ca(&t, time(NULL), collect, &f);
    expect(&f, 0, 0, "");
    t.text = bad;
    pem_check_ca(&t, time(NULL), collect, &f);
    expect(&f, 1, 0, "not a CA");
    f = (struct findings){0};
    t.text = "";
    pem_check_ca(&t, time(NULL), collect, &f);
    expect(&f, 1, 0, "ca.crt");
    free(good);
    free(bad);
    pki_free(&leaf);
}

/* A list of `by`, checked against the root alone. */
static struct findings crl(const struct pki_cert *by, long next)
{
    struct findings f = {0};
    X509_CRL *list = pki_crl(by, NULL, 0, next);
    char *list_text = pki_pem_crl(list);
    char *ca_text = pem_of(&root);
    struct pem_text t = {"ca.crl", list_text};
    struct pem_text ca = {"ca.crt", ca_text};

    pem_check_crl(&t, &ca, 1, time(NULL), collect, &f);
    X509_CRL_free(list);
    free(list_text);
    free(ca_text);
    return f;
}

static void test_crl(void **state)
{
    struct pki_want same_name = {.cn = "Root", .ca = true};
    struct pki_cert impostor = pki_issue(NULL, PKI_P256, &same_name);
    struct findings f = crl(&root, DAYS(7));

    (void)state;
    expect(&f, 0, 0, "");
    f = crl(&root, 3600);
    expect(&f, 0, 1, "less than a day");
    f = crl(&root, -3 * PKI_DAY);
    expect(&f, 0, 1, "out of date since");
    f = crl(&other, DAYS(7));
    expect(&f, 1, 0, "not among the CAs");
    f = crl(&impostor, DAYS(7));
    expect(&f, 1, 0, "signature of");
    pki_free(&impostor);
}

static void test_coverage(void **state)
{
    X509_CRL *list = pki_crl(&root, NULL, 0, DAYS(7));
    char *list_text = pki_pem_crl(list);
    X509 *both[] = {root.cert, other.cert};
    char *ca_text = pki_pem_certs(both, 2);
    struct pem_text t = {"ca.crl", list_text};
    struct pem_text ca = {"ca.crt", ca_text};
    struct findings f = {0};

    (void)state;
    pem_check_coverage(&ca, &t, 1, collect, &f);
    expect(&f, 0, 1, "Other");
    f = (struct findings){0};
    pem_check_coverage(&ca, NULL, 0, collect, &f);
    expect(&f, 0, 0, "");
    X509_CRL_free(list);
    free(list_text);
    free(ca_text);
}

static int set_up(void **state)
{
    struct pki_want want = {.cn = "Root", .ca = true};

    (void)state;
    root = pki_issue(NULL, PKI_P256, &want);
    want.cn = "Other";
    other = pki_issue(NULL, PKI_P256, &want);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&root);
    pki_free(&other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_purpose),
        cmocka_unit_test(test_chain_order_and_rubbish),
        cmocka_unit_test(test_ca),
        cmocka_unit_test(test_crl),
        cmocka_unit_test(test_coverage),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
