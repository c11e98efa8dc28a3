/* One offence, and what the role makes of it. */
#ifndef GATE104_TESTS_HOSTILE_TRIAL_H
#define GATE104_TESTS_HOSTILE_TRIAL_H

#include "tests/hostile/mutant.h"
#include "tests/hostile/stage.h"

/* On the control channel: the role says what is wrong and ends; a new process each. */
bool trial_control(struct stage *s, unsigned int phase, const struct mutant *m);

/* True if the role tells the monitor that `from`/`id` did just this. */
bool trial_violation(struct stage *s, enum role from, uint32_t id,
                     const struct mutant *m);

/* On a channel of its own to `from`/`id`: a good message is taken; after the bad one the
 * role closes the channel, tells the monitor who did what, and lives on. */
bool trial_channel(struct stage *s, enum role from, uint32_t id, const struct mutant *m);

/* ---- trial_session.c: on the pair that joins a tls worker with a gate ---- */

/* What a role that serves sessions needs around it, and a session that must survive. */
bool sessions_open(struct stage *s);
/* The session ends, the pair and its TCP connection are closed; nothing else happens.  A
 * gate tells the monitor which worker it was; a worker cannot accuse a gate. */
bool trial_session(struct stage *s, unsigned int phase, const struct mutant *m);
/* True if the session that was there from the start still works. */
bool sessions_close(struct stage *s);
/* Starts a handshake on a tls worker, so that it asks its signer. */
bool session_ask_signer(struct stage *s);

#endif
