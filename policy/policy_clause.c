#include "policy/policy_clause.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which rules ------------------------------------------------------------------- */

/* The place of the last of n ascending numbers that is not above x; the first is not. */
static uint32_t last_not_above(const uint32_t *v, uint32_t n, uint32_t x)
{
    uint32_t low = 0, high = n;

    while (high - low > 1) { /* halves each time */
        const uint32_t middle = low + (high - low) / 2;

        if (v[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t clause_leaf(const struct policy *p, const struct policy_index *index,
                     uint32_t ca)
{
    return last_not_above(p->leaf_start.item + index->leaf, index->leaf_count, ca);
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

size_t clause_rules(const struct clause_side *side, const struct clause_place *place,
                    uint32_t rules[CLAUSES_MAX])
{
    const struct policy *p = side->policy;
    const struct policy_index *index = place->index;
    size_t count = 0, used = 0;

    if (!index)
        return 0;
    /* From the leaf to the root. */
    for (uint32_t node =
             index->leaf_count + last_not_above(p->leaf_start.item + index->leaf,
                                                index->leaf_count, place->ca);
         node >= 1; node /= 2) {
        const struct policy_node *n = &p->nodes[index->node + node];
        uint32_t segment, from;

        if (n->count == 0)
            continue;
        segment = n->segment + last_not_above(p->segment_start.item + n->segment,
                                              n->count, place->ioa);
        from = segment == 0 ? 0 : p->segment_end.item[segment - 1];
        for (uint32_t i = from; i < p->segment_end.item[segment] && count < CLAUSES_MAX;
             i++)
            rules[count++] = p->candidates[i].rule;
    }
    qsort(rules, count, sizeof *rules, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (used > 0 && rules[used - 1] == rules[i])
            continue;
        rules[used++] = rules[i];
        if (!policy_rule_asks(&side->source.rule[rules[i]]))
            break;
    }
    return used;
}

/* ---- text -------------------------------------------------------------------------- */

static void add_octets(struct clause_text *t, const char *what,
                       const uint8_t set[POLICY_OCTET_SET])
{
    bool any = false;

    for (unsigned int i = 0; i < 256; i++) {
        if (!policy_octet_in(set, (uint8_t)i))
            continue;
        if (any)
            clause_add(t, ",%u", i);
        else
            clause_add(t, "%s %u", what, i);
        any = true;
    }
}

static void add_causes(struct clause_text *t, uint64_t causes, const char *gap)
{
    const char *between = "";

    if (causes == 0)
        return;
    clause_add(t, "%scause ", gap);
    for (unsigned int c = 0; c <= COT_MAX; c++) {
        if ((causes >> c & 1) == 0)
            continue;
        clause_add(t, "%s%u %s", between, c, cot_name(c));
        between = ", ";
    }
}

static void add_roles(struct clause_text *t, const struct policy_rule *r,
                      policy_role_namer *namer, const char *gap)
{
    char name[64];

    if (r->role_count == 0)
        return;
    clause_add(t, "%srole ", gap);
    for (size_t i = 0; i < r->role_count; i++) {
        namer(r->role[i], name, sizeof name);
        clause_add(t, "%s%s", i > 0 ? "," : "", name);
    }
}

static int compare_values(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void add_values(struct clause_text *t, const struct policy_rule *r)
{
    double value[POLICY_WHEN_VALUES];
    const size_t n = r->when.value_count < POLICY_WHEN_VALUES ? r->when.value_count
                                                              : POLICY_WHEN_VALUES;

    if (r->has_value) {
        clause_add(t, "value ");
        clause_add_number(t, r->value_min);
        clause_add(t, "..");
        clause_add_number(t, r->value_max);
    }
    memcpy(value, r->when.value, n * sizeof value[0]);
    qsort(value, n, sizeof value[0], compare_values);
    for (size_t i = 0; i < n; i++) {
        clause_add(t, "%s", i > 0 ? "," : r->has_value ? " and value " : "value ");
        clause_add_number(t, value[i]);
    }
}

/* Of the S/E bit, P/N and T. */
static void add_bits(struct clause_text *t, const struct policy_when *w, size_t begin)
{
    static const char *const phases[] = {"", "S/E execute", "S/E select", "S/E either"};
    static const char *const bits[] = {"P/N positive", "P/N negative", "no test", "test"};

    if (w->phases != 0)
        clause_add(t, "%s%s", t->n > begin ? " and " : "", phases[w->phases & 3u]);
    for (unsigned int i = 0; i < 4; i++) {
        if ((w->bits >> i & 1) != 0)
            clause_add(t, "%s%s", t->n > begin ? " and " : "", bits[i]);
    }
}

/* What a rule asks for beside addresses; "" for one that always holds. */
static void add_conditions(struct clause_text *t, const struct clause_side *side,
                           const struct policy_rule *r, policy_role_namer *namer)
{
    static const uint8_t none[POLICY_OCTET_SET];
    const size_t begin = t->n;

    add_values(t, r);
    add_causes(t, r->when.causes, t->n > begin ? " and " : "");
    add_bits(t, &r->when, begin);
    if (memcmp(r->when.qualifiers, none, sizeof none) != 0) {
        clause_add(t, "%s", t->n > begin ? " and " : "");
        add_octets(t, "qualifier", r->when.qualifiers);
    }
    if (memcmp(r->when.originators, none, sizeof none) != 0) {
        clause_add(t, "%s", t->n > begin ? " and " : "");
        add_octets(t, "OA", r->when.originators);
    }
    add_roles(t, r, namer, t->n > begin ? " and " : "");
    clause_add_asker(t, side->source.askers, r, begin);
    /* A rule that does not let pass holds, too, where nobody knows what time it is. */
    if (r->times != 0 && !policy_action_passes(r->action))
        clause_add(t, " or an unknown time");
}

static void add_limits(struct clause_text *t, const struct policy_limits *l,
                       const struct clause_side *side)
{
    static const char *const pers[POLICY_PERS] = {"session", "point", "peer", "route"};
    const struct policy_askers *a = side->source.askers;

    if (l->select == POLICY_SELECT_REQUIRED)
        clause_add(t, ", selected within %" PRIu64 " s",
                   policy_select_timeout_ms(side->policy) / 1000);
    if (l->select == POLICY_SELECT_FORBIDDEN)
        clause_add(t, ", no select");
    if (l->step != 0) {
        clause_add(t, ", within ");
        clause_add_number(t, l->step);
        clause_add(t, " of the value before%s",
                   l->step_first == POLICY_FIRST_REFUSE ? ", which must be known" : "");
    }
    if (l->age_ms != 0) {
        clause_add(t, ", tag at most %u ms old by %s clock,%s", l->age_ms,
                   a && a->clock_trusted ? "any" : "a good",
                   a && a->tags_local ? " local" : " UTC");
        if (a && a->tags_local)
            clause_add_zone(t, a);
    }
    if (l->permit)
        clause_add(t, ", by permit");
    if (l->rate_count > 0)
        clause_add(t, ", at most %u in %u s for each %s", l->rate_count, l->rate_seconds,
                   pers[l->per % POLICY_PERS]);
}

/* ---- clauses ----------------------------------------------------------------------- */

static void add_action(struct clause_text *t, enum policy_action action, bool folded,
                       enum direction direction)
{
    if (folded)
        action = policy_action_passes(action) ? POLICY_PASS : POLICY_REFUSE;
    /* Commands are recorded in any case. */
    if (action == POLICY_LOG && direction == DIR_CONTROL)
        action = POLICY_PASS;
    if (action == POLICY_REFUSE && direction == DIR_MONITOR)
        action = POLICY_DROP;
    clause_add(t, "%s", policy_action_name(action));
}

/* The NUL behind a piece stays. */
static void end_piece(struct clause_text *t)
{
    clause_add_text(t, "", 1);
}

static void add_clause(struct clause_list *l, const struct clause_side *side,
                       const struct clause_place *place, const struct policy_rule *r,
                       bool folded, policy_role_namer *namer)
{
    const size_t at = l->count++;
    const enum policy_action action =
        r ? r->action : policy_default(side->policy, place->direction);

    l->clause[at].outcome = l->scratch.n;
    l->clause[at].passes = policy_action_passes(action);
    add_action(&l->scratch, action, folded, place->direction);
    if (policy_action_passes(action) && place->needs_role && (!r || r->role_count == 0))
        clause_add(&l->scratch, " to a master with a role");
    if (r && policy_action_passes(action))
        add_limits(&l->scratch, &r->limits, side);
    end_piece(&l->scratch);
    l->clause[at].condition = l->scratch.n;
    if (r)
        add_conditions(&l->scratch, side, r, namer);
    end_piece(&l->scratch);
}

static const char *condition(const struct clause_list *l, size_t i)
{
    return l->scratch.at + l->clause[i].condition;
}

static const char *outcome(const struct clause_list *l, size_t i)
{
    return l->scratch.at + l->clause[i].outcome;
}

/* Leaves out what can never decide, because the same was asked before, and what at the
 * end does the same as what follows it. */
static void shorten(struct clause_list *l)
{
    size_t used = 0;

    for (size_t i = 0; i < l->count; i++) {
        bool before = false;

        for (size_t k = 0; k < used && !before; k++)
            before = strcmp(condition(l, k), condition(l, i)) == 0;
        if (!before)
            l->clause[used++] = l->clause[i];
    }
    while (used > 1 && strcmp(outcome(l, used - 2), outcome(l, used - 1)) == 0) {
        l->clause[used - 2] = l->clause[used - 1];
        used--;
    }
    l->count = used;
}

void clause_write(struct clause_text *out, struct clause_list *l,
                  const struct clause_side *side, const struct clause_place *place,
                  const uint32_t *rules, size_t count, bool folded,
                  policy_role_namer *namer, bool *passes)
{
    l->scratch.n = 0;
    l->count = 0;
    for (size_t i = 0; i < count; i++)
        add_clause(l, side, place, &side->source.rule[rules[i]], folded, namer);
    if (count == 0 || policy_rule_asks(&side->source.rule[rules[count - 1]]))
        add_clause(l, side, place, NULL, folded, namer);
    out->n = 0;
    out->failed = out->failed || l->scratch.failed;
    *passes = false;
    if (out->failed)
        return;
    shorten(l);
    for (size_t i = 0; i < l->count; i++) {
        if (i > 0)
            clause_add(out, "; else ");
        clause_add_text(out, outcome(l, i), strlen(outcome(l, i)));
        *passes = *passes || l->clause[i].passes;
        if (condition(l, i)[0] == '\0')
            continue;
        clause_add(out, " if ");
        clause_add_text(out, condition(l, i), strlen(condition(l, i)));
    }
}
