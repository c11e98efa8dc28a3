#include "policy/policy_clause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IOA_COUNT (ASDU_IOA_MAX + 1)
/* Cells of a comparison: some seconds at the worst. */
#define CELLS_MAX ((size_t)8 << 20)
#define NO_TEXT   UINT32_MAX

/* Texts that were met, each once. */
struct texts {
    char **at;
    size_t count, room;
    uint32_t *index; /* hash table of places, plus 1 */
    size_t index_room;
};

/* A stretch of object addresses where something changes in the same way. */
struct piece {
    uint32_t first, last;
    enum policy_difference_kind kind;
    uint32_t was, is; /* texts */
    int32_t was_rule, is_rule;
};

struct pieces {
    struct piece *at;
    size_t count, room;
};

enum { WAS, IS, SIDES };

struct diff {
    struct clause_side side[SIDES];
    struct clause_list work;
    struct clause_text text[SIDES][2]; /* full, folded */
    struct texts texts;
    struct pieces now, before; /* of this stretch of common addresses and the last */
    struct policy_range before_ca;
    uint32_t *starts; /* of stretches of object addresses */
    size_t start_room;
    size_t cells; /* left */
    uint8_t types[32];
    struct clause_place place[SIDES];
    bool any_ioa;
    struct policy_range *ranges; /* for `told` */
    size_t range_room;
    policy_role_namer *namer;
    bool (*told)(void *ctx, const struct policy_difference *c);
    void *ctx;
    enum policy_diff_end end;
};

static bool stop(struct diff *d, enum policy_diff_end end)
{
    d->end = end;
    return false;
}

/* Makes room for `need` items of `size` octets at *at. */
static bool reserve(struct diff *d, void **at, size_t *room, size_t need, size_t size)
{
    void *more;

    if (need <= *room)
        return true;
    need = 2 * need + 16;
    more = realloc(*at, need * size);
    if (!more)
        return stop(d, POLICY_DIFF_LARGE);
    *at = more;
    *room = need;
    return true;
}

/* ---- texts ------------------------------------------------------------------------- */

static uint64_t hash_text(const char *s)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001B3);
    return h ^ h >> 32;
}

static size_t text_place(const struct texts *t, const char *text)
{
    size_t at = hash_text(text) & (t->index_room - 1);

    while (t->index[at] != 0 && strcmp(t->at[t->index[at] - 1], text) != 0)
        at = (at + 1) & (t->index_room - 1); /* half of it is free */
    return at;
}

static bool grow_index(struct diff *d)
{
    struct texts *t = &d->texts;
    uint32_t *index;

    if (2 * t->count < t->index_room)
        return true;
    index = calloc(4 * t->count + 64, sizeof *index);
    if (!index)
        return stop(d, POLICY_DIFF_LARGE);
    free(t->index);
    t->index = index;
    /* A power of two, below what was asked for. */
    for (t->index_room = 64; t->index_room * 2 <= 4 * t->count + 64;)
        t->index_room *= 2;
    for (size_t i = 0; i < t->count; i++)
        t->index[text_place(t, t->at[i])] = (uint32_t)i + 1;
    return true;
}

/* The number of a text. */
static bool intern(struct diff *d, const char *text, uint32_t *number)
{
    struct texts *t = &d->texts;
    void *list = t->at;
    size_t place;

    if (!grow_index(d))
        return false;
    place = text_place(t, text);
    if (t->index[place] == 0) {
        if (!reserve(d, &list, &t->room, t->count + 1, sizeof *t->at))
            return false;
        t->at = list;
        t->at[t->count] = strdup(text);
        if (!t->at[t->count])
            return stop(d, POLICY_DIFF_LARGE);
        t->index[place] = (uint32_t)++t->count;
    }
    *number = t->index[place] - 1;
    return true;
}

/* ---- one cell ---------------------------------------------------------------------- */

/* Writes both texts of a side; the first rule that can decide goes to *rule. */
static bool describe(struct diff *d, int which, int32_t *rule, bool *passes)
{
    uint32_t rules[CLAUSES_MAX];
    const size_t count = clause_rules(&d->side[which], &d->place[which], rules);
    bool again;

    *rule = count > 0 ? (int32_t)rules[0] : POLICY_DEFAULT;
    clause_write(&d->text[which][0], &d->work, &d->side[which], &d->place[which], rules,
                 count, false, d->namer, passes);
    clause_write(&d->text[which][1], &d->work, &d->side[which], &d->place[which], rules,
                 count, true, d->namer, &again);
    return (!d->text[which][0].failed && !d->text[which][1].failed) ||
           stop(d, POLICY_DIFF_LARGE);
}

static bool add_piece(struct diff *d, const struct piece *p)
{
    struct pieces *now = &d->now;
    struct piece *last = now->count > 0 ? &now->at[now->count - 1] : NULL;
    void *list = now->at;

    if (last && last->last + 1 == p->first && last->kind == p->kind &&
        last->was == p->was && last->is == p->is) {
        last->last = p->last;
        return true;
    }
    if (!reserve(d, &list, &now->room, now->count + 1, sizeof *now->at))
        return false;
    now->at = list;
    now->at[now->count++] = *p;
    return true;
}

static bool compare_cell(struct diff *d, uint32_t first, uint32_t last)
{
    struct piece p = {.first = first, .last = last};
    bool was, is;

    if (d->cells-- == 0)
        return stop(d, POLICY_DIFF_LARGE);
    d->place[WAS].ioa = d->place[IS].ioa = first;
    if (!describe(d, WAS, &p.was_rule, &was) || !describe(d, IS, &p.is_rule, &is))
        return false;
    if (strcmp(d->text[WAS][0].at, d->text[IS][0].at) == 0)
        return true;
    p.kind = was != is ? (is ? POLICY_NEWLY_ALLOWED : POLICY_NO_LONGER)
             : strcmp(d->text[WAS][1].at, d->text[IS][1].at) == 0
                 ? POLICY_OTHER_ANSWER
                 : POLICY_OTHER_CONDITIONS;
    return intern(d, d->text[WAS][0].at, &p.was) && intern(d, d->text[IS][0].at, &p.is) &&
           add_piece(d, &p);
}

/* ---- stretches of object addresses ------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Adds where segments begin on the way from the leaf of this common address. */
static bool add_starts(struct diff *d, int which, size_t *count)
{
    const struct policy *p = d->side[which].policy;
    const struct policy_index *index = d->place[which].index;
    void *list = d->starts;

    if (!index)
        return true;
    for (uint32_t node = index->leaf_count + clause_leaf(p, index, d->place[which].ca);
         node >= 1; node /= 2) {
        const struct policy_node *n = &p->nodes[index->node + node];

        if (!reserve(d, &list, &d->start_room, *count + n->count + 2, sizeof *d->starts))
            return false;
        d->starts = list;
        if (n->count > 0)
            memcpy(d->starts + *count, p->segment_start.item + n->segment,
                   n->count * sizeof *d->starts);
        *count += n->count;
    }
    return true;
}

static bool compare_objects(struct diff *d)
{
    void *list = d->starts;
    size_t count = 0;

    if (!reserve(d, &list, &d->start_room, 2, sizeof *d->starts))
        return false;
    d->starts = list;
    d->starts[count++] = 0;
    if (!add_starts(d, WAS, &count) || !add_starts(d, IS, &count))
        return false;
    qsort(d->starts, count, sizeof *d->starts, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        const uint32_t next = i + 1 < count ? d->starts[i + 1] : IOA_COUNT;

        if (next > d->starts[i] && !compare_cell(d, d->starts[i], next - 1))
            return false;
    }
    return true;
}

/* ---- stretches of common addresses ------------------------------------------------- */

static bool same_pieces(const struct pieces *a, const struct pieces *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->at[i].first != b->at[i].first || a->at[i].last != b->at[i].last ||
            a->at[i].kind != b->at[i].kind || a->at[i].was != b->at[i].was ||
            a->at[i].is != b->at[i].is)
            return false;
    }
    return true;
}

/* Tells of all pieces that change as the first does that was not told yet. */
static bool tell_like(struct diff *d, size_t first)
{
    const struct piece like = d->before.at[first];
    struct policy_difference c = {.kind = like.kind,
                                  .direction = d->place[WAS].direction,
                                  .ca = d->before_ca,
                                  .was = d->texts.at[like.was],
                                  .is = d->texts.at[like.is],
                                  .was_rule = like.was_rule,
                                  .is_rule = like.is_rule};
    void *list = d->ranges;

    if (!reserve(d, &list, &d->range_room, d->before.count, sizeof *d->ranges))
        return false;
    d->ranges = list;
    memcpy(c.types, d->types, sizeof c.types);
    for (size_t i = first; i < d->before.count; i++) {
        struct piece *p = &d->before.at[i];

        if (p->was != like.was || p->is != like.is || p->kind != like.kind)
            continue;
        d->ranges[c.ioa_count++] = (struct policy_range){p->first, p->last};
        if (i > first)
            p->was = NO_TEXT; /* told */
    }
    c.ioa = d->ranges;
    c.ioa_count = d->any_ioa ? 0 : c.ioa_count;
    return d->told(d->ctx, &c) || stop(d, POLICY_DIFF_STOPPED);
}

static bool flush(struct diff *d)
{
    for (size_t i = 0; i < d->before.count; i++) {
        if (d->before.at[i].was != NO_TEXT && !tell_like(d, i))
            return false;
    }
    d->before.count = 0;
    return true;
}

static bool compare_stations(struct diff *d, uint32_t first, uint32_t last)
{
    struct pieces spare;

    d->place[WAS].ca = d->place[IS].ca = (uint16_t)first;
    d->now.count = 0;
    if (!compare_objects(d))
        return false;
    if (d->before.count > 0 && same_pieces(&d->now, &d->before)) {
        d->before_ca.last = last;
        return true;
    }
    if (!flush(d))
        return false;
    spare = d->before;
    d->before = d->now;
    d->now = spare;
    d->before_ca = (struct policy_range){first, last};
    return true;
}

/* The first common address above `ca` where a leaf of either begins, or behind the last.
 */
static uint32_t next_station(const struct diff *d, uint32_t ca)
{
    uint32_t next = ASDU_CA_ALL + 1;

    for (int s = 0; s < SIDES; s++) {
        const struct policy *p = d->side[s].policy;
        const struct policy_index *index = d->place[s].index;
        uint32_t leaf;

        if (!index)
            continue;
        leaf = clause_leaf(p, index, ca) + 1;
        if (leaf < index->leaf_count && p->leaf_start.item[index->leaf + leaf] < next)
            next = p->leaf_start.item[index->leaf + leaf];
    }
    return next;
}

/* All addresses of the types in d->types, under the same rules in each policy. */
static bool compare_types(struct diff *d)
{
    /* 101 clause 7.2.4: no station answers for all. */
    const uint32_t end =
        d->place[WAS].direction == DIR_MONITOR ? ASDU_CA_ALL : ASDU_CA_ALL + 1;
    uint32_t ca = 0;

    while (ca < end) { /* grows */
        uint32_t next = next_station(d, ca);

        next = next < end ? next : end;

        if (!compare_stations(d, ca, next - 1))
            return false;
        ca = next;
    }
    return flush(d);
}

/* ---- types ------------------------------------------------------------------------- */

/* What makes two types the same for a comparison. */
struct sort {
    uint8_t index[SIDES];
    bool any_ioa, needs_role[SIDES];
};

static struct sort sort_of(const struct diff *d, enum direction direction,
                           const struct type_info *type)
{
    struct sort s = {.any_ioa = type->ioa == TYPE_IOA_ZERO};

    for (int i = 0; i < SIDES; i++) {
        const struct policy *p = d->side[i].policy;

        s.index[i] = p->index_of[direction][type->id];
        s.needs_role[i] = direction == DIR_CONTROL && policy_names_roles(p) &&
                          !policy_is_harmless(type->id);
    }
    return s;
}

static bool same_sort(const struct sort *a, const struct sort *b)
{
    return a->index[WAS] == b->index[WAS] && a->index[IS] == b->index[IS] &&
           a->any_ioa == b->any_ioa && a->needs_role[WAS] == b->needs_role[WAS] &&
           a->needs_role[IS] == b->needs_role[IS];
}

/* Compares all types that are of the same sort as the one at `first`. */
static bool compare_sort(struct diff *d, enum direction direction, size_t first,
                         bool done[TYPE_COUNT])
{
    const struct sort like = sort_of(d, direction, type_at(first));

    memset(d->types, 0, sizeof d->types);
    for (size_t i = first; i < TYPE_COUNT; i++) {
        const struct type_info *type = type_at(i);
        struct sort s;

        if (done[i] || !policy_speaks_of(type, direction))
            continue;
        s = sort_of(d, direction, type);
        if (!same_sort(&s, &like))
            continue;
        policy_types_set(d->types, type->id);
        done[i] = true;
    }
    d->any_ioa = like.any_ioa;
    for (int i = 0; i < SIDES; i++) {
        const struct policy *p = d->side[i].policy;

        d->place[i] = (struct clause_place){
            .direction = direction,
            .index = like.index[i] == POLICY_NO_INDEX ? NULL : &p->index[like.index[i]],
            .needs_role = like.needs_role[i]};
    }
    return compare_types(d);
}

static void compare_all(struct diff *d)
{
    for (int dir = 0; dir < DIRECTIONS; dir++) {
        bool done[TYPE_COUNT] = {false};

        for (size_t i = 0; i < TYPE_COUNT; i++) {
            if (!done[i] && policy_speaks_of(type_at(i), (enum direction)dir) &&
                !compare_sort(d, (enum direction)dir, i, done))
                return;
        }
    }
}

/* ---- the comparison ---------------------------------------------------------------- */

static bool load(struct clause_side *s, const uint8_t *blob, size_t n, char *err,
                 size_t errcap)
{
    if (!policy_source_read(blob, n, &s->source, err, errcap))
        return false;
    return policy_load(blob, n, &s->policy, err, errcap);
}

static void free_all(struct diff *d)
{
    for (int i = 0; i < SIDES; i++) {
        policy_source_free(&d->side[i].source);
        policy_free(d->side[i].policy);
        clause_text_free(&d->text[i][0]);
        clause_text_free(&d->text[i][1]);
    }
    clause_text_free(&d->work.scratch);
    for (size_t i = 0; i < d->texts.count; i++)
        free(d->texts.at[i]);
    free(d->texts.at);
    free(d->texts.index);
    free(d->now.at);
    free(d->before.at);
    free(d->starts);
    free(d->ranges);
    free(d);
}

enum policy_diff_end policy_diff(const uint8_t *was, size_t was_size, const uint8_t *is,
                                 size_t is_size, policy_role_namer *namer,
                                 bool (*told)(void *ctx,
                                              const struct policy_difference *c),
                                 void *ctx, char *err, size_t errcap)
{
    struct diff *d = calloc(1, sizeof *d);
    enum policy_diff_end end = POLICY_DIFF_BAD;

    if (!d)
        return POLICY_DIFF_LARGE;
    d->cells = CELLS_MAX;
    d->namer = namer;
    d->told = told;
    d->ctx = ctx;
    d->end = POLICY_DIFF_DONE;
    if (load(&d->side[WAS], was, was_size, err, errcap) &&
        load(&d->side[IS], is, is_size, err, errcap)) {
        compare_all(d);
        end = d->end;
    }
    free_all(d);
    return end;
}
