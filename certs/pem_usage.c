#include "certs/pem_usage.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static bool ask(const struct tls_pem *chain, bool (*question)(X509 *))
{
    char err[256];
    STACK_OF(X509) *certs = pem_read_certs(chain, err, sizeof(err));
    bool yes = certs && question(sk_X509_value(certs, 0));

    pem_free_certs(certs);
    ERR_clear_error();
    return yes;
}

static bool is_rsa(X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    return key && EVP_PKEY_is_a(key, "RSA");
}

/* All bits are set where there is no such extension. */
static bool may_encipher(X509 *cert)
{
    return X509_get_key_usage(cert) & KU_KEY_ENCIPHERMENT;
}

bool pem_is_rsa(const struct tls_pem *chain)
{
    return ask(chain, is_rsa);
}

bool pem_may_encipher(const struct tls_pem *chain)
{
    return ask(chain, may_encipher);
}
