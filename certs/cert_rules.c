#include "certs/cert_rules.h"

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

/* libcrypto counts strength in steps of eight bits, so that RSA of 2041 bits passes for
 * 112, as P-224 does. */
#define EC_BITS_LEAST  256
#define RSA_BITS_LEAST 2048

static bool is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

/* TLS_FAIL_NONE if the key is long enough. */
static enum tls_failure key_failure(X509 *cert, const char **reason)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    int bits = key ? EVP_PKEY_get_bits(key) : 0;

    if (key && EVP_PKEY_is_a(key, "EC") && bits < EC_BITS_LEAST) {
        *reason = "elliptic curve smaller than P-256";
        return TLS_FAIL_TINY_KEY;
    }
    if (key && is_rsa(key) && bits < RSA_BITS_LEAST) {
        *reason = "RSA key shorter than 2048 bits";
        return TLS_FAIL_SHORT_KEY;
    }
    return TLS_FAIL_NONE;
}

enum tls_failure cert_rules(const STACK_OF(X509) * chain, X509 **at, const char **reason)
{
    X509 *leaf = sk_X509_value(chain, 0);

    for (int i = 0; i < sk_X509_num(chain); i++) {
        enum tls_failure failure = key_failure(sk_X509_value(chain, i), reason);

        if (failure == TLS_FAIL_NONE)
            continue;
        *at = sk_X509_value(chain, i);
        return failure;
    }
    /* Both sides sign with their certificate's key, in every suite of the profile.  A
     * certificate without key usage says nothing (RFC 5280 clause 4.2.1.3). */
    if (leaf && !(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE)) {
        *at = leaf;
        *reason = "key usage without digitalSignature";
        return TLS_FAIL_KEY_USAGE;
    }
    return TLS_FAIL_NONE;
}
