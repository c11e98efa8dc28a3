#include "proxy/cli/log_verify.h"

#include "proxy/audit_verify_files.h"
#include "proxy/cli/cli.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the bar ---- */

#define BAR_WIDTH 30u

struct bar {
    uint64_t total;
    struct timespec begin;
};

static double seconds_since(const struct timespec *t)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

/* A log that is written meanwhile may have more octets than it had. */
static void progress(void *ctx, uint64_t octets)
{
    static const char full[BAR_WIDTH + 1] = "##############################";
    const struct bar *b = ctx;
    double part = b->total > octets ? (double)octets / (double)b->total : 1;
    double seconds = seconds_since(&b->begin);

    (void)fprintf(stderr, "\r[%-*.*s] %3.0f %% %6.0f MB/s", (int)BAR_WIDTH,
                  (int)(part * BAR_WIDTH), full, part * 100,
                  seconds > 0 ? (double)octets / 1e6 / seconds : 0);
    (void)fflush(stderr);
}

static uint64_t octets_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct audit_files files;
    struct stat st;
    uint64_t n = 0;

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode)) {
        (void)close(fd);
        return st.st_size > 0 ? (uint64_t)st.st_size : 0;
    }
    if (audit_files_open(&files, fd))
        n = audit_files_size(&files);
    audit_files_close(&files);
    return n;
}

int log_verify(int argc, char **argv)
{
    static struct log_verify_request r;
    struct bar bar = {.total = 0};
    struct audit_verdict v;

    /* openssl.cnf of a strange machine has no say in what is found. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    if (!log_verify_request(&r, argc, argv)) {
        log_verify_request_free(&r);
        return AUDIT_STATE_UNUSABLE;
    }
    if (!r.quiet && isatty(STDERR_FILENO) != 0) {
        bar.total = octets_of(r.path);
        (void)clock_gettime(CLOCK_MONOTONIC, &bar.begin);
        r.options.progress = progress;
        r.options.ctx = &bar;
    }
    audit_verify_path(r.path, &r.options, &v);
    if (r.options.progress)
        (void)fprintf(stderr, "\r%*s\r", (int)BAR_WIDTH + 24, "");
    if (!r.quiet)
        (r.json ? log_verify_print_json : log_verify_print)(&r, &v);
    log_verify_request_free(&r);
    return !r.quiet && (fflush(stdout) != 0 || ferror(stdout)) ? AUDIT_STATE_UNUSABLE
                                                               : (int)v.state;
}
