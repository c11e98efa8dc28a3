/* What the files of the guards share; nobody else includes this. */
#ifndef GATE104_POLICY_GUARD_PRIVATE_H
#define GATE104_POLICY_GUARD_PRIVATE_H

#include "policy/guard.h"
#include "policy/guard_table.h"

/* Places; the last of each is shared by what has none. */
#define GUARD_PEERS    33u
#define GUARD_POINTS   513u
#define GUARD_STATIONS 65u
#define GUARD_ENDS     8u

/* What a peer's sessions begin with. */
struct guard_habit {
    bool whole; /* a session was seen as far as frames are looked at */
    uint8_t step_count;
    uint8_t step[GUARD_STEPS];
};

/* A session that ended while it was started. */
struct guard_end {
    bool used;
    uint64_t origin, ended_ms;
};

struct guard_set {
    struct guard_settings settings;
    struct guard_session *sessions;
    struct guard_variety sweep;         /* points, by peer */
    struct guard_counter toggle;        /* changes, by point */
    uint8_t state[GUARD_POINTS];        /* the last one commanded, 0: none */
    struct guard_counter unknown;       /* by peer */
    struct guard_counter interrogation; /* by common address */
    struct guard_counter reads;         /* the same */
    struct guard_keys openers;          /* peers, for good */
    struct guard_habit habit[GUARD_PEERS];
    struct guard_end end[GUARD_ENDS];
    size_t end_next;
};

/* What a feed is about. */
struct guard_feeding {
    struct guard_set *set;
    struct guard_session *s;
    const struct guard_now *now;
    struct guard_trips *out;
};

const struct guard_rule *guard_rule_of(const struct guard_feeding *f,
                                       enum guard_id guard);
/* A guard trips.  `told`: what was tripped knows that it was told, NULL: only the session
 * does.  Gives the trip, to be completed. */
struct guard_trip *guard_trip_add(const struct guard_feeding *f, enum guard_id guard,
                                  uint64_t count, bool *told);
/* It does not: when it does again, that is news. */
void guard_trip_clear(const struct guard_feeding *f, enum guard_id guard, bool *told);

/* ---- guard_count.c ---- */

void guard_sweep(const struct guard_feeding *f, const struct asdu *a);
void guard_toggle(const struct guard_feeding *f, const struct asdu *a);
void guard_interrogation(const struct guard_feeding *f, const struct asdu *a);
/* An answer with causes 44 to 47; a command of a peer who has had too many. */
void guard_unknown_came(const struct guard_feeding *f);
void guard_unknown_asked(const struct guard_feeding *f);

/* ---- guard_session.c ---- */

void guard_early_command(const struct guard_feeding *f, const struct asdu *a);
void guard_takeover(const struct guard_feeding *f, const struct asdu *a);
void guard_second_master(const struct guard_feeding *f);
/* An ASDU of the station, which tells the master its state. */
void guard_heard(const struct guard_feeding *f, const struct asdu *a);
/* A session that is started ends. */
void guard_remember_end(struct guard_set *set, const struct guard_session *s,
                        uint64_t now_ms);

/* ---- guard_opening.c ---- */

/* The master sent something; GUARD_STEP_OTHER counts as a frame, 0 does not. */
void guard_opening(const struct guard_feeding *f, enum guard_step step);
enum guard_step guard_step_of(const struct asdu *a);

/* ---- guard_clock.c ---- */

void guard_clock_step(const struct guard_feeding *f, const struct asdu *a);

#endif
