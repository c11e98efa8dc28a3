/* Policy files as texts, for tests. */
#ifndef GATE104_TESTS_LIB_POLICY_TEXT_H
#define GATE104_TESTS_LIB_POLICY_TEXT_H

#include "policy/policy.h"

/* Reads and loads a policy file with this text.  NULL: `found` (of `cap` octets) holds
 * the findings, a line each. */
struct policy *policy_text_load(const char *text, char *found, size_t cap);

/* How many findings policy_review has about it; -1: it does not load. */
long policy_text_review(const char *text);

#endif
