/* Numbers in policy files.  Private to the policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_VALUE_H
#define GATE104_PROXY_POLICY_FILE_VALUE_H

#include "policy/policy.h"
#include "proxy/config_reader.h"

/* A whole or broken number.  False after a finding. */
bool policy_file_number(const struct config_reader *r, const config_setting_t *s,
                        double *v);
/* Reads the keys value and values of a rule whose types are known.  False after a
 * finding. */
bool policy_file_value(const struct config_reader *r, const config_setting_t *rule,
                       struct policy_rule *out);

#endif
