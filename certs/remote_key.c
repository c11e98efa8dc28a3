#include "certs/remote_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "certs/remote_key_provider.h"

#define RSA_MIN_BITS 2048

/* Name of the key type as providers know it, or NULL if gate104 does not use such keys.
 */
static const char *type_of(EVP_PKEY *key)
{
    char group[64];

    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_MIN_BITS ? "RSA" : NULL;
    if (!EVP_PKEY_is_a(key, "EC"))
        return NULL;
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
        return NULL;
    if (strcmp(group, "prime256v1") != 0 && strcmp(group, "secp384r1") != 0)
        return NULL;
    return "EC";
}

static bool provider_ready(OSSL_LIB_CTX *libctx)
{
    if (OSSL_PROVIDER_available(libctx, REMOTE_PROVIDER))
        return true;
    /* Loading any provider by name turns off the automatic loading of the default one. */
    if (!OSSL_PROVIDER_load(libctx, "default"))
        return false;
    if (!OSSL_PROVIDER_add_builtin(libctx, REMOTE_PROVIDER, remote_provider_init))
        return false;
    return OSSL_PROVIDER_load(libctx, REMOTE_PROVIDER) != NULL;
}

/* A key of `type` made by the providers that `properties` select. */
static EVP_PKEY *key_from_params(OSSL_LIB_CTX *libctx, const char *type,
                                 const char *properties, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, properties);
    EVP_PKEY *key = NULL;

    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *remote_public_new(OSSL_LIB_CTX *libctx, const char *type,
                            const OSSL_PARAM *params)
{
    return key_from_params(libctx, type, "provider=default", (OSSL_PARAM *)params);
}

static EVP_PKEY *public_copy(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *type)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *copy;

    if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return NULL;
    copy = remote_public_new(libctx, type, params);
    OSSL_PARAM_free(params);
    return copy;
}

EVP_PKEY *remote_key_new(OSSL_LIB_CTX *libctx, EVP_PKEY *public, remote_sign_fn sign,
                         void *ctx)
{
    struct remote_origin origin = {NULL, sign, ctx};
    struct remote_origin *handle = &origin;
    OSSL_PARAM params[2];
    const char *type = type_of(public);
    EVP_PKEY *key;

    if (!type) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_UNSUPPORTED,
                       "neither EC P-256, EC P-384 nor RSA of at least 2048 bits");
        return NULL;
    }
    if (!provider_ready(libctx))
        return NULL;
    origin.public = public_copy(libctx, public, type);
    if (!origin.public)
        return NULL;
    params[0] =
        OSSL_PARAM_construct_octet_string(REMOTE_PARAM_ORIGIN, &handle, sizeof(handle));
    params[1] = OSSL_PARAM_construct_end();
    key = key_from_params(libctx, type, "provider=" REMOTE_PROVIDER, params);
    EVP_PKEY_free(origin.public);
    return key;
}
