#include "certs/remote_key_provider.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "certs/sign_check.h"
#include "certs/sign_scheme.h"

/* ---- keys ---- */

static struct remote_key *key_new(void *provctx, const char *type)
{
    struct remote_key *key = OPENSSL_zalloc(sizeof(*key));

    if (!key)
        return NULL;
    (void)provctx;
    key->type = type;
    return key;
}

static void *key_new_ec(void *provctx)
{
    return key_new(provctx, "EC");
}

static void *key_new_rsa(void *provctx)
{
    return key_new(provctx, "RSA");
}

static void key_free(void *keydata)
{
    struct remote_key *key = keydata;

    if (!key)
        return;
    EVP_PKEY_free(key->public);
    OPENSSL_free(key);
}

static int key_has(const void *keydata, int selection)
{
    const struct remote_key *key = keydata;

    if (!key || !key->public)
        return 0;
    /* The private half counts as present: it can sign. */
    return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->ops.sign;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct remote_key *ka = a;
    const struct remote_key *kb = b;

    (void)selection;
    return ka->public && kb->public && EVP_PKEY_eq(ka->public, kb->public) == 1;
}

/* Two things come here: the origin of a new key, and the public key of a certificate that
 * libssl wants to compare with one. */
static int key_import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct remote_key *key = keydata;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, REMOTE_PARAM_ORIGIN);
    struct remote_origin *origin;

    (void)selection;
    if (!key || key->public)
        return 0;
    if (!p) {
        key->public = remote_public_new(key->type, params);
        return key->public != NULL;
    }
    if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != sizeof(origin))
        return 0;
    memcpy(&origin, p->data, sizeof(origin));
    if (!EVP_PKEY_up_ref(origin->public))
        return 0;
    key->public = origin->public;
    key->ops = origin->ops;
    return 1;
}

/* libcrypto first tries to move a key to the default provider and comes back to this one
 * only if that fails: what asks for a private half gets nothing. */
static int key_export(void *keydata, int selection, OSSL_CALLBACK *give, void *arg)
{
    struct remote_key *key = keydata;

    if (!key || !key->public || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
        return 0;
    return EVP_PKEY_export(key->public, selection, give, arg);
}

static const OSSL_PARAM *key_types_ec(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_END,
    };

    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *key_types_rsa(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static int key_get_params(void *keydata, OSSL_PARAM params[])
{
    const struct remote_key *key = keydata;

    return key && key->public && EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *key_gettable_params(void *provctx)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return gettable;
}

static const char *key_operation_ec(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *key_operation_rsa(int operation)
{
    return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_ASYM_CIPHER ? "RSA"
                                                                              : NULL;
}

#define KEY_FUNCTIONS(new, types, operation)                                             \
    OSSL_FUNC(OSSL_FUNC_KEYMGMT_NEW, new), OSSL_FUNC(OSSL_FUNC_KEYMGMT_FREE, key_free),  \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_HAS, key_has),                                       \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_MATCH, key_match),                                   \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                 \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, types),                                \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_EXPORT, key_export),                                 \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, types),                                \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                         \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),               \
        OSSL_FUNC(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation),                    \
    {                                                                                    \
        0, NULL                                                                          \
    }

static const OSSL_DISPATCH ec_functions[] = {
    KEY_FUNCTIONS(key_new_ec, key_types_ec, key_operation_ec)};
static const OSSL_DISPATCH rsa_functions[] = {
    KEY_FUNCTIONS(key_new_rsa, key_types_rsa, key_operation_rsa)};

/* ---- signatures ---- */

struct operation {
    const struct remote_key *key;
    char digest[16];
    bool pss;
    uint8_t *content; /* collected by update, SIGN_CONTENT_MAX octets */
    size_t length;
};

static void *sign_new(void *provctx, const char *properties)
{
    (void)provctx;
    (void)properties;
    return OPENSSL_zalloc(sizeof(struct operation));
}

static void sign_free(void *ctx)
{
    struct operation *op = ctx;

    if (!op)
        return;
    OPENSSL_free(op->content);
    OPENSSL_free(op);
}

/* EVP_DigestSignFinal works on a copy. */
static void *sign_dup(void *ctx)
{
    const struct operation *op = ctx;
    struct operation *copy = OPENSSL_memdup(op, sizeof(*op));

    if (!copy || !op->content)
        return copy;
    copy->content = OPENSSL_memdup(op->content, SIGN_CONTENT_MAX);
    if (copy->content)
        return copy;
    OPENSSL_free(copy);
    return NULL;
}

static int read_padding(struct operation *op, const OSSL_PARAM *p)
{
    const char *name = NULL;
    int number = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING) {
        if (!OSSL_PARAM_get_utf8_string_ptr(p, &name))
            return 0;
        op->pss = strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
        return op->pss || strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
    }
    if (!OSSL_PARAM_get_int(p, &number))
        return 0;
    op->pss = number == RSA_PKCS1_PSS_PADDING;
    return op->pss || number == RSA_PKCS1_PADDING;
}

/* TLS has one salt length, that of the digest (RFC 8446 clause 4.2.3). */
static int salt_is_digest(const OSSL_PARAM *p)
{
    const char *name = NULL;
    int number = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_utf8_string_ptr(p, &name) &&
               strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
    return OSSL_PARAM_get_int(p, &number) && number == RSA_PSS_SALTLEN_DIGEST;
}

static int sign_set_params(void *ctx, const OSSL_PARAM params[])
{
    struct operation *op = ctx;
    const OSSL_PARAM *padding;
    const OSSL_PARAM *salt;

    if (!params)
        return 1;
    padding = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    salt = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (padding && !read_padding(op, padding))
        return 0;
    return !salt || salt_is_digest(salt);
}

static const OSSL_PARAM *sign_settable_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return settable;
}

static int sign_begin(void *ctx, const char *digest, void *keydata,
                      const OSSL_PARAM params[])
{
    struct operation *op = ctx;
    const struct remote_key *key = keydata;

    if (!key || !key->ops.sign)
        return 0;
    if (!digest)
        digest = "SHA256";
    if (strlen(digest) >= sizeof(op->digest))
        return 0;
    memcpy(op->digest, digest, strlen(digest) + 1);
    op->key = key;
    op->pss = false;
    op->length = 0;
    return sign_set_params(op, params);
}

static const struct sign_scheme *scheme_of(const struct operation *op)
{
    if (strcmp(op->key->type, "EC") == 0)
        return sign_scheme_match(SIGN_ECDSA, op->digest);
    return sign_scheme_match(op->pss ? SIGN_RSA_PSS : SIGN_RSA_PKCS1, op->digest);
}

static int sign_once(void *ctx, unsigned char *sig, size_t *siglen, size_t cap,
                     const unsigned char *tbs, size_t n)
{
    struct operation *op = ctx;
    size_t max = (size_t)EVP_PKEY_get_size(op->key->public);
    const struct sign_scheme *scheme = scheme_of(op);
    size_t made = 0;

    if (!scheme || n > SIGN_CONTENT_MAX)
        return 0;
    if (!sig) {
        *siglen = max;
        return 1;
    }
    if (cap < max)
        return 0;
    if (op->key->ops.sign(op->key->ops.ctx, scheme->code, tbs, n, sig, max, &made) != 0 ||
        made == 0 || made > max) {
        ERR_raise_data(ERR_LIB_USER, REMOTE_KEY_REASON_SIGN,
                       "no signature from the signer");
        return 0;
    }
    *siglen = made;
    return 1;
}

static int sign_update(void *ctx, const unsigned char *data, size_t n)
{
    struct operation *op = ctx;

    if (!op->content)
        op->content = OPENSSL_malloc(SIGN_CONTENT_MAX);
    if (!op->content || n > SIGN_CONTENT_MAX - op->length)
        return 0;
    if (n > 0)
        memcpy(op->content + op->length, data, n);
    op->length += n;
    return 1;
}

static int sign_final(void *ctx, unsigned char *sig, size_t *siglen, size_t cap)
{
    struct operation *op = ctx;

    return sign_once(op, sig, siglen, cap, op->content, op->length);
}

static const OSSL_DISPATCH sign_functions[] = {
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_DUPCTX, sign_dup),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_begin),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_once),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, sign_update),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, sign_final),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sign_set_params),
    OSSL_FUNC(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sign_settable_params),
    {0, NULL},
};

/* ---- the provider ---- */

/* libssl finds the certificate slot of a key by these names; the aliases and the object
 * identifiers belong to it. */
#define NAMES_EC    "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_RSA   "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define NAMES_ECDSA "ECDSA"
#define PROPERTIES  "provider=" REMOTE_PROVIDER

static const OSSL_ALGORITHM key_algorithms[] = {
    {NAMES_EC, PROPERTIES, ec_functions, "EC key elsewhere"},
    {NAMES_RSA, PROPERTIES, rsa_functions, "RSA key elsewhere"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM sign_algorithms[] = {
    {NAMES_ECDSA, PROPERTIES, sign_functions, "ECDSA elsewhere"},
    {NAMES_RSA, PROPERTIES, sign_functions, "RSA elsewhere"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM decrypt_algorithms[] = {
    {NAMES_RSA, PROPERTIES, remote_decrypt_functions, "RSA decryption elsewhere"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *provider_query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return key_algorithms;
    if (operation == OSSL_OP_ASYM_CIPHER)
        return decrypt_algorithms;
    return operation == OSSL_OP_SIGNATURE ? sign_algorithms : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    OSSL_FUNC(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
    {0, NULL},
};

int remote_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx)
{
    (void)handle;
    (void)in;
    /* No context is needed, but NULL would mean that there is no provider. */
    *provctx = (void *)provider_functions;
    *out = provider_functions;
    return 1;
}
