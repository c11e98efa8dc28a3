/* The points that a rule names, as what it takes: those of the same limits together. */
#include "policy/type_value.h"
#include "proxy/policy_file_points.h"
#include "proxy/policy_file_role.h"

#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

/* Limits of points of the list, as far as they can be compared. */
static int compare_limits(const struct point_list *l, const struct point *x,
                          const struct point *y)
{
    if (x->has_min != y->has_min)
        return x->has_min ? 1 : -1;
    if (x->has_max != y->has_max)
        return x->has_max ? 1 : -1;
    if (x->has_min && x->min != y->min)
        return x->min < y->min ? -1 : 1;
    if (x->has_max && x->max != y->max)
        return x->max < y->max ? -1 : 1;
    if (x->select != y->select)
        return x->select < y->select ? -1 : 1;
    return strcmp(l->text + x->role, l->text + y->role);
}

/* Numbers of points whose list gives one bound only go to the type's other bound. */
static bool one_bound(const struct point *p)
{
    return p->has_min != p->has_max;
}

static bool same_limits(const struct policy_file_points *p,
                        const struct policy_file_pick *a,
                        const struct policy_file_pick *b)
{
    const struct point *x = &p->list->point[a->point], *y = &p->list->point[b->point];

    if (!p->listed)
        return true;
    return compare_limits(p->list, x, y) == 0 && (!one_bound(x) || x->type == y->type);
}

static int compare_picks(const void *a, const void *b, void *ctx)
{
    const struct policy_file_points *p = ctx;
    const struct policy_file_pick *x = a, *y = b;
    const struct point *m = &p->list->point[x->point], *n = &p->list->point[y->point];
    int order = 0;

    if (p->listed) {
        order = compare_limits(p->list, m, n);
        if (order == 0 && one_bound(m) && m->type != n->type)
            order = m->type < n->type ? -1 : 1;
    }
    if (order == 0)
        order = (x->type > y->type) - (x->type < y->type);
    /* Points stand in the order of their addresses. */
    return order != 0 ? order : (x->point > y->point) - (x->point < y->point);
}

/* ---- what is handed out ---- */

static bool take_role(const struct point_list *l, const struct point *point,
                      const struct config_reader *r, struct policy_file_roles *roles,
                      struct policy_rule *out)
{
    const struct config_place at = {l->path, point->line, "role"};
    char remedy[160];

    if (point->role == 0)
        return true;
    if (!policy_file_role_by_name(roles, l->text + point->role, &out->role[0], remedy,
                                  sizeof remedy)) {
        config_errors_add(r->errs, CONFIG_ERROR, &at, remedy, "\"%s\" is no role",
                          l->text + point->role);
        return false;
    }
    out->role_count = 1;
    roles->used = true;
    return true;
}

/* The limits of a point become those of the rule. */
static bool take_limits(const struct policy_file_points *p, const struct config_reader *r,
                        const config_setting_t *rule, struct policy_file_roles *roles,
                        struct policy_rule *out)
{
    const struct point *point = &p->list->point[p->pick[p->done].point];
    const uint8_t type = p->pick[p->done].type;
    double low, high;

    out->has_value = point->has_min || point->has_max;
    if (out->has_value) {
        (void)type_value_range((enum type_value)type_info(point->type)->value, &low,
                               &high);
        out->value_min = point->has_min ? point->min : low;
        out->value_max = point->has_max ? point->max : high;
    }
    out->limits.select = point->select == POINT_SELECT_YES ? POLICY_SELECT_REQUIRED
                                                           : POLICY_SELECT_ALLOWED;
    out->role_count = 0;
    if (out->has_value && type_info(type)->value == VALUE_NONE) {
        config_report_key(r, CONFIG_ERROR, rule, "types", "put it into a rule of its own",
                          "%s carries no number, and the list limits those of the points",
                          type_info(type)->name);
        return false;
    }
    if (out->limits.select != POLICY_SELECT_ALLOWED &&
        (out->direction != DIR_CONTROL || !policy_action_passes(out->action))) {
        config_report_key(r, CONFIG_ERROR, rule, "limits_from_points",
                          "write the limits into the rule",
                          "a select can be asked of commands that pass only");
        return false;
    }
    return take_role(p->list, point, r, roles, out);
}

/* Adds a point to the areas: to the last range, as a new one, or to a new area. */
static void put_point(struct policy_file_points *p, const struct policy_file_pick *pick,
                      struct policy_rule *out)
{
    const struct point *point = &p->list->point[pick->point];
    struct policy_area *last = out->area_count > 0 ? &p->area[out->area_count - 1] : NULL;

    if (!last || last->type != pick->type || last->ca != point->ca) {
        last = &p->area[out->area_count++];
        *last = (struct policy_area){pick->type, point->ca, (uint32_t)out->ioa_count, 0};
    }
    if (last->count > 0 && p->ioa[out->ioa_count - 1].last + 1 >= point->ioa) {
        p->ioa[out->ioa_count - 1].last = point->ioa;
        return;
    }
    p->ioa[out->ioa_count++] = (struct policy_range){point->ioa, point->ioa};
    last->count++;
}

/* Points at one common address, the same for each type, need no areas. */
static void simplify(struct policy_file_points *p, struct policy_rule *out,
                     struct policy_range *ca)
{
    const struct policy_area *first = &p->area[0];

    for (size_t i = 0; i < out->area_count; i++) {
        const struct policy_area *a = &p->area[i];
        if (a->ca != first->ca || a->count != first->count ||
            memcmp(p->ioa + a->first, p->ioa, a->count * sizeof *p->ioa) != 0)
            return;
    }
    if (out->area_count == 0 || first->count > POLICY_RANGES_MAX)
        return;
    *ca = (struct policy_range){first->ca, first->ca};
    out->ca = ca;
    out->ca_count = 1;
    out->ioa_count = first->count;
    out->area_count = 0;
}

static bool make_room(struct policy_file_points *p, const struct config_reader *r,
                      const config_setting_t *rule)
{
    free(p->area);
    free(p->ioa);
    /* One range more than points: for the common address of simplify(). */
    p->area = malloc(p->count * sizeof *p->area);
    p->ioa = malloc((p->count + 1) * sizeof *p->ioa);
    if (p->area && p->ioa)
        return true;
    config_report(r, CONFIG_ERROR, rule, "free some memory", "out of memory");
    return false;
}

bool policy_file_points_next(struct policy_file_points *p, const struct config_reader *r,
                             const config_setting_t *rule,
                             struct policy_file_roles *roles, struct policy_rule *out)
{
    if (p->done == p->count)
        return false;
    if (p->done == 0) {
        qsort_r(p->pick, p->count, sizeof *p->pick, compare_picks, p);
        if (!make_room(p, r, rule))
            return false;
    }
    if (p->listed && !take_limits(p, r, rule, roles, out))
        return false;
    memset(out->types, 0, sizeof out->types);
    out->ca_count = out->ioa_count = out->area_count = 0;
    out->area = p->area;
    out->ioa = p->ioa;
    const struct policy_file_pick first = p->pick[p->done];
    while (p->done < p->count && same_limits(p, &first, &p->pick[p->done])) {
        put_point(p, &p->pick[p->done], out);
        policy_types_set(out->types, p->pick[p->done++].type);
    }
    simplify(p, out, p->ioa + p->count);
    return true;
}

void policy_file_points_free(struct policy_file_points *p)
{
    free(p->pick);
    free(p->area);
    free(p->ioa);
    memset(p, 0, sizeof *p);
}
