#include "proxy/point_meter.h"

#define ONE 1000u

bool point_bucket_take(struct point_bucket *b, uint32_t per_s, uint32_t most,
                       uint64_t now)
{
    const uint64_t full = (uint64_t)most * ONE;
    const uint64_t gone = now - b->filled_ms;

    /* A token of a thousandth comes each ms and 1/s; more than fills it need no product.
     */
    if (per_s > 0 && gone > full / per_s)
        b->milli = full;
    else
        b->milli += gone * per_s;
    if (b->milli > full)
        b->milli = full;
    b->filled_ms = now;
    if (b->milli < ONE)
        return false;
    b->milli -= ONE;
    return true;
}

void point_meter_count(struct point_meter *m, enum point_reason reason, uint32_t points,
                       uint64_t now)
{
    if (m->since_ms == 0)
        m->since_ms = now;
    m->count[reason].apdus++;
    m->count[reason].points += points;
}

uint64_t point_meter_due(const struct point_meter *m)
{
    return m->since_ms == 0 ? UINT64_MAX : m->since_ms + POINT_INTERVAL_MS;
}

void point_meter_told(struct point_meter *m, enum point_reason reason)
{
    m->count[reason] = (struct point_count){0};
    for (int i = 0; i < POINT_REASONS; i++) {
        if (m->count[i].apdus > 0)
            return;
    }
    m->since_ms = 0;
}

const char *point_reason_name(enum point_reason reason)
{
    static const char *const names[POINT_REASONS] = {
        [POINT_RATE] = "rate",
        [POINT_BUSY] = "log-behind",
        [POINT_DISK] = "disk",
    };

    return names[reason];
}
