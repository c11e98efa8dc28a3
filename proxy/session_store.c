#include "proxy/session_store.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u
/* How long it is remembered that a session's time was over. */
#define LAPSED_MS (60u * 60u * 1000u)

struct entry {
    uint8_t id[SESSION_ID_SIZE];
    uint64_t until;
    bool once;
    size_t size; /* 0: its time is over, the octets are wiped */
    uint8_t *octets;
    struct entry *chain; /* of the bucket */
    struct entry *older;
    struct entry *newer;
};

struct session_store {
    struct entry *bucket[BUCKETS];
    struct entry *oldest;
    struct entry *newest;
    size_t count;
    size_t octets;
};

/* Honest workers take ids at random.  Those of others may all fall into one bucket: then
 * a search looks at SESSION_STORE_ENTRIES of them at most. */
static struct entry **bucket_of(struct session_store *st, const uint8_t *id)
{
    return &st->bucket[((size_t)id[0] << 8 | id[1]) % BUCKETS];
}

static struct entry *find(struct session_store *st, const uint8_t *id)
{
    struct entry *e = *bucket_of(st, id);

    while (e && memcmp(e->id, id, SESSION_ID_SIZE) != 0)
        e = e->chain;
    return e;
}

static void wipe(struct session_store *st, struct entry *e)
{
    if (e->octets)
        explicit_bzero(e->octets, e->size);
    free(e->octets);
    st->octets -= e->size;
    e->octets = NULL;
    e->size = 0;
}

static void drop(struct session_store *st, struct entry *e)
{
    struct entry **p = bucket_of(st, e->id);

    while (*p != e)
        p = &(*p)->chain;
    *p = e->chain;
    *(e->older ? &e->older->newer : &st->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &st->newest) = e->older;
    st->count--;
    wipe(st, e);
    free(e);
}

static void add(struct session_store *st, struct entry *e)
{
    struct entry **p = bucket_of(st, e->id);

    e->chain = *p;
    *p = e;
    e->older = st->newest;
    *(st->newest ? &st->newest->newer : &st->oldest) = e;
    st->newest = e;
    st->count++;
    st->octets += e->size;
}

struct session_store *session_store_new(void)
{
    return calloc(1, sizeof(struct session_store));
}

void session_store_flush(struct session_store *st)
{
    while (st->oldest)
        drop(st, st->oldest);
}

void session_store_free(struct session_store *st)
{
    if (st)
        session_store_flush(st);
    free(st);
}

static struct entry *entry_new(const uint8_t *id, bool once, uint64_t until,
                               const void *octets, size_t n)
{
    struct entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->octets = malloc(n);
    if (!e->octets) {
        free(e);
        return NULL;
    }
    memcpy(e->id, id, SESSION_ID_SIZE);
    memcpy(e->octets, octets, n);
    e->size = n;
    e->once = once;
    e->until = until;
    return e;
}

bool session_store_put(struct session_store *st, const uint8_t id[SESSION_ID_SIZE],
                       bool once, uint64_t until, const void *octets, size_t n)
{
    struct entry *e;

    if (n == 0 || n > SESSION_OCTETS_MAX)
        return false;
    e = entry_new(id, once, until, octets, n);
    if (!e)
        return false;
    session_store_forget(st, id);
    while (st->oldest &&
           (st->count >= SESSION_STORE_ENTRIES || st->octets + n > SESSION_STORE_OCTETS))
        drop(st, st->oldest);
    add(st, e);
    return true;
}

enum session_status session_store_take(struct session_store *st,
                                       const uint8_t id[SESSION_ID_SIZE], uint64_t now,
                                       uint8_t out[SESSION_OCTETS_MAX], size_t *n,
                                       uint64_t *until)
{
    struct entry *e = find(st, id);

    *n = 0;
    if (!e)
        return SESSION_UNKNOWN;
    if (e->size == 0 || now >= e->until) {
        drop(st, e);
        return SESSION_LAPSED;
    }
    memcpy(out, e->octets, e->size);
    *n = e->size;
    *until = e->until;
    if (e->once)
        drop(st, e);
    return SESSION_GOOD;
}

void session_store_forget(struct session_store *st, const uint8_t id[SESSION_ID_SIZE])
{
    struct entry *e = find(st, id);

    if (e)
        drop(st, e);
}

void session_store_expire(struct session_store *st, uint64_t now)
{
    struct entry *newer;

    for (struct entry *e = st->oldest; e; e = newer) {
        newer = e->newer;
        if (now < e->until)
            continue;
        if (now - e->until >= LAPSED_MS)
            drop(st, e);
        else
            wipe(st, e);
    }
}

size_t session_store_count(const struct session_store *st)
{
    return st->count;
}

size_t session_store_octets(const struct session_store *st)
{
    return st->octets;
}
