/* From an object to the rule that decides, by the indexes.  What comes out is looked at
 * again before anything passes (policy_decide.c). */
#include "policy/policy_decide.h"

#define NONE POLICY_NO_CANDIDATE

/* The first candidate of a node that matches, or `best` if its rule comes before. */
static uint32_t find_in_node(const struct policy *p, const struct policy_node *node,
                             const struct policy_object *o, uint32_t best)
{
    const uint32_t *start = p->segment_start.item + node->segment;
    const uint32_t segment =
        node->segment +
        policy_guide_find(p->guides.item, &node->guide, start, node->count, o->ioa);
    const uint32_t from = segment == 0 ? 0 : p->segment_end.item[segment - 1];

    for (uint32_t i = from; i < p->segment_end.item[segment]; i++) {
        const uint32_t rule = p->candidates[i].rule;
        if (best != NONE && rule >= p->candidates[best].rule)
            break;
        if (policy_conditions_hold(&p->rule[rule], o))
            return i;
    }
    return best;
}

uint32_t policy_find(const struct policy *p, const struct policy_object *o)
{
    const uint8_t number = p->index_of[o->direction][o->type_id];
    uint32_t best = NONE;

    if (number == POLICY_NO_INDEX)
        return NONE;

    const struct policy_index *index = &p->index[number];
    const struct policy_node *nodes = p->nodes + index->node;
    /* From the leaf to the root: at most 17 nodes. */
    for (uint32_t node =
             index->leaf_count + policy_guide_find(p->guides.item, &index->guide,
                                                   p->leaf_start.item + index->leaf,
                                                   index->leaf_count, o->ca);
         node >= 1; node = nodes[node].up) {
        if (nodes[node].count > 0)
            best = find_in_node(p, &nodes[node], o, best);
    }
    return best;
}

enum policy_knowledge policy_knows(const struct policy *p, enum direction direction,
                                   const struct asdu *asdu)
{
    struct policy_object o = {
        .direction = (uint8_t)direction, .type_id = asdu->type_id, .ca = asdu->ca};

    if (p->index_of[direction][asdu->type_id] == POLICY_NO_INDEX)
        return POLICY_UNKNOWN_TYPE;
    if (!asdu_object(asdu, 0, &o.ioa, &o.element))
        return POLICY_KNOWS;
    return policy_find(p, &o) == NONE ? POLICY_UNKNOWN_OBJECT : POLICY_KNOWS;
}
