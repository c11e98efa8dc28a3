#include "certs/sign_scheme.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct sign_scheme schemes[] = {
    {0x0403, SIGN_ECDSA, "ecdsa_secp256r1_sha256", "SHA256", "prime256v1"},
    {0x0503, SIGN_ECDSA, "ecdsa_secp384r1_sha384", "SHA384", "secp384r1"},
    {0x0804, SIGN_RSA_PSS, "rsa_pss_rsae_sha256", "SHA256", NULL},
    {0x0805, SIGN_RSA_PSS, "rsa_pss_rsae_sha384", "SHA384", NULL},
    {0x0806, SIGN_RSA_PSS, "rsa_pss_rsae_sha512", "SHA512", NULL},
    {0x0401, SIGN_RSA_PKCS1, "rsa_pkcs1_sha256", "SHA256", NULL},
    {0x0501, SIGN_RSA_PKCS1, "rsa_pkcs1_sha384", "SHA384", NULL},
    {0x0601, SIGN_RSA_PKCS1, "rsa_pkcs1_sha512", "SHA512", NULL},
};

#define SCHEME_COUNT (sizeof(schemes) / sizeof(schemes[0]))

const struct sign_scheme *sign_scheme_find(uint16_t code)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (schemes[i].code == code)
            return &schemes[i];
    }
    return NULL;
}

const struct sign_scheme *sign_scheme_match(enum sign_family family, const char *digest)
{
    const char *bits;

    /* OpenSSL calls the same digest "SHA256" and "SHA2-256". */
    if (strncasecmp(digest, "SHA2-", 5) == 0)
        bits = digest + 5;
    else if (strncasecmp(digest, "SHA", 3) == 0)
        bits = digest + 3;
    else
        return NULL;
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (schemes[i].family == family && strcmp(schemes[i].digest + 3, bits) == 0)
            return &schemes[i];
    }
    return NULL;
}
