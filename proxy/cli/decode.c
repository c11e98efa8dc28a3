/* gate104 decode: APDUs in words, field by field, with the verdict of gate104. */
#include "proxy/cli/decode.h"

#include "proxy/cli/cli.h"
#include "proxy/cli/points.h"
#include "proxy/policy_file_role.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_ALL_ACCEPTED 0
#define EXIT_NOT_ALL      1
#define EXIT_UNUSABLE     2
#define PORT_104          2404u
#define ROLES_MAX         16u /* of a master */

enum source { SOURCE_HEX, SOURCE_RAW, SOURCE_CAPTURE };

struct options {
    enum source source;
    const char *path; /* RAW, CAPTURE */
    const char *policy;
    const char *points;
    const char *role[ROLES_MAX];
    size_t role_count;
    enum decode_direction direction;
    uint16_t port;
    bool json, brief, per_packet, port_given;
    struct profile profile;
};

/* Options without a letter. */
enum {
    OPTION_COT_SIZE = 256,
    OPTION_ROLE,
    OPTION_CA_SIZE,
    OPTION_IOA_SIZE,
    OPTION_QUIRK,
    OPTION_CONTROL_QUIRK,
    OPTION_SECAUTH,
    OPTION_POINTS
};

static const struct option LONG[] = {
    {"direction", required_argument, NULL, 'd'},
    {"raw", required_argument, NULL, 'r'},
    {"pcap", required_argument, NULL, 'c'},
    {"port", required_argument, NULL, 'p'},
    {"policy", required_argument, NULL, 'P'},
    {"points", required_argument, NULL, OPTION_POINTS},
    {"role", required_argument, NULL, OPTION_ROLE},
    {"cot-size", required_argument, NULL, OPTION_COT_SIZE},
    {"ca-size", required_argument, NULL, OPTION_CA_SIZE},
    {"ioa-size", required_argument, NULL, OPTION_IOA_SIZE},
    {"quirk", required_argument, NULL, OPTION_QUIRK},
    {"control-quirk", required_argument, NULL, OPTION_CONTROL_QUIRK},
    {"secauth", no_argument, NULL, OPTION_SECAUTH},
    {"per-packet", no_argument, NULL, 'k'},
    {"json", no_argument, NULL, 'j'},
    {"brief", no_argument, NULL, 'b'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    (void)fprintf(
        out,
        "usage: gate104 decode [OPTION]... HEX... | - | --raw FILE | --pcap FILE\n"
        "  HEX                    octets of APDUs; blanks, colons and 0x are passed "
        "over\n"
        "  -                      the same from standard input\n"
        "  -r, --raw FILE         octets of a stream as they are\n"
        "  -c, --pcap FILE        a capture, pcap or pcapng\n"
        "  -d, --direction control|monitor|auto\n"
        "                         which way the APDUs go; auto: by port, or by type and "
        "cause\n"
        "  -p, --port N           the station's TCP port in a capture, else %u\n"
        "  -k, --per-packet       do not put streams together; each packet alone\n"
        "  -P, --policy FILE      also what the rules of a policy decide\n"
        "      --points FILE      names of points, a list as in gate104.conf(5)\n"
        "      --role NAME        a role that the master has\n"
        "      --cot-size N, --ca-size N, --ioa-size N\n"
        "                         octets of cause, common and object address, else 2, 2, "
        "3\n"
        "      --quirk NAME       a quirk of the station, as in gate104.conf(5)\n"
        "      --control-quirk NAME\n"
        "                         the same for what the master sends\n"
        "      --secauth          let authentication of IEC 60870-5-7 pass\n"
        "  -j, --json             one JSON object for each APDU\n"
        "  -b, --brief            one line for each APDU\n"
        "exit status: 0 all accepted, 1 not all, 2 wrong usage or nothing to decode\n",
        PORT_104);
}

static bool misuse(const char *what, const char *word)
{
    (void)fprintf(stderr, "gate104 decode: %s", what);
    if (word) {
        (void)fputs(": ", stderr);
        cli_put_safe(stderr, word, 0, false);
    }
    (void)fputs("; see gate104 decode --help\n", stderr);
    return false;
}

static bool set_direction(struct options *o, const char *word)
{
    static const char *const NAMES[] = {[DECODE_CONTROL] = "control",
                                        [DECODE_MONITOR] = "monitor",
                                        [DECODE_AUTO] = "auto"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(NAMES[i], word) == 0) {
            o->direction = (enum decode_direction)i;
            return true;
        }
    }
    return misuse("--direction is control (to the station), monitor (from it) or auto",
                  word);
}

static bool set_port(struct options *o, const char *word)
{
    char *end;
    const unsigned long port = strtoul(word, &end, 10);

    if (word[0] < '0' || word[0] > '9' || *end != '\0' || port < 1 || port > 65535)
        return misuse("--port is a number from 1 to 65535", word);
    o->port = (uint16_t)port;
    o->port_given = true;
    return true;
}

static bool set_size(uint8_t *size, const char *word, char most)
{
    if (word[0] < '1' || word[0] > most || word[1] != '\0')
        return misuse("sizes: --cot-size and --ca-size 1 or 2, --ioa-size 1 to 3", word);
    *size = (uint8_t)(word[0] - '0');
    return true;
}

static bool set_quirk(struct options *o, const char *word, enum direction dir)
{
    const struct quirk_info *info = quirk_by_name(word);

    if (info && info->use != QUIRK_USE_SETTING &&
        profile_allow(&o->profile, info->quirk, dir))
        return true;
    return misuse(dir == DIR_CONTROL ? "no quirk of what a master sends"
                                     : "no quirk of what a station sends",
                  word);
}

static bool set_role(struct options *o, const char *word)
{
    if (o->role_count == ROLES_MAX)
        return misuse("too many roles", word);
    o->role[o->role_count++] = word;
    return true;
}

static bool set_source(struct options *o, enum source source, const char *path)
{
    if (o->source != SOURCE_HEX)
        return misuse("one source at a time: --raw or --pcap, once", NULL);
    o->source = source;
    o->path = path;
    return true;
}

static bool set_option(struct options *o, int letter, const char *word)
{
    switch (letter) {
    case 'd': return set_direction(o, word);
    case 'p': return set_port(o, word);
    case 'r': return set_source(o, SOURCE_RAW, word);
    case 'c': return set_source(o, SOURCE_CAPTURE, word);
    case 'P': o->policy = word; return true;
    case 'k': o->per_packet = true; return true;
    case 'j': o->json = true; return true;
    case 'b': o->brief = true; return true;
    case OPTION_ROLE: return set_role(o, word);
    case OPTION_POINTS: o->points = word; return true;
    case OPTION_COT_SIZE: return set_size(&o->profile.cot_size, word, '2');
    case OPTION_CA_SIZE: return set_size(&o->profile.ca_size, word, '2');
    case OPTION_IOA_SIZE: return set_size(&o->profile.ioa_size, word, '3');
    case OPTION_QUIRK: return set_quirk(o, word, DIR_MONITOR);
    case OPTION_CONTROL_QUIRK: return set_quirk(o, word, DIR_CONTROL);
    case OPTION_SECAUTH: return profile_allow(&o->profile, QUIRK_SECAUTH, DIR_CONTROL);
    default: return misuse("no such option, or its value is missing", NULL);
    }
}

/* Options that the others make meaningless. */
static bool check_options(const struct options *o, int words)
{
    if (o->source == SOURCE_HEX && words == 0)
        return misuse("nothing to decode: give hex, -, --raw FILE or --pcap FILE", NULL);
    if (o->source != SOURCE_HEX && words > 0)
        return misuse("one source at a time: hex, or a file", NULL);
    if (o->source != SOURCE_CAPTURE && (o->per_packet || o->port_given))
        return misuse("--port and --per-packet are for --pcap", NULL);
    if (o->role_count > 0 && !o->policy)
        return misuse("--role is for --policy", NULL);
    if (o->json && o->brief)
        return misuse("--json or --brief, not both", NULL);
    return true;
}

/* The roles of the command line, as the policy knows them. */
static bool take_roles(const struct options *o, const struct policy_file_roles *known,
                       struct decode_rules *rules)
{
    char remedy[160];
    int16_t role;

    rules->has_role = o->role_count > 0;
    rules->asker.times = POLICY_TIME_UNKNOWN;
    for (size_t i = 0; i < o->role_count; i++) {
        if (!policy_file_role_by_name(known, o->role[i], &role, remedy, sizeof remedy))
            return misuse("no role of IEC 62351-8 or of the policy", o->role[i]);
        rules->asker.roles |= policy_role_bit(rules->policy, role);
    }
    return true;
}

static bool load_policy(const struct options *o, const struct point_list *points,
                        struct policy **out, struct decode_rules *rules)
{
    const struct config_place at = {.file = "--policy"};
    struct config_errors errs;
    struct policy_file file = {.blob = NULL};
    char err[256];
    bool good;

    config_errors_init(&errs);
    good = policy_file_load_points(o->policy, points, &at, &errs, &file);
    config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    if (!good)
        return false;
    good = policy_load(file.blob, file.size, out, err, sizeof err);
    if (!good)
        (void)fprintf(stderr, "gate104 decode: %s\n", err);
    rules->policy = *out;
    good = good && take_roles(o, &file.roles, rules);
    policy_file_free(&file);
    return good;
}

static bool decode(struct decode_run *run, const struct options *o, char *const *words,
                   size_t n)
{
    struct decode_stream stream = {.run = run, .direction = o->direction};
    bool good;

    switch (o->source) {
    case SOURCE_CAPTURE:
        return decode_capture(run, o->path, o->port, o->direction, o->per_packet);
    case SOURCE_RAW: good = decode_raw(&stream, o->path); break;
    case SOURCE_HEX:
        good = n == 1 && strcmp(words[0], "-") == 0 ? decode_hex_stdin(&stream)
                                                    : decode_hex_words(&stream, words, n);
        break;
    default: return false;
    }
    if (stream.lost && !run->json)
        (void)fprintf(run->out, "The stream cannot go on: gate104 closes the connection. "
                                "What follows is not looked at.\n");
    return good;
}

static void summarize(const struct decode_run *run)
{
    const char *gap = ": ";

    if (run->json || run->apdus < 2)
        return;
    (void)fprintf(run->out, "%" PRIu64 " APDUs", run->apdus);
    for (size_t i = 0; i < DECODE_OUTCOMES; i++) {
        if (run->outcomes[i] == 0)
            continue;
        (void)fprintf(run->out, "%s%" PRIu64 " %s", gap, run->outcomes[i],
                      decode_outcome_name((enum decode_outcome)i));
        gap = ", ";
    }
    (void)fputc('\n', run->out);
}

/* What is judged and named by. */
struct inputs {
    struct policy *policy;
    struct point_list points;
    struct point_names names;
};

static void free_inputs(struct inputs *in)
{
    policy_free(in->policy);
    point_list_free(&in->points);
    point_names_free(&in->names);
}

static bool load_inputs(const struct options *o, struct inputs *in,
                        struct decode_rules *rules)
{
    if (o->points) {
        if (!cli_points_read(o->points, &in->points) ||
            !point_list_names(&in->points, &in->names))
            return false;
        rules->names = &in->names;
    }
    return !o->policy ||
           load_policy(o, o->points ? &in->points : NULL, &in->policy, rules);
}

static int run_decode(const struct options *o, char *const *words, size_t n)
{
    struct decode_run run = {.out = stdout,
                             .json = o->json,
                             .brief = o->brief,
                             .rules = {.profile = o->profile}};
    struct inputs in = {.policy = NULL};
    bool good;

    if (!load_inputs(o, &in, &run.rules)) {
        free_inputs(&in);
        return EXIT_UNUSABLE;
    }
    good = decode(&run, o, words, n);
    free_inputs(&in);
    if (good)
        summarize(&run);
    if (fflush(stdout) != 0 || run.failed) {
        (void)fprintf(stderr, "gate104 decode: the output could not be written whole\n");
        return EXIT_UNUSABLE;
    }
    if (!good)
        return EXIT_UNUSABLE;
    return run.cut || run.outcomes[DECODE_ACCEPTED] != run.apdus ? EXIT_NOT_ALL
                                                                 : EXIT_ALL_ACCEPTED;
}

int cli_decode(int argc, char **argv)
{
    struct options o = {
        .direction = DECODE_AUTO, .port = PORT_104, .profile = PROFILE_104};
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "d:r:c:p:P:kjbh", LONG, NULL)) != -1) {
        if (letter == 'h') {
            usage(stdout);
            return EXIT_ALL_ACCEPTED;
        }
        if (!set_option(&o, letter, optarg))
            return EXIT_UNUSABLE;
    }
    if (!check_options(&o, argc - optind))
        return EXIT_UNUSABLE;
    return run_decode(&o, argv + optind, (size_t)(argc - optind));
}
