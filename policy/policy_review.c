#include "policy/policy_review.h"

#include "policy/policy_near.h"
#include "policy/policy_private.h"
#include "policy/policy_review_asker.h"

#include <stdlib.h>

/* Steps of a review: some seconds at the worst. */
#define BUDGET ((size_t)200 << 20)

struct review {
    const struct policy_source *s;
    size_t steps; /* left */
    struct policy_near *near;
    uint32_t *before; /* rules before the one that is looked at, that may meet it */
    size_t before_count;
    uint32_t *earlier; /* rules before the one that is looked at, of its type, that hold
                          whenever it does */
    size_t earlier_count;
};

static const struct policy_range ANY_CA = {POLICY_CA_FIRST, POLICY_CA_LAST};

struct ranges {
    const struct policy_range *r;
    size_t n;
};

/* Of a rule with areas those that are about the type are to be asked instead. */
static struct ranges ca_of(const struct policy_rule *r)
{
    return r->ca_count > 0 ? (struct ranges){r->ca, r->ca_count}
                           : (struct ranges){&ANY_CA, 1};
}

/* Of a rule with areas none where it has none. */
static struct ranges ioa_of(const struct policy_rule *r, const struct type_info *type,
                            uint32_t ca)
{
    struct ranges in;

    in.r = policy_rule_ioas(r, type, (uint16_t)ca, &in.n);
    return in;
}

static bool roles_cover(const struct policy_rule *wide, const struct policy_rule *narrow)
{
    for (size_t i = 0; i < narrow->role_count; i++) {
        size_t k = 0;

        while (k < wide->role_count && wide->role[k] != narrow->role[i])
            k++;
        if (k == wide->role_count)
            return false;
    }
    return narrow->role_count > 0;
}

static bool value_covers(const struct policy_rule *wide, const struct policy_rule *narrow)
{
    return narrow->has_value && wide->value_min <= narrow->value_min &&
           wide->value_max >= narrow->value_max;
}

/* True if, where types and addresses are the same, `wide` holds whenever `narrow` does.
 */
static bool takes_all_of(const struct policy_rule *wide, const struct policy_rule *narrow)
{
    return policy_rule_asker_covers(wide, narrow) &&
           (wide->role_count == 0 || roles_cover(wide, narrow)) &&
           (!wide->has_value || value_covers(wide, narrow)) &&
           policy_when_covers(&wide->when, &narrow->when);
}

static bool has_type(const struct policy_rule *r, unsigned int id)
{
    return (r->types[id / 8] >> id % 8 & 1) != 0;
}

/* The range that x lies in; NULL: in none. */
static const struct policy_range *range_at(struct review *v, struct ranges in, uint32_t x)
{
    size_t low = 0, high = in.n;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;

        v->steps -= v->steps > 0;
        if (in.r[middle].last < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low < in.n && in.r[low].first <= x ? &in.r[low] : NULL;
}

static bool names_ca(struct review *v, const struct policy_rule *r,
                     const struct type_info *type, uint32_t ca)
{
    if (r->area_count > 0)
        return ioa_of(r, type, ca).n > 0;
    return range_at(v, ca_of(r), ca) != NULL;
}

/* The last object address from `ioa` on that earlier rules take at this common address;
 * false: they do not take `ioa`. */
static bool taken_until(struct review *v, const struct type_info *type, uint32_t ca,
                        uint32_t ioa, uint32_t *last)
{
    for (size_t i = 0; i < v->earlier_count && v->steps > 0; i++) {
        const struct policy_rule *r = &v->s->rule[v->earlier[i]];
        const struct policy_range *hit;

        if (!names_ca(v, r, type, ca))
            continue;
        hit = range_at(v, ioa_of(r, type, ca), ioa);
        if (hit) {
            *last = hit->last;
            return true;
        }
    }
    return false;
}

/* True if earlier rules take all addresses of the rule at this common address. */
static bool is_taken_at(struct review *v, const struct policy_rule *rule,
                        const struct type_info *type, uint32_t ca)
{
    const struct ranges in = ioa_of(rule, type, ca);

    for (size_t i = 0; i < in.n; i++) {
        uint32_t ioa = in.r[i].first, last;

        while (ioa <= in.r[i].last) { /* grows */
            if (v->steps == 0 || !taken_until(v, type, ca, ioa, &last))
                return false;
            ioa = last + 1;
        }
    }
    return true;
}

/* The next common address, above `ca`, that an area of a rule names; the one behind it,
 * if it names `ca`. */
static uint32_t next_area(struct review *v, const struct policy_rule *r,
                          const struct type_info *type, uint32_t ca)
{
    size_t n;
    const struct policy_area *areas = policy_rule_areas(r, type->id, &n);
    size_t low = 0, high = n; /* of the first that is not below `ca` */

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;

        v->steps -= v->steps > 0;
        if (areas[middle].ca < ca)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n && areas[low].ca == ca)
        return ca + 1;
    return low < n ? areas[low].ca : UINT32_MAX;
}

/* The next common address, above `ca`, where what earlier rules take may change. */
static uint32_t next_edge(struct review *v, const struct type_info *type, uint32_t ca)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < v->earlier_count; i++) {
        const struct policy_rule *r = &v->s->rule[v->earlier[i]];
        const struct ranges in = ca_of(r);
        const uint32_t area = next_area(v, r, type, ca);

        next = area < next ? area : next;
        for (size_t k = 0; k < in.n && r->area_count == 0; k++) {
            v->steps -= v->steps > 0;
            if (in.r[k].first > ca && in.r[k].first < next)
                next = in.r[k].first;
            if (in.r[k].last + 1 > ca && in.r[k].last + 1 < next)
                next = in.r[k].last + 1;
        }
    }
    return next;
}

static bool is_taken(struct review *v, const struct policy_rule *rule,
                     const struct type_info *type)
{
    const struct ranges in = ca_of(rule);
    size_t areas;
    const struct policy_area *area = policy_rule_areas(rule, type->id, &areas);

    for (size_t i = 0; i < areas; i++) {
        if (v->steps == 0 || !is_taken_at(v, rule, type, area[i].ca))
            return false;
    }
    if (areas > 0)
        return true;
    for (size_t i = 0; i < in.n; i++) {
        for (uint32_t ca = in.r[i].first; ca <= in.r[i].last;
             ca = next_edge(v, type, ca)) {
            if (v->steps == 0 || !is_taken_at(v, rule, type, ca))
                return false;
        }
    }
    return true;
}

/* Two types for which the same holds need only be looked at once, but are looked at each:
 * a review has time. */
static bool never_decides(struct review *v, uint32_t rule)
{
    const struct policy_rule *r = &v->s->rule[rule];

    for (unsigned int id = 0; id < 256; id++) {
        if (!has_type(r, id))
            continue;
        v->earlier_count = 0;
        for (size_t i = 0; i < v->before_count; i++) {
            const struct policy_rule *e = &v->s->rule[v->before[i]];
            v->steps -= v->steps > 0;
            if (e->direction == r->direction && has_type(e, id) && takes_all_of(e, r))
                v->earlier[v->earlier_count++] = v->before[i];
        }
        if (v->earlier_count == 0 || !is_taken(v, r, type_info((uint8_t)id)))
            return false;
    }
    return v->steps > 0;
}

static bool ranges_meet(struct review *v, struct ranges a, struct ranges b)
{
    size_t i = 0, k = 0;

    while (i < a.n && k < b.n) { /* one of them grows */
        v->steps -= v->steps > 0;
        if (a.r[i].last < b.r[k].first)
            i++;
        else if (b.r[k].last < a.r[i].first)
            k++;
        else
            return true;
    }
    return false;
}

/* The same for a rule `a` with areas. */
static bool areas_meet(struct review *v, const struct policy_rule *a,
                       const struct policy_rule *b, const struct type_info *type)
{
    size_t n;
    const struct policy_area *area = policy_rule_areas(a, type->id, &n);

    for (size_t i = 0; i < n && v->steps > 0; i++) {
        if (names_ca(v, b, type, area[i].ca) &&
            ranges_meet(v, ioa_of(a, type, area[i].ca), ioa_of(b, type, area[i].ca)))
            return true;
    }
    return false;
}

static bool meet(struct review *v, const struct policy_rule *a,
                 const struct policy_rule *b, const struct type_info *type)
{
    if (a->area_count > 0)
        return areas_meet(v, a, b, type);
    if (b->area_count > 0)
        return areas_meet(v, b, a, type);
    return ranges_meet(v, ca_of(a), ca_of(b)) &&
           ranges_meet(v, ioa_of(a, type, 0), ioa_of(b, type, 0));
}

static bool overlaps(struct review *v, const struct policy_rule *a,
                     const struct policy_rule *b)
{
    if (a->direction != b->direction || a->action == b->action ||
        policy_rules_exclude(v->s->askers, a, b))
        return false;
    for (unsigned int id = 0; id < 256; id++) {
        if (has_type(a, id) && has_type(b, id) && meet(v, a, b, type_info((uint8_t)id)))
            return true;
    }
    return false;
}

/* The earlier rule that decides on the first address of one that never does. */
static uint32_t decider(struct review *v, uint32_t rule)
{
    const struct policy_rule *r = &v->s->rule[rule];
    const struct type_info *type;
    const struct policy_area *area;
    unsigned int id = 0;
    size_t n;

    while (!has_type(r, id)) /* a rule has a type */
        id++;
    type = type_info((uint8_t)id);
    area = policy_rule_areas(r, type->id, &n);
    const uint32_t ca = area ? area->ca : ca_of(r).r[0].first;
    for (size_t i = 0; i < v->before_count; i++) {
        const struct policy_rule *e = &v->s->rule[v->before[i]];
        if (e->direction == r->direction && has_type(e, id) && takes_all_of(e, r) &&
            names_ca(v, e, type, ca) &&
            range_at(v, ioa_of(e, type, ca), ioa_of(r, type, ca).r[0].first))
            return v->before[i];
    }
    return 0;
}

/* Adds what there is to say of a rule; false: no room. */
static bool review_rule(struct review *v, uint32_t rule, struct policy_finding *out,
                        size_t max, size_t *count)
{
    const struct policy_rule *r = &v->s->rule[rule];

    v->before_count = policy_near_before(v->near, rule, v->before);
    v->steps -= v->before_count < v->steps ? v->before_count : v->steps;
    if (never_decides(v, rule)) {
        if (*count == max)
            return false;
        out[(*count)++] =
            (struct policy_finding){POLICY_NEVER_DECIDES, rule, decider(v, rule)};
        return true;
    }
    for (size_t i = 0; i < v->before_count && v->steps > 0; i++) {
        const uint32_t other = v->before[i];
        if (!overlaps(v, &v->s->rule[other], r))
            continue;
        if (*count == max)
            return false;
        out[(*count)++] = (struct policy_finding){POLICY_OVERLAPS, rule, other};
    }
    return v->steps > 0;
}

long policy_review(const uint8_t *blob, size_t n, struct policy_finding *findings,
                   size_t max, bool *whole)
{
    struct policy_source s;
    struct review v = {.s = &s, .steps = BUDGET};
    size_t count = 0;
    char err[160];

    if (!policy_source_read(blob, n, &s, err, sizeof err))
        return -1;
    v.earlier = calloc(s.count + 1, sizeof *v.earlier);
    v.before = calloc(s.count + 1, sizeof *v.before);
    v.near = policy_near_new(&s);
    *whole = v.earlier != NULL && v.before != NULL && v.near != NULL;
    for (uint32_t i = 0; i < s.count && *whole; i++)
        *whole = review_rule(&v, i, findings, max, &count);
    free(v.earlier);
    free(v.before);
    policy_near_free(v.near);
    policy_source_free(&s);
    return (long)count;
}
