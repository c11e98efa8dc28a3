/* The relay: two legs of one IEC 60870-5-104 link, renumbered in the middle.
 *
 * A pure state machine.  No sockets, no clock, no allocation: the driver (the gate
 * process) gives it memory once, hands it the APDUs that arrive, judges the I-frames it
 * offers, and writes out the octets it has ready.  doc/relay.md states what it promises.
 *
 * k, w, t1, t2 and t3 stay end to end: the relay acknowledges to a station only what the
 * other station acknowledged itself (or what was consumed in the middle), and answers no
 * U-frame.
 *
 * The driver's round, after any event (octets came, a log record is safe, octets left):
 *
 *     while an APDU is complete and link_can_receive(leg): link_receive(leg)
 *     repeat for both legs until neither offers one: link_next(leg), link_decide(leg)
 *     for both legs: link_output(leg), write, link_output_consumed(leg)
 *
 * Octets are taken last because link_output adds the S-frame that is still due; an
 * I-frame decided in the same round has made it needless.
 *
 * Runs in the gate process. */
#ifndef GATE104_PROXY_LINK_H
#define GATE104_PROXY_LINK_H

#include "policy/apci.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_leg {
    LEG_MASTER,  /* the controlling station is at this end */
    LEG_STATION, /* the controlled station is at this end */
};
#define LINK_LEGS 2

#define LINK_K_MAX          32767u
#define LINK_OUTPUT_MIN     1024u
#define LINK_OUTPUT_MAX     65536u
#define LINK_OUTPUT_DEFAULT 8192u

struct link_config {
    uint16_t k;         /* 1..32767: unacknowledged I-frames on a leg, 104 5.5 */
    size_t output_size; /* octets of each leg's output buffer, LINK_OUTPUT_MIN..MAX */
};

struct link; /* lives in the memory given to link_init; nothing to free */

/* The octets link_init needs, or 0 if the configuration is out of range. */
size_t link_memory_size(const struct link_config *config);

/* Makes a link whose two connections were just opened: numbers at 0, stopped (104 5.1,
 * 5.3).  `memory` is aligned as malloc aligns and outlives the link.  NULL if the
 * configuration is out of range or size < link_memory_size(config). */
struct link *link_init(const struct link_config *config, void *memory, size_t size);

/* ---- input ------------------------------------------------------------------------ */

/* True while the relay has room for one more APDU of any format from this leg.  While it
 * is false the driver stops reading that leg: TCP and k carry the pressure back to the
 * station.  A station with at most k I-frames (104 5.5) and one act of each kind open
 * never finds it false. */
bool link_can_receive(const struct link *l, enum link_leg leg);

/* Takes one complete APDU of n octets that came from a leg; link_can_receive(leg) is
 * true.  What it acknowledges takes effect at once, also when the frame itself has to
 * wait.  The link is closed if the verdict's reason is not REASON_OK, which is one of
 * those of apci_parse or one of these; doc/link-state.md says when:
 *   REASON_NS_ERROR    N(S) is not the next one                       104 5.1
 *   REASON_NR_ERROR    N(R) is not in [last acknowledged .. V(S)]     104 5.1
 *   REASON_K_EXCEEDED  more than k I-frames unacknowledged            104 5.5
 *   REASON_STATE       not allowed in this STARTDT state              104 5.3
 *   REASON_DIRECTION   STARTDT, STOPDT: act from the station or con from the master
 * A closed link gives the reason it was closed for (REASON_STATE if for none) and takes
 * nothing. */
struct verdict link_receive(struct link *l, enum link_leg leg, const uint8_t *apdu,
                            size_t n);

/* One leg ended, or the driver found a reason of its own (framing, policy).  The link
 * takes and offers nothing any more; octets already put out can still be written.  The
 * first close wins. */
void link_close(struct link *l, enum reason why);

/* True when closed; *why (may be NULL) is REASON_OK for an end without a fault. */
bool link_is_closed(const struct link *l, enum reason *why);

/* ---- judging ---------------------------------------------------------------------- */

/* An I-frame the relay keeps.  The octets stay valid until it is decided upon. */
struct link_frame {
    uint64_t ticket;     /* 1 for the first I-frame of its leg, then counting up */
    const uint8_t *apdu; /* as received */
    size_t apdu_size;    /* 7..255 */
    const uint8_t *asdu; /* inside apdu */
    size_t asdu_size;    /* 1..249 */
};

/* Offers the I-frame of this leg that is to be judged now; false if there is none.  A
 * frame is offered only when it could leave at once, so it is judged when it would act.
 * The same frame is offered until it is decided upon. */
bool link_next(const struct link *l, enum link_leg leg, struct link_frame *frame);

/* The I-frame of this leg that is on hold; false if there is none. */
bool link_held(const struct link *l, enum link_leg leg, struct link_frame *frame);

/* What nobody filled in does not forward. */
enum link_verb {
    LINK_DROP,    /* consume: the sender sees it acknowledged, nothing else */
    LINK_HOLD,    /* keep the place in line: I- and U-frames of this leg wait behind it */
    LINK_REFUSE,  /* consume, and answer with an I-frame; only frames of LEG_MASTER */
    LINK_FORWARD, /* to the other leg, ASDU octets untouched */
};

struct link_decision {
    uint64_t ticket; /* of the frame offered or held */
    enum link_verb verb;
    const uint8_t *reply; /* LINK_REFUSE: the ASDU to insert, copied */
    size_t reply_size;    /* LINK_REFUSE: 1..249 */
};

/* Decides upon the frame offered by link_next, or anew upon the one on hold (its log
 * record is safe, or will never be).  False, and nothing happens, if that ticket is
 * neither, or for a LINK_REFUSE of LEG_STATION (nothing is ever inserted in control
 * direction) or of an impossible size. */
bool link_decide(struct link *l, enum link_leg leg, const struct link_decision *decision);

/* ---- output ----------------------------------------------------------------------- */

/* Gives the octets ready for a leg: whole APDUs, behind what is left of one that
 * link_output_consumed cut.  Adds the S-frame that is due, see above.  *size is 0 when
 * there is nothing.  Valid until the next call with this link. */
void link_output(struct link *l, enum link_leg leg, const uint8_t **octets, size_t *size);

/* The first n octets of the leg's output were written; n <= *size of link_output. */
void link_output_consumed(struct link *l, enum link_leg leg, size_t n);

/* ---- figures ---------------------------------------------------------------------- */

struct link_format_count {
    uint64_t i, s, u;
};

/* What happened on one leg since link_init; "sent" is what was put into the output. */
struct link_count {
    struct link_format_count received; /* from this leg */
    struct link_format_count sent;     /* to this leg */
    uint64_t forwarded;                /* I-frames of this leg passed to the other */
    uint64_t refused;                  /* I-frames of this leg consumed, and answered */
    uint64_t dropped;      /* I-frames of this leg consumed without an answer */
    uint64_t ignored;      /* TESTFR con of this leg that answered nothing */
    uint64_t inserted;     /* I-frames made here and put out to this leg */
    uint64_t acknowledged; /* I-frames sent to this leg that it acknowledged */
};

const struct link_count *link_counts(const struct link *l, enum link_leg leg);

/* I-frames put out to this leg that it has not acknowledged, 0..k. */
unsigned int link_unacknowledged(const struct link *l, enum link_leg leg);

/* True while the station of this leg has not acknowledged every frame inserted towards
 * it; *last is the place of the last of these among all I-frames put out to it, from 1.
 * The relay has no clock: the driver applies t1 to them (104 5.2). */
bool link_reply_is_open(const struct link *l, enum link_leg leg, uint64_t *last);

/* I-frames from this leg that are not yet acknowledged to it, 0..k. */
unsigned int link_owed(const struct link *l, enum link_leg leg);

/* True between the STARTDT con put out to the master and the master's STOPDT act. */
bool link_is_started(const struct link *l);

#endif
