/* Recordings as audit writes them: what is in the files, when they end, and that every
 * APDU is in a file or counted as lost, whatever call fails and wherever the process
 * ends.
 *
 * The linker leads the calls here first (--wrap, see the Makefile). */
#include "proxy/audit_tally.h"
#include "proxy/audit_verify.h"
#include "proxy/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE_MS 60000u

/* ---- calls that go wrong, of the recordings alone ---- */

enum how { GOOD, FAIL, HALF, END_BEFORE, END_AFTER };

static struct {
    bool on;
    enum how how;
    unsigned int count, from, to;
    int error;
    unsigned int used; /* percent of the disk; 0: as it is */
    uint64_t mono_ms;
    bool unsynced;      /* the last call for a recording was a write */
    unsigned int early; /* names given then */
} world;

static const struct audit_log *the_log;

static enum how now(bool ours)
{
    if (!world.on || !ours)
        return GOOD;
    world.count++;
    if (world.count < world.from || world.count > world.to)
        return GOOD;
    errno = world.error;
    if (world.how == END_BEFORE)
        _exit(0);
    /* What is written by half does not get better. */
    return world.how == HALF && world.count > world.from ? FAIL : world.how;
}

static bool not_the_log(int fd)
{
    return fd > 2 && fd != the_log->file.fd;
}

static bool a_recording(const char *name)
{
    return strstr(name, RECORDING_SUFFIX) != NULL;
}

#define WRAP(name, parameters, arguments, ours)                                          \
    int __real_##name parameters;                                                        \
    int __wrap_##name parameters;                                                        \
    int __wrap_##name parameters                                                         \
    {                                                                                    \
        enum how how = now(ours);                                                        \
        int result = how == FAIL ? -1 : __real_##name arguments;                         \
                                                                                         \
        if (how == END_AFTER)                                                            \
            _exit(0);                                                                    \
        return result;                                                                   \
    }

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker asks for these names */
static bool synced(int fd)
{
    world.unsynced = world.unsynced && !not_the_log(fd);
    return not_the_log(fd);
}

static bool named(const char *from)
{
    world.early += a_recording(from) && world.unsynced;
    return a_recording(from);
}

WRAP(fdatasync, (int fd), (fd), synced(fd))
WRAP(ftruncate, (int fd, off_t size), (fd, size), not_the_log(fd))
WRAP(unlinkat, (int fd, const char *name, int flags), (fd, name, flags),
     a_recording(name))
WRAP(renameat2,
     (int from_fd, const char *from, int to_fd, const char *to, unsigned int flags),
     (from_fd, from, to_fd, to, flags), named(from))

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    enum how how = now(not_the_log(fd));
    ssize_t result;

    world.unsynced = world.unsynced || not_the_log(fd);
    if (how == FAIL)
        return -1;
    result = __real_write(fd, p, how == HALF && n > 1 ? n / 2 : n);
    if (how == END_AFTER)
        _exit(0);
    return result;
}

int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...)
{
    enum how how = now(a_recording(name));
    int result = how == FAIL ? -1 : __real_openat(fd, name, flags, 0640);

    if (how == END_AFTER)
        _exit(0);
    return result;
}

int __real_fstatfs(int fd, struct statfs *out);
int __wrap_fstatfs(int fd, struct statfs *out);
int __wrap_fstatfs(int fd, struct statfs *out)
{
    (void)fd;
    memset(out, 0, sizeof *out);
    out->f_blocks = 100;
    out->f_bfree = out->f_bavail = 100 - world.used;
    return 0;
}

uint64_t __wrap_audit_time_mono_ms(void);
uint64_t __wrap_audit_time_mono_ms(void)
{
    return world.mono_ms;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- the stage ---- */

#define ROUTES 3u

struct stage {
    char dir[64];
    int dir_fd;
    struct audit_log log;
    struct audit_config config;
    struct recordings r;
    uint64_t sent; /* APDUs, those that a gate had dropped included */
    uint64_t apdus;
};

static struct audit_route routes[ROUTES] = {
    {.name = "a", .recorded = true}, {.name = "b"}, {.name = "c.1", .recorded = true}};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    assert_non_null(s);
    memset(&world, 0, sizeof world);
    world.mono_ms = MINUTE_MS;
    (void)snprintf(s->dir, sizeof s->dir, "%s/gate104-recordings-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(s->dir));
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    recording_settings_default(&s->config.recording);
    s->config.recording.size = RECORDING_SIZE_MIN;
    s->config.route_count = ROUTES;
    s->config.route = routes;
    *state = s;
    return 0;
}

static void empty(const struct stage *s)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s/*", s->dir);
    assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
    struct stage *s = *state;

    world.on = false;
    empty(s);
    assert_int_equal(rmdir(s->dir), 0);
    (void)close(s->dir_fd);
    free(s);
    return 0;
}

static void begin(struct stage *s)
{
    static const struct audit_place place = {.boot = "00000000"};
    int keep;

    assert_true(audit_log_init(&s->log, s->dir_fd, &place, "audit-0"));
    assert_true(audit_shelf_scan(&s->log.shelf, s->dir_fd));
    s->log.place.route_count = ROUTES;
    s->log.place.route = routes;
    the_log = &s->log;
    assert_true(audit_log_open(&s->log));
    assert_true(recordings_init(&s->r, &s->log, &s->config, s->dir_fd, &keep));
    assert_int_equal(keep, s->r.dir_fd);
    s->sent = 0;
}

static void end(struct stage *s)
{
    recordings_stop(&s->r);
    assert_true(audit_log_close(&s->log));
    recordings_free(&s->r);
    audit_log_free(&s->log);
}

static void keep(struct stage *s)
{
    assert_true(audit_log_commit(&s->log));
    audit_space_check(&s->log);
    for (unsigned int i = 0; i < 100 && recordings_step(&s->r); i++)
        ;
}

/* ---- a gate ---- */

static const struct msg_endpoint master = {4, 0, 40000, {10, 0, 0, 1}};
static const struct msg_endpoint station = {4, 0, 2404, {10, 0, 0, 2}};

static size_t message(struct stage *s, uint16_t route, unsigned int apdus,
                      uint8_t payload[IMSG_PAYLOAD_MAX])
{
    const struct msg_recorded head = {
        .session = 7, .master = master, .station = station, .route = route};
    uint8_t octets[20] = {0x68, 18};
    size_t n = sizeof head;

    memcpy(payload, &head, sizeof head);
    for (unsigned int i = 0; i < apdus; i++) {
        const struct recorded_apdu a = {.utc_us = 1000000 + s->apdus,
                                        .leg = (uint8_t)(i % 2),
                                        .sent = i % 4 > 1,
                                        .octets = octets,
                                        .size = sizeof octets};

        s->apdus++;
        memcpy(octets + 6, &s->apdus, sizeof s->apdus);
        n = recorded_put(payload, n, &a);
        assert_true(n > 0);
    }
    s->sent += apdus;
    return n;
}

static enum imsg_status send_as(struct stage *s, const uint8_t *payload, size_t n,
                                uint32_t gate)
{
    struct imsg_channel ch = {.fd = -1, .peer = ROLE_GATE, .peer_id = gate};
    struct recorded_credit credit = {0, 0};
    static struct imsg m;
    enum imsg_status status;

    m.type = MSG_RECORDED;
    m.len = n;
    memcpy(m.payload, payload, n);
    status = recordings_take(&s->r, &credit, &ch, &m);
    assert_int_equal(credit.taken, status == IMSG_OK ? 1 : 0);
    return status;
}

static void send_apdus(struct stage *s, uint16_t route, unsigned int apdus)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];
    size_t n = message(s, route, apdus, payload);

    assert_int_equal(send_as(s, payload, n, 0), IMSG_OK);
}

static void send_dropped(struct stage *s, uint16_t route, uint32_t count)
{
    const struct msg_recorded head = {.route = route, .dropped = {count, 2 * count}};

    s->sent += 3u * count;
    assert_int_equal(send_as(s, (const uint8_t *)&head, sizeof head, 0), IMSG_OK);
}

/* ---- what the log says ---- */

struct sum {
    uint64_t files, written, lost, deleted;
    unsigned int why_size, why_interval, why_disk, why_error, why_stop, why_unfinished;
    unsigned int gaps, overs;
};

static bool has(const char *line, const char *word)
{
    return strstr(line, word) != NULL;
}

static void add_line(struct sum *t, const char *line, size_t n)
{
    uint64_t count = 0, lost = 0;
    const bool recorded = has(line, "\"event\":\"log.recorded\"");
    const bool gap = has(line, "\"event\":\"log.recording-gap\"");

    if (!recorded && !gap)
        return;
    (void)audit_member_number(line, n, "count", &count);
    (void)audit_member_number(line, n, "lost", &lost);
    t->written += count;
    t->lost += lost;
    if (gap) {
        t->gaps++;
        t->overs += has(line, "\"why\":\"over\"");
        return;
    }
    t->files++;
    t->deleted += has(line, "\"why\":\"deleted\"");
    t->why_size += has(line, "\"why\":\"size\"");
    t->why_interval += has(line, "\"why\":\"interval\"");
    t->why_disk += has(line, "\"why\":\"disk\"");
    t->why_error += has(line, "\"why\":\"error\"");
    t->why_stop += has(line, "\"why\":\"stop\"");
    t->why_unfinished += has(line, "\"why\":\"unfinished\"");
}

static void read_log(const struct stage *s, struct sum *t)
{
    static char line[AUDIT_LINE_MAX + 1];
    char path[128];
    FILE *in;

    memset(t, 0, sizeof *t);
    (void)snprintf(path, sizeof path, "%s/gate104.jsonl", s->dir);
    in = fopen(path, "re");
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        add_line(t, line, strlen(line));
    (void)fclose(in);
}

static uint64_t files_in_folder(const struct stage *s)
{
    char path[128];
    const struct dirent *e;
    uint64_t n = 0;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%s/" RECORDING_FOLDER, s->dir);
    dir = opendir(path);
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL)
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

/* The log is whole, and each file is what it says. */
static void judge(const struct stage *s, const char *what, unsigned int at)
{
    static struct audit_verdict v;
    const struct audit_verify_options o = {.n_keys = 0};

    audit_verify_path(s->dir, &o, &v);
    if (v.state != AUDIT_STATE_OK)
        fail_msg("%s, call %u: %s", what, at, v.why);
    if (v.recordings.named != files_in_folder(s))
        fail_msg("%s, call %u: the log does not tell of each file", what, at);
}

static void all_accounted(const struct stage *s, const char *what, unsigned int at)
{
    struct sum t;

    judge(s, what, at);
    read_log(s, &t);
    if (t.written + t.lost != s->sent)
        fail_msg("%s, call %u: %llu sent, %llu in files, %llu lost", what, at,
                 (unsigned long long)s->sent, (unsigned long long)t.written,
                 (unsigned long long)t.lost);
}

/* ---- tests ---- */

static void what_is_sent_is_in_files(void **state)
{
    struct stage *s = *state;
    struct sum t;

    begin(s);
    for (unsigned int i = 0; i < 100; i++) {
        send_apdus(s, i % 2 ? 0 : 2, 20);
        assert_true(audit_log_commit(&s->log));
        recordings_turn(&s->r);
    }
    send_dropped(s, 0, 5);
    end(s);
    all_accounted(s, "nothing wrong", 0);
    read_log(s, &t);
    assert_int_equal(t.written, 2000);
    assert_int_equal(t.lost, 15);
    assert_true(t.why_size >= 2);
    assert_int_equal(t.why_stop, 2);
    assert_int_equal(t.gaps, 0);
    assert_int_equal(world.early, 0);
}

static void who_may_not_is_refused(void **state)
{
    struct stage *s = *state;
    uint8_t payload[IMSG_PAYLOAD_MAX];
    size_t n;

    begin(s);
    n = message(s, 0, 2, payload);
    assert_int_equal(send_as(s, payload, n, 1), IMSG_BAD); /* another gate's route */
    assert_int_equal(send_as(s, payload, n - 1, 0), IMSG_BAD);
    assert_int_equal(send_as(s, payload, sizeof(struct msg_recorded), 0), IMSG_BAD);
    n = message(s, 1, 2, payload); /* is not recorded */
    assert_int_equal(send_as(s, payload, n, 0), IMSG_BAD);
    n = message(s, ROUTES, 2, payload);
    assert_int_equal(send_as(s, payload, n, 0), IMSG_BAD);
    end(s);
}

static void files_end_by_age(void **state)
{
    struct stage *s = *state;
    struct sum t;

    begin(s);
    send_apdus(s, 0, 1);
    world.mono_ms += 86399 * 1000u;
    keep(s);
    read_log(s, &t);
    assert_int_equal(t.files, 0);
    world.mono_ms += 1000u;
    keep(s);
    read_log(s, &t);
    assert_int_equal(t.why_interval, 1);
    world.mono_ms += 2 * 86400 * 1000u;
    keep(s); /* an empty one is not begun */
    read_log(s, &t);
    assert_int_equal(t.files, 1);
    end(s);
    all_accounted(s, "age", 0);
}

static void the_oldest_go(void **state)
{
    struct stage *s = *state;
    struct sum t;

    s->config.recording.retain_size = 4 * RECORDING_SIZE_MIN;
    begin(s);
    for (unsigned int i = 0; i < 400; i++) {
        send_apdus(s, 0, 20);
        keep(s);
        if (s->r.finished.octets + s->r.route[0]->file.size >
            5 * (uint64_t)RECORDING_SIZE_MIN)
            fail_msg("too much is kept");
    }
    end(s);
    judge(s, "retention", 0);
    read_log(s, &t);
    assert_true(t.deleted >= 5 && t.why_size - t.deleted >= 3);
}

static void a_full_disk_ends_it_first(void **state)
{
    struct stage *s = *state;
    struct sum t;

    begin(s);
    send_apdus(s, 0, 10);
    world.used = 80;
    keep(s);
    assert_int_equal(s->log.space.level, LOG_PRESSURE_ALARM);
    send_apdus(s, 0, 10);
    send_dropped(s, 2, 1);
    keep(s);
    read_log(s, &t);
    assert_int_equal(t.why_disk, 1);
    assert_int_equal(t.gaps, 1);
    assert_int_equal(t.written, 10);
    world.used = 50;
    keep(s);
    read_log(s, &t);
    assert_int_equal(t.overs, 1);
    assert_int_equal(t.lost, 13);
    send_apdus(s, 0, 10);
    world.used = 99;
    /* Without anybody who looks now and then: it looks itself. */
    for (unsigned int i = 0; i < 200; i++) {
        send_apdus(s, 0, 60);
        assert_true(audit_log_commit(&s->log));
        recordings_turn(&s->r);
    }
    assert_int_equal(s->r.halt, RECORDING_DISK);
    end(s);
    all_accounted(s, "a full disk", 0);
}

/* Long enough for files to begin, to end and to be deleted. */
static void run(struct stage *s)
{
    begin(s);
    world.on = true;
    for (unsigned int i = 0; i < 60; i++) {
        send_apdus(s, i % 3 ? 0 : 2, 40);
        if (i % 10 == 0)
            send_dropped(s, 2, 1);
        keep(s);
        if (i == 30)
            world.mono_ms += 2 * MINUTE_MS;
    }
    keep(s);
    world.on = false;
    for (unsigned int i = 0; i < 3; i++) {
        world.mono_ms += 2 * MINUTE_MS;
        keep(s);
    }
}

static unsigned int calls_of_a_run(struct stage *s)
{
    world.from = world.to = 0;
    world.count = 0;
    run(s);
    end(s);
    all_accounted(s, "a good run", 0);
    empty(s);
    assert_true(world.count > 50);
    return world.count;
}

static void every_call_fails(void **state)
{
    static const struct {
        enum how how;
        int error;
        unsigned int times;
    } faults[] = {{FAIL, EIO, 1}, {FAIL, ENOSPC, 4}, {HALF, ENOSPC, 2}, {HALF, EIO, 3}};
    struct stage *s = *state;

    s->config.recording.retain_size = 4 * RECORDING_SIZE_MIN;
    const unsigned int calls = calls_of_a_run(s);

    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (unsigned int at = 1; at <= calls; at++) {
            world.how = faults[f].how;
            world.error = faults[f].error;
            world.count = 0;
            world.from = at;
            world.to = at + faults[f].times - 1;
            run(s);
            end(s);
            all_accounted(s, strerror(faults[f].error), at);
            empty(s);
        }
    }
}

static void an_end_at_every_call(void **state)
{
    struct stage *s = *state;
    const unsigned int calls = calls_of_a_run(s);

    for (enum how how = END_BEFORE; how <= END_AFTER; how++) {
        for (unsigned int at = 1; at <= calls; at++) {
            int status;
            pid_t pid = fork();

            assert_true(pid >= 0);
            if (pid == 0) {
                world.how = how;
                world.count = 0;
                world.from = world.to = at;
                run(s);
                _exit(1);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            begin(s);
            keep(s);
            if (s->r.left_open.count > 0)
                fail_msg("call %u: a file is left open", at);
            send_apdus(s, 0, 3);
            end(s);
            judge(s, "an end", at);
            empty(s);
        }
    }
}

/* The hash is taken of what is there, not of what once was. */
static void what_was_left_open(void **state)
{
    struct stage *s = *state;
    char path[200];
    struct sum t;

    begin(s);
    send_apdus(s, 0, 3);
    (void)snprintf(path, sizeof path, "%s/recordings/%s.open", s->dir,
                   s->r.route[0]->file.name);
    assert_true(audit_log_commit(&s->log));
    recordings_free(&s->r);
    audit_log_free(&s->log);
    assert_int_equal(truncate(path, 500), 0);
    begin(s);
    keep(s);
    assert_int_not_equal(access(path, F_OK), 0);
    end(s);
    judge(s, "left open", 0);
    read_log(s, &t);
    assert_int_equal(t.why_unfinished, 1);
}

/* Nothing is followed, nothing is overwritten. */
static void links_in_the_folder(void **state)
{
    struct stage *s = *state;
    char path[200];
    struct stat st;

    begin(s);
    recordings_free(&s->r);
    audit_log_free(&s->log);
    (void)snprintf(path, sizeof path, "%s/recordings", s->dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_true(audit_log_init(&s->log, s->dir_fd, &s->log.place, "audit-0"));
    {
        int kept;

        assert_false(recordings_init(&s->r, &s->log, &s->config, s->dir_fd, &kept));
        recordings_free(&s->r);
    }
    audit_log_free(&s->log);
    assert_int_equal(lstat(path, &st), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_is_in_files),  TEST(who_may_not_is_refused),
        TEST(files_end_by_age),          TEST(the_oldest_go),
        TEST(a_full_disk_ends_it_first), TEST(every_call_fails),
        TEST(an_end_at_every_call),      TEST(what_was_left_open),
        TEST(links_in_the_folder),
    };

    return audit_hash_warm_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
