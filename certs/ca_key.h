/* Private keys that are made and used by hand: those of a CA and those that a certificate
 * is asked for.  For the program gate104-pki alone; the keys of a running gate104d are
 * read by its signer (sign_key.h). */
#ifndef GATE104_CERTS_CA_KEY_H
#define GATE104_CERTS_CA_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#define CA_RSA_BITS_MIN 2048
#define CA_RSA_BITS_MAX 8192

/* A fresh key: EC P-256, or RSA of so many bits.  NULL with a sentence in `err`. */
EVP_PKEY *ca_key_make(int rsa_bits, char *err, size_t cap);
/* Out of a PEM file that only its owner may read.  NULL with a sentence in `err`. */
EVP_PKEY *ca_key_load(const char *path, char *err, size_t cap);
/* To a new file of mode 0600, PKCS#8 in PEM. */
bool ca_key_store(const char *path, EVP_PKEY *key, char *err, size_t cap);

/* EC P-256, EC P-384 or RSA of 2048 to 8192 bits (IEC 62351-9 clause on algorithms); else
 * false with a sentence about `name`. */
bool ca_key_good(EVP_PKEY *key, const char *name, char *err, size_t cap);
/* "EC P-256", "RSA 3072 bits". */
void ca_key_text(EVP_PKEY *key, char *text, size_t cap);

#endif
