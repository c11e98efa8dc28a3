/* The provider behind remote_key.h; included by its two files alone. */
#ifndef GATE104_CERTS_REMOTE_KEY_PROVIDER_H
#define GATE104_CERTS_REMOTE_KEY_PROVIDER_H

#include <stdbool.h>

#include <openssl/core.h>

#include "certs/remote_key.h"

#define REMOTE_PROVIDER     "gate104-remote"
#define REMOTE_PARAM_ORIGIN "gate104-origin"

/* What a key is made of.  Its address travels as the octets of REMOTE_PARAM_ORIGIN from
 * remote_key_new() to the import function of the provider, within one call. */
struct remote_origin {
    EVP_PKEY *public;
    remote_sign_fn sign;
    void *ctx;
};

int remote_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx);

/* A public key of the default provider from its exported parameters, or NULL. */
EVP_PKEY *remote_public_new(const char *type, const OSSL_PARAM *params);

#endif
