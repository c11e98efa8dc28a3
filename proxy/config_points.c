/* The lists of points that routes name. */
#include "proxy/config_build.h"

#include <stdlib.h>
#include <string.h>

/* Octets of the names of all lists: audit is told of them at once. */
#define NAMES_MAX ((size_t)32 << 20)

/* The place of a list; CONFIG_NO_POINTS after a finding.  Takes the path. */
static size_t place_list(struct config_build *b, char *path, unsigned int line)
{
    const struct config_place at = {b->r.file, line, "points"};
    struct config *c = b->c;
    struct config_points *more;

    for (size_t i = 0; i < c->points_count; i++) {
        if (strcmp(c->points[i].path, path) == 0) {
            free(path);
            return i;
        }
    }
    more = realloc(c->points, (c->points_count + 1) * sizeof *more);
    if (!more) {
        free(path);
        config_no_memory(&b->r);
        return CONFIG_NO_POINTS;
    }
    c->points = more;
    more[c->points_count] = (struct config_points){.path = path};
    if (!point_list_load(path, &at, b->r.errs, &more[c->points_count].list)) {
        free(path);
        return CONFIG_NO_POINTS;
    }
    if (!point_list_names(&more[c->points_count].list, &more[c->points_count].names)) {
        point_list_free(&more[c->points_count].list);
        free(path);
        config_no_memory(&b->r);
        return CONFIG_NO_POINTS;
    }
    return c->points_count++;
}

static bool check_size(const struct config_build *b, const config_setting_t *s)
{
    size_t all = 0;

    for (size_t i = 0; i < b->c->points_count; i++)
        all += point_names_size(&b->c->points[i].names);
    if (all <= NAMES_MAX)
        return true;
    config_report_key(
        &b->r, CONFIG_ERROR, s, "points", "use shorter names, or run a second gate104d",
        "the names of all lists together have more than %zu octets", NAMES_MAX);
    return false;
}

bool config_points_read(struct config_build *b, const config_setting_t *s,
                        struct config_route *route)
{
    const config_setting_t *e = config_member(s, "points", CONFIG_KIND_STRING);
    char *path = e ? config_path(b, e) : NULL;

    route->points = CONFIG_NO_POINTS;
    if (!path)
        return !config_setting_get_member(s, "points");
    route->points = place_list(b, path, e->line);
    return route->points != CONFIG_NO_POINTS && check_size(b, s);
}

const struct point_list *config_points_of(const struct config *c, size_t points)
{
    return points == CONFIG_NO_POINTS ? NULL : &c->points[points].list;
}

/* Points that no station with addresses of these sizes can have. */
void config_points_check(const struct config_build *b, const config_setting_t *s,
                         const struct config_route *route)
{
    const struct point_list *l = config_points_of(b->c, route->points);
    const uint32_t ca_max = route->ca_size == 1 ? 254 : 65534;
    const uint32_t ioa_max =
        route->ioa_size >= 3 ? 0xFFFFFF : (1u << 8 * route->ioa_size) - 1;
    const struct point *first = NULL;
    size_t count = 0;

    for (size_t i = 0; l && i < l->count; i++) {
        const struct point *p = &l->point[i];

        if (p->ca <= ca_max && p->ioa <= ioa_max)
            continue;
        first = first && first->line < p->line ? first : p;
        count++;
    }
    if (first)
        config_report_key(&b->r, CONFIG_WARNING, s, "points",
                          "correct the list, or ca_size and ioa_size",
                          "%zu points have addresses that no station of this route can "
                          "have, first that of line %u",
                          count, first->line);
}

bool config_points_same(const struct config *a, const struct config *b)
{
    if (a->route_count != b->route_count)
        return false;
    for (size_t i = 0; i < a->route_count; i++) {
        const struct point_list *x = config_points_of(a, a->routes[i].points);
        const struct point_list *y = config_points_of(b, b->routes[i].points);

        if (!x != !y || (x && memcmp(x->hash, y->hash, sizeof x->hash) != 0))
            return false;
    }
    return true;
}

static bool copy_names(const struct point_names *from, struct point_names *to)
{
    *to = *from;
    to->item = malloc((from->count + 1) * sizeof *to->item);
    to->text = malloc(from->text_size + 1);
    if (!to->item || !to->text) {
        point_names_free(to);
        return false;
    }
    memcpy(to->item, from->item, from->count * sizeof *to->item);
    memcpy(to->text, from->text, from->text_size);
    return true;
}

bool config_points_role(const struct config *c, struct audit_config *out)
{
    out->points = calloc(c->points_count + 1, sizeof *out->points);
    if (!out->points)
        return false;
    for (size_t i = 0; i < c->points_count; i++) {
        memcpy(out->points[i].hash, c->points[i].list.hash, sizeof out->points[i].hash);
        if (!copy_names(&c->points[i].names, &out->points[i].names))
            return false;
        out->points_count++;
    }
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->routes[i].points != CONFIG_NO_POINTS)
            out->route[i].points = &out->points[c->routes[i].points];
    }
    return true;
}

void config_points_free(struct config *c)
{
    for (size_t i = 0; i < c->points_count; i++) {
        free(c->points[i].path);
        point_list_free(&c->points[i].list);
        point_names_free(&c->points[i].names);
    }
    free(c->points);
}
