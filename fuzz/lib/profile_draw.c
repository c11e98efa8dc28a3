#include "fuzz/lib/profile_draw.h"

#include "fuzz/lib/fuzz.h"

#include <string.h>

void fuzz_profile(const uint8_t p[FUZZ_PROFILE_SIZE], struct profile *out)
{
    *out = PROFILE_104;
    out->cot_size = (uint8_t)(2 - p[0] % 2);
    out->ca_size = (uint8_t)(2 - p[0] / 2 % 2);
    out->ioa_size = (uint8_t)(3 - p[0] / 4 % 3);
    for (unsigned int dir = 0; dir < DIRECTIONS; dir++) {
        const uint32_t drawn = fuzz_get32(p + 1 + (size_t)4 * dir);
        for (unsigned int q = 1; q <= QUIRK_MAX; q++)
            if ((drawn & QUIRK_BIT(q)) != 0)
                (void)profile_allow(out, (enum quirk)q, (enum direction)dir);
    }
    FUZZ_CHECK(profile_is_legal(out));
    for (size_t i = 0; i < FUZZ_PROFILE_SIZE; i++)
        if (p[i] != 0)
            return;
    FUZZ_CHECK(memcmp(out, &PROFILE_104, sizeof *out) == 0);
}
