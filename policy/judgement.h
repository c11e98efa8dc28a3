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

struct judgement {
    enum direction dir;
    uint32_t allowed;   /* quirks: a bit each */
    uint32_t tolerated; /* those of them that were needed */
    struct verdict verdict;
};

/* Notes a fault at an octet.  True if it stands; false if `quirk` (or QUIRK_NONE) lets it
 * through.  A quirk that means nothing in this direction is not named in the verdict. */
bool judgement_fault(struct judgement *j, enum reason reason, size_t offset,
                     enum quirk quirk);

#endif
