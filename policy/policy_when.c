#include "policy/policy_when.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 101 clause 7.2.6.22 to 7.2.6.30, 7.2.6.39: where the qualifier lies in its octet. */
static const struct {
    uint8_t element, shift, mask;
} qualifiers[] = {
    {ELEMENT_SCO, 2, 0x1F}, {ELEMENT_DCO, 2, 0x1F}, {ELEMENT_RCO, 2, 0x1F},
    {ELEMENT_QOS, 0, 0x7F}, {ELEMENT_COI, 0, 0xFF}, {ELEMENT_QOI, 0, 0xFF},
    {ELEMENT_QCC, 0, 0xFF}, {ELEMENT_QRP, 0, 0xFF}, {ELEMENT_QPM, 0, 0xFF},
    {ELEMENT_QPA, 0, 0xFF},
};

/* Which row of the table a type's element is; false if it has none. */
static bool find(const struct type_info *type, size_t *row, size_t *offset)
{
    size_t at = 0;

    for (size_t i = 0; i < ELEMENT_LIST_MAX; i++) {
        for (size_t k = 0; k < COUNT(qualifiers); k++) {
            if (qualifiers[k].element != type->elements[i])
                continue;
            *row = k;
            *offset = at;
            return true;
        }
        at += element_size((enum element)type->elements[i]);
    }
    return false;
}

bool policy_qualifier(const struct type_info *type, const uint8_t *element,
                      uint8_t *qualifier)
{
    size_t row, offset;

    if (!find(type, &row, &offset))
        return false;
    *qualifier =
        (uint8_t)(element[offset] >> qualifiers[row].shift & qualifiers[row].mask);
    return true;
}

bool policy_has_qualifier(const struct type_info *type, uint8_t *most)
{
    size_t row, offset;

    if (!find(type, &row, &offset))
        return false;
    *most = qualifiers[row].mask;
    return true;
}

static bool set_is_empty(const uint8_t set[POLICY_OCTET_SET])
{
    static const uint8_t none[POLICY_OCTET_SET];

    return memcmp(set, none, sizeof none) == 0;
}

bool policy_when_is_empty(const struct policy_when *w)
{
    return w->causes == 0 && w->phases == 0 && set_is_empty(w->qualifiers) &&
           set_is_empty(w->originators);
}

static bool phase_fits(const struct policy_when *w, const struct type_info *type,
                       const uint8_t *element)
{
    if (w->phases == 0)
        return true;
    if (!type->has_select || type->select_offset >= type->size)
        return false;
    return (w->phases & (element[type->select_offset] >= 0x80 ? POLICY_PHASE_SELECT
                                                              : POLICY_PHASE_EXECUTE)) !=
           0;
}

bool policy_when_holds(const struct policy_when *w, const struct asdu *asdu,
                       const uint8_t *element)
{
    uint8_t qualifier;

    if (w->causes != 0 && (w->causes & COT_BIT(asdu->cause)) == 0)
        return false;
    if (!phase_fits(w, asdu->type, element))
        return false;
    if (!set_is_empty(w->originators) && !policy_octet_in(w->originators, asdu->oa))
        return false;
    return set_is_empty(w->qualifiers) ||
           (policy_qualifier(asdu->type, element, &qualifier) &&
            policy_octet_in(w->qualifiers, qualifier));
}
