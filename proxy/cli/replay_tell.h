/* What `gate104 policy replay` prints. */
#ifndef GATE104_PROXY_CLI_REPLAY_TELL_H
#define GATE104_PROXY_CLI_REPLAY_TELL_H

#include "proxy/cli/policy.h"
#include "proxy/cli/replay.h"

/* An APDU that would not have passed, or at which a guard tripped: a line for each, or
 * one JSON object in a line. */
void replay_tell(const struct replay *r, const struct policy_read *read, bool json,
                 const struct traffic_apdu *t, const struct replay_word *w);
void replay_tell_summary(const struct replay *r, const struct policy_read *read,
                         bool json, const struct traffic_counts *counts);

#endif
