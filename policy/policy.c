#include "policy/policy_private.h"

#include <string.h>

static const char *const ACTIONS[POLICY_ACTIONS] = {
    [POLICY_PASS] = "pass",     [POLICY_LOG] = "log",   [POLICY_ALARM] = "alarm",
    [POLICY_REFUSE] = "refuse", [POLICY_DROP] = "drop", [POLICY_MUTE] = "monitor-only",
    [POLICY_CLOSE] = "close",
};

const char *policy_action_name(enum policy_action action)
{
    return (size_t)action < POLICY_ACTIONS ? ACTIONS[action] : "unknown";
}

bool policy_action_by_name(const char *name, enum policy_action *action)
{
    for (size_t i = 0; i < POLICY_ACTIONS; i++) {
        if (strcmp(ACTIONS[i], name) == 0) {
            *action = (enum policy_action)i;
            return true;
        }
    }
    return false;
}

void policy_decide(const struct policy *p, enum direction direction,
                   const struct asdu *asdu, struct policy_decision *out)
{
    static const struct policy_asker nobody;

    policy_decide_for(p, &nobody, direction, asdu, out);
}

/* ---- asking
 * ------------------------------------------------------------------------------ */

uint64_t policy_role_bit(const struct policy *p, int16_t role)
{
    for (size_t i = 0; i < p->role_count; i++) {
        if (p->role[i] == role)
            return UINT64_C(1) << i;
    }
    return 0;
}

bool policy_names_roles(const struct policy *p)
{
    return p->role_count > 0;
}

const struct policy_askers *policy_askers(const struct policy *p)
{
    return p->askers;
}

bool policy_names_times(const struct policy *p)
{
    return p->names_times;
}

size_t policy_rule_count(const struct policy *p)
{
    return p->rule_count;
}

const struct policy_limits *policy_rule_limits(const struct policy *p, int32_t rule)
{
    if (p->limits == NULL || rule < 0 || (size_t)rule >= p->rule_count ||
        policy_limits_are_none(&p->limits[rule]))
        return NULL;
    return &p->limits[rule];
}

uint64_t policy_rule_rate_key(const struct policy *p, int32_t rule)
{
    if (p->rate_key == NULL || rule < 0 || (size_t)rule >= p->rule_count)
        return 0;
    return p->rate_key[rule];
}

bool policy_has_rates(const struct policy *p)
{
    for (size_t i = 0; p->limits != NULL && i < p->rule_count; i++) {
        if (p->limits[i].rate_count > 0)
            return true;
    }
    return false;
}

bool policy_has_steps(const struct policy *p)
{
    for (size_t i = 0; p->limits != NULL && i < p->rule_count; i++) {
        if (p->limits[i].step > 0)
            return true;
    }
    return false;
}

uint64_t policy_select_timeout_ms(const struct policy *p)
{
    return (uint64_t)p->select_timeout * 1000;
}

const struct guard_settings *policy_guards(const struct policy *p)
{
    return p->has_guards ? &p->guards : NULL;
}

const char *policy_rule_name(const struct policy *p, int32_t rule)
{
    if (rule == POLICY_NO_ROLE)
        return "no_role";
    if (rule < 0 || (size_t)rule >= p->rule_count)
        return "default";
    return p->rule[rule].name;
}

enum policy_action policy_default(const struct policy *p, enum direction direction)
{
    return p->fallback[direction];
}

void policy_stats(const struct policy *p, struct policy_stats *out)
{
    const size_t words =
        p->leaf_start.room + p->segment_start.room + p->segment_end.room + p->guides.room;

    out->rules = p->rule_count;
    out->indexes = p->index_count;
    out->segments = p->segment_start.count;
    out->candidates = p->candidate_count;
    out->octets =
        sizeof *p + (p->askers ? sizeof *p->askers : 0) +
        (p->limits ? p->rule_count * (sizeof *p->limits + sizeof *p->rate_key) : 0) +
        p->rule_count * sizeof *p->rule + p->when_count * sizeof *p->whens +
        p->names_size + p->place_count * sizeof *p->places +
        p->range_count * sizeof *p->ranges + p->candidate_room * sizeof *p->candidates +
        p->node_count * sizeof *p->nodes + words * sizeof(uint32_t);
}
