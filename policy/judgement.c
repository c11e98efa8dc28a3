#include "policy/judgement.h"

bool judgement_fault(struct judgement *j, enum reason reason, size_t offset,
                     enum quirk quirk)
{
    const bool none = quirk == QUIRK_NONE || quirk > QUIRK_MAX;
    const uint32_t bit = none ? 0 : QUIRK_BIT(quirk);

    if ((j->allowed & bit) != 0) {
        j->tolerated |= bit;
        return false;
    }
    j->verdict.reason = reason;
    j->verdict.offset = (uint16_t)offset;
    j->verdict.quirk = (quirk_set_of(j->dir) & bit) != 0 ? (uint8_t)quirk : QUIRK_NONE;
    return true;
}
