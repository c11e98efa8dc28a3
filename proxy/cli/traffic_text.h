/* APDUs of logs and captures in a few words.  Command line only. */
#ifndef GATE104_PROXY_CLI_TRAFFIC_TEXT_H
#define GATE104_PROXY_CLI_TRAFFIC_TEXT_H

#include "policy/asdu.h"
#include "proxy/cli/traffic.h"
#include "proxy/point_names.h"

#include <stdio.h>

#define TRAFFIC_TIME_TEXT 32u

/* "2026-11-21T12:00:00.123Z" */
void traffic_time_text(uint64_t ms, char out[TRAFFIC_TIME_TEXT]);
void traffic_put_hex(FILE *out, const uint8_t *octets, size_t n);
/* "C_SC_NA_1 activation CA 1 IOA 1001 = on (select)", with the name of the point behind
 * it if there is one; "STARTDT act"; "octets 6801" of what is no frame.  `names` may be
 * NULL.
 */
void traffic_put_apdu(FILE *out, const struct traffic_apdu *t,
                      const struct profile *profile, const struct point_names *names);

#endif
