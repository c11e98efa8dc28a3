#include "policy/guard_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

bool guard_keys_init(struct guard_keys *k, size_t room, uint64_t window_ms)
{
    k->room = room;
    k->window_ms = window_ms;
    k->key = calloc(room, sizeof *k->key);
    return k->key != NULL;
}

void guard_keys_free(struct guard_keys *k)
{
    free(k->key);
    k->key = NULL;
}

size_t guard_keys_place(struct guard_keys *k, uint64_t key, uint64_t now_ms, bool *fresh,
                        bool *heir)
{
    const size_t shared = k->room - 1;
    const struct guard_key *last = &k->key[shared];
    size_t place = shared;

    *fresh = *heir = false;
    for (size_t i = 0; i < shared; i++) {
        struct guard_key *x = &k->key[i];

        if (x->used && x->key == key) {
            x->last_ms = now_ms;
            return i;
        }
        if (place == shared &&
            (!x->used || !guard_within(x->last_ms, k->window_ms, now_ms)))
            place = i;
    }
    if (place != shared || !last->used) {
        *fresh = true;
        *heir = last->used && guard_within(last->last_ms, k->window_ms, now_ms);
        k->key[place] = (struct guard_key){.used = true, .key = key};
    }
    k->key[place].last_ms = now_ms;
    return place;
}

/* ---- how many ---- */

bool guard_counter_init(struct guard_counter *c, size_t room, uint32_t limit,
                        uint64_t window_ms)
{
    const bool keys = guard_keys_init(&c->keys, room, window_ms);

    c->limit = limit;
    c->ring = calloc(room, sizeof *c->ring);
    c->ms = calloc(room, ((size_t)limit + 1) * sizeof *c->ms);
    return keys && c->ring != NULL && c->ms != NULL;
}

void guard_counter_free(struct guard_counter *c)
{
    guard_keys_free(&c->keys);
    free(c->ring);
    free(c->ms);
    memset(c, 0, sizeof *c);
}

size_t guard_counter_place(struct guard_counter *c, uint64_t key, uint64_t now_ms,
                           bool *fresh, bool *heir)
{
    const size_t place = guard_keys_place(&c->keys, key, now_ms, fresh, heir);
    const size_t shared = c->keys.room - 1, n = (size_t)c->limit + 1;

    if (*heir) {
        c->ring[place] = c->ring[shared];
        memcpy(c->ms + place * n, c->ms + shared * n, n * sizeof *c->ms);
    } else if (*fresh) {
        c->ring[place] = (struct guard_ring){0, 0};
    }
    return place;
}

void guard_counter_add(struct guard_counter *c, size_t place, uint64_t now_ms)
{
    struct guard_ring *r = &c->ring[place];

    c->ms[place * (c->limit + 1) + r->next] = now_ms;
    r->next = (r->next + 1) % (c->limit + 1);
    if (r->count <= c->limit)
        r->count++;
}

/* The ring is full when its oldest is the one that `next` is to take the place of. */
bool guard_counter_is_over(const struct guard_counter *c, size_t place, uint64_t now_ms)
{
    const struct guard_ring *r = &c->ring[place];

    return r->count > c->limit && guard_within(c->ms[place * (c->limit + 1) + r->next],
                                               c->keys.window_ms, now_ms);
}

/* ---- how many different ---- */

bool guard_variety_init(struct guard_variety *v, size_t room, uint32_t limit,
                        uint64_t window_ms)
{
    const bool keys = guard_keys_init(&v->keys, room, window_ms);

    v->limit = limit;
    v->seen = calloc(room, ((size_t)limit + 1) * sizeof *v->seen);
    return keys && v->seen != NULL;
}

void guard_variety_free(struct guard_variety *v)
{
    guard_keys_free(&v->keys);
    free(v->seen);
    memset(v, 0, sizeof *v);
}

/* The value's own entry; else one that is free; else the one that is longest ago. */
static struct guard_seen *entry_of(struct guard_seen *seen, size_t n, uint64_t value)
{
    struct guard_seen *oldest = &seen[0];

    for (size_t i = 0; i < n; i++) {
        if (seen[i].used && seen[i].value == value)
            return &seen[i];
        if (oldest->used && (!seen[i].used || seen[i].last_ms < oldest->last_ms))
            oldest = &seen[i];
    }
    return oldest;
}

uint32_t guard_variety_add(struct guard_variety *v, uint64_t key, uint64_t value,
                           uint64_t now_ms, size_t *place)
{
    const size_t n = (size_t)v->limit + 1;
    struct guard_seen *seen;
    uint32_t count = 0;
    bool fresh, heir;

    *place = guard_keys_place(&v->keys, key, now_ms, &fresh, &heir);
    seen = v->seen + *place * n;
    if (heir)
        memcpy(seen, v->seen + (v->keys.room - 1) * n, n * sizeof *seen);
    else if (fresh)
        memset(seen, 0, n * sizeof *seen);
    *entry_of(seen, n, value) = (struct guard_seen){value, now_ms, true};
    for (size_t i = 0; i < n; i++)
        count += seen[i].used && guard_within(seen[i].last_ms, v->keys.window_ms, now_ms);
    return count;
}
