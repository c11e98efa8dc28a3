/* Rules that name single points: object addresses that differ from one common address,
 * and from one type, to the next.  Part of policy.h.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_POLICY_AREA_H
#define GATE104_POLICY_POLICY_AREA_H

#include "policy/types.h"

#include <stddef.h>
#include <stdint.h>

struct policy_range;
struct policy_rule;

/* Areas of a rule, and ranges of object addresses in all of them. */
#define POLICY_AREAS_MAX (1u << 20)

/* Some object addresses of one type at one common address. */
struct policy_area {
    uint8_t type;          /* TypeID it is for, one of the rule's */
    uint16_t ca;           /* 1..65534 */
    uint32_t first, count; /* its ranges in rule->ioa; at least one */
};

/* The areas for a type, ascending by ca.  Of a rule without areas none. */
const struct policy_area *policy_rule_areas(const struct policy_rule *rule, uint8_t type,
                                            size_t *count);
/* The ranges of object addresses that a rule takes of a type at a common address which it
 * names; any address is one range.  None if it has areas and none is there. */
const struct policy_range *policy_rule_ioas(const struct policy_rule *rule,
                                            const struct type_info *type, uint16_t ca,
                                            size_t *count);
/* NULL, or what is wrong with the areas of a rule. */
const char *policy_areas_fault(const struct policy_rule *rule);

#endif
