#include "certs/sign_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "certs/errtext.h"
#include "certs/pkcs11_uri.h"
#include "certs/sign_key_pkcs11.h"

#define FILE_MAX_OCTETS 65536u
#define RSA_MIN_BITS    2048
#define RSA_MAX_BITS    8192

struct sign_key {
    EVP_PKEY *pkey;
    enum sign_key_type type;
    struct pkcs11_key *token; /* owns pkey; NULL: the key came from a file */
    size_t octets;            /* of the largest signature */
};

static bool set_padding(EVP_PKEY_CTX *ctx, enum sign_family family);

/* ---- loading ---- */

static bool group_is(EVP_PKEY *pkey, const char *name)
{
    char group[64];

    return EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
           strcmp(group, name) == 0;
}

static bool type_of(EVP_PKEY *pkey, enum sign_key_type *type)
{
    int bits = EVP_PKEY_get_bits(pkey);

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        *type = SIGN_KEY_RSA;
        return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS;
    }
    if (!EVP_PKEY_is_a(pkey, "EC"))
        return false;
    *type = group_is(pkey, "secp384r1") ? SIGN_KEY_P384 : SIGN_KEY_P256;
    return *type == SIGN_KEY_P384 || group_is(pkey, "prime256v1");
}

static bool usable(struct sign_key *key, EVP_PKEY *pkey)
{
    int octets = EVP_PKEY_get_size(pkey);

    key->octets = octets > 0 ? (size_t)octets : SIZE_MAX;
    return type_of(pkey, &key->type);
}

static bool halves_fit(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool fit = ctx && EVP_PKEY_pairwise_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return fit;
}

/* An encrypted key must give an error, not a question on a terminal. */
static int no_password(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *read_pem(const char *name, const void *pem, size_t n, char *err,
                          size_t cap)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    EVP_PKEY *pkey = NULL;
    bool asked = false;

    if (bio)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
    BIO_free(bio);
    if (pkey)
        return pkey;
    if (asked)
        errtext_set(err, cap,
                    "%s: the private key is encrypted; store it without a password "
                    "(openssl pkey -in KEY -out NEW) and protect the file",
                    name);
    else
        errtext_set(err, cap,
                    "%s: no private key in PEM form (%s); the file must hold a "
                    "\"BEGIN PRIVATE KEY\" block",
                    name, errtext_openssl());
    ERR_clear_error();
    return NULL;
}

struct sign_key *sign_key_parse(const char *name, const void *pem, size_t n, char *err,
                                size_t cap)
{
    struct sign_key *key;
    EVP_PKEY *pkey;

    if (n > FILE_MAX_OCTETS) {
        errtext_set(err, cap, "%s: too large for a private key", name);
        return NULL;
    }
    pkey = read_pem(name, pem, n, err, cap);
    if (!pkey)
        return NULL;
    key = OPENSSL_zalloc(sizeof(*key));
    if (!key || !usable(key, pkey))
        errtext_set(err, cap,
                    "%s: not a usable key; make one of type EC P-256, EC P-384 or RSA of "
                    "2048 to 8192 bits",
                    name);
    else if (!halves_fit(pkey))
        errtext_set(
            err, cap,
            "%s: public and private half do not belong together; restore the file", name);
    else {
        key->pkey = pkey;
        return key;
    }
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    OPENSSL_free(key);
    return NULL;
}

bool sign_key_file_is_private(int fd, const char *name, char *err, size_t cap)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        errtext_set(err, cap, "%s: %s", name, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        errtext_set(err, cap, "%s: not a regular file; name the key file itself", name);
        return false;
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        errtext_set(err, cap,
                    "%s: owned by user %u, who could change it; chown it to root or to "
                    "user %u",
                    name, (unsigned int)st.st_uid, (unsigned int)geteuid());
        return false;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        errtext_set(err, cap, "%s: group or others have rights (mode %04o); chmod 600 %s",
                    name, (unsigned int)(st.st_mode & 07777), name);
        return false;
    }
    return true;
}

/* Octets read, or -1; at most cap. */
static ssize_t read_file(int fd, uint8_t *buf, size_t cap)
{
    size_t n = 0;

    while (n < cap) {
        ssize_t got = pread(fd, buf + n, cap - n, (off_t)n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

struct sign_key *sign_key_load_fd(int fd, const char *name, char *err, size_t cap)
{
    struct sign_key *key = NULL;
    uint8_t *buf;
    ssize_t n;

    if (!sign_key_file_is_private(fd, name, err, cap))
        return NULL;
    buf = OPENSSL_malloc(FILE_MAX_OCTETS + 1);
    if (!buf) {
        errtext_set(err, cap, "%s: out of memory", name);
        return NULL;
    }
    n = read_file(fd, buf, FILE_MAX_OCTETS + 1);
    if (n < 0)
        errtext_set(err, cap, "%s: %s", name, strerror(errno));
    else
        key = sign_key_parse(name, buf, (size_t)n, err, cap);
    OPENSSL_clear_free(buf, FILE_MAX_OCTETS + 1);
    return key;
}

/* The halves of a token's key cannot be looked at, only seen to work together. */
static bool signs_for_itself(struct sign_key *key)
{
    static const uint8_t probe[] = "gate104: does this key fit its public half?";
    uint16_t scheme = key->type == SIGN_KEY_RSA    ? 0x0804
                      : key->type == SIGN_KEY_P384 ? 0x0503
                                                   : 0x0403;
    const struct sign_scheme *row = sign_scheme_find(scheme);
    uint8_t sig[SIGN_SIGNATURE_MAX];
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *public = NULL;
    uint8_t der[SIGN_PUBLIC_MAX];
    const uint8_t *at = der;
    size_t n = sign_key_public(key, der, sizeof der);
    size_t size = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good;

    public = n > 0 ? d2i_PUBKEY(NULL, &at, (long)n) : NULL;
    good =
        md && public && row &&
        sign_key_sign(key, SIGN_TLS13_SERVER, scheme, probe, sizeof probe, sig,
                      sizeof sig, &size) &&
        EVP_DigestVerifyInit_ex(md, &ctx, row->digest, NULL, NULL, public, NULL) == 1 &&
        set_padding(ctx, row->family) &&
        EVP_DigestVerify(md, sig, size, probe, sizeof probe) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(public);
    return good;
}

static struct sign_key *load_token(const char *name, char *err, size_t cap)
{
    struct pkcs11_key *token = pkcs11_key_open(name, err, cap);
    struct sign_key *key = token ? OPENSSL_zalloc(sizeof(*key)) : NULL;

    if (!key) {
        pkcs11_key_close(token);
        return NULL;
    }
    key->token = token;
    key->pkey = pkcs11_key_get(token);
    if (!usable(key, key->pkey))
        errtext_set(err, cap,
                    "%s: not a usable key; make one of type EC P-256, EC P-384 or RSA of "
                    "2048 to 8192 bits",
                    name);
    else if (!signs_for_itself(key))
        errtext_set(err, cap,
                    "%s: the token does not sign with it (%s); allow it to sign, and see "
                    "that the public key of the same label belongs to it",
                    name, errtext_openssl());
    else
        return key;
    ERR_clear_error();
    sign_key_free(key);
    return NULL;
}

static struct sign_key *load_file(const char *path, char *err, size_t cap)
{
    /* O_NONBLOCK: a FIFO in place of the file must not hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct sign_key *key;

    if (fd < 0) {
        errtext_set(err, cap, "%s: %s; check the path and that user %u may read it", path,
                    strerror(errno), (unsigned int)geteuid());
        return NULL;
    }
    key = sign_key_load_fd(fd, path, err, cap);
    close(fd);
    return key;
}

struct sign_key *sign_key_load(const char *path, char *err, size_t cap)
{
    return pkcs11_uri_is(path) ? load_token(path, err, cap) : load_file(path, err, cap);
}

bool sign_key_in_token(const struct sign_key *key)
{
    return key->token != NULL;
}

/* Private numbers are wiped by EVP_PKEY_free. */
void sign_key_free(struct sign_key *key)
{
    if (!key)
        return;
    if (key->token)
        pkcs11_key_close(key->token);
    else
        EVP_PKEY_free(key->pkey);
    OPENSSL_clear_free(key, sizeof(*key));
}

/* ---- use ---- */

enum sign_key_type sign_key_type(const struct sign_key *key)
{
    return key->type;
}

const char *sign_key_type_name(enum sign_key_type type)
{
    static const char *const names[] = {
        [SIGN_KEY_P256] = "EC P-256",
        [SIGN_KEY_P384] = "EC P-384",
        [SIGN_KEY_RSA] = "RSA",
    };

    return names[type];
}

size_t sign_key_public(const struct sign_key *key, uint8_t *der, size_t cap)
{
    int n = i2d_PUBKEY(key->pkey, NULL);

    if (n <= 0 || (size_t)n > cap)
        return 0;
    return (size_t)i2d_PUBKEY(key->pkey, &der);
}

static bool is_tls13(enum sign_kind kind)
{
    return kind == SIGN_TLS13_SERVER || kind == SIGN_TLS13_CLIENT;
}

static bool scheme_fits(const struct sign_key *key, enum sign_kind kind,
                        const struct sign_scheme *scheme)
{
    static const char *const curves[] = {
        [SIGN_KEY_P256] = "prime256v1",
        [SIGN_KEY_P384] = "secp384r1",
    };

    if (key->type == SIGN_KEY_RSA)
        return scheme->family == SIGN_RSA_PSS ||
               (scheme->family == SIGN_RSA_PKCS1 && !is_tls13(kind));
    if (scheme->family != SIGN_ECDSA)
        return false;
    return !is_tls13(kind) || strcmp(scheme->curve, curves[key->type]) == 0;
}

static bool set_padding(EVP_PKEY_CTX *ctx, enum sign_family family)
{
    if (family == SIGN_ECDSA)
        return true;
    if (family == SIGN_RSA_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool make_signature(EVP_PKEY *pkey, const struct sign_scheme *row,
                           const uint8_t *tbs, size_t n, uint8_t *sig, size_t *made)
{
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good =
        md && EVP_DigestSignInit_ex(md, &ctx, row->digest, NULL, NULL, pkey, NULL) == 1 &&
        set_padding(ctx, row->family) && EVP_DigestSign(md, sig, made, tbs, n) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

/* libp11 may need a second attempt where a session of the token was lost. */
static bool ask_token(struct sign_key *key, const struct sign_scheme *row,
                      const uint8_t *tbs, size_t n, uint8_t *sig, size_t *made)
{
    const size_t cap = *made;
    bool good = false;

    key->pkey = pkcs11_key_get(key->token);
    pkcs11_watch_begin();
    for (int attempt = 0; key->pkey && !good && attempt < 2; attempt++) {
        *made = cap;
        good = make_signature(key->pkey, row, tbs, n, sig, made);
    }
    pkcs11_watch_end();
    return good;
}

/* A token can be pulled out and put in again. */
static bool token_signature(struct sign_key *key, const struct sign_scheme *row,
                            const uint8_t *tbs, size_t n, uint8_t *sig, size_t *made)
{
    const size_t cap = *made;

    if (ask_token(key, row, tbs, n, sig, made))
        return true;
    *made = cap;
    return pkcs11_key_reopen(key->token) && ask_token(key, row, tbs, n, sig, made);
}

bool sign_key_sign(struct sign_key *key, enum sign_kind kind, uint16_t scheme,
                   const uint8_t *tbs, size_t n, uint8_t *sig, size_t cap, size_t *siglen)
{
    const struct sign_scheme *row = sign_scheme_find(scheme);
    size_t made = cap;
    bool good;

    if (!row || !sign_kind_good(kind) || !scheme_fits(key, kind, row))
        return false;
    if (n == 0 || n > SIGN_CONTENT_MAX || cap < key->octets)
        return false;
    good = key->token ? token_signature(key, row, tbs, n, sig, &made)
                      : make_signature(key->pkey, row, tbs, n, sig, &made);
    ERR_clear_error();
    if (good)
        *siglen = made;
    return good;
}

/* OpenSSL's own padding for this: in constant time, with random octets of its own where
 * padding or version are wrong (RSA_PKCS1_WITH_TLS_PADDING). */
static bool decrypt_tls(EVP_PKEY *pkey, const uint8_t *in, size_t n, uint8_t *out,
                        size_t cap)
{
    unsigned int version = 0x0303;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    size_t made = cap;
    bool good = ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
                EVP_PKEY_decrypt(ctx, out, &made, in, n) == 1 && made == SIGN_PREMASTER;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

bool sign_key_premaster(struct sign_key *key, const uint8_t *in, size_t n,
                        uint8_t premaster[SIGN_PREMASTER])
{
    uint8_t random[SIGN_PREMASTER];
    uint8_t found[SIGN_SIGNATURE_MAX];

    /* A token's module checks the padding itself, and tells what is wrong with it. */
    if (key->token || key->type != SIGN_KEY_RSA ||
        RAND_priv_bytes(random, sizeof(random)) != 1)
        return false;
    /* It fails only for what anybody can see: a length or a number beyond the modulus. */
    if (!decrypt_tls(key->pkey, in, n, found, sizeof(found)))
        memcpy(found, random, sizeof(random));
    memcpy(premaster, found, SIGN_PREMASTER);
    OPENSSL_cleanse(found, sizeof(found));
    OPENSSL_cleanse(random, sizeof(random));
    return true;
}
