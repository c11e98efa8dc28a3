/* A private key that is somewhere else.
 *
 * An EVP_PKEY whose public half is here and whose signatures are made by a function of
 * the caller, which asks the signer process.  It works wherever libssl takes a private
 * key: server and client, TLS 1.3 CertificateVerify, TLS 1.2 ServerKeyExchange and client
 * CertificateVerify, and RSA key transport in TLS 1.2 if there is a function that
 * decrypts.  Behind it stands a provider built into the program: no shared
 * object, no configuration file, no engine.
 *
 * The function is given the whole content to be signed, never a digest, so that the
 * signer can see what it signs (sign_check.h).  libcrypto only; meant for the tls
 * process. */
#ifndef GATE104_CERTS_REMOTE_KEY_H
#define GATE104_CERTS_REMOTE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

/* Signs the `n` octets at `tbs` (at most SIGN_CONTENT_MAX) with the SignatureScheme
 * `scheme`.  Writes at most `cap` octets to `sig` and their count to `siglen`.  Gives 0,
 * or anything else if there is no signature; the handshake then fails. */
typedef int (*remote_sign_fn)(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n,
                              uint8_t *sig, size_t cap, size_t *siglen);

/* Octets of the secret that a client sends encrypted (RFC 5246 clause 7.4.7.1). */
#define REMOTE_PREMASTER 48u

/* Decrypts the `n` octets at `in` with the RSA key and gives the client's secret, or 48
 * random octets where there is none: no one may learn which (RFC 5246 clause 7.4.7.1).
 * Gives 0, or anything else if nothing was decrypted for a reason that does not depend on
 * what stands in `in`; the handshake then fails. */
typedef int (*remote_decrypt_fn)(void *ctx, const uint8_t *in, size_t n,
                                 uint8_t premaster[REMOTE_PREMASTER]);

struct remote_ops {
    remote_sign_fn sign;
    remote_decrypt_fn decrypt; /* NULL: the key only signs */
    void *ctx;
};

/* What the OpenSSL error queue holds, under ERR_LIB_USER, when `sign` gave no signature.
 */
#define REMOTE_KEY_REASON_SIGN 104

/* A key with the public half of `public` (EC on P-256 or P-384, or RSA of at least 2048
 * bits; a private half, if it has one, is not taken over), in the default library
 * context, into which the provider is loaded the first time.  `ctx` is handed to `sign`
 * and must outlive the key.  NULL on error, with the OpenSSL error queue filled.  Free
 * with EVP_PKEY_free. */
EVP_PKEY *remote_key_new(EVP_PKEY *public, remote_sign_fn sign, void *ctx);

/* The same with all that the key can do. */
EVP_PKEY *remote_key_new_ops(EVP_PKEY *public, const struct remote_ops *ops);

#endif
