/* What the author of a policy wants to know of it: which rules never decide, which lie
 * over each other, and why a rule does not match.  Reads the rules one by one, so it is
 * slower than policy_decide and independent of how that is compiled.
 *
 * Allocates; command line and tests. */
#ifndef GATE104_POLICY_POLICY_REVIEW_H
#define GATE104_POLICY_POLICY_REVIEW_H

#include "policy/policy.h"

enum policy_finding_kind {
    POLICY_NEVER_DECIDES, /* rules before it take all that it names */
    POLICY_OVERLAPS,      /* some of it is decided by `other`, with another action */
};

struct policy_finding {
    enum policy_finding_kind kind;
    uint32_t rule, other; /* places, from 0; other < rule */
};

/* Finds at most `max` of them, those of the first rules first.  A rule with conditions
 * takes from those behind it what is under the same or narrower ones.  Certificates,
 * networks and times that no master and no moment can have together keep rules apart;
 * whether other conditions exclude each other is not looked at.  *whole is false if there
 * are more, or looking at all would take too long.  Gives their number; -1: no policy.
 */
long policy_review(const uint8_t *blob, size_t n, struct policy_finding *findings,
                   size_t max, bool *whole);

/* Why a rule does not match an object; the first of these. */
enum policy_mismatch {
    POLICY_MATCHES,
    POLICY_OTHER_DIRECTION,
    POLICY_OTHER_TYPE,
    POLICY_OTHER_CA,
    POLICY_OTHER_IOA,
    POLICY_OTHER_CAUSE,
    POLICY_OTHER_PHASE,
    POLICY_OTHER_QUALIFIER,
    POLICY_OTHER_OA,
    POLICY_OTHER_BITS,
    POLICY_OTHER_VALUES,
    POLICY_OTHER_ROLE,
    POLICY_OTHER_PEER,
    POLICY_OTHER_SOURCE,
    POLICY_OTHER_TIME,
    POLICY_NO_CLOCK,
    POLICY_OTHER_VALUE,
};
#define POLICY_MISMATCHES 17

/* "its types", "its common addresses", ...; "" for POLICY_MATCHES. */
const char *policy_mismatch_text(enum policy_mismatch mismatch);

/* Calls `told` for each rule as it is written, first to last, until it gives false.  What
 * it gets is valid during the call.  False: no policy, no memory. */
bool policy_each_rule(const uint8_t *blob, size_t n,
                      bool (*told)(void *ctx, uint32_t rule, const struct policy_rule *r),
                      void *ctx);

struct policy_question {
    enum direction direction;
    const struct asdu *asdu; /* sound */
    unsigned int object;
    const int16_t *roles; /* of the master */
    size_t role_count;
    struct policy_asker who; /* but for roles */
};

/* Calls `told` for each rule, first to last, until it gives false.  False: no policy, no
 * memory, or no such object. */
bool policy_explain(const uint8_t *blob, size_t n, const struct policy_question *question,
                    bool (*told)(void *ctx, uint32_t rule, const struct policy_rule *r,
                                 enum policy_mismatch mismatch),
                    void *ctx);

#endif
