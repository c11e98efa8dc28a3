#include "policy/permit.h"

#include <string.h>

const char *permit_word_name(enum permit_word word)
{
    static const char *const names[PERMIT_WORDS] = {
        [PERMIT_HOLDS] = "holds",
        [PERMIT_NONE] = "no-permit",
        [PERMIT_EXPIRED] = "permit-expired",
        [PERMIT_USED_UP] = "permit-used-up",
    };

    return (size_t)word < PERMIT_WORDS ? names[word] : "unknown";
}

/* ---- scope ---- */

static bool in_set(const uint8_t types[32], uint8_t id)
{
    return (types[id / 8] >> id % 8 & 1u) != 0;
}

static bool names_types(const uint8_t types[32])
{
    static const uint8_t none[32];

    return memcmp(types, none, sizeof none) != 0;
}

static bool types_are_good(const uint8_t types[32])
{
    for (unsigned int id = 0; id < 256; id++) {
        const struct type_info *type = type_info((uint8_t)id);

        if (in_set(types, (uint8_t)id) && (!type || type->layout != TYPE_LAYOUT_OBJECTS ||
                                           !policy_speaks_of(type, DIR_CONTROL)))
            return false;
    }
    return true;
}

static bool ranges_are_good(const struct policy_range *r, size_t n, uint32_t min,
                            uint32_t max)
{
    for (size_t i = 0; i < n; i++) {
        if (r[i].first < min || r[i].last > max || r[i].first > r[i].last ||
            (i > 0 && r[i].first <= r[i - 1].last))
            return false;
    }
    return true;
}

/* All stations at once are never part of a range. */
static bool all_stations_is_alone(const struct permit_scope *s)
{
    for (size_t i = 0; i < s->ca_count; i++) {
        if (s->ca[i].last == ASDU_CA_ALL && s->ca[i].first != ASDU_CA_ALL)
            return false;
    }
    return true;
}

static bool subject_is_good(const char *subject)
{
    const size_t n = strnlen(subject, PERMIT_SUBJECT_CAP);

    for (size_t i = 0; i < n; i++) {
        if (subject[i] < 0x20 || subject[i] > 0x7E)
            return false;
    }
    return n < PERMIT_SUBJECT_CAP;
}

bool permit_scope_is_good(const struct permit_scope *s)
{
    return s->ca_count <= PERMIT_RANGES_MAX && s->ioa_count <= PERMIT_RANGES_MAX &&
           ranges_are_good(s->ca, s->ca_count, 1, ASDU_CA_ALL) &&
           all_stations_is_alone(s) &&
           ranges_are_good(s->ioa, s->ioa_count, 0, ASDU_IOA_MAX) &&
           types_are_good(s->types) && subject_is_good(s->subject);
}

/* By insertion: there are few. */
static void sort(struct policy_range *r, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && r[k].first < r[k - 1].first; k--) {
            const struct policy_range other = r[k];

            r[k] = r[k - 1];
            r[k - 1] = other;
        }
    }
}

static uint8_t join(struct policy_range *r, size_t n, uint32_t alone)
{
    uint8_t used = 0;

    sort(r, n);
    for (size_t i = 0; i < n; i++) {
        struct policy_range *last = used > 0 ? &r[used - 1] : NULL;
        const bool apart = !last || r[i].first > (uint64_t)last->last + 1 ||
                           (r[i].first == alone && last->last < alone);

        if (apart)
            r[used++] = r[i];
        else if (r[i].last > last->last)
            last->last = r[i].last;
    }
    return used;
}

void permit_scope_normalise(struct permit_scope *s)
{
    s->ca_count = join(s->ca, s->ca_count, ASDU_CA_ALL);
    s->ioa_count = join(s->ioa, s->ioa_count, UINT32_MAX);
}

static bool holds(const struct policy_range *r, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++) {
        if (x >= r[i].first && x <= r[i].last)
            return true;
    }
    return false;
}

static bool ca_fits(const struct permit_scope *s, uint16_t ca)
{
    if (s->ca_count == 0)
        return ca != ASDU_CA_ALL;
    return holds(s->ca, s->ca_count, ca);
}

/* Commands have one object (101 clause 7.2.2); what has more is not one. */
static bool ioa_fits(const struct permit_scope *s, const struct asdu *a)
{
    if (s->ioa_count == 0)
        return true;
    if (a->type->ioa == TYPE_IOA_ZERO)
        return in_set(s->types, a->type_id);
    return a->count == 1 && holds(s->ioa, s->ioa_count, a->ioa);
}

static bool who_fits(const struct permit_scope *s, const struct permit_asker *who)
{
    if (!s->has_fingerprint && s->subject[0] == '\0')
        return true;
    if (!who->fingerprint)
        return false;
    if (s->has_fingerprint &&
        memcmp(s->fingerprint, who->fingerprint, PERMIT_FINGERPRINT_LEN) != 0)
        return false;
    return s->subject[0] == '\0' || strcmp(s->subject, who->subject) == 0;
}

bool permit_scope_fits(const struct permit_scope *s, const struct permit_asker *who,
                       const struct asdu *a)
{
    return a->type && (!names_types(s->types) || in_set(s->types, a->type_id)) &&
           ca_fits(s, a->ca) && ioa_fits(s, a) && who_fits(s, who);
}

/* ---- the table ---- */

static bool is_used_up(const struct permit *p)
{
    return p->commands != 0 && p->used >= p->commands;
}

bool permit_lives(const struct permit *p, uint64_t now_ms)
{
    return p->id != 0 && now_ms < p->until_ms && !is_used_up(p);
}

struct permit *permit_of(struct permit_table *t, uint32_t id)
{
    for (size_t i = 0; i < PERMITS_MAX && id != 0; i++) {
        if (t->permit[i].id == id)
            return &t->permit[i];
    }
    return NULL;
}

void permit_drop(struct permit_table *t, uint32_t id)
{
    struct permit *p = permit_of(t, id);

    if (p)
        memset(p, 0, sizeof *p);
}

/* A free place, else that of the one which ended first: those are kept as long as there
 * is room, so that a refusal can tell that there was one. */
static struct permit *place_for(struct permit_table *t, uint32_t id, uint64_t now_ms)
{
    struct permit *place = permit_of(t, id);

    for (size_t i = 0; i < PERMITS_MAX && !place; i++) {
        if (t->permit[i].id == 0)
            place = &t->permit[i];
    }
    if (place)
        return place;
    for (size_t i = 0; i < PERMITS_MAX; i++) {
        struct permit *p = &t->permit[i];

        if (!permit_lives(p, now_ms) && (!place || p->until_ms < place->until_ms))
            place = p;
    }
    return place;
}

bool permit_put(struct permit_table *t, const struct permit *p, uint64_t now_ms)
{
    struct permit *place = place_for(t, p->id, now_ms);

    if (place)
        *place = *p;
    return place != NULL;
}

static uint32_t left_of(const struct permit *p)
{
    return p->commands == 0 ? UINT32_MAX : p->commands - p->used;
}

struct permit *permit_find(struct permit_table *t, const struct permit_asker *who,
                           const struct asdu *a, uint64_t now_ms, enum permit_word *word)
{
    struct permit *found = NULL;

    *word = PERMIT_NONE;
    for (size_t i = 0; i < PERMITS_MAX; i++) {
        struct permit *p = &t->permit[i];

        if (p->id == 0 || !permit_scope_fits(&p->scope, who, a))
            continue;
        if (!permit_lives(p, now_ms))
            *word = is_used_up(p) ? PERMIT_USED_UP : PERMIT_EXPIRED;
        else if (!found || left_of(p) < left_of(found))
            found = p;
    }
    if (found)
        *word = PERMIT_HOLDS;
    return found;
}
