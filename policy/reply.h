/* What gate104 answers in the RTU's place when it does not let a command pass.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_REPLY_H
#define GATE104_POLICY_REPLY_H

#include "policy/apci.h"
#include "policy/asdu.h"

#include <stddef.h>
#include <stdint.h>

/* What to do with a faulty ASDU (101 clause 7.2.3, 104 clause 5; where they are silent
 * the stricter reading). */
enum reaction {
    REACTION_ANSWER, /* consume it, send reply_negative() */
    REACTION_DROP,   /* consume it, count it */
    REACTION_CLOSE,  /* a violation: close the session */
};

enum reaction reply_reaction(enum reason reason, enum direction dir);

enum reply_kind {
    REPLY_REFUSED,       /* activation-con or deactivation-con, P/N = 1 */
    REPLY_UNKNOWN_TYPE,  /* mirrored with cause 44, P/N = 1 */
    REPLY_UNKNOWN_CAUSE, /* 45 */
    REPLY_UNKNOWN_CA,    /* 46 */
    REPLY_UNKNOWN_IOA,   /* 47 */
};

/* The kind of answer a fault found by asdu_parse deserves; REPLY_REFUSED for every other
 * reason, REASON_OK (refused by policy) included. */
enum reply_kind reply_kind_for(enum reason reason);

/* Writes the answer to the refused command asdu[0..n) (control direction) and gives its
 * size, which is n; 0 when no answer may be given:
 *   - the ASDU is shorter than a header and one object address, or longer than 249 octets
 *   - its common address is all stations (the station's own is not known) or 0 (no
 * station)
 *   - its cause is not 5, 6 or 8, unless the kind is REPLY_UNKNOWN_CAUSE and the cause
 *     is not one that only a station may send (7, 9, 10, 44..47)
 *   - its type is one that only a station sends.
 *
 * TypeID, VSQ, T, originator, addresses and elements stay as they were; P/N becomes 1.
 * REPLY_REFUSED of a cause whose confirmation the type does not know (cause 5 of
 * C_RD_NA_1; 8 where there is nothing to deactivate) becomes a mirrored cause 47: 104
 * clause 9.4 leaves only 44..47 there, and of these 47 speaks of the object alone. */
size_t reply_negative(const uint8_t *asdu, size_t n, const struct profile *profile,
                      enum reply_kind kind, uint8_t out[ASDU_SIZE_MAX]);

#endif
