/* Roles in policy files.  Private to the policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_ROLE_H
#define GATE104_PROXY_POLICY_FILE_ROLE_H

#include "policy/policy.h"
#include "proxy/config_reader.h"
#include "proxy/policy_file.h"

/* Reads the group role_names (or NULL): private roles and what they are called. */
void policy_file_role_names(const struct config_reader *r, const config_setting_t *group,
                            struct policy_file_roles *out);
/* Reads a rule's list of roles, if there is one: names of IEC 62351-8 and of role_names,
 * and numbers.  Private roles without a name are added to `known`.  False after a
 * finding. */
bool policy_file_rule_roles(const struct config_reader *r, const config_setting_t *rule,
                            struct policy_file_roles *known, struct policy_rule *out);
/* The role of a name of IEC 62351-8 or of `known`; else false, and in `remedy` what to
 * write instead. */
bool policy_file_role_by_name(const struct policy_file_roles *known, const char *name,
                              int16_t *role, char *remedy, size_t remedy_cap);

#endif
