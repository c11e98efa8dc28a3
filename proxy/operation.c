#include "proxy/operation.h"

#include "policy/asdu.h"

#include <string.h>

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define BIT(step) ((uint8_t)(1u << (step)))

void operations_init(struct operations *t, uint32_t timeout_ms)
{
    memset(t, 0, sizeof *t);
    t->timeout_ms = timeout_ms;
}

static bool is_open(const struct operation *o)
{
    return o->used && o->outcome == OPERATION_IS_OPEN;
}

static bool has(const struct operation *o, enum operation_step step)
{
    return (o->sent & BIT(step)) != 0;
}

static bool is_answered(const struct operation *o, enum operation_step step)
{
    return (o->answered & BIT(step)) != 0;
}

/* A command to all stations is answered by each with its own address. */
static bool is_for(const struct operation *o, const struct operation_point *p)
{
    return o->point.type == p->type && o->point.ioa == p->ioa &&
           (o->point.ca == p->ca || o->point.ca == ASDU_CA_ALL);
}

static uint32_t since(uint64_t then, uint64_t now)
{
    const uint64_t ms = now - then;

    return ms < OPERATION_NO_TIME ? (uint32_t)ms : OPERATION_NO_TIME - 1;
}

/* ---- the end of one --------------------------------------------------------------- */

static void close_as(struct operation *o, enum operation_outcome outcome,
                     enum operation_why why)
{
    o->outcome = (uint8_t)outcome;
    o->why = (uint8_t)why;
}

/* The station has said all that it says of it by itself. */
static bool is_over(const struct operation *o)
{
    return o->terminated || (!o->has_termination && is_answered(o, OPERATION_EXECUTE));
}

static bool awaits_state(const struct operation *o)
{
    return has(o, OPERATION_EXECUTE) && o->state_kind != VALUE_NONE &&
           !(o->has_state && o->state.settled);
}

static enum operation_why why_executed(const struct operation *o)
{
    if (!is_answered(o, OPERATION_EXECUTE))
        return OPERATION_NO_CONFIRMATION;
    if (!is_over(o))
        return OPERATION_NO_TERMINATION;
    return o->promised && !o->has_state ? OPERATION_NO_STATE : OPERATION_WHY_NONE;
}

/* The first thing that had to come and did not. */
static enum operation_why why_unfinished(const struct operation *o)
{
    for (int step = 0; step < OPERATION_STEPS; step++) {
        const bool later = step == OPERATION_SELECT && has(o, OPERATION_EXECUTE);

        if (has(o, (enum operation_step)step) && !later &&
            !is_answered(o, (enum operation_step)step))
            return OPERATION_NO_CONFIRMATION;
    }
    return has(o, OPERATION_EXECUTE) ? OPERATION_NO_TERMINATION : OPERATION_NO_EXECUTE;
}

/* Nothing more will be waited for: what it is by what is known. */
static void conclude(struct operation *o, enum operation_outcome otherwise)
{
    const bool shown =
        is_answered(o, OPERATION_EXECUTE) && o->has_state && o->state.settled;

    if (is_over(o) || shown)
        close_as(o, OPERATION_EXECUTED, why_executed(o));
    else
        close_as(o, otherwise, why_unfinished(o));
}

static void close_if_complete(struct operation *o)
{
    if (is_over(o) && !awaits_state(o))
        close_as(o, OPERATION_EXECUTED, why_executed(o));
}

/* ---- commands --------------------------------------------------------------------- */

/* The youngest one that an execute or a deactivation belongs to; NULL: it begins one.
 */
static struct operation *begun_by(struct operations *t, const struct operation_command *c)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];
        const bool fits = c->step == OPERATION_EXECUTE
                              ? o->sent == BIT(OPERATION_SELECT)
                              : !has(o, OPERATION_CANCEL) && !is_over(o);

        if (is_open(o) && fits && is_for(o, &c->point) &&
            (!found || o->order > found->order))
            found = o;
    }
    return found;
}

/* A state that comes from now on may be that of the new command. */
static void give_up_states(struct operations *t, const struct operation_point *p)
{
    for (size_t i = 0; i < COUNT(t->op); i++) {
        if (is_open(&t->op[i]) && is_over(&t->op[i]) && is_for(&t->op[i], p))
            conclude(&t->op[i], OPERATION_EXECUTED);
    }
}

/* Puts out the oldest that only waits for a state. */
static void make_room(struct operations *t)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];

        if (is_open(o) && is_over(o) && (!found || o->order < found->order))
            found = o;
    }
    if (found)
        conclude(found, OPERATION_EXECUTED);
}

static size_t count_open(const struct operations *t)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT(t->op); i++)
        n += is_open(&t->op[i]);
    return n;
}

static struct operation *begin(struct operations *t, const struct operation_command *c)
{
    struct operation *o = NULL;

    if (count_open(t) == OPERATIONS_OPEN)
        make_room(t);
    if (count_open(t) == OPERATIONS_OPEN)
        return NULL;
    for (size_t i = 0; i < COUNT(t->op) && !o; i++)
        o = t->op[i].used ? NULL : &t->op[i];
    if (!o)
        return NULL;
    memset(o, 0, sizeof *o);
    o->used = true;
    o->order = ++t->begun;
    o->point = c->point;
    o->has_termination = c->has_termination;
    o->termination_ms = o->state_ms = OPERATION_NO_TIME;
    for (size_t i = 0; i < OPERATION_STEPS; i++)
        o->answer_ms[i] = OPERATION_NO_TIME;
    return o;
}

bool operations_command(struct operations *t, const struct operation_command *c,
                        uint64_t now)
{
    struct operation *o;

    if (c->step == OPERATION_EXECUTE)
        give_up_states(t, &c->point);
    o = c->step == OPERATION_SELECT ? NULL : begun_by(t, c);
    if (!o)
        o = begin(t, c);
    if (!o)
        return false;
    o->sent |= BIT(c->step);
    o->ticket[c->step] = c->ticket;
    o->at[c->step] = now;
    if (c->step != OPERATION_CANCEL) {
        o->has_value = c->has_value;
        o->value = c->value;
    }
    if (c->step == OPERATION_EXECUTE) {
        o->state_kind = c->state_kind;
        o->state_ioa = c->state_ioa;
        o->promised = c->promised;
    }
    return true;
}

bool operations_stopped(struct operations *t, const struct operation_point *point,
                        uint64_t ticket)
{
    const struct operation_command c = {.point = *point, .step = OPERATION_EXECUTE};
    struct operation *o = begun_by(t, &c);

    if (!o)
        return false;
    o->ticket[OPERATION_EXECUTE] = ticket;
    close_as(o, OPERATION_NOT_FORWARDED, OPERATION_WHY_NONE);
    return true;
}

/* ---- answers ---------------------------------------------------------------------- */

/* Stations answer in the order in which they were asked: the oldest that still waits. */
static struct operation *asked(struct operations *t, const struct operation_point *p,
                               enum operation_step step)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];

        if (is_open(o) && has(o, step) && !is_answered(o, step) && is_for(o, p) &&
            (!found || o->order < found->order))
            found = o;
    }
    return found;
}

/* The oldest that waits for a termination; one that is confirmed goes before. */
static struct operation *executing(struct operations *t, const struct operation_point *p)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];
        const bool better =
            !found ||
            is_answered(o, OPERATION_EXECUTE) > is_answered(found, OPERATION_EXECUTE) ||
            (is_answered(o, OPERATION_EXECUTE) == is_answered(found, OPERATION_EXECUTE) &&
             o->order < found->order);

        if (is_open(o) && has(o, OPERATION_EXECUTE) && !o->terminated && is_for(o, p) &&
            better)
            found = o;
    }
    return found;
}

static uint64_t terminated(struct operations *t, const struct operation_answer *a,
                           uint64_t now)
{
    struct operation *o = executing(t, &a->point);

    if (!o)
        return 0;
    o->terminated = true;
    o->termination_ms = since(o->at[OPERATION_EXECUTE], now);
    if (a->negative)
        close_as(o, OPERATION_REJECTED, OPERATION_AT_TERMINATION);
    else
        close_if_complete(o);
    return o->ticket[OPERATION_EXECUTE];
}

/* A deactivation that is refused leaves what it was for as it was. */
static void not_cancelled(struct operation *o)
{
    if (o->sent == BIT(OPERATION_CANCEL)) {
        close_as(o, OPERATION_REJECTED, OPERATION_AT_CANCEL);
        return;
    }
    o->sent &= (uint8_t)~BIT(OPERATION_CANCEL);
    o->answered &= (uint8_t)~BIT(OPERATION_CANCEL);
}

static void confirmed(struct operation *o, enum operation_step step, bool negative)
{
    static const enum operation_why rejected[] = {
        [OPERATION_SELECT] = OPERATION_AT_SELECT,
        [OPERATION_EXECUTE] = OPERATION_AT_EXECUTE,
    };

    if (step == OPERATION_CANCEL && negative)
        not_cancelled(o);
    else if (step == OPERATION_CANCEL)
        close_as(o, OPERATION_CANCELLED, OPERATION_WHY_NONE);
    else if (negative)
        close_as(o, OPERATION_REJECTED, rejected[step]);
    else
        close_if_complete(o);
}

uint64_t operations_answer(struct operations *t, const struct operation_answer *a,
                           uint64_t now)
{
    const bool mirrored = cot_is_mirrored(a->cause);
    enum operation_step step = a->cause == COT_DEACTIVATION_CON ? OPERATION_CANCEL
                               : a->select                      ? OPERATION_SELECT
                                                                : OPERATION_EXECUTE;
    struct operation *o;

    if (a->cause == COT_TERMINATION)
        return terminated(t, a, now);
    o = asked(t, &a->point, step);
    /* 44..47 send back either kind of command. */
    if (!o && mirrored)
        o = asked(t, &a->point, step = OPERATION_CANCEL);
    if (!o)
        return 0;
    o->answered |= BIT(step);
    o->answer_ms[step] = since(o->at[step], now);
    confirmed(o, step, a->negative || mirrored);
    return o->ticket[step];
}

/* ---- states ----------------------------------------------------------------------- */

bool operations_await_value(const struct operations *t)
{
    for (size_t i = 0; i < COUNT(t->op); i++) {
        if (is_open(&t->op[i]) && awaits_state(&t->op[i]))
            return true;
    }
    return false;
}

static bool tells(const struct operation *o, const struct operation_value *v)
{
    const struct type_info *type = type_info(v->type);

    return v->ioa == o->state_ioa && v->ca == o->point.ca &&
           (o->promised || (type && type->value == o->state_kind));
}

void operations_value(struct operations *t, const struct operation_value *v, uint64_t now)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];

        if (is_open(o) && awaits_state(o) && tells(o, v) &&
            (!found || o->order < found->order))
            found = o;
    }
    if (!found)
        return;
    found->has_state = true;
    found->state = *v;
    found->state_ms = since(found->at[OPERATION_EXECUTE], now);
    close_if_complete(found);
}

/* ---- time ------------------------------------------------------------------------- */

static uint64_t due_of(const struct operations *t, const struct operation *o)
{
    const uint32_t end_ms =
        o->terminated ? o->termination_ms : o->answer_ms[OPERATION_EXECUTE];
    uint64_t last = 0;

    if (is_over(o) && !o->promised)
        return o->at[OPERATION_EXECUTE] + end_ms + OPERATION_GRACE_MS;
    /* The steps of one operation come in this order. */
    for (size_t i = 0; i < OPERATION_STEPS; i++) {
        if (has(o, (enum operation_step)i))
            last = o->at[i];
    }
    return last + t->timeout_ms;
}

uint64_t operations_due(const struct operations *t)
{
    uint64_t due = UINT64_MAX;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        if (is_open(&t->op[i]) && due_of(t, &t->op[i]) < due)
            due = due_of(t, &t->op[i]);
    }
    return due;
}

void operations_expire(struct operations *t, uint64_t now)
{
    for (size_t i = 0; i < COUNT(t->op); i++) {
        if (is_open(&t->op[i]) && due_of(t, &t->op[i]) <= now)
            conclude(&t->op[i], OPERATION_TIMED_OUT);
    }
}

void operations_end(struct operations *t)
{
    for (size_t i = 0; i < COUNT(t->op); i++) {
        if (is_open(&t->op[i]))
            conclude(&t->op[i], OPERATION_SESSION_ENDED);
    }
}

/* ---- out -------------------------------------------------------------------------- */

bool operations_take(struct operations *t, struct operation *out)
{
    struct operation *found = NULL;

    for (size_t i = 0; i < COUNT(t->op); i++) {
        struct operation *o = &t->op[i];

        if (o->used && !is_open(o) && (!found || o->order < found->order))
            found = o;
    }
    if (!found)
        return false;
    *out = *found;
    found->used = false;
    return true;
}

const char *operation_outcome_name(unsigned int outcome)
{
    static const char *const names[OPERATION_OUTCOMES] = {
        [OPERATION_IS_OPEN] = "open",
        [OPERATION_EXECUTED] = "executed",
        [OPERATION_REJECTED] = "rejected",
        [OPERATION_CANCELLED] = "cancelled",
        [OPERATION_NOT_FORWARDED] = "not-forwarded",
        [OPERATION_TIMED_OUT] = "timed-out",
        [OPERATION_SESSION_ENDED] = "session-ended",
        [OPERATION_UNTRACKED] = "untracked",
    };

    return names[outcome < OPERATION_OUTCOMES ? outcome : OPERATION_IS_OPEN];
}

const char *operation_why_name(unsigned int why)
{
    static const char *const names[OPERATION_WHYS] = {
        [OPERATION_NO_EXECUTE] = "no-execute",
        [OPERATION_NO_CONFIRMATION] = "no-confirmation",
        [OPERATION_NO_TERMINATION] = "no-termination",
        [OPERATION_NO_STATE] = "no-state",
        [OPERATION_AT_SELECT] = "select",
        [OPERATION_AT_EXECUTE] = "execute",
        [OPERATION_AT_CANCEL] = "deselect",
        [OPERATION_AT_TERMINATION] = "termination",
    };

    return why < OPERATION_WHYS ? names[why] : NULL;
}
