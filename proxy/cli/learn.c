/* One APDU after the other: validated, with every quirk there is, and remembered. */
#include "proxy/cli/learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS UINT64_C(60000)
/* What policies ask for where they do not say: learning must not propose a select that
 * the gate would call too late. */
#define SELECT_MS (POLICY_SELECT_TIMEOUT * UINT64_C(1000))
#define ANSWERS   DIRECTIONS /* place of quirks in answers */

bool learn_init(struct learn *l, const struct profile *sizes)
{
    memset(l, 0, sizeof *l);
    l->profile = *sizes;
    for (int d = 0; d < DIRECTIONS; d++)
        l->profile.quirks[d] = quirk_set_of((enum direction)d);
    return profile_is_legal(&l->profile);
}

void learn_free(struct learn *l)
{
    free(l->point);
    free(l->index);
    free(l->command);
    memset(l, 0, sizeof *l);
}

/* ---- faults and quirks ------------------------------------------------------------- */

static void note(struct learn_example *e, const struct traffic_apdu *t)
{
    if (e->count++ > 0)
        return;
    e->number = t->number;
    e->time_ms = t->time_ms;
    e->n = t->n;
    memcpy(e->octets, t->octets, t->n);
}

static void note_fault(struct learn *l, const struct traffic_apdu *t, struct verdict v,
                       bool framing, uint8_t type)
{
    struct learn_fault *f = l->fault;
    size_t i = 0;

    while (i < l->faults &&
           (f[i].dir != t->dir || f[i].verdict.reason != v.reason || f[i].type != type))
        i++;
    if (i == LEARN_FAULTS) {
        l->other_faults++;
        return;
    }
    if (i == l->faults) {
        f[i] = (struct learn_fault){
            .dir = t->dir, .verdict = v, .framing = framing, .type = type};
        l->faults++;
    }
    note(&f[i].example, t);
}

static void note_quirks(struct learn *l, const struct traffic_apdu *t,
                        const struct asdu *a)
{
    const bool answer = t->dir == DIR_MONITOR && cot_is_answer(a->cause);

    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        if ((a->tolerated & QUIRK_BIT(q)) != 0)
            note(&l->quirk[answer ? ANSWERS : (int)t->dir][q], t);
    }
}

void learn_quirks(const struct learn *l, uint32_t needed[DIRECTIONS])
{
    for (int d = 0; d < DIRECTIONS; d++) {
        needed[d] = 0;
        for (unsigned int q = 1; q <= QUIRK_MAX; q++)
            needed[d] |= l->quirk[d][q].count > 0 ? QUIRK_BIT(q) : 0;
    }
    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        const uint32_t bit = QUIRK_BIT(q);

        if (l->quirk[ANSWERS][q].count == 0 || (needed[DIR_CONTROL] & bit) != 0)
            continue;
        needed[(quirk_set_of(DIR_MONITOR) & bit) != 0 ? DIR_MONITOR : DIR_CONTROL] |= bit;
    }
}

struct learn_example learn_quirk_example(const struct learn *l, enum direction dir,
                                         unsigned int quirk)
{
    const struct learn_example *own = &l->quirk[dir][quirk];
    const struct learn_example *answer = &l->quirk[ANSWERS][quirk];
    struct learn_example e = own->count > 0 ? *own : *answer;

    /* The answers come with what was asked. */
    if (own->count > 0 && dir == DIR_MONITOR && l->quirk[DIR_CONTROL][quirk].count == 0)
        e.count += answer->count;
    return e;
}

/* ---- points ------------------------------------------------------------------------ */

static uint64_t person_bit(struct learn *l, const char *who)
{
    size_t i = 0;

    while (i < l->people && strcmp(l->person[i], who) != 0)
        i++;
    if (i == LEARN_PEOPLE)
        return UINT64_C(1) << LEARN_PEOPLE;
    if (i == l->people)
        (void)snprintf(l->person[l->people++], TRAFFIC_WHO_MAX, "%s", who);
    return UINT64_C(1) << i;
}

/* Counts one of a kind that rates count together (`which`) in the minute before it. */
static void note_rate(struct learn_command *c, int which, uint64_t now_ms)
{
    uint32_t many = 1;

    for (size_t i = 0; i < LEARN_RING; i++)
        many += c->at[which][i] != 0 && now_ms + 1 - c->at[which][i] < MINUTE_MS;
    if (many > c->most)
        c->most = many;
    c->at[which][c->next[which]] = now_ms + 1;
    c->next[which] = (uint8_t)((c->next[which] + 1u) % LEARN_RING);
}

static bool was_stopped(const char *event)
{
    return strcmp(event, "policy.refused") == 0 || strcmp(event, "policy.dropped") == 0;
}

/* The select machine of the session, asked as the gate would and told what passed. */
static void note_select(struct learn *l, struct learn_command *c,
                        const struct traffic_apdu *t, const struct asdu *a)
{
    struct learn_session *s = &l->session[t->slot];

    if (select_is_select(a)) {
        c->selects++;
        (void)select_open(&s->selected, a, t->clock_ms, SELECT_MS);
        return;
    }
    if (select_is_execute(a)) {
        c->executes++;
        c->unselected +=
            select_ask(&s->selected, a, t->clock_ms, SELECT_MS) != SELECT_FITS;
    }
    select_end(&s->selected, a);
}

static void note_command(struct learn *l, struct learn_command *c,
                         const struct traffic_apdu *t, const struct asdu *a,
                         const uint8_t *element)
{
    const bool stopped = was_stopped(t->event);
    uint8_t qualifier;

    c->causes |= COT_BIT(a->cause);
    if (policy_qualifier(a->type, element, &qualifier))
        policy_octet_add(c->qualifiers, qualifier);
    policy_octet_add(c->originators, a->oa);
    c->who |= person_bit(l, t->who);
    c->stopped += stopped;
    if (stopped)
        return;
    if (a->cause != COT_DEACTIVATION)
        note_rate(c, select_is_select(a), t->clock_ms);
    note_select(l, c, t, a);
}

static void note_value(struct learn_point *p, double value)
{
    p->min = p->has_value && p->min < value ? p->min : value;
    p->max = p->has_value && p->max > value ? p->max : value;
    p->has_value = true;
}

static void note_object(struct learn *l, const struct traffic_apdu *t,
                        const struct asdu *a, uint32_t ioa, const uint8_t *element)
{
    struct learn_point *p = learn_point_of(l, t->dir, a->type_id, a->ca, ioa);
    uint64_t stopped = 0; /* of all before */
    double value;

    if (!p)
        return;
    if (p->command != UINT32_MAX) {
        stopped = l->command[p->command].stopped;
        note_command(l, &l->command[p->command], t, a, element);
    }
    if (p->seen == 0 || t->time_ms < p->first_ms)
        p->first_ms = t->time_ms;
    if (t->time_ms > p->last_ms)
        p->last_ms = t->time_ms;
    p->seen++;
    /* What was refused then says nothing of the values of what passed. */
    if (was_stopped(t->event) && stopped + 1 < p->seen)
        return;
    if (!was_stopped(t->event) && stopped > 0 && stopped + 1 == p->seen)
        p->has_value = false;
    /* A NaN is no value to propose. */
    if (asdu_value(a->type, element, &value) && value - value == 0.0)
        note_value(p, value);
}

/* What the station says to a command. */
static void note_answer(struct learn *l, const struct traffic_apdu *t,
                        const struct asdu *a)
{
    struct learn_point *p;

    select_answer(&l->session[t->slot].selected, a, t->clock_ms);
    p = learn_point_find(l, DIR_CONTROL, a->type_id, a->ca, a->ioa);
    if (!p)
        p = learn_point_find(l, DIR_CONTROL, a->type_id, ASDU_CA_ALL, a->ioa);
    if (!p)
        return;
    if (a->negative || cot_is_mirrored(a->cause))
        l->command[p->command].rejected++;
    else if (a->cause != COT_TERMINATION)
        l->command[p->command].confirmed++;
}

/* ---- ASDUs ------------------------------------------------------------------------- */

static void take_sound(struct learn *l, const struct traffic_apdu *t,
                       const struct asdu *a)
{
    const uint8_t *element;
    uint32_t ioa;

    l->types[t->dir][a->type_id % 128u]++;
    if (t->dir == DIR_MONITOR && cot_is_answer(a->cause)) {
        note_answer(l, t, a);
        return;
    }
    for (unsigned int i = 0; asdu_object(a, i, &ioa, &element); i++) /* 127 at most */
        note_object(l, t, a, ioa, element);
}

static void take_asdu(struct learn *l, const struct traffic_apdu *t, const uint8_t *asdu,
                      size_t n)
{
    struct asdu a;
    struct verdict v = asdu_parse(asdu, n, t->dir, &l->profile, &a);

    if (v.reason != REASON_OK) {
        v.offset = (uint16_t)(v.offset + APDU_SIZE_MIN);
        note_fault(l, t, v, false, a.type_id);
        return;
    }
    note_quirks(l, t, &a);
    /* As the gate does: the rules speak of what an aggressive mode request asks for, and
     * of nothing else of 60870-5-7. */
    if (a.inner)
        (void)asdu_parse(a.inner, a.inner_size, t->dir, &l->profile, &a);
    else if (a.type->layout == TYPE_LAYOUT_SECAUTH)
        return;
    take_sound(l, t, &a);
}

bool learn_apdu(void *ctx, const struct traffic_apdu *t)
{
    struct learn *l = ctx;
    struct learn_session *s = &l->session[t->slot];
    struct apci apci;

    if (s->number != t->session)
        *s = (struct learn_session){.number = t->session};
    if (t->framing.reason != REASON_OK) {
        note_fault(l, t, t->framing, true, 0);
        return true;
    }
    if (apci_parse(t->octets, t->n, &apci).reason != REASON_OK)
        return true;
    l->frames[apci.format]++;
    if (apci.format == APCI_U && traffic_goes_otherwise(apci.function, t->dir))
        note_fault(l, t, (struct verdict){.reason = REASON_DIRECTION, .offset = 2}, true,
                   0);
    if (apci.format == APCI_I)
        take_asdu(l, t, apci.asdu, apci.asdu_size);
    return !l->no_memory;
}
