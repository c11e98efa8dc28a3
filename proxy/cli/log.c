#include "proxy/cli/log.h"

#include "proxy/audit_file.h"
#include "proxy/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_command commands[] = {
    {"show", "DIR|FILE... [--json] [--follow] [--since TIME] [--peer TEXT] [--ioa N] ...",
     "print the records in words", log_show},
    {"verify", LOG_VERIFY_ARGUMENTS,
     "check chain and seals: 0 whole, 1 tampered, 2 incomplete, 3 unusable", log_verify},
    {"stats", "[--json] DIR|FILE...", "count events, operations, refusals and latencies",
     log_stats},
    {"report", "--html [-o FILE] [--since TIME] [--until TIME] DIR|FILE",
     "write a page for an auditor", log_report},
    {"export", "--pcapng SESSION|--all [-o FILE] DIR|FILE",
     "write the APDUs of the log for Wireshark", log_export},
    {"keygen", "[--out PREFIX] [--force] [--qr] DIR", "make the keys that seal a log",
     log_keygen},
    {NULL, NULL, NULL, NULL},
};

int cli_log(int argc, char **argv)
{
    return cli_dispatch(commands, "gate104 log", LOG_EXIT_UNUSABLE, argc, argv);
}

static int complain(const char *name)
{
    (void)fprintf(stderr, "gate104 log: ");
    cli_put_safe(stderr, name, 0, false);
    (void)fprintf(stderr, ": %s\n", strerror(errno));
    return -1;
}

int log_open(const char *path, char name[4096])
{
    struct stat st;
    bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int n = snprintf(name, 4096, dir ? "%s/%s" : "%s", path, AUDIT_FILE_NAME);
    int fd;

    if (n < 0 || n >= 4096) {
        errno = ENAMETOOLONG;
        return complain(path);
    }
    fd = open(name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? complain(name) : fd;
}
