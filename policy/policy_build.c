/* Compiles the rules of one direction and set of types into an index. */
#include "policy/policy_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_MAX (64u << 20)
#define CA_COUNT 65536u

static bool out_of_memory(struct policy_build *b)
{
    snprintf(b->err, b->errcap, "out of memory");
    return false;
}

bool policy_build_spend(struct policy_build *b, size_t steps)
{
    if (steps > b->budget) {
        snprintf(b->err, b->errcap, "the rules overlap in too many ways to be compiled");
        return false;
    }
    b->budget -= steps;
    return true;
}

bool policy_pool_add(struct policy_pool *pool, uint32_t item)
{
    if (pool->count == pool->room) {
        const size_t room = pool->room ? 2 * pool->room : 64;
        uint32_t *bigger =
            room <= POOL_MAX ? realloc(pool->item, room * sizeof *bigger) : NULL;
        if (bigger == NULL)
            return false;
        pool->item = bigger;
        pool->room = room;
    }
    pool->item[pool->count++] = item;
    return true;
}

/* ---- leaves
 * ---------------------------------------------------------------------------- */

static bool rule_is_in(const struct policy_rule *rule, enum direction direction,
                       uint8_t type)
{
    return rule->direction == direction && (rule->types[type / 8] >> type % 8 & 1) != 0;
}

/* What a rule without common addresses means. */
static const struct policy_range ANY_CA = {POLICY_CA_FIRST, POLICY_CA_LAST};

/* The common addresses of a rule for a type: ranges or areas. */
struct stations {
    const struct policy_range *range;
    const struct policy_area *area; /* NULL: ranges */
    size_t count;
};

static struct stations rule_ca(const struct policy_rule *rule, uint8_t type)
{
    struct stations s = {&ANY_CA, NULL, 1};

    if (rule->area_count > 0)
        s.area = policy_rule_areas(rule, type, &s.count);
    else if (rule->ca_count > 0)
        s = (struct stations){rule->ca, NULL, rule->ca_count};
    return s;
}

static struct policy_range ca_at(const struct stations *s, size_t k)
{
    return s->area == NULL ? s->range[k]
                           : (struct policy_range){s->area[k].ca, s->area[k].ca};
}

/* Marks where a leaf begins: at 0, and wherever a range begins or has ended. */
static bool mark_leaves(struct policy_build *b, enum direction direction, uint8_t type,
                        uint8_t mark[CA_COUNT + 1])
{
    memset(mark, 0, CA_COUNT + 1);
    mark[0] = 1;
    for (size_t i = 0; i < b->source->count; i++) {
        const struct policy_rule *rule = &b->source->rule[i];
        if (!rule_is_in(rule, direction, type))
            continue;
        const struct stations s = rule_ca(rule, type);
        if (!policy_build_spend(b, s.count))
            return false;
        for (size_t k = 0; k < s.count; k++) {
            const struct policy_range ca = ca_at(&s, k);
            mark[ca.first] = mark[ca.last + 1] = 1;
        }
    }
    return true;
}

/* The number of the leaf that begins at each marked address goes to leaf_of. */
static bool add_leaves(struct policy_build *b, const uint8_t mark[CA_COUNT + 1],
                       uint32_t leaf_of[CA_COUNT + 1], struct policy_index *out)
{
    struct policy_pool *leaves = &b->policy->leaf_start;

    out->leaf = (uint32_t)leaves->count;
    for (uint32_t ca = 0; ca < CA_COUNT; ca++) {
        if (!mark[ca])
            continue;
        leaf_of[ca] = (uint32_t)leaves->count - out->leaf;
        if (!policy_pool_add(leaves, ca))
            return out_of_memory(b);
    }
    out->leaf_count = (uint32_t)leaves->count - out->leaf;
    leaf_of[CA_COUNT] = out->leaf_count;
    return policy_build_spend(b, CA_COUNT);
}

/* ---- rules onto nodes
 * ------------------------------------------------------------------- */

/* The rules of each node, by counting: after the first pass end[i] is where node i's
 * rules begin, after the second where they end. */
struct hanging {
    uint32_t *end;   /* by node */
    uint32_t *rules; /* NULL in the first pass */
};

static void hang_rule(const struct hanging *h, uint32_t node, uint32_t rule)
{
    if (h->rules != NULL)
        h->rules[h->end[node]] = rule;
    h->end[node]++;
}

/* The nodes that make up the leaves [first, last): at most two on each level. */
static void hang_range(const struct hanging *h, uint32_t leaf_count, uint32_t first,
                       uint32_t last, uint32_t rule)
{
    uint32_t l = first + leaf_count, r = last + leaf_count;

    for (; l < r; l /= 2, r /= 2) {
        if (l % 2 == 1)
            hang_rule(h, l++, rule);
        if (r % 2 == 1)
            hang_rule(h, --r, rule);
    }
}

struct tree {
    struct policy_build *b;
    enum direction direction;
    uint8_t type;
    const uint32_t *leaf_of;
    uint32_t leaf_count;
};

static bool hang_all(const struct tree *t, const struct hanging *h)
{
    for (uint32_t i = 0; i < t->b->source->count; i++) {
        const struct policy_rule *rule = &t->b->source->rule[i];
        if (!rule_is_in(rule, t->direction, t->type))
            continue;
        const struct stations s = rule_ca(rule, t->type);
        if (!policy_build_spend(t->b, 2 * s.count))
            return false;
        for (size_t k = 0; k < s.count; k++) {
            const struct policy_range ca = ca_at(&s, k);
            hang_range(h, t->leaf_count, t->leaf_of[ca.first], t->leaf_of[ca.last + 1],
                       i);
        }
    }
    return true;
}

static bool add_nodes(struct policy_build *b, size_t count, struct policy_index *out)
{
    struct policy *p = b->policy;
    struct policy_node *nodes =
        realloc(p->nodes, (p->node_count + count) * sizeof *nodes);

    if (nodes == NULL)
        return out_of_memory(b);
    p->nodes = nodes;
    memset(nodes + p->node_count, 0, count * sizeof *nodes);
    out->node = (uint32_t)p->node_count;
    p->node_count += count;
    return true;
}

/* Where the leaf of a node begins; of other nodes nobody asks. */
static uint16_t node_ca(const struct tree *t, const struct policy_index *index,
                        uint32_t node)
{
    const uint32_t *leaves = t->b->policy->leaf_start.item + index->leaf;

    return (uint16_t)(node < t->leaf_count ? 0 : leaves[node - t->leaf_count]);
}

static bool fill_nodes(const struct tree *t, struct hanging *h, struct policy_index *out)
{
    const uint32_t nodes = 2 * t->leaf_count;
    const struct type_info *type = type_info(t->type);
    uint32_t total = 0, begin = 0;

    if (!hang_all(t, h))
        return false;
    for (uint32_t i = 0; i < nodes; i++) {
        const uint32_t count = h->end[i];
        h->end[i] = total;
        total += count;
    }
    if (!policy_build_spend(t->b, total))
        return false;
    h->rules = malloc(((size_t)total + 1) * sizeof *h->rules);
    if (h->rules == NULL)
        return out_of_memory(t->b);
    if (!hang_all(t, h))
        return false;
    for (uint32_t i = 0; i < nodes; i++) {
        struct policy_node *node = &t->b->policy->nodes[out->node + i];
        if (h->end[i] > begin &&
            !policy_build_segments(t->b, h->rules + begin, h->end[i] - begin, type,
                                   node_ca(t, out, i), node))
            return false;
        begin = h->end[i];
    }
    return true;
}

static bool build_tree(const struct tree *t, struct policy_index *out)
{
    struct hanging h = {.end = calloc(2 * (size_t)t->leaf_count, sizeof *h.end)};
    bool good = false;

    if (h.end == NULL)
        out_of_memory(t->b);
    else if (add_nodes(t->b, 2 * (size_t)t->leaf_count, out))
        good = fill_nodes(t, &h, out);
    free(h.end);
    free(h.rules);
    return good;
}

bool policy_build_index(struct policy_build *b, enum direction direction,
                        const struct type_info *type, struct policy_index *out)
{
    uint8_t *mark = malloc(CA_COUNT + 1);
    uint32_t *leaf_of = malloc((CA_COUNT + 1) * sizeof *leaf_of);
    bool good = false;

    memset(out, 0, sizeof *out);
    if (mark == NULL || leaf_of == NULL) {
        out_of_memory(b);
    } else if (mark_leaves(b, direction, type->id, mark) &&
               add_leaves(b, mark, leaf_of, out)) {
        const struct tree t = {b, direction, type->id, leaf_of, out->leaf_count};
        good = build_tree(&t, out);
    }
    free(mark);
    free(leaf_of);
    return good;
}
