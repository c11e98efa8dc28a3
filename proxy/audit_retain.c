#include "proxy/audit_retain.h"

#include "proxy/audit_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SLICE    ((uint64_t)2 << 20)
#define AGAIN_MS 60000u
#define DAY_MS   86400000

/* The newest of them stays: a file that grew too large while it could not be turned over
 * would otherwise be gone at once, with all that has just been written. */
static bool too_much(const struct audit_log *l)
{
    const uint64_t most = l->files.retain_size;

    return most != 0 && l->shelf.count > 1 &&
           l->shelf.octets + l->file.written.size > most;
}

/* Of a file that was looked at. */
static bool too_old(const struct audit_log *l, const struct audit_old *old)
{
    int64_t days = l->files.retain_days;

    return days != 0 && old->utc_ms != 0 &&
           l->retain.calendar.utc_ms - old->utc_ms > days * DAY_MS;
}

static bool give_up(struct audit_log *l, const struct audit_old *old, const char *what)
{
    char name[AUDIT_OLD_NAME_SIZE];

    audit_shelf_name(old->first_seq, name);
    if (l->retain.failed_ms == 0)
        audit_log_say(l, "ALARM: %s cannot be deleted when it is due: %s: %s", name, what,
                      strerror(errno));
    l->retain.failed_ms = audit_time_mono_ms();
    return false;
}

/* Somebody else took it: the chain shows that, it is not made good here. */
static bool is_gone(struct audit_log *l, const struct audit_old *old)
{
    char name[AUDIT_OLD_NAME_SIZE];

    audit_shelf_name(old->first_seq, name);
    audit_log_say(l, "ALARM: %s is gone, and gate104 did not delete it", name);
    audit_shelf_drop_oldest(&l->shelf);
    return true;
}

/* A slice of the hash of a file that an earlier run has written. */
static bool hash_step(struct audit_log *l, struct audit_old *old)
{
    int fd = audit_shelf_open(l->file.dir_fd, old);
    bool done = fd >= 0 && audit_digest_advance(&l->retain.digest, fd, old->size, SLICE);
    int error = done ? 0 : errno;

    if (fd >= 0)
        (void)close(fd);
    if (done)
        old->hashed = audit_digest_end(&l->retain.digest, old->hash);
    errno = error;
    return error == 0 || give_up(l, old, "it cannot be read");
}

/* On disk before the file goes. */
static bool tell(struct audit_log *l, const struct audit_old *old)
{
    char name[AUDIT_OLD_NAME_SIZE];
    struct record r;

    if (l->retain.told_seq == old->first_seq)
        return true;
    audit_shelf_name(old->first_seq, name);
    record_begin(&r, EVENT_LOG_DELETED, 0, false);
    record_text(&r, RECORD_DETAIL, name);
    record_u64(&r, RECORD_SIZE, old->size);
    record_octets(&r, RECORD_SHA256, old->hash, sizeof old->hash);
    record_u64(&r, RECORD_COUNT, old->last_seq - old->first_seq + 1);
    record_u64(&r, RECORD_FIRST_SEQ, old->first_seq);
    record_u64(&r, RECORD_LAST_SEQ, old->last_seq);
    record_octets(&r, RECORD_LAST_SHA256, old->last_hash, sizeof old->last_hash);
    audit_log_add_own(l, &r);
    if (!audit_log_commit(l))
        return false;
    l->retain.told_seq = old->first_seq;
    return true;
}

static bool end(struct audit_log *l, const struct audit_old *old)
{
    char name[AUDIT_OLD_NAME_SIZE];

    audit_shelf_name(old->first_seq, name);
    if (!tell(l, old))
        return false;
    if (unlinkat(l->file.dir_fd, name, 0) != 0 && errno != ENOENT)
        return give_up(l, old, "deleting it");
    (void)fsync(l->file.dir_fd);
    audit_shelf_drop_oldest(&l->shelf);
    l->retain.failed_ms = 0;
    return true;
}

static bool may_go(struct audit_log *l)
{
    const struct audit_retain *r = &l->retain;

    if (l->shelf.count == 0 || l->batch_open || l->file.fd < 0 ||
        (l->files.retain_days == 0 && l->files.retain_size == 0))
        return false;
    return r->failed_ms == 0 || audit_time_mono_ms() - r->failed_ms >= AGAIN_MS;
}

bool audit_retain_step(struct audit_log *l)
{
    struct audit_old *old;

    (void)audit_calendar(&l->retain.calendar, audit_time_utc_ms(), audit_time_mono_ms());
    if (!may_go(l))
        return false;
    old = &l->shelf.old[0];
    if (!old->looked) {
        uint64_t before = old->size;

        if (!audit_shelf_look(l->file.dir_fd, old))
            return errno == ENOENT ? is_gone(l, old)
                                   : give_up(l, old, "its last record cannot be read");
        l->shelf.octets += old->size - before;
    }
    if (!too_much(l) && !too_old(l, old))
        return false;
    /* What has not left the machine yet stays. */
    if (old->last_seq >= l->retain.keep_from_seq)
        return false;
    return old->hashed ? end(l, old) : hash_step(l, old);
}
