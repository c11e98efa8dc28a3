/* What an OCSP answer is worth: only what the issuer, or whom it named for it, says now
 * about this certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "certs/ocsp.h"
#include "tests/lib/pki.h"

#define DAY 86400

static struct pki_cert ca, other_ca, leaf, sibling, helper, impostor, outsider, twin;
static struct ocsp_subject subject;
static time_t now;

static struct pki_cert issue(const struct pki_cert *by, const char *cn, const char *eku,
                             long serial)
{
    struct pki_want want = {.cn = cn, .eku = eku, .serial = serial};

    return pki_issue(by, PKI_P256, &want);
}

static int set_up(void **state)
{
    struct pki_want root = {.cn = "root", .ca = true};

    (void)state;
    now = time(NULL);
    ca = pki_issue(NULL, PKI_P256, &root);
    twin = pki_issue(NULL, PKI_P256, &root); /* the same name, another key */
    root.cn = "another";
    other_ca = pki_issue(NULL, PKI_P256, &root);
    leaf = issue(&ca, "leaf", "clientAuth", 5);
    sibling = issue(&ca, "sibling", "clientAuth", 6);
    helper = issue(&ca, "helper", "OCSPSigning", 7);
    impostor = issue(&ca, "impostor", "clientAuth", 8);
    outsider = issue(&other_ca, "outsider", "OCSPSigning", 9);
    subject = (struct ocsp_subject){.cert = leaf.cert, .issuer = ca.cert};
    return 0;
}

static int tear_down(void **state)
{
    struct pki_cert *all[] = {&ca,     &other_ca, &leaf,     &sibling,
                              &helper, &impostor, &outsider, &twin};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        pki_free(all[i]);
    return 0;
}

struct say {
    const struct pki_cert *about;  /* NULL: leaf */
    const struct pki_cert *issuer; /* NULL: ca */
    const struct pki_cert *signer; /* NULL: ca */
    int status;                    /* V_OCSP_CERTSTATUS_* */
    int reason;
    long this_update, next_update; /* seconds from now; next 0: none */
    const EVP_MD *digest;          /* NULL: SHA-256 */
};

struct answer {
    uint8_t *der;
    size_t n;
};

static struct answer answer(const struct say *say)
{
    const struct pki_cert *about = say->about ? say->about : &leaf;
    const struct pki_cert *issuer = say->issuer ? say->issuer : &ca;
    const struct pki_cert *signer = say->signer ? say->signer : &ca;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), about->cert, issuer->cert);
    ASN1_TIME *this_update = X509_time_adj_ex(NULL, 0, say->this_update, &now);
    ASN1_TIME *next_update =
        say->next_update ? X509_time_adj_ex(NULL, 0, say->next_update, &now) : NULL;
    ASN1_TIME *revoked = X509_time_adj_ex(NULL, 0, -DAY, &now);
    struct answer a = {0};
    OCSP_RESPONSE *response;
    int n;

    ASN1_TIME_to_generalizedtime(this_update, (ASN1_GENERALIZEDTIME **)&this_update);
    if (next_update)
        ASN1_TIME_to_generalizedtime(next_update, (ASN1_GENERALIZEDTIME **)&next_update);
    assert_non_null(
        OCSP_basic_add1_status(basic, id, say->status, say->reason,
                               say->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL,
                               this_update, next_update));
    assert_int_equal(OCSP_basic_sign(basic, signer->cert, signer->key,
                                     say->digest ? say->digest : EVP_sha256(), NULL, 0),
                     1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    n = i2d_OCSP_RESPONSE(response, NULL);
    assert_true(n > 0);
    a.n = (size_t)n;
    a.der = malloc(a.n);
    uint8_t *at = a.der;
    i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    ASN1_TIME_free(revoked);
    return a;
}

static char detail[80];

static enum ocsp_status judge(const struct say *say)
{
    struct answer a = answer(say);
    enum ocsp_status status =
        ocsp_judge(&subject, a.der, a.n, now, DAY, NULL, detail, sizeof detail);

    free(a.der);
    assert_int_equal(ERR_peek_error(), 0);
    return status;
}

static const struct say good = {.next_update = 3600, .reason = -1};

static void statuses(void **state)
{
    struct say say = good;

    (void)state;
    assert_int_equal(judge(&say), OCSP_GOOD);
    assert_string_equal(detail, "");
    say.signer = &helper;
    assert_int_equal(judge(&say), OCSP_GOOD);
    say.status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_int_equal(judge(&say), OCSP_UNKNOWN);
    say.status = V_OCSP_CERTSTATUS_REVOKED;
    assert_int_equal(judge(&say), OCSP_REVOKED);
    assert_string_equal(detail, "");
    say.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
    assert_int_equal(judge(&say), OCSP_REVOKED);
    assert_string_equal(detail, "keyCompromise");
}

static void who_may_sign(void **state)
{
    const struct pki_cert *wrong[] = {&impostor, &outsider, &other_ca, &leaf, &twin};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct say say = good;

        say.signer = wrong[i];
        if (judge(&say) != OCSP_FORGED)
            fail_msg("signer %zu: %s", i, ocsp_status_text(judge(&say)));
    }
}

static void weak_signature(void **state)
{
    struct say say = good;

    (void)state;
    say.digest = EVP_sha1();
    assert_int_equal(judge(&say), OCSP_FORGED);
    say.digest = EVP_sha384();
    assert_int_equal(judge(&say), OCSP_GOOD);
}

static void about_whom(void **state)
{
    struct say say = good;

    (void)state;
    say.about = &sibling;
    assert_int_equal(judge(&say), OCSP_OTHER);
    /* The number is that of another CA's certificate. */
    say.about = &leaf;
    say.issuer = &other_ca;
    assert_int_equal(judge(&say), OCSP_FORGED);
    say.signer = &outsider;
    assert_int_equal(judge(&say), OCSP_FORGED);
}

static void when(void **state)
{
    static const struct {
        long this_update, next_update;
        enum ocsp_status status;
    } rows[] = {
        {-3600, 3600, OCSP_GOOD},
        {-DAY + 60, 60, OCSP_GOOD},
        {-3600, -290, OCSP_GOOD},
        {-3600, -310, OCSP_EXPIRED},
        {290, 3600, OCSP_GOOD},
        {310, 3600, OCSP_EXPIRED},
        {-DAY - 310, 3600, OCSP_EXPIRED},
        {-DAY - 290, 3600, OCSP_GOOD},
        {-3600, 0, OCSP_GOOD},
        {-DAY - 310, 0, OCSP_EXPIRED},
        {-30 * DAY, -29 * DAY, OCSP_EXPIRED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct say say = good;

        say.this_update = rows[i].this_update;
        say.next_update = rows[i].next_update;
        if (judge(&say) != rows[i].status)
            fail_msg("row %zu: %s", i, ocsp_status_text(judge(&say)));
        /* Not even a revocation is read from an answer that is too old. */
        say.status = V_OCSP_CERTSTATUS_REVOKED;
        assert_int_equal(judge(&say) == OCSP_EXPIRED, rows[i].status == OCSP_EXPIRED);
    }
}

static void until_when(void **state)
{
    static const struct {
        long this_update, next_update, until;
    } rows[] = {{-60, 3600, 3600}, {-60, 0, DAY - 60}, {-60, 3 * DAY, DAY - 60}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct say say = good;
        struct answer a;
        time_t until = 0;

        say.this_update = rows[i].this_update;
        say.next_update = rows[i].next_update;
        a = answer(&say);
        assert_int_equal(
            ocsp_judge(&subject, a.der, a.n, now, DAY, &until, detail, sizeof detail),
            OCSP_GOOD);
        assert_int_equal(until - now, rows[i].until);
        free(a.der);
    }
}

/* Declining is no answer; RFC 6960 clause 4.2.1. */
static void declined(void **state)
{
    (void)state;
    for (uint8_t status = 0; status < 8; status++) {
        uint8_t der[] = {0x30, 3, 0x0A, 1, status};

        assert_int_equal(
            ocsp_judge(&subject, der, sizeof der, now, DAY, NULL, detail, sizeof detail),
            status == 0 ? OCSP_GARBAGE : OCSP_SILENT);
    }
}

/* Cut anywhere, with an octet more, or with any octet changed it never says "good". */
static void damaged(void **state)
{
    struct answer a = answer(&good);
    uint8_t *longer = malloc(a.n + 1);

    (void)state;
    for (size_t n = 0; n < a.n; n++) {
        uint8_t *tight = malloc(n > 0 ? n : 1);

        memcpy(tight, a.der, n);
        assert_int_equal(
            ocsp_judge(&subject, tight, n, now, DAY, NULL, detail, sizeof detail),
            OCSP_GARBAGE);
        free(tight);
    }
    memcpy(longer, a.der, a.n);
    longer[a.n] = 0;
    assert_int_equal(
        ocsp_judge(&subject, longer, a.n + 1, now, DAY, NULL, detail, sizeof detail),
        OCSP_GARBAGE);
    free(longer);
    free(a.der);
}

/* Octets up to the end of what is signed: any change there shows. */
static void changed(void **state)
{
    struct answer a = answer(&good);
    OCSP_RESPONSE *response;
    OCSP_BASICRESP *basic;
    const uint8_t *at = a.der;
    const ASN1_OCTET_STRING *signature;
    size_t end = 0;

    (void)state;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)a.n);
    basic = OCSP_response_get1_basic(response);
    signature = OCSP_resp_get0_signature(basic);
    for (size_t i = 0; i + (size_t)signature->length <= a.n; i++) {
        if (memcmp(a.der + i, signature->data, (size_t)signature->length) == 0)
            end = i;
    }
    assert_true(end > 100);
    for (size_t i = 0; i < end + (size_t)signature->length; i++) {
        enum ocsp_status status;

        a.der[i] ^= 0x01;
        status = ocsp_judge(&subject, a.der, a.n, now, DAY, NULL, detail, sizeof detail);
        if (status == OCSP_GOOD || status == OCSP_REVOKED)
            fail_msg("octet %zu of %zu", i, a.n);
        a.der[i] ^= 0x01;
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    free(a.der);
}

static void the_question(void **state)
{
    uint8_t der[1024];
    size_t n = ocsp_request(&subject, der, sizeof der);
    const uint8_t *at = der;
    OCSP_REQUEST *request;
    OCSP_CERTID *id;

    (void)state;
    assert_true(n > 0);
    assert_int_equal(ocsp_request(&subject, der, n), n);
    assert_int_equal(ocsp_request(&subject, der, n - 1), 0);
    request = d2i_OCSP_REQUEST(NULL, &at, (long)n);
    assert_non_null(request);
    assert_ptr_equal(at, der + n);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    id = OCSP_cert_to_id(EVP_sha1(), leaf.cert, ca.cert);
    assert_int_equal(
        OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id), 0);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),       cmocka_unit_test(who_may_sign),
        cmocka_unit_test(weak_signature), cmocka_unit_test(about_whom),
        cmocka_unit_test(when),           cmocka_unit_test(until_when),
        cmocka_unit_test(declined),       cmocka_unit_test(damaged),
        cmocka_unit_test(changed),        cmocka_unit_test(the_question),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
