/* A private key in the one process that may hold it: the signer.
 *
 * libcrypto only, no libssl. */
#ifndef GATE104_CERTS_SIGN_KEY_H
#define GATE104_CERTS_SIGN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/sign_check.h"
#include "certs/sign_scheme.h"

/* Room for the public half of the largest key, in DER. */
#define SIGN_PUBLIC_MAX 2048u

struct sign_key;

enum sign_key_type { SIGN_KEY_P256, SIGN_KEY_P384, SIGN_KEY_RSA };

/* Reads a private key from a PEM file (PKCS#8 or the older forms, not encrypted).  The
 * file must be a regular file, owned by the user who runs this or by root, with no rights
 * for group and others.  EC P-256, EC P-384 and RSA of 2048 to 8192 bits are taken, and
 * the public half must belong to the private one.  NULL on error, with a sentence in
 * `err` that names the file and what to do.
 *
 * A `path` that begins with "pkcs11:" names a key in a token instead, see
 * certs/pkcs11_uri.h and certs/sign_key_pkcs11.h. */
struct sign_key *sign_key_load(const char *path, char *err, size_t cap);
/* The same from an open descriptor, which stays open; `name` is for the sentence. */
struct sign_key *sign_key_load_fd(int fd, const char *name, char *err, size_t cap);
/* The same from memory, without the checks of the file. */
struct sign_key *sign_key_parse(const char *name, const void *pem, size_t n, char *err,
                                size_t cap);
/* Whether an open file may hold a secret: regular, owned by the user who runs this or by
 * root, no rights for group and others.  False with a sentence in `err`. */
bool sign_key_file_is_private(int fd, const char *name, char *err, size_t cap);
/* Wipes and frees; NULL is allowed. */
void sign_key_free(struct sign_key *key);

enum sign_key_type sign_key_type(const struct sign_key *key);
/* "EC P-256", "EC P-384" or "RSA". */
const char *sign_key_type_name(enum sign_key_type type);
bool sign_key_in_token(const struct sign_key *key);
/* The public half as SubjectPublicKeyInfo (RFC 5280 clause 4.1) in DER: its length, or 0
 * if it does not fit. */
size_t sign_key_public(const struct sign_key *key, uint8_t *der, size_t cap);

/* Signs the whole content `tbs`, which sign_check() found to be of `kind`.  The scheme
 * must fit the key: its type, and in TLS 1.3 its curve (RFC 8446 clause 4.2.3; before,
 * the code points stand for a digest and ECDSA with any curve).  Padding and salt length
 * follow from the scheme.  True with at most `cap` octets in `sig` and their count in
 * `siglen`. */
bool sign_key_sign(struct sign_key *key, enum sign_kind kind, uint16_t scheme,
                   const uint8_t *tbs, size_t n, uint8_t *sig, size_t cap,
                   size_t *siglen);

/* What a client encrypted to this key in TLS 1.2 key transport (RFC 5246 clause 7.4.7.1):
 * 48 octets.  Where `in` holds no such secret, whatever else it holds, they are random,
 * and take as long: no one may learn which (Bleichenbacher's attack).  False for a key
 * that is not RSA, or when no random numbers are to be had. */
#define SIGN_PREMASTER 48u
bool sign_key_premaster(struct sign_key *key, const uint8_t *in, size_t n,
                        uint8_t premaster[SIGN_PREMASTER]);

#endif
