/* ship.state: how far the log was shipped, so that a restart goes on there.
 *
 * Two slots of 256 octets, written in turn and never changed together: whatever
 * interrupts a write leaves the other one.  A slot is one line of text with a hash over
 * it; the one with the higher turn counts.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_SHIP_STATE_H
#define GATE104_PROXY_AUDIT_SHIP_STATE_H

#include "proxy/audit_follow.h"

#define AUDIT_SHIP_STATE "ship.state"

struct audit_ship_state {
    int fd; /* -1: what is saved is lost with the process */
    uint64_t turn;
};

/* Opens or makes the file (0600) and gives the place in it, {0} if there is none. */
void audit_ship_state_open(struct audit_ship_state *s, int dir_fd,
                           struct audit_place_in_log *at);
/* In the file when it returns, which outlives the process; not yet on disk.  False: it is
 * not, and a restart ships again from the place before. */
bool audit_ship_state_save(struct audit_ship_state *s,
                           const struct audit_place_in_log *at);
/* Brings it to disk and closes. */
void audit_ship_state_close(struct audit_ship_state *s);

#endif
