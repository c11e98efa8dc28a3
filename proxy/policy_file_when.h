/* Cause, S/E bit, qualifier, originator, P/N and T in policy rules.  Private to the
 * policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_WHEN_H
#define GATE104_PROXY_POLICY_FILE_WHEN_H

#include "policy/policy.h"
#include "proxy/config_reader.h"

/* Reads the keys cot, se, qualifier, oa, negative and test of a rule whose types and
 * direction are known.  False after a finding. */
bool policy_file_when(const struct config_reader *r, const config_setting_t *rule,
                      struct policy_rule *out);

#endif
