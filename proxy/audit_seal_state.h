/* What the next seal of a log needs, in the file seal.state of the log's folder: the
 * epoch and its MAC key.  The private state of the writer; no verifier reads it.
 *
 * One line of text:
 *   gate104-seal-state 1 <key id> <epoch> <MAC key> <first 8 octets of the SHA-256 of the
 *   line so far>
 * Everything goes through the folder's descriptor, so it works in the sandbox.  Audit
 * process and `gate104 log keygen`. */
#ifndef GATE104_PROXY_AUDIT_SEAL_STATE_H
#define GATE104_PROXY_AUDIT_SEAL_STATE_H

#include "proxy/audit_seal.h"

#define AUDIT_SEAL_STATE_NAME "seal.state"
/* While it is written. */
#define AUDIT_SEAL_STATE_NEW "seal.state.new"

struct audit_seal_state {
    uint8_t key_id[AUDIT_KEY_ID_SIZE]; /* of the signing key it was made with */
    uint64_t epoch;                    /* of the next seal */
    uint8_t mac_key[AUDIT_MAC_KEY_SIZE];
};

enum audit_seal_found {
    AUDIT_SEAL_FOUND,
    AUDIT_SEAL_MISSING,
    AUDIT_SEAL_UNREADABLE, /* errno */
    AUDIT_SEAL_DAMAGED,
    AUDIT_SEAL_OPEN, /* others may read it */
};

enum audit_seal_found audit_seal_state_load(int dir_fd, struct audit_seal_state *s);
/* Replaces the file whole: once this is true the new state is on disk and the key of the
 * old one was overwritten.  False with errno: which of the two is there is not known. */
bool audit_seal_state_store(int dir_fd, const struct audit_seal_state *s);

#endif
