#include "proxy/audit_rotate.h"

#include "proxy/audit_log.h"
#include "proxy/audit_recover.h"
#include "proxy/audit_time.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hashed at a time: what a command may wait for. */
#define SLICE ((uint64_t)2 << 20)
/* After a rotation that did not work the log goes on as it was for this long. */
#define AGAIN_MS 60000u

/* The seal at the end of a file: rotation is one of its occasions. */
static bool seal(struct audit_log *l)
{
    return audit_log_seal(l, "rotate");
}

/* ---- at the start ---- */

static bool put_aside(struct audit_log *l, const struct audit_old *old,
                      struct audit_found *found)
{
    char name[AUDIT_OLD_NAME_SIZE];
    struct stat st;
    int fd = audit_shelf_open(l->file.dir_fd, old);
    bool good;

    audit_shelf_name(old->first_seq, name);
    good = fd >= 0 && fstat(fd, &st) == 0 &&
           audit_recover_aside(l->file.dir_fd, name, fd, (uint64_t)st.st_size, found);
    if (fd >= 0)
        (void)close(fd);
    return good;
}

bool audit_turn_base(struct audit_log *l, struct audit_found *found)
{
    struct audit_shelf *shelf = &l->shelf;

    memset(found, 0, sizeof *found);
    memset(&l->file.base, 0, sizeof l->file.base);
    while (shelf->count > 0) {
        struct audit_old *newest = &shelf->old[shelf->count - 1];
        uint64_t before = newest->size;

        if (audit_shelf_look(l->file.dir_fd, newest)) {
            shelf->octets += newest->size - before;
            l->file.base.seq = newest->last_seq;
            memcpy(l->file.base.prev, newest->last_hash, AUDIT_HASH_SIZE);
            return true;
        }
        if (errno != ENOENT && (errno != EBADMSG || !put_aside(l, newest, found)))
            return false;
        audit_shelf_drop_newest(shelf);
    }
    return true;
}

/* Only after a start, and only if there was no file in use: a rotation knows the hash. */
static void hash_newest(struct audit_log *l)
{
    struct audit_old *newest = &l->shelf.old[l->shelf.count - 1];
    int fd;

    if (newest->hashed)
        return;
    fd = audit_shelf_open(l->file.dir_fd, newest);
    newest->hashed = fd >= 0 && audit_hash_range(fd, 0, newest->size, newest->hash);
    if (fd >= 0)
        (void)close(fd);
}

static uint64_t age_ms(const struct audit_log *l, const struct audit_envelope *e)
{
    int64_t age = audit_time_utc_ms() - audit_time_ms(e->time);
    int64_t most = (int64_t)l->files.rotate_interval_s * 1000;

    return age < 0 ? 0 : age < most ? (uint64_t)age : (uint64_t)most;
}

void audit_turn_look(struct audit_log *l)
{
    const struct audit_position *at = &l->file.written;
    struct audit_turn *t = &l->turn;
    uint64_t now = audit_time_mono_ms();
    struct audit_envelope e;

    audit_digest_reset(&t->digest);
    t->began_ms = now;
    if (at->size == 0) {
        t->first_seq = at->seq + 1;
        t->tell = l->shelf.count > 0;
        if (t->tell)
            hash_newest(l);
        return;
    }
    if (!audit_recover_first(l->file.fd, at->size, &e)) {
        t->first_seq = l->file.base.seq + 1;
        return;
    }
    t->first_seq = e.seq;
    t->began_ms = now - (age_ms(l, &e) < now ? age_ms(l, &e) : now);
}

bool audit_turn_record(const struct audit_log *l, struct record *r)
{
    const struct audit_old *newest;
    char name[AUDIT_OLD_NAME_SIZE];

    if (!l->turn.tell || l->shelf.count == 0)
        return false;
    newest = &l->shelf.old[l->shelf.count - 1];
    audit_shelf_name(newest->first_seq, name);
    record_begin(r, EVENT_LOG_ROTATED, 0, false);
    record_text(r, RECORD_DETAIL, name);
    record_u64(r, RECORD_SIZE, newest->size);
    if (newest->hashed)
        record_octets(r, RECORD_SHA256, newest->hash, sizeof newest->hash);
    return true;
}

/* ---- while it runs ---- */

static bool hash_all(struct audit_log *l, struct audit_old *old)
{
    if (audit_digest_advance(&l->turn.digest, l->file.fd, l->file.synced.size,
                             UINT64_MAX) &&
        audit_digest_end(&l->turn.digest, old->hash))
        return true;
    l->file.error = errno;
    return false;
}

static bool turn(struct audit_log *l)
{
    struct audit_old old = {.first_seq = l->turn.first_seq,
                            .looked = true,
                            .hashed = true,
                            .utc_ms = audit_time_utc_ms()};
    char name[AUDIT_OLD_NAME_SIZE];

    if (!audit_log_commit(l) || !seal(l) || !audit_log_sync(l) || l->file.fd < 0)
        return false;
    old.size = l->file.synced.size;
    old.last_seq = l->file.synced.seq;
    memcpy(old.last_hash, l->file.synced.prev, sizeof old.last_hash);
    audit_shelf_name(old.first_seq, name);
    if (!audit_shelf_reserve(&l->shelf)) {
        l->file.error = errno;
        return false;
    }
    if (!hash_all(l, &old) || !audit_file_rotate(&l->file, name))
        return false;
    audit_shelf_add(&l->shelf, &old);
    return true;
}

bool audit_rotate(struct audit_log *l)
{
    uint64_t failed = l->turn.failed_ms;

    l->turn.failed_ms = 0;
    if (turn(l)) {
        (void)audit_log_open(l);
        return true;
    }
    if (failed == 0)
        audit_log_say(l,
                      "ALARM: the log cannot go on in a new file, and goes on in the "
                      "old one: %s",
                      strerror(l->file.error));
    l->turn.failed_ms = audit_time_mono_ms();
    return false;
}

static bool is_due(const struct audit_log *l, uint64_t now)
{
    const struct files_settings *s = &l->files;
    const struct audit_position *at = &l->file.written;

    if (l->turn.failed_ms != 0 && now - l->turn.failed_ms < AGAIN_MS)
        return false;
    if (s->rotate_size != 0 && at->size >= s->rotate_size)
        return true;
    /* A file with its first record alone is as good as a new one. */
    return s->rotate_interval_s != 0 && at->seq > l->turn.first_seq &&
           now - l->turn.began_ms >= (uint64_t)s->rotate_interval_s * 1000u;
}

/* True once so much of the file is hashed that the rest may be waited for. */
static bool nearly_hashed(struct audit_log *l)
{
    struct audit_digest *d = &l->turn.digest;

    return l->file.synced.size - d->upto <= SLICE ||
           audit_digest_advance(d, l->file.fd, l->file.synced.size, SLICE);
}

void audit_rotate_due(struct audit_log *l)
{
    struct audit_turn *t = &l->turn;

    if (l->file.fd < 0 || l->batch_open)
        return;
    /* A new file could not be given a reserve. */
    if (l->space.reserve == LOG_RESERVE_USED || !is_due(l, audit_time_mono_ms()))
        (void)audit_digest_advance(&t->digest, l->file.fd, l->file.synced.size, SLICE);
    else if (nearly_hashed(l))
        (void)audit_rotate(l);
}

bool audit_rotate_now(struct audit_log *l)
{
    if (l->file.fd < 0 || l->batch_open || l->space.reserve == LOG_RESERVE_USED)
        return true;
    if (!nearly_hashed(l))
        return false;
    (void)audit_rotate(l);
    return true;
}
