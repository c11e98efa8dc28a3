/* Short ways into long tables of ascending numbers: the stretch between the second and
 * the last is cut into equal parts, and each part knows where in the table it begins.  A
 * search is then as long as the part is crowded, and not as the table is. */
#include "policy/policy_private.h"

#define SMALL   8u    /* tables that need none */
#define AT_ONCE 8192u /* units of work in a piece */

static void begin(const struct policy_pool *pool, const uint32_t *v, uint32_t n,
                  struct policy_guiding *g)
{
    uint8_t shift = 0;

    g->guide = (struct policy_guide){.first = (uint32_t)pool->count};
    g->part = 0;
    g->at = 1;
    if (n < SMALL)
        return;
    while ((v[n - 1] - v[1]) >> shift >= n) /* at most 32 steps */
        shift++;
    g->guide.base = v[1];
    g->guide.shift = shift;
    g->guide.parts = ((v[n - 1] - v[1]) >> shift) + 1;
}

enum policy_piece policy_guide_make(struct policy_build *b, const uint32_t *v, uint32_t n,
                                    struct policy_guiding *g)
{
    struct policy_pool *pool = &b->policy->guides;
    const size_t stop = b->worked + AT_ONCE;

    if (!g->begun)
        begin(pool, v, n, g);
    g->begun = true;
    for (; g->guide.parts > 0 && g->part <= g->guide.parts; g->part++) {
        const uint64_t end = g->guide.base + ((uint64_t)g->part << g->guide.shift);
        if (b->worked++ >= stop)
            return PIECE_MORE;
        for (; g->at + 1 < n && v[g->at + 1] <= end; g->at++)
            b->worked++;
        if (!policy_pool_add(pool, g->at)) {
            policy_build_no_memory(b);
            return PIECE_FAILED;
        }
    }
    g->begun = false;
    return PIECE_LAST;
}

/* The place of the last of n >= 1 ascending numbers that is not above x; the first one is
 * not. */
uint32_t policy_guide_find(const uint32_t *pool, const struct policy_guide *g,
                           const uint32_t *v, uint32_t n, uint32_t x)
{
    uint32_t low = 0, high = n; /* v[low] <= x, and x < v[high] if there is one */

    if (g->parts > 0) {
        if (x < g->base)
            return 0;
        const uint32_t part = (x - g->base) >> g->shift;
        if (part >= g->parts)
            return n - 1;
        low = pool[g->first + part];
        high = pool[g->first + part + 1] + 1;
    }
    while (high - low > 1) { /* halves each time */
        const uint32_t middle = low + (high - low) / 2;
        if (v[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}
