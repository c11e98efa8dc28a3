#include "policy/guard.h"

#include "policy/guard_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- trips ---- */

const struct guard_rule *guard_rule_of(const struct guard_feeding *f, enum guard_id guard)
{
    return &f->set->settings.rule[guard];
}

/* News when what tripped was not over its limit before, or this session had no part. */
struct guard_trip *guard_trip_add(const struct guard_feeding *f, enum guard_id guard,
                                  uint64_t count, bool *told)
{
    const struct guard_rule *rule = guard_rule_of(f, guard);
    const uint16_t bit = (uint16_t)(1u << guard);
    struct guard_trip *t = &f->out->trip[f->out->count++];

    *t = (struct guard_trip){
        .guard = guard,
        .action = (enum guard_action)rule->action,
        .news = (f->s->told & bit) == 0 || (told != NULL && !*told),
        .count = count,
        .limit = rule->limit,
        .window_ms = rule->window_ms,
    };
    f->s->told = (uint16_t)(f->s->told | bit);
    if (told != NULL)
        *told = true;
    if (t->action > f->out->action) {
        f->out->action = t->action;
        f->out->guard = guard;
    }
    return t;
}

void guard_trip_clear(const struct guard_feeding *f, enum guard_id guard, bool *told)
{
    /* What is over at another point or station goes on to be told. */
    if (told != NULL)
        *told = false;
    else
        f->s->told = (uint16_t)(f->s->told & ~(1u << guard));
}

/* ---- the set ---- */

static bool is_on(const struct guard_settings *g, enum guard_id guard)
{
    return g->rule[guard].action != GUARD_OFF;
}

static bool make_counter(struct guard_counter *c, const struct guard_settings *g,
                         enum guard_id guard, size_t room, uint32_t limit)
{
    return !is_on(g, guard) ||
           guard_counter_init(c, room, limit, g->rule[guard].window_ms);
}

static bool make_tables(struct guard_set *set)
{
    const struct guard_settings *g = &set->settings;
    const struct guard_rule *r = g->rule;

    return (!is_on(g, GUARD_SWEEP) ||
            guard_variety_init(&set->sweep, GUARD_PEERS, r[GUARD_SWEEP].limit,
                               r[GUARD_SWEEP].window_ms)) &&
           make_counter(&set->toggle, g, GUARD_TOGGLE, GUARD_POINTS,
                        r[GUARD_TOGGLE].limit) &&
           make_counter(&set->unknown, g, GUARD_UNKNOWN, GUARD_PEERS,
                        r[GUARD_UNKNOWN].limit) &&
           make_counter(&set->interrogation, g, GUARD_INTERROGATION, GUARD_STATIONS,
                        r[GUARD_INTERROGATION].limit) &&
           make_counter(&set->reads, g, GUARD_INTERROGATION, GUARD_STATIONS,
                        r[GUARD_INTERROGATION].reads) &&
           guard_keys_init(&set->openers, GUARD_PEERS, UINT64_MAX);
}

struct guard_set *guard_set_new(const struct guard_settings *settings)
{
    struct guard_set *set = calloc(1, sizeof *set);

    if (set == NULL)
        return NULL;
    set->settings = *settings;
    if (make_tables(set))
        return set;
    guard_set_free(set);
    return NULL;
}

void guard_set_free(struct guard_set *set)
{
    if (set == NULL)
        return;
    guard_variety_free(&set->sweep);
    guard_counter_free(&set->toggle);
    guard_counter_free(&set->unknown);
    guard_counter_free(&set->interrogation);
    guard_counter_free(&set->reads);
    guard_keys_free(&set->openers);
    free(set);
}

const struct guard_settings *guard_set_settings(const struct guard_set *set)
{
    return &set->settings;
}

/* ---- sessions ---- */

void guard_session_begin(struct guard_set *set, struct guard_session *s,
                         const struct guard_peer *peer)
{
    if (set == NULL)
        return;
    s->set = set;
    s->peer = *peer;
    s->next = set->sessions;
    set->sessions = s;
}

static void leave(struct guard_session *s)
{
    for (struct guard_session **p = &s->set->sessions; *p; p = &(*p)->next) {
        if (*p != s)
            continue;
        *p = s->next;
        break;
    }
    s->set = NULL;
}

void guard_session_end(struct guard_session *s, uint64_t now_ms)
{
    if (s->set == NULL)
        return;
    if (s->started)
        guard_remember_end(s->set, s, now_ms);
    leave(s);
}

void guard_session_move(struct guard_session *s, struct guard_set *to)
{
    const struct guard_peer peer = s->peer;

    if (s->set != NULL)
        leave(s);
    s->told = 0;
    s->frames = UINT8_MAX;
    guard_session_begin(to, s, &peer);
}

/* ---- feeding ---- */

static struct guard_feeding
begin_feed(struct guard_session *s, const struct guard_now *now, struct guard_trips *out)
{
    out->count = 0;
    out->action = GUARD_OFF;
    return (struct guard_feeding){s->set, s, now, out};
}

void guard_feed_u(struct guard_session *s, enum apci_function function,
                  const struct guard_now *now, struct guard_trips *out)
{
    const struct guard_feeding f = begin_feed(s, now, out);

    if (s->set == NULL)
        return;
    if (function == APCI_TESTFR_ACT && s->step_count == 0) {
        guard_opening(&f, GUARD_STEP_TESTFR);
    } else if (function == APCI_STARTDT_ACT) {
        guard_opening(&f, GUARD_STEP_STARTDT);
        guard_second_master(&f);
        s->started = true;
        s->started_ms = now->ms;
    } else if (function == APCI_STOPDT_ACT) {
        s->started = false;
    }
}

static void feed_control(const struct guard_feeding *f, const struct asdu *a)
{
    guard_opening(f, guard_step_of(a));
    guard_sweep(f, a);
    guard_toggle(f, a);
    guard_interrogation(f, a);
    guard_unknown_asked(f);
    guard_early_command(f, a);
    guard_takeover(f, a);
    guard_clock_step(f, a);
}

void guard_feed(struct guard_session *s, enum direction direction, const struct asdu *a,
                const struct guard_now *now, struct guard_trips *out)
{
    const struct guard_feeding f = begin_feed(s, now, out);

    if (s->set == NULL || a->type == NULL)
        return;
    if (direction == DIR_CONTROL)
        feed_control(&f, a);
    else
        guard_heard(&f, a);
}

void guard_feed_unknown(struct guard_session *s, const struct guard_now *now,
                        struct guard_trips *out)
{
    const struct guard_feeding f = begin_feed(s, now, out);

    if (s->set != NULL)
        guard_unknown_came(&f);
}
