/* A policy against a list of points: the part of `gate104 policy check` about both. */
#ifndef GATE104_PROXY_CLI_POLICY_POINTS_H
#define GATE104_PROXY_CLI_POLICY_POINTS_H

#include "proxy/cli/policy.h"

/* Prints what does not agree: rules without a point, points without a rule, addresses
 * that pass and are not listed, limits of the list that rules do not keep.  The number of
 * warnings; -1 without memory. */
long policy_points_check(const struct policy_read *r);

#endif
