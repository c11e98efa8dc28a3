/* Whether a seal is what the holder of a key made: Ed25519 over its line, and the MAC
 * under the key of its epoch; doc/log-format.md says over which octets.  CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_KEY_H
#define GATE104_PROXY_AUDIT_VERIFY_KEY_H

#include "proxy/audit_verify_seal.h"

#define AUDIT_SEED_SIZE 32u

/* The key that signatures are checked with, and its name in seals. */
struct audit_public_key {
    uint8_t raw[32];
    uint8_t id[AUDIT_SEAL_KEY_SIZE];
};

/* Key of the MACs of one epoch. */
struct audit_epoch_key {
    uint64_t epoch;
    uint8_t key[AUDIT_HASH_SIZE];
};

/* Text of a PEM file with one Ed25519 public key.  NULL, or what is wrong. */
const char *audit_public_key_read(const char *pem, size_t n,
                                  struct audit_public_key *out);
/* A seed as `gate104 log keygen` prints it: 64 hex digits and behind them four check
 * digits, the first of the SHA-256 of the seed; these may be left out.  Hyphens and
 * blanks do not count.  NULL, or what is wrong. */
const char *audit_seed_read(const char *text, size_t n, uint8_t seed[AUDIT_SEED_SIZE]);

bool audit_seal_signed(const struct audit_public_key *k, const char *line, size_t n,
                       const struct audit_seal_line *s);

/* Epoch 1.  False only when the library fails; so too below. */
bool audit_epoch_first(struct audit_epoch_key *k, const uint8_t seed[AUDIT_SEED_SIZE]);
/* Goes on to an epoch that is not earlier. */
bool audit_epoch_advance(struct audit_epoch_key *k, uint64_t epoch);
/* True if the MAC is the one of the key's epoch. */
bool audit_seal_maced(const struct audit_epoch_key *k, const char *line, size_t n,
                      const struct audit_seal_line *s);

#endif
