/* A judgement under way: what the checks of policy/ hand to one another.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_JUDGEMENT_H
#define GATE104_POLICY_JUDGEMENT_H

#include "policy/quirk.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong.  Apart from struct verdict so that all that a check writes has one type
 * which octets, table and profile have not: the provers see that these stay as they are.
 */
struct fault {
    uint32_t reason; /* enum reason */
    uint32_t offset;
    uint32_t quirk; /* enum quirk */
};

struct judgement {
    enum direction dir;
    uint32_t allowed;   /* quirks: a bit each */
    uint32_t tolerated; /* those of them that were needed */
    struct fault fault;
};

/*@ predicate judging(struct judgement *j) =
      \valid(j) && j->fault.reason == REASON_OK &&
      (j->dir == DIR_CONTROL || j->dir == DIR_MONITOR);
    // A quirk that was needed is not forgotten; where none is allowed none is needed.
    predicate quirks_kept{A, B}(struct judgement *j) =
      (\at(j->tolerated, A) != 0 ==> \at(j->tolerated, B) != 0) &&
      (\at(j->allowed, B) == 0 ==> \at(j->tolerated, B) == \at(j->tolerated, A));
    // What a check leaves: a verdict if a fault stands.
    predicate judged{A, B}(struct judgement *j, integer stands) =
      (stands != 0 <==> \at(j->fault.reason, B) != REASON_OK) && quirks_kept{A, B}(j);
 */

/* Notes a fault at an octet.  True if it stands; false if `quirk` (or QUIRK_NONE) lets it
 * through.  A quirk that means nothing in this direction is not named in the verdict. */
/*@ requires judging(j) && reason != REASON_OK && offset <= 65535 && 0 <= quirk <= 255;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures stands: \result ==> j->tolerated == \old(j->tolerated);
    ensures tolerated: \result == 0 ==> quirk != QUIRK_NONE && j->tolerated != 0; */
bool judgement_fault(struct judgement *j, enum reason reason, size_t offset,
                     enum quirk quirk);

/*@ requires \valid_read(j);
    assigns \nothing;
    ensures \result.reason == j->fault.reason; */
struct verdict judgement_verdict(const struct judgement *j);

#endif
