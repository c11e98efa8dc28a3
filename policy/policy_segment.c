/* Cuts the rules of one node into stretches of object addresses.  Piece by piece, as a
 * node can have all points of a station. */
#include "policy/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define IOA_COUNT (ASDU_IOA_MAX + 1)
/* What one piece does of what is cheap, and of what is not. */
#define CHEAP_AT_ONCE 8192u
#define DEAR_AT_ONCE  512u
#define DEAR          16u /* units of work */
/* So many numbers are sorted in one piece; more by a bit for each. */
#define SORT_AT_ONCE 2048u
#define BIT_WORDS    (IOA_COUNT / 64 + 1)

/* The rules of a segment are a list while it is made; `open` leads to the next segment
 * that a further rule can still decide on: a rule that asks for no more than addresses
 * closes a segment. */
struct policy_cutting {
    struct policy_build *b;
    const struct policy_hung *hung;
    size_t rule_count;
    const struct type_info *type;
    uint16_t ca; /* of rules with areas */
    unsigned int stage;
    size_t at, k;    /* rule (or what the stage counts), and range of it */
    size_t bounds;   /* room in start */
    size_t used;     /* of that */
    uint64_t *bits;  /* of addresses that are in start */
    uint32_t *start; /* of each segment, ascending; start[count] is IOA_COUNT */
    uint32_t *open, *head, *tail, *values;
    size_t count;
    struct listed *listed; /* of the lists */
    size_t listed_count, listed_room;
    struct policy_node node;
};

struct listed {
    struct policy_candidate candidate;
    uint32_t next;
};

static const struct policy_range *rule_ioa(const struct policy_cutting *c, uint32_t rule,
                                           size_t *n)
{
    return policy_rule_ioas(&c->b->source->rule[rule], c->type, c->ca, n);
}

/* ---- where segments begin ---- */

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static enum policy_piece count_bounds(struct policy_cutting *c)
{
    size_t n;

    for (size_t i = 0; i < DEAR_AT_ONCE && c->at < c->rule_count; i++, c->at++) {
        (void)rule_ioa(c, c->hung[c->at].rule, &n);
        c->bounds += 2 * n;
        c->b->worked += DEAR;
    }
    if (c->at < c->rule_count)
        return PIECE_MORE;
    c->bounds += 2;
    if (!policy_build_spend(c->b, c->bounds))
        return PIECE_FAILED;
    c->start = malloc(c->bounds * sizeof *c->start);
    if (c->start == NULL) {
        policy_build_no_memory(c->b);
        return PIECE_FAILED;
    }
    c->start[c->used++] = 0;
    c->start[c->used++] = IOA_COUNT;
    return PIECE_LAST;
}

/* Goes through the ranges of all rules; false when there is none left.  As many as make a
 * piece: `left` counts down. */
static bool next_range(struct policy_cutting *c, size_t *left, struct policy_range *r)
{
    for (; *left > 0 && c->at < c->rule_count; c->at++, c->k = 0, --*left) {
        size_t n;
        const struct policy_range *all = rule_ioa(c, c->hung[c->at].rule, &n);

        if (c->k < n) {
            *r = all[c->k++];
            --*left;
            return true;
        }
    }
    return false;
}

static enum policy_piece after_ranges(const struct policy_cutting *c)
{
    return c->at < c->rule_count ? PIECE_MORE : PIECE_LAST;
}

/* Where a range of any of the rules begins or has ended, from 0 to IOA_COUNT. */
static enum policy_piece collect_starts(struct policy_cutting *c)
{
    struct policy_range r;

    for (size_t left = DEAR_AT_ONCE; next_range(c, &left, &r);) {
        c->start[c->used++] = r.first;
        c->start[c->used++] = r.last + 1;
        c->b->worked += 2;
    }
    return after_ranges(c);
}

static size_t sort_unique(uint32_t *v, size_t n)
{
    size_t used = 0;

    qsort(v, n, sizeof *v, compare_numbers);
    for (size_t i = 0; i < n; i++)
        if (used == 0 || v[used - 1] != v[i])
            v[used++] = v[i];
    return used;
}

/* The few at once; of many each gets its bit. */
static enum policy_piece sort_or_mark(struct policy_cutting *c)
{
    if (c->used <= SORT_AT_ONCE) {
        c->b->worked += DEAR * c->used;
        c->used = sort_unique(c->start, c->used);
        return PIECE_LAST;
    }
    if (c->bits == NULL)
        c->bits = calloc(BIT_WORDS, sizeof *c->bits);
    if (c->bits == NULL) {
        policy_build_no_memory(c->b);
        return PIECE_FAILED;
    }
    for (size_t i = 0; i < CHEAP_AT_ONCE && c->at < c->used; i++, c->at++)
        c->bits[c->start[c->at] / 64] |= UINT64_C(1) << c->start[c->at] % 64;
    c->b->worked += CHEAP_AT_ONCE;
    return c->at < c->used ? PIECE_MORE : PIECE_LAST;
}

static enum policy_piece gather_bits(struct policy_cutting *c)
{
    if (c->bits == NULL)
        return PIECE_LAST;
    if (c->at == 0)
        c->used = 0;
    for (size_t i = 0; i < CHEAP_AT_ONCE && c->at < BIT_WORDS; i++, c->at++) {
        for (uint64_t w = c->bits[c->at]; w != 0; w &= w - 1)
            c->start[c->used++] = (uint32_t)(c->at * 64 + (size_t)__builtin_ctzll(w));
    }
    c->b->worked += CHEAP_AT_ONCE;
    return c->at < BIT_WORDS ? PIECE_MORE : PIECE_LAST;
}

/* ---- which rules they have ---- */

static enum policy_piece allocate(struct policy_cutting *c)
{
    size_t size;

    c->count = c->used - 1;
    size = (c->count + 1) * sizeof *c->open;
    c->open = malloc(size);
    c->head = malloc(size);
    c->tail = malloc(size);
    c->values = malloc(size);
    if (c->open == NULL || c->head == NULL || c->tail == NULL || c->values == NULL) {
        policy_build_no_memory(c->b);
        return PIECE_FAILED;
    }
    return PIECE_LAST;
}

static enum policy_piece begin_segments(struct policy_cutting *c)
{
    for (size_t i = 0; i < CHEAP_AT_ONCE && c->at <= c->count; i++, c->at++) {
        c->open[c->at] = (uint32_t)c->at;
        c->head[c->at] = c->tail[c->at] = NONE;
        c->values[c->at] = 0;
        c->b->worked++;
    }
    return c->at <= c->count ? PIECE_MORE : PIECE_LAST;
}

static uint32_t segment_at(const struct policy_cutting *c, uint32_t ioa)
{
    const uint32_t *p =
        bsearch(&ioa, c->start, c->count + 1, sizeof *c->start, compare_numbers);

    assert(p != NULL);
    return (uint32_t)(p - c->start);
}

/* The first open segment from s on, c->count if there is none; shortens the way. */
static uint32_t find_open(struct policy_cutting *c, uint32_t s)
{
    while (c->open[s] != s) { /* leads upwards: at most c->count steps */
        c->open[s] = c->open[c->open[s]];
        s = c->open[s];
    }
    return s;
}

static bool list(struct policy_cutting *c, struct policy_candidate candidate)
{
    if (c->listed_count == c->listed_room) {
        const size_t room = c->listed_room ? 2 * c->listed_room : 64;
        struct listed *bigger =
            room < NONE ? realloc(c->listed, room * sizeof *bigger) : NULL;
        if (bigger == NULL)
            return policy_build_no_memory(c->b);
        c->listed = bigger;
        c->listed_room = room;
    }
    c->listed[c->listed_count++] = (struct listed){candidate, NONE};
    return true;
}

static bool append(struct policy_cutting *c, uint32_t s,
                   struct policy_candidate candidate, bool conditional)
{
    const uint32_t element = (uint32_t)c->listed_count;

    c->b->worked++;
    if (!policy_build_spend(c->b, 1))
        return false;
    if (conditional && ++c->values[s] > POLICY_VALUES_MAX) {
        snprintf(c->b->err, c->b->errcap,
                 "rule %lu: more than %u rules that ask for more than addresses meet on "
                 "object address %lu",
                 (unsigned long)candidate.rule + 1, POLICY_VALUES_MAX,
                 (unsigned long)c->start[s]);
        return false;
    }
    if (!list(c, candidate))
        return false;
    if (c->head[s] == NONE)
        c->head[s] = element;
    else
        c->listed[c->tail[s]].next = element;
    c->tail[s] = element;
    if (!conditional)
        c->open[s] = s + 1;
    return true;
}

/* Appends a rule to every open segment that its range covers. */
static bool cover_range(struct policy_cutting *c, struct policy_candidate candidate,
                        struct policy_range r)
{
    const struct policy_rule *rule = &c->b->source->rule[candidate.rule];
    const bool conditional = policy_rule_asks(rule);
    const uint32_t end = segment_at(c, r.last + 1);

    for (uint32_t s = find_open(c, segment_at(c, r.first)); s < end;
         s = find_open(c, s + 1)) {
        if (!append(c, s, candidate, conditional))
            return false;
    }
    return true;
}

/* First to last. */
static enum policy_piece cover(struct policy_cutting *c)
{
    struct policy_range r;

    for (size_t left = DEAR_AT_ONCE; next_range(c, &left, &r);) {
        c->b->worked += DEAR;
        const struct policy_hung *hung = &c->hung[c->at];
        const struct policy_candidate candidate = {
            hung->rule, hung->place,
            c->b->policy->places[hung->place].range + (uint32_t)c->k - 1};
        if (!cover_range(c, candidate, r))
            return PIECE_FAILED;
    }
    return after_ranges(c);
}

/* True if the list that begins at `element` is what segment number `last` holds. */
static bool same_as_segment(const struct policy_cutting *c, uint32_t element,
                            uint32_t last)
{
    const struct policy *p = c->b->policy;
    uint32_t at = last == 0 ? 0 : p->segment_end.item[last - 1];
    const uint32_t end = p->segment_end.item[last];

    for (; at < end && element != NONE; at++, element = c->listed[element].next)
        if (memcmp(&p->candidates[at], &c->listed[element].candidate,
                   sizeof *p->candidates) != 0)
            return false;
    return at == end && element == NONE;
}

static bool add_candidate(struct policy_build *b, struct policy_candidate candidate)
{
    struct policy *p = b->policy;

    if (p->candidate_count == p->candidate_room) {
        const size_t room = p->candidate_room ? 2 * p->candidate_room : 64;
        struct policy_candidate *bigger =
            room < NONE ? realloc(p->candidates, room * sizeof *bigger) : NULL;
        if (bigger == NULL)
            return policy_build_no_memory(b);
        p->candidates = bigger;
        p->candidate_room = room;
    }
    p->candidates[p->candidate_count++] = candidate;
    return true;
}

static bool add_segment(const struct policy_cutting *c, uint32_t s)
{
    struct policy *p = c->b->policy;

    for (uint32_t e = c->head[s]; e != NONE; e = c->listed[e].next)
        if (!add_candidate(c->b, c->listed[e].candidate))
            return false;
    return (policy_pool_add(&p->segment_start, c->start[s]) &&
            policy_pool_add(&p->segment_end, (uint32_t)p->candidate_count)) ||
           policy_build_no_memory(c->b);
}

static enum policy_piece write_out(struct policy_cutting *c)
{
    const struct policy *p = c->b->policy;

    if (c->at == 0)
        c->node = (struct policy_node){.segment = (uint32_t)p->segment_start.count};
    for (size_t i = 0; i < CHEAP_AT_ONCE && c->at < c->count; i++, c->at++) {
        c->b->worked += 2;
        if (c->node.count > 0 &&
            same_as_segment(c, c->head[c->at], c->node.segment + c->node.count - 1))
            continue;
        if (!add_segment(c, (uint32_t)c->at))
            return PIECE_FAILED;
        c->node.count++;
    }
    return c->at < c->count ? PIECE_MORE : PIECE_LAST;
}

/* ---- all of it ---- */

static enum policy_piece (*const stages[])(struct policy_cutting *c) = {
    count_bounds, collect_starts, sort_or_mark, gather_bits,
    allocate,     begin_segments, cover,        write_out,
};

struct policy_cutting *policy_cutting_begin(struct policy_build *b,
                                            const struct policy_hung *hung, size_t count,
                                            const struct type_info *type, uint16_t ca)
{
    struct policy_cutting *c = calloc(1, sizeof *c);

    if (c == NULL) {
        policy_build_no_memory(b);
        return NULL;
    }
    c->b = b;
    c->hung = hung;
    c->rule_count = count;
    c->type = type;
    c->ca = ca;
    return c;
}

enum policy_piece policy_cutting_step(struct policy_cutting *c, struct policy_node *out)
{
    const enum policy_piece piece = stages[c->stage](c);

    if (piece != PIECE_LAST)
        return piece;
    c->at = c->k = 0;
    if (++c->stage < sizeof stages / sizeof stages[0])
        return PIECE_MORE;
    *out = c->node;
    return PIECE_LAST;
}

void policy_cutting_free(struct policy_cutting *c)
{
    if (c == NULL)
        return;
    free(c->bits);
    free(c->start);
    free(c->open);
    free(c->head);
    free(c->tail);
    free(c->values);
    free(c->listed);
    free(c);
}
