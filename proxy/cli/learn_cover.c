/* What was seen against a list of points. */
#include "proxy/cli/cli.h"
#include "proxy/cli/learn.h"
#include "proxy/cli/points.h"

#define NAMES_MAX  8u   /* of a rule */
#define LISTED_MAX 200u /* lines of points that were never seen */
#define OTHERS_MAX 50u  /* and of points that are not listed */

void learn_put_names(FILE *out, const struct learn_rule *r,
                     const struct learn_about *about, const char *prefix)
{
    uint64_t told = 0, all = 0;

    if (!about->names || r->over_ca)
        return;
    for (size_t i = 0; i < r->ranges; i++) {
        for (uint32_t ioa = r->range[i].first; ioa <= r->range[i].last; ioa++) {
            const char *name = point_names_find(about->names, r->ca, ioa, r->type);

            if (!name || ++all > NAMES_MAX)
                continue;
            (void)fprintf(out, "%s\"", told++ == 0 ? prefix : ", ");
            cli_put_safe(out, name, 0, false);
            (void)fputc('"', out);
        }
    }
    if (all > NAMES_MAX)
        (void)fprintf(out, " and %llu more", (unsigned long long)(all - NAMES_MAX));
    if (told > 0)
        (void)fputc('\n', out);
}

/* True if an object of it came: a value from the station, a command from the master, with
 * or without time tag. */
static bool was_seen(const struct learn *l, const struct point *p)
{
    const struct type_info *type = type_info(p->type);
    const enum direction dir =
        type && type->direction == TYPE_DIR_CONTROL ? DIR_CONTROL : DIR_MONITOR;

    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *t = type_at(i);

        if (type && t->direction == type->direction && point_type_fits(p->type, t->id) &&
            learn_point_find(l, dir, t->id, p->ca, p->ioa))
            return true;
    }
    return false;
}

static size_t put_never(FILE *out, const struct learn *l, const struct point_list *list,
                        bool count_only)
{
    size_t never = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct point *p = &list->point[i];

        if (was_seen(l, p))
            continue;
        if (++never > LISTED_MAX || count_only)
            continue;
        (void)fputs("  \"", out);
        cli_put_safe(out, point_list_text(list, p->name), 0, false);
        (void)fprintf(out, "\" %s, CA %u, IOA %u\n", type_info(p->type)->name, p->ca,
                      p->ioa);
    }
    if (never > LISTED_MAX && !count_only)
        (void)fprintf(out, "  and %zu more\n", never - LISTED_MAX);
    return never;
}

/* A point that a list could have: not the address 0 of an interrogation. */
static bool is_unlisted(const struct learn_about *about, const struct learn_point *p)
{
    return type_info(p->type)->ioa == TYPE_IOA_POINT &&
           !point_names_find(about->names, p->ca, p->ioa, p->type);
}

static void put_unlisted(FILE *out, const struct learn *l,
                         const struct learn_about *about)
{
    size_t count = 0;

    for (size_t i = 0; i < l->points; i++)
        count += is_unlisted(about, &l->point[i]);
    (void)fprintf(out, "seen and not listed: %zu point%s\n", count,
                  count == 1 ? "" : "s");
    count = 0;
    for (size_t i = 0; i < l->points && count < OTHERS_MAX; i++) {
        const struct learn_point *p = &l->point[i];

        if (!is_unlisted(about, p))
            continue;
        count++;
        (void)fprintf(out, "  %s, CA %u, IOA %u, %llu times\n", type_info(p->type)->name,
                      p->ca, p->ioa, (unsigned long long)p->seen);
    }
}

void learn_put_cover(FILE *out, const struct learn *l, const struct learn_about *about)
{
    const size_t never = put_never(out, l, about->list, true);

    (void)fprintf(out, "never seen: %zu of %zu points\n", never, about->list->count);
    (void)put_never(out, l, about->list, false);
    put_unlisted(out, l, about);
}
