/* A sealed log of one file, in memory, for tests of who reads it: made from the text of
 * doc/log-format.md and not with the code that writes logs. */
#ifndef GATE104_TESTS_LIB_SEALED_LOG_H
#define GATE104_TESTS_LIB_SEALED_LOG_H

#include "proxy/audit_verify.h"

#include <openssl/evp.h>

#define SEALED_LINES 16u
#define SEALED_MAX   (SEALED_LINES * 1200u)

struct sealed_log {
    EVP_PKEY *key;
    struct audit_public_key pub;
    uint8_t seed[AUDIT_SEED_SIZE];
    uint8_t mac[AUDIT_HASH_SIZE]; /* of the epoch that is next */
    uint64_t epoch;
    uint64_t first; /* not covered yet */
    struct audit_seal_counts counts;
    uint8_t before[AUDIT_HASH_SIZE]; /* seal */
    uint8_t prev[AUDIT_HASH_SIZE];   /* line */
    size_t lines;
    size_t start[SEALED_LINES + 1]; /* of each line, and the end */
    char text[SEALED_MAX];
};

/* Keys that are the same each time. */
void sealed_log_init(struct sealed_log *l);
void sealed_log_free(struct sealed_log *l);
/* `body` begins with a comma or is empty. */
void sealed_log_add(struct sealed_log *l, const char *event, const char *severity,
                    const char *body);
void sealed_log_seal(struct sealed_log *l, const char *why);
/* Writes the hashes of n octets of whole lines anew, from the second line on. */
void sealed_log_relink(char *text, size_t n);

#endif
