/* The data path: nothing here allocates. */
#include "policy/policy_private.h"

#include <string.h>

#define NONE UINT32_MAX

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

/* ---- deciding
 * -------------------------------------------------------------------------- */

/* What of an object the rules ask for. */
struct subject {
    uint16_t ca;
    uint32_t ioa;
    bool has_value;
    double value;
    const struct policy_asker *who;
    const struct asdu *asdu; /* NULL: of rules only the addresses count */
    const uint8_t *element;
};

/* The place of the last of n >= 1 ascending numbers that is not above x; the first one is
 * not. */
static uint32_t last_not_above(const uint32_t *v, uint32_t n, uint32_t x)
{
    uint32_t low = 0, high = n; /* v[low] <= x, and x < v[high] if there is one */

    while (high - low > 1) { /* halves each time */
        const uint32_t middle = low + (high - low) / 2;
        if (v[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool conditions_hold(const struct policy_entry *rule, const struct subject *s)
{
    if (s->asdu == NULL)
        return true;
    if (!policy_asker_holds(&rule->asked, s->who))
        return false;
    if (rule->when != NULL && !policy_when_holds(rule->when, s->asdu, s->element))
        return false;
    if (!rule->has_value)
        return true;
    return s->has_value && s->value >= rule->value_min && s->value <= rule->value_max;
}

/* The first rule of a node that matches, or `best` if that comes before it. */
static uint32_t match_node(const struct policy *p, const struct policy_node *node,
                           const struct subject *s, uint32_t best)
{
    const uint32_t *start = p->segment_start.item + node->segment;
    const uint32_t segment = node->segment + last_not_above(start, node->count, s->ioa);
    const uint32_t from = segment == 0 ? 0 : p->segment_end.item[segment - 1];

    for (uint32_t i = from; i < p->segment_end.item[segment]; i++) {
        const uint32_t rule = p->candidates.item[i];
        if (rule >= best)
            break;
        if (conditions_hold(&p->rule[rule], s))
            return rule;
    }
    return best;
}

static uint32_t match_object(const struct policy *p, const struct policy_index *index,
                             const struct subject *s)
{
    const uint32_t *leaves = p->leaf_start.item + index->leaf;
    uint32_t best = NONE;

    /* From the leaf to the root, which is node 1: at most 17 nodes. */
    for (uint32_t node =
             index->leaf_count + last_not_above(leaves, index->leaf_count, s->ca);
         node >= 1; node /= 2) {
        const struct policy_node *n = &p->nodes[index->node + node];
        if (n->count > 0)
            best = match_node(p, n, s, best);
    }
    return best;
}

static void decide_default(const struct policy *p, enum direction direction,
                           struct policy_decision *out)
{
    out->action = p->fallback[direction];
    out->rule = POLICY_DEFAULT;
    out->name = "default";
    out->object = 0;
}

static void decide_object(const struct policy *p, const struct policy_asker *who,
                          enum direction direction, const struct asdu *asdu,
                          unsigned int object, struct policy_decision *out)
{
    const uint8_t number = p->index_of[direction][asdu->type_id];
    struct subject s = {.ca = asdu->ca, .who = who, .asdu = asdu};

    decide_default(p, direction, out);
    out->object = object;
    if (number == POLICY_NO_INDEX || !asdu_object(asdu, object, &s.ioa, &s.element))
        return;
    s.has_value = asdu_value(asdu->type, s.element, &s.value);

    const uint32_t rule = match_object(p, &p->index[number], &s);
    if (rule == NONE)
        return;
    out->action = p->rule[rule].action;
    out->rule = (int32_t)rule;
    out->name = p->rule[rule].name;
}

enum policy_knowledge policy_knows(const struct policy *p, enum direction direction,
                                   const struct asdu *asdu)
{
    const uint8_t number = p->index_of[direction][asdu->type_id];
    struct subject s = {.ca = asdu->ca};
    const uint8_t *element;

    if (number == POLICY_NO_INDEX)
        return POLICY_UNKNOWN_TYPE;
    if (!asdu_object(asdu, 0, &s.ioa, &element))
        return POLICY_KNOWS;
    return match_object(p, &p->index[number], &s) == NONE ? POLICY_UNKNOWN_OBJECT
                                                          : POLICY_KNOWS;
}

void policy_decide(const struct policy *p, enum direction direction,
                   const struct asdu *asdu, struct policy_decision *out)
{
    static const struct policy_asker nobody;

    policy_decide_for(p, &nobody, direction, asdu, out);
}

void policy_decide_for(const struct policy *p, const struct policy_asker *who,
                       enum direction direction, const struct asdu *asdu,
                       struct policy_decision *out)
{
    decide_default(p, direction, out);
    if (asdu->objects == NULL || asdu->count == 0) {
        if (out->action < POLICY_REFUSE)
            out->action = POLICY_REFUSE;
        return;
    }
    decide_object(p, who, direction, asdu, 0, out);
    for (unsigned int i = 1; i < asdu->count; i++) {
        struct policy_decision d;
        decide_object(p, who, direction, asdu, i, &d);
        if (d.action > out->action)
            *out = d;
    }
}

/* What a master without a role may ask for, as far as the rules let everybody: nothing
 * that changes anything. */
static const uint8_t harmless[] = {
    100, /* C_IC_NA_1 */
    102, /* C_RD_NA_1 */
    107, /* C_TS_TA_1 */
};

bool policy_is_harmless(uint8_t type_id)
{
    return memchr(harmless, type_id, sizeof harmless) != NULL;
}

void policy_decide_without_role(const struct policy *p, const struct policy_asker *who,
                                enum direction direction, const struct asdu *asdu,
                                struct policy_decision *out)
{
    struct policy_asker bare = *who;

    bare.roles = 0;
    policy_decide_for(p, &bare, direction, asdu, out);
    if (!policy_names_roles(p) || direction != DIR_CONTROL ||
        out->action >= POLICY_REFUSE || policy_is_harmless(asdu->type_id))
        return;
    /* A rule that is for everybody, or a default that passes, is not meant for a master
     * of whom nobody said what it may do. */
    out->action = POLICY_REFUSE;
    out->rule = POLICY_NO_ROLE;
    out->name = "no_role";
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
    const size_t words = p->leaf_start.room + p->segment_start.room +
                         p->segment_end.room + p->candidates.room;

    out->rules = p->rule_count;
    out->indexes = p->index_count;
    out->segments = p->segment_start.count;
    out->candidates = p->candidates.count;
    out->octets =
        sizeof *p + (p->askers ? sizeof *p->askers : 0) +
        (p->limits ? p->rule_count * (sizeof *p->limits + sizeof *p->rate_key) : 0) +
        p->rule_count * sizeof *p->rule + p->when_count * sizeof *p->whens +
        p->names_size + p->node_count * sizeof *p->nodes + words * sizeof(uint32_t);
}
