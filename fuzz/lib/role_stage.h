/* Whole roles within the fuzzer: their own code from the control channel on, without the
 * sandbox.  Everybody else whom a role speaks with is the fuzzer.
 *
 * A role is made once and lives through all inputs, as it does in use; its channels are
 * new for each. */
#ifndef GATE104_FUZZ_LIB_ROLE_STAGE_H
#define GATE104_FUZZ_LIB_ROLE_STAGE_H

#include "fuzz/lib/fuzz.h"

#include "sandbox/child.h"
#include "sandbox/imsg.h"

#define STAGE_ENDS 24u

/* Our end of a channel. */
struct stage_end {
    struct imsg_channel ch; /* self: who we are, peer: the role */
    uint64_t session;       /* a pair: of this session; else 0 */
    int tcp;                /* the far end of its connection, or -1 */
};

struct role_stage {
    enum role role;
    struct child *child;
    uint8_t *config;
    size_t config_size;
    uint16_t port; /* broker: where it listens */
    struct stage_end end[STAGE_ENDS];
    size_t count;
    uint64_t session; /* the last that the role or we began */
    uint64_t ticket;  /* of the last record that it wants acknowledged */
};

/* A role with channels to all whom it is joined with. */
void role_stage_begin(struct role_stage *s, enum role role);
/* Closes all channels; the role lives on. */
void role_stage_end(struct role_stage *s);
/* Lets the role work off what it was sent, and takes what it says. */
void role_stage_run(struct role_stage *s);
/* One message of the catalogue from the script, through one of the ends: a good one of
 * its type, with octets changed. */
void role_stage_message(struct role_stage *s, struct fuzz_input *in);
/* Connects to a broker; octets to a plain or TLS connection; a new configuration to a
 * worker or a gate. */
void role_stage_connect(struct role_stage *s);
void role_stage_octets(struct role_stage *s, struct fuzz_input *in);
void role_stage_update(struct role_stage *s, struct fuzz_input *in);
/* A configuration in pieces that need not fit, for a role that is being started. */
void role_stage_config(const struct role_stage *s, struct fuzz_input *in);

#endif
