#include "policy/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of compilation that a policy may cost: some seconds at the worst. */
#define BUDGET ((size_t)32 << 20)

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
static bool under_same_rules(const struct policy_source *s, enum direction direction,
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

/* The types that any rule of a direction names. */
static void find_types(const struct policy_source *s, enum direction direction,
                       uint8_t types[32])
{
    memset(types, 0, 32);
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < 32 && s->rule[i].direction == direction; k++)
            types[k] |= s->rule[i].types[k];
}

static bool build_type(struct policy_build *b, enum direction direction, size_t which)
{
    struct policy *p = b->policy;
    const struct type_info *type = type_at(which);

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
    for (int d = 0; d < DIRECTIONS; d++) {
        uint8_t types[32];
        find_types(b->source, (enum direction)d, types);
        for (size_t i = 0; i < TYPE_COUNT; i++) {
            const uint8_t id = type_at(i)->id;
            if ((types[id / 8] >> id % 8 & 1) != 0 &&
                !build_type(b, (enum direction)d, i))
                return false;
        }
    }
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

static size_t count_whens(const struct policy_source *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        n += !policy_when_is_empty(&s->rule[i].when);
    return n;
}

static bool any_limits(const struct policy_source *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!policy_limits_are_none(&s->rule[i].limits))
            return true;
    }
    return false;
}

/* But for roles. */
static struct policy_asker asked_by(const struct policy_rule *r)
{
    struct policy_asker a = {.peers = r->peers, .sources = r->sources, .times = r->times};

    if (r->times != 0 && !policy_action_passes(r->action))
        a.times |= POLICY_TIME_UNKNOWN;
    return a;
}

/* The names and tables move from the source to the policy. */
static bool take_rules(struct policy_build *b, struct policy_source *s)
{
    struct policy *p = b->policy;

    p->rule = calloc(s->count + 1, sizeof *p->rule);
    p->whens = calloc(count_whens(s) + 1, sizeof *p->whens);
    if (any_limits(s))
        p->limits = calloc(s->count, sizeof *p->limits);
    if (p->rule == NULL || p->whens == NULL || (any_limits(s) && p->limits == NULL)) {
        snprintf(b->err, b->errcap, "out of memory");
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct policy_rule *r = &s->rule[i];
        p->rule[i] = (struct policy_entry){.action = r->action,
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
        if (p->limits != NULL)
            p->limits[i] = r->limits;
    }
    p->rule_count = s->count;
    memcpy(p->fallback, s->fallback, sizeof p->fallback);
    p->select_timeout = s->select_timeout;
    p->has_guards = s->has_guards;
    p->guards = s->guards;
    p->names = s->names;
    p->names_size = s->names_size;
    s->names = NULL;
    p->askers = s->askers;
    s->askers = NULL;
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
    free(p->whens);
    free(p->limits);
    free(p->names);
    free(p->askers);
    free(p->leaf_start.item);
    free(p->nodes);
    free(p->segment_start.item);
    free(p->segment_end.item);
    free(p->candidates.item);
    free(p);
}
