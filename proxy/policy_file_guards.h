/* Guards in policy files.  Private to the policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_GUARDS_H
#define GATE104_PROXY_POLICY_FILE_GUARDS_H

#include "policy/guard.h"
#include "proxy/config_reader.h"

/* Reads the group `guards`; NULL: there is none.  False after a finding. */
bool policy_file_guards(const struct config_reader *r, const config_setting_t *group,
                        struct guard_settings *out);

#endif
