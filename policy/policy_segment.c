/* Cuts the rules of one node into stretches of object addresses. */
#include "policy/policy_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define IOA_COUNT (ASDU_IOA_MAX + 1)

/* The rules of a segment are a list while it is made; `open` leads to the next segment
 * that a further rule can still decide on: a rule that asks for no more than addresses
 * closes a segment. */
struct cutting {
    struct policy_build *b;
    const struct type_info *type;
    uint16_t ca;     /* of rules with areas */
    uint32_t *start; /* of each segment, ascending; start[count] is IOA_COUNT */
    uint32_t *open, *head, *tail, *values;
    size_t count;
    struct policy_pool rule, next; /* the lists' elements */
};

static const struct policy_range *rule_ioa(const struct cutting *c, uint32_t rule,
                                           size_t *n)
{
    return policy_rule_ioas(&c->b->source->rule[rule], c->type, c->ca, n);
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
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

static bool out_of_memory(struct policy_build *b)
{
    snprintf(b->err, b->errcap, "out of memory");
    return false;
}

/* Where a range of any of the rules begins or has ended, from 0 to IOA_COUNT. */
static bool find_starts(struct cutting *c, const uint32_t *rules, size_t count)
{
    size_t n, bounds = 2, used = 0;

    for (size_t i = 0; i < count; i++) {
        (void)rule_ioa(c, rules[i], &n);
        bounds += 2 * n;
    }
    if (!policy_build_spend(c->b, bounds))
        return false;
    c->start = malloc(bounds * sizeof *c->start);
    if (c->start == NULL)
        return out_of_memory(c->b);
    c->start[used++] = 0;
    c->start[used++] = IOA_COUNT;
    for (size_t i = 0; i < count; i++) {
        const struct policy_range *r = rule_ioa(c, rules[i], &n);
        for (size_t k = 0; k < n; k++) {
            c->start[used++] = r[k].first;
            c->start[used++] = r[k].last + 1;
        }
    }
    c->count = sort_unique(c->start, used) - 1;
    return true;
}

static bool allocate(struct cutting *c)
{
    const size_t size = (c->count + 1) * sizeof *c->open;

    c->open = malloc(size);
    c->head = malloc(size);
    c->tail = malloc(size);
    c->values = malloc(size);
    if (c->open == NULL || c->head == NULL || c->tail == NULL || c->values == NULL)
        return out_of_memory(c->b);
    for (uint32_t s = 0; s <= c->count; s++) {
        c->open[s] = s;
        c->head[s] = c->tail[s] = NONE;
        c->values[s] = 0;
    }
    return true;
}

static uint32_t segment_at(const struct cutting *c, uint32_t ioa)
{
    const uint32_t *p =
        bsearch(&ioa, c->start, c->count + 1, sizeof *c->start, compare_numbers);

    assert(p != NULL);
    return (uint32_t)(p - c->start);
}

/* The first open segment from s on, c->count if there is none; shortens the way. */
static uint32_t find_open(struct cutting *c, uint32_t s)
{
    while (c->open[s] != s) { /* leads upwards: at most c->count steps */
        c->open[s] = c->open[c->open[s]];
        s = c->open[s];
    }
    return s;
}

static bool append(struct cutting *c, uint32_t s, uint32_t rule, bool conditional)
{
    const uint32_t element = (uint32_t)c->rule.count;

    if (!policy_build_spend(c->b, 1))
        return false;
    if (conditional && ++c->values[s] > POLICY_VALUES_MAX) {
        snprintf(c->b->err, c->b->errcap,
                 "rule %lu: more than %u rules that ask for more than addresses meet on "
                 "object address %lu",
                 (unsigned long)rule + 1, POLICY_VALUES_MAX, (unsigned long)c->start[s]);
        return false;
    }
    if (!policy_pool_add(&c->rule, rule) || !policy_pool_add(&c->next, NONE))
        return out_of_memory(c->b);
    if (c->head[s] == NONE)
        c->head[s] = element;
    else
        c->next.item[c->tail[s]] = element;
    c->tail[s] = element;
    if (!conditional)
        c->open[s] = s + 1;
    return true;
}

/* Appends the rules, first to last, to every open segment they cover. */
static bool cover(struct cutting *c, const uint32_t *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct policy_rule *rule = &c->b->source->rule[rules[i]];
        const bool conditional = policy_rule_asks(rule);
        size_t n;
        const struct policy_range *r = rule_ioa(c, rules[i], &n);
        for (size_t k = 0; k < n; k++) {
            const uint32_t end = segment_at(c, r[k].last + 1);
            uint32_t s = find_open(c, segment_at(c, r[k].first));
            for (; s < end; s = find_open(c, s + 1))
                if (!append(c, s, rules[i], conditional))
                    return false;
        }
    }
    return true;
}

/* True if the list that begins at `element` is what segment number `last` holds. */
static bool same_as_segment(const struct cutting *c, uint32_t element, uint32_t last)
{
    const struct policy *p = c->b->policy;
    uint32_t at = last == 0 ? 0 : p->segment_end.item[last - 1];
    const uint32_t end = p->segment_end.item[last];

    for (; at < end && element != NONE; at++, element = c->next.item[element])
        if (p->candidates.item[at] != c->rule.item[element])
            return false;
    return at == end && element == NONE;
}

static bool add_segment(const struct cutting *c, uint32_t s)
{
    struct policy *p = c->b->policy;

    for (uint32_t e = c->head[s]; e != NONE; e = c->next.item[e])
        if (!policy_pool_add(&p->candidates, c->rule.item[e]))
            return out_of_memory(c->b);
    return (policy_pool_add(&p->segment_start, c->start[s]) &&
            policy_pool_add(&p->segment_end, (uint32_t)p->candidates.count)) ||
           out_of_memory(c->b);
}

static bool write_out(const struct cutting *c, struct policy_node *out)
{
    const struct policy *p = c->b->policy;

    out->segment = (uint32_t)p->segment_start.count;
    out->count = 0;
    for (uint32_t s = 0; s < c->count; s++) {
        if (out->count > 0 &&
            same_as_segment(c, c->head[s], out->segment + out->count - 1))
            continue;
        if (!add_segment(c, s))
            return false;
        out->count++;
    }
    return true;
}

bool policy_build_segments(struct policy_build *b, const uint32_t *rules, size_t count,
                           const struct type_info *type, uint16_t ca,
                           struct policy_node *out)
{
    struct cutting c = {.b = b, .type = type, .ca = ca};
    const bool good = find_starts(&c, rules, count) && allocate(&c) &&
                      cover(&c, rules, count) && write_out(&c, out);

    free(c.start);
    free(c.open);
    free(c.head);
    free(c.tail);
    free(c.values);
    free(c.rule.item);
    free(c.next.item);
    return good;
}
