/* The guards that count: sweep, toggle, unknown, interrogation. */
#include "policy/guard_private.h"

static uint64_t point_of(const struct asdu *a)
{
    return (uint64_t)a->ca << 24 | a->ioa;
}

void guard_sweep(const struct guard_feeding *f, const struct asdu *a)
{
    struct guard_variety *v = &f->set->sweep;
    uint32_t count;
    size_t place;

    if (v->seen == NULL)
        return;
    count = guard_variety_add(v, f->s->peer.who, point_of(a), f->now->ms, &place);
    if (count > v->limit)
        (void)guard_trip_add(f, GUARD_SWEEP, count, &v->keys.key[place].told);
    else
        guard_trip_clear(f, GUARD_SWEEP, &v->keys.key[place].told);
}

/* The state a command asks for, from 1; 0 if it has none that is the opposite of another.
 * A select asks for what its execute will. */
static uint8_t state_of(const struct asdu *a)
{
    if (a->cause != COT_ACTIVATION || !a->has_value || a->value < 0 || a->value > 3)
        return 0;
    switch ((enum type_value)a->type->value) {
    case VALUE_SINGLE:
    case VALUE_DOUBLE:
    case VALUE_REGULATING: return (uint8_t)(1 + (uint8_t)a->value);
    default: return 0;
    }
}

void guard_toggle(const struct guard_feeding *f, const struct asdu *a)
{
    struct guard_counter *c = &f->set->toggle;
    const uint8_t state = state_of(a);
    size_t place;
    bool fresh, heir;

    if (!guard_counter_is_on(c) || state == 0)
        return;
    place = guard_counter_place(c, point_of(a), f->now->ms, &fresh, &heir);
    if (fresh)
        f->set->state[place] = heir ? f->set->state[GUARD_POINTS - 1] : 0;
    if (f->set->state[place] != 0 && f->set->state[place] != state)
        guard_counter_add(c, place, f->now->ms);
    f->set->state[place] = state;
    if (guard_counter_is_over(c, place, f->now->ms))
        (void)guard_trip_add(f, GUARD_TOGGLE, c->limit + 1, &c->keys.key[place].told);
    else
        guard_trip_clear(f, GUARD_TOGGLE, &c->keys.key[place].told);
}

void guard_interrogation(const struct guard_feeding *f, const struct asdu *a)
{
    struct guard_counter *c = &f->set->interrogation;
    size_t place;
    bool fresh, heir;

    if (a->type->id == 102)
        c = &f->set->reads;
    else if (a->type->id != 100 && a->type->id != 101)
        return;
    if (!guard_counter_is_on(c) || a->cause == COT_DEACTIVATION)
        return;
    place = guard_counter_place(c, a->ca, f->now->ms, &fresh, &heir);
    guard_counter_add(c, place, f->now->ms);
    if (guard_counter_is_over(c, place, f->now->ms))
        guard_trip_add(f, GUARD_INTERROGATION, c->limit + 1, &c->keys.key[place].told)
            ->limit = c->limit;
    else
        guard_trip_clear(f, GUARD_INTERROGATION, &c->keys.key[place].told);
}

static void unknown(const struct guard_feeding *f, bool came)
{
    struct guard_counter *c = &f->set->unknown;
    size_t place;
    bool fresh, heir;

    if (!guard_counter_is_on(c))
        return;
    place = guard_counter_place(c, f->s->peer.who, f->now->ms, &fresh, &heir);
    if (came)
        guard_counter_add(c, place, f->now->ms);
    if (guard_counter_is_over(c, place, f->now->ms))
        (void)guard_trip_add(f, GUARD_UNKNOWN, c->limit + 1, &c->keys.key[place].told);
    else
        guard_trip_clear(f, GUARD_UNKNOWN, &c->keys.key[place].told);
}

void guard_unknown_came(const struct guard_feeding *f)
{
    unknown(f, true);
}

void guard_unknown_asked(const struct guard_feeding *f)
{
    unknown(f, false);
}
