/* What certificates, networks and times say of how rules lie over each other.  Private to
 * the review. */
#ifndef GATE104_POLICY_POLICY_REVIEW_ASKER_H
#define GATE104_POLICY_POLICY_REVIEW_ASKER_H

#include "policy/policy.h"

/* True if `wide` holds for everybody and at any time that `narrow` holds for. */
bool policy_rule_asker_covers(const struct policy_rule *wide,
                              const struct policy_rule *narrow);
/* True if no master at any moment can meet both.  NULL for the tables: false. */
bool policy_rules_exclude(const struct policy_askers *t, const struct policy_rule *a,
                          const struct policy_rule *b);

#endif
