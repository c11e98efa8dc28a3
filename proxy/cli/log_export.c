/* The APDUs of a log as pcapng. */
#include "proxy/cli/cli.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_filter.h"
#include "proxy/pcapng.h"

#include <string.h>

#define BLOCKS_MAX ((size_t)2048)
#define APDU_MAX   255u

struct export
{
    char *path;
    const char *output;
    bool all;
    long long session;
    FILE *out;
    uint64_t apdus, bad;
    struct log_files files;
};

static void write_head(FILE *out)
{
    static const char comment[] =
        "Written by gate104 log export. Holds only the APDUs that the session log holds "
        "(commands, their answers, refused and malformed frames), not all traffic. Time "
        "is that of the record; port 2404 stands for the station, port 1 for the master.";
    uint8_t octets[BLOCKS_MAX];
    struct pcapng w;

    pcapng_init(&w, octets, sizeof octets);
    pcapng_section(&w, NULL, "gate104 " GATE104_VERSION, comment);
    pcapng_interface(&w, NULL, NULL, PCAPNG_MILLISECONDS);
    (void)fwrite(octets, 1, w.n, out);
}

static void write_packet(FILE *out, const json_t *record, const uint8_t *apdu, size_t n)
{
    const char *time = log_text(record, "time");
    const char *event = log_text(record, "event");
    const char *direction = log_text(record, "direction");
    const bool monitor = direction && strcmp(direction, "monitor") == 0;
    long long ms = log_time_ms(time ? time : "");
    long long seq = 0;
    char comment[80];
    uint8_t octets[BLOCKS_MAX];
    struct pcapng w;

    (void)log_number(record, "seq", &seq);
    (void)snprintf(comment, sizeof comment, "record %lld: %.40s", seq,
                   event ? event : "");
    pcapng_init(&w, octets, sizeof octets);
    pcapng_packet(&w, &(struct pcapng_packet){
                          .time = ms < 0 ? 0 : (uint64_t)ms,
                          .from = {.port = monitor ? PCAPNG_PORT_104 : 1},
                          .to = {.port = monitor ? 1 : PCAPNG_PORT_104},
                          .apdu = apdu,
                          .size = n,
                          .comment = comment,
                      });
    (void)fwrite(octets, 1, w.n, out);
}

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c) : NULL;

    return p ? (int)(p - digits) : -1;
}

/* Octets of the hex text; 0 if it is none or too long. */
static size_t octets_of(const char *hex, uint8_t out[APDU_MAX])
{
    size_t n = strlen(hex) / 2;

    if (n == 0 || n > APDU_MAX || hex[2 * n])
        return 0;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(hex[2 * i]);
        int low = nibble(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return n;
}

static void export_line(struct export *x, const char *line, size_t n)
{
    json_t *record = log_record_parse(line, n);
    const char *hex = record ? log_text(record, "apdu") : NULL;
    uint8_t apdu[APDU_MAX];
    size_t octets = hex ? octets_of(hex, apdu) : 0;

    if (!record)
        x->bad++;
    if (octets > 0 && (x->all || log_session_is(record, x->session))) {
        write_packet(x->out, record, apdu, octets);
        x->apdus++;
    }
    json_decref(record);
}

static int run(struct export *x)
{
    write_head(x->out);
    for (;;) {
        const char *line;
        size_t n;

        switch (log_files_next(&x->files, &line, &n)) {
        case AUDIT_READ_LINE: export_line(x, line, n); break;
        case AUDIT_READ_LONG: x->bad++; break;
        case AUDIT_READ_TORN:
        case AUDIT_READ_END:
            return x->bad > 0 || x->files.missing ? LOG_EXIT_BAD : LOG_EXIT_OK;
        case AUDIT_READ_ERROR: perror("gate104 log"); return LOG_EXIT_UNUSABLE;
        }
    }
}

static bool parse(struct export *x, int argc, char **argv)
{
    static const struct option options[] = {
        {"pcapng", no_argument, NULL, 'n'},
        {"all", no_argument, NULL, 'a'},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    bool pcapng = false;
    int o;

    while ((o = getopt_long(argc, argv, "ao:", options, NULL)) != -1) {
        switch (o) {
        case 'n': pcapng = true; break;
        case 'a': x->all = true; break;
        case 'o': x->output = optarg; break;
        default: return false;
        }
    }
    if (!pcapng || optind + (x->all ? 1 : 2) != argc)
        return false;
    x->path = argv[argc - 1];
    return x->all || log_number_parse(argv[optind], &x->session);
}

int log_export(int argc, char **argv)
{
    static struct export x;
    int status;

    if (!parse(&x, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: gate104 log export --pcapng SESSION|--all [-o FILE] "
                      "DIR|FILE\n");
        return LOG_EXIT_UNUSABLE;
    }
    if (!log_files_open(&x.files, &x.path, 1))
        return LOG_EXIT_UNUSABLE;
    x.out = log_output(x.output, true);
    if (x.out) {
        status = run(&x);
        if (!log_output_close(x.out, x.output))
            status = LOG_EXIT_UNUSABLE;
        (void)fprintf(stderr, "%llu APDUs%s\n", (unsigned long long)x.apdus,
                      x.bad > 0 ? "; some lines are no records (see gate104 log verify)"
                                : "");
    } else {
        status = LOG_EXIT_UNUSABLE;
    }
    log_files_close(&x.files);
    return status;
}
