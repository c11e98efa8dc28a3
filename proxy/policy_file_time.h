/* Times of the week in policy files.  Private to the policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_TIME_H
#define GATE104_PROXY_POLICY_FILE_TIME_H

#include "policy/policy_asker.h"
#include "proxy/config_reader.h"

/* Adds what a text such as "Mon-Fri 07:00-19:00", "Sat,Sun" or "22:00-06:00" means.
 * False after a finding at `s`. */
bool policy_file_times(const struct config_reader *r, const config_setting_t *s,
                       const char *text, uint8_t bit, struct policy_askers *table);
/* The minute of the week of "Sat 09:00"; false: it is not written so. */
bool policy_file_minute(const char *text, unsigned int *minute);

#endif
