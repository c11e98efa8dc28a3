#include "proxy/cli/policy_points.h"

#include "policy/policy_review.h"
#include "policy/type_value.h"
#include "proxy/cli/cli.h"
#include "proxy/point_names.h"

#include <stdlib.h>
#include <string.h>

/* Steps of a check: some seconds at the worst. */
#define STEPS   ((size_t)100 << 20)
#define LISTED  5u  /* points without a rule that are told */
#define GAPS    3u  /* stretches of a rule that are told */
#define REMARKS 200 /* rules with notes, and with warnings, that are told */

/* What a rule does not keep of its points. */
enum breach { BREACH_VALUE, BREACH_SELECT, BREACH_ROLE, BREACHES };

struct stretch {
    uint32_t ca, first, last;
};

/* What is found of one rule. */
struct rule_finding {
    size_t points; /* it is about */
    size_t breaches[BREACHES];
    const struct point *breach[BREACHES]; /* the first of each */
    uint64_t unlisted;
    size_t gaps;
    struct stretch gap[GAPS];
    bool any_address;  /* it has no object addresses of its own */
    uint32_t stations; /* common addresses that the list does not have */
};

struct checking {
    const struct policy_read *read;
    const struct point_list *list;
    bool *passes; /* by point: a rule lets its command pass */
    size_t steps, told;
    long warnings;
    const struct policy_rule *rule; /* that is looked at */
    bool first_type;
    struct rule_finding found;
};

static bool has_type(const struct policy_rule *r, unsigned int id)
{
    return (r->types[id / 8] >> id % 8 & 1) != 0;
}

static bool lets_pass(const struct policy_rule *r)
{
    return r->direction == DIR_CONTROL && policy_action_passes(r->action);
}

/* ---- one point of one rule ---- */

static void note_breach(struct checking *k, enum breach breach, const struct point *p)
{
    if (k->found.breaches[breach]++ == 0)
        k->found.breach[breach] = p;
}

/* True if numbers beyond what the list says are within the rule. */
static bool is_wider(const struct policy_rule *r, const struct type_info *type,
                     const struct point *p)
{
    double low, high;

    if ((!p->has_min && !p->has_max) ||
        !type_value_range((enum type_value)type->value, &low, &high))
        return false;
    for (size_t i = 0; i < r->when.value_count; i++) {
        const double v = r->when.value[i];

        if (v >= (r->has_value ? r->value_min : low) &&
            v <= (r->has_value ? r->value_max : high) &&
            ((p->has_min && v < p->min) || (p->has_max && v > p->max)))
            return true;
    }
    if (r->when.value_count > 0)
        return false;
    if (r->has_value) {
        low = r->value_min;
        high = r->value_max;
    }
    return (p->has_min && low < p->min) || (p->has_max && high > p->max);
}

static void visit(struct checking *k, const struct type_info *type, size_t at)
{
    const struct policy_rule *r = k->rule;
    const struct point *p = &k->list->point[at];

    if (!point_type_fits(p->type, type->id))
        return;
    k->found.points++;
    if (!lets_pass(r))
        return;
    k->passes[at] = true;
    if (is_wider(r, type, p))
        note_breach(k, BREACH_VALUE, p);
    if (p->select == POINT_SELECT_YES && type->has_select &&
        r->limits.select != POLICY_SELECT_REQUIRED)
        note_breach(k, BREACH_SELECT, p);
    if (p->role != 0 && r->role_count == 0 && type->direction == TYPE_DIR_CONTROL)
        note_breach(k, BREACH_ROLE, p);
}

/* ---- the addresses of a rule ---- */

static void add_gap(struct checking *k, uint32_t ca, uint32_t first, uint32_t last)
{
    struct rule_finding *f = &k->found;

    if (!k->first_type || !lets_pass(k->rule))
        return;
    f->unlisted += (uint64_t)last - first + 1;
    if (f->gaps < GAPS)
        f->gap[f->gaps] = (struct stretch){ca, first, last};
    f->gaps++;
}

/* Goes through a range of object addresses of a rule: the points in it, and what is
 * between them. */
static void walk_range(struct checking *k, const struct type_info *type, uint16_t ca,
                       const struct policy_range *range)
{
    const struct point_list *l = k->list;
    uint32_t next = range->first;

    for (size_t i = point_list_from(l, ca, range->first); i < l->count && k->steps > 0;
         i++) {
        const struct point *p = &l->point[i];

        k->steps--;
        if (p->ca != ca || p->ioa > range->last)
            break;
        if (p->ioa > next && !k->found.any_address)
            add_gap(k, ca, next, p->ioa - 1);
        next = p->ioa + 1;
        visit(k, type, i);
    }
    if (!k->found.any_address && next <= range->last)
        add_gap(k, ca, next, range->last);
}

static void walk_station(struct checking *k, const struct type_info *type, uint16_t ca)
{
    size_t n;
    const struct policy_range *ranges = policy_rule_ioas(k->rule, type, ca, &n);

    for (size_t i = 0; i < n && k->steps > 0; i++) {
        k->steps--;
        walk_range(k, type, ca, &ranges[i]);
    }
}

/* The stations of the list that a range of common addresses has. */
static void walk_stations(struct checking *k, const struct type_info *type,
                          const struct policy_range *cas)
{
    const struct point_list *l = k->list;
    size_t i = point_list_from(l, (uint16_t)cas->first, 0);

    if (k->first_type && cas->last != ASDU_CA_ALL)
        k->found.stations += cas->last - cas->first + 1;
    while (i < l->count && l->point[i].ca <= cas->last && k->steps > 0) { /* grows */
        const uint16_t ca = l->point[i].ca;

        k->steps--;
        k->found.stations -= k->first_type;
        walk_station(k, type, ca);
        if (ca == UINT16_MAX)
            return;
        i = point_list_from(l, (uint16_t)(ca + 1), 0);
    }
}

static void walk_type(struct checking *k, const struct type_info *type)
{
    static const struct policy_range any = {1, 65534};
    const struct policy_rule *r = k->rule;
    size_t areas;
    const struct policy_area *area = policy_rule_areas(r, type->id, &areas);

    for (size_t i = 0; i < areas; i++)
        walk_station(k, type, area[i].ca);
    if (r->area_count > 0)
        return;
    if (r->ca_count == 0)
        walk_stations(k, type, &any);
    for (size_t i = 0; i < r->ca_count; i++)
        walk_stations(k, type, &r->ca[i]);
}

/* ---- telling ---- */

static void begin(const struct checking *k, uint32_t rule, const char *word)
{
    cli_put_safe(stdout, k->read->path, 0, false);
    (void)printf(":%u: %s: the rule ", k->read->file.line[rule], word);
}

static void put_point(const struct checking *k, const struct point *p)
{
    (void)fputs("\"", stdout);
    cli_put_safe(stdout, point_list_text(k->list, p->name), 0, false);
    (void)fputs("\" (", stdout);
    cli_put_safe(stdout, k->list->path, 0, false);
    (void)printf(":%u)", p->line);
}

static void tell_breaches(struct checking *k, uint32_t rule)
{
    static const char *const words[BREACHES] = {
        [BREACH_VALUE] = "lets numbers pass that are beyond min or max of",
        [BREACH_SELECT] = "requires no select, as the list does of",
        [BREACH_ROLE] = "is for everybody, and the list names a role for",
    };

    for (size_t b = 0; b < BREACHES; b++) {
        const size_t n = k->found.breaches[b];

        if (n == 0)
            continue;
        k->warnings++;
        if (k->told++ >= REMARKS)
            continue;
        begin(k, rule, "warning");
        (void)printf("%s %zu point%s, first ", words[b], n, n == 1 ? "" : "s");
        put_point(k, k->found.breach[b]);
        (void)printf("; correct one of them, or write limits_from_points = true;\n");
    }
}

static void tell_gaps(struct checking *k, uint32_t rule)
{
    const struct rule_finding *f = &k->found;

    if (f->stations > 0 && k->steps > 0 && lets_pass(k->rule) && k->told++ < REMARKS) {
        begin(k, rule, "note");
        (void)printf("lets commands pass to %u common address%s that the list does not "
                     "have\n",
                     f->stations, f->stations == 1 ? "" : "es");
    }
    if ((f->unlisted == 0 && !f->any_address) || k->told++ >= REMARKS)
        return;
    begin(k, rule, "note");
    if (f->any_address) {
        (void)printf("lets any object address pass, listed or not\n");
        return;
    }
    (void)printf("lets %llu object address%s pass that the list does not have:",
                 (unsigned long long)f->unlisted, f->unlisted == 1 ? "" : "es");
    for (size_t i = 0; i < f->gaps && i < GAPS; i++) {
        const struct stretch *s = &f->gap[i];

        (void)printf("%s CA %u IOA %u", i > 0 ? "," : "", s->ca, s->first);
        if (s->last > s->first)
            (void)printf("-%u", s->last);
    }
    (void)printf("%s\n", f->gaps > GAPS ? ", ..." : "");
}

/* ---- all rules ---- */

/* True if the rule has types with object addresses of their own. */
static bool walk_rule(struct checking *k)
{
    bool addressed = false;

    for (unsigned int id = 1; id < TYPE_TABLE_SIZE && k->steps > 0; id++) {
        const struct type_info *type = type_info((uint8_t)id);

        if (!has_type(k->rule, id) || type->ioa == TYPE_IOA_ZERO)
            continue;
        /* What is not on the list is the same for each type. */
        k->first_type = !addressed;
        walk_type(k, type);
        addressed = true;
    }
    return addressed;
}

static bool check_rule(void *ctx, uint32_t rule, const struct policy_rule *r)
{
    struct checking *k = ctx;

    k->rule = r;
    memset(&k->found, 0, sizeof k->found);
    k->found.any_address = lets_pass(r) && r->ioa_count == 0;
    if (!walk_rule(k))
        return k->steps > 0;
    if (k->found.points == 0 && k->steps > 0) {
        k->warnings++;
        if (k->told++ < REMARKS) {
            begin(k, rule, "warning");
            (void)printf("is about no point of ");
            cli_put_safe(stdout, k->list->path, 0, false);
            (void)printf("; correct its addresses and types, or the list\n");
        }
    }
    tell_breaches(k, rule);
    if (k->found.points > 0)
        tell_gaps(k, rule);
    return k->steps > 0;
}

static void tell_refused(const struct checking *k)
{
    size_t count = 0;

    for (size_t i = 0; i < k->list->count; i++) {
        const struct point *p = &k->list->point[i];

        if (k->passes[i] || type_info(p->type)->direction != TYPE_DIR_CONTROL)
            continue;
        if (count++ == 0)
            (void)printf("no rule lets these commands pass:\n");
        if (count <= LISTED) {
            (void)printf("  ");
            put_point(k, p);
            (void)printf(" %s, CA %u IOA %u\n", type_info(p->type)->name, p->ca, p->ioa);
        }
    }
    if (count > LISTED)
        (void)printf("  and %zu more\n", count - LISTED);
}

long policy_points_check(const struct policy_read *r)
{
    struct checking k = {.read = r, .list = r->points, .steps = STEPS};

    k.passes = calloc(k.list->count + 1, sizeof *k.passes);
    if (!k.passes || !policy_each_rule(r->file.blob, r->file.size, check_rule, &k)) {
        free(k.passes);
        return -1;
    }
    if (k.told > REMARKS)
        (void)printf("and %zu more like these\n", k.told - REMARKS);
    if (k.steps == 0)
        (void)printf("There is more to say of rules and points than was looked at.\n");
    else
        tell_refused(&k);
    free(k.passes);
    return k.warnings;
}
