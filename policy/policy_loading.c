/* From a blob to a policy in pieces: reading, one index after the other, the rules. */
#include "policy/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of compilation that a policy may cost: some seconds at the worst. */
#define BUDGET ((size_t)32 << 20)
/* Rules that are read, or taken over, in one piece, and the work of one in units. */
#define RULES_AT_ONCE 64u
#define RULE_WORK     32u

struct policy_loading {
    const uint8_t *blob;
    size_t size;
    struct policy_reading reading;
    struct policy_source source;
    struct policy_build b;
    struct policy_indexing *indexing;
    unsigned int stage;
    size_t at;    /* within the stage: type and direction, or rule */
    size_t other; /* type that it is compared with */
    enum policy_loaded state;
};

static enum policy_piece begin_reading(struct policy_loading *l)
{
    memset(l->b.policy->index_of, POLICY_NO_INDEX, sizeof l->b.policy->index_of);
    return policy_source_begin(&l->reading, l->blob, l->size, &l->source, l->b.err,
                               l->b.errcap)
               ? PIECE_LAST
               : PIECE_FAILED;
}

static enum policy_piece read_rules(struct policy_loading *l)
{
    const size_t left = l->reading.c.left;

    if (!policy_source_rules(&l->reading, RULES_AT_ONCE, l->b.err, l->b.errcap))
        return PIECE_FAILED;
    l->b.worked += RULES_AT_ONCE * RULE_WORK + (left - l->reading.c.left) / 4;
    if (l->reading.rules < l->source.count)
        return PIECE_MORE;
    return policy_source_end(&l->reading, l->b.err, l->b.errcap) ? PIECE_LAST
                                                                 : PIECE_FAILED;
}

/* ---- one index for types that are under the same rules ---- */

static enum direction direction_at(const struct policy_loading *l)
{
    return l->at % DIRECTIONS == 0 ? DIR_CONTROL : DIR_MONITOR;
}

static enum policy_piece next_type(struct policy_loading *l)
{
    l->other = 0;
    return ++l->at == (size_t)DIRECTIONS * TYPE_COUNT ? PIECE_LAST : PIECE_MORE;
}

static enum policy_piece build_index(struct policy_loading *l,
                                     const struct type_info *type)
{
    struct policy *p = l->b.policy;
    enum policy_piece piece;

    assert(p->index_count < POLICY_INDEXES_MAX);
    if (l->indexing == NULL)
        l->indexing = policy_indexing_begin(&l->b, direction_at(l), type);
    if (l->indexing == NULL)
        return PIECE_FAILED;
    piece = policy_indexing_step(l->indexing, &p->index[p->index_count]);
    if (piece != PIECE_LAST)
        return piece;
    policy_indexing_free(l->indexing);
    l->indexing = NULL;
    p->index_of[direction_at(l)][type->id] = (uint8_t)p->index_count++;
    return next_type(l);
}

/* Compares the type with one before it, or builds on at its own index. */
static enum policy_piece build_type(struct policy_loading *l)
{
    const enum direction direction = direction_at(l);
    uint8_t *const index_of = l->b.policy->index_of[direction];
    const size_t which = l->at / DIRECTIONS;
    const struct type_info *type = type_at(which), *other;

    if (l->indexing != NULL)
        return build_index(l, type);
    if ((l->source.types[direction][type->id / 8] >> type->id % 8 & 1) == 0)
        return next_type(l);
    l->b.worked += l->source.count;
    for (; l->other < which; l->other++) {
        other = type_at(l->other);
        if (index_of[other->id] == POLICY_NO_INDEX)
            continue;
        if (policy_types_are_alike(&l->source, direction, type, other)) {
            index_of[type->id] = index_of[other->id];
            return next_type(l);
        }
        l->other++;
        return PIECE_MORE;
    }
    return build_index(l, type);
}

/* ---- the rules ---- */

static enum policy_piece make_room(struct policy_loading *l)
{
    return policy_build_room(&l->b) ? PIECE_LAST : PIECE_FAILED;
}

static enum policy_piece take_rules(struct policy_loading *l)
{
    for (unsigned int n = 0; n < RULES_AT_ONCE && l->at < l->source.count; n++, l->at++) {
        if (!policy_build_rule(&l->b, l->at))
            return PIECE_FAILED;
        l->b.worked += RULE_WORK;
    }
    return l->at < l->source.count ? PIECE_MORE : PIECE_LAST;
}

/* Names and tables move from the source to the policy. */
static enum policy_piece take_names(struct policy_loading *l)
{
    struct policy *p = l->b.policy;

    memcpy(p->fallback, l->source.fallback, sizeof p->fallback);
    p->select_timeout = l->source.select_timeout;
    p->has_guards = l->source.has_guards;
    p->guards = l->source.guards;
    p->names = l->source.names;
    p->names_size = l->source.names_size;
    l->source.names = NULL;
    p->askers = l->source.askers;
    l->source.askers = NULL;
    return PIECE_LAST;
}

static enum policy_piece (*const stages[])(struct policy_loading *l) = {
    begin_reading, read_rules, make_room, take_rules, build_type, take_names,
};

struct policy_loading *policy_loading_begin(const uint8_t *blob, size_t n)
{
    struct policy_loading *l = calloc(1, sizeof *l);
    struct policy *p = calloc(1, sizeof *p);

    if (l == NULL || p == NULL) {
        free(l);
        free(p);
        return NULL;
    }
    l->blob = blob;
    l->size = n;
    l->b = (struct policy_build){.policy = p, .source = &l->source, .budget = BUDGET};
    return l;
}

static void run_piece(struct policy_loading *l)
{
    const enum policy_piece piece = stages[l->stage](l);

    if (piece == PIECE_FAILED) {
        l->state = POLICY_LOAD_FAILED;
    } else if (piece == PIECE_LAST) {
        l->at = 0;
        if (++l->stage == sizeof stages / sizeof stages[0])
            l->state = POLICY_LOAD_DONE;
    }
}

enum policy_loaded policy_loading_step(struct policy_loading *l, size_t steps, char *err,
                                       size_t errcap)
{
    const size_t begun = l->b.worked;

    l->b.err = err;
    l->b.errcap = errcap;
    while (l->state == POLICY_LOAD_MORE && l->b.worked - begun < steps) {
        run_piece(l);
        l->b.worked++; /* each does something, at least that */
    }
    return l->state;
}

size_t policy_loading_work(const struct policy_loading *l)
{
    return l->b.worked;
}

struct policy *policy_loading_end(struct policy_loading *l)
{
    struct policy *p;

    if (l == NULL)
        return NULL;
    p = l->b.policy;
    policy_indexing_free(l->indexing);
    policy_source_free(&l->source);
    if (l->state != POLICY_LOAD_DONE) {
        policy_free(p);
        p = NULL;
    }
    free(l);
    return p;
}

bool policy_load(const uint8_t *blob, size_t n, struct policy **out, char *err,
                 size_t errcap)
{
    struct policy_loading *l = policy_loading_begin(blob, n);
    bool good = false;

    *out = NULL;
    if (l == NULL) {
        snprintf(err, errcap, "out of memory");
        return false;
    }
    while (policy_loading_step(l, SIZE_MAX, err, errcap) == POLICY_LOAD_MORE)
        continue; /* each call does one of a bounded number of pieces */
    good = l->state == POLICY_LOAD_DONE;
    *out = policy_loading_end(l);
    return good;
}
