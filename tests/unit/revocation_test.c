/* What follows from lists that are missing or out of date, and what ends soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/expiry.h"
#include "certs/revocation_rule.h"
#include "tests/lib/pki.h"

#define DAYS(n) ((int64_t)(n)*86400)

static void stale_lists(void **state)
{
    static const struct {
        enum crl_stale rule;
        int64_t late;
        bool established;
        enum revocation_word word;
    } rows[] = {
        {CRL_STALE_ALLOW, 0, false, REVOCATION_WARN},
        {CRL_STALE_ALLOW, INT64_MAX, false, REVOCATION_WARN},
        {CRL_STALE_REFUSE, 0, false, REVOCATION_WARN},
        {CRL_STALE_REFUSE, 100, false, REVOCATION_WARN},
        {CRL_STALE_REFUSE, 101, false, REVOCATION_REFUSE},
        {CRL_STALE_REFUSE, INT64_MAX, true, REVOCATION_WARN},
        {CRL_STALE_MONITOR_ONLY, 100, false, REVOCATION_WARN},
        {CRL_STALE_MONITOR_ONLY, 101, false, REVOCATION_MONITOR_ONLY},
        {CRL_STALE_MONITOR_ONLY, INT64_MAX, true, REVOCATION_WARN},
        {(enum crl_stale)9, 101, false, REVOCATION_REFUSE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct revocation_rule r = {.stale = rows[i].rule, .grace_s = 100};

        assert_int_equal(revocation_of_stale(&r, rows[i].late, rows[i].established),
                         rows[i].word);
    }
}

static void missing_lists(void **state)
{
    struct revocation_rule refuse = {.missing = CRL_MISSING_REFUSE};
    struct revocation_rule allow = {.missing = CRL_MISSING_ALLOW};

    (void)state;
    assert_int_equal(revocation_of_missing(&refuse, false), REVOCATION_REFUSE);
    assert_int_equal(revocation_of_missing(&refuse, true), REVOCATION_WARN);
    assert_int_equal(revocation_of_missing(&allow, false), REVOCATION_WARN);
    assert_int_equal(revocation_of_missing(&allow, true), REVOCATION_WARN);
}

static void thresholds(void **state)
{
    static const struct {
        int64_t life, left;
        int threshold;
    } rows[] = {
        {DAYS(365), DAYS(60) + 1, EXPIRY_NONE},
        {DAYS(365), DAYS(60), 60},
        {DAYS(365), DAYS(30) + 1, 60},
        {DAYS(365), DAYS(30), 30},
        {DAYS(365), DAYS(14), 14},
        {DAYS(365), DAYS(7), 7},
        {DAYS(365), 1, 7},
        {DAYS(365), 0, 0},
        {DAYS(365), DAYS(-9), 0},
        /* a list made for thirty days: 60 and 30 say nothing */
        {DAYS(30), DAYS(29), EXPIRY_NONE},
        {DAYS(30), DAYS(14), 14},
        {DAYS(28), DAYS(14), 14},
        {DAYS(27), DAYS(13), EXPIRY_NONE},
        {DAYS(27), DAYS(7), 7},
        /* a day's list is told when it is over */
        {DAYS(1), 1, EXPIRY_NONE},
        {DAYS(1), 0, 0},
    };
    const int64_t now = DAYS(20000);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t to = now + rows[i].left;

        assert_int_equal(expiry_threshold(to - rows[i].life, to, now), rows[i].threshold);
    }
}

struct seen {
    size_t count;
    struct expiry_item item[4];
};

static void see(void *ctx, const struct expiry_item *item)
{
    struct seen *s = ctx;

    assert_true(s->count < 4);
    s->item[s->count++] = *item;
}

static void items(void **state)
{
    struct pki_cert ca =
        pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "root", .ca = true});
    struct pki_cert leaf = pki_issue(
        &ca, PKI_P256, &(struct pki_want){.cn = "leaf", .from = -100, .to = 900});
    X509 *certs[2] = {leaf.cert, ca.cert};
    X509_CRL *crl = pki_crl(&ca, NULL, 0, 500);
    char *text = pki_pem_certs(certs, 2);
    char *list = pki_pem_crl(crl);
    struct seen s = {0};

    (void)state;
    expiry_of_certs(&(struct pem_text){"f", text}, see, &s);
    assert_int_equal(s.count, 2);
    assert_non_null(strstr(s.item[0].name, "CN=leaf"));
    assert_int_equal(s.item[0].to - s.item[0].from, 1000);
    assert_non_null(strstr(s.item[1].name, "CN=root"));
    assert_memory_not_equal(s.item[0].hash, s.item[1].hash, sizeof s.item[0].hash);
    s.count = 0;
    expiry_of_crls(&(struct pem_text){"f", list}, see, &s);
    assert_int_equal(s.count, 1);
    assert_non_null(strstr(s.item[0].name, "CN=root"));
    assert_true(s.item[0].to > s.item[0].from);
    s.count = 0;
    expiry_of_certs(&(struct pem_text){"f", "no certificate"}, see, &s);
    expiry_of_crls(&(struct pem_text){"f", text}, see, &s);
    assert_int_equal(s.count, 0);
    free(text);
    free(list);
    X509_CRL_free(crl);
    pki_free(&leaf);
    pki_free(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_lists),
        cmocka_unit_test(missing_lists),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
