/* Select before operate, rates, steps and ages in policy files.  Private to the policy
 * file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_LIMITS_H
#define GATE104_PROXY_POLICY_FILE_LIMITS_H

#include "policy/policy.h"
#include "proxy/config_reader.h"

/* Reads the keys select, rate, rate_per, step, step_first, max_age and permit of a rule
 * whose types, direction, action and value are known.  False after a finding. */
bool policy_file_limits(const struct config_reader *r, const config_setting_t *rule,
                        struct policy_rule *out);

#endif
