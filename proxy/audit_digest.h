/* SHA-256 of a file that grows, taken in slices: so a rotation need not read the whole
 * file while commands wait for their records.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_DIGEST_H
#define GATE104_PROXY_AUDIT_DIGEST_H

#include "proxy/audit_hash.h"

struct audit_digest {
    void *ctx;     /* audit_hash_begin(); NULL: nothing is hashed yet */
    uint64_t upto; /* octets that are hashed */
};

/* Forgets what is hashed, and frees. */
void audit_digest_reset(struct audit_digest *d);
/* Hashes up to `most` more octets of a file of which `size` are to be hashed.  True: all
 * of them are.  False: there are more, or with errno != 0 they cannot be read. */
bool audit_digest_advance(struct audit_digest *d, int fd, uint64_t size, uint64_t most);
/* The hash of what is hashed so far; then resets. */
bool audit_digest_end(struct audit_digest *d, uint8_t out[AUDIT_HASH_SIZE]);

#endif
