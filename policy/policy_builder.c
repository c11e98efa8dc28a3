/* Writes what policy_read.c reads. */
#include "policy/policy_asker_blob.h"
#include "policy/policy_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_builder {
    uint8_t *buf;
    size_t size, room;
    uint32_t rules;
    uint8_t fallback[DIRECTIONS];
    uint16_t select_timeout;
    bool bad;                     /* out of memory */
    struct policy_askers *askers; /* or NULL */
    bool has_guards;
    struct guard_settings guards;
};

struct policy_builder *policy_builder_new(void)
{
    struct policy_builder *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->size = POLICY_HEAD_SIZE;
    b->fallback[DIR_CONTROL] = POLICY_REFUSE;
    b->fallback[DIR_MONITOR] = POLICY_PASS;
    b->select_timeout = POLICY_SELECT_TIMEOUT;
    return b;
}

void policy_builder_free(struct policy_builder *b)
{
    if (b == NULL)
        return;
    free(b->askers);
    free(b->buf);
    free(b);
}

void policy_builder_default(struct policy_builder *b, enum direction direction,
                            enum policy_action action)
{
    b->fallback[direction] = (uint8_t)action;
}

void policy_builder_select_timeout(struct policy_builder *b, uint16_t seconds)
{
    b->select_timeout = seconds;
}

bool policy_builder_askers(struct policy_builder *b, const struct policy_askers *askers)
{
    if (b->askers == NULL)
        b->askers = malloc(sizeof *b->askers);
    if (b->askers == NULL)
        return false;
    *b->askers = *askers;
    return true;
}

void policy_builder_guards(struct policy_builder *b, const struct guard_settings *g)
{
    b->guards = *g;
    b->has_guards = !guard_settings_are_none(g);
}

static bool make_room(struct policy_builder *b, size_t more)
{
    size_t room = b->room ? b->room : 1024;

    while (room < b->size + more) /* doubles until it fits */
        room *= 2;
    if (room == b->room)
        return true;
    uint8_t *buf = realloc(b->buf, room);
    if (buf == NULL)
        return false;
    b->buf = buf;
    b->room = room;
    return true;
}

static void put_number(struct policy_builder *b, uint64_t v, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        b->buf[b->size++] = (uint8_t)(v >> 8 * i);
}

static void put_octets(struct policy_builder *b, const void *p, size_t n)
{
    memcpy(b->buf + b->size, p, n);
    b->size += n;
}

static void put_ranges(struct policy_builder *b, const struct policy_range *r, size_t n,
                       size_t octets)
{
    for (size_t i = 0; i < n; i++) {
        put_number(b, r[i].first, octets);
        put_number(b, r[i].last, octets);
    }
}

static void put_double(struct policy_builder *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    put_number(b, bits, 8);
}

static void put_when(struct policy_builder *b, const struct policy_when *w)
{
    put_number(b, w->causes, 8);
    put_number(b, w->phases, 1);
    put_octets(b, w->qualifiers, sizeof w->qualifiers);
    put_octets(b, w->originators, sizeof w->originators);
    put_number(b, w->bits, 1);
    put_number(b, w->value_count, 1);
    for (size_t i = 0; i < w->value_count; i++)
        put_double(b, w->value[i]);
}

static void put_limits(struct policy_builder *b, const struct policy_limits *l)
{
    put_number(b, l->select, 1);
    put_number(b, l->per, 1);
    put_number(b, l->rate_count, 4);
    put_number(b, l->rate_seconds, 4);
}

static void put_areas(struct policy_builder *b, const struct policy_rule *rule)
{
    put_number(b, rule->area_count, 4);
    for (size_t i = 0; i < rule->area_count; i++) {
        put_number(b, rule->area[i].type, 1);
        put_number(b, rule->area[i].ca, 2);
        put_number(b, rule->area[i].count, 4);
    }
    put_ranges(b, rule->ioa, rule->ioa_count, 4);
}

static void put_asker(struct policy_builder *b, const struct policy_rule *rule)
{
    put_number(b, rule->peers, 8);
    put_number(b, rule->sources, 8);
    put_number(b, rule->times, 8);
}

static void put_more(struct policy_builder *b, const struct policy_limits *l)
{
    put_number(b, l->step_first, 1);
    put_double(b, l->step);
    put_number(b, l->age_ms, 4);
}

static uint8_t sections_of(const struct policy_rule *rule)
{
    uint8_t has = 0;

    has |= rule->has_value ? POLICY_HAS_VALUE : 0;
    has |= rule->role_count > 0 ? POLICY_HAS_ROLES : 0;
    has |= policy_when_is_empty(&rule->when) ? 0 : POLICY_HAS_WHEN;
    has |= policy_limits_have_first(&rule->limits) ? POLICY_HAS_LIMITS : 0;
    has |= (rule->peers | rule->sources | rule->times) != 0 ? POLICY_HAS_ASKER : 0;
    has |= policy_limits_have_more(&rule->limits) ? POLICY_HAS_MORE : 0;
    has |= rule->area_count > 0 ? POLICY_HAS_AREAS : 0;
    has |= rule->limits.permit ? POLICY_HAS_PERMIT : 0;
    return has;
}

static void put_rule(struct policy_builder *b, const struct policy_rule *rule)
{
    const size_t name = strlen(rule->name);
    const uint8_t has = sections_of(rule);

    put_number(b, rule->direction, 1);
    put_number(b, rule->action, 1);
    put_number(b, has, 1);
    put_number(b, name, 1);
    put_octets(b, rule->name, name);
    put_octets(b, rule->types, sizeof rule->types);
    put_number(b, rule->ca_count, 2);
    put_number(b, rule->area_count > 0 ? 0 : rule->ioa_count, 2);
    put_ranges(b, rule->ca, rule->ca_count, 2);
    if (rule->area_count == 0)
        put_ranges(b, rule->ioa, rule->ioa_count, 4);
    if (rule->has_value) {
        put_double(b, rule->value_min);
        put_double(b, rule->value_max);
    }
    if (rule->role_count > 0)
        put_number(b, rule->role_count, 1);
    for (size_t i = 0; i < rule->role_count; i++)
        put_number(b, (uint16_t)rule->role[i], 2);
    if (has & POLICY_HAS_WHEN)
        put_when(b, &rule->when);
    if (has & POLICY_HAS_LIMITS)
        put_limits(b, &rule->limits);
    if (has & POLICY_HAS_ASKER)
        put_asker(b, rule);
    if (has & POLICY_HAS_MORE)
        put_more(b, &rule->limits);
    if (has & POLICY_HAS_AREAS)
        put_areas(b, rule);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct policy_range *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Sorts, and makes one of those that overlap or touch.  Ranges that are none, and the one
 * address `alone`, stay as they are for policy_rule_check to see. */
static size_t ranges_normalise(struct policy_range *r, size_t n, uint32_t alone)
{
    size_t used = 0;

    if (n > 0)
        qsort(r, n, sizeof *r, compare_ranges);
    for (size_t i = 0; i < n; i++) {
        struct policy_range *last = used > 0 ? &r[used - 1] : NULL;
        const bool none = r[i].first > r[i].last || (last && last->first > last->last);
        const bool touches = last && r[i].first <= (uint64_t)last->last + 1;
        if (!touches || none || (r[i].first == alone && last->last + 1 == alone))
            r[used++] = r[i];
        else if (r[i].last > last->last)
            last->last = r[i].last;
    }
    return used;
}

static struct policy_range *ranges_copy(const struct policy_range *r, size_t *n,
                                        uint32_t alone, bool as_they_are)
{
    struct policy_range *copy = calloc(*n + 1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    if (*n > 0)
        memcpy(copy, r, *n * sizeof *r);
    if (!as_they_are)
        *n = ranges_normalise(copy, *n, alone);
    return copy;
}

static int compare_roles(const void *a, const void *b)
{
    const int16_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Sorts, each once.  More than there may be stay for policy_rule_check to see. */
static void roles_normalise(struct policy_rule *r)
{
    size_t used = 0;

    if (r->role_count > POLICY_RULE_ROLES_MAX)
        return;
    qsort(r->role, r->role_count, sizeof r->role[0], compare_roles);
    for (size_t i = 0; i < r->role_count; i++)
        if (used == 0 || r->role[used - 1] != r->role[i])
            r->role[used++] = r->role[i];
    r->role_count = used;
}

static bool add_checked(struct policy_builder *b, const struct policy_rule *rule,
                        char *err, size_t errcap)
{
    if (!policy_rule_check(rule, err, errcap))
        return false;

    const size_t more = POLICY_RULE_SIZE + strlen(rule->name) + 4 * rule->ca_count +
                        8 * rule->ioa_count + 16 + 1 + 2 * POLICY_RULE_ROLES_MAX +
                        POLICY_WHEN_SIZE + POLICY_LIMITS_SIZE + POLICY_ASKER_SIZE +
                        POLICY_MORE_SIZE + 4 + POLICY_AREA_SIZE * rule->area_count;
    if (b->rules == POLICY_RULES_MAX || b->size + more > POLICY_BLOB_MAX) {
        snprintf(err, errcap, "too many rules");
        return false;
    }
    if (!make_room(b, more)) {
        snprintf(err, errcap, "out of memory");
        return false;
    }
    put_rule(b, rule);
    b->rules++;
    return true;
}

bool policy_builder_add(struct policy_builder *b, const struct policy_rule *rule,
                        char *err, size_t errcap)
{
    struct policy_rule r = *rule;
    struct policy_range *ca = ranges_copy(rule->ca, &r.ca_count, ASDU_CA_ALL, false);
    struct policy_range *ioa =
        ranges_copy(rule->ioa, &r.ioa_count, UINT32_MAX, rule->area_count > 0);
    bool good = false;

    roles_normalise(&r);
    r.ca = ca;
    r.ioa = ioa;
    if (r.name == NULL)
        r.name = "";
    if (ca != NULL && ioa != NULL)
        good = add_checked(b, &r, err, errcap);
    else
        snprintf(err, errcap, "out of memory");
    free(ca);
    free(ioa);
    return good;
}

const uint8_t *policy_builder_blob(struct policy_builder *b, size_t *size)
{
    const bool asks = b->askers != NULL && !policy_askers_are_empty(b->askers);
    const size_t rules = b->size;
    size_t whole = rules;

    *size = 0;
    if (!make_room(b, (asks ? 1 + POLICY_ASKERS_SIZE : 0) + 1 + GUARD_SETTINGS_SIZE))
        return NULL;
    if (asks) {
        b->buf[whole++] = POLICY_SECTION_ASKERS;
        whole += policy_askers_put(b->askers, b->buf + whole);
    }
    if (b->has_guards) {
        b->buf[whole++] = POLICY_SECTION_GUARDS;
        guard_settings_encode(&b->guards, b->buf + whole);
        whole += GUARD_SETTINGS_SIZE;
    }
    b->size = 0;
    put_octets(b, POLICY_MAGIC, POLICY_MAGIC_SIZE);
    put_number(b, b->rules, 4);
    put_octets(b, b->fallback, DIRECTIONS);
    put_number(b, b->select_timeout, 2);
    b->size = rules; /* more may come */
    *size = whole;
    return b->buf;
}
