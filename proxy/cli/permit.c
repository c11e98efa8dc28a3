/* gate104 permit: who may for a while do what else is refused. */
#include "proxy/cli/cli.h"
#include "proxy/cli/control.h"

#include <getopt.h>
#include <string.h>

/* Exit status: 0 done, 1 refused or nobody there, 2 misuse. */
#define EXIT_DONE    0
#define EXIT_REFUSED 1
#define EXIT_MISUSE  2

/* As much as gate104d takes. */
#define LINE_SIZE 4096u

static const char usage[] =
    "usage: gate104 [-s SOCKET] permit grant --route ROUTE --for TIME --reason TEXT\n"
    "               [--types NAMES] [--ca NUMBERS] [--ioa NUMBERS] [--peer PEER]\n"
    "               [--commands N] [--persist] [--json]\n"
    "       gate104 [-s SOCKET] permit confirm|revoke NUMBER\n"
    "       gate104 [-s SOCKET] permit list [--json]\n"
    "\n"
    "TIME: 90s, 15m, 8h.  NAMES: C_SC_NA_1,C_DC_NA_1.  NUMBERS: 1001-1100,1200.\n"
    "PEER: the SHA-256 of a certificate, or a subject as the log writes it.\n";

static int misuse(void)
{
    (void)fputs(usage, stderr);
    return EXIT_MISUSE;
}

/* ---- printing ---- */

static void time_words(long long s, char out[40])
{
    if (s >= 3600)
        (void)snprintf(out, 40, "%lld h %lld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        (void)snprintf(out, 40, "%lld min %lld s", s / 60, s % 60);
    else
        (void)snprintf(out, 40, "%lld s", s);
}

/* "3 of 5", or "3" */
static void put_used(const json_t *o)
{
    char text[48];

    if (control_number(o, "commands") > 0)
        (void)snprintf(text, sizeof text, "%lld of %lld", control_number(o, "used"),
                       control_number(o, "commands"));
    else
        (void)snprintf(text, sizeof text, "%lld", control_number(o, "used"));
    (void)printf("%-8s  ", text);
}

static void print_list(const json_t *answer)
{
    const json_t *permits = json_object_get(answer, "permits");
    size_t i;
    const json_t *o;

    if (json_array_size(permits) == 0)
        (void)printf("no permits\n");
    else
        (void)printf("permit  %-16s  %-9s  %-14s  %-8s  what, for whom, by whom, why\n",
                     "route", "state", "left", "used");
    json_array_foreach(permits, i, o)
    {
        char left[40];

        time_words(control_number(o, "left_seconds"), left);
        (void)printf("%lld  ", control_number(o, "permit"));
        control_put(o, "route", 16);
        control_put(o, "state", 9);
        (void)printf("%-14s  ", left);
        put_used(o);
        control_put(o, "scope", 0);
        if (json_is_string(json_object_get(o, "peer"))) {
            (void)printf("peer ");
            control_put(o, "peer", 0);
        }
        control_put(o, "granted_by", 0);
        if (json_is_string(json_object_get(o, "confirmed_by")))
            control_put(o, "confirmed_by", 0);
        if (json_is_true(json_object_get(o, "persist")))
            (void)printf("persists  ");
        cli_put_safe(stdout, control_text(o, "reason"), 0, false);
        (void)printf("\n");
    }
}

static void print_grant(const json_t *o)
{
    char left[40];

    time_words(control_number(o, "left_seconds"), left);
    (void)printf("permit %lld for route ", control_number(o, "permit"));
    control_put(o, "route", 0);
    control_put(o, "scope", 0);
    if (strcmp(control_text(o, "state"), "pending") == 0)
        (void)printf("\nwaits for another person to say, within %s: gate104 permit "
                     "confirm %lld\n",
                     left, control_number(o, "permit"));
    else
        (void)printf("\nholds for %s\n", left);
    if (json_is_string(json_object_get(o, "note"))) {
        (void)printf("but ");
        cli_put_safe(stdout, control_text(o, "note"), 0, false);
        (void)printf("\n");
    }
}

static void print_done(const json_t *answer)
{
    (void)answer;
    (void)printf("done\n");
}

/* ---- asking ---- */

static int ask(const char *line, bool json, void (*print)(const json_t *))
{
    json_t *answer = control_ask(line);

    if (!answer)
        return EXIT_REFUSED;
    if (json) {
        (void)json_dumpf(answer, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        print(answer);
    }
    json_decref(answer);
    return EXIT_DONE;
}

struct line {
    char text[LINE_SIZE];
    size_t used;
    bool bad;
};

/* Fields are parted by tabs, and the line ends with a newline. */
static void add(struct line *l, const char *key, const char *value)
{
    const size_t room = sizeof l->text - 1 - l->used;
    const int n = snprintf(l->text + l->used, room, "\t%s=%s", key, value);

    if (l->bad)
        return;
    if (strpbrk(value, "\t\n\r")) {
        (void)fprintf(stderr, "gate104: --%s has control characters in it\n", key);
        l->bad = true;
    } else if (n < 0 || (size_t)n >= room) {
        (void)fprintf(stderr, "gate104: that is more than %u characters\n", LINE_SIZE);
        l->bad = true;
    } else {
        l->used += (size_t)n;
    }
}

static const struct option options[] = {
    {"route", required_argument, NULL, 'v'},
    {"types", required_argument, NULL, 'v'},
    {"ca", required_argument, NULL, 'v'},
    {"ioa", required_argument, NULL, 'v'},
    {"peer", required_argument, NULL, 'v'},
    {"for", required_argument, NULL, 'v'},
    {"commands", required_argument, NULL, 'v'},
    {"reason", required_argument, NULL, 'v'},
    {"persist", no_argument, NULL, 'p'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static int grant(int argc, char **argv)
{
    static struct line line = {.text = "permit grant", .used = sizeof "permit grant" - 1};
    bool json = false;
    int at = 0;
    int option;

    while ((option = getopt_long(argc, argv, "+", options, &at)) != -1) {
        switch (option) {
        case 'v': add(&line, options[at].name, optarg); break;
        case 'p': add(&line, "persist", "yes"); break;
        case 'j': json = true; break;
        default: return misuse();
        }
    }
    if (optind != argc || argc == 1)
        return misuse();
    if (line.bad)
        return EXIT_MISUSE;
    line.text[line.used] = '\n';
    line.text[line.used + 1] = '\0';
    return ask(line.text, json, print_grant);
}

/* A number that the user typed; what it is not gate104d will say. */
static int about(const char *word, int argc, char **argv, void (*print)(const json_t *))
{
    char line[80];

    if (argc != 2 || strlen(argv[1]) > 40 || strpbrk(argv[1], "\n\t "))
        return misuse();
    (void)snprintf(line, sizeof line, "permit %s %s\n", word, argv[1]);
    return ask(line, false, print);
}

static int confirm(int argc, char **argv)
{
    return about("confirm", argc, argv, print_grant);
}

static int revoke(int argc, char **argv)
{
    return about("revoke", argc, argv, print_done);
}

static int list(int argc, char **argv)
{
    const bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

    return argc == 1 || json ? ask("permit list\n", json, print_list) : misuse();
}

int cli_permit(int argc, char **argv)
{
    static const struct cli_command commands[] = {
        {"grant", "--route ROUTE --for TIME --reason TEXT ...", "let it pass for a while",
         grant},
        {"confirm", "NUMBER", "as the second person", confirm},
        {"revoke", "NUMBER", "end it now", revoke},
        {"list", "[--json]", "those there are, with the time left", list},
        {NULL, NULL, NULL, NULL},
    };

    return cli_dispatch(commands, "gate104 permit", EXIT_MISUSE, argc, argv);
}
