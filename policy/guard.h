/* Guards: what no single command shows.  Each watches for one way in which a master that
 * may command misuses it (a walk over all points, a point switched to and fro, a station
 * asked for what it does not have, ...), and says what is to be done when its limit is
 * exceeded.
 *
 * A set is the memory of the guards of one route.  Whoever relays or replays its sessions
 * feeds it what the master and the station send:
 *
 *   guard_set_new            once for a route
 *   guard_session_begin      a session is open
 *   guard_feed_u             a U-frame of the master came
 *   guard_feed               an ASDU of either direction, before it is decided upon
 *   guard_feed_unknown       the master is answered with a cause of 44..47 in the
 *                            station's place
 *   guard_session_end
 *
 * Each feed says in a struct guard_trips which guards tripped, and what the strictest of
 * them wants done with what was fed.  All limits are "at most": the one beyond trips.
 * Windows slide; in every window of that length, wherever it begins, at most so many.
 *
 * What is counted together: sweep, unknown and opening by peer (so that a peer who comes
 * again begins where he was), toggle by point and interrogation by common address,
 * whoever asks; early_command and clock_step by session; second_master and takeover look
 * at all sessions of the route.  Tables are bounded; what has no place of its own shares
 * the last one, and can then trip earlier, never later.
 *
 * Pure but for guard_set_new: no I/O, no allocation, no clock.  Not to be shared between
 * threads.  Gate process, command line, tests. */
#ifndef GATE104_POLICY_GUARD_H
#define GATE104_POLICY_GUARD_H

#include "policy/apci.h"
#include "policy/asdu.h"
#include "policy/direction.h"
#include "policy/policy_zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers are in the compiled policy only, names in policy files and logs. */
enum guard_id {
    GUARD_SWEEP,         /* different points commanded */
    GUARD_TOGGLE,        /* changes of the state a point is commanded to */
    GUARD_UNKNOWN,       /* answers with causes 44 to 47 */
    GUARD_INTERROGATION, /* C_IC and C_CI; and C_RD */
    GUARD_EARLY_COMMAND, /* before the master knows the station's state */
    GUARD_OPENING,       /* how a session begins */
    GUARD_CLOCK_STEP,    /* C_CS against the own clock */
    GUARD_SECOND_MASTER, /* STARTDT while another session is started */
    GUARD_TAKEOVER,      /* commands of another soon after a session died */
};
#define GUARDS 9

/* From the mildest to the strictest. */
enum guard_action {
    GUARD_OFF,
    GUARD_ALARM,        /* pass, and record */
    GUARD_REFUSE,       /* refuse what trips it, negatively */
    GUARD_MONITOR_ONLY, /* refuse this and all further commands of the session */
    GUARD_CLOSE,        /* end the session */
};
#define GUARD_ACTIONS 5

/* What a session begins with, each kind when it first comes. */
enum guard_step {
    GUARD_STEP_TESTFR = 1, /* before STARTDT; later ones say nothing */
    GUARD_STEP_STARTDT,
    GUARD_STEP_INTERROGATION,
    GUARD_STEP_COUNTERS,
    GUARD_STEP_CLOCK,
    GUARD_STEP_READ,
    GUARD_STEP_TEST,    /* C_TS */
    GUARD_STEP_COMMAND, /* see guard_is_command */
    GUARD_STEP_OTHER,
};
#define GUARD_STEPS 10 /* with 0 for none */

#define GUARD_LIMIT_MAX   1000u /* points, answers, requests */
#define GUARD_CHANGES_MAX 32u
#define GUARD_DATA_MAX    100000u
#define GUARD_FRAMES_MAX  64u
#define GUARD_WINDOW_MAX  86400000u /* milliseconds: a day */

/* One guard.  Fields it has no use for are 0. */
struct guard_rule {
    uint8_t action;     /* enum guard_action */
    uint32_t limit;     /* at most so many; of clock_step, milliseconds; of early_command,
                         * ASDUs with data that do instead of an interrogation, 0: none;
                         * of opening, frames that are looked at */
    uint32_t reads;     /* interrogation: limit of C_RD */
    uint32_t window_ms; /* 1..GUARD_WINDOW_MAX */
};

struct guard_settings {
    struct guard_rule rule[GUARDS];
    uint8_t expect_count;        /* opening: 0: what the peer did first */
    uint8_t expect[GUARD_STEPS]; /* enum guard_step */
};

/* "sweep", "early_command"; NULL beyond the last. */
const char *guard_name(enum guard_id guard);
/* "off", "alarm", "refuse", "monitor-only", "close". */
const char *guard_action_name(enum guard_action action);
/* "testfr", "startdt", ...; "" for none. */
const char *guard_step_name(enum guard_step step);
/* False for an action that the guard cannot carry out: there is nothing to refuse. */
bool guard_may(enum guard_id guard, enum guard_action action);
/* NULL if the settings are good, else a sentence. */
const char *guard_settings_fault(const struct guard_settings *g);
bool guard_settings_are_none(const struct guard_settings *g);
bool guard_settings_same(const struct guard_settings *a, const struct guard_settings *b);

/* In a compiled policy. */
#define GUARD_SETTINGS_SIZE (GUARDS * 13u + 1u + GUARD_STEPS)
void guard_settings_encode(const struct guard_settings *g,
                           uint8_t out[GUARD_SETTINGS_SIZE]);
/* False for settings that are not good, and for none at all. */
bool guard_settings_decode(struct guard_settings *g,
                           const uint8_t octets[GUARD_SETTINGS_SIZE]);

/* ---- sessions and what they do ---------------------------------------------------- */

struct guard_set;

struct guard_peer {
    uint64_t who;    /* whose counts they are: the certificate */
    uint64_t origin; /* the same and where it comes from */
};

/* In the session's own memory; all zero before guard_session_begin. */
struct guard_session {
    struct guard_set *set; /* NULL: not begun, or there are no guards */
    struct guard_session *next;
    struct guard_peer peer;
    bool started;        /* STARTDT act came, and no STOPDT act */
    uint64_t started_ms; /* when */
    bool interrogated;   /* an interrogation was confirmed */
    uint32_t data;       /* ASDUs of the station with data */
    uint16_t told;       /* set of guards that have said it */
    uint8_t frames;      /* of the master, as far as they are looked at */
    uint8_t step_count;
    uint8_t step[GUARD_STEPS];
    bool strayed; /* the opening is not what was expected */
};

struct guard_now {
    uint64_t ms;                    /* monotonic */
    bool clock_trusted;             /* utc_ms can be relied upon */
    int64_t utc_ms;                 /* since 1970 */
    const struct policy_zone *zone; /* of time tags; NULL: they are in UTC */
};

struct guard_trip {
    enum guard_id guard;
    enum guard_action action;
    bool news; /* not told yet: worth a record */
    uint64_t count, limit;
    uint64_t window_ms;        /* 0: it has none */
    enum guard_step came, due; /* of opening */
};

struct guard_trips {
    enum guard_action action; /* the strictest; GUARD_OFF: nothing tripped */
    enum guard_id guard;      /* whose that is; not set with GUARD_OFF */
    size_t count;
    struct guard_trip trip[GUARDS];
};

/* True for activations of process commands, parameters and C_RP: what early_command and
 * takeover are about. */
bool guard_is_command(const struct asdu *a);

/* NULL without memory. */
struct guard_set *guard_set_new(const struct guard_settings *settings);
/* Its sessions have ended. */
void guard_set_free(struct guard_set *set);
const struct guard_settings *guard_set_settings(const struct guard_set *set);

/* `set` may be NULL: then nothing ever trips. */
void guard_session_begin(struct guard_set *set, struct guard_session *s,
                         const struct guard_peer *peer);
/* Also for one that was not begun.  Of one that was ended at its STARTDT act, before the
 * station saw it, `started` is to be cleared first: nobody takes it over. */
void guard_session_end(struct guard_session *s, uint64_t now_ms);

/* It goes on in another set of guards (NULL: in none), with nothing told; `peer` is set.
 * How it began is not looked at any more. */
void guard_session_move(struct guard_session *s, struct guard_set *to);

void guard_feed_u(struct guard_session *s, enum apci_function function,
                  const struct guard_now *now, struct guard_trips *out);
/* `a`: asdu_parse found it sound; of S_AR_NA_1 the ASDU within. */
void guard_feed(struct guard_session *s, enum direction direction, const struct asdu *a,
                const struct guard_now *now, struct guard_trips *out);
void guard_feed_unknown(struct guard_session *s, const struct guard_now *now,
                        struct guard_trips *out);

#endif
