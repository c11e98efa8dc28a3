/* What was seen, and what was not. */
#include "proxy/cli/cli.h"
#include "proxy/cli/learn.h"

#include "proxy/cli/traffic_text.h"
#include <string.h>

static void put_span(FILE *out, const struct learn *l, const struct learn_about *about)
{
    const struct traffic_counts *c = &about->traffic->counts;
    char first[TRAFFIC_TIME_TEXT], last[TRAFFIC_TIME_TEXT];
    const uint64_t minutes = (c->last_ms - c->first_ms) / 60000;

    traffic_time_text(c->first_ms, first);
    traffic_time_text(c->last_ms, last);
    (void)fprintf(out, "seen: %s to %s (%llu d %llu h %llu min), %llu session%s\n", first,
                  last, (unsigned long long)(minutes / 1440),
                  (unsigned long long)(minutes / 60 % 24),
                  (unsigned long long)(minutes % 60), (unsigned long long)c->sessions,
                  c->sessions == 1 ? "" : "s");
    (void)fprintf(out, "APDUs: %llu I, %llu S, %llu U\n",
                  (unsigned long long)l->frames[0], (unsigned long long)l->frames[1],
                  (unsigned long long)l->frames[2]);
    if (l->people > 0) {
        (void)fputs("commanding: ", out);
        learn_put_people(out, l, ~UINT64_C(0) >> (64 - LEARN_PEOPLE));
        (void)fputc('\n', out);
    }
}

static void count_points(const struct learn *l, enum direction dir, size_t out[128])
{
    memset(out, 0, 128 * sizeof out[0]);
    for (size_t i = 0; i < l->points; i++)
        out[l->point[i].type % 128u] += l->point[i].direction == dir;
}

static void put_types(FILE *out, const struct learn *l, enum direction dir)
{
    size_t points[128];
    bool any = false;

    count_points(l, dir, points);
    for (unsigned int id = 0; id < 128; id++) {
        if (l->types[dir][id] == 0)
            continue;
        if (!any)
            (void)fprintf(out, "%s direction:\n", direction_name(dir));
        any = true;
        (void)fprintf(out, "  %-10s %8llu APDU%s", type_info((uint8_t)id)->name,
                      (unsigned long long)l->types[dir][id],
                      l->types[dir][id] == 1 ? "" : "s");
        if (points[id] > 0)
            (void)fprintf(out, ", %zu point%s", points[id], points[id] == 1 ? "" : "s");
        (void)fputc('\n', out);
    }
    if (!any)
        (void)fprintf(out, "%s direction: nothing\n", direction_name(dir));
}

static void put_rules(FILE *out, const struct learn_rules *rules, bool accept)
{
    uint64_t rule[3] = {0}, points[3] = {0};

    for (size_t i = 0; i < rules->count; i++) {
        rule[rules->rule[i].class]++;
        points[rules->rule[i].class] += rules->rule[i].points;
    }
    (void)fprintf(out, "rules: %llu that read; %s for commands: %llu, for %llu point%s\n",
                  (unsigned long long)rule[LEARN_READS], accept ? "accepted" : "proposed",
                  (unsigned long long)rule[LEARN_PROPOSED],
                  (unsigned long long)points[LEARN_PROPOSED],
                  points[LEARN_PROPOSED] == 1 ? "" : "s");
    if (rule[LEARN_REJECTED] > 0)
        (void)fprintf(out, "not proposed: %llu point%s that the RTU never accepted\n",
                      (unsigned long long)points[LEARN_REJECTED],
                      points[LEARN_REJECTED] == 1 ? "" : "s");
}

/* What makes the picture less than whole. */
static void put_doubts(FILE *out, const struct learn *l, const struct learn_about *about)
{
    const struct traffic_counts *c = &about->traffic->counts;

    if (c->captures == 0 && c->thinned == 0 && l->points == l->commands)
        (void)fputs(
            "The log has no values: set record_points of the route, or learn from "
            "a capture, to see which points there are.\n",
            out);
    if (c->thinned > 0)
        (void)fprintf(out,
                      "%llu APDUs of values were only counted in the log "
                      "(log.thinned): points may be missing here.\n",
                      (unsigned long long)c->thinned);
    if (c->gaps > 0)
        (void)fprintf(out, "%llu times octets are missing in a capture.\n",
                      (unsigned long long)c->gaps);
    if (c->bad_lines > 0)
        (void)fprintf(out, "%llu lines are no records (see gate104 log verify).\n",
                      (unsigned long long)c->bad_lines);
    if (c->missing)
        (void)fputs("A file of the log is missing.\n", out);
    if (l->untold > 0)
        (void)fprintf(out, "%llu objects lie beyond the limits of learning.\n",
                      (unsigned long long)l->untold);
}

void learn_report(FILE *out, const struct learn *l, const struct learn_rules *rules,
                  const struct learn_about *about)
{
    put_span(out, l, about);
    put_types(out, l, DIR_CONTROL);
    put_types(out, l, DIR_MONITOR);
    put_rules(out, rules, about->accept);
    if (about->list)
        learn_put_cover(out, l, about);
    (void)fputs("quirks:\n", out);
    if (!learn_put_quirks(out, l, "  "))
        (void)fputs("  none\n", out);
    if (l->faults > 0) {
        (void)fputs("would never pass:\n", out);
        learn_put_faults(out, l, "  ");
    }
    put_doubts(out, l, about);
}
