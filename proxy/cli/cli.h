/* The operator's program `gate104`: one table of commands, one file each. */
#ifndef GATE104_PROXY_CLI_CLI_H
#define GATE104_PROXY_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_command {
    const char *name;
    const char *arguments; /* "DIR|FILE [--json]" */
    const char *summary;
    /* argv[0] is the command's own name.  Gives the exit status. */
    int (*run)(int argc, char **argv);
};

/* Finds argv[1] in a table that ends with a NULL name and runs it; without it, or with
 * --help, prints the table.  `path` is what was typed so far ("gate104 log"),
 * `misuse` the exit status for a command that is none. */
int cli_dispatch(const struct cli_command *table, const char *path, int misuse, int argc,
                 char **argv);

/* Prints text that others wrote: what is not printable ASCII as \xNN.  At most `width`
 * columns when width > 0 (a cut is shown by '~'), filled up with blanks when `pad`. */
void cli_put_safe(FILE *out, const char *text, size_t width, bool pad);

/* True when `out` is a terminal that shows colours and nobody asked for none. */
bool cli_colour(FILE *out);

int cli_decode(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_pki(int argc, char **argv);
int cli_policy(int argc, char **argv);

/* control.c: what is asked of the running gate104d, at this socket. */
void cli_control_socket(const char *path);
int cli_status(int argc, char **argv);
int cli_sessions(int argc, char **argv);
int cli_close(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_monitor_only(int argc, char **argv);
int cli_log_order(int argc, char **argv);

/* permit.c */
int cli_permit(int argc, char **argv);

#endif
