/* Which numbers an object can carry.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_TYPE_VALUE_H
#define GATE104_POLICY_TYPE_VALUE_H

#include "policy/types.h"

/* The smallest and the largest number of a kind, as policy_rule has its units; of R32
 * those that are finite.  False for VALUE_NONE. */
bool type_value_range(enum type_value kind, double *low, double *high);

#endif
