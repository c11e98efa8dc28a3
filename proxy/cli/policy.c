/* gate104 policy: what a policy file means, without a running gate104. */
#include "proxy/cli/policy.h"

#include "proxy/cli/cli.h"

bool policy_cli_read(const char *path, struct policy_read *out)
{
    return policy_cli_read_points(path, NULL, out);
}

bool policy_cli_read_points(const char *path, const struct point_list *points,
                            struct policy_read *out)
{
    const struct config_place at = {.file = "gate104 policy"};
    struct config_errors errs;
    char err[256];
    bool good;

    *out = (struct policy_read){.path = path, .points = points};
    config_errors_init(&errs);
    good = policy_file_load_points(path, points, &at, &errs, &out->file);
    config_errors_print(&errs, stderr);
    out->warnings = errs.warnings;
    config_errors_free(&errs);
    if (!good)
        return false;
    if (policy_load(out->file.blob, out->file.size, &out->policy, err, sizeof err))
        return true;
    (void)fprintf(stderr, "gate104 policy: %s\n", err);
    policy_file_free(&out->file);
    return false;
}

void policy_cli_free(struct policy_read *r)
{
    policy_free(r->policy);
    policy_file_free(&r->file);
}

void policy_cli_rule(const struct policy_read *r, int32_t rule)
{
    const char *name = policy_rule_name(r->policy, rule);

    (void)printf("line %u", r->file.line[rule]);
    if (name[0] == '\0')
        return;
    (void)fputs(" (", stdout);
    cli_put_safe(stdout, name, 0, false);
    (void)fputs(")", stdout);
}

static const struct cli_command commands[] = {
    {"check", "[--points FILE] FILE... | --config FILE",
     "is it good, what can it never do, what does it cost", policy_check},
    {"explain", "FILE [--points FILE] [--role NAME]... HEX",
     "which rule decides on an APDU of the master, and why not those before it",
     policy_explain_apdu},
    {"learn", "[--out FILE] [--route R] ... LOG|CAPTURE...",
     "a policy from what was seen: reading passes, commands are proposed", policy_learn},
    {"replay", "--policy FILE | --conf FILE --route R  LOG|CAPTURE...",
     "what of it would have been refused, by which rule", policy_replay},
    {"diff", "[--json] [--points FILE] OLD NEW",
     "what one lets pass and the other does not", policy_diff_files},
    {NULL, NULL, NULL, NULL},
};

int cli_policy(int argc, char **argv)
{
    return cli_dispatch(commands, "gate104 policy", POLICY_EXIT_UNUSABLE, argc, argv);
}
