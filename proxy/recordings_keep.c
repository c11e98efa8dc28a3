/* What becomes of recordings: they are closed and told of, stopped and begun again, and
 * the oldest go. */
#include "proxy/recordings.h"

#include "proxy/audit_line.h"
#include "proxy/audit_time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hashed at a time: what a command may wait for. */
#define SLICE ((uint64_t)2 << 20)
/* After something that did not work. */
#define AGAIN_MS 60000u
#define DAY_MS   86400000

/* ---- records ---- */

static void put_time(struct record *r, enum record_tag tag, uint64_t utc_us)
{
    const struct timespec at = {.tv_sec = (time_t)(utc_us / 1000000u),
                                .tv_nsec = (long)(utc_us % 1000000u) * 1000};
    char text[AUDIT_LINE_TIME_SIZE];

    audit_line_time(&at, text);
    record_text(r, tag, text);
}

static void begin(struct record *r, const char *why, const char *name, uint64_t size)
{
    char detail[sizeof RECORDING_FOLDER + RECORDING_NAME_MAX];

    (void)snprintf(detail, sizeof detail, RECORDING_FOLDER "/%s", name);
    record_begin(r, EVENT_RECORDED, 0, false);
    record_text(r, RECORD_WHY, why);
    record_text(r, RECORD_DETAIL, detail);
    record_u64(r, RECORD_SIZE, size);
}

/* True when it is on disk. */
static bool put(struct recordings *r, struct record *record)
{
    audit_log_add_own(r->log, record);
    return audit_log_commit(r->log);
}

static bool failed(struct recordings *r, const char *name, const char *what)
{
    if (r->failed_ms == 0)
        audit_log_say(r->log, "ALARM: recording %s cannot be %s: %s", name, what,
                      strerror(errno));
    r->failed_ms = audit_time_mono_ms();
    return false;
}

/* ---- a file's end ---- */

/* The log has told of it: it gets its name. */
static bool give_name(struct recordings *r, const struct recording_old *old)
{
    char open_name[RECORDING_OPEN_MAX];

    (void)snprintf(open_name, sizeof open_name, "%s" RECORDING_OPEN, old->name);
    if (renameat2(r->dir_fd, open_name, r->dir_fd, old->name, RENAME_NOREPLACE) != 0)
        return failed(r, old->name, "given its name");
    (void)fsync(r->dir_fd);
    recording_shelf_add(&r->finished, old);
    return true;
}

static void put_counts(struct record *r, const struct recording_old *old)
{
    record_u64(r, RECORD_COUNT, old->count);
    record_u64(r, RECORD_LOST, old->lost);
}

static bool tell_closed(struct recordings *r, size_t route,
                        const struct recording_file *f, const struct recording_old *old,
                        const char *why, const uint8_t hash[AUDIT_HASH_SIZE])
{
    struct record record;

    begin(&record, why, old->name, old->size);
    record_u64(&record, RECORD_ROUTE, route);
    record_octets(&record, RECORD_SHA256, hash, AUDIT_HASH_SIZE);
    put_counts(&record, old);
    put_time(&record, RECORD_FIRST_TIME, f->first_us);
    put_time(&record, RECORD_LAST_TIME, f->last_us);
    return put(r, &record);
}

/* Not even one APDU is in it. */
static void forget(struct recordings *r, struct recording_route *t,
                   struct recording_old *old)
{
    char open_name[RECORDING_OPEN_MAX];

    (void)snprintf(open_name, sizeof open_name, "%s" RECORDING_OPEN, t->file.name);
    for (unsigned int i = 0; i < RECORDED_LEGS; i++)
        t->gap[i] += (uint32_t)t->file.leg[i].lost;
    old->lost = 0;
    if (unlinkat(r->dir_fd, open_name, 0) != 0)
        recording_shelf_add(&r->left_open, old);
}

/* What cannot be told or named now is treated like what an earlier run left open. */
static void finish(struct recordings *r, size_t route, const char *why)
{
    struct recording_route *t = r->route[route];
    struct recording_old old = {.utc_ms = audit_time_utc_ms(), .counted = true};
    uint8_t hash[AUDIT_HASH_SIZE];
    bool good;

    t->due = false;
    if (t->file.fd < 0)
        return;
    good = recording_file_close(&t->file, hash);
    memcpy(old.name, t->file.name, sizeof old.name);
    old.size = t->file.size;
    old.count = t->file.leg[0].written + t->file.leg[1].written;
    old.lost = t->file.leg[0].lost + t->file.leg[1].lost;
    if (old.count == 0)
        forget(r, t, &old);
    old.told = old.count > 0 && good && tell_closed(r, route, &t->file, &old, why, hash);
    if (old.count > 0 && !(old.told && give_name(r, &old)))
        recording_shelf_add(&r->left_open, &old);
    recording_file_init(&t->file);
}

static const char *why_due(const struct recordings *r, const struct recording_file *f)
{
    if (r->halt != RECORDING_GOES_ON)
        return r->halt == RECORDING_DISK ? "disk" : "error";
    return f->size >= r->config->recording.size ? "size" : "interval";
}

/* ---- stop and go ---- */

static void tell_halt(struct recordings *r)
{
    struct record record;
    char detail[120];

    if (r->halt == RECORDING_DISK)
        (void)snprintf(detail, sizeof detail, "the disk of the log is full to %u %%",
                       r->log->space.used);
    else
        (void)snprintf(detail, sizeof detail, "a recording cannot be written: %s",
                       strerror(r->error));
    audit_log_say(r->log, "ALARM: no APDUs are recorded: %s", detail);
    record_begin(&record, EVENT_RECORDING_GAP, 0, false);
    record_text(&record, RECORD_WHY, r->halt == RECORDING_DISK ? "disk" : "error");
    record_text(&record, RECORD_DETAIL, detail);
    if (put(r, &record))
        r->told = r->halt;
}

static bool tell_lost(struct recordings *r, const char *why)
{
    struct record record;

    record_begin(&record, EVENT_RECORDING_GAP, 0, false);
    record_text(&record, RECORD_WHY, why);
    record_u64(&record, RECORD_LOST, r->lost);
    if (r->halt != RECORDING_GOES_ON)
        record_u64(&record, RECORD_DURATION_MS, audit_time_mono_ms() - r->halted_ms);
    return put(r, &record);
}

static void go_on(struct recordings *r)
{
    if (!tell_lost(r, "over"))
        return;
    audit_log_say(r->log, "APDUs are recorded again; %" PRIu64 " were not", r->lost);
    r->halt = r->told = RECORDING_GOES_ON;
    r->lost = 0;
}

static void look_at_disk(struct recordings *r)
{
    const bool full = r->log->space.level >= LOG_PRESSURE_ALARM;
    const uint64_t now = audit_time_mono_ms();

    if (full)
        recordings_halt(r, RECORDING_DISK, 0);
    if (r->halt != r->told && r->halt != RECORDING_GOES_ON)
        tell_halt(r);
    else if (r->halt != RECORDING_GOES_ON && !full &&
             (r->halt == RECORDING_DISK || now - r->halted_ms >= AGAIN_MS))
        go_on(r);
}

void recordings_turn(struct recordings *r)
{
    if (!r->due)
        return;
    r->due = false;
    if (r->unseen > 0) {
        r->unseen = 0;
        audit_space_check(r->log);
        look_at_disk(r);
    }
    for (size_t i = 0; i < r->config->route_count; i++) {
        struct recording_route *t = r->route[i];

        if (!t || !t->due)
            continue;
        /* One a round, so that nobody waits for all of them. */
        finish(r, i, why_due(r, &t->file));
        r->due = true;
        return;
    }
}

/* ---- now and then ---- */

static void note_old(struct recordings *r)
{
    const uint64_t interval = (uint64_t)r->config->recording.interval_s * 1000u;
    const uint64_t now = audit_time_mono_ms();

    for (size_t i = 0; i < r->config->route_count; i++) {
        struct recording_route *t = r->route[i];

        if (t && t->file.fd >= 0 && now - t->file.began_ms >= interval)
            t->due = r->due = true;
    }
}

/* As it was found: nobody knows what it should have been. */
static bool tell_left_open(struct recordings *r, struct recording_old *old)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    struct record record;

    if (!audit_digest_end(&r->digest, hash)) {
        errno = ENOMEM;
        return failed(r, old->name, "hashed");
    }
    begin(&record, "unfinished", old->name, old->size);
    record_octets(&record, RECORD_SHA256, hash, sizeof hash);
    if (old->counted)
        put_counts(&record, old);
    old->told = put(r, &record);
    return old->told;
}

static bool name_left_open(struct recordings *r, const struct recording_old *old)
{
    if (!give_name(r, old))
        return false;
    recording_shelf_drop_oldest(&r->left_open);
    return true;
}

/* Its size now.  False: the file is gone, or cannot be read. */
static bool measure(struct recordings *r, struct recording_old *old, const char *name)
{
    struct stat st;

    if (fstatat(r->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    r->left_open.octets += (uint64_t)st.st_size - old->size;
    old->size = (uint64_t)st.st_size;
    return true;
}

static bool hash_step(struct recordings *r)
{
    struct recording_old *old = &r->left_open.old[0];
    char open_name[RECORDING_OPEN_MAX];
    bool done;
    int error;
    int fd;

    if (old->told)
        return name_left_open(r, old);
    (void)snprintf(open_name, sizeof open_name, "%s" RECORDING_OPEN, old->name);
    fd =
        measure(r, old, open_name)
            ? openat(r->dir_fd, open_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
            : -1;
    /* Until the next start: it must not stand in the way of others. */
    if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == ELOOP)) {
        audit_log_say(r->log, "ALARM: recording %s, which was left open: %s", old->name,
                      strerror(errno));
        audit_digest_reset(&r->digest);
        recording_shelf_drop_oldest(&r->left_open);
        return true;
    }
    done = fd >= 0 && audit_digest_advance(&r->digest, fd, old->size, SLICE);
    error = done ? 0 : errno;
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    if (!done && error != 0)
        return failed(r, old->name, "read");
    return !done || tell_left_open(r, old);
}

static uint64_t octets(const struct recordings *r)
{
    uint64_t sum = r->finished.octets + r->left_open.octets;

    for (size_t i = 0; i < r->config->route_count; i++)
        sum += r->route[i] ? r->route[i]->file.size : 0;
    return sum;
}

static bool oldest_may_go(const struct recordings *r)
{
    const struct recording_settings *s = &r->config->recording;
    const int64_t age_ms =
        r->finished.count > 0 && r->log->retain.calendar.started
            ? r->log->retain.calendar.utc_ms - r->finished.old[0].utc_ms
            : 0;

    if (r->finished.count == 0)
        return false;
    return (s->retain_size != 0 && octets(r) > s->retain_size) ||
           (s->retain_days != 0 && age_ms > (int64_t)s->retain_days * DAY_MS);
}

/* Told before it is done. */
static bool delete_oldest(struct recordings *r)
{
    const struct recording_old *old = &r->finished.old[0];
    struct record record;

    begin(&record, "deleted", old->name, old->size);
    if (!put(r, &record))
        return false;
    if (unlinkat(r->dir_fd, old->name, 0) != 0 && errno != ENOENT)
        return failed(r, old->name, "deleted");
    (void)fsync(r->dir_fd);
    recording_shelf_drop_oldest(&r->finished);
    return true;
}

bool recordings_step(struct recordings *r)
{
    bool more = false;

    if (r->dir_fd < 0)
        return false;
    look_at_disk(r);
    note_old(r);
    recordings_turn(r);
    if (r->failed_ms != 0 && audit_time_mono_ms() - r->failed_ms < AGAIN_MS)
        return false;
    if (oldest_may_go(r))
        more = delete_oldest(r);
    else if (r->left_open.count > 0)
        more = hash_step(r);
    if (more)
        r->failed_ms = 0;
    return more;
}

void recordings_stop(struct recordings *r)
{
    for (size_t i = 0; r->dir_fd >= 0 && i < r->config->route_count; i++) {
        struct recording_route *t = r->route[i];

        if (!t)
            continue;
        finish(r, i, "stop");
        r->lost += (uint64_t)t->gap[0] + t->gap[1];
        memset(t->gap, 0, sizeof t->gap);
    }
    if (r->lost > 0 && tell_lost(r, "stop"))
        r->lost = 0;
}
