#include "policy/step.h"

#include <math.h>
#include <stdlib.h>

/* Between what is computed here and what is written in decimals. */
#define ROUNDING 1e-6

struct entry {
    bool used;
    bool known; /* there is a value that the station did not reject */
    uint8_t count;
    struct step_point point;
    double value;                 /* that the station has, as far as is known */
    double pending[STEP_PENDING]; /* forwarded since, oldest first */
};

struct step_table {
    size_t used, unknown; /* entries; those of which no value is known */
    struct entry entry[STEP_POINTS];
};

_Static_assert((STEP_POINTS & (STEP_POINTS - 1)) == 0, "places are taken modulo it");

struct step_table *step_table_new(void)
{
    return calloc(1, sizeof(struct step_table));
}

void step_table_free(struct step_table *t)
{
    free(t);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

static bool same(const struct step_point *a, const struct step_point *b)
{
    return a->ioa == b->ioa && a->ca == b->ca && a->value == b->value;
}

/* The point's entry, or the free one where it belongs; NULL: neither.  None is ever
 * freed, so the way to a point is never cut. */
static struct entry *find(struct step_table *t, const struct step_point *p)
{
    const uint64_t h = mix(mix(0, p->ioa), (uint64_t)p->ca << 8 | p->value);

    for (size_t i = 0; i < STEP_POINTS; i++) {
        struct entry *e = &t->entry[(h + i) % STEP_POINTS];

        if (!e->used || same(&e->point, p))
            return e;
    }
    return NULL;
}

/* One place stays free: it ends every search. */
static bool take(struct step_table *t, struct entry *e, const struct step_point *p)
{
    if (e->used)
        return true;
    if (t->used + 1 >= STEP_POINTS)
        return false;
    *e = (struct entry){.used = true, .point = *p};
    t->used++;
    t->unknown++;
    return true;
}

static bool is_unknown(const struct entry *e)
{
    return !e->known && e->count == 0;
}

static double latest(const struct entry *e)
{
    return e->count > 0 ? e->pending[e->count - 1] : e->value;
}

enum step_word step_ask(struct step_table *t, const struct step_point *point,
                        double value, double step)
{
    struct entry *e = find(t, point);

    if (e == NULL || !take(t, e, point))
        return STEP_NO_ROOM;
    if (is_unknown(e))
        return STEP_UNKNOWN;
    return fabs(value - latest(e)) <= step + step * ROUNDING ? STEP_FITS : STEP_TOO_FAR;
}

/* The first n are settled: the last of them is what the station has. */
static void settle(struct entry *e, uint8_t n)
{
    if (n == 0)
        return;
    e->known = true;
    e->value = e->pending[n - 1];
    for (uint8_t i = n; i < e->count; i++)
        e->pending[i - n] = e->pending[i];
    e->count = (uint8_t)(e->count - n);
}

void step_sent(struct step_table *t, const struct step_point *point, double value)
{
    struct entry *e = find(t, point);

    if (e == NULL || !e->used)
        return;
    t->unknown -= is_unknown(e);
    /* A station that never answered the oldest did not reject it. */
    if (e->count == STEP_PENDING)
        settle(e, 1);
    e->pending[e->count++] = value;
}

void step_answered(struct step_table *t, const struct step_point *point, double value,
                   bool rejected)
{
    struct entry *e = find(t, point);
    uint8_t at = 0;

    if (e == NULL || !e->used)
        return;
    while (at < e->count && e->pending[at] != value)
        at++;
    /* Some stations do not repeat the value exactly: then it is clear only of one. */
    if (at == e->count && e->count == 1)
        at = 0;
    if (at == e->count)
        return;
    if (!rejected) {
        settle(e, (uint8_t)(at + 1));
        return;
    }
    /* A station answers in order: those before it were not rejected. */
    settle(e, at);
    e->count--;
    for (uint8_t i = 0; i < e->count; i++)
        e->pending[i] = e->pending[i + 1];
    t->unknown += is_unknown(e);
}

bool step_wants(const struct step_table *t)
{
    return t->unknown > 0;
}

void step_told(struct step_table *t, const struct step_point *point, double value)
{
    struct entry *e = find(t, point);

    if (e == NULL || !e->used || !is_unknown(e) || !isfinite(value))
        return;
    t->unknown--;
    e->known = true;
    e->value = value;
}
