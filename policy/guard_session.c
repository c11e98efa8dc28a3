/* The guards that look at sessions: early_command, second_master, takeover. */
#include "policy/guard_private.h"

#define TYPE_C_IC 100u

bool guard_is_command(const struct asdu *a)
{
    const uint8_t id = a->type_id;

    return a->cause == COT_ACTIVATION &&
           ((id >= 45 && id <= 64) || id == 105 || (id >= 110 && id <= 113));
}

void guard_early_command(const struct guard_feeding *f, const struct asdu *a)
{
    const struct guard_rule *rule = guard_rule_of(f, GUARD_EARLY_COMMAND);
    const struct guard_session *s = f->s;

    if (rule->action == GUARD_OFF || !guard_is_command(a) || s->interrogated ||
        (rule->limit > 0 && s->data >= rule->limit))
        return;
    (void)guard_trip_add(f, GUARD_EARLY_COMMAND, s->data, NULL);
}

/* 101 clause 7.2.3: answers, and what only accompanies them, are no data. */
static bool is_data(const struct asdu *a)
{
    return a->type_id < 45 && !a->negative && !cot_is_mirrored(a->cause);
}

void guard_heard(const struct guard_feeding *f, const struct asdu *a)
{
    struct guard_session *s = f->s;

    if (a->type_id == TYPE_C_IC && a->cause == COT_ACTIVATION_CON && !a->negative)
        s->interrogated = true;
    else if (is_data(a) && s->data < GUARD_DATA_MAX)
        s->data++;
    if (cot_is_mirrored(a->cause))
        guard_unknown_came(f);
}

void guard_second_master(const struct guard_feeding *f)
{
    uint64_t others = 0;

    if (guard_rule_of(f, GUARD_SECOND_MASTER)->action == GUARD_OFF)
        return;
    for (const struct guard_session *s = f->set->sessions; s; s = s->next)
        others += s != f->s && s->started;
    if (others > 0)
        (void)guard_trip_add(f, GUARD_SECOND_MASTER, others, NULL);
    else
        guard_trip_clear(f, GUARD_SECOND_MASTER, NULL);
}

void guard_remember_end(struct guard_set *set, const struct guard_session *s,
                        uint64_t now_ms)
{
    struct guard_end *e = &set->end[set->end_next];

    set->end_next = (set->end_next + 1) % GUARD_ENDS;
    *e = (struct guard_end){true, s->peer.origin, now_ms};
}

/* It began to transfer data after the other one had died, and not long after. */
static bool takes_over(const struct guard_feeding *f, const struct guard_end *e)
{
    return e->used && e->origin != f->s->peer.origin && f->s->started &&
           f->s->started_ms >= e->ended_ms &&
           guard_within(e->ended_ms, guard_rule_of(f, GUARD_TAKEOVER)->window_ms,
                        f->now->ms);
}

void guard_takeover(const struct guard_feeding *f, const struct asdu *a)
{
    if (guard_rule_of(f, GUARD_TAKEOVER)->action == GUARD_OFF || !guard_is_command(a))
        return;
    for (size_t i = 0; i < GUARD_ENDS; i++) {
        if (!takes_over(f, &f->set->end[i]))
            continue;
        (void)guard_trip_add(f, GUARD_TAKEOVER, 1, NULL);
        return;
    }
}
