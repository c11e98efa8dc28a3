/* What the session log costs: records a second as audit writes them, in groups and one by
 * one, beside what the same disk does with write and fdatasync of as many octets; and
 * with a syslog daemon that takes all of it.
 *
 *   bench-log FOLDER [ROUNDS [MS]]      each job runs MS milliseconds, ROUNDS times in
 * turn */
#include "proxy/audit_line.h"
#include "proxy/audit_log.h"
#include "proxy/audit_ship.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 200000u
#define ROUNDS_MAX  100u

struct bench {
    int dir;
    struct audit_log log;
    struct audit_sender sender;
    uint8_t payload[1024];
    size_t size;
    char line[AUDIT_LINE_MAX]; /* what the record becomes, for the raw jobs */
    size_t line_size;
    int raw;
    struct audit_log shipped; /* a log of its own, in front of a receiver */
    struct audit_ship ship;
    double *samples; /* seconds that each command waited */
    size_t n;
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- jobs: each does `group` records and says whether it worked ---- */

struct job {
    const char *name;
    unsigned int group;
    bool log, sync, ship;
};

static bool run_log(struct bench *b, const struct job *j)
{
    struct audit_log *l = j->ship ? &b->shipped : &b->log;

    for (unsigned int i = 0; i < j->group; i++)
        audit_log_add(l, &b->sender, b->payload, b->size, j->sync);
    if (!audit_log_commit(l))
        return false;
    if (j->ship)
        (void)audit_ship_turn(&b->ship, l->file.synced.seq, (uint64_t)(now() * 1e3));
    return true;
}

/* Until the receiver has all of it. */
static bool drain(struct bench *b)
{
    if (!audit_log_sync(&b->shipped))
        return false;
    while (b->ship.sent.seq < b->shipped.file.synced.seq)
        (void)audit_ship_turn(&b->ship, b->shipped.file.synced.seq,
                              (uint64_t)(now() * 1e3));
    return true;
}

static bool run_raw(struct bench *b, const struct job *j)
{
    for (unsigned int i = 0; i < j->group; i++) {
        if (write(b->raw, b->line, b->line_size) != (ssize_t)b->line_size)
            return false;
    }
    return !j->sync || fdatasync(b->raw) == 0;
}

static const struct job jobs[] = {
    {"raw write", 64, false, false, false},
    {"raw write + fdatasync", 1, false, true, false},
    {"raw 64 writes + fdatasync", 64, false, true, false},
    {"log, async", 64, true, false, false},
    {"log, sync, one by one", 1, true, true, false},
    {"log, sync, groups of 8", 8, true, true, false},
    {"log, sync, groups of 64", 64, true, true, false},
    {"one by one, and shipped", 1, true, true, true},
    {"groups of 64, and shipped", 64, true, true, true},
};
#define JOBS (sizeof jobs / sizeof jobs[0])

/* Records a second.  What was not synced is brought to disk at the end, in the time. */
static double measure(struct bench *b, const struct job *j, double seconds)
{
    double begin = now(), last = begin;
    uint64_t done = 0;

    while (last - begin < seconds) {
        double before = last;

        if (!(j->log ? run_log : run_raw)(b, j))
            fail(j->name);
        done += j->group;
        last = now();
        if (j->log && j->sync && !j->ship && j->group == 1 && b->n < SAMPLES_MAX)
            b->samples[b->n++] = last - before;
    }
    if (!(j->ship ? drain(b) : j->log ? audit_log_sync(&b->log) : fdatasync(b->raw) == 0))
        fail(j->name);
    return (double)done / (now() - begin);
}

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

/* ---- the record ---- */

/* A command as a gate sends it. */
static void make_payload(struct bench *b)
{
    static const uint8_t apdu[] = {0x68, 0x0E, 0x04, 0x00, 0x2A, 0x00, 0x2D, 0x01,
                                   0x06, 0x00, 0x01, 0x00, 0xE9, 0x03, 0x00, 0x01};
    static const struct audit_place place = {.boot = "7d1daca7"};
    struct audit_stamp stamp = {.seq = 1000000, .mono_ms = 3788250};
    static struct record r;
    const uint8_t *p;

    record_begin(&r, EVENT_COMMAND, 1, true);
    record_u64(&r, RECORD_SESSION, UINT64_C(1882434739109889));
    record_u64(&r, RECORD_DIRECTION, 0);
    record_octets(&r, RECORD_APDU, apdu, sizeof apdu);
    record_text(&r, RECORD_VERDICT, "pass");
    record_text(&r, RECORD_RULE, "feeder breakers");
    record_text(&r, RECORD_SUBJECT, "CN=Control room 1,O=Grid");
    b->size = record_end(&r, &p);
    memcpy(b->payload, p, b->size);
    b->line_size = audit_line_build(&place, &stamp, &b->sender, p, b->size, b->line);
    if (b->size == 0 || b->line_size == 0)
        fail("record");
}

/* ---- the receiver ---- */

static bool ask(void *ctx)
{
    (void)ctx;
    return true;
}

static void tell(void *ctx, struct record *r)
{
    (void)ctx;
    (void)r;
}

static int start_receiver(void)
{
    int pair[2];
    char message[65536];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
        fail("socketpair");
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid > 0) {
        (void)close(pair[1]);
        return pair[0];
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close(pair[0]);
    while (recv(pair[1], message, sizeof message, 0) >= 0) /* an empty one asks only */
        continue;
    _exit(0);
}

static void set_up_shipping(struct bench *b, const struct audit_place *place)
{
    static const struct ship_config all = {
        .what = SHIP_ALL, .lag_s = 300, .size_max = 16384, .enterprise = 32473};
    int dir;

    if (mkdirat(b->dir, "shipped", 0700) != 0)
        fail("shipped");
    dir = openat(b->dir, "shipped", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || !audit_log_init(&b->shipped, dir, place, "audit-0") ||
        !audit_log_open(&b->shipped))
        fail("shipped");
    audit_ship_begin(&b->ship, dir, &all, "bench", place->boot, (uint64_t)(now() * 1e3));
    b->ship.ask = ask;
    b->ship.tell = tell;
    audit_ship_socket(&b->ship, start_receiver());
}

static void set_up(struct bench *b, const char *folder)
{
    static const struct audit_place place = {.boot = "7d1daca7"};

    memset(b, 0, sizeof *b);
    b->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dir < 0)
        fail(folder);
    (void)snprintf(b->sender.name, sizeof b->sender.name, "gate-0");
    make_payload(b);
    b->raw = openat(b->dir, "raw", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    b->samples = calloc(SAMPLES_MAX, sizeof *b->samples);
    if (b->raw < 0 || !b->samples)
        fail("raw");
    if (!audit_log_init(&b->log, b->dir, &place, "audit-0") || !audit_log_open(&b->log))
        fail("log");
    set_up_shipping(b, &place);
}

static void report(struct bench *b, double rates[JOBS][ROUNDS_MAX], unsigned int rounds)
{
    (void)printf("log: a record of %zu octets\n%-28s %10s %10s %10s\n", b->line_size,
                 "records/s", "min", "median", "max");
    for (size_t i = 0; i < JOBS; i++) {
        qsort(rates[i], rounds, sizeof rates[i][0], by_size);
        (void)printf("%-28s %10.0f %10.0f %10.0f\n", jobs[i].name, rates[i][0],
                     rates[i][rounds / 2], rates[i][rounds - 1]);
    }
    qsort(b->samples, b->n, sizeof *b->samples, by_size);
    if (b->n > 0)
        (void)printf("a command alone waits for the log: p50 %.3f ms, p99 %.3f ms, max "
                     "%.3f ms, of %zu\n",
                     b->samples[b->n / 2] * 1e3, b->samples[b->n * 99 / 100] * 1e3,
                     b->samples[b->n - 1] * 1e3, b->n);
}

int main(int argc, char **argv)
{
    static double rates[JOBS][ROUNDS_MAX];
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    long ms = argc > 3 ? strtol(argv[3], NULL, 10) : 400;
    struct bench b;

    if (argc < 2 || argc > 4 || rounds < 1 || rounds > (long)ROUNDS_MAX || ms < 1) {
        (void)fprintf(stderr, "usage: bench-log FOLDER [ROUNDS [MS]]\n");
        return 2;
    }
    set_up(&b, argv[1]);
    for (long r = 0; r < rounds; r++) {
        for (size_t i = 0; i < JOBS; i++)
            rates[i][r] = measure(&b, &jobs[i], (double)ms / 1e3);
    }
    report(&b, rates, (unsigned int)rounds);
    audit_ship_end(&b.ship);
    if (!audit_log_close(&b.log) || !audit_log_close(&b.shipped))
        fail("log");
    audit_log_free(&b.log);
    audit_log_free(&b.shipped);
    free(b.samples);
    return 0;
}
