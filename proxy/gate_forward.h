/* The one way from one station to the other: a frame that is cleared.  Part of gate.h. */
#ifndef GATE104_PROXY_GATE_FORWARD_H
#define GATE104_PROXY_GATE_FORWARD_H

#include "policy/clearance.h"
#include "proxy/link.h"

/* Forwards the frame that the clearance is for.  False, and nothing happens, if it is not
 * cleared, or no frame with its number waits for a decision. */
/*@ requires \valid_read(c);
    ensures \result ==> \old(cleared(c)); */
bool gate_forward(struct link *l, const struct clearance *c);

#endif
