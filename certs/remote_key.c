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

static OSSL_PROVIDER *loaded;

static void provider_unload(void)
{
    OSSL_PROVIDER_unload(loaded);
    loaded = NULL;
}

static bool provider_ready(void)
{
    if (loaded)
        return true;
    if (!OSSL_PROVIDER_add_builtin(NULL, REMOTE_PROVIDER, remote_provider_init))
        return false;
    /* 1: the default provider stays, though nothing loads it by name. */
    loaded = OSSL_PROVIDER_try_load(NULL, REMOTE_PROVIDER, 1);
    return loaded && OPENSSL_atexit(provider_unload) == 1;
}

/* A key of `type` made by the providers that `properties` select. */
static EVP_PKEY *key_from_params(const char *type, const char *properties,
                                 OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, properties);
    EVP_PKEY *key = NULL;

    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *remote_public_new(const char *type, const OSSL_PARAM *params)
{
    return key_from_params(type, "provider=default", (OSSL_PARAM *)params);
}

static EVP_PKEY *public_copy(EVP_PKEY *key, const char *type)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *copy;

    if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return NULL;
    copy = remote_public_new(type, params);
    OSSL_PARAM_free(params);
    return copy;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public, remote_sign_fn sign, void *ctx)
{
    struct remote_ops ops = {sign, NULL, ctx};

    return remote_key_new_ops(public, &ops);
}

EVP_PKEY *remote_key_new_ops(EVP_PKEY *public, const struct remote_ops *ops)
{
    struct remote_origin origin = {NULL, *ops};
    struct remote_origin *handle = &origin;
    OSSL_PARAM params[2];
    const char *type = type_of(public);
    EVP_PKEY *key;

    if (!type) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_UNSUPPORTED,
                       "neither EC P-256, EC P-384 nor RSA of at least 2048 bits");
        return NULL;
    }
    if (!provider_ready())
        return NULL;
    origin.public = public_copy(public, type);
    if (!origin.public)
        return NULL;
    params[0] =
        OSSL_PARAM_construct_octet_string(REMOTE_PARAM_ORIGIN, &handle, sizeof(handle));
    params[1] = OSSL_PARAM_construct_end();
    key = key_from_params(type, "provider=" REMOTE_PROVIDER, params);
    EVP_PKEY_free(origin.public);
    return key;
}
