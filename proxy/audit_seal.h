/* A seal of the session log: a record that is signed (Ed25519, RFC 8032) and carries a
 * MAC under a key that changes with every seal and whose past is wiped. doc/log-format.md
 * is its definition.
 *
 * Audit process and `gate104 log keygen`.  libcrypto only; nothing opens a file once
 * audit_seal_warm_up() was called. */
#ifndef GATE104_PROXY_AUDIT_SEAL_H
#define GATE104_PROXY_AUDIT_SEAL_H

#include "proxy/audit_line.h"
#include "proxy/audit_seal_key.h"
#include "proxy/audit_tally.h"

#define AUDIT_SEED_SIZE    32u
#define AUDIT_MAC_KEY_SIZE 32u
/* 8 groups of 8 hex digits, a group of 4 that guards against slips, and a NUL. */
#define AUDIT_SEED_TEXT_SIZE (8u * 9u + 4u + 1u)

/* Memory for keys that is locked and left out of dumps where the kernel allows it; loads
 * what MAC and signature need.  Once per process, before the sandbox. */
bool audit_seal_warm_up(void);

/* The MAC key of epoch 1. */
bool audit_seal_first(const uint8_t seed[AUDIT_SEED_SIZE],
                      uint8_t key[AUDIT_MAC_KEY_SIZE]);
/* From the MAC key of an epoch to that of the next; the old one is wiped. */
bool audit_seal_next(uint8_t key[AUDIT_MAC_KEY_SIZE]);
/* The form in which people keep a seed. */
bool audit_seal_seed_text(const uint8_t seed[AUDIT_SEED_SIZE],
                          char out[AUDIT_SEED_TEXT_SIZE]);

struct audit_seal_facts {
    uint64_t epoch;
    const char *why;
    const char *clock;
    const struct audit_tally *covered;
};

/* Writes the line of a seal, newline included, and gives its size; 0 if the library
 * fails. */
size_t audit_seal_build(const struct audit_seal_key *key,
                        const uint8_t mac_key[AUDIT_MAC_KEY_SIZE],
                        const struct audit_place *place, const struct audit_stamp *stamp,
                        const char *from, const struct audit_seal_facts *facts,
                        char out[AUDIT_LINE_MAX]);

/* True if the MAC of a seal was made with this key. */
bool audit_seal_mac_fits(const uint8_t mac_key[AUDIT_MAC_KEY_SIZE], const char *line,
                         size_t n);

#endif
