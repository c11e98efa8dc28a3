#include "policy/throttle.h"

#include <stdlib.h>
#include <string.h>

/* `count` came until `last_ms`, and none of them before the step before this one. */
struct step {
    uint64_t last_ms;
    uint32_t count;
};

struct bucket {
    bool used;
    struct throttle_key key;
    uint64_t ms; /* T of its limit */
    uint8_t newest;
    struct step step[THROTTLE_STEPS];
};

struct throttle_table {
    struct bucket bucket[THROTTLE_KEYS];
};

struct throttle_table *throttle_table_new(void)
{
    return calloc(1, sizeof(struct throttle_table));
}

void throttle_table_free(struct throttle_table *t)
{
    free(t);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

static size_t first_place(const struct throttle_key *k)
{
    uint64_t h = mix(mix(k->who, k->rule), k->ioa);

    h = mix(mix(h, k->route), (uint64_t)k->ca << 1 | k->select);
    return (size_t)(h % THROTTLE_KEYS);
}

static bool same(const struct throttle_key *a, const struct throttle_key *b)
{
    return a->who == b->who && a->route == b->route && a->rule == b->rule &&
           a->ioa == b->ioa && a->ca == b->ca && a->select == b->select;
}

static bool within(const struct step *s, uint64_t ms, uint64_t now_ms)
{
    return s->count > 0 && now_ms - s->last_ms < ms;
}

/* The key's bucket, or the first on its way that is free or whose time is over.  A bucket
 * is never freed, so the way to a key is never cut. */
static struct bucket *find(struct throttle_table *t, const struct throttle_key *key,
                           uint64_t now_ms)
{
    struct bucket *spare = NULL;
    const size_t first = first_place(key);

    for (size_t i = 0; i < THROTTLE_KEYS; i++) {
        struct bucket *b = &t->bucket[(first + i) % THROTTLE_KEYS];

        if (b->used && same(&b->key, key))
            return b;
        if (!spare && (!b->used || !within(&b->step[b->newest], b->ms, now_ms)))
            spare = b;
        if (!b->used)
            break;
    }
    return spare;
}

static uint64_t sum(const struct bucket *b, uint64_t now_ms)
{
    uint64_t n = 0;

    for (size_t i = 0; i < THROTTLE_STEPS; i++) {
        if (within(&b->step[i], b->ms, now_ms))
            n += b->step[i].count;
    }
    return n;
}

enum throttle_word throttle_take(struct throttle_table *t, const struct throttle_key *key,
                                 const struct throttle_limit *limit, uint64_t now_ms)
{
    const uint32_t group = (limit->count + THROTTLE_STEPS - 1) / THROTTLE_STEPS;
    struct bucket *b = find(t, key, now_ms);
    struct step *s;

    if (!b)
        return THROTTLE_NO_ROOM;
    if (!b->used || !same(&b->key, key)) {
        memset(b, 0, sizeof *b);
        b->used = true;
        b->key = *key;
    }
    b->ms = limit->ms;
    if (sum(b, now_ms) >= limit->count)
        return THROTTLE_EXCEEDED;
    s = &b->step[b->newest];
    if (s->count >= group || !within(s, b->ms, now_ms)) {
        /* All others are full then, and the sum is the limit, unless that has changed. */
        if (within(&b->step[(b->newest + 1u) % THROTTLE_STEPS], b->ms, now_ms))
            return THROTTLE_EXCEEDED;
        b->newest = (uint8_t)((b->newest + 1u) % THROTTLE_STEPS);
        s = &b->step[b->newest];
        s->count = 0;
    }
    s->count++;
    s->last_ms = now_ms;
    return THROTTLE_FITS;
}
