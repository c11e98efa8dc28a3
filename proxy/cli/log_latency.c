#include "proxy/cli/log_latency.h"

#include <stddef.h>

#define LIMIT (UINT64_C(1) << 53)
#define EXACT 1024u
#define HALF  512u

/* Above EXACT the ten leading bits tell the cell. */
static size_t cell_of(uint64_t ms)
{
    size_t shift = 0;

    while (ms >= EXACT) {
        ms >>= 1;
        shift++;
    }
    return HALF * shift + (size_t)ms;
}

/* The largest latency of a cell. */
static uint64_t top_of(size_t cell)
{
    size_t shift = cell < EXACT ? 0 : cell / HALF - 1;

    return ((uint64_t)(cell - HALF * shift + 1) << shift) - 1;
}

void log_latency_add(struct log_latency *l, uint64_t ms)
{
    if (ms > LIMIT)
        ms = LIMIT;
    if (l->n == 0 || ms < l->min)
        l->min = ms;
    if (l->n == 0 || ms > l->max)
        l->max = ms;
    l->n++;
    l->sum += ms;
    l->cell[cell_of(ms)]++;
}

uint64_t log_latency_percentile(const struct log_latency *l, unsigned int percent)
{
    uint64_t rank = l->n / 100 * percent + (l->n % 100 * percent + 99) / 100;
    uint64_t seen = 0;

    for (size_t i = 0; i < LOG_LATENCY_CELLS && l->n > 0; i++) {
        seen += l->cell[i];
        if (seen >= rank && seen > 0)
            return top_of(i) < l->max ? top_of(i) : l->max;
    }
    return 0;
}
