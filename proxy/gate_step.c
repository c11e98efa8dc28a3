/* How far a set point may be from the one before: the machine is policy/step.h, here it
 * meets commands, answers and what stations tell.  A route's sessions share it. */
#include "proxy/gate.h"

#include <stdlib.h>

bool gate_step_ready(struct gate *g, size_t route, const struct policy *policy)
{
    if (!policy_has_steps(policy))
        return true;
    if (!g->steps)
        g->steps = calloc(g->config.route_count, sizeof *g->steps);
    if (!g->steps)
        return false;
    if (!g->steps[route])
        g->steps[route] = step_table_new();
    return g->steps[route] != NULL;
}

/* NULL: no rule of the route asks. */
static struct step_table *table_of(const struct gate_session *s)
{
    return s->gate->steps ? s->gate->steps[s->route - s->gate->config.route] : NULL;
}

static bool point_of(const struct asdu *a, struct step_point *point)
{
    if (!a->type || !a->has_value || a->type->direction != TYPE_DIR_CONTROL)
        return false;
    *point = (struct step_point){.ioa = a->ioa, .ca = a->ca, .value = a->type->value};
    return true;
}

static bool is_execute(const struct asdu *a)
{
    return a->cause == COT_ACTIVATION && !(a->has_select && a->select);
}

/* True if this session's command waits for its record, and is one to the point. */
static bool holds_one_to(const struct gate_session *s, const struct step_point *point)
{
    const struct profile *profile = &s->route->profile;
    struct step_point held;
    struct link_frame f;
    struct asdu a;

    if (s->held_ticket == 0 || !link_held(s->link, LEG_MASTER, &f))
        return false;
    (void)asdu_parse(f.asdu, f.asdu_size, DIR_CONTROL, profile, &a);
    if (a.inner)
        (void)asdu_parse(a.inner, a.inner_size, DIR_CONTROL, profile, &a);
    return point_of(&a, &held) && is_execute(&a) && held.ioa == point->ioa &&
           held.ca == point->ca && held.value == point->value;
}

/* A value that is about to be forwarded by another session is not the last one yet, and
 * will be. */
static bool is_busy(const struct gate_session *s, const struct step_point *point)
{
    for (const struct gate_session *t = s->gate->sessions; t; t = t->next) {
        if (t != s && t->route == s->route && holds_one_to(t, point))
            return true;
    }
    return false;
}

const char *gate_step_check(const struct gate_session *s,
                            const struct policy_limits *limits, const struct asdu *a)
{
    static const char *const words[] = {
        [STEP_FITS] = NULL,
        [STEP_TOO_FAR] = "step",
        [STEP_UNKNOWN] = "step-unknown",
        [STEP_NO_ROOM] = "step-no-room",
    };
    struct step_table *t = table_of(s);
    struct step_point point;
    enum step_word word;

    if (!t || !point_of(a, &point))
        return words[STEP_NO_ROOM];
    if (is_busy(s, &point))
        return "step-busy";
    word = step_ask(t, &point, a->value, limits->step);
    if (word == STEP_UNKNOWN && limits->step_first == POLICY_FIRST_PASS)
        word = STEP_FITS;
    return words[word];
}

void gate_step_forwarded(const struct gate_session *s, const struct asdu *a)
{
    struct step_table *t = table_of(s);
    struct step_point point;

    if (t && is_execute(a) && point_of(a, &point))
        step_sent(t, &point, a->value);
}

void gate_step_answered(const struct gate_session *s, const struct asdu *a)
{
    struct step_table *t = table_of(s);
    struct step_point point;

    /* What ended or was taken back had been confirmed. */
    if (!t || !point_of(a, &point) || (a->has_select && a->select) ||
        (a->cause != COT_ACTIVATION_CON && a->cause < COT_UNKNOWN_TYPE))
        return;
    step_answered(t, &point, a->value, a->negative || a->cause >= COT_UNKNOWN_TYPE);
}

/* ---- what the station tells ---- */

static void tell(const struct gate_session *s, struct step_table *t,
                 struct step_point *point, uint32_t told_at, double value)
{
    const struct record_settings *r = &s->route->record;
    uint32_t at;

    if (!record_settings_feedback(r, told_at, &at))
        step_told(t, point, value); /* at its own address */
    for (size_t i = 0; i < r->feedback_count; i++) {
        const struct feedback *f = &r->feedback[i];

        if (told_at < f->to || told_at - f->to > f->last - f->first)
            continue;
        point->ioa = f->first + (told_at - f->to);
        if (record_settings_feedback(r, point->ioa, &at) && at == told_at)
            step_told(t, point, value);
    }
}

void gate_step_told(const struct gate_session *s, const struct asdu *a)
{
    struct step_table *t = table_of(s);
    const uint8_t *element;
    uint32_t ioa;
    double value;

    if (!t || !step_wants(t) || a->type->direction != TYPE_DIR_MONITOR)
        return;
    for (unsigned int i = 0; i < a->count && asdu_object(a, i, &ioa, &element); i++) {
        struct step_point point = {.ioa = ioa, .ca = a->ca, .value = a->type->value};

        if (!asdu_value(a->type, element, &value))
            return;
        if ((gate_operation_quality(a->type, element) & 0x80) == 0)
            tell(s, t, &point, ioa, value);
    }
}
