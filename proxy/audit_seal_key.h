/* The key that signs the seals of the session log (Ed25519).  Audit process and
 * `gate104 log keygen`; libcrypto only. */
#ifndef GATE104_PROXY_AUDIT_SEAL_KEY_H
#define GATE104_PROXY_AUDIT_SEAL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_PUBLIC_SIZE  32u
#define AUDIT_SIG_SIZE     64u
#define AUDIT_KEY_ID_SIZE  8u /* of the SHA-256 of the raw public key */
#define AUDIT_KEY_PEM_SIZE 512u

struct audit_seal_key;

/* Reads the key from a PEM file (PKCS#8, Ed25519, not encrypted).  The file must be a
 * regular one, of the user who runs this or of root, with no rights for others.  NULL
 * with a sentence in `err` that names the file and what to do. */
struct audit_seal_key *audit_seal_key_load(const char *path, char *err, size_t cap);
/* The same for who only asks (gate104d -t): prints what is wrong; the exit status. */
int audit_seal_key_check(const char *path);
/* Makes a new one; NULL if the library fails. */
struct audit_seal_key *audit_seal_key_new(void);
/* Wipes and frees; NULL is allowed. */
void audit_seal_key_free(struct audit_seal_key *key);

/* First octets of the SHA-256 of the raw public key. */
const uint8_t *audit_seal_key_id(const struct audit_seal_key *key);
bool audit_seal_key_sign(const struct audit_seal_key *key, const void *p, size_t n,
                         uint8_t sig[AUDIT_SIG_SIZE]);
/* PEM text, NUL-terminated, of the private (PKCS#8) or the public half.  False if the
 * library fails.  The caller wipes. */
bool audit_seal_key_pem(const struct audit_seal_key *key, bool private_half,
                        char out[AUDIT_KEY_PEM_SIZE]);

#endif
