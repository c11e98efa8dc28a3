/* First the chain, then what the whole part of it says: no more memory for a larger log.
 */
#include "proxy/cli/log_report.h"
#include "proxy/cli/cli.h"

#include <string.h>
#include <unistd.h>

struct options {
    const char *path, *output;
    struct log_filter filter;
};

static bool parse(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"html", no_argument, NULL, 'h'},
        {"output", required_argument, NULL, 'o'},
        {"since", required_argument, NULL, 'S'},
        {"until", required_argument, NULL, 'U'},
        {NULL, 0, NULL, 0},
    };
    bool html = false;
    int c;

    log_filter_init(&o->filter);
    while ((c = getopt_long(argc, argv, "o:", table, NULL)) != -1) {
        if (c == 'h')
            html = true;
        else if (c == 'o')
            o->output = optarg;
        else if (!log_filter_take(&o->filter, c, optarg))
            return false;
    }
    o->path = argv[optind];
    return html && optind + 1 == argc;
}

/* Only records that the verdict stands for; the log may have grown since. */
static bool gather(struct report *r, const struct options *o, int fd)
{
    static struct audit_reader reader;
    static struct log_sessions sessions;

    audit_reader_init(&reader, fd);
    for (uint64_t i = 0; i < r->verdict.records; i++) {
        json_t *record = NULL;
        const char *line;
        const char *who;
        size_t n;

        if (audit_reader_next(&reader, &line, &n) == AUDIT_READ_LINE)
            record = log_record_parse(line, n);
        if (!record)
            return false;
        log_sessions_learn(&sessions, record);
        who = log_sessions_who(&sessions, record);
        if (log_filter_wants(&o->filter, record, who))
            report_add(r, record, who);
        json_decref(record);
    }
    return true;
}

static int make(struct report *r, const struct options *o, const char *name, int fd)
{
    FILE *out;

    audit_verify(fd, &r->verdict, NULL, NULL);
    if (lseek(fd, 0, SEEK_SET) != 0 || !gather(r, o, fd)) {
        (void)fprintf(stderr, "gate104 log: cannot be read a second time as it was "
                              "verified\n");
        return LOG_EXIT_UNUSABLE;
    }
    out = log_output(o->output, false);
    if (!out)
        return LOG_EXIT_UNUSABLE;
    report_write(out, r, name);
    return log_output_close(out, o->output) ? (int)r->verdict.state : LOG_EXIT_UNUSABLE;
}

int log_report(int argc, char **argv)
{
    static struct report report;
    static struct options options;
    char name[4096];
    int status;
    int fd;

    if (!parse(&options, argc, argv)) {
        (void)fprintf(stderr, "usage: gate104 log report --html [-o FILE] [--since TIME] "
                              "[--until TIME] DIR|FILE\n");
        return LOG_EXIT_UNUSABLE;
    }
    fd = log_open(options.path, name);
    if (fd < 0)
        return LOG_EXIT_UNUSABLE;
    status = make(&report, &options, name, fd);
    (void)close(fd);
    return status;
}
