/* Lists of addresses and other numbers in policy rules.  Private to the policy file
 * reader. */
#ifndef GATE104_PROXY_POLICY_FILE_RANGE_H
#define GATE104_PROXY_POLICY_FILE_RANGE_H

#include "policy/policy.h"
#include "proxy/config_reader.h"

enum policy_file_space {
    POLICY_FILE_CA,
    POLICY_FILE_IOA,
    POLICY_FILE_COT,
    POLICY_FILE_QUALIFIER,
    POLICY_FILE_OA,
};

/* Reads numbers, "1001" and "1001-1100", for common addresses also "broadcast".  False
 * after a finding; otherwise *out is malloc'ed. */
bool policy_file_ranges(const struct config_reader *r, const config_setting_t *list,
                        enum policy_file_space space, struct policy_range **out,
                        size_t *count);
/* One element of such a list. */
bool policy_file_range(const struct config_reader *r, const config_setting_t *s,
                       enum policy_file_space space, struct policy_range *range);

#endif
