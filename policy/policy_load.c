#include "policy/policy_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool policy_speaks_of(const struct type_info *type, enum direction direction)
{
    return type->layout == TYPE_LAYOUT_OBJECTS && type_in_direction(type, direction);
}

void policy_types_set(uint8_t types[32], uint8_t type_id)
{
    types[type_id / 8] = (uint8_t)(types[type_id / 8] | 1u << type_id % 8);
}

void policy_types_all(uint8_t types[32], enum direction direction)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *type = type_at(i);
        if (policy_speaks_of(type, direction))
            policy_types_set(types, type->id);
    }
}

static bool has_type(const struct policy_rule *rule, uint8_t id)
{
    return (rule->types[id / 8] >> id % 8 & 1) != 0;
}

/* Two types can share an index if the same rules name them and object addresses mean the
 * same to both.  Points are of one type each. */
bool policy_types_are_alike(const struct policy_source *s, enum direction direction,
                            const struct type_info *a, const struct type_info *b)
{
    if ((a->ioa == TYPE_IOA_ZERO) != (b->ioa == TYPE_IOA_ZERO))
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->rule[i].direction == direction &&
            (has_type(&s->rule[i], a->id) != has_type(&s->rule[i], b->id) ||
             (has_type(&s->rule[i], a->id) && s->rule[i].area_count > 0)))
            return false;
    return true;
}

/* The rule's roles as a set, in which each role of the policy has a place. */
static bool take_roles(struct policy_build *b, const struct policy_rule *r, uint64_t *set)
{
    struct policy *p = b->policy;

    *set = 0;
    for (size_t i = 0; i < r->role_count; i++) {
        uint64_t bit = policy_role_bit(p, r->role[i]);

        if (bit == 0 && p->role_count == POLICY_ROLES_MAX) {
            snprintf(b->err, b->errcap, "the rules name more than %u different roles",
                     POLICY_ROLES_MAX);
            return false;
        }
        if (bit == 0) {
            bit = UINT64_C(1) << p->role_count;
            p->role[p->role_count++] = r->role[i];
        }
        *set |= bit;
    }
    return true;
}

/* But for roles. */
static struct policy_asker asked_by(const struct policy_rule *r)
{
    struct policy_asker a = {.peers = r->peers, .sources = r->sources, .times = r->times};

    if (r->times != 0 && !policy_action_passes(r->action))
        a.times |= POLICY_TIME_UNKNOWN;
    return a;
}

bool policy_build_room(struct policy_build *b)
{
    const struct policy_source *s = b->source;
    struct policy *p = b->policy;

    p->rule = calloc(s->count + 1, sizeof *p->rule);
    p->whens = calloc(s->whens + 1, sizeof *p->whens);
    if (s->limits > 0) {
        p->limits = calloc(s->count, sizeof *p->limits);
        p->rate_key = calloc(s->count, sizeof *p->rate_key);
    }
    if (p->rule != NULL && p->whens != NULL &&
        (s->limits == 0 || (p->limits != NULL && p->rate_key != NULL)))
        return policy_places_room(b);
    snprintf(b->err, b->errcap, "out of memory");
    return false;
}

bool policy_build_rule(struct policy_build *b, size_t i)
{
    const struct policy_rule *r = &b->source->rule[i];
    struct policy *p = b->policy;

    p->rule[i] = (struct policy_entry){.action = r->action,
                                       .direction = (uint8_t)r->direction,
                                       .has_value = r->has_value,
                                       .value_min = r->value_min,
                                       .value_max = r->value_max,
                                       .asked = asked_by(r),
                                       .name = r->name};
    if (!take_roles(b, r, &p->rule[i].asked.roles))
        return false;
    p->names_times = p->names_times || r->times != 0;
    if (!policy_when_is_empty(&r->when)) {
        p->whens[p->when_count] = r->when;
        p->rule[i].when = &p->whens[p->when_count++];
    }
    if (p->limits != NULL) {
        p->limits[i] = r->limits;
        p->rate_key[i] = b->source->content[i];
    }
    policy_take_places(b, i);
    p->rule_count = i + 1;
    return true;
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    free(p->rule);
    free(p->whens);
    free(p->limits);
    free(p->rate_key);
    free(p->names);
    free(p->places);
    free(p->ranges);
    free(p->guides.item);
    free(p->askers);
    free(p->leaf_start.item);
    free(p->nodes);
    free(p->segment_start.item);
    free(p->segment_end.item);
    free(p->candidates);
    free(p);
}
