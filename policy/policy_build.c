/* Compiles the rules of one direction and set of types into an index, piece by piece. */
#include "policy/policy_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_MAX (64u << 20)
#define CA_COUNT 65536u
/* What one piece does: rules that are looked at, and ranges of those that count. */
#define AT_ONCE 2048u
/* The work of a range that is hung onto nodes, in units. */
#define HANG_WORK 4u

/* The rules of each node, by counting: after the first pass end[i] is where node i's
 * rules begin, after the second where they end. */
struct hanging {
    uint32_t *end;            /* by node */
    struct policy_hung *hung; /* NULL in the first pass */
};

struct policy_indexing {
    struct policy_build *b;
    enum direction direction;
    uint8_t type;
    unsigned int stage;
    size_t at, k;   /* rule, or what the stage counts, and range of it */
    uint32_t place; /* that range */
    uint8_t mark[CA_COUNT + 1];
    uint32_t leaf_of[CA_COUNT + 1];
    struct hanging h;
    uint32_t begin; /* of the rules of the node that is next */
    struct policy_cutting *cutting;
    struct policy_guiding guiding;
    struct policy_index index;
};

bool policy_build_no_memory(struct policy_build *b)
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

/* The number of the first of the places. */
static uint32_t first_place(const struct policy_indexing *x,
                            const struct policy_rule *rule, const struct stations *s)
{
    const uint32_t place = x->b->policy->rule[x->at].place;

    return s->area == NULL ? place : place + (uint32_t)(s->area - rule->area);
}

/* Goes through the common addresses of all rules of the type; false when there is none
 * left, or the budget is used up (`failed`).  As many as make a piece: `left` counts
 * down. */
static bool next_ca(struct policy_indexing *x, size_t *left, struct policy_range *ca,
                    bool *failed)
{
    const struct policy_source *source = x->b->source;

    for (; *left > 0 && x->at < source->count; x->at++, x->k = 0, --*left) {
        const struct policy_rule *rule = &source->rule[x->at];

        x->b->worked++;
        if (!rule_is_in(rule, x->direction, x->type))
            continue;
        const struct stations s = rule_ca(rule, x->type);
        if (x->k < s.count && !policy_build_spend(x->b, 1)) {
            *failed = true;
            return false;
        }
        if (x->k < s.count) {
            *ca = ca_at(&s, x->k);
            x->place = first_place(x, rule, &s) + (uint32_t)x->k++;
            --*left;
            return true;
        }
    }
    return false;
}

static enum policy_piece after_rules(const struct policy_indexing *x, bool failed)
{
    if (failed)
        return PIECE_FAILED;
    return x->at < x->b->source->count ? PIECE_MORE : PIECE_LAST;
}

/* Marks where a leaf begins: at 0, and wherever a range begins or has ended. */
static enum policy_piece mark_leaves(struct policy_indexing *x)
{
    struct policy_range ca;
    bool failed = false;

    x->mark[0] = 1;
    for (size_t left = AT_ONCE; next_ca(x, &left, &ca, &failed);)
        x->mark[ca.first] = x->mark[ca.last + 1] = 1;
    return after_rules(x, failed);
}

/* The number of the leaf that begins at each marked address goes to leaf_of. */
static enum policy_piece add_leaves(struct policy_indexing *x)
{
    struct policy_pool *leaves = &x->b->policy->leaf_start;
    struct policy_index *out = &x->index;
    bool good = true;

    out->leaf = (uint32_t)leaves->count;
    for (uint32_t ca = 0; ca < CA_COUNT && good; ca++) {
        if (!x->mark[ca])
            continue;
        x->leaf_of[ca] = (uint32_t)leaves->count - out->leaf;
        good = policy_pool_add(leaves, ca) || policy_build_no_memory(x->b);
    }
    out->leaf_count = (uint32_t)leaves->count - out->leaf;
    x->leaf_of[CA_COUNT] = out->leaf_count;
    x->b->worked += CA_COUNT;
    return good && policy_build_spend(x->b, CA_COUNT) ? PIECE_LAST : PIECE_FAILED;
}

/* ---- rules onto nodes
 * ------------------------------------------------------------------- */

static void hang_rule(const struct hanging *h, uint32_t node, struct policy_hung rule)
{
    if (h->hung != NULL)
        h->hung[h->end[node]] = rule;
    h->end[node]++;
}

/* The nodes that make up the leaves [first, last): at most two on each level. */
static void hang_range(const struct hanging *h, uint32_t leaf_count, uint32_t first,
                       uint32_t last, struct policy_hung rule)
{
    uint32_t l = first + leaf_count, r = last + leaf_count;

    for (; l < r; l /= 2, r /= 2) {
        if (l % 2 == 1)
            hang_rule(h, l++, rule);
        if (r % 2 == 1)
            hang_rule(h, --r, rule);
    }
}

static enum policy_piece hang_all(struct policy_indexing *x)
{
    struct policy_range ca;
    bool failed = false;

    for (size_t left = AT_ONCE; next_ca(x, &left, &ca, &failed);) {
        hang_range(&x->h, x->index.leaf_count, x->leaf_of[ca.first],
                   x->leaf_of[ca.last + 1],
                   (struct policy_hung){(uint32_t)x->at, x->place});
        x->b->worked += HANG_WORK;
    }
    return after_rules(x, failed);
}

static enum policy_piece add_nodes(struct policy_indexing *x)
{
    const size_t count = 2 * (size_t)x->index.leaf_count;
    struct policy *p = x->b->policy;
    struct policy_node *nodes =
        realloc(p->nodes, (p->node_count + count) * sizeof *nodes);

    if (nodes != NULL)
        p->nodes = nodes;
    x->h.end = calloc(count, sizeof *x->h.end);
    if (nodes == NULL || x->h.end == NULL) {
        policy_build_no_memory(x->b);
        return PIECE_FAILED;
    }
    memset(nodes + p->node_count, 0, count * sizeof *nodes);
    x->index.node = (uint32_t)p->node_count;
    p->node_count += count;
    x->b->worked += count;
    return PIECE_LAST;
}

static enum policy_piece add_up(struct policy_indexing *x)
{
    const uint32_t nodes = 2 * x->index.leaf_count;
    uint32_t total = 0;

    for (uint32_t i = 0; i < nodes; i++) {
        const uint32_t count = x->h.end[i];
        x->h.end[i] = total;
        total += count;
    }
    x->b->worked += nodes;
    if (!policy_build_spend(x->b, total))
        return PIECE_FAILED;
    x->h.hung = malloc(((size_t)total + 1) * sizeof *x->h.hung);
    if (x->h.hung != NULL)
        return PIECE_LAST;
    policy_build_no_memory(x->b);
    return PIECE_FAILED;
}

/* Where the leaf of a node begins; of other nodes nobody asks. */
static uint16_t node_ca(const struct policy_indexing *x, size_t node)
{
    const uint32_t *leaves = x->b->policy->leaf_start.item + x->index.leaf;

    return (uint16_t)(node < x->index.leaf_count ? 0
                                                 : leaves[node - x->index.leaf_count]);
}

/* A short way to a node's segments. */
static enum policy_piece guide_segments(struct policy_indexing *x,
                                        struct policy_node *node)
{
    const enum policy_piece piece = policy_guide_make(
        x->b, x->b->policy->segment_start.item + node->segment, node->count, &x->guiding);

    if (piece == PIECE_LAST)
        node->guide = x->guiding.guide;
    return piece;
}

/* One piece of the node that is next; one without rules is ready. */
static enum policy_piece cut_node(struct policy_indexing *x)
{
    struct policy_node *node = &x->b->policy->nodes[x->index.node + x->at];
    const uint32_t end = x->h.end[x->at];
    enum policy_piece piece;

    if (end == x->begin)
        return PIECE_LAST;
    if (!x->guiding.begun) {
        if (x->cutting == NULL)
            x->cutting = policy_cutting_begin(x->b, x->h.hung + x->begin, end - x->begin,
                                              type_info(x->type), node_ca(x, x->at));
        if (x->cutting == NULL)
            return PIECE_FAILED;
        piece = policy_cutting_step(x->cutting, node);
        if (piece != PIECE_LAST)
            return piece;
        policy_cutting_free(x->cutting);
        x->cutting = NULL;
    }
    piece = guide_segments(x, node);
    if (piece == PIECE_LAST)
        x->begin = end;
    return piece;
}

static enum policy_piece cut_nodes(struct policy_indexing *x)
{
    const size_t nodes = 2 * (size_t)x->index.leaf_count;
    const size_t stop = x->b->worked + AT_ONCE;

    for (; x->at < nodes && x->b->worked < stop; x->b->worked++) {
        const enum policy_piece piece = cut_node(x);

        if (piece == PIECE_FAILED)
            return piece;
        if (piece == PIECE_LAST)
            x->at++;
    }
    return x->at < nodes ? PIECE_MORE : PIECE_LAST;
}

/* Short ways to leaves, and over nodes without rules. */
static enum policy_piece guide_leaves(struct policy_indexing *x)
{
    struct policy *p = x->b->policy;
    struct policy_node *nodes = p->nodes + x->index.node;

    for (uint32_t i = 2; !x->guiding.begun && i < 2 * x->index.leaf_count; i++)
        nodes[i].up = nodes[i / 2].count > 0 ? i / 2 : nodes[i / 2].up;
    x->b->worked += 2 * (size_t)x->index.leaf_count;
    const enum policy_piece piece = policy_guide_make(
        x->b, p->leaf_start.item + x->index.leaf, x->index.leaf_count, &x->guiding);
    if (piece == PIECE_LAST)
        x->index.guide = x->guiding.guide;
    return piece;
}

/* ---- all of it ---- */

static enum policy_piece (*const stages[])(struct policy_indexing *x) = {
    mark_leaves, add_leaves, add_nodes, hang_all,
    add_up,      hang_all,   cut_nodes, guide_leaves,
};

struct policy_indexing *policy_indexing_begin(struct policy_build *b,
                                              enum direction direction,
                                              const struct type_info *type)
{
    struct policy_indexing *x = calloc(1, sizeof *x);

    if (x == NULL) {
        policy_build_no_memory(b);
        return NULL;
    }
    x->b = b;
    x->direction = direction;
    x->type = type->id;
    return x;
}

enum policy_piece policy_indexing_step(struct policy_indexing *x,
                                       struct policy_index *out)
{
    const enum policy_piece piece = stages[x->stage](x);

    if (piece != PIECE_LAST)
        return piece;
    x->at = x->k = 0;
    if (++x->stage < sizeof stages / sizeof stages[0])
        return PIECE_MORE;
    *out = x->index;
    return PIECE_LAST;
}

void policy_indexing_free(struct policy_indexing *x)
{
    if (x == NULL)
        return;
    policy_cutting_free(x->cutting);
    free(x->h.end);
    free(x->h.hung);
    free(x);
}
