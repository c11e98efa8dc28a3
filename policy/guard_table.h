/* Bounded tables of the guards: a place for each key, and the times of what came for it.
 * Private to policy/guard*.c. */
#ifndef GATE104_POLICY_GUARD_TABLE_H
#define GATE104_POLICY_GUARD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard_key {
    bool used;
    bool told; /* what is counted for it is over its limit, and was told */
    uint64_t key;
    uint64_t last_ms;
};

/* Keys that were not asked for during a window give way to new ones; when none does, all
 * that have no place share the last. */
struct guard_keys {
    size_t room; /* >= 2 */
    uint64_t window_ms;
    struct guard_key *key;
};

bool guard_keys_init(struct guard_keys *k, size_t room, uint64_t window_ms);
void guard_keys_free(struct guard_keys *k);
/* The key's place.  *fresh: what is kept at that place is of another key; *heir: what was
 * counted for the key, if anything, was counted at the last place, so that it goes on
 * with a copy of that instead of nothing. */
size_t guard_keys_place(struct guard_keys *k, uint64_t key, uint64_t now_ms, bool *fresh,
                        bool *heir);

/* True if `then` lies in the window that ends now. */
static inline bool guard_within(uint64_t then_ms, uint64_t window_ms, uint64_t now_ms)
{
    return now_ms < then_ms || now_ms - then_ms < window_ms;
}

/* At most `limit` in each window, for each key: exact, whatever comes. */
struct guard_counter {
    struct guard_keys keys;
    uint32_t limit;
    struct guard_ring {
        uint32_t next, count;
    } * ring;     /* of each key */
    uint64_t *ms; /* limit + 1 of each key */
};

bool guard_counter_init(struct guard_counter *c, size_t room, uint32_t limit,
                        uint64_t window_ms);
void guard_counter_free(struct guard_counter *c);
/* False for one that is not in use. */
static inline bool guard_counter_is_on(const struct guard_counter *c)
{
    return c->ms != NULL;
}
/* As guard_keys_place. */
size_t guard_counter_place(struct guard_counter *c, uint64_t key, uint64_t now_ms,
                           bool *fresh, bool *heir);
void guard_counter_add(struct guard_counter *c, size_t place, uint64_t now_ms);
/* True if there are more than `limit` in the window that ends now. */
bool guard_counter_is_over(const struct guard_counter *c, size_t place, uint64_t now_ms);

/* At most `limit` different values in each window, for each key. */
struct guard_variety {
    struct guard_keys keys;
    uint32_t limit;
    struct guard_seen {
        uint64_t value, last_ms;
        bool used;
    } * seen; /* limit + 1 of each key */
};

bool guard_variety_init(struct guard_variety *v, size_t room, uint32_t limit,
                        uint64_t window_ms);
void guard_variety_free(struct guard_variety *v);
/* Notes a value; how many different ones are in the window that ends now, limit + 1 at
 * most.  *place: the key's. */
uint32_t guard_variety_add(struct guard_variety *v, uint64_t key, uint64_t value,
                           uint64_t now_ms, size_t *place);

#endif
