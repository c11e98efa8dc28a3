#include "proxy/cli/cli.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_filter.h"

#include <string.h>

struct show {
    bool json, follow, colour;
    struct log_filter filter;
    int status;
    struct log_files files;
    struct log_sessions sessions;
};

static const char *colour_of(const json_t *record)
{
    static const struct {
        const char *severity, *colour;
    } table[] = {{"warning", "\033[33m"}, {"error", "\033[31m"}, {"alarm", "\033[1;31m"}};
    const char *severity = log_text(record, "severity");

    for (size_t i = 0; severity && i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].severity, severity) == 0)
            return table[i].colour;
    }
    return NULL;
}

static void column(const char *text, size_t width)
{
    cli_put_safe(stdout, text ? text : "-", width, true);
    (void)fputs("  ", stdout);
}

/* "2026-11-21T02:33:04.123Z" as "2026-11-21 02:33:04.123". */
static void put_time(const json_t *record)
{
    const char *text = log_text(record, "time");
    char time[AUDIT_TIME_SIZE + 1] = "";

    if (text && strlen(text) == AUDIT_TIME_SIZE) {
        memcpy(time, text, AUDIT_TIME_SIZE - 1);
        time[10] = ' ';
    }
    column(time, AUDIT_TIME_SIZE - 1);
}

static void put_session(const json_t *record)
{
    long long full, running;
    char text[24] = "-";

    if (log_session(record, &full, &running))
        (void)snprintf(text, sizeof text, "%lld", running);
    column(text, 7);
}

static void print_record(const struct show *s, const json_t *record)
{
    const char *colour = s->colour ? colour_of(record) : NULL;

    if (colour)
        (void)fputs(colour, stdout);
    put_time(record);
    put_session(record);
    column(log_text(record, "route"), 10);
    column(log_text(record, "event"), 20);
    column(log_sessions_who(&s->sessions, record), 18);
    log_what(stdout, record);
    (void)fputs(colour ? "\033[0m\n" : "\n", stdout);
}

static void not_a_record(struct show *s)
{
    (void)fflush(stdout);
    cli_put_safe(stderr, log_files_name(&s->files), 0, false);
    (void)fprintf(stderr, ": line %llu is no record (see gate104 log verify)\n",
                  (unsigned long long)s->files.reader.line);
    s->status = LOG_EXIT_BAD;
}

static void show_line(struct show *s, const char *line, size_t n)
{
    json_t *record = log_record_parse(line, n);

    if (!record) {
        not_a_record(s);
        return;
    }
    log_sessions_learn(&s->sessions, record);
    if (log_filter_wants(&s->filter, record, log_sessions_who(&s->sessions, record))) {
        if (s->json)
            (void)fwrite(line, 1, n, stdout);
        else
            print_record(s, record);
    }
    json_decref(record);
}

static int run(struct show *s)
{
    for (;;) {
        const char *line;
        size_t n;

        if (ferror(stdout))
            return LOG_EXIT_OK;
        switch (log_files_next(&s->files, &line, &n)) {
        case AUDIT_READ_LINE: show_line(s, line, n); break;
        case AUDIT_READ_LONG: not_a_record(s); break;
        case AUDIT_READ_TORN:
        case AUDIT_READ_END:
            if (!s->follow)
                return s->status;
            log_files_wait(&s->files);
            break;
        case AUDIT_READ_ERROR:
            if (!s->follow) {
                perror("gate104 log");
                return LOG_EXIT_UNUSABLE;
            }
            log_files_wait(&s->files);
            break;
        }
    }
}

static bool parse(struct show *s, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"follow", no_argument, NULL, 'f'},
        LOG_FILTER_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    int o;

    log_filter_init(&s->filter);
    while ((o = getopt_long(argc, argv, "jfs:r:e:", options, NULL)) != -1) {
        switch (o) {
        case 'j': s->json = true; break;
        case 'f': s->follow = true; break;
        default:
            if (!log_filter_take(&s->filter, o, optarg))
                return false;
            break;
        }
    }
    return optind < argc;
}

int log_show(int argc, char **argv)
{
    static struct show s;
    int status;

    if (!parse(&s, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: gate104 log show DIR|FILE... [--json] [--follow]\n"
                      "           [--since TIME] [--until TIME] [--session N]\n"
                      "           [--route NAME] [--event PREFIX] [--peer TEXT]\n"
                      "           [--ca N] [--ioa N] [--type TYPE] [--point NAME]\n"
                      "           [--verdict WORD]\n");
        return LOG_EXIT_UNUSABLE;
    }
    if (!log_files_open(&s.files, argv + optind, (size_t)(argc - optind)))
        return LOG_EXIT_UNUSABLE;
    s.colour = cli_colour(stdout);
    status = run(&s);
    if (s.files.missing && status == LOG_EXIT_OK)
        status = LOG_EXIT_BAD;
    log_files_close(&s.files);
    return status;
}
