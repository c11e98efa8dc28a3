/* What has to be known of an ASDU before it may go on: the validator's verdict, the
 * policy's decision, and of a command that its record is where it has to be.  Each is put
 * in as it was found; nothing put in later opens what was closed before.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_CLEARANCE_H
#define GATE104_POLICY_CLEARANCE_H

#include "policy/asdu.h"
#include "policy/policy.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stdint.h>

enum clearance_record {
    CLEARANCE_UNRECORDED,
    CLEARANCE_SENT,    /* on its way to the log */
    CLEARANCE_DURABLE, /* on disk */
};

/* With nothing put in, nothing is cleared; all zero is such a one. */
struct clearance {
    uint64_t frame;     /* the relay's number of the frame it is for */
    uint64_t record;    /* the log's number of its record; 0: none */
    uint32_t direction; /* enum direction */
    uint32_t reason;    /* the first fault, enum reason */
    uint32_t action;    /* enum policy_action */
    uint32_t recorded;  /* enum clearance_record */
    bool observe;       /* the route only observes what its policy would refuse */
    bool async;         /* a record need not be on disk */
    bool judged;        /* there is a verdict */
    bool decided;       /* there is a decision */
    bool stopped;       /* something else spoke against it */
};

/* The same in ACSL (doc/proof.md). */
/*@ predicate fault_of_meaning(integer reason) =
      REASON_BAD_TYPE <= reason <= REASON_SECAUTH;
    predicate accepted(struct clearance *c) =
      c->judged != 0 && c->reason == REASON_OK;
    predicate allowed(struct clearance *c) =
      c->decided != 0 && 0 <= c->action < POLICY_REFUSE && c->stopped == 0;
    predicate recorded(struct clearance *c) =
      c->direction == DIR_MONITOR ||
      (c->direction == DIR_CONTROL && c->record != 0 &&
       (c->recorded == CLEARANCE_DURABLE ||
        (c->recorded == CLEARANCE_SENT && c->async != 0)));
    // Where a route only observes: the structure is sound at least.
    predicate observed(struct clearance *c) =
      c->observe != 0 && c->judged != 0 &&
      (c->reason == REASON_OK || fault_of_meaning(c->reason));
    predicate cleared(struct clearance *c) =
      recorded(c) && ((accepted(c) && allowed(c)) || observed(c));
 */

/* `observe`: what would be refused goes on all the same, but for faults of structure.
 * `async`: a command may leave before its record is on disk. */
/*@ requires \valid(c);
    assigns *c;
    ensures closed: !accepted(c) && !allowed(c) && !observed(c) && c->record == 0;
    ensures for_it: c->frame == frame && c->direction == direction &&
      (c->observe != 0 <==> observe != 0) && (c->async != 0 <==> async != 0); */
void clearance_begin(struct clearance *c, uint64_t frame, enum direction direction,
                     bool observe, bool async);

/* A verdict of asdu_parse.  Of several (an ASDU within another) each must accept. */
/*@ requires \valid(c);
    assigns c->judged, c->reason;
    ensures accepted(c) ==> v.reason == REASON_OK;
    ensures accepted(c) ==> \old(c->judged) == 0 || \old(accepted(c));
    ensures observed(c) ==> v.reason == REASON_OK || fault_of_meaning(v.reason);
    ensures observed(c) ==> \old(c->judged) == 0 || \old(observed(c)); */
void clearance_judged(struct clearance *c, struct verdict v);

/* A decision of the policy.  Of several the strictest holds. */
/*@ requires \valid(c) && \valid_read(d) && \separated(c, d);
    assigns c->decided, c->action;
    ensures allowed(c) ==> 0 <= d->action < POLICY_REFUSE;
    ensures allowed(c) ==> \old(c->decided) == 0 || \old(allowed(c)); */
void clearance_decided(struct clearance *c, const struct policy_decision *d);

/* An ASDU of 60870-5-7, of which no rule can speak: it is for the stations alone.  Any
 * other is left undecided. */
/*@ requires \valid(c) && \valid_read(a) && \separated(c, a);
    requires a->type == \null || \valid_read(a->type) && \separated(c, a->type);
    assigns c->decided, c->action;
    ensures allowed(c) ==> \old(allowed(c)) ||
      (a->type != \null && a->type->layout == TYPE_LAYOUT_SECAUTH &&
       a->inner == \null && \old(c->decided) == 0); */
void clearance_secauth(struct clearance *c, const struct asdu *a);

/* A reason of another kind that speaks against it; NULL is none. */
/*@ requires \valid(c);
    assigns c->stopped;
    ensures allowed(c) ==> \old(allowed(c)) && why == \null; */
void clearance_stop(struct clearance *c, const char *why);

/* A record with this number, which is not 0, went to the log. */
/*@ requires \valid(c);
    assigns c->record, c->recorded;
    ensures c->record == record && c->recorded == CLEARANCE_SENT; */
void clearance_announced(struct clearance *c, uint64_t record);

/* The log's word on a record, which may be another's: true if it is this one's. */
/*@ requires \valid(c);
    assigns c->recorded;
    ensures \result <==> record != 0 && c->record == record &&
      \old(c->recorded) == CLEARANCE_SENT;
    ensures durable: c->recorded == CLEARANCE_DURABLE ==>
      \old(c->recorded) == CLEARANCE_DURABLE ||
      (durable != 0 && record != 0 && c->record == record);
    ensures lost: \result && durable == 0 ==> c->recorded == CLEARANCE_UNRECORDED; */
bool clearance_acknowledged(struct clearance *c, uint64_t record, bool durable);

/* True if validator and policy let it pass, whether it is recorded or not. */
/*@ requires \valid_read(c);
    assigns \nothing;
    ensures \result <==> accepted(c) && allowed(c); */
bool clearance_is_granted(const struct clearance *c);

/* True if it may go on. */
/*@ requires \valid_read(c);
    assigns \nothing;
    ensures \result <==> cleared(c); */
bool clearance_opens(const struct clearance *c);

#endif
