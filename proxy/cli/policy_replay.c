/* gate104 policy replay: what would have been refused of what was seen. */
#include "proxy/cli/cli.h"
#include "proxy/cli/points.h"
#include "proxy/cli/policy.h"
#include "proxy/cli/policy_asker.h"
#include "proxy/cli/replay_tell.h"
#include "proxy/config.h"
#include "proxy/policy_file_role.h"

#include <getopt.h>
#include <string.h>

#define ROLES_MAX 16u

struct options {
    const char *policy, *conf, *route, *points;
    const char *role[ROLES_MAX];
    size_t roles;
    bool json, summary;
    bool wrapped, mirror_unknown;
    bool own_profile; /* sizes or quirks are named */
    bool has_default; /* the role of a master without certificate is ... */
    int16_t default_role;
    struct record_settings record;
    bool has_record;
    struct policy_cli_asker asker;
    struct profile profile;
    struct traffic traffic;
};

struct run {
    const struct options *o;
    struct config *config;
    struct point_list list;
    struct point_names names;
    const struct point_names *used; /* those, or the route's; NULL: none */
    struct policy_read read;
    struct replay replay;
};

enum {
    OPTION_COT_SIZE = 256,
    OPTION_CA_SIZE,
    OPTION_IOA_SIZE,
    OPTION_QUIRK,
    OPTION_CONTROL_QUIRK,
    OPTION_SECAUTH,
    OPTION_PER_PACKET,
    OPTION_ROLE,
    OPTION_PEER,
    OPTION_FROM,
    OPTION_POINTS
};

static const struct option LONG[] = {
    {"policy", required_argument, NULL, 'P'},
    {"conf", required_argument, NULL, 'c'},
    {"route", required_argument, NULL, 'r'},
    {"role", required_argument, NULL, OPTION_ROLE},
    {"points", required_argument, NULL, OPTION_POINTS},
    {"peer", required_argument, NULL, OPTION_PEER},
    {"from", required_argument, NULL, OPTION_FROM},
    {"json", no_argument, NULL, 'j'},
    {"summary", no_argument, NULL, 's'},
    {"port", required_argument, NULL, 'p'},
    {"per-packet", no_argument, NULL, OPTION_PER_PACKET},
    {"cot-size", required_argument, NULL, OPTION_COT_SIZE},
    {"ca-size", required_argument, NULL, OPTION_CA_SIZE},
    {"ioa-size", required_argument, NULL, OPTION_IOA_SIZE},
    {"quirk", required_argument, NULL, OPTION_QUIRK},
    {"control-quirk", required_argument, NULL, OPTION_CONTROL_QUIRK},
    {"secauth", no_argument, NULL, OPTION_SECAUTH},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int usage(FILE *out, int status)
{
    (void)fprintf(
        out,
        "usage: gate104 policy replay --policy FILE [OPTION]... INPUT...\n"
        "       gate104 policy replay --conf FILE --route NAME [OPTION]... INPUT...\n"
        "  INPUT               a session log (folder or file) or a capture (pcap, "
        "pcapng)\n"
        "  -P, --policy FILE   the policy; with --conf, instead of the route's\n"
        "  -c, --conf FILE     take policy, sizes and quirks of a route of this "
        "configuration\n"
        "  -r, --route NAME    the route of --conf, and of a log with several\n"
        "      --role NAME     a role that the master has; may come again\n"
        "      --peer WORD, --from ADDRESS\n"
        "                      the master's certificate and address, instead of those "
        "seen\n"
        "      --points FILE   a list of points, which rules may name\n"
        "  -j, --json          one JSON object for each, and one for the summary\n"
        "  -s, --summary       only the summary\n"
        "  -p, --port N        the station's TCP port in captures, else %u\n"
        "      --per-packet    do not put streams of a capture together\n"
        "      --cot-size N, --ca-size N, --ioa-size N\n"
        "                      octets of cause, common and object address, else 2, 2, "
        "3\n"
        "      --quirk NAME, --control-quirk NAME, --secauth\n"
        "                      what the route lets through, as in gate104.conf(5)\n"
        "exit status: 0 nothing would be refused, 1 something would, 3 unusable\n",
        TRAFFIC_PORT);
    return status;
}

static bool misuse(const char *what, const char *word)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "gate104 policy replay: %s", what);
    if (word) {
        (void)fputs(": ", stderr);
        cli_put_safe(stderr, word, 0, false);
    }
    (void)fputs("; see gate104 policy replay --help\n", stderr);
    return false;
}

/* ---- options ----------------------------------------------------------------------- */

static bool set_quirk(struct options *o, const char *word, enum direction dir)
{
    const struct quirk_info *info = quirk_by_name(word);

    return (info && info->use != QUIRK_USE_SETTING &&
            profile_allow(&o->profile, info->quirk, dir)) ||
           misuse("no quirk of that direction", word);
}

static bool set_asker(struct options *o, int letter, const char *word)
{
    char remedy[160];

    if (letter == OPTION_PEER ? policy_cli_peer(&o->asker, word, remedy, sizeof remedy)
                              : policy_cli_from(&o->asker, word, remedy, sizeof remedy))
        return true;
    return misuse(remedy, word);
}

static bool set_profile(struct options *o, int letter, const char *word)
{
    switch (letter) {
    case OPTION_COT_SIZE:
        return traffic_size(word, 2, &o->profile.cot_size) ||
               misuse("--cot-size is 1 or 2", word);
    case OPTION_CA_SIZE:
        return traffic_size(word, 2, &o->profile.ca_size) ||
               misuse("--ca-size is 1 or 2", word);
    case OPTION_IOA_SIZE:
        return traffic_size(word, 3, &o->profile.ioa_size) ||
               misuse("--ioa-size is 1, 2 or 3", word);
    case OPTION_QUIRK: return set_quirk(o, word, DIR_MONITOR);
    case OPTION_CONTROL_QUIRK: return set_quirk(o, word, DIR_CONTROL);
    case OPTION_SECAUTH: return profile_allow(&o->profile, QUIRK_SECAUTH, DIR_CONTROL);
    default: return misuse("no such option, or its value is missing", NULL);
    }
}

static bool set_option(struct options *o, int letter, const char *word)
{
    uint32_t port;

    switch (letter) {
    case 'P': o->policy = word; return true;
    case 'c': o->conf = word; return true;
    case 'r': o->route = word; return true;
    case 'j': o->json = true; return true;
    case 's': o->summary = true; return true;
    case 'p':
        if (!traffic_number(word, 1, 65535, &port))
            return misuse("--port is a number from 1 to 65535", word);
        o->traffic.port = (uint16_t)port;
        return true;
    case OPTION_POINTS: o->points = word; return true;
    case OPTION_PEER:
    case OPTION_FROM: return set_asker(o, letter, word);
    case OPTION_PER_PACKET: o->traffic.per_packet = true; return true;
    case OPTION_ROLE:
        if (o->roles == ROLES_MAX)
            return misuse("too many roles", word);
        o->role[o->roles++] = word;
        return true;
    default: o->own_profile = true; return set_profile(o, letter, word);
    }
}

/* ---- policy and profile ------------------------------------------------------------ */

static const struct config_route *route_of(const struct config *c, const char *name)
{
    if (!name)
        return c->route_count == 1 ? &c->routes[0] : NULL;
    for (size_t i = 0; i < c->route_count; i++) {
        if (strcmp(c->routes[i].name, name) == 0)
            return &c->routes[i];
    }
    return NULL;
}

static bool read_conf(const struct options *o, struct run *run)
{
    struct config_errors errs;

    config_errors_init(&errs);
    run->config = config_load(o->conf, &errs);
    config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    return run->config != NULL;
}

static bool load_conf(struct options *o, struct run *run)
{
    const struct config *c;
    const struct config_route *route;
    const struct config_points *points;

    if (!read_conf(o, run))
        return false;
    c = run->config;
    route = route_of(c, o->route);
    if (!route)
        return misuse(o->route ? "the configuration has no such route"
                               : "the configuration has several routes: name one with "
                                 "--route",
                      o->route);
    o->profile = route->profile;
    o->record = route->record;
    o->has_record = true;
    o->mirror_unknown = route->mirror_unknown;
    o->wrapped = route->mode != ROUTE_PROTECT_RTU;
    o->has_default = o->wrapped && route->roles.has_default;
    o->default_role = route->roles.default_role;
    points = route->points == CONFIG_NO_POINTS ? NULL : &c->points[route->points];
    run->used = points ? &points->names : NULL;
    return policy_cli_read_points(o->policy ? o->policy : c->policies[route->policy].path,
                                  points ? &points->list : NULL, &run->read);
}

static bool load_policy(const struct options *o, struct run *run)
{
    if (!o->points)
        return policy_cli_read(o->policy, &run->read);
    if (!cli_points_read(o->points, &run->list))
        return false;
    if (!point_list_names(&run->list, &run->names))
        return misuse("out of memory", NULL);
    run->used = &run->names;
    return policy_cli_read_points(o->policy, &run->list, &run->read);
}

static bool take_asker(const struct options *o, struct run *run)
{
    char remedy[160];
    int16_t role;

    policy_cli_who(&o->asker, run->read.policy, &run->replay.own);
    run->replay.own_peers = o->asker.has_peer;
    run->replay.own_sources = o->asker.has_from;
    run->replay.wrapped = o->wrapped;
    run->replay.mirror_unknown = o->mirror_unknown;
    run->replay.record = o->has_record ? &o->record : NULL;
    run->replay.has_role = o->roles > 0 || o->has_default;
    if (o->roles == 0 && o->has_default)
        run->replay.roles = policy_role_bit(run->read.policy, o->default_role);
    for (size_t i = 0; i < o->roles; i++) {
        if (!policy_file_role_by_name(&run->read.file.roles, o->role[i], &role, remedy,
                                      sizeof remedy))
            return misuse("no role of IEC 62351-8 or of the policy", o->role[i]);
        run->replay.roles |= policy_role_bit(run->read.policy, role);
    }
    return true;
}

static bool has_news(const struct guard_trips *trips)
{
    bool news = false;

    for (size_t i = 0; i < trips->count; i++)
        news = news || trips->trip[i].news;
    return news;
}

static bool take(void *ctx, const struct traffic_apdu *t)
{
    struct run *run = ctx;
    const struct replay_word w = replay_apdu(&run->replay, t);

    if (!run->o->summary && (strcmp(w.verdict, "pass") != 0 || has_news(&w.trips)))
        replay_tell(&run->replay, &run->read, run->o->json, t, &w);
    return ferror(stdout) == 0;
}

static void ended(void *ctx, uint32_t slot, uint64_t session, uint64_t clock_ms)
{
    struct run *run = ctx;

    replay_ended(&run->replay, slot, session, clock_ms);
}

/* ---- the command ------------------------------------------------------------------- */

static int replay(struct options *o, struct run *run, char *const *inputs, size_t count)
{
    int status = LEARN_EXIT_UNUSABLE;

    if (!replay_init(&run->replay, run->read.policy, &o->profile)) {
        (void)misuse("out of memory", NULL);
        return status;
    }
    run->replay.names = run->used;
    o->traffic.program = "gate104 policy replay";
    o->traffic.route = o->route;
    o->traffic.ctx = run;
    o->traffic.apdu = take;
    o->traffic.ended = ended;
    if (take_asker(o, run) && traffic_read(&o->traffic, inputs, count)) {
        if (o->traffic.counts.apdus == 0)
            (void)misuse("no APDU in it", inputs[0]);
        else
            status = run->replay.stopped > 0 ? POLICY_EXIT_FINDING : POLICY_EXIT_OK;
    }
    if (status != LEARN_EXIT_UNUSABLE)
        replay_tell_summary(&run->replay, &run->read, o->json, &o->traffic.counts);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)misuse("the output could not be written in full", NULL);
        status = LEARN_EXIT_UNUSABLE;
    }
    replay_free(&run->replay);
    return status;
}

int policy_replay(int argc, char **argv)
{
    static struct run run;
    static struct options o = {.traffic = {.port = TRAFFIC_PORT}};
    int status = LEARN_EXIT_UNUSABLE;
    int letter;

    o.profile = PROFILE_104;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "P:c:r:jsp:h", LONG, NULL)) != -1) {
        if (letter == 'h')
            return usage(stdout, POLICY_EXIT_OK);
        if (!set_option(&o, letter, optarg))
            return LEARN_EXIT_UNUSABLE;
    }
    if (optind >= argc || (!o.policy && !o.conf))
        return usage(stderr, LEARN_EXIT_UNUSABLE);
    if (o.conf && o.points) {
        (void)misuse("the list of points is that of the route: --conf or --points", NULL);
        return LEARN_EXIT_UNUSABLE;
    }
    if (o.conf && o.own_profile) {
        (void)misuse("sizes, quirks and secauth are those of the route: --conf or these",
                     NULL);
        return LEARN_EXIT_UNUSABLE;
    }
    run.o = &o;
    if (o.conf ? load_conf(&o, &run) : load_policy(&o, &run))
        status = replay(&o, &run, argv + optind, (size_t)(argc - optind));
    policy_cli_free(&run.read);
    point_names_free(&run.names);
    point_list_free(&run.list);
    config_free(run.config);
    return status;
}
