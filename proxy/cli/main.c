#include "proxy/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command commands[] = {
    {"decode", "HEX...|-|--raw FILE|--pcap FILE [--json] [--policy FILE] ...",
     "APDUs in words, field by field, with the verdict", cli_decode},
    {"log", "show|verify|stats ...", "read and check a session log", cli_log},
    {"policy", "check|explain|learn|replay|diff ...", "what a policy allows, and why",
     cli_policy},
    {"status", "[--json]", "what runs: routes, processes, certificates", cli_status},
    {"sessions", "[--json]", "who is connected, and what passed", cli_sessions},
    {"close", "SESSION", "end a session", cli_close},
    {"reload", "", "read the configuration, certificates and lists again", cli_reload},
    {"monitor-only", "on|off ROUTE",
     "refuse all commands of a route, or judge them again", cli_monitor_only},
    {"permit", "grant|confirm|revoke|list ...",
     "who may for a while do what else is refused", cli_permit},
    {"pki", "init|issue|csr|sign|revoke|crl|list|show|check|enrol ...",
     "keys and certificates: a small CA, and enrolment", cli_pki},
    {NULL, NULL, NULL, NULL},
};

static void print_table(FILE *out, const struct cli_command *table, const char *path)
{
    (void)fprintf(out, "usage:\n");
    for (const struct cli_command *c = table; c->name; c++)
        (void)fprintf(out, "  %s %s %s\n        %s\n", path, c->name, c->arguments,
                      c->summary);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

int cli_dispatch(const struct cli_command *table, const char *path, int misuse, int argc,
                 char **argv)
{
    if (argc < 2) {
        print_table(stderr, table, path);
        return misuse;
    }
    if (is_help(argv[1])) {
        print_table(stdout, table, path);
        return 0;
    }
    for (const struct cli_command *c = table; c->name; c++) {
        if (strcmp(c->name, argv[1]) == 0)
            return c->run(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "%s: no such command: ", path);
    cli_put_safe(stderr, argv[1], 0, false);
    (void)fprintf(stderr, "\n");
    print_table(stderr, table, path);
    return misuse;
}

bool cli_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fileno(out)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("gate104 %s\n", GATE104_VERSION);
        return 0;
    }
    if (argc > 3 && strcmp(argv[1], "-s") == 0) {
        cli_control_socket(argv[2]);
        argc -= 2;
        argv += 2;
    }
    return cli_dispatch(commands, "gate104", 2, argc, argv);
}
