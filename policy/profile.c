#include "policy/profile.h"

#include <stddef.h>

const struct profile PROFILE_104 = {.cot_size = 2, .ca_size = 2, .ioa_size = 3};

bool profile_is_legal(const struct profile *p)
{
    for (unsigned int d = 0; d < DIRECTIONS; d++)
        if ((p->quirks[d] & ~quirk_set_of((enum direction)d)) != 0)
            return false;
    return p->cot_size >= 1 && p->cot_size <= 2 && p->ca_size >= 1 && p->ca_size <= 2 &&
           p->ioa_size >= 1 && p->ioa_size <= 3;
}

bool profile_allow(struct profile *p, enum quirk quirk, enum direction direction)
{
    const struct quirk_info *info = quirk_info(quirk);
    const bool both = info != NULL &&
                      (info->use == QUIRK_USE_COMMAND || info->use == QUIRK_USE_SETTING);

    if (info == NULL || (info->use == QUIRK_USE_MONITOR && direction == DIR_CONTROL) ||
        (info->use == QUIRK_USE_COMMAND && direction == DIR_MONITOR))
        return false;
    p->quirks[direction] |= QUIRK_BIT(quirk);
    if (both)
        p->quirks[direction == DIR_CONTROL ? DIR_MONITOR : DIR_CONTROL] |=
            QUIRK_BIT(quirk);
    return true;
}
