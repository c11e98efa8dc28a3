#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"

#include "proxy/audit_verify.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void progress(void *ctx, uint64_t octets)
{
    const uint64_t *total = ctx;

    (void)fprintf(stderr, "\r%3u %%",
                  *total > 0 ? (unsigned int)(octets * 100 / *total) : 100);
}

static void print_verdict(const char *name, const struct audit_verdict *v)
{
    static const char *const words[] = {"OK", "TAMPERED", "INCOMPLETE", "UNUSABLE"};

    cli_put_safe(stdout, name, 0, false);
    (void)printf(": %s\n", words[v->state]);
    if (v->bad_line != 0)
        (void)printf("  line %" PRIu64, v->bad_line);
    if (v->bad_line != 0 && v->bad_seq != 0)
        (void)printf(", record %" PRIu64, v->bad_seq);
    if (v->state != AUDIT_STATE_OK)
        (void)printf("%s%s\n", v->bad_line != 0 ? ": " : "  ", v->why);
    if (v->records > 0)
        (void)printf("  %" PRIu64 " record%s in an unbroken chain: %" PRIu64
                     " to %" PRIu64 ", %s to %s\n",
                     v->records, v->records == 1 ? "" : "s", v->first.seq,
                     v->first.seq + v->records - 1, v->first.time, v->last.time);
    if (v->torn > 0)
        (void)printf("  %" PRIu64 " octets of an unfinished line at the end\n", v->torn);
    if (v->state == AUDIT_STATE_OK || v->state == AUDIT_STATE_INCOMPLETE)
        (void)printf(
            "  Checked: the chain of hashes. The log is not sealed: one who can "
            "write the whole file\n  anew, change its last record or cut its end "
            "is not found by this.\n");
}

/* What the audit process put aside belongs to the picture. */
static void print_aside(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir && (e = readdir(dir)) != NULL) {
        if (strncmp(e->d_name, "torn-", 5) != 0 && strncmp(e->d_name, "damaged-", 8) != 0)
            continue;
        (void)printf("  put aside earlier: ");
        cli_put_safe(stdout, e->d_name, 0, false);
        (void)printf(" (see the records log.recovered)\n");
    }
    if (dir)
        (void)closedir(dir);
}

int log_verify(int argc, char **argv)
{
    struct audit_verdict v;
    char name[4096];
    struct stat st;
    uint64_t total;
    bool bar;
    int fd;

    if (argc != 2 || argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: gate104 log verify DIR|FILE\n");
        return LOG_EXIT_UNUSABLE;
    }
    fd = log_open(argv[1], name);
    if (fd < 0)
        return LOG_EXIT_UNUSABLE;
    total = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    bar = isatty(STDERR_FILENO) != 0;
    audit_verify(fd, &v, bar ? progress : NULL, &total);
    (void)close(fd);
    if (bar)
        (void)fprintf(stderr, "\r     \r");
    print_verdict(name, &v);
    print_aside(argv[1]);
    return (int)v.state;
}
