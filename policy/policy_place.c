/* Keeps what each rule speaks of, beside the indexes that lead to it: a decision asks
 * both (policy_decide.c). */
#include "policy/policy_private.h"

#include <stdlib.h>
#include <string.h>

static size_t places_of(const struct policy_rule *r)
{
    if (r->area_count > 0)
        return r->area_count;
    return r->ca_count > 0 ? r->ca_count : 1;
}

static struct policy_place place_at(const struct policy_rule *r, size_t k, uint32_t range)
{
    if (r->area_count > 0) {
        const struct policy_area *a = &r->area[k];
        return (struct policy_place){a->type, a->ca, a->ca, range + a->first, a->count};
    }
    const struct policy_range ca =
        r->ca_count > 0 ? r->ca[k]
                        : (struct policy_range){POLICY_CA_FIRST, POLICY_CA_LAST};
    return (struct policy_place){.ca_first = (uint16_t)ca.first,
                                 .ca_last = (uint16_t)ca.last,
                                 .range = range,
                                 .range_count = (uint32_t)r->ioa_count};
}

bool policy_places_room(struct policy_build *b)
{
    struct policy *p = b->policy;
    size_t places = 0, ranges = 0;

    for (size_t i = 0; i < b->source->count; i++) {
        places += places_of(&b->source->rule[i]);
        ranges += b->source->rule[i].ioa_count;
    }
    b->worked += b->source->count;
    p->places = calloc(places + 1, sizeof *p->places);
    p->ranges = calloc(ranges + 1, sizeof *p->ranges);
    return (p->places != NULL && p->ranges != NULL) || policy_build_no_memory(b);
}

void policy_take_places(struct policy_build *b, size_t i)
{
    struct policy *p = b->policy;
    const struct policy_rule *r = &b->source->rule[i];
    struct policy_entry *entry = &p->rule[i];

    for (size_t id = 0; id < TYPE_TABLE_SIZE; id++)
        if ((r->types[id / 8] >> id % 8 & 1) != 0)
            entry->types[id / 64] |= UINT64_C(1) << id % 64;
    entry->place = (uint32_t)p->place_count;
    entry->place_count = (uint32_t)places_of(r);
    for (size_t k = 0; k < entry->place_count; k++)
        p->places[p->place_count++] = place_at(r, k, (uint32_t)p->range_count);
    if (r->ioa_count > 0)
        memcpy(p->ranges + p->range_count, r->ioa, r->ioa_count * sizeof *r->ioa);
    p->range_count += r->ioa_count;
    b->worked += entry->place_count + r->ioa_count;
}
