/* The link layer of the simulator, either station: numbering, k, w, t1, t2, t3, STARTDT,
 * STOPDT, TESTFR (104 clauses 5.1 to 5.5).
 *
 * It is written apart from the product on purpose: a relay fault must not find its mirror
 * image here.  No I/O: frames leave through `put`. */
#ifndef GATE104_SIM_LINK_H
#define GATE104_SIM_LINK_H

#include "tests/sim/apdu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_link_params {
    uint32_t k, w;       /* 1..32767 */
    uint32_t t1, t2, t3; /* seconds */
};
#define SIM_LINK_DEFAULTS                                                                \
    {                                                                                    \
        .k = 12, .w = 8, .t1 = 15, .t2 = 10, .t3 = 20                                    \
    }

enum sim_link_state {
    SIM_STOPPED,
    SIM_STARTING, /* controlling: STARTDT act sent */
    SIM_STARTED,
    SIM_STOPPING, /* controlling: STOPDT act sent; controlled: waits for acknowledgements
                   */
};

enum sim_link_event {
    SIM_LINK_NOTHING,
    SIM_LINK_ASDU,   /* f->asdu is for the application */
    SIM_LINK_START,  /* now STARTED */
    SIM_LINK_STOP,   /* now STOPPED */
    SIM_LINK_TESTED, /* TESTFR con came */
    SIM_LINK_BROKEN, /* close the connection; sim_link.why says why */
};

struct sim_link_flight {
    uint64_t sent_ms;
    uint64_t tag;
};

struct sim_link_counts {
    uint64_t i_sent, i_received, s_sent, s_received, u_sent, u_received;
};

struct sim_link {
    struct sim_link_params p;
    bool controlling;
    enum sim_link_state state;
    uint16_t vs, vr;
    uint16_t acked;    /* N(R) last received */
    uint32_t unacked;  /* I-frames received and not yet acknowledged by us */
    uint64_t t1_u;     /* deadline of an act without con, or SIM_NEVER */
    uint8_t waiting_u; /* the function that con must have */
    uint64_t t1_test;
    uint64_t t2, t3;
    struct sim_link_flight *flight; /* ring of k entries */
    uint32_t oldest;                /* index of the frame numbered `acked` */
    struct sim_link_counts counts;
    char why[160];
    void *ctx;
    void (*put)(void *ctx, const uint8_t *apdu, size_t n);
    void (*acknowledged)(void *ctx, uint64_t tag); /* may be NULL; tag 0 is not told */
};

/* False without memory.  `ctx`, `put` and `acknowledged` are set by the caller after it.
 */
bool sim_link_init(struct sim_link *l, const struct sim_link_params *p, bool controlling,
                   uint64_t now);
void sim_link_free(struct sim_link *l);

/* One complete APDU from the peer. */
enum sim_link_event sim_link_take(struct sim_link *l, uint64_t now, const uint8_t *apdu,
                                  size_t n, struct sim_apdu *f);

uint32_t sim_link_in_flight(const struct sim_link *l);
/* May an I-frame be sent now? */
bool sim_link_room(const struct sim_link *l);
/* Sends an ASDU; false when there is no room. */
bool sim_link_send(struct sim_link *l, uint64_t now, const uint8_t *asdu, size_t n,
                   uint64_t tag);
/* Sends STARTDT act, STOPDT act or TESTFR act; the controlling station's. */
void sim_link_request(struct sim_link *l, uint64_t now, uint8_t function);
/* Acknowledges at once what is not yet acknowledged. */
void sim_link_acknowledge(struct sim_link *l);

/* Acts on timers; SIM_LINK_BROKEN or SIM_LINK_NOTHING. */
enum sim_link_event sim_link_tick(struct sim_link *l, uint64_t now);
/* When the next timer runs out. */
uint64_t sim_link_deadline(const struct sim_link *l);

#endif
