/* The simulated controlling station: runs a script over one connection. */
#ifndef GATE104_SIM_MASTER_H
#define GATE104_SIM_MASTER_H

#include "tests/sim/channel.h"
#include "tests/sim/link.h"
#include "tests/sim/script.h"

#include <stdio.h>

enum sim_outcome {
    OUTCOME_NONE,
    OUTCOME_CONFIRMED,
    OUTCOME_DATA, /* a read was answered */
    OUTCOME_SENT, /* nobody waited for the answer */
    OUTCOME_REFUSED,
    OUTCOME_MIRRORED, /* causes 44..47 */
    OUTCOME_TIMEOUT,
    OUTCOME_COUNT
};

struct sim_master {
    const struct sim_master_options *o;
    const struct sim_script *script;
    struct sim_tls_context *tls;
    struct sim_channel ch;
    struct sim_link link;
    FILE *dump;
    uint32_t at;    /* step */
    uint32_t round; /* of o->count */
    bool busy;      /* the step at `at` was begun */
    unsigned int phase;
    uint64_t begun_ms, sent_ms, deadline;
    uint64_t first_ms; /* when the first round began */
    uint8_t sent[SIM_ASDU_MAX];
    size_t sent_n;
    enum sim_outcome outcome;   /* of the last command */
    unsigned int outcome_cause; /* of its answer */
    bool terminated;
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t asdus, terminations, malformed;
    uint64_t last_received_ms;
    uint16_t tsc;
    bool announced, started, finished, failed, ended;
    bool reset;    /* close with RST */
    bool overflow; /* a frame found no room in the channel */
    char why[240]; /* why the connection ended */
};

/* ---- master_steps.c -------------------------------------------------------------- */

/* Begins and ends steps as far as they go now. */
void sim_steps_advance(struct sim_master *m, uint64_t now);
/* An ASDU came. */
void sim_steps_asdu(struct sim_master *m, const uint8_t *asdu, size_t n, uint64_t now);
/* A confirmation of the link came. */
void sim_steps_link(struct sim_master *m, enum sim_link_event event, uint64_t now);
/* True when the script waits for the end of the connection, which is then no error. */
bool sim_steps_closed(struct sim_master *m, uint64_t now);
/* When the present step wants to be looked at again. */
uint64_t sim_steps_deadline(const struct sim_master *m);

/* ---- master_answer.c ------------------------------------------------------------- */

/* Writes the ASDU of a command step and phase into m->sent. */
void sim_command_build(struct sim_master *m, const struct sim_step *s,
                       enum sim_phase phase);
/* What a received ASDU is to the ASDU in m->sent: OUTCOME_NONE when nothing.
 * *termination is set for a termination of it. */
enum sim_outcome sim_answer_match(const struct sim_master *m, const struct sim_asdu *a,
                                  bool *termination);
/* "confirmed", "refused"... for programs and for people. */
const char *sim_outcome_id(enum sim_outcome outcome);
void sim_outcome_words(const struct sim_master *m, char *out, size_t n);

/* ---- master.c -------------------------------------------------------------------- */

/* Runs the script; gives the exit status: 0, 1 (not as expected) or 2 (no connection). */
int sim_master_run(const struct sim_master_options *o);

#endif
