/* The signer's key: what files it takes, what it signs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "certs/pem.h"
#include "certs/sign_key.h"
#include "tests/lib/pki.h"

static char dir[] = "/tmp/sign_key_test.XXXXXX";
static char err[512];

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
    const char *path = path_of(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

/* The load must fail, and the sentence name the file and hold `word`. */
static void must_refuse(const char *path, const char *word)
{
    struct sign_key *key = sign_key_load(path, err, sizeof(err));

    assert_null(key);
    if (!strstr(err, path) || !strstr(err, word))
        fail_msg("\"%s\" in: %s", word, err);
    assert_int_equal(ERR_peek_error(), 0);
}

static char *pem_of(enum pki_type type)
{
    EVP_PKEY *key = pki_key(type);
    char *text = pki_pem_key(key);

    EVP_PKEY_free(key);
    return text;
}

static void loads_each_type(void **state)
{
    static const struct {
        enum pki_type made;
        enum sign_key_type type;
        const char *name;
    } rows[] = {
        {PKI_P256, SIGN_KEY_P256, "EC P-256"},
        {PKI_P384, SIGN_KEY_P384, "EC P-384"},
        {PKI_RSA2048, SIGN_KEY_RSA, "RSA"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = pem_of(rows[i].made);
        const char *path = write_file("key", text, i ? 0600 : 0400);
        struct sign_key *key = sign_key_load(path, err, sizeof(err));

        if (!key)
            fail_msg("%s", err);
        assert_int_equal(sign_key_type(key), rows[i].type);
        assert_string_equal(sign_key_type_name(sign_key_type(key)), rows[i].name);
        sign_key_free(key);
        unlink(path);
        free(text);
    }
    sign_key_free(NULL);
}

static void refuses_open_files(void **state)
{
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0660, 0644};
    char *text = pem_of(PKI_P256);

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        must_refuse(write_file("key", text, modes[i]), "chmod 600");
    unlink(path_of("key"));
    free(text);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    must_refuse(path_of("absent"), "No such file");
    must_refuse(dir, "regular file");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    must_refuse(path_of("fifo"), "regular file");
    unlink(path_of("fifo"));
}

static void refuses_a_foreign_owner(void **state)
{
    char *text = pem_of(PKI_P256);
    const char *path = write_file("key", text, 0600);

    (void)state;
    if (geteuid() != 0) {
        free(text);
        unlink(path);
        skip(); /* only root can give a file away */
    }
    assert_int_equal(chown(path, 4711, 0), 0);
    must_refuse(path, "chown");
    unlink(path);
    free(text);
}

static char *encrypted_pem(void)
{
    EVP_PKEY *key = pki_key(PKI_P256);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char *text;
    long n;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret",
                                                   6, NULL, NULL),
                     1);
    n = BIO_get_mem_data(bio, &data);
    text = strndup(data, (size_t)n);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return text;
}

/* A private half that belongs to another public half. */
static char *mismatched_pem(void)
{
    EVP_PKEY *a = pki_key(PKI_P256);
    EVP_PKEY *b = pki_key(PKI_P256);
    OSSL_PARAM *pa = NULL;
    EVP_PKEY *mixed = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    uint8_t point[256];
    size_t n = 0;
    char *text;

    assert_int_equal(EVP_PKEY_get_octet_string_param(b, "pub", point, sizeof(point), &n),
                     1);
    assert_int_equal(EVP_PKEY_todata(a, EVP_PKEY_KEYPAIR, &pa), 1);
    for (OSSL_PARAM *p = pa; p->key; p++) {
        if (strcmp(p->key, "pub") == 0 && p->data_size == n)
            memcpy(p->data, point, n);
    }
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &mixed, EVP_PKEY_KEYPAIR, pa), 1);
    text = pki_pem_key(mixed);
    OSSL_PARAM_free(pa);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(mixed);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    return text;
}

static char *foreign_pem(const char *type, const char *group)
{
    EVP_PKEY *key = group ? EVP_EC_gen(group) : EVP_PKEY_Q_keygen(NULL, NULL, type);
    char *text;

    assert_non_null(key);
    text = pki_pem_key(key);
    EVP_PKEY_free(key);
    return text;
}

static void refuses_bad_contents(void **state)
{
    struct {
        char *text;
        const char *word;
    } rows[] = {
        {strdup(""), "BEGIN PRIVATE KEY"},
        {strdup("not a key\n"), "BEGIN PRIVATE KEY"},
        {strdup("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "PEM"},
        {encrypted_pem(), "encrypted"},
        {mismatched_pem(), "belong together"},
        {foreign_pem("ED25519", NULL), "EC P-256"},
        {foreign_pem("EC", "P-521"), "EC P-256"},
        {pem_of(PKI_RSA1024), "2048"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        must_refuse(write_file("key", rows[i].text, 0600), rows[i].word);
        free(rows[i].text);
    }
    unlink(path_of("key"));
}

static void refuses_a_large_file(void **state)
{
    char *text = calloc(1, 70001);

    (void)state;
    memset(text, '\n', 70000);
    must_refuse(write_file("key", text, 0600), "too large");
    unlink(path_of("key"));
    free(text);
}

/* ---- signing ---- */

static struct sign_key *parse(enum pki_type type, EVP_PKEY **public)
{
    EVP_PKEY *made = pki_key(type);
    char *text = pki_pem_key(made);
    struct sign_key *key = sign_key_parse("key", text, strlen(text), err, sizeof(err));

    assert_non_null(key);
    free(text);
    *public = made;
    return key;
}

static const enum sign_kind good_kinds[] = {SIGN_TLS13_SERVER, SIGN_TLS13_CLIENT,
                                            SIGN_TLS12_SERVER, SIGN_TLS12_CLIENT};

static bool verifies(EVP_PKEY *public, uint16_t code, const uint8_t *sig, size_t n)
{
    const struct sign_scheme *scheme = sign_scheme_find(code);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    bool good =
        EVP_DigestVerifyInit_ex(md, &ctx, scheme->digest, NULL, NULL, public, NULL) == 1;

    if (good && scheme->family == SIGN_RSA_PSS)
        good = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestVerify(md, sig, n, (const uint8_t *)"content", 7) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

/* Every scheme code point with every key and kind: exactly the fitting ones sign. */
static void signs_what_fits(void **state)
{
    static const struct {
        enum pki_type type;
        unsigned int tls13;
        unsigned int tls12;
    } rows[] = {{PKI_P256, 1, 2}, {PKI_P384, 1, 2}, {PKI_RSA2048, 3, 6}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *public;
        struct sign_key *key = parse(rows[i].type, &public);

        for (size_t k = 0; k < 4; k++) {
            unsigned int good = 0;

            for (unsigned int code = 0; code <= 0x0a00; code++) {
                uint8_t sig[SIGN_SIGNATURE_MAX];
                size_t n = 0;

                if (!sign_key_sign(key, good_kinds[k], (uint16_t)code,
                                   (const uint8_t *)"content", 7, sig, sizeof(sig), &n))
                    continue;
                assert_true(verifies(public, (uint16_t)code, sig, n));
                good++;
            }
            assert_int_equal(good, k < 2 ? rows[i].tls13 : rows[i].tls12);
        }
        sign_key_free(key);
        EVP_PKEY_free(public);
    }
}

static void signs_nothing_refused(void **state)
{
    EVP_PKEY *public;
    struct sign_key *key = parse(PKI_P256, &public);
    static const uint8_t large[SIGN_CONTENT_MAX + 1];
    uint8_t sig[72];
    size_t n = 0;

    (void)state;
    for (unsigned int kind = 0; kind < 64; kind++) {
        bool made = sign_key_sign(key, kind, 0x0403, large, 9, sig, sizeof(sig), &n);

        assert_int_equal(made, kind >= 1 && kind <= 4);
    }
    assert_false(sign_key_sign(key, SIGN_TLS13_SERVER, 0x0403, large, 0, sig, 72, &n));
    assert_false(
        sign_key_sign(key, SIGN_TLS13_SERVER, 0x0403, large, sizeof(large), sig, 72, &n));
    assert_false(sign_key_sign(key, SIGN_TLS13_SERVER, 0x0403, large, 9, sig, 71, &n));
    assert_false(sign_key_sign(key, SIGN_TLS13_SERVER, 0x0503, large, 9, sig, 72, &n));
    sign_key_free(key);
    EVP_PKEY_free(public);
}

/* The way to see that a key belongs to a certificate. */
static void public_half_is_that_of_the_certificate(void **state)
{
    struct pki_cert own = pki_issue(NULL, PKI_P256, &(struct pki_want){.cn = "own"});
    char *text = pki_pem_key(own.key);
    char *chain = pki_pem_certs(&own.cert, 1);
    struct tls_pem pem = {"own.crt", chain, strlen(chain)};
    struct sign_key *key = sign_key_parse("key", text, strlen(text), err, sizeof(err));
    uint8_t a[SIGN_PUBLIC_MAX];
    uint8_t b[SIGN_PUBLIC_MAX];
    size_t na = sign_key_public(key, a, sizeof(a));
    size_t nb = pem_public(&pem, b, sizeof(b), err, sizeof(err));

    (void)state;
    assert_in_range(na, 80, 120);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    assert_int_equal(sign_key_public(key, a, na - 1), 0);
    assert_int_equal(pem_public(&pem, b, nb - 1, err, sizeof(err)), 0);
    sign_key_free(key);
    free(chain);
    free(text);
    pki_free(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_each_type),
        cmocka_unit_test(refuses_open_files),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(refuses_a_foreign_owner),
        cmocka_unit_test(refuses_bad_contents),
        cmocka_unit_test(refuses_a_large_file),
        cmocka_unit_test(signs_what_fits),
        cmocka_unit_test(signs_nothing_refused),
        cmocka_unit_test(public_half_is_that_of_the_certificate),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
