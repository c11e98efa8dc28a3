/* First the chain and its seals, then what the whole part of it says: no more memory for
 * a larger log. */
#include "proxy/cli/log_report.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_verify.h"

#include <string.h>

/* Words for the verifier: its options with their values, and the path. */
#define VERIFY_WORDS (4u * AUDIT_VERIFY_KEYS)

struct options {
    const char *output;
    struct log_filter filter;
    char *verify[VERIFY_WORDS + 4];
    int verify_count;
};

/* An option of `log verify`; what is wrong with it is said there. */
static bool pass_on(struct options *o, int c)
{
    static const struct {
        int option;
        const char *word;
    } words[] = {{'k', "--key"}, {'s', "--seed"}, {'a', "--anchors"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].option != c || o->verify_count + 2 > (int)VERIFY_WORDS)
            continue;
        o->verify[o->verify_count++] = (char *)words[i].word;
        o->verify[o->verify_count++] = optarg;
        return true;
    }
    return false;
}

static bool parse(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"html", no_argument, NULL, 'h'},
        {"output", required_argument, NULL, 'o'},
        {"since", required_argument, NULL, 'S'},
        {"until", required_argument, NULL, 'U'},
        {"key", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 's'},
        {"anchors", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    bool html = false;
    int c;

    log_filter_init(&o->filter);
    o->verify[o->verify_count++] = (char *)"verify";
    while ((c = getopt_long(argc, argv, "o:", table, NULL)) != -1) {
        if (c == 'h')
            html = true;
        else if (c == 'o')
            o->output = optarg;
        else if (!pass_on(o, c) && !log_filter_take(&o->filter, c, optarg))
            return false;
    }
    if (!html || optind + 1 != argc)
        return false;
    o->verify[o->verify_count++] = argv[optind];
    return true;
}

/* Only records that the verdict stands for; the log may have grown since. */
static bool gather(struct report *r, const struct options *o, struct log_files *files)
{
    static struct log_sessions sessions;

    for (uint64_t i = 0; i < r->verdict.records; i++) {
        json_t *record = NULL;
        const char *line;
        const char *who;
        size_t n;

        if (log_files_next(files, &line, &n) == AUDIT_READ_LINE)
            record = log_record_parse(line, n);
        if (!record || files->last_seq != r->verdict.first.seq + i) {
            json_decref(record);
            return false;
        }
        log_sessions_learn(&sessions, record);
        who = log_sessions_who(&sessions, record);
        if (log_filter_wants(&o->filter, record, who))
            report_add(r, record, who);
        json_decref(record);
    }
    return true;
}

static int make(struct report *r, const struct options *o, struct log_verify_request *v)
{
    struct log_files files;
    char *path = o->verify[o->verify_count - 1];
    bool good;
    FILE *out;

    audit_verify_path(path, &v->options, &r->verdict);
    r->keys = v->options.n_keys;
    r->seeds = v->options.n_seeds;
    r->anchors_given = v->options.anchors != NULL;
    if (!log_files_open(&files, &path, 1))
        return LOG_EXIT_UNUSABLE;
    good = gather(r, o, &files);
    log_files_close(&files);
    if (!good) {
        (void)fprintf(stderr, "gate104 log: cannot be read a second time as it was "
                              "verified\n");
        return LOG_EXIT_UNUSABLE;
    }
    out = log_output(o->output, false);
    if (!out)
        return LOG_EXIT_UNUSABLE;
    report_write(out, r, path);
    return log_output_close(out, o->output) ? (int)r->verdict.state : LOG_EXIT_UNUSABLE;
}

int log_report(int argc, char **argv)
{
    static struct report report;
    static struct options options;
    static struct log_verify_request request;
    int status = LOG_EXIT_UNUSABLE;

    if (!parse(&options, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: gate104 log report --html [-o FILE] [--since TIME] "
                      "[--until TIME]\n           [--key PUB.pem]... [--seed FILE]... "
                      "[--anchors FILE] DIR|FILE\n");
        return LOG_EXIT_UNUSABLE;
    }
    if (log_verify_request(&request, options.verify_count, options.verify))
        status = make(&report, &options, &request);
    log_verify_request_free(&request);
    return status;
}
