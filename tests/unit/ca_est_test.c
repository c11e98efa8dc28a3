/* What an EST server answers, as far as it is octets: whole, cut, changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "certs/est_answer.h"
#include "certs/pem.h"
#include "tests/lib/pki.h"

static char err[256];

/* Base64 of a certs-only message, as a server sends it; free with OPENSSL_free. */
static char *message(X509 *const *certs, size_t count)
{
    PKCS7 *p7 = PKCS7_new();
    unsigned char *der = NULL;
    char *text;
    int n;

    assert_non_null(p7);
    assert_int_equal(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
    assert_int_equal(PKCS7_content_new(p7, NID_pkcs7_data), 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(PKCS7_add_certificate(p7, certs[i]), 1);
    n = i2d_PKCS7(p7, &der);
    assert_true(n > 0);
    text = OPENSSL_malloc((size_t)n * 2 + 8);
    (void)EVP_EncodeBlock((unsigned char *)text, der, n);
    OPENSSL_free(der);
    PKCS7_free(p7);
    return text;
}

/* In a block of the exact size, for the sanitizer's sake. */
static STACK_OF(X509) * read_exact(const char *text, size_t n)
{
    char *exact = malloc(n ? n : 1);
    STACK_OF(X509) * certs;

    memcpy(exact, text, n);
    certs = est_read_certs(exact, n, err, sizeof err);
    free(exact);
    assert_int_equal(ERR_peek_error(), 0);
    return certs;
}

struct stage {
    struct pki_cert ca, leaf, other;
    char *text;
};

static struct stage make_stage(void)
{
    struct stage s;

    s.ca = pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "CA", .ca = true});
    s.leaf = pki_issue(&s.ca, PKI_P256, &(struct pki_want){.cn = "rtu", .serial = 7});
    s.other = pki_issue(&s.ca, PKI_P256, &(struct pki_want){.cn = "other", .serial = 8});
    s.text = message((X509 *[]){s.leaf.cert, s.ca.cert}, 2);
    return s;
}

static void free_stage(struct stage *s)
{
    pki_free(&s->ca);
    pki_free(&s->leaf);
    pki_free(&s->other);
    OPENSSL_free(s->text);
}

static void test_good(void **state)
{
    struct stage s = make_stage();
    STACK_OF(X509) *certs = read_exact(s.text, strlen(s.text));
    STACK_OF(X509) *anchors = sk_X509_new_null();
    STACK_OF(X509) * again;
    char *data;
    BIO *bio;
    X509 *cert;
    long n;

    (void)state;
    assert_int_equal(sk_X509_num(certs), 2);
    assert_true(sk_X509_push(anchors, s.ca.cert) > 0);
    cert = est_pick(certs, s.leaf.key, anchors, NULL, time(NULL), err, sizeof err);
    assert_non_null(cert);
    assert_int_equal(X509_cmp(cert, s.leaf.cert), 0);
    assert_null(est_pick(certs, s.other.key, anchors, NULL, time(NULL), err, sizeof err));
    assert_non_null(strstr(err, "another key"));
    assert_null(est_pick(certs, s.leaf.key, anchors, NULL, time(NULL) + 400 * PKI_DAY,
                         err, sizeof err));
    assert_non_null(strstr(err, "expired"));
    /* A CA that came along with the answer is no reason to trust it. */
    assert_null(est_pick(certs, s.leaf.key, NULL, NULL, time(NULL), err, sizeof err));
    assert_non_null(strstr(err, "cannot be used"));
    bio = est_chain_pem(cert, certs);
    n = BIO_get_mem_data(bio, &data);
    assert_true(n > 0);
    again = pem_read_certs(&(struct tls_pem){"chain", data, (size_t)n}, err, sizeof err);
    assert_int_equal(sk_X509_num(again), 1); /* not the root */
    assert_int_equal(X509_cmp(sk_X509_value(again, 0), s.leaf.cert), 0);
    pem_free_certs(again);
    BIO_free(bio);
    sk_X509_free(anchors);
    pem_free_certs(certs);
    free_stage(&s);
}

static void test_line_ends(void **state)
{
    struct stage s = make_stage();
    char *wrapped = malloc(strlen(s.text) * 2);
    size_t n = 0;
    STACK_OF(X509) * certs;

    (void)state;
    for (size_t i = 0; s.text[i]; i++) {
        wrapped[n++] = s.text[i];
        if (i % 64 == 63) {
            wrapped[n++] = '\r';
            wrapped[n++] = '\n';
        }
    }
    certs = read_exact(wrapped, n);
    assert_int_equal(sk_X509_num(certs), 2);
    pem_free_certs(certs);
    free(wrapped);
    free_stage(&s);
}

static void test_cut(void **state)
{
    struct stage s = make_stage();

    (void)state;
    for (size_t n = 0; n < strlen(s.text); n++)
        assert_null(read_exact(s.text, n));
    free_stage(&s);
}

/* A changed octet is refused, or gives certificates that are not trusted. */
static void test_changed(void **state)
{
    struct stage s = make_stage();
    STACK_OF(X509) *anchors = sk_X509_new_null();
    const size_t size = strlen(s.text);

    (void)state;
    assert_true(sk_X509_push(anchors, s.ca.cert) > 0);
    for (size_t i = 0; i < size; i++) {
        const char was = s.text[i];
        STACK_OF(X509) * certs;
        X509 *cert;

        s.text[i] = was == 'A' ? 'Q' : 'A';
        certs = read_exact(s.text, size);
        cert = certs ? est_pick(certs, s.leaf.key, anchors, NULL, time(NULL), err,
                                sizeof err)
                     : NULL;
        assert_true(!cert || X509_cmp(cert, s.leaf.cert) == 0);
        pem_free_certs(certs);
        s.text[i] = was;
    }
    sk_X509_free(anchors);
    free_stage(&s);
}

static void test_nothing(void **state)
{
    static const char *const rows[] = {
        "", "\n", "AAAA", "====", "<html></html>", "MAA=", "MIAA", "MAAA!", "\xff\xfe"};
    char *none = message(NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_null(read_exact(rows[i], strlen(rows[i])));
    assert_null(read_exact(none, strlen(none)));
    OPENSSL_free(none);
}

static void test_due(void **state)
{
    const time_t now = time(NULL);
    struct pki_cert c = pki_issue(
        NULL, PKI_P256,
        &(struct pki_want){.cn = "x", .from = -69 * PKI_DAY, .to = 31 * PKI_DAY});
    time_t when;

    (void)state;
    assert_false(est_due(c.cert, 70, now, &when));
    assert_in_range(when - now, PKI_DAY - 100, PKI_DAY + 100);
    assert_true(est_due(c.cert, 70, when, &when));
    assert_false(est_due(c.cert, 70, when - 1, &when));
    assert_true(est_due(c.cert, 70, now + 1000 * PKI_DAY, &when));
    pki_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_changed),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
