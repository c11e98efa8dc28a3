#include "certs/tls_pins.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static void pins_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                      void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    OPENSSL_free(ptr);
}

static int pins_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, pins_free);
    return index;
}

bool tls_pins_install(SSL_CTX *ctx, const struct pins *pins)
{
    struct pins *copy;

    if (pins_index() < 0)
        return false;
    if (!pins || pins->count == 0)
        return true;
    copy = OPENSSL_memdup(pins, sizeof *pins);
    if (copy && SSL_CTX_set_ex_data(ctx, pins_index(), copy) == 1)
        return true;
    OPENSSL_free(copy);
    return false;
}

bool tls_pins_admit(const SSL *ssl, const X509 *leaf)
{
    const struct pins *pins = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), pins_index());
    uint8_t pin[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!pins)
        return true;
    return leaf && X509_digest(leaf, EVP_sha256(), pin, &n) == 1 && n == PIN_SIZE &&
           pins_have(pins, pin);
}
