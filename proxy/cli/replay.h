/* What a gate that enforces would have done with traffic that was seen: validator,
 * policy, select and rate, in the order of the gate (proxy/gate_judge.c).  Numbers and
 * states of the link are not looked at: what was seen came through.
 *
 * Command line and tests. */
#ifndef GATE104_PROXY_CLI_REPLAY_H
#define GATE104_PROXY_CLI_REPLAY_H

#include "policy/guard.h"
#include "policy/policy.h"
#include "policy/select.h"
#include "policy/step.h"
#include "policy/throttle.h"
#include "proxy/cli/traffic.h"
#include "proxy/record_settings.h"

#define REPLAY_KINDS 128u /* of what stopped APDUs; further ones count together */

/* What became of an APDU. */
struct replay_word {
    const char *verdict;             /* "pass", "refuse", "drop", "close" */
    struct verdict fault;            /* the validator's; REASON_OK: none */
    bool decided;                    /* by the policy: */
    struct policy_decision decision; /* ... */
    const char *why;                 /* of a rule's limits, or a guard, or NULL */
    struct guard_trips trips;        /* of guards */
};

struct replay_kind {
    const char *verdict, *why;
    enum reason reason;
    bool decided;
    int32_t rule;
    uint64_t count;
};

struct replay_session {
    uint64_t number;
    struct select_table selected;
    const char *muted; /* why it may not command any more; NULL: it may */
    struct guard_session guarded;
    int64_t minute;            /* of `asker` */
    struct policy_asker asker; /* of the rules asked */
};

struct replay {
    const struct policy *policy;
    struct profile profile;
    bool has_role;               /* the master has one; else it has none */
    uint64_t roles;              /* for policy_decide_for */
    bool wrapped;                /* the certificate is not the master's */
    bool own_peers, own_sources; /* they are those of `own`, whatever was seen */
    struct policy_asker own;
    const struct record_settings *record; /* where feedback comes; NULL: not known */
    const struct point_names *names;      /* of points, for what is told; may be NULL */
    bool mirror_unknown;
    struct throttle_table *rates;
    struct step_table *steps;
    struct guard_set *guards; /* NULL: the policy has none */
    uint64_t trips[GUARDS];   /* that were told */
    uint64_t passed, stopped, tolerated;
    struct replay_kind kind[REPLAY_KINDS];
    size_t kinds;
    uint64_t other_kinds;
    struct replay_session session[TRAFFIC_SESSIONS];
};

/* False without memory. */
bool replay_init(struct replay *r, const struct policy *policy,
                 const struct profile *profile);
void replay_free(struct replay *r);
/* ---- replay_limits.c: as proxy/gate_limits.c, gate_step.c and gate_age.c ---- */

const char *replay_limits_check(struct replay *r, int32_t rule,
                                const struct traffic_apdu *t, const struct asdu *a);
void replay_limits_forwarded(struct replay *r, const struct traffic_apdu *t,
                             const struct asdu *a);
void replay_limits_told(struct replay *r, const struct traffic_apdu *t,
                        const struct asdu *a);

/* ---- replay_guard.c: as proxy/gate_guard.c ---- */

void replay_guard_begin(struct replay *r, const struct traffic_apdu *t);
void replay_guard_end(struct replay_session *s, uint64_t clock_ms);
void replay_guard_u(struct replay *r, const struct traffic_apdu *t,
                    enum apci_function function, struct replay_word *w);
/* Also decides what becomes of the command: w->verdict and w->why. */
void replay_guard_command(struct replay *r, const struct traffic_apdu *t,
                          const struct asdu *a, struct replay_word *w);
void replay_guard_heard(struct replay *r, const struct traffic_apdu *t,
                        const struct asdu *a, struct replay_word *w);
/* The master is answered that it asks for what there is not. */
void replay_guard_unknown(struct replay *r, const struct traffic_apdu *t,
                          struct replay_word *w);

/* For struct traffic; ctx is the struct replay. */
void replay_ended(struct replay *r, uint32_t slot, uint64_t session, uint64_t clock_ms);
/* Judges and counts the next one. */
struct replay_word replay_apdu(struct replay *r, const struct traffic_apdu *t);

#endif
