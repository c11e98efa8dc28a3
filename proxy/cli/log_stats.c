#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS      64u
#define NAME_SIZE 80u

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

struct stats {
    uint64_t records, bad;
    char first[AUDIT_TIME_SIZE + 1], last[AUDIT_TIME_SIZE + 1];
    struct table events, people, refusals, faults;
    uint64_t latencies, latency_sum;
    long long latency_min, latency_max;
    struct log_sessions sessions;
    struct audit_reader reader;
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

    if (!log_number(record, "latency_ms", &ms) || ms < 0)
        return;
    if (s->latencies == 0 || ms < s->latency_min)
        s->latency_min = ms;
    if (s->latencies == 0 || ms > s->latency_max)
        s->latency_max = ms;
    s->latencies++;
    s->latency_sum += (uint64_t)ms;
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

    log_sessions_learn(&s->sessions, record);
    if (s->records++ == 0)
        (void)snprintf(s->first, sizeof s->first, "%s", time ? time : "");
    (void)snprintf(s->last, sizeof s->last, "%s", time ? time : "");
    if (!event)
        return;
    count(&s->events, event);
    if (strcmp(event, "op.command") == 0)
        count(&s->people, log_sessions_who(&s->sessions, record));
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
        (void)printf("  %8llu  others\n", (unsigned long long)t->others);
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
    print_table(&s->events);
    print_table(&s->people);
    print_table(&s->refusals);
    print_table(&s->faults);
    if (s->latencies > 0)
        (void)printf("\nanswers of stations: %llu, after %lld to %lld ms, mean %llu ms\n",
                     (unsigned long long)s->latencies, s->latency_min, s->latency_max,
                     (unsigned long long)(s->latency_sum / s->latencies));
}

static int run(struct stats *s)
{
    for (;;) {
        const char *line;
        json_t *record;
        size_t n;

        switch (audit_reader_next(&s->reader, &line, &n)) {
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
        .refusals = {.title = "refusals by rule"},
        .faults = {.title = "malformed frames by reason"},
    };
    char name[4096];
    int status;
    int fd;

    if (argc != 2 || argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: gate104 log stats DIR|FILE\n");
        return LOG_EXIT_UNUSABLE;
    }
    fd = log_open(argv[1], name);
    if (fd < 0)
        return LOG_EXIT_UNUSABLE;
    audit_reader_init(&s.reader, fd);
    status = run(&s);
    (void)close(fd);
    print(&s);
    return status;
}
