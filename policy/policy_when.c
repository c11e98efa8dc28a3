#include "policy/policy_when.h"

#include <math.h>
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

/* Where it begins; 0: there is none. */
static size_t tag_offset(const struct type_info *type)
{
    size_t at = 0;

    for (size_t i = 0; i < ELEMENT_LIST_MAX; i++) {
        if (type->elements[i] == ELEMENT_CP56)
            return at;
        at += element_size((enum element)type->elements[i]);
    }
    return 0;
}

bool policy_has_tag(const struct type_info *type)
{
    return type_in_direction(type, DIR_CONTROL) && tag_offset(type) > 0;
}

const uint8_t *policy_tag(const struct type_info *type, const uint8_t *element)
{
    return policy_has_tag(type) ? element + tag_offset(type) : NULL;
}

static bool set_is_empty(const uint8_t set[POLICY_OCTET_SET])
{
    static const uint8_t none[POLICY_OCTET_SET];

    return memcmp(set, none, sizeof none) == 0;
}

bool policy_when_is_empty(const struct policy_when *w)
{
    return w->causes == 0 && w->phases == 0 && set_is_empty(w->qualifiers) &&
           set_is_empty(w->originators) && w->bits == 0 && w->value_count == 0;
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

const char *policy_when_fault(const struct policy_when *w)
{
    if (w->phases > (POLICY_PHASE_SELECT | POLICY_PHASE_EXECUTE))
        return "what it asks of the S/E bit is nothing an S/E bit can be";
    if (w->bits > (POLICY_BIT_POSITIVE | POLICY_BIT_NEGATIVE | POLICY_BIT_NO_TEST |
                   POLICY_BIT_TEST))
        return "what it asks of P/N or T is nothing these bits can be";
    if (w->value_count > POLICY_WHEN_VALUES)
        return "it lists more than 16 values";
    for (size_t i = 0; i < w->value_count; i++)
        if (!isfinite(w->value[i]))
            return "one of its values is not finite";
    return NULL;
}

static bool bits_fit(const struct policy_when *w, const struct asdu *a)
{
    const uint8_t pn = a->negative ? POLICY_BIT_NEGATIVE : POLICY_BIT_POSITIVE;
    const uint8_t t = a->test ? POLICY_BIT_TEST : POLICY_BIT_NO_TEST;
    const uint8_t any_pn = POLICY_BIT_POSITIVE | POLICY_BIT_NEGATIVE;
    const uint8_t any_t = POLICY_BIT_NO_TEST | POLICY_BIT_TEST;

    return ((w->bits & any_pn) == 0 || (w->bits & pn) != 0) &&
           ((w->bits & any_t) == 0 || (w->bits & t) != 0);
}

/* What is written in decimals and what travels are the same if they are the same number
 * of the type: R32 has 24 bits, NVA comes in steps of 2^-15, others are whole. */
static bool same_value(const struct type_info *type, double asked, double is)
{
    if (type->value == VALUE_NVA)
        return fabs(asked - is) <= 0.5 / 32768;
    if (type->value == VALUE_R32)
        return (float)asked == (float)is;
    return asked == is;
}

static bool value_fits(const struct policy_when *w, const struct type_info *type,
                       const uint8_t *element)
{
    double is;

    if (w->value_count == 0)
        return true;
    if (!asdu_value(type, element, &is))
        return false;
    for (size_t i = 0; i < w->value_count; i++)
        if (same_value(type, w->value[i], is))
            return true;
    return false;
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
    if (!bits_fit(w, asdu) || !value_fits(w, asdu->type, element))
        return false;
    return set_is_empty(w->qualifiers) ||
           (policy_qualifier(asdu->type, element, &qualifier) &&
            policy_octet_in(w->qualifiers, qualifier));
}

static bool set_covers(uint64_t wide, uint64_t narrow)
{
    return wide == 0 || (narrow != 0 && (narrow & ~wide) == 0);
}

static bool octets_cover(const uint8_t wide[POLICY_OCTET_SET],
                         const uint8_t narrow[POLICY_OCTET_SET])
{
    if (set_is_empty(wide))
        return true;
    for (size_t i = 0; i < POLICY_OCTET_SET; i++)
        if ((narrow[i] & ~wide[i]) != 0)
            return false;
    return !set_is_empty(narrow);
}

static bool values_cover(const struct policy_when *wide, const struct policy_when *narrow)
{
    if (wide->value_count == 0)
        return true;
    for (size_t i = 0; i < narrow->value_count; i++) {
        bool found = false;

        for (size_t k = 0; k < wide->value_count; k++)
            found = found || wide->value[k] == narrow->value[i];
        if (!found)
            return false;
    }
    return narrow->value_count > 0;
}

bool policy_when_covers(const struct policy_when *wide, const struct policy_when *narrow)
{
    const uint8_t pn = POLICY_BIT_POSITIVE | POLICY_BIT_NEGATIVE;
    const uint8_t t = POLICY_BIT_NO_TEST | POLICY_BIT_TEST;

    return set_covers(wide->causes, narrow->causes) &&
           set_covers(wide->phases, narrow->phases) &&
           set_covers(wide->bits & pn, narrow->bits & pn) &&
           set_covers(wide->bits & t, narrow->bits & t) &&
           octets_cover(wide->qualifiers, narrow->qualifiers) &&
           octets_cover(wide->originators, narrow->originators) &&
           values_cover(wide, narrow);
}
