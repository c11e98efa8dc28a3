#include "certs/identity_ssl.h"

#include <string.h>

static void copy(char *to, size_t cap, const char *from)
{
    size_t n = strnlen(from, cap - 1);

    memcpy(to, from, n);
    to[n] = '\0';
}

bool identity_from_ssl(struct peer_identity *id, const SSL *ssl)
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    const char *suite = SSL_get_cipher_name(ssl);
    bool good;

    memset(id, 0, sizeof(*id));
    if (!cert)
        return false;
    good = identity_from_cert(id, cert);
    X509_free(cert);
    if (!good)
        return false;
    copy(id->version, sizeof(id->version), SSL_get_version(ssl));
    copy(id->suite, sizeof(id->suite), suite);
    return true;
}
