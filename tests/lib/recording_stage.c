#include "tests/lib/recording_stage.h"

#include "proxy/audit_tally.h"
#include "proxy/audit_verify.h"

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
#include <unistd.h>

#include <cmocka.h>

/* ---- calls that go wrong, of the recordings alone ---- */

struct recording_world world;

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

static struct audit_route routes[ROUTES] = {
    {.name = "a", .recorded = true}, {.name = "b"}, {.name = "c.1", .recorded = true}};

int recording_stage_set_up(void **state)
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

void stage_empty(const struct stage *s)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s/*", s->dir);
    assert_int_equal(system(command), 0);
}

int recording_stage_tear_down(void **state)
{
    struct stage *s = *state;

    world.on = false;
    stage_empty(s);
    assert_int_equal(rmdir(s->dir), 0);
    (void)close(s->dir_fd);
    free(s);
    return 0;
}

void stage_begin(struct stage *s)
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

void stage_end(struct stage *s)
{
    recordings_stop(&s->r);
    assert_true(audit_log_close(&s->log));
    recordings_free(&s->r);
    audit_log_free(&s->log);
}

void stage_keep(struct stage *s)
{
    assert_true(audit_log_commit(&s->log));
    audit_space_check(&s->log);
    for (unsigned int i = 0; i < 100 && recordings_step(&s->r); i++)
        ;
}

/* ---- a gate ---- */

static const struct msg_endpoint master = {4, 0, 40000, {10, 0, 0, 1}};
static const struct msg_endpoint station = {4, 0, 2404, {10, 0, 0, 2}};

size_t stage_message(struct stage *s, uint16_t route, unsigned int apdus,
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

enum imsg_status stage_send_as(struct stage *s, const uint8_t *payload, size_t n,
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

void stage_send(struct stage *s, uint16_t route, unsigned int apdus)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];
    size_t n = stage_message(s, route, apdus, payload);

    assert_int_equal(stage_send_as(s, payload, n, 0), IMSG_OK);
}

void stage_send_dropped(struct stage *s, uint16_t route, uint32_t count)
{
    const struct msg_recorded head = {.route = route, .dropped = {count, 2 * count}};

    s->sent += 3u * count;
    assert_int_equal(stage_send_as(s, (const uint8_t *)&head, sizeof head, 0), IMSG_OK);
}

/* ---- what the log says ---- */

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

void stage_read_log(const struct stage *s, struct sum *t)
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

void stage_judge(const struct stage *s, const char *what, unsigned int at)
{
    static struct audit_verdict v;
    const struct audit_verify_options o = {.n_keys = 0};

    audit_verify_path(s->dir, &o, &v);
    if (v.state != AUDIT_STATE_OK)
        fail_msg("%s, call %u: %s", what, at, v.why);
    if (v.recordings.named != files_in_folder(s))
        fail_msg("%s, call %u: the log does not tell of each file", what, at);
}

void stage_accounted(const struct stage *s, const char *what, unsigned int at)
{
    struct sum t;

    stage_judge(s, what, at);
    stage_read_log(s, &t);
    if (t.written + t.lost != s->sent)
        fail_msg("%s, call %u: %llu sent, %llu in files, %llu lost", what, at,
                 (unsigned long long)s->sent, (unsigned long long)t.written,
                 (unsigned long long)t.lost);
}
