/* The part of the provider that libssl asks in RSA key transport (RFC 5246 clause
 * 7.4.7.1).  It knows one padding, that of TLS; general decryption is nobody's to have.
 */
#include "certs/remote_key_provider.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

struct decryption {
    const struct remote_key *key;
    bool tls; /* the padding of TLS has been asked for */
};

static void *decrypt_new(void *provctx)
{
    (void)provctx;
    return OPENSSL_zalloc(sizeof(struct decryption));
}

static void decrypt_free(void *ctx)
{
    OPENSSL_free(ctx);
}

/* The version of the ClientHello comes too; the signer knows it, as key transport is in
 * TLS 1.2 alone. */
static int decrypt_set_params(void *ctx, const OSSL_PARAM params[])
{
    struct decryption *d = ctx;
    const OSSL_PARAM *padding;
    int number = 0;

    padding =
        params ? OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE) : NULL;
    if (!padding)
        return 1;
    d->tls = padding->data_type == OSSL_PARAM_INTEGER &&
             OSSL_PARAM_get_int(padding, &number) && number == RSA_PKCS1_WITH_TLS_PADDING;
    return d->tls;
}

static const OSSL_PARAM *decrypt_settable_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return settable;
}

static int decrypt_begin(void *ctx, void *keydata, const OSSL_PARAM params[])
{
    struct decryption *d = ctx;
    const struct remote_key *key = keydata;

    if (!key || !key->ops.decrypt)
        return 0;
    d->key = key;
    d->tls = false;
    return decrypt_set_params(d, params);
}

static int decrypt(void *ctx, unsigned char *out, size_t *outlen, size_t cap,
                   const unsigned char *in, size_t n)
{
    struct decryption *d = ctx;

    if (!d->tls)
        return 0;
    *outlen = REMOTE_PREMASTER;
    if (!out)
        return 1;
    if (cap < REMOTE_PREMASTER)
        return 0;
    if (d->key->ops.decrypt(d->key->ops.ctx, in, n, out) == 0)
        return 1;
    ERR_raise_data(ERR_LIB_USER, REMOTE_KEY_REASON_SIGN, "no secret from the signer");
    return 0;
}

const OSSL_DISPATCH remote_decrypt_functions[] = {
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_NEWCTX, decrypt_new),
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_FREECTX, decrypt_free),
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_begin),
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, decrypt_set_params),
    OSSL_FUNC(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, decrypt_settable_params),
    {0, NULL},
};
