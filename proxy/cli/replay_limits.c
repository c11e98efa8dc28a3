/* What a rule asks of what went before: the machines of the gate, with the time of the
 * traffic. */
#include "proxy/cli/replay.h"

/* The machines know no time before their first, so they begin with some. */
#define BEGIN_MS (POLICY_RATE_SECONDS_MAX * UINT64_C(2000))

static uint64_t now_of(const struct traffic_apdu *t)
{
    return BEGIN_MS + t->clock_ms;
}

/* ---- rate -------------------------------------------------------------------------- */

/* Who is known here by name: FNV-1a. */
static uint64_t peer_number(const struct traffic_apdu *t)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);

    for (const char *p = t->who; *p; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001B3);
    return h;
}

static const char *check_rate(struct replay *r, const struct policy_limits *limits,
                              int32_t rule, const struct traffic_apdu *t,
                              const struct asdu *a)
{
    static const char *const words[] = {
        [THROTTLE_FITS] = NULL,
        [THROTTLE_EXCEEDED] = "rate",
        [THROTTLE_NO_ROOM] = "rate-no-room",
    };
    const struct throttle_limit limit = {limits->rate_count,
                                         (uint64_t)limits->rate_seconds * 1000};
    struct throttle_key key = {.rule = (uint32_t)rule, .select = select_is_select(a)};

    switch ((enum policy_per)limits->per) {
    case POLICY_PER_SESSION: key.who = t->session; break;
    case POLICY_PER_PEER: key.who = peer_number(t); break;
    case POLICY_PER_POINT:
        key.ca = a->ca;
        key.ioa = a->ioa;
        break;
    case POLICY_PER_ROUTE: break;
    }
    return words[throttle_take(r->rates, &key, &limit, now_of(t))];
}

/* ---- select, age ------------------------------------------------------------------- */

static const char *check_select(const struct replay *r,
                                const struct policy_limits *limits,
                                const struct traffic_apdu *t, const struct asdu *a)
{
    enum select_word word = SELECT_FITS;

    if (limits->select == POLICY_SELECT_FORBIDDEN && select_is_select(a))
        return "select-forbidden";
    if (limits->select == POLICY_SELECT_REQUIRED && select_is_execute(a))
        word = select_ask(&r->session[t->slot].selected, a, now_of(t),
                          policy_select_timeout_ms(r->policy));
    return word == SELECT_FITS ? NULL : select_word_name(word);
}

static const char *check_age(const struct replay *r, const struct policy_limits *limits,
                             const struct traffic_apdu *t, const struct asdu *a)
{
    static const struct policy_zone utc;
    const struct policy_askers *tables = policy_askers(r->policy);
    const int64_t now_ms = (int64_t)t->time_ms;
    const uint8_t *element, *tag = NULL;
    int64_t said_ms;
    uint32_t ioa;

    if (asdu_object(a, 0, &ioa, &element))
        tag = policy_tag(a->type, element);
    if (!tag)
        return "tag-missing";
    if (policy_tag_read(tables ? &tables->zone : &utc, tables && tables->tags_local, tag,
                        &said_ms) != POLICY_TAG_GOOD)
        return "tag-invalid";
    if (said_ms > now_ms + POLICY_TAG_AHEAD_MS)
        return "tag-future";
    return now_ms - said_ms > (int64_t)limits->age_ms ? "tag-old" : NULL;
}

/* ---- step -------------------------------------------------------------------------- */

static bool point_of(const struct asdu *a, struct step_point *point)
{
    if (!a->has_value || a->type->direction != TYPE_DIR_CONTROL)
        return false;
    *point = (struct step_point){.ioa = a->ioa, .ca = a->ca, .value = a->type->value};
    return true;
}

static const char *check_step(struct replay *r, const struct policy_limits *limits,
                              const struct asdu *a)
{
    static const char *const words[] = {
        [STEP_FITS] = NULL,
        [STEP_TOO_FAR] = "step",
        [STEP_UNKNOWN] = "step-unknown",
        [STEP_NO_ROOM] = "step-no-room",
    };
    struct step_point point;
    enum step_word word = STEP_NO_ROOM;

    if (point_of(a, &point))
        word = step_ask(r->steps, &point, a->value, limits->step);
    if (word == STEP_UNKNOWN && limits->step_first == POLICY_FIRST_PASS)
        word = STEP_FITS;
    return words[word];
}

/* A value counts at its own address and at those that it is the feedback of. */
static void tell_step(struct replay *r, struct step_point *point, uint32_t told_at,
                      double value)
{
    const struct record_settings *s = r->record;
    uint32_t at;

    if (!s || !record_settings_feedback(s, told_at, &at))
        step_told(r->steps, point, value);
    for (size_t i = 0; s && i < s->feedback_count; i++) {
        const struct feedback *f = &s->feedback[i];

        if (told_at < f->to || told_at - f->to > f->last - f->first)
            continue;
        point->ioa = f->first + (told_at - f->to);
        if (record_settings_feedback(s, point->ioa, &at) && at == told_at)
            step_told(r->steps, point, value);
    }
}

static bool is_invalid(const struct type_info *type, const uint8_t *element)
{
    const enum element first = (enum element)type->elements[0];

    if (first == ELEMENT_SIQ || first == ELEMENT_DIQ)
        return element[0] >= 0x80;
    return type->elements[1] == ELEMENT_QDS && element[element_size(first)] >= 0x80;
}

static void tell_values(struct replay *r, const struct asdu *a)
{
    const uint8_t *element;
    uint32_t ioa;
    double value;

    if (!step_wants(r->steps) || a->type->direction != TYPE_DIR_MONITOR)
        return;
    for (unsigned int i = 0; asdu_object(a, i, &ioa, &element); i++) { /* 127 at most */
        struct step_point point = {.ioa = ioa, .ca = a->ca, .value = a->type->value};

        if (!asdu_value(a->type, element, &value))
            return;
        if (!is_invalid(a->type, element))
            tell_step(r, &point, ioa, value);
    }
}

/* What ended or was taken back had been confirmed. */
static void tell_answer(struct replay *r, const struct asdu *a)
{
    struct step_point point;

    if (!cot_is_answer(a->cause) || !point_of(a, &point) ||
        (a->has_select && a->select) ||
        (a->cause != COT_ACTIVATION_CON && a->cause < COT_UNKNOWN_TYPE))
        return;
    step_answered(r->steps, &point, a->value,
                  a->negative || a->cause >= COT_UNKNOWN_TYPE);
}

/* ---- together ---------------------------------------------------------------------- */

const char *replay_limits_check(struct replay *r, int32_t rule,
                                const struct traffic_apdu *t, const struct asdu *a)
{
    const struct policy_limits *limits = policy_rule_limits(r->policy, rule);
    const char *why;

    /* To take a command back is always in order. */
    if (!limits || a->cause == COT_DEACTIVATION)
        return NULL;
    /* Permits are not in the policy: what passed by one would pass by one. */
    if (limits->permit && !t->permitted)
        return "no-permit";
    why = check_select(r, limits, t, a);
    if (!why && limits->age_ms > 0)
        why = check_age(r, limits, t, a);
    if (!why && limits->step > 0)
        why = check_step(r, limits, a);
    /* The last, for it counts. */
    if (!why && limits->rate_count > 0)
        why = check_rate(r, limits, rule, t, a);
    return why;
}

void replay_limits_forwarded(struct replay *r, const struct traffic_apdu *t,
                             const struct asdu *a)
{
    struct select_table *selected = &r->session[t->slot].selected;
    struct step_point point;

    if (a->cause == COT_ACTIVATION && !(a->has_select && a->select) &&
        point_of(a, &point))
        step_sent(r->steps, &point, a->value);
    if (select_is_select(a))
        (void)select_open(selected, a, now_of(t), policy_select_timeout_ms(r->policy));
    else
        select_end(selected, a);
}

void replay_limits_told(struct replay *r, const struct traffic_apdu *t,
                        const struct asdu *a)
{
    tell_answer(r, a);
    select_answer(&r->session[t->slot].selected, a, now_of(t));
    tell_values(r, a);
}
