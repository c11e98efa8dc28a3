/* Keeping TLS sessions for the workers of each group, beside the keys.  A worker reaches
 * the sessions of its own group, each by its id only; what it may keep follows from what
 * it did: one session for each handshake signature, one renewal for each session taken.
 */
#ifndef GATE104_PROXY_SIGNER_SESSIONS_H
#define GATE104_PROXY_SIGNER_SESSIONS_H

#include "proxy/role_config.h"
#include "proxy/session_store.h"
#include "sandbox/child.h"

struct signer_sessions {
    struct child *child;
    const struct signer_config *config;
    struct session_store **store; /* by group; NULL where nothing is resumed */
    struct loop_timer expire;
};

/* What one worker may do. */
struct session_credit {
    uint32_t fresh;        /* full handshakes it signed for and kept nothing of */
    uint32_t renewals;     /* sessions it took and kept nothing of */
    uint64_t renew_until;  /* none of these lives longer */
    uint32_t taken, asked; /* so far */
};

/* `config` must outlive it.  False: out of memory. */
bool signer_sessions_init(struct signer_sessions *s, struct child *child,
                          const struct signer_config *config);
void signer_sessions_free(struct signer_sessions *s);
/* A signature of a handshake was given to this worker. */
void signer_sessions_signed(struct session_credit *credit);
/* SESSION_PUT or SESSION_ASK of a worker. */
enum imsg_status signer_sessions_message(struct signer_sessions *s,
                                         struct imsg_channel *ch,
                                         struct session_credit *credit, struct imsg *m);
void signer_sessions_flush(struct signer_sessions *s);

#endif
