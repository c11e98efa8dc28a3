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
    j->fault.reason = reason;
    j->fault.offset = (uint32_t)offset;
    j->fault.quirk = (quirk_set_of(j->dir) & bit) != 0 ? (uint32_t)quirk : QUIRK_NONE;
    return true;
}

struct verdict judgement_verdict(const struct judgement *j)
{
    return (struct verdict){.reason = (enum reason)j->fault.reason,
                            .offset = (uint16_t)j->fault.offset,
                            .quirk = (uint8_t)j->fault.quirk};
}
