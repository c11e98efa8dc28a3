/* The APDUs of a log as pcapng.  Wireshark takes each by link type "Upper PDU" straight
 * to its dissector of TCP port 2404, so there are no made-up packets and nothing to set.
 */
#include "proxy/cli/cli.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_filter.h"

#include <string.h>

#define BLOCK_SECTION   0x0A0D0D0Au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    6u
#define LINK_UPPER_PDU  252u
#define OPTION_COMMENT  1u
#define OPTION_TSRESOL  9u
#define BLOCK_MAX       4096u
#define APDU_MAX        255u

/* Tags of Wireshark's exported_pdu, big-endian. */
#define TAG_TABLE_NAME  14u
#define TAG_PORT_TYPE   24u
#define TAG_SRC_PORT    25u
#define TAG_DST_PORT    26u
#define TAG_TABLE_VALUE 32u
#define PORT_TYPE_TCP   2u
#define PORT_104        2404u

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

struct block {
    uint8_t octet[BLOCK_MAX];
    size_t n;
};

static void put_le(struct block *b, uint32_t v, size_t octets)
{
    for (size_t i = 0; i < octets && b->n < BLOCK_MAX; i++)
        b->octet[b->n++] = (uint8_t)(v >> 8 * i);
}

static void put_be(struct block *b, uint32_t v, size_t octets)
{
    for (size_t i = octets; i > 0 && b->n < BLOCK_MAX; i--)
        b->octet[b->n++] = (uint8_t)(v >> 8 * (i - 1));
}

static void put_octets(struct block *b, const void *octets, size_t n)
{
    if (n > BLOCK_MAX - b->n)
        n = BLOCK_MAX - b->n;
    memcpy(b->octet + b->n, octets, n);
    b->n += n;
    put_le(b, 0, (4 - b->n % 4) % 4);
}

static void put_option(struct block *b, uint32_t code, const void *octets, size_t n)
{
    put_le(b, code, 2);
    put_le(b, (uint32_t)n, 2);
    put_octets(b, octets, n);
}

static void put_tag(struct block *b, uint32_t tag, uint32_t value)
{
    put_be(b, tag, 2);
    put_be(b, 4, 2);
    put_be(b, value, 4);
}

static void begin(struct block *b, uint32_t type)
{
    b->n = 0;
    put_le(b, type, 4);
    put_le(b, 0, 4);
}

static void end(struct block *b, FILE *out)
{
    uint32_t total = (uint32_t)b->n + 4;

    put_le(b, total, 4);
    for (size_t i = 0; i < 4; i++)
        b->octet[4 + i] = (uint8_t)(total >> 8 * i);
    (void)fwrite(b->octet, 1, b->n, out);
}

static void write_head(FILE *out)
{
    static const char comment[] =
        "Written by gate104 log export. Holds only the APDUs that the session log holds "
        "(commands, their answers, refused and malformed frames), not all traffic. Time "
        "is that of the record; port 2404 stands for the station, port 1 for the master.";
    static const uint8_t milliseconds = 3;
    static struct block b;

    begin(&b, BLOCK_SECTION);
    put_le(&b, 0x1A2B3C4Du, 4);
    put_le(&b, 1, 2);
    put_le(&b, 0, 2);
    put_le(&b, UINT32_MAX, 4); /* length of the section: not told */
    put_le(&b, UINT32_MAX, 4);
    put_option(&b, OPTION_COMMENT, comment, sizeof comment - 1);
    put_le(&b, 0, 4);
    end(&b, out);
    begin(&b, BLOCK_INTERFACE);
    put_le(&b, LINK_UPPER_PDU, 2);
    put_le(&b, 0, 2);
    put_le(&b, 0, 4);
    put_option(&b, OPTION_TSRESOL, &milliseconds, 1);
    put_le(&b, 0, 4);
    end(&b, out);
}

static void put_tags(struct block *b, bool monitor)
{
    put_be(b, TAG_TABLE_NAME, 2);
    put_be(b, 8, 2);
    put_octets(b, "tcp.port", 8);
    put_tag(b, TAG_TABLE_VALUE, PORT_104);
    put_tag(b, TAG_PORT_TYPE, PORT_TYPE_TCP);
    put_tag(b, TAG_SRC_PORT, monitor ? PORT_104 : 1);
    put_tag(b, TAG_DST_PORT, monitor ? 1 : PORT_104);
    put_be(b, 0, 4);
}

static void write_packet(FILE *out, const json_t *record, const uint8_t *apdu, size_t n)
{
    const char *time = log_text(record, "time");
    const char *event = log_text(record, "event");
    const char *direction = log_text(record, "direction");
    long long ms = log_time_ms(time ? time : "");
    long long seq = 0;
    char comment[80];
    static struct block b;
    static struct block tags;

    if (ms < 0)
        ms = 0;
    tags.n = 0;
    put_tags(&tags, direction && strcmp(direction, "monitor") == 0);
    (void)log_number(record, "seq", &seq);
    (void)snprintf(comment, sizeof comment, "record %lld: %.40s", seq,
                   event ? event : "");
    begin(&b, BLOCK_PACKET);
    put_le(&b, 0, 4);
    put_le(&b, (uint32_t)((unsigned long long)ms >> 32), 4);
    put_le(&b, (uint32_t)ms, 4);
    put_le(&b, (uint32_t)(tags.n + n), 4);
    put_le(&b, (uint32_t)(tags.n + n), 4);
    put_octets(&b, tags.octet, tags.n);
    put_octets(&b, apdu, n);
    put_option(&b, OPTION_COMMENT, comment, strlen(comment));
    put_le(&b, 0, 4);
    end(&b, out);
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
