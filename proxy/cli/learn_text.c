#include "proxy/cli/cli.h"
#include "proxy/cli/learn.h"
#include "proxy/cli/traffic_text.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_RANGES 8u

void learn_number_text(double v, char out[LEARN_NUMBER_TEXT])
{
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(out, LEARN_NUMBER_TEXT - 2, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    if (!strpbrk(out, ".e"))
        memcpy(out + strlen(out), ".0", sizeof ".0");
}

/* ---- lists ------------------------------------------------------------------------- */

static void put_range(FILE *out, const struct policy_range *r, bool of_ca, bool quoted)
{
    if (of_ca && r->first == ASDU_CA_ALL)
        (void)fputs("\"broadcast\"", out);
    else if (r->first < r->last)
        (void)fprintf(out, "\"%u-%u\"", r->first, r->last);
    else
        (void)fprintf(out, quoted ? "\"%u\"" : "%u", r->first);
}

void learn_put_ranges(FILE *out, const struct policy_range *range, size_t count,
                      bool of_ca, const char *indent)
{
    bool quoted = false;

    for (size_t i = 0; i < count; i++)
        quoted = quoted || range[i].first < range[i].last ||
                 (of_ca && range[i].first == ASDU_CA_ALL);
    (void)fputs("[ ", out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)fputc(',', out);
        if (i > 0 && i % LINE_MAX_RANGES == 0)
            (void)fprintf(out, "\n%s", indent);
        else if (i > 0)
            (void)fputc(' ', out);
        put_range(out, &range[i], of_ca, quoted);
    }
    (void)fputs(" ]", out);
}

void learn_put_octets(FILE *out, const uint8_t set[POLICY_OCTET_SET])
{
    struct policy_range range[128] = {{0, 0}};
    size_t count = 0;

    for (unsigned int i = 0; i < 256; i++) {
        if (!policy_octet_in(set, (uint8_t)i))
            continue;
        if (count > 0 && range[count - 1].last + 1 == i)
            range[count - 1].last = i;
        else
            range[count++] = (struct policy_range){i, i};
    }
    learn_put_ranges(out, range, count, false, "      ");
}

void learn_put_people(FILE *out, const struct learn *l, uint64_t who)
{
    const char *gap = "";

    for (size_t i = 0; i < l->people; i++) {
        if ((who >> i & 1) == 0)
            continue;
        (void)fprintf(out, "%s\"", gap);
        cli_put_safe(out, l->person[i], 0, false);
        (void)fputc('"', out);
        gap = ", ";
    }
    if ((who >> LEARN_PEOPLE & 1) != 0)
        (void)fprintf(out, "%sothers", gap);
}

/* ---- faults and quirks ------------------------------------------------------------- */

static void put_example(FILE *out, const struct learn_example *e, const char *prefix)
{
    char time[TRAFFIC_TIME_TEXT];

    traffic_time_text(e->time_ms, time);
    (void)fprintf(out, "%s  first %s, number %llu: ", prefix, time,
                  (unsigned long long)e->number);
    traffic_put_hex(out, e->octets, e->n);
    (void)fputc('\n', out);
}

static const char *type_name_of(uint8_t id)
{
    const struct type_info *type = type_info(id);

    return type ? type->name : "";
}

void learn_put_faults(FILE *out, const struct learn *l, const char *prefix)
{
    for (size_t i = 0; i < l->faults; i++) {
        const struct learn_fault *f = &l->fault[i];
        const struct reason_info *why = reason_info((unsigned int)f->verdict.reason);

        (void)fprintf(out, "%s%llu in %s direction", prefix,
                      (unsigned long long)f->example.count, direction_name(f->dir));
        if (f->type != 0)
            (void)fprintf(out, ", type %u %s", f->type, type_name_of(f->type));
        (void)fprintf(out, ": %s, octet %u (%s)\n", why ? why->name : "?",
                      f->verdict.offset, why ? why->text : "?");
        put_example(out, &f->example, prefix);
    }
    if (l->other_faults > 0)
        (void)fprintf(out, "%s%llu others, of more kinds than are told apart\n", prefix,
                      (unsigned long long)l->other_faults);
}

static void put_quirk_line(FILE *out, uint32_t set, const char *key, const char *prefix)
{
    const char *gap = "";

    set &= ~QUIRK_BIT(QUIRK_SECAUTH);
    if (set == 0)
        return;
    (void)fprintf(out, "%s%s = [ ", prefix, key);
    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        if ((set & QUIRK_BIT(q)) == 0)
            continue;
        (void)fprintf(out, "%s\"%s\"", gap, quirk_name(q));
        gap = ", ";
    }
    (void)fputs(" ];\n", out);
}

static void put_quirk(FILE *out, const struct learn *l, enum direction dir,
                      unsigned int q, const char *prefix)
{
    const struct learn_example e = learn_quirk_example(l, dir, q);

    (void)fprintf(out, "%s  %s lets through %s: %llu in %s direction\n", prefix,
                  quirk_name(q), quirk_info(q)->text, (unsigned long long)e.count,
                  direction_name(dir));
    put_example(out, &e, prefix);
}

bool learn_put_quirks(FILE *out, const struct learn *l, const char *prefix)
{
    uint32_t needed[DIRECTIONS];

    learn_quirks(l, needed);
    put_quirk_line(out, needed[DIR_MONITOR], "quirks", prefix);
    put_quirk_line(out, needed[DIR_CONTROL], "control_quirks", prefix);
    if (((needed[DIR_MONITOR] | needed[DIR_CONTROL]) & QUIRK_BIT(QUIRK_SECAUTH)) != 0)
        (void)fprintf(out, "%ssecauth = \"passthrough\";\n", prefix);
    for (int d = 0; d < DIRECTIONS; d++) {
        for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
            if ((needed[d] & QUIRK_BIT(q)) != 0)
                put_quirk(out, l, (enum direction)d, q, prefix);
        }
    }
    return (needed[DIR_MONITOR] | needed[DIR_CONTROL]) != 0;
}
