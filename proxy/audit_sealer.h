/* Who seals: the signing key and the state of the MAC keys, held against what the log
 * says of its last seal.  A state that does not fit the log is never used: two seals of
 * one epoch, or a hole between two, would look like tampering.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_SEALER_H
#define GATE104_PROXY_AUDIT_SEALER_H

#include "proxy/audit_seal.h"
#include "proxy/audit_seal_state.h"

struct audit_sealer {
    int dir_fd;                     /* borrowed */
    struct audit_seal_key *key;     /* NULL: this log is not sealed */
    struct audit_seal_state *state; /* locked memory */
    bool fits;                      /* the state was held against the log */
    bool behind;     /* the seal of the state's epoch is on disk; the state is to go on */
    const char *why; /* no seal can be made, in a word; NULL: one can */
    char detail[200];
    bool untold;                       /* why is not in the log yet */
    uint8_t in_force[AUDIT_HASH_SIZE]; /* the configuration, as the monitor told */
    bool in_force_known;
};

/* Reads the key, before the sandbox.  An empty path: the
 * log is not sealed.  False with a sentence in `err`. */
bool audit_sealer_init(struct audit_sealer *s, int dir_fd, const char *key_path,
                       char *err, size_t cap);
void audit_sealer_free(struct audit_sealer *s);
static inline bool audit_sealer_on(const struct audit_sealer *s)
{
    return s->key != NULL;
}

/* The log was opened: reads the state and holds it against the log's last seal, whose
 * tally it corrects if that is of another key. */
void audit_sealer_meet(struct audit_sealer *s, struct audit_tally *t,
                       const struct audit_last_seal *last);
/* The log cannot be read back to its last seal. */
void audit_sealer_blind(struct audit_sealer *s);
/* True if a seal can be made now; brings the state up to date if it is behind. */
bool audit_sealer_ready(struct audit_sealer *s);
/* The record that tells why there are no seals. */
void audit_sealer_fault(const struct audit_sealer *s, struct record *r);
/* True with a record of the configuration in force if the one that told it was lost: two
 * seals with different configurations need one between them. */
bool audit_sealer_config(const struct audit_sealer *s, const struct audit_tally *t,
                         struct record *r);
/* The seal with this epoch is on disk. */
void audit_sealer_advance(struct audit_sealer *s, uint64_t epoch);

#endif
