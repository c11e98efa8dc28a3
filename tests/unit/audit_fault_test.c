/* The log over many files when calls fail or the process ends in between: every call of a
 * run that rotates and deletes, one after the other.
 *
 * The linker leads the calls here first (--wrap, see the Makefile). */
#include "proxy/audit_log.h"
#include "tests/lib/chain_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- calls that go wrong ---- */

enum how { GOOD, FAIL, END_BEFORE, END_AFTER, END_AMID };

static struct {
    bool on;
    enum how how;
    unsigned int count, from, to; /* calls so far; those that go wrong */
    int error;
} fault;

/* What a child tells before it ends. */
static struct shared {
    unsigned int calls;
    uint64_t acknowledged; /* seq of the last record that was */
} * shared;

/* Whether all that was written was on disk when a file got another name, or went. */
static struct {
    bool unsynced;
    unsigned int early; /* times that it was not */
    unsigned int names;
} order;

static void note(const char *call)
{
    if (strcmp(call, "write") == 0)
        order.unsynced = true;
    if (strcmp(call, "fdatasync") == 0)
        order.unsynced = false;
    if (strcmp(call, "renameat2") == 0 || strcmp(call, "unlinkat") == 0) {
        order.names++;
        order.early += order.unsynced;
    }
}

static enum how now(const char *call)
{
    enum how how;

    note(call);
    if (!fault.on)
        return GOOD;
    fault.count++;
    how = fault.count >= fault.from && fault.count <= fault.to ? fault.how : GOOD;
    if (how == FAIL)
        errno = fault.error;
    if (how == END_BEFORE)
        _exit(0);
    return how;
}

/* A call, and what is to become of it. */
#define WRAP(name, parameters, arguments)                                                \
    int __real_##name parameters;                                                        \
    int __wrap_##name parameters;                                                        \
    int __wrap_##name parameters                                                         \
    {                                                                                    \
        enum how how = now(#name);                                                       \
        int result = how == FAIL ? -1 : __real_##name arguments;                         \
                                                                                         \
        if (how == END_AFTER || how == END_AMID)                                         \
            _exit(0);                                                                    \
        return result;                                                                   \
    }

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker asks for these names */
WRAP(fdatasync, (int fd), (fd))
WRAP(fsync, (int fd), (fd))
WRAP(ftruncate, (int fd, off_t size), (fd, size))
WRAP(fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
WRAP(unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
WRAP(fstatfs, (int fd, struct statfs *out), (fd, out))
WRAP(renameat2,
     (int from_fd, const char *from, int to_fd, const char *to, unsigned int flags),
     (from_fd, from, to_fd, to, flags))

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    enum how how = now("write");
    ssize_t result = how == FAIL ? -1 : __real_write(fd, p, how == END_AMID ? n / 2 : n);

    if (how == END_AFTER || how == END_AMID)
        _exit(0);
    return result;
}

int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...)
{
    enum how how = now("openat");
    int result = how == FAIL ? -1 : __real_openat(fd, name, flags, 0640);

    if (how == END_AFTER || how == END_AMID)
        _exit(0);
    return result;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- the stage ---- */

struct stage {
    char dir[64];
    int dir_fd;
    struct audit_log log;
    struct audit_sender sender;
};

static const struct audit_place place = {.boot = "00000000"};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    assert_non_null(s);
    memset(&fault, 0, sizeof fault);
    /* In memory, if there is such a folder: what is tested is not the disk. */
    (void)snprintf(s->dir, sizeof s->dir, "%s/gate104-fault-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(s->dir));
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(s->sender.name, sizeof s->sender.name, "gate-0");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char command[128];

    fault.on = false;
    (void)close(s->dir_fd);
    (void)snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static void empty(const struct stage *s)
{
    DIR *dir = opendir(s->dir);
    const struct dirent *e;

    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(s->dir_fd, e->d_name, 0), 0);
    }
    (void)closedir(dir);
    memset(shared, 0, sizeof *shared);
}

static void begin(struct stage *s)
{
    assert_true(audit_log_init(&s->log, s->dir_fd, &place, "audit-0"));
    assert_true(audit_shelf_scan(&s->log.shelf, s->dir_fd));
    s->log.files.rotate_size = 4096;
    s->log.files.retain_size = 9000;
    s->log.files.reserve = 8192;
}

static bool add(struct stage *s, bool sync)
{
    const uint8_t *payload;
    struct record r;
    size_t n;
    bool good;

    record_begin(&r, EVENT_COMMAND, 1, sync);
    record_text(&r, RECORD_RULE, "feeder breakers, all of the western line, by day");
    n = record_end(&r, &payload);
    audit_log_add(&s->log, &s->sender, payload, n, sync);
    good = audit_log_commit(&s->log);
    if (good && sync)
        shared->acknowledged = s->log.file.synced.seq;
    audit_rotate_due(&s->log);
    audit_space_check(&s->log);
    for (unsigned int i = 0; i < 8 && audit_retain_step(&s->log); i++)
        ;
    return good;
}

static bool put(struct stage *s)
{
    return add(s, true);
}

/* Long enough for every file to be begun, turned over and deleted. */
static void run(struct stage *s)
{
    begin(s);
    fault.on = true;
    (void)audit_log_open(&s->log);
    for (unsigned int i = 0; i < 40; i++)
        (void)put(s);
    shared->calls = fault.count;
}

/* The chain is whole, and what was acknowledged is in it. */
static void judge(const struct stage *s, const char *what, unsigned int at)
{
    char text[48];
    struct chain c;

    chain_check(s->dir, &c);
    if (c.wrong[0] != '\0')
        fail_msg("%s, call %u: %s", what, at, c.wrong);
    (void)snprintf(text, sizeof text, "{\"v\":1,\"seq\":%llu,",
                   (unsigned long long)shared->acknowledged);
    if (shared->acknowledged != 0 && chain_count(s->dir, text) != 1)
        fail_msg(
            "%s, call %u: record %llu was acknowledged and is not there; %llu to %llu",
            what, at, (unsigned long long)shared->acknowledged,
            (unsigned long long)c.first_seq, (unsigned long long)c.last_seq);
}

/* After the fault all goes on as if nothing had been. */
static void go_on(struct stage *s, const char *what, unsigned int at)
{
    struct chain c;

    for (unsigned int i = 0; i < 24; i++) {
        if (!put(s))
            fail_msg("%s, call %u: it does not get better by itself", what, at);
    }
    judge(s, what, at);
    chain_check(s->dir, &c);
    if (c.files < 2)
        fail_msg("%s, call %u: it does not rotate any more", what, at);
}

static void in_child(struct stage *s, enum how how, unsigned int at)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        fault.how = how;
        fault.from = fault.to = at;
        run(s);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (at > 0)
        assert_int_equal(WEXITSTATUS(status), 0);
}

static unsigned int calls_of_a_run(struct stage *s)
{
    empty(s);
    in_child(s, GOOD, 0);
    assert_true(shared->calls > 100);
    return shared->calls;
}

static void an_end_at_every_call(void **state)
{
    static const char *const words[] = {[END_BEFORE] = "an end before",
                                        [END_AFTER] = "an end after",
                                        [END_AMID] = "an end amid"};
    struct stage *s = *state;
    unsigned int calls = calls_of_a_run(s);

    for (enum how how = END_BEFORE; how <= END_AMID; how++) {
        for (unsigned int at = 1; at <= calls; at++) {
            empty(s);
            in_child(s, how, at);
            begin(s);
            assert_true(audit_log_open(&s->log));
            judge(s, words[how], at);
            go_on(s, words[how], at);
            audit_log_free(&s->log);
        }
    }
}

/* Every call fails once, or it and the next twenty do. */
static void every_call_fails(void **state)
{
    static const int errors[] = {EIO, ENOSPC, EROFS};
    struct stage *s = *state;
    unsigned int calls = calls_of_a_run(s);

    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        for (unsigned int at = 1; at <= calls; at++) {
            empty(s);
            memset(&fault, 0, sizeof fault);
            fault.how = FAIL;
            fault.error = errors[e];
            fault.from = at;
            fault.to = e == 0 ? at : at + 20;
            run(s);
            fault.on = false;
            /* A rotation that failed is tried again a minute later. */
            s->log.turn.failed_ms = 0;
            s->log.retain.failed_ms = 0;
            (void)put(s);
            judge(s, strerror(errors[e]), at);
            go_on(s, strerror(errors[e]), at);
            audit_log_free(&s->log);
        }
    }
}

static void what_goes_is_on_disk_first(void **state)
{
    struct stage *s = *state;

    empty(s);
    memset(&order, 0, sizeof order);
    begin(s);
    (void)audit_log_open(&s->log);
    for (unsigned int i = 0; i < 60; i++)
        (void)add(s, false);
    audit_log_free(&s->log);
    assert_in_range(order.names, 4, 60);
    assert_int_equal(order.early, 0);
}

/* kill -9, at any time of a process that does nothing but rotate and delete. */
static void fifty_kills(void **state)
{
    struct stage *s = *state;
    size_t turns = 0;

    empty(s);
    srandom(104);
    for (unsigned int i = 1; i <= 50; i++) {
        uint64_t before = shared->acknowledged;
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
            begin(s);
            (void)audit_log_open(&s->log);
            for (;;)
                (void)put(s);
        }
        while (*(volatile uint64_t *)&shared->acknowledged < before + 3)
            (void)usleep(100);
        (void)usleep((useconds_t)(random() % 8000));
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        begin(s);
        turns += s->log.shelf.count;
        assert_true(audit_log_open(&s->log));
        judge(s, "a kill", i);
        audit_log_free(&s->log);
    }
    assert_true(turns > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_end_at_every_call),
        T(every_call_fails),
        T(what_goes_is_on_disk_first),
        T(fifty_kills),
    };

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
