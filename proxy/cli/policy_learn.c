/* gate104 policy learn: a policy from what was seen. */
#include "proxy/cli/cli.h"
#include "proxy/cli/learn.h"
#include "proxy/cli/points.h"
#include "proxy/cli/policy.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MAX 1000u

struct options {
    const char *route, *out, *report, *points;
    uint32_t gap;
    bool accept;
    struct profile sizes;
    struct traffic traffic;
};

enum {
    OPTION_COT_SIZE = 256,
    OPTION_CA_SIZE,
    OPTION_IOA_SIZE,
    OPTION_PER_PACKET,
    OPTION_REPORT,
    OPTION_ACCEPT,
    OPTION_POINTS
};

static const struct option LONG[] = {
    {"route", required_argument, NULL, 'r'},
    {"out", required_argument, NULL, 'o'},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"points", required_argument, NULL, OPTION_POINTS},
    {"group-gap", required_argument, NULL, 'g'},
    {"accept-commands", no_argument, NULL, OPTION_ACCEPT},
    {"port", required_argument, NULL, 'p'},
    {"per-packet", no_argument, NULL, OPTION_PER_PACKET},
    {"cot-size", required_argument, NULL, OPTION_COT_SIZE},
    {"ca-size", required_argument, NULL, OPTION_CA_SIZE},
    {"ioa-size", required_argument, NULL, OPTION_IOA_SIZE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int usage(FILE *out, int status)
{
    (void)fprintf(
        out,
        "usage: gate104 policy learn [OPTION]... INPUT...\n"
        "  INPUT               a session log (folder or file) or a capture (pcap, "
        "pcapng)\n"
        "  -r, --route NAME    of a log with several routes\n"
        "  -o, --out FILE      where the policy goes, else standard output; a new file\n"
        "      --report FILE   where the report goes, else standard error; a new file\n"
        "      --points FILE   a list of points: names, and what was never seen\n"
        "  -g, --group-gap N   let N addresses that were not seen lie in a range, else "
        "0\n"
        "      --accept-commands\n"
        "                      write commands as rules, not as proposals\n"
        "  -p, --port N        the station's TCP port in captures, else %u\n"
        "      --per-packet    do not put streams of a capture together\n"
        "      --cot-size N, --ca-size N, --ioa-size N\n"
        "                      octets of cause, common and object address, else 2, 2, "
        "3\n"
        "exit status: 0 written, 1 written, but something was not taken in, 3 not "
        "written\n",
        TRAFFIC_PORT);
    return status;
}

static bool misuse(const char *what, const char *word)
{
    (void)fprintf(stderr, "gate104 policy learn: %s: ", what);
    cli_put_safe(stderr, word, 0, false);
    (void)fputs("; see gate104 policy learn --help\n", stderr);
    return false;
}

static bool set_option(struct options *o, int letter, const char *word)
{
    uint32_t n = 0;

    switch (letter) {
    case 'r': o->route = word; return true;
    case 'o': o->out = word; return true;
    case OPTION_REPORT: o->report = word; return true;
    case OPTION_POINTS: o->points = word; return true;
    case OPTION_ACCEPT: o->accept = true; return true;
    case OPTION_PER_PACKET: o->traffic.per_packet = true; return true;
    case 'g':
        return traffic_number(word, 0, GAP_MAX, &o->gap) ||
               misuse("--group-gap is a number from 0 to 1000", word);
    case 'p':
        if (!traffic_number(word, 1, 65535, &n))
            return misuse("--port is a number from 1 to 65535", word);
        o->traffic.port = (uint16_t)n;
        return true;
    case OPTION_COT_SIZE:
        return traffic_size(word, 2, &o->sizes.cot_size) ||
               misuse("--cot-size is 1 or 2", word);
    case OPTION_CA_SIZE:
        return traffic_size(word, 2, &o->sizes.ca_size) ||
               misuse("--ca-size is 1 or 2", word);
    case OPTION_IOA_SIZE:
        return traffic_size(word, 3, &o->sizes.ioa_size) ||
               misuse("--ioa-size is 1, 2 or 3", word);
    default: return misuse("no such option, or its value is missing", "");
    }
}

/* ---- output ------------------------------------------------------------------------ */

/* A new file, so that one in which somebody accepted something is not lost. */
static FILE *open_new(const char *path, FILE *other)
{
    FILE *f = path ? fopen(path, "wxe") : other;

    if (!f)
        (void)misuse(errno == EEXIST ? "is there already; name a new file"
                                     : strerror(errno),
                     path);
    return f;
}

static bool close_new(FILE *f, const char *path)
{
    bool good = fflush(f) == 0 && ferror(f) == 0;

    if (path && fclose(f) != 0)
        good = false;
    return good || misuse("could not be written in full", path ? path : "output");
}

/* What is written must be what the gate takes; of warnings `policy check` tells. */
static bool check(const char *path)
{
    const struct config_place at = {.file = "gate104 policy learn"};
    struct config_errors errs;
    struct policy_file file;
    bool good;

    if (!path)
        return true;
    config_errors_init(&errs);
    good = policy_file_load(path, &at, &errs, &file);
    if (good)
        policy_file_free(&file);
    else
        config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    return good || misuse("is not good: a fault of gate104", path);
}

static bool write_all(const struct options *o, const struct learn *l,
                      const struct learn_about *about)
{
    struct learn_rules rules;
    FILE *policy, *report;
    bool good;

    if (!learn_group(l, o->gap, &rules))
        return misuse("out of memory", "rules");
    policy = open_new(o->out, stdout);
    report = policy ? open_new(o->report, stderr) : NULL;
    if (policy)
        learn_write(policy, l, &rules, about);
    good = policy && close_new(policy, o->out) && check(o->out);
    if (report && good)
        learn_report(report, l, &rules, about);
    good = report && close_new(report, o->report) && good;
    learn_rules_free(&rules);
    return good;
}

static bool was_whole(const struct learn *l, const struct traffic_counts *c)
{
    return l->untold == 0 && l->faults == 0 && c->bad_lines == 0 && !c->cut &&
           !c->missing;
}

static int learn(struct options *o, struct learn_about *about)
{
    static struct learn l;
    int status = LEARN_EXIT_UNUSABLE;

    if (!learn_init(&l, &o->sizes))
        return status;
    o->traffic.program = "gate104 policy learn";
    o->traffic.route = o->route;
    o->traffic.ctx = &l;
    o->traffic.apdu = learn_apdu;
    about->traffic = &o->traffic;
    if (!traffic_read(&o->traffic, about->inputs, about->input_count)) {
        if (l.no_memory)
            (void)misuse("out of memory", "points");
    } else if (o->traffic.counts.apdus == 0) {
        (void)misuse("no APDU in it", about->inputs[0]);
    } else if (write_all(o, &l, about)) {
        status = was_whole(&l, &o->traffic.counts) ? POLICY_EXIT_OK : POLICY_EXIT_FINDING;
    }
    learn_free(&l);
    return status;
}

static int learn_with_points(struct options *o, const struct learn_about *about)
{
    struct learn_about with = *about;
    struct point_list list;
    struct point_names names;
    int status = LEARN_EXIT_UNUSABLE;

    if (!cli_points_read(o->points, &list))
        return status;
    if (point_list_names(&list, &names)) {
        with.points = o->points;
        with.list = &list;
        with.names = &names;
        status = learn(o, &with);
        point_names_free(&names);
    } else {
        (void)misuse("out of memory", o->points);
    }
    point_list_free(&list);
    return status;
}

int policy_learn(int argc, char **argv)
{
    struct options o = {.sizes = PROFILE_104, .traffic = {.port = TRAFFIC_PORT}};
    struct learn_about about;
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, "r:o:g:p:h", LONG, NULL)) != -1) {
        if (letter == 'h')
            return usage(stdout, POLICY_EXIT_OK);
        if (!set_option(&o, letter, optarg))
            return LEARN_EXIT_UNUSABLE;
    }
    if (optind >= argc)
        return usage(stderr, LEARN_EXIT_UNUSABLE);
    about = (struct learn_about){.inputs = argv + optind,
                                 .input_count = (size_t)(argc - optind),
                                 .accept = o.accept};
    return o.points ? learn_with_points(&o, &about) : learn(&o, &about);
}
