/* The simulated RTU: a station with points, and the connections that ask it. */
#ifndef GATE104_SIM_RTU_H
#define GATE104_SIM_RTU_H

#include "tests/sim/channel.h"
#include "tests/sim/element.h"
#include "tests/sim/link.h"
#include "tests/sim/options.h"
#include "tests/sim/replay.h"

#define SIM_CONNS_MAX     64u
#define SIM_QUEUE_MAX     1024u
#define SIM_JOBS_MAX      8u
#define SIM_KINDS         10u
#define SIM_KIND_COUNTERS 7u
#define SIM_RANGE         100u /* object addresses per kind below 1000 */
#define SIM_EVENT_TYPES   32u

/* One process point; which members count depends on its kind. */
struct sim_point {
    struct sim_value v;
    double frozen;
    bool was_frozen;
};

struct sim_station {
    const struct sim_rtu_options *o;
    struct sim_point *points[SIM_KINDS]; /* o->points each */
    uint8_t event_types[SIM_EVENT_TYPES];
    uint32_t event_types_n;
    int64_t clock_offset; /* own time minus the machine's, milliseconds */
    int64_t event_base;   /* own time of event 0 */
    double events_ms;     /* how long data transfer has been on, in all */
    uint64_t events_made, events_acked;
    bool initialised; /* M_EI was sent since the last start or reset */
    uint8_t coi;
    struct sim_replay replay;
    struct sim_tls_context *tls;
    struct sim_conn *conns[SIM_CONNS_MAX];
    unsigned int conns_seen, conns_ended;
};

/* A running interrogation. */
struct sim_job {
    bool counters;
    uint8_t qualifier, oa;
    uint8_t kind;
    uint32_t point; /* next, from 1 */
};

struct sim_select {
    bool active;
    uint8_t type, oa;
    uint32_t ioa;
    uint8_t value[SIM_OBJECT_MAX];
    uint64_t deadline;
};

struct sim_conn {
    unsigned int id;
    char peer[96];
    struct sim_station *st;
    struct sim_channel ch;
    struct sim_link link;
    bool announced;
    bool overloaded;
    struct sim_select select;
    struct sim_job jobs[SIM_JOBS_MAX];
    uint32_t jobs_n;
    uint64_t next_event;
    size_t replay_at;
    uint64_t replay_start;
    uint32_t queue_head, queue_n;
    uint8_t queue_size[SIM_QUEUE_MAX];
    uint8_t queue[SIM_QUEUE_MAX][SIM_ASDU_MAX];
};

/* ---- rtu_points.c ---------------------------------------------------------------- */

bool sim_points_init(struct sim_station *st);
void sim_points_free(struct sim_station *st);
/* Puts every point back to its first value. */
void sim_points_reset(struct sim_station *st);
int64_t sim_station_time(const struct sim_station *st);
/* The point at an object address: its kind, or -1. */
int sim_points_find(const struct sim_station *st, uint32_t ioa, uint32_t *point);
uint32_t sim_points_ioa(unsigned int kind, uint32_t point);
/* TypeID of a kind without and with time tag (0: none). */
uint8_t sim_points_type(unsigned int kind, bool timed);
/* Packs points of a kind from *point on into one ASDU; 0 when none is left.  `group` 0:
 * all; 1..4: only every fourth (counters). */
size_t sim_points_pack(struct sim_station *st, unsigned int kind, uint32_t *point,
                       uint8_t cause, uint8_t oa, unsigned int group, uint8_t *out);
/* One point as an ASDU, `time_ms` < 0: without time tag. */
size_t sim_points_one(struct sim_station *st, unsigned int kind, uint32_t point,
                      uint8_t cause, uint8_t oa, int64_t time_ms, uint8_t *out);
void sim_points_freeze(struct sim_station *st, unsigned int group, unsigned int action);

/* ---- rtu_events.c ---------------------------------------------------------------- */

/* Reads o->event_types; false with a message on stderr. */
bool sim_events_init(struct sim_station *st);
/* Event number n as an ASDU; the point takes the value. */
size_t sim_events_make(struct sim_station *st, uint64_t n, uint8_t *out);
/* Lets `ms` milliseconds of running data transfer pass. */
void sim_events_pass(struct sim_station *st, double ms);
/* Milliseconds until the next one is due, SIM_NEVER when none will be. */
uint64_t sim_events_due(const struct sim_station *st);

/* ---- rtu_answer.c, rtu_command.c ------------------------------------------------- */

/* Answers an ASDU of the controlling station. */
void sim_answer(struct sim_conn *c, const uint8_t *asdu, size_t n, uint64_t now);
/* Mirrors the ASDU with another cause. */
void sim_answer_mirror(struct sim_conn *c, const struct sim_asdu *a, unsigned int cause,
                       bool negative);
/* Types 45..51 and 58..64. */
void sim_command(struct sim_conn *c, const struct sim_asdu *a, uint64_t now);
/* The next ASDU of a running interrogation; *done when it was the last. */
size_t sim_job_next(struct sim_station *st, struct sim_job *job, uint8_t *out,
                    bool *done);
/* M_EI_NA_1, when it is due. */
void sim_answer_initialised(struct sim_conn *c);

/* ---- rtu_conn.c ------------------------------------------------------------------ */

/* NULL without memory; owns fd either way. */
struct sim_conn *sim_conn_new(struct sim_station *st, int fd, const char *peer);
void sim_conn_free(struct sim_conn *c, const char *why);
/* Queues an ASDU to be sent when the window allows. */
void sim_conn_queue(struct sim_conn *c, const uint8_t *asdu, size_t n);
/* Handles what poll reported; NULL, or why the connection has to be closed. */
const char *sim_conn_step(struct sim_conn *c, short revents, uint64_t now);
/* When it wants to be looked at again. */
uint64_t sim_conn_deadline(const struct sim_conn *c, uint64_t now);

/* ---- rtu.c ----------------------------------------------------------------------- */

/* Runs until told to stop; gives the exit status. */
int sim_rtu_run(const struct sim_rtu_options *o);

#endif
