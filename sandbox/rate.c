#include "sandbox/rate.h"

#include <string.h>

#define TELL_MS 1000u

void rate_init(struct rate *r, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    memset(r, 0, sizeof *r);
    r->per_second = per_second;
    r->burst = burst;
    r->credit = (uint64_t)burst * 1000u;
    r->at_ms = now_ms;
}

bool rate_take(struct rate *r, uint64_t now_ms)
{
    uint64_t full = (uint64_t)r->burst * 1000u;
    uint64_t passed = now_ms > r->at_ms ? now_ms - r->at_ms : 0;

    /* So much time fills it, and more would only overflow. */
    if (r->per_second > 0 && passed > full / r->per_second)
        r->credit = full;
    else
        r->credit += passed * r->per_second;
    if (r->credit > full)
        r->credit = full;
    r->at_ms = now_ms > r->at_ms ? now_ms : r->at_ms;
    if (r->credit < 1000u) {
        r->refused++;
        return false;
    }
    r->credit -= 1000u;
    return true;
}

uint64_t rate_tell(struct rate *r, uint64_t now_ms)
{
    uint64_t untold = r->refused - r->told;

    if (untold == 0 || (r->told > 0 && now_ms - r->told_ms < TELL_MS))
        return 0;
    r->told = r->refused;
    r->told_ms = now_ms;
    return untold;
}
