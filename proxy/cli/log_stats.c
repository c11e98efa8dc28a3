#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_filter.h"
#include "proxy/cli/log_latency.h"
#include "proxy/cli/log_operations.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS      64u
#define NAME_SIZE (LOG_POINT_MAX + 1u)

/* Counts by name; names beyond the last row are counted together. */
struct table {
    const char *title;
    size_t count;
    struct row {
        char name[NAME_SIZE];
        uint64_t n;
    } row[ROWS];
    uint64_t others;
};

static const unsigned int percentiles[] = {50, 90, 95, 99};
#define PERCENTILES (sizeof percentiles / sizeof percentiles[0])

struct stats {
    uint64_t records, bad;
    char first[AUDIT_TIME_SIZE + 1], last[AUDIT_TIME_SIZE + 1];
    struct table events, people, points, refusals, faults;
    struct log_latency latency;
    struct log_operations operations;
    uint64_t thinned; /* APDUs with values that have no record */
    struct log_sessions sessions;
    struct log_files files;
};

static void count(struct table *t, const char *name)
{
    size_t i = 0;

    while (i < t->count && strncmp(t->row[i].name, name, NAME_SIZE - 1) != 0)
        i++;
    if (i == ROWS) {
        t->others++;
        return;
    }
    if (i == t->count) {
        (void)snprintf(t->row[i].name, NAME_SIZE, "%s", name);
        t->count++;
    }
    t->row[i].n++;
}

static void add_latency(struct stats *s, const json_t *record)
{
    long long ms;

    if (log_number(record, "latency_ms", &ms) && ms >= 0)
        log_latency_add(&s->latency, (uint64_t)ms);
}

static void add_command(struct stats *s, const json_t *record)
{
    const char *point = log_text(record, "point");

    count(&s->people, log_sessions_who(&s->sessions, record));
    if (point)
        count(&s->points, point);
}

static void add_refusal(struct stats *s, const json_t *record)
{
    const char *what = log_text(record, "rule");

    if (!what || !*what)
        what = log_text(record, "reason");
    if (!what || !*what)
        what = log_text(record, "why");
    count(&s->refusals, what && *what ? what : "no rule allows it");
}

static void add_record(struct stats *s, const json_t *record)
{
    const char *event = log_text(record, "event");
    const char *time = log_text(record, "time");
    const char *reason = log_text(record, "reason");
    long long untold;

    log_sessions_learn(&s->sessions, record);
    log_operations_add(&s->operations, record, log_sessions_who(&s->sessions, record));
    if (s->records++ == 0)
        (void)snprintf(s->first, sizeof s->first, "%s", time ? time : "");
    (void)snprintf(s->last, sizeof s->last, "%s", time ? time : "");
    if (!event)
        return;
    count(&s->events, event);
    if (strcmp(event, "log.thinned") == 0 && log_number(record, "count", &untold))
        s->thinned += (uint64_t)untold;
    if (strcmp(event, "op.command") == 0)
        add_command(s, record);
    if (strcmp(event, "policy.refused") == 0 || strcmp(event, "policy.would-refuse") == 0)
        add_refusal(s, record);
    if (reason && strstr(event, ".malformed"))
        count(&s->faults, reason);
    add_latency(s, record);
}

static int larger(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return (x->n < y->n) - (x->n > y->n);
}

static void print_table(struct table *t)
{
    if (t->count == 0)
        return;
    qsort(t->row, t->count, sizeof t->row[0], larger);
    (void)printf("\n%s\n", t->title);
    for (size_t i = 0; i < t->count; i++) {
        (void)printf("  %8llu  ", (unsigned long long)t->row[i].n);
        cli_put_safe(stdout, t->row[i].name, 0, false);
        (void)printf("\n");
    }
    if (t->others > 0)
        (void)printf("  %8llu  others (more names than fit)\n",
                     (unsigned long long)t->others);
}

static void print(struct stats *s)
{
    (void)printf("%llu records", (unsigned long long)s->records);
    if (s->records > 0)
        (void)printf(", %s to %s", s->first, s->last);
    (void)printf("\n");
    if (s->bad > 0)
        (void)printf("%llu lines are no records (see gate104 log verify)\n",
                     (unsigned long long)s->bad);
    if (s->thinned > 0)
        (void)printf("%llu APDUs with values have no record of their own (log.thinned)\n",
                     (unsigned long long)s->thinned);
    print_table(&s->events);
    print_table(&s->people);
    print_table(&s->points);
    log_operations_print(&s->operations);
    print_table(&s->refusals);
    print_table(&s->faults);
    if (s->latency.n > 0)
        (void)printf("\nanswers of stations: %llu, after %llu to %llu ms, mean %llu ms\n",
                     (unsigned long long)s->latency.n, (unsigned long long)s->latency.min,
                     (unsigned long long)s->latency.max,
                     (unsigned long long)(s->latency.sum / s->latency.n));
    for (size_t i = 0; s->latency.n > 0 && i < PERCENTILES; i++)
        (void)printf(
            "  %7u %%  within %llu ms\n", percentiles[i],
            (unsigned long long)log_latency_percentile(&s->latency, percentiles[i]));
}

static json_t *table_json(struct table *t)
{
    json_t *rows = json_object();

    for (size_t i = 0; i < t->count; i++)
        (void)json_object_set_new(rows, t->row[i].name,
                                  json_integer((json_int_t)t->row[i].n));
    return json_pack("{s:o, s:I}", "counts", rows, "others", (json_int_t)t->others);
}

json_t *log_latency_json(const struct log_latency *l)
{
    json_t *out = json_pack("{s:I}", "count", (json_int_t)l->n);

    for (size_t i = 0; l->n > 0 && i < PERCENTILES; i++) {
        char name[8];

        (void)snprintf(name, sizeof name, "p%u", percentiles[i]);
        (void)json_object_set_new(
            out, name,
            json_integer((json_int_t)log_latency_percentile(l, percentiles[i])));
    }
    if (l->n > 0) {
        (void)json_object_set_new(out, "min", json_integer((json_int_t)l->min));
        (void)json_object_set_new(out, "max", json_integer((json_int_t)l->max));
    }
    return out;
}

static bool print_json(struct stats *s)
{
    json_t *out = json_pack(
        "{s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "records",
        (json_int_t)s->records, "bad_lines", (json_int_t)s->bad, "first", s->first,
        "last", s->last, "events", table_json(&s->events), "people",
        table_json(&s->people), "points", table_json(&s->points), "refusals",
        table_json(&s->refusals), "malformed", table_json(&s->faults), "latency_ms",
        log_latency_json(&s->latency), "operations", log_operations_json(&s->operations),
        "thinned", (json_int_t)s->thinned);
    bool ok = out && json_dumpf(out, stdout, JSON_ENSURE_ASCII | JSON_COMPACT) == 0;

    json_decref(out);
    (void)printf("\n");
    return ok;
}

static int run(struct stats *s)
{
    for (;;) {
        const char *line;
        json_t *record;
        size_t n;

        switch (log_files_next(&s->files, &line, &n)) {
        case AUDIT_READ_LINE:
            record = log_record_parse(line, n);
            if (record)
                add_record(s, record);
            else
                s->bad++;
            json_decref(record);
            break;
        case AUDIT_READ_LONG: s->bad++; break;
        case AUDIT_READ_TORN:
        case AUDIT_READ_END: return s->bad > 0 ? LOG_EXIT_BAD : LOG_EXIT_OK;
        case AUDIT_READ_ERROR: perror("gate104 log"); return LOG_EXIT_UNUSABLE;
        }
    }
}

int log_stats(int argc, char **argv)
{
    static struct stats s = {
        .events = {.title = "events"},
        .people = {.title = "commands by person"},
        .points = {.title = "commands by point"},
        .refusals = {.title = "refusals by rule"},
        .faults = {.title = "malformed frames by reason"},
    };
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    bool good = true;
    int status;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        good = good && o == 'j';
        json = true;
    }
    if (!good || optind >= argc) {
        (void)fprintf(stderr, "usage: gate104 log stats [--json] DIR|FILE...\n");
        return LOG_EXIT_UNUSABLE;
    }
    if (!log_files_open(&s.files, argv + optind, (size_t)(argc - optind)))
        return LOG_EXIT_UNUSABLE;
    status = run(&s);
    if (s.files.missing && status == LOG_EXIT_OK)
        status = LOG_EXIT_BAD;
    log_files_close(&s.files);
    if (!json)
        print(&s);
    else if (!print_json(&s))
        status = LOG_EXIT_UNUSABLE;
    return status;
}
