/* What a session begins with, against what this peer's sessions began with before, or
 * what the policy expects.  Each kind of step counts where it first comes, so that it
 * does not matter how often one is repeated. */
#include "policy/guard_private.h"

#include <string.h>

enum guard_step guard_step_of(const struct asdu *a)
{
    static const struct {
        uint8_t type;
        uint8_t step;
    } steps[] = {
        {100, GUARD_STEP_INTERROGATION}, {101, GUARD_STEP_COUNTERS},
        {102, GUARD_STEP_READ},          {103, GUARD_STEP_CLOCK},
        {104, GUARD_STEP_TEST},          {107, GUARD_STEP_TEST},
    };

    if (guard_is_command(a))
        return GUARD_STEP_COMMAND;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].type == a->type_id)
            return (enum guard_step)steps[i].step;
    }
    return GUARD_STEP_OTHER;
}

/* The step that was due in this place; 0: none in particular. */
static enum guard_step due(const struct guard_set *set, const struct guard_habit *h,
                           size_t place)
{
    const struct guard_settings *g = &set->settings;

    if (g->expect_count > 0)
        return place < g->expect_count ? (enum guard_step)g->expect[place] : 0;
    return place < h->step_count ? (enum guard_step)h->step[place] : 0;
}

/* True if the session's last step is not what it should be. */
static bool strays(const struct guard_feeding *f, struct guard_habit *h,
                   enum guard_step *wanted)
{
    const struct guard_session *s = f->s;
    const size_t place = (size_t)s->step_count - 1;

    *wanted = due(f->set, h, place);
    if (*wanted != 0)
        return *wanted != (enum guard_step)s->step[place];
    if (f->set->settings.expect_count > 0)
        return false;
    if (h->whole)
        return true;
    h->step[h->step_count++] = s->step[place];
    return false;
}

/* Notes a step.  False if it has come before. */
static bool note(struct guard_session *s, enum guard_step step)
{
    if (memchr(s->step, (int)step, s->step_count) != NULL)
        return false;
    s->step[s->step_count++] = (uint8_t)step;
    return true;
}

void guard_opening(const struct guard_feeding *f, enum guard_step step)
{
    const struct guard_rule *rule = guard_rule_of(f, GUARD_OPENING);
    struct guard_session *s = f->s;
    struct guard_habit *h;
    enum guard_step wanted = 0;
    bool fresh, heir;

    if (rule->action == GUARD_OFF || s->strayed || s->frames >= rule->limit)
        return;
    s->frames++;
    h = &f->set->habit[guard_keys_place(&f->set->openers, s->peer.who, f->now->ms, &fresh,
                                        &heir)];
    if (note(s, step) && strays(f, h, &wanted)) {
        struct guard_trip *t = guard_trip_add(f, GUARD_OPENING, s->step_count, NULL);

        s->strayed = true;
        t->came = step;
        t->due = wanted;
    }
    if (!s->strayed && s->frames >= rule->limit)
        h->whole = true;
}
