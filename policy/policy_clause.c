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

static bool always_holds(const struct policy_rule *r)
{
    return !r->has_value && r->role_count == 0 && policy_when_is_empty(&r->when);
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
            rules[count++] = p->candidates.item[i];
    }
    qsort(rules, count, sizeof *rules, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (used > 0 && rules[used - 1] == rules[i])
            continue;
        rules[used++] = rules[i];
        if (always_holds(&side->source.rule[rules[i]]))
            break;
    }
    return used;
}

/* ---- text -------------------------------------------------------------------------- */

static void add_text(struct clause_text *t, const char *text, size_t n)
{
    if (t->n + n + 1 > t->room) {
        const size_t room = 2 * (t->room + n) + 64;
        char *more = realloc(t->at, room);

        if (!more) {
            t->failed = true;
            return;
        }
        t->at = more;
        t->room = room;
    }
    memcpy(t->at + t->n, text, n);
    t->n += n;
    t->at[t->n] = '\0';
}

__attribute__((format(printf, 2, 3))) static void add(struct clause_text *t,
                                                      const char *format, ...)
{
    char piece[128];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n > 0)
        add_text(t, piece, (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1);
}

void clause_text_free(struct clause_text *t)
{
    free(t->at);
    *t = (struct clause_text){.at = NULL};
}

/* The shortest that reads as the same number. */
static void add_number(struct clause_text *t, double v)
{
    char text[40];

    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    add(t, "%s", text);
}

static void add_octets(struct clause_text *t, const char *what,
                       const uint8_t set[POLICY_OCTET_SET])
{
    bool any = false;

    for (unsigned int i = 0; i < 256; i++) {
        if (!policy_octet_in(set, (uint8_t)i))
            continue;
        if (any)
            add(t, ",%u", i);
        else
            add(t, "%s %u", what, i);
        any = true;
    }
}

static void add_causes(struct clause_text *t, uint64_t causes, const char *gap)
{
    const char *between = "";

    if (causes == 0)
        return;
    add(t, "%scause ", gap);
    for (unsigned int c = 0; c <= COT_MAX; c++) {
        if ((causes >> c & 1) == 0)
            continue;
        add(t, "%s%u %s", between, c, cot_name(c));
        between = ", ";
    }
}

static void add_roles(struct clause_text *t, const struct policy_rule *r,
                      policy_role_namer *namer, const char *gap)
{
    char name[64];

    if (r->role_count == 0)
        return;
    add(t, "%srole ", gap);
    for (size_t i = 0; i < r->role_count; i++) {
        namer(r->role[i], name, sizeof name);
        add(t, "%s%s", i > 0 ? "," : "", name);
    }
}

/* What a rule asks for beside addresses; "" for one that always holds. */
static void add_conditions(struct clause_text *t, const struct policy_rule *r,
                           policy_role_namer *namer)
{
    static const uint8_t none[POLICY_OCTET_SET];
    static const char *const phases[] = {"", "S/E execute", "S/E select", "S/E either"};
    const size_t begin = t->n;

#define GAP (t->n > begin ? " and " : "")
    if (r->has_value) {
        add(t, "value ");
        add_number(t, r->value_min);
        add(t, "..");
        add_number(t, r->value_max);
    }
    add_causes(t, r->when.causes, GAP);
    if (r->when.phases != 0)
        add(t, "%s%s", GAP, phases[r->when.phases & 3u]);
    if (memcmp(r->when.qualifiers, none, sizeof none) != 0) {
        add(t, "%s", GAP);
        add_octets(t, "qualifier", r->when.qualifiers);
    }
    if (memcmp(r->when.originators, none, sizeof none) != 0) {
        add(t, "%s", GAP);
        add_octets(t, "OA", r->when.originators);
    }
    add_roles(t, r, namer, GAP);
#undef GAP
}

static void add_limits(struct clause_text *t, const struct policy_limits *l,
                       const struct clause_side *side)
{
    static const char *const pers[POLICY_PERS] = {"session", "point", "peer", "route"};

    if (l->select == POLICY_SELECT_REQUIRED)
        add(t, ", selected within %" PRIu64 " s",
            policy_select_timeout_ms(side->policy) / 1000);
    if (l->select == POLICY_SELECT_FORBIDDEN)
        add(t, ", no select");
    if (l->rate_count > 0)
        add(t, ", at most %u in %u s for each %s", l->rate_count, l->rate_seconds,
            pers[l->per % POLICY_PERS]);
}

/* ---- clauses ----------------------------------------------------------------------- */

static bool lets_pass(enum policy_action action)
{
    return action <= POLICY_LOG;
}

/* Commands are recorded in any case. */
static void add_action(struct clause_text *t, enum policy_action action, bool folded,
                       enum direction direction)
{
    if (folded)
        action = lets_pass(action) ? POLICY_PASS : POLICY_REFUSE;
    if (action == POLICY_LOG && direction == DIR_CONTROL)
        action = POLICY_PASS;
    if (action == POLICY_REFUSE && direction == DIR_MONITOR)
        action = POLICY_DROP;
    add(t, "%s", policy_action_name(action));
}

/* The NUL behind a piece stays. */
static void end_piece(struct clause_text *t)
{
    add_text(t, "", 1);
}

static void add_clause(struct clause_list *l, const struct clause_side *side,
                       const struct clause_place *place, const struct policy_rule *r,
                       bool folded, policy_role_namer *namer)
{
    const size_t at = l->count++;
    const enum policy_action action =
        r ? r->action : policy_default(side->policy, place->direction);

    l->clause[at].outcome = l->scratch.n;
    add_action(&l->scratch, action, folded, place->direction);
    if (lets_pass(action) && place->needs_role && (!r || r->role_count == 0))
        add(&l->scratch, " to a master with a role");
    if (r && lets_pass(action))
        add_limits(&l->scratch, &r->limits, side);
    end_piece(&l->scratch);
    l->clause[at].condition = l->scratch.n;
    if (r)
        add_conditions(&l->scratch, r, namer);
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
    if (count == 0 || !always_holds(&side->source.rule[rules[count - 1]]))
        add_clause(l, side, place, NULL, folded, namer);
    out->n = 0;
    out->failed = out->failed || l->scratch.failed;
    *passes = false;
    if (out->failed)
        return;
    shorten(l);
    for (size_t i = 0; i < l->count; i++) {
        if (i > 0)
            add(out, "; else ");
        add_text(out, outcome(l, i), strlen(outcome(l, i)));
        *passes = *passes || strncmp(outcome(l, i), "pass", 4) == 0 ||
                  strncmp(outcome(l, i), "log", 3) == 0;
        if (condition(l, i)[0] == '\0')
            continue;
        add(out, " if ");
        add_text(out, condition(l, i), strlen(condition(l, i)));
    }
}
