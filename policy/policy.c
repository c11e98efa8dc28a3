#include "policy/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of compilation that a policy may cost: some seconds at the worst. */
#define BUDGET ((size_t)32 << 20)
#define NONE   UINT32_MAX

static const char *const ACTIONS[POLICY_ACTIONS] = {
    [POLICY_PASS] = "pass", [POLICY_LOG] = "log",     [POLICY_REFUSE] = "refuse",
    [POLICY_DROP] = "drop", [POLICY_CLOSE] = "close",
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

void policy_types_set(uint8_t types[32], uint8_t type_id)
{
    types[type_id / 8] = (uint8_t)(types[type_id / 8] | 1u << type_id % 8);
}

void policy_types_all(uint8_t types[32], enum direction direction)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *type = type_at(i);
        if (type_in_direction(type, direction))
            policy_types_set(types, type->id);
    }
}

/* ---- loading
 * --------------------------------------------------------------------------- */

static bool has_type(const struct policy_rule *rule, uint8_t id)
{
    return (rule->types[id / 8] >> id % 8 & 1) != 0;
}

/* Two types can share an index if the same rules name them and object addresses mean the
 * same to both. */
static bool under_same_rules(const struct policy_source *s, enum direction direction,
                             const struct type_info *a, const struct type_info *b)
{
    if ((a->ioa == TYPE_IOA_ZERO) != (b->ioa == TYPE_IOA_ZERO))
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->rule[i].direction == direction &&
            has_type(&s->rule[i], a->id) != has_type(&s->rule[i], b->id))
            return false;
    return true;
}

static bool is_named(const struct policy_source *s, enum direction direction, uint8_t id)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->rule[i].direction == direction && has_type(&s->rule[i], id))
            return true;
    return false;
}

static bool build_type(struct policy_build *b, enum direction direction, size_t which)
{
    struct policy *p = b->policy;
    const struct type_info *type = type_at(which);

    if (!is_named(b->source, direction, type->id))
        return true;
    for (size_t i = 0; i < which; i++) {
        const struct type_info *other = type_at(i);
        const uint8_t index = p->index_of[direction][other->id];
        if (index != POLICY_NO_INDEX &&
            under_same_rules(b->source, direction, type, other)) {
            p->index_of[direction][type->id] = index;
            return true;
        }
    }
    assert(p->index_count < POLICY_INDEXES_MAX);
    if (!policy_build_index(b, direction, type, &p->index[p->index_count]))
        return false;
    p->index_of[direction][type->id] = (uint8_t)p->index_count++;
    return true;
}

static bool build_all(struct policy_build *b)
{
    memset(b->policy->index_of, POLICY_NO_INDEX, sizeof b->policy->index_of);
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (!build_type(b, DIR_CONTROL, i) || !build_type(b, DIR_MONITOR, i))
            return false;
    return true;
}

/* The names move from the source to the policy. */
static bool take_rules(struct policy_build *b, struct policy_source *s)
{
    struct policy *p = b->policy;

    p->rule = calloc(s->count + 1, sizeof *p->rule);
    if (p->rule == NULL) {
        snprintf(b->err, b->errcap, "out of memory");
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct policy_rule *r = &s->rule[i];
        p->rule[i] = (struct policy_entry){r->action, r->has_value, r->value_min,
                                           r->value_max, r->name};
    }
    p->rule_count = s->count;
    memcpy(p->fallback, s->fallback, sizeof p->fallback);
    p->names = s->names;
    s->names = NULL;
    return true;
}

bool policy_load(const uint8_t *blob, size_t n, struct policy **out, char *err,
                 size_t errcap)
{
    struct policy_source source;

    *out = NULL;
    if (!policy_source_read(blob, n, &source, err, errcap))
        return false;

    struct policy_build b = {calloc(1, sizeof(struct policy)), &source, BUDGET, err,
                             errcap};
    bool good = false;
    if (b.policy == NULL)
        snprintf(err, errcap, "out of memory");
    else
        good = build_all(&b) && take_rules(&b, &source);
    policy_source_free(&source);
    if (good)
        *out = b.policy;
    else
        policy_free(b.policy);
    return good;
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    free(p->rule);
    free(p->names);
    free(p->leaf_start.item);
    free(p->nodes);
    free(p->segment_start.item);
    free(p->segment_end.item);
    free(p->candidates.item);
    free(p);
}

/* ---- deciding
 * -------------------------------------------------------------------------- */

/* What of an object the rules ask for. */
struct subject {
    uint16_t ca;
    uint32_t ioa;
    bool has_value;
    double value;
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

static bool value_matches(const struct policy_entry *rule, const struct subject *s)
{
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
        if (value_matches(&p->rule[rule], s))
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

static void decide_object(const struct policy *p, enum direction direction,
                          const struct asdu *asdu, unsigned int object,
                          struct policy_decision *out)
{
    const uint8_t number = p->index_of[direction][asdu->type_id];
    struct subject s = {.ca = asdu->ca};
    const uint8_t *element;

    decide_default(p, direction, out);
    out->object = object;
    if (number == POLICY_NO_INDEX || !asdu_object(asdu, object, &s.ioa, &element))
        return;
    s.has_value = asdu_value(asdu->type, element, &s.value);

    const uint32_t rule = match_object(p, &p->index[number], &s);
    if (rule == NONE)
        return;
    out->action = p->rule[rule].action;
    out->rule = (int32_t)rule;
    out->name = p->rule[rule].name;
}

void policy_decide(const struct policy *p, enum direction direction,
                   const struct asdu *asdu, struct policy_decision *out)
{
    decide_default(p, direction, out);
    if (asdu->objects == NULL || asdu->count == 0) {
        if (out->action < POLICY_REFUSE)
            out->action = POLICY_REFUSE;
        return;
    }
    decide_object(p, direction, asdu, 0, out);
    for (unsigned int i = 1; i < asdu->count; i++) {
        struct policy_decision d;
        decide_object(p, direction, asdu, i, &d);
        if (d.action > out->action)
            *out = d;
    }
}

/* ---- asking
 * ------------------------------------------------------------------------------ */

size_t policy_rule_count(const struct policy *p)
{
    return p->rule_count;
}

const char *policy_rule_name(const struct policy *p, int32_t rule)
{
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
    out->octets = sizeof *p + p->rule_count * sizeof *p->rule +
                  p->node_count * sizeof *p->nodes + words * sizeof(uint32_t);
}
