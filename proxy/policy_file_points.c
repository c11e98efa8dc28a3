#include "proxy/policy_file_points.h"

#include <stdlib.h>
#include <string.h>

/* Comparisons with names that have an asterisk: some seconds at the worst. */
#define STEPS ((size_t)16 << 20)
/* Names for which one that is near is looked for. */
#define GUESSES 5u

/* ---- which points ---- */

static bool add_pick(struct policy_file_points *p, uint32_t point, uint8_t type)
{
    if (p->count == p->room) {
        const size_t room = 2 * p->room + 64;
        struct policy_file_pick *more = realloc(p->pick, room * sizeof *more);

        if (!more)
            return false;
        p->pick = more;
        p->room = room;
    }
    p->pick[p->count++] = (struct policy_file_pick){point, type};
    return true;
}

struct picking {
    struct policy_file_points *p;
    const struct config_reader *r;
    const config_setting_t *element;
    enum direction direction;
    const uint8_t *types; /* NULL: each point's own */
    bool no_memory;
};

/* Picks a point with all types that it may have; false: there is none. */
static bool pick(struct picking *k, uint32_t point)
{
    const uint8_t listed = k->p->list->point[point].type;
    const size_t before = k->p->count;

    if (!k->types) {
        if (type_in_direction(type_info(listed), k->direction))
            k->no_memory = !add_pick(k->p, point, listed) || k->no_memory;
        return k->p->count > before;
    }
    for (unsigned int id = 1; id < TYPE_TABLE_SIZE; id++) {
        if ((k->types[id / 8] >> id % 8 & 1) != 0 && point_type_fits(listed, (uint8_t)id))
            k->no_memory = !add_pick(k->p, point, (uint8_t)id) || k->no_memory;
    }
    return k->p->count > before;
}

static void not_found(struct picking *k, const char *name)
{
    const char *near = k->p->guesses++ < GUESSES && strlen(name) <= POINT_NAME_MAX
                           ? point_list_nearest(k->p->list, name)
                           : NULL;
    char remedy[POINT_NAME_MAX + 32] = "write the name as in the list";

    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    config_report(k->r, CONFIG_ERROR, k->element, remedy, "\"%s\" is no point of %s",
                  name, k->p->list->path);
}

static void does_not_fit(struct picking *k, const struct point *point, const char *name)
{
    const char *type = type_info(point->type)->name;

    if (k->types)
        config_report(k->r, CONFIG_ERROR, k->element, "remove it, or add its type",
                      "\"%s\" is %s, which none of the rule's types fits (%s:%u)", name,
                      type, k->p->list->path, point->line);
    else
        config_report(k->r, CONFIG_ERROR, k->element,
                      "remove it, or write it into a rule of the other direction",
                      "\"%s\" is %s, which does not occur in %s direction (%s:%u)", name,
                      type, direction_name(k->direction), k->p->list->path, point->line);
}

static void pick_name(struct picking *k, const char *name)
{
    const struct point *point = point_list_by_name(k->p->list, name);

    if (!point)
        not_found(k, name);
    else if (!pick(k, (uint32_t)(point - k->p->list->point)))
        does_not_fit(k, point, name);
}

/* True if an asterisk of the pattern stands for any letters, and the rest for itself. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *again = NULL;

    while (*name) { /* goes back to `again`, which grows */
        if (*pattern == '*') {
            star = ++pattern;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* The first name, in order, that is not before the first n octets of the pattern. */
static size_t first_name(const struct point_list *l, const char *pattern, size_t n)
{
    size_t low = 0, high = l->count;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        const struct point *p = &l->point[l->by_name[middle]];

        if (strncmp(l->text + p->name, pattern, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void pick_pattern(struct picking *k, const char *pattern)
{
    const struct point_list *l = k->p->list;
    const size_t n = strcspn(pattern, "*");
    bool any = false;

    for (size_t i = first_name(l, pattern, n); i < l->count; i++) {
        const char *name = l->text + l->point[l->by_name[i]].name;

        if (strncmp(name, pattern, n) != 0)
            break;
        if (++k->p->steps > STEPS) {
            config_report(k->r, CONFIG_ERROR, k->element,
                          "begin the names with letters, or write fewer of them",
                          "too many names begin with an asterisk");
            return;
        }
        if (matches(pattern, name))
            any = pick(k, l->by_name[i]) || any;
    }
    if (!any)
        config_report(k->r, CONFIG_ERROR, k->element, "look at the names of the list",
                      "\"%s\" fits no point of %s that %s", pattern, l->path,
                      k->types ? "the rule's types fit" : "occurs in this direction");
}

/* ---- a rule ---- */

static bool forbid(const struct config_reader *r, const config_setting_t *rule,
                   const char *key, const char *other, const char *remedy)
{
    if (!config_setting_get_member(rule, key))
        return true;
    config_report_key(r, CONFIG_ERROR, rule, key, remedy,
                      "the rule has %s, too, which says the same", other);
    return false;
}

static bool read_names(struct picking *k, const config_setting_t *list)
{
    const size_t before = k->r->errs->errors;

    if (!config_count_check(k->r, list, 1, POINT_LIST_MAX))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        k->element = config_elem(list, i);
        const char *name = config_string(k->r, k->element);

        if (name && strchr(name, '*'))
            pick_pattern(k, name);
        else if (name)
            pick_name(k, name);
    }
    if (k->no_memory)
        config_report(k->r, CONFIG_ERROR, list, "free some memory", "out of memory");
    return k->r->errs->errors == before;
}

/* What the rule's types are now: those that its points have.  One of which there is none
 * is a mistake. */
static bool take_types(struct picking *k, const config_setting_t *rule,
                       struct policy_rule *out)
{
    uint8_t types[32] = {0};
    bool good = true;

    for (size_t i = 0; i < k->p->count; i++)
        policy_types_set(types, k->p->pick[i].type);
    for (unsigned int id = 0; k->types && id < 256; id++) {
        if ((out->types[id / 8] >> id % 8 & 1) == 0 || (types[id / 8] >> id % 8 & 1) != 0)
            continue;
        config_report_key(k->r, CONFIG_ERROR, rule, "types", "remove it",
                          "none of the rule's points is one for %s",
                          type_info((uint8_t)id)->name);
        good = false;
    }
    memcpy(out->types, types, sizeof types);
    return good;
}

bool policy_file_points(struct policy_file_points *p, const struct config_reader *r,
                        const config_setting_t *rule, struct policy_rule *out)
{
    const config_setting_t *list = config_member(rule, "points", CONFIG_KIND_SEQUENCE);
    struct picking k = {.p = p, .r = r, .direction = out->direction};

    p->count = p->done = 0;
    p->listed = false;
    if (!list)
        return !config_setting_get_member(rule, "points");
    if (!p->list) {
        config_report(r, CONFIG_ERROR, list,
                      "add points = \"FILE.csv\"; to the route, or --points FILE.csv to "
                      "the command",
                      "the rule names points, and there is no list of them");
        return false;
    }
    if (!forbid(r, rule, "ca", "points", "remove it, or points") ||
        !forbid(r, rule, "ioa", "points", "remove it, or points"))
        return false;
    k.types = config_setting_get_member(rule, "types") ? out->types : NULL;
    return read_names(&k, list) && take_types(&k, rule, out);
}

bool policy_file_points_limits(struct policy_file_points *p,
                               const struct config_reader *r,
                               const config_setting_t *rule,
                               const struct policy_rule *out)
{
    static const char *const keys[] = {"value", "select", "roles"};
    static const char own[] = "remove it, or limits_from_points";
    const config_setting_t *s = config_setting_get_member(rule, "limits_from_points");
    bool good = true;

    if (!s || s->type != CONFIG_TYPE_BOOL || !config_setting_get_bool(s))
        return true;
    if (p->count == 0) {
        config_report(r, CONFIG_ERROR, s, "add points = [ \"NAME\" ];",
                      "the rule names no points");
        return false;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        good = forbid(r, rule, keys[i], "limits_from_points", own) && good;
    if (out->limits.rate_count > 0 && out->limits.per != POLICY_PER_POINT) {
        config_report(r, CONFIG_ERROR, s, "write rate_per = \"point\";",
                      "points with limits of their own cannot share a rate");
        good = false;
    }
    p->listed = true;
    return good;
}
