/* The tables of policy_asker.h as octets of a blob.  Private to the policy.
 *
 * u8 flags (1: clock trusted, 2: tags local), u16 peers, u16 nets, u16 windows, u16
 * changes; per peer u8 bit, u8 kind, u8 size, text; per net u8 bit, u8 prefix, 16 octets;
 * per window u8 bit, u16 first, u16 last; per change i64 from, i32 offset, u8 summer. */
#ifndef GATE104_POLICY_POLICY_ASKER_BLOB_H
#define GATE104_POLICY_POLICY_ASKER_BLOB_H

#include "policy/policy_asker.h"
#include "policy/policy_cursor.h"

/* Octets they take at most. */
#define POLICY_ASKERS_SIZE                                                               \
    (9u + POLICY_PEERS_MAX * (3u + POLICY_PEER_TEXT_MAX) + POLICY_NETS_MAX * 18u +       \
     POLICY_WINDOWS_MAX * 5u + POLICY_ZONE_MAX * 13u)

/* Gives the octets written to `out`, which has room for POLICY_ASKERS_SIZE. */
size_t policy_askers_put(const struct policy_askers *t, uint8_t *out);
/* False: malformed, or what policy_askers_fault finds. */
bool policy_askers_take(struct policy_cursor *c, struct policy_askers *out);

#endif
