#include "certs/cert_rules.h"

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define EC_BITS_LEAST 256

static bool curve_too_small(X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) < EC_BITS_LEAST;
}

enum tls_failure cert_rules(const STACK_OF(X509) * chain, X509 **at, const char **reason)
{
    X509 *leaf = sk_X509_value(chain, 0);

    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (!curve_too_small(sk_X509_value(chain, i)))
            continue;
        *at = sk_X509_value(chain, i);
        *reason = "elliptic curve smaller than P-256";
        return TLS_FAIL_TINY_KEY;
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
