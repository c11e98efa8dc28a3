/* Which rules can lie over each other at all: a review of very many looks at these pairs
 * only.  Private to it. */
#ifndef GATE104_POLICY_POLICY_NEAR_H
#define GATE104_POLICY_POLICY_NEAR_H

#include "policy/policy_private.h"

struct policy_near;

/* NULL without memory. */
struct policy_near *policy_near_new(const struct policy_source *s);
void policy_near_free(struct policy_near *n);
/* The rules before this one that can have an object with it, ascending; some of them may
 * have none.  `out` has room for all that are before it. */
size_t policy_near_before(const struct policy_near *n, uint32_t rule, uint32_t *out);

#endif
