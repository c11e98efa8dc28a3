/* C_CS_NA_1 against the own clock, where that can be relied upon. */
#include "policy/guard_private.h"

#define TYPE_C_CS 103u

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

void guard_clock_step(const struct guard_feeding *f, const struct asdu *a)
{
    static const struct policy_zone utc;
    const struct guard_rule *rule = guard_rule_of(f, GUARD_CLOCK_STEP);
    const struct policy_zone *zone = f->now->zone;
    const uint8_t *element;
    uint64_t off = UINT32_MAX; /* of what is no time */
    int64_t told;
    uint32_t ioa;

    if (rule->action == GUARD_OFF || a->type_id != TYPE_C_CS ||
        a->cause != COT_ACTIVATION || !f->now->clock_trusted ||
        !asdu_object(a, 0, &ioa, &element))
        return;
    if (policy_tag_read(zone ? zone : &utc, zone != NULL, element, &told) ==
        POLICY_TAG_GOOD)
        off = distance(told, f->now->utc_ms);
    if (off > rule->limit)
        (void)guard_trip_add(f, GUARD_CLOCK_STEP, off, NULL);
    else
        guard_trip_clear(f, GUARD_CLOCK_STEP, NULL);
}
