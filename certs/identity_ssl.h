/* Filling an identity from a TLS session; for processes that link OpenSSL. */
#ifndef GATE104_CERTS_IDENTITY_SSL_H
#define GATE104_CERTS_IDENTITY_SSL_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "certs/identity.h"

/* The peer of a completed handshake.  False if it has no certificate, or one that OpenSSL
 * can read but not describe; `id` is then all zero. */
bool identity_from_ssl(struct peer_identity *id, const SSL *ssl);
/* The fields of a certificate; version and suite stay empty.  Uses libcrypto only. */
bool identity_from_cert(struct peer_identity *id, X509 *cert);
/* Copies the extension with roles, unread, or says what of it there is.  Uses libcrypto
 * only. */
void identity_take_roles(struct peer_identity *id, const X509 *cert);
/* A name in the form of RFC 2253, escaped to printable ASCII, cut with "..." at cap - 1
 * octets (cap at least 4).  Uses libcrypto only. */
void identity_name_text(const X509_NAME *name, char *text, size_t cap);

#endif
