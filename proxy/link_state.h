/* What the files of the relay share.  Nobody else includes this. */
#ifndef GATE104_PROXY_LINK_STATE_H
#define GATE104_PROXY_LINK_STATE_H

#include "proxy/link.h"

/* A line has room for the k I-frames a station may have open and for its U-frames: one
 * STARTDT or STOPDT, one STOPDT act that need not be answered, one TESTFR act and one
 * TESTFR con. */
#define LINK_LINE_EXTRA 4u

/* Every put needs at most an I-frame, or a U-frame behind the S-frame that is due. */
#define LINK_PUT_MAX (APDU_SIZE_MAX + APDU_SIZE_MIN)

enum link_slot_state {
    SLOT_FRESH,   /* I: not judged.  U: passes when it is at the head */
    SLOT_HELD,    /* I: waits for the driver */
    SLOT_FORWARD, /* I: waits for room towards the other leg */
    SLOT_REPLY,   /* I: refused; holds the reply, waits for room towards its own leg */
};

struct link_slot {
    uint64_t ticket;
    enum link_slot_state state;
    enum apci_format format; /* I or U */
    enum apci_function function;
    size_t size;
    uint8_t apdu[APDU_SIZE_MAX]; /* SLOT_REPLY: the reply's ASDU, at its usual place */
};

#define LINK_CONSUMED 0xFFFFu /* no number: N(S) has 15 bits */

struct link_side {
    /* Frames from this station, oldest first: settled[] then line[].  Numbers: up to
     * `told` acknowledged to it, up to `due` may be, `vr` is the next it sends. */
    uint16_t vr;
    uint16_t due;
    uint16_t told;
    uint16_t settled_first;
    uint16_t settled_count;
    uint16_t *settled; /* k entries: N(S) on the other leg, or LINK_CONSUMED */
    uint16_t line_first;
    uint16_t line_count;
    struct link_slot *line; /* k + LINK_LINE_EXTRA entries, between those of the other */

    /* Frames to this station: `va` is the oldest it has not acknowledged. */
    uint16_t vs;
    uint16_t va;
    uint64_t inserted_last; /* count.sent.i when the last frame was inserted */
    size_t out_first;
    size_t out_end;
    uint8_t *out; /* output_size octets */

    /* The STARTDT state as this station sees it. */
    bool begun;             /* there was a STARTDT con */
    bool started;           /* and no STOPDT con since */
    enum apci_function act; /* STARTDT or STOPDT act without its con, or 0 */
    bool idle_stop; /* a STOPDT act of the stopped link has no con, and need not */
    uint32_t tests; /* TESTFR acts put out to it and not answered */

    struct link_count count;
};

struct link {
    uint16_t k;
    uint16_t line_size;
    size_t output_size;
    bool closed;
    enum reason why;
    struct link_side side[LINK_LEGS];
};

static inline enum link_leg link_other(enum link_leg leg)
{
    return leg == LEG_MASTER ? LEG_STATION : LEG_MASTER;
}

/* Sequence numbers count modulo 2^15 (104 5.1). */
static inline uint16_t seq_next(uint16_t n)
{
    return (uint16_t)((n + 1u) % APCI_SEQ_MOD);
}

static inline uint16_t seq_distance(uint16_t from, uint16_t to)
{
    return (uint16_t)((to + APCI_SEQ_MOD - from) % APCI_SEQ_MOD);
}

/* link.c: how a STARTDT/STOPDT act or con changes what a station believes, when it
 * has sent it or when it was put out to it.  TESTFR changes nothing. */
void link_view_change(struct link_side *side, enum apci_function function);

/* link_line.c: a checked frame joins the line of its leg. */
void link_line_join(struct link *l, enum link_leg leg, const struct apci *frame,
                    const uint8_t *apdu, size_t n);
/* Every frame that may leave without the driver's word leaves. */
void link_line_move(struct link *l);
/* Takes note of what the station of a leg has acknowledged; nr was checked. */
void link_acknowledge(struct link *l, enum link_leg leg, uint16_t nr);

/* link_output.c */
bool link_output_has_room(const struct link *l, enum link_leg leg);
void link_put_i(struct link *l, enum link_leg leg, const uint8_t *asdu, size_t n);
void link_put_u(struct link *l, enum link_leg leg, enum apci_function function);

#endif
