#include "policy/select.h"

#include <string.h>

const char *select_word_name(enum select_word word)
{
    static const char *const names[SELECT_WORDS] = {
        [SELECT_FITS] = "fits",
        [SELECT_MISSING] = "no-select",
        [SELECT_UNCONFIRMED] = "select-unconfirmed",
        [SELECT_LATE] = "select-late",
        [SELECT_DIFFERENT] = "select-different",
    };

    return (size_t)word < SELECT_WORDS ? names[word] : "unknown";
}

bool select_is_select(const struct asdu *a)
{
    return a->cause == COT_ACTIVATION && a->has_select && a->select;
}

bool select_is_execute(const struct asdu *a)
{
    return a->cause == COT_ACTIVATION && a->has_select && !a->select;
}

/* What a command asks for: its elements without S/E and time tag.  Gives their number, 0
 * if it is no command that can be selected. */
static uint8_t wish_of(const struct asdu *a, uint8_t wish[SELECT_ELEMENTS])
{
    const uint8_t *element;
    uint32_t ioa;
    size_t n;

    if (!a->type || !a->type->has_select || !asdu_object(a, 0, &ioa, &element))
        return 0;
    n = (size_t)a->type->select_offset + 1;
    if (n > SELECT_ELEMENTS || n > a->type->size)
        return 0;
    memcpy(wish, element, n);
    wish[a->type->select_offset] &= 0x7F;
    return (uint8_t)n;
}

static bool is_of(const struct select_point *p, const struct asdu *a)
{
    return p->used && p->type == a->type_id && p->ca == a->ca && p->ioa == a->ioa;
}

static struct select_point *find(struct select_table *t, const struct asdu *a)
{
    for (size_t i = 0; i < SELECT_POINTS; i++) {
        if (is_of(&t->point[i], a))
            return &t->point[i];
    }
    return NULL;
}

/* Clocks that go back (they do not) would make everything late: safe. */
static bool is_over(const struct select_point *p, uint64_t now_ms, uint64_t timeout_ms)
{
    return now_ms - p->since_ms > timeout_ms;
}

static struct select_point *place_for(struct select_table *t, const struct asdu *a,
                                      uint64_t now_ms, uint64_t timeout_ms)
{
    struct select_point *p = find(t, a);

    for (size_t i = 0; !p && i < SELECT_POINTS; i++) {
        if (!t->point[i].used || is_over(&t->point[i], now_ms, timeout_ms))
            p = &t->point[i];
    }
    return p;
}

bool select_open(struct select_table *t, const struct asdu *a, uint64_t now_ms,
                 uint64_t timeout_ms)
{
    struct select_point *p = place_for(t, a, now_ms, timeout_ms);
    uint8_t wish[SELECT_ELEMENTS];
    const uint8_t n = wish_of(a, wish);

    if (!p || n == 0)
        return false;
    *p = (struct select_point){.used = true,
                               .type = a->type_id,
                               .ca = a->ca,
                               .ioa = a->ioa,
                               .size = n,
                               .since_ms = now_ms};
    memcpy(p->element, wish, n);
    return true;
}

enum select_word select_ask(const struct select_table *t, const struct asdu *a,
                            uint64_t now_ms, uint64_t timeout_ms)
{
    uint8_t wish[SELECT_ELEMENTS];
    const uint8_t n = wish_of(a, wish);

    for (size_t i = 0; i < SELECT_POINTS; i++) {
        const struct select_point *p = &t->point[i];

        if (!is_of(p, a))
            continue;
        if (!p->confirmed)
            return SELECT_UNCONFIRMED;
        if (is_over(p, now_ms, timeout_ms))
            return SELECT_LATE;
        return n == p->size && memcmp(wish, p->element, n) == 0 ? SELECT_FITS
                                                                : SELECT_DIFFERENT;
    }
    return SELECT_MISSING;
}

void select_end(struct select_table *t, const struct asdu *a)
{
    struct select_point *p = find(t, a);

    if (p)
        p->used = false;
}

void select_answer(struct select_table *t, const struct asdu *a, uint64_t now_ms)
{
    struct select_point *p = cot_is_answer(a->cause) ? find(t, a) : NULL;
    uint8_t wish[SELECT_ELEMENTS];
    uint8_t n;

    if (!p)
        return;
    if (a->cause != COT_ACTIVATION_CON || a->negative) {
        p->used = false;
        return;
    }
    /* Confirmed is what the station repeats, not what it was asked. */
    n = wish_of(a, wish);
    if (!p->confirmed && a->has_select && a->select && n == p->size &&
        memcmp(wish, p->element, n) == 0) {
        p->confirmed = true;
        p->since_ms = now_ms;
    }
}
