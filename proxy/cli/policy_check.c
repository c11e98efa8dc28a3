/* gate104 policy check: beside the findings of the reader, what no single rule shows. */
#include "policy/policy_review.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/policy.h"

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

int policy_check(int argc, char **argv)
{
    int status = POLICY_EXIT_OK;

    if (argc < 2) {
        (void)fprintf(stderr,
                      "usage: gate104 policy check FILE...\n"
                      "exit status: 0 good, 1 a rule never decides, 2 no policy\n");
        return POLICY_EXIT_UNUSABLE;
    }
    for (int i = 1; i < argc; i++) {
        const double begin = now();
        struct policy_read r;

        if (!policy_cli_read(argv[i], &r)) {
            status = POLICY_EXIT_UNUSABLE;
            continue;
        }
        print_summary(&r, now() - begin);
        if (review(&r) > 0 && status == POLICY_EXIT_OK)
            status = POLICY_EXIT_FINDING;
        policy_cli_free(&r);
    }
    return status;
}
