/* Time zones of the system as tables.  Monitor, command line and tests: reads files, and
 * sets TZ for the time of the call. */
#ifndef GATE104_PROXY_POLICY_FILE_ZONE_H
#define GATE104_PROXY_POLICY_FILE_ZONE_H

#include "policy/policy_zone.h"

/* The changes from 2020 to the end of 2099 in a zone such as "Europe/Berlin"; NULL: in
 * the system's.  False: there is none of this name; `remedy` says what to write. */
bool policy_file_zone(const char *name, struct policy_zone *out, char *remedy,
                      size_t remedy_cap);

#endif
