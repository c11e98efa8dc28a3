/* The provider behind remote_key.h; included by the remote_key*.c files alone. */
#ifndef GATE104_CERTS_REMOTE_KEY_PROVIDER_H
#define GATE104_CERTS_REMOTE_KEY_PROVIDER_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "certs/remote_key.h"

#define REMOTE_PROVIDER     "gate104-remote"
#define REMOTE_PARAM_ORIGIN "gate104-origin"

/* What a key is made of.  Its address travels as the octets of REMOTE_PARAM_ORIGIN from
 * remote_key_new() to the import function of the provider, within one call. */
struct remote_origin {
    EVP_PKEY *public;
    struct remote_ops ops;
};

/* A key of the provider. */
struct remote_key {
    const char *type;
    EVP_PKEY *public;      /* of the default provider */
    struct remote_ops ops; /* all NULL in a key that is public only */
};

/* The functions of a provider have fixed types (provider-keymgmt(7), -signature(7)) that
 * carry everything as void pointers; OSSL_FUNC() puts one into a dispatch table. */
#define OSSL_FUNC(id, fn)                                                                \
    {                                                                                    \
        (id), (void (*)(void))(fn)                                                       \
    }

/* Decryption in RSA key transport (remote_key_decrypt.c). */
extern const OSSL_DISPATCH remote_decrypt_functions[];

int remote_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx);

/* A public key of the default provider from its exported parameters, or NULL. */
EVP_PKEY *remote_public_new(const char *type, const OSSL_PARAM *params);

#endif
