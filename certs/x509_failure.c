#include "certs/x509_failure.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static const struct row {
    int error;
    enum tls_failure failure;
} rows[] = {
#define X(error, failure) {error, failure},
#include "certs/x509_failure.def"
#undef X
};

enum tls_failure x509_failure(int error)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].error == error)
            return rows[i].failure;
    }
    return TLS_FAIL_CHAIN;
}

/* libcrypto has one word for a certificate whose extended key usage, key usage or (above
 * the leaf) basic constraints do not fit. */
static enum tls_failure purpose_failure(X509_STORE_CTX *store, X509 *cert)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    bool server = ssl && !SSL_is_server(ssl); /* the peer is one */
    uint32_t needed = server ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
    uint32_t flags = X509_get_extension_flags(cert);

    if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(cert) & needed))
        return server ? TLS_FAIL_PURPOSE_SERVER : TLS_FAIL_PURPOSE;
    if (X509_STORE_CTX_get_error_depth(store) > 0)
        return X509_check_ca(cert) == 0 ? TLS_FAIL_NOT_A_CA : TLS_FAIL_CA_KEY_USAGE;
    return TLS_FAIL_KEY_USAGE;
}

/* IEC 62351-3 Ed. 2, events 2.11 and 2.13. */
static enum tls_failure key_failure(X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 1024)
        return TLS_FAIL_SHORT_KEY;
    return TLS_FAIL_TINY_KEY;
}

enum tls_failure x509_failure_at(X509_STORE_CTX *store, int error)
{
    enum tls_failure failure = x509_failure(error);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);

    /* An extension that cannot be read is found before any other rule is looked at, and
     * libcrypto then says whatever the rule at hand says. */
    if (cert && failure != TLS_FAIL_INTERNAL &&
        (X509_get_extension_flags(cert) & EXFLAG_INVALID))
        return TLS_FAIL_EXTENSION;
    if (cert && failure == TLS_FAIL_PURPOSE)
        return purpose_failure(store, cert);
    if (cert && failure == TLS_FAIL_SHORT_KEY)
        return key_failure(cert);
    if (cert && failure == TLS_FAIL_NOT_A_CA &&
        (X509_get_extension_flags(cert) & EXFLAG_CA))
        return TLS_FAIL_CA_KEY_USAGE; /* it is one, but may not sign */
    return failure;
}
