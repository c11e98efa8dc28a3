/* A private key in a PKCS#11 token, by way of libp11's engine for OpenSSL
 * (libengine-pkcs11-openssl).  For the signer; libcrypto only, engine and module are
 * loaded when a key asks for them.
 *
 * A module is somebody else's code: a call into it that takes longer than
 * PKCS11_PATIENCE_S ends the process, which is started again, rather than leave all
 * handshakes waiting. */
#ifndef GATE104_CERTS_SIGN_KEY_PKCS11_H
#define GATE104_CERTS_SIGN_KEY_PKCS11_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#define PKCS11_PATIENCE_S 6u
/* A token that is gone is looked for again at most this often. */
#define PKCS11_RETRY_S 5u

struct pkcs11_key;

/* Finds the key that the name says (certs/pkcs11_uri.h) and logs in to its token.  NULL
 * with a sentence in `err`. */
struct pkcs11_key *pkcs11_key_open(const char *name, char *err, size_t cap);
void pkcs11_key_close(struct pkcs11_key *key);
/* The key for use; belongs to `key` until it is opened again or closed. */
EVP_PKEY *pkcs11_key_get(const struct pkcs11_key *key);
/* After a failed signature: looks for the token again, unless it did so a moment ago.
 * True if the key is there, and is the one it was. */
bool pkcs11_key_reopen(struct pkcs11_key *key);

/* Around every use of the key. */
void pkcs11_watch_begin(void);
void pkcs11_watch_end(void);

#endif
