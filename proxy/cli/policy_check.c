/* gate104 policy check: beside the findings of the reader, what no single rule shows. */
#include "policy/policy_review.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/points.h"
#include "proxy/cli/policy.h"
#include "proxy/cli/policy_points.h"
#include "proxy/config.h"

#include <getopt.h>
#include <time.h>

#define FINDINGS_MAX 200u

/* True: a warning, not only a remark. */
static bool print_finding(const struct policy_read *r, const struct policy_finding *f)
{
    const bool never = f->kind == POLICY_NEVER_DECIDES;

    cli_put_safe(stdout, r->path, 0, false);
    (void)printf(":%u: %s: the rule ", r->file.line[f->rule], never ? "warning" : "note");
    if (never) {
        (void)printf("never decides: rules before it take all that it names, first ");
        policy_cli_rule(r, (int32_t)f->other);
        (void)printf("; move it up or remove it\n");
        return true;
    }
    (void)printf("comes second where it meets ");
    policy_cli_rule(r, (int32_t)f->other);
    (void)printf(", which has another action\n");
    return false;
}

static long review(const struct policy_read *r)
{
    static struct policy_finding found[FINDINGS_MAX];
    bool whole = false;
    const long count =
        policy_review(r->file.blob, r->file.size, found, FINDINGS_MAX, &whole);
    long warnings = 0;

    for (long i = 0; i < count; i++)
        warnings += print_finding(r, &found[i]);
    if (!whole)
        (void)printf("There is more to say of how the rules lie over each other than was "
                     "looked at.\n");
    return warnings;
}

static void print_summary(const struct policy_read *r, double seconds)
{
    struct policy_stats s;

    policy_stats(r->policy, &s);
    cli_put_safe(stdout, r->path, 0, false);
    (void)printf(": %zu rule%s; what none matches: control %s, monitor %s\n", s.rules,
                 s.rules == 1 ? "" : "s",
                 policy_action_name(policy_default(r->policy, DIR_CONTROL)),
                 policy_action_name(policy_default(r->policy, DIR_MONITOR)));
    (void)printf(
        "  compiled: %zu KiB for each gate, %zu stretches of addresses, read and "
        "made in %.0f ms\n",
        (s.octets + 1023) / 1024, s.segments, seconds * 1000);
    policy_cli_guards(r->policy);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Prints all that there is to say of one policy; gives the exit status. */
static int check(const char *path, const struct point_list *points)
{
    const double begin = now();
    struct policy_read r;
    long warnings, of_points = 0;

    if (!policy_cli_read_points(path, points, &r))
        return POLICY_EXIT_UNUSABLE;
    print_summary(&r, now() - begin);
    warnings = review(&r) + (long)r.warnings;
    if (points)
        of_points = policy_points_check(&r);
    policy_cli_free(&r);
    if (of_points < 0) {
        (void)fprintf(stderr, "gate104 policy check: out of memory\n");
        return POLICY_EXIT_UNUSABLE;
    }
    return warnings + of_points > 0 ? POLICY_EXIT_FINDING : POLICY_EXIT_OK;
}

static void print_points(const struct point_list *l)
{
    struct point_names names;

    if (!point_list_names(l, &names))
        return;
    cli_put_safe(stdout, l->path, 0, false);
    (void)printf(": %zu points; their names take %zu KiB in audit\n", l->count,
                 (names.count * sizeof *names.item + names.text_size + 1023) / 1024);
    point_names_free(&names);
}

static int worse(int a, int b)
{
    return a > b ? a : b;
}

/* The policies of all routes, each with its list of points. */
static int check_config(const char *path)
{
    struct config_errors errs;
    int status = POLICY_EXIT_OK;

    config_errors_init(&errs);
    struct config *c = config_load(path, &errs);
    config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    if (!c)
        return POLICY_EXIT_UNUSABLE;
    for (size_t i = 0; i < c->points_count; i++)
        print_points(&c->points[i].list);
    for (size_t i = 0; i < c->policy_count; i++) {
        const size_t points = c->policies[i].points;
        status = worse(status, check(c->policies[i].path, points == CONFIG_NO_POINTS
                                                              ? NULL
                                                              : &c->points[points].list));
    }
    config_free(c);
    return status;
}

static int check_files(const char *points, char *const *files, int count)
{
    struct point_list list = {.count = 0};
    int status = POLICY_EXIT_OK;

    if (points) {
        if (!cli_points_read(points, &list))
            return POLICY_EXIT_UNUSABLE;
        print_points(&list);
    }
    for (int i = 0; i < count; i++)
        status = worse(status, check(files[i], points ? &list : NULL));
    point_list_free(&list);
    return status;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: gate104 policy check [--points FILE] FILE...\n"
                          "       gate104 policy check --config FILE\n"
                          "  --points  a list of points, which rules may name\n"
                          "  --config  the policies of a gate104.conf, with its lists\n"
                          "exit status: 0 good, 1 a warning, 2 no policy\n");
    return POLICY_EXIT_UNUSABLE;
}

int policy_check(int argc, char **argv)
{
    static const struct option options[] = {{"points", required_argument, NULL, 'P'},
                                            {"config", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    const char *points = NULL, *config = NULL;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'P')
            points = optarg;
        else if (o == 'c')
            config = optarg;
        else
            return usage();
    }
    if (config && !points && optind == argc)
        return check_config(config);
    if (config || optind == argc)
        return usage();
    return check_files(points, argv + optind, argc - optind);
}
