#include "policy/policy_private.h"

static const struct policy_range ANY_IOA = {0, ASDU_IOA_MAX};

static bool is_before(const struct policy_area *a, uint8_t type, uint32_t ca)
{
    return a->type != type ? a->type < type : a->ca < ca;
}

/* The first area that is not before (type, ca); area_count if there is none. */
static size_t find(const struct policy_rule *rule, uint8_t type, uint32_t ca)
{
    size_t low = 0, high = rule->area_count;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        if (is_before(&rule->area[middle], type, ca))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct policy_area *policy_rule_areas(const struct policy_rule *rule, uint8_t type,
                                            size_t *count)
{
    const size_t first = find(rule, type, 0);

    *count = find(rule, type, UINT32_MAX) - first;
    return *count > 0 ? &rule->area[first] : NULL;
}

const struct policy_range *policy_rule_ioas(const struct policy_rule *rule,
                                            const struct type_info *type, uint16_t ca,
                                            size_t *count)
{
    if (rule->area_count > 0) {
        const size_t at = find(rule, type->id, ca);
        const struct policy_area *a = &rule->area[at];
        const bool there = at < rule->area_count && a->type == type->id && a->ca == ca;
        *count = there ? a->count : 0;
        return there ? rule->ioa + a->first : NULL;
    }
    if (rule->ioa_count > 0 && type->ioa != TYPE_IOA_ZERO) {
        *count = rule->ioa_count;
        return rule->ioa;
    }
    *count = 1;
    return &ANY_IOA;
}

static bool has_type(const struct policy_rule *rule, unsigned int id)
{
    return (rule->types[id / 8] >> id % 8 & 1) != 0;
}

static const char *types_fault(const struct policy_rule *rule)
{
    for (unsigned int id = 1; id < 256; id++) {
        size_t n;
        if (!has_type(rule, id))
            continue;
        if (type_info((uint8_t)id)->ioa == TYPE_IOA_ZERO)
            return "it names points and a type that has none";
        if (policy_rule_areas(rule, (uint8_t)id, &n) == NULL)
            return "it names a type of which it names no point";
    }
    return NULL;
}

static bool ranges_are_good(const struct policy_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (r[i].first > r[i].last || r[i].last > ASDU_IOA_MAX)
            return false;
        if (i > 0 && r[i].first <= r[i - 1].last)
            return false;
    }
    return n > 0;
}

const char *policy_areas_fault(const struct policy_rule *rule)
{
    size_t used = 0;

    if (rule->area_count == 0)
        return NULL;
    if (rule->ca_count > 0)
        return "it names both points and common addresses";
    if (rule->area_count > POLICY_AREAS_MAX || rule->ioa_count > POLICY_AREAS_MAX)
        return "it names too many points";
    for (size_t i = 0; i < rule->area_count; i++) {
        const struct policy_area *a = &rule->area[i];
        if (a->ca < POLICY_CA_FIRST || a->ca > POLICY_CA_LAST)
            return "its points are not at common addresses within 1..65534";
        if (i > 0 && !is_before(a - 1, a->type, a->ca))
            return "its points are not in order";
        if (!has_type(rule, a->type))
            return "its points are of types that it does not name";
        if (a->first != used || a->count > rule->ioa_count - used ||
            !ranges_are_good(rule->ioa + used, a->count))
            return "its points are not ranges of object addresses within 0..16777215";
        used += a->count;
    }
    return used == rule->ioa_count ? types_fault(rule) : "it has ranges of no area";
}
