#include "policy/policy_near.h"

#include <stdlib.h>
#include <string.h>

/* Space is cut into cells: a common address, and eight object addresses.  A rule that is
 * in few cells is found by them; one in many is near to all. */
#define CELL_SHIFT    3u
#define CELLS_MAX     32u
#define CELL_ANY_IOA  0xFFFFFFFFu /* types whose object address is always 0 */
#define ALL_CELLS_MAX (4u << 20)

struct cell {
    uint64_t place; /* common address, cell of object addresses */
    uint32_t rule;
};

struct policy_near {
    const struct policy_source *s;
    struct cell *cell; /* ascending */
    size_t cells, room;
    uint32_t *wide; /* rules in many cells, ascending */
    size_t wides;
    bool *is_wide; /* by rule */
};

/* The cells of one rule. */
struct cells {
    uint64_t place[CELLS_MAX];
    size_t count;
    bool many;
};

static void add_cell(struct cells *c, uint32_t ca, uint32_t cell)
{
    if (c->count == CELLS_MAX) {
        c->many = true;
        return;
    }
    c->place[c->count++] = (uint64_t)ca << 32 | cell;
}

static void add_ranges(struct cells *c, uint32_t ca, const struct policy_range *r,
                       size_t n)
{
    for (size_t i = 0; i < n && !c->many; i++) {
        const uint32_t last = r[i].last >> CELL_SHIFT;
        for (uint32_t k = r[i].first >> CELL_SHIFT; k <= last && !c->many; k++)
            add_cell(c, ca, k);
    }
}

/* Whether the rule names types whose object address is always 0, and others. */
static void kinds_of(const struct policy_rule *r, bool *zero, bool *other)
{
    *zero = *other = false;
    for (unsigned int id = 0; id < TYPE_TABLE_SIZE; id++) {
        if (r->types[id / 8] == 0)
            id |= 7; /* none of these eight */
        if ((r->types[id / 8] >> id % 8 & 1) == 0)
            continue;
        if (type_info((uint8_t)id)->ioa == TYPE_IOA_ZERO)
            *zero = true;
        else
            *other = true;
    }
}

static void find_cells(const struct policy_rule *r, struct cells *c)
{
    bool zero, other;

    kinds_of(r, &zero, &other);
    c->count = 0;
    c->many = r->area_count == 0 && (r->ca_count == 0 || (other && r->ioa_count == 0));
    for (size_t i = 0; i < r->area_count && !c->many; i++)
        add_ranges(c, r->area[i].ca, r->ioa + r->area[i].first, r->area[i].count);
    for (size_t i = 0; i < r->ca_count && !c->many; i++) {
        for (uint32_t ca = r->ca[i].first; ca <= r->ca[i].last && !c->many; ca++) {
            if (zero)
                add_cell(c, ca, CELL_ANY_IOA);
            if (other)
                add_ranges(c, ca, r->ioa, r->ioa_count);
        }
    }
}

static int compare_cells(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;

    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

static bool add_rule(struct policy_near *n, uint32_t rule)
{
    struct cells c;

    find_cells(&n->s->rule[rule], &c);
    if (c.many || n->cells + c.count > ALL_CELLS_MAX) {
        n->is_wide[rule] = true;
        n->wide[n->wides++] = rule;
        return true;
    }
    if (n->cells + c.count > n->room) {
        const size_t room = 2 * n->room + 1024;
        struct cell *more = realloc(n->cell, room * sizeof *more);
        if (more == NULL)
            return false;
        n->cell = more;
        n->room = room;
    }
    for (size_t i = 0; i < c.count; i++)
        n->cell[n->cells++] = (struct cell){c.place[i], rule};
    return true;
}

struct policy_near *policy_near_new(const struct policy_source *s)
{
    struct policy_near *n = calloc(1, sizeof *n);
    bool good;

    if (n == NULL)
        return NULL;
    n->s = s;
    n->wide = calloc(s->count + 1, sizeof *n->wide);
    n->is_wide = calloc(s->count + 1, sizeof *n->is_wide);
    good = n->wide != NULL && n->is_wide != NULL;
    for (uint32_t i = 0; i < s->count && good; i++)
        good = add_rule(n, i);
    if (!good) {
        policy_near_free(n);
        return NULL;
    }
    if (n->cells > 0)
        qsort(n->cell, n->cells, sizeof *n->cell, compare_cells);
    return n;
}

void policy_near_free(struct policy_near *n)
{
    if (n == NULL)
        return;
    free(n->cell);
    free(n->wide);
    free(n->is_wide);
    free(n);
}

/* The first cell that is not before this place. */
static size_t find(const struct policy_near *n, uint64_t place)
{
    size_t low = 0, high = n->cells;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        if (n->cell[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int compare_rules(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static size_t sort_unique(uint32_t *v, size_t n)
{
    size_t used = 0;

    if (n > 0)
        qsort(v, n, sizeof *v, compare_rules);
    for (size_t i = 0; i < n; i++)
        if (used == 0 || v[used - 1] != v[i])
            v[used++] = v[i];
    return used;
}

size_t policy_near_before(const struct policy_near *n, uint32_t rule, uint32_t *out)
{
    struct cells c;
    size_t count = 0;

    if (n->is_wide[rule]) {
        for (; count < rule; count++)
            out[count] = (uint32_t)count;
        return count;
    }
    for (size_t i = 0; i < n->wides && n->wide[i] < rule; i++)
        out[count++] = n->wide[i];
    find_cells(&n->s->rule[rule], &c);
    for (size_t i = 0; i < c.count; i++) {
        for (size_t k = find(n, c.place[i]);
             k < n->cells && n->cell[k].place == c.place[i] && n->cell[k].rule < rule;
             k++) {
            /* One that is in several of these cells is there several times. */
            if (count == rule)
                count = sort_unique(out, count);
            if (count == rule)
                return count;
            out[count++] = n->cell[k].rule;
        }
    }
    return sort_unique(out, count);
}
