/* Points of commands become rules: those that were used in the same way are one rule, and
 * addresses that follow each other one range. */
#include "proxy/cli/learn.h"

#include <stdlib.h>
#include <string.h>

#define C_IC 100u
#define C_CI 101u
#define C_RD 102u
#define C_TS 104u
#define C_RP 105u
#define C_TT 107u

/* One point, or of C_CI_NA_1 that part of its use that reads or that does not. */
struct entry {
    const struct learn_point *point;
    const struct learn_command *command;
    enum learn_class class;
    enum learn_select select;
    bool limited; /* its values are those of the rule */
    bool stopped;
    uint8_t qualifiers[POLICY_OCTET_SET];
};

/* 101 clause 7.2.6.23: QCC whose FRZ is 0 reads counters; others freeze or reset them. */
#define QCC_FRZ 0xC0u

bool learn_reads(uint8_t type, uint8_t qualifier)
{
    return type == C_IC || type == C_RD || type == C_TS || type == C_TT ||
           (type == C_CI && (qualifier & QCC_FRZ) == 0);
}

/* Types whose qualifier says what is done, and not how. */
static bool is_qualified(uint8_t type)
{
    return type == C_IC || type == C_CI || type == C_RP || (type >= 110 && type <= 113);
}

/* Types whose numbers are set points: a range of them is worth a rule of its own. */
static bool is_limited(const struct learn_point *p)
{
    const enum type_value v = (enum type_value)type_info(p->type)->value;

    return p->has_value && (v == VALUE_NVA || v == VALUE_SVA || v == VALUE_R32);
}

static enum learn_select select_of(const struct learn_command *c)
{
    if (c->selects == 0)
        return LEARN_NO_SELECT;
    return c->executes > 0 && c->unselected == 0 ? LEARN_EVERY_SELECT : LEARN_SOME_SELECT;
}

static enum learn_class class_of(const struct learn_point *p,
                                 const struct learn_command *c, bool reads)
{
    /* No rule can name common address 0. */
    if (p->ca == 0 || (c->rejected > 0 && c->confirmed == 0 && p->type != C_RD))
        return LEARN_REJECTED;
    return reads ? LEARN_READS : LEARN_PROPOSED;
}

/* Adds the part of a point's use whose qualifiers read, or that do not; nothing if there
 * is none. */
static void add_part(const struct learn *l, const struct learn_point *p, bool reads,
                     struct entry *out, size_t *count)
{
    struct entry e = {.point = p, .command = &l->command[p->command]};
    bool any = false, none = true;

    for (unsigned int q = 0; q < 256; q++) {
        if (!policy_octet_in(e.command->qualifiers, (uint8_t)q))
            continue;
        none = false;
        if (learn_reads(p->type, (uint8_t)q) != reads)
            continue;
        any = true;
        if (is_qualified(p->type))
            policy_octet_add(e.qualifiers, (uint8_t)q);
    }
    if (none ? learn_reads(p->type, 0) != reads : !any)
        return;
    e.class = class_of(p, e.command, reads);
    e.select = select_of(e.command);
    e.limited = is_limited(p);
    e.stopped = e.command->stopped == p->seen;
    out[(*count)++] = e;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static bool is_over_ca(uint8_t type)
{
    return type_info(type)->ioa == TYPE_IOA_ZERO;
}

/* 0: one rule can have both, whatever their addresses within `ca`. */
static int compare_use(const struct entry *a, const struct entry *b)
{
    int c = compare(a->class, b->class);

    c = c ? c : compare(a->point->type, b->point->type);
    if (c == 0 && !is_over_ca(a->point->type))
        c = compare(a->point->ca, b->point->ca);
    c = c ? c : compare(a->stopped, b->stopped);
    c = c ? c : compare(a->select, b->select);
    c = c ? c : memcmp(a->qualifiers, b->qualifiers, sizeof a->qualifiers);
    if (c == 0 && a->limited && b->limited) {
        c = (a->point->min > b->point->min) - (a->point->min < b->point->min);
        c = c ? c : (a->point->max > b->point->max) - (a->point->max < b->point->max);
    }
    return c ? c : compare(a->limited, b->limited);
}

static uint32_t address_of(const struct entry *e)
{
    return is_over_ca(e->point->type) ? e->point->ca : e->point->ioa;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int c = compare_use(x, y);

    return c ? c : compare(address_of(x), address_of(y));
}

/* ---- rules ------------------------------------------------------------------------- */

static void add_set(uint8_t set[POLICY_OCTET_SET], const uint8_t more[POLICY_OCTET_SET])
{
    for (size_t i = 0; i < POLICY_OCTET_SET; i++)
        set[i] = (uint8_t)(set[i] | more[i]);
}

static void add_use(struct learn_rule *r, const struct entry *e)
{
    const struct learn_point *p = e->point;
    const struct learn_command *c = e->command;
    struct learn_command *sum = &r->sum;

    r->points++;
    r->seen += p->seen;
    r->first_ms = r->points == 1 || p->first_ms < r->first_ms ? p->first_ms : r->first_ms;
    r->last_ms = p->last_ms > r->last_ms ? p->last_ms : r->last_ms;
    if (p->has_value) {
        r->min = r->has_value && r->min < p->min ? r->min : p->min;
        r->max = r->has_value && r->max > p->max ? r->max : p->max;
        r->has_value = true;
    }
    sum->causes |= c->causes;
    add_set(sum->originators, c->originators);
    add_set(sum->qualifiers, is_qualified(p->type) ? e->qualifiers : c->qualifiers);
    sum->who |= c->who;
    sum->selects += c->selects;
    sum->executes += c->executes;
    sum->unselected += c->unselected;
    sum->confirmed += c->confirmed;
    sum->rejected += c->rejected;
    sum->stopped += c->stopped;
    sum->most = c->most > sum->most ? c->most : sum->most;
}

/* 65535 is no address that follows 65534: it means all stations (101 7.2.4). */
static bool continues(const struct learn *l, const struct learn_rule *r, uint32_t address,
                      uint32_t gap)
{
    const uint32_t last = r->ranges ? r->range[r->ranges - 1].last : 0;

    if (r->ranges == 0 || (r->over_ca && address == ASDU_CA_ALL && last != address))
        return false;
    if (address <= last + 1)
        return true;
    if (address - last - 1 > gap)
        return false;
    /* What was seen in between was used in another way. */
    for (uint32_t i = last + 1; i < address; i++) { /* `gap` of them at most */
        if (r->over_ca ? learn_point_find(l, DIR_CONTROL, r->type, (uint16_t)i, 0) != NULL
                       : learn_point_find(l, DIR_CONTROL, r->type, r->ca, i) != NULL)
            return false;
    }
    return true;
}

static void make_rules(const struct learn *l, const struct entry *e, size_t count,
                       uint32_t gap, struct learn_rules *out)
{
    struct policy_range *next = out->ranges;

    for (size_t i = 0; i < count; i++) {
        const uint32_t address = address_of(&e[i]);
        struct learn_rule *r;

        if (i == 0 || compare_use(&e[i - 1], &e[i]) != 0)
            out->rule[out->count++] = (struct learn_rule){
                .class = e[i].class,
                .select = e[i].select,
                .stopped = e[i].stopped,
                .type = e[i].point->type,
                .over_ca = is_over_ca(e[i].point->type),
                .ca = e[i].point->ca,
                .range = next,
            };
        r = &out->rule[out->count - 1];
        if (continues(l, r, address, gap))
            r->range[r->ranges - 1].last = address;
        else {
            *next++ = (struct policy_range){address, address};
            r->ranges++;
        }
        add_use(r, &e[i]);
    }
}

bool learn_group(const struct learn *l, uint32_t gap, struct learn_rules *out)
{
    /* Each point has at most two parts. */
    const size_t room = 2 * l->commands + 1;
    struct entry *e = calloc(room, sizeof *e);
    size_t count = 0;

    *out = (struct learn_rules){.rule = calloc(room, sizeof *out->rule),
                                .ranges = calloc(room, sizeof *out->ranges)};
    if (!e || !out->rule || !out->ranges) {
        free(e);
        learn_rules_free(out);
        return false;
    }
    for (size_t i = 0; i < l->points; i++) {
        if (l->point[i].command == UINT32_MAX)
            continue;
        add_part(l, &l->point[i], true, e, &count);
        add_part(l, &l->point[i], false, e, &count);
    }
    if (count > 0)
        qsort(e, count, sizeof *e, compare_entries);
    make_rules(l, e, count, gap, out);
    free(e);
    return true;
}

void learn_rules_free(struct learn_rules *r)
{
    free(r->rule);
    free(r->ranges);
    *r = (struct learn_rules){.count = 0};
}
