#include "proxy/audit_space.h"

#include "proxy/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* A reserve that is not to be had whole is asked for in halves, down to this. */
#define RESERVE_LEAST 4096u
/* Percent that a level has to fall below its threshold to end. */
#define HYSTERESIS 2u

static const unsigned int threshold[] = {
    [LOG_PRESSURE_NONE] = 0,
    [LOG_PRESSURE_ALARM] = 80,
    [LOG_PRESSURE_THIN] = 90,
    [LOG_PRESSURE_REFUSE] = 95,
};

/* ---- the reserve ---- */

uint64_t audit_space_left(const struct audit_log *l)
{
    const struct audit_space *s = &l->space;

    return l->file.fd >= 0 && s->allocated_to > l->file.written.size
               ? s->allocated_to - l->file.written.size
               : 0;
}

/* True, or errno. */
static bool allocate(struct audit_log *l, uint64_t octets)
{
    if (fallocate(l->file.fd, FALLOC_FL_KEEP_SIZE, (off_t)l->file.written.size,
                  (off_t)octets) != 0)
        return false;
    l->space.allocated_to = l->file.written.size + octets;
    return true;
}

static void take_what_is_there(struct audit_log *l)
{
    for (uint64_t n = l->files.reserve / 2; n >= RESERVE_LEAST; n /= 2) {
        if (n <= audit_space_left(l) || allocate(l, n))
            return;
    }
}

void audit_space_forget(struct audit_log *l)
{
    l->space.known = false;
    l->space.allocated_to = 0;
}

static void refill(struct audit_log *l)
{
    struct audit_space *s = &l->space;

    if (allocate(l, l->files.reserve)) {
        s->reserve = LOG_RESERVE_WHOLE;
    } else if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
        s->reserve = LOG_RESERVE_USED;
        take_what_is_there(l);
    } else if (errno != EINTR) {
        if (s->reserve != LOG_RESERVE_IMPOSSIBLE)
            audit_log_say(l, "no reserve can be kept on this disk: %s", strerror(errno));
        s->reserve = LOG_RESERVE_IMPOSSIBLE;
    }
}

void audit_space_reserve(struct audit_log *l)
{
    struct audit_space *s = &l->space;

    if (l->files.reserve == 0 || l->file.fd < 0)
        return;
    if (s->known &&
        (s->reserve != LOG_RESERVE_WHOLE || audit_space_left(l) >= l->files.reserve / 2))
        return;
    s->known = true;
    refill(l);
}

/* ---- thresholds ---- */

enum log_pressure audit_space_level(enum log_pressure level, unsigned int used)
{
    while (level < LOG_PRESSURE_MAX && used >= threshold[level + 1])
        level++;
    while (level > LOG_PRESSURE_NONE && used + HYSTERESIS < threshold[level])
        level--;
    return level;
}

/* As df counts: blocks that only root may take are none. */
static bool look(struct audit_log *l)
{
    struct audit_space *s = &l->space;
    struct statfs fs;
    uint64_t taken;
    uint64_t all;
    bool good = fstatfs(l->file.dir_fd, &fs) == 0;

    if (!good && !s->blind)
        audit_log_say(l, "how full the disk of the log is cannot be read: %s",
                      strerror(errno));
    s->blind = !good;
    if (!good)
        return false;
    taken = (uint64_t)fs.f_blocks - (uint64_t)fs.f_bfree;
    all = taken + (uint64_t)fs.f_bavail;
    s->used = all == 0 ? 0 : (unsigned int)((100u * taken + all - 1) / all);
    return true;
}

static void tell(struct audit_log *l, bool worse, const char *why)
{
    static const char *const consequence[] = {
        [LOG_PRESSURE_NONE] = "all is recorded",
        [LOG_PRESSURE_ALARM] = "recordings stop, nothing else changes yet",
        [LOG_PRESSURE_THIN] = "values of points are only counted",
        [LOG_PRESSURE_REFUSE] = "commands are refused (monitor-only)",
    };
    const struct audit_space *s = &l->space;
    struct record r;

    audit_log_say(l, "%sthe disk of the log is full to %u %%%s: %s",
                  worse ? "ALARM: " : "", s->used,
                  s->told_used ? " and the reserve in use" : "", consequence[s->level]);
    record_begin(&r, worse ? EVENT_LOG_FILLING : EVENT_LOG_ROOM, 0, false);
    record_text(&r, RECORD_WHY, why);
    record_text(&r, RECORD_DETAIL, consequence[s->level]);
    record_u64(&r, RECORD_USED_PERCENT, s->used);
    audit_log_add_own(l, &r);
    (void)audit_log_commit(l);
}

static void tell_change(struct audit_log *l, enum log_pressure before, bool used_before)
{
    const struct audit_space *s = &l->space;
    bool worse = s->level > before || (s->level == before && s->told_used);
    char why[16] = "reserve";

    if (s->level == before && s->told_used == used_before)
        return;
    if (!s->told_used && s->level != before)
        (void)snprintf(why, sizeof why, "disk-%u", threshold[worse ? s->level : before]);
    tell(l, worse, why);
}

void audit_space_check(struct audit_log *l)
{
    struct audit_space *s = &l->space;
    const enum log_pressure before = s->level;
    const bool used_before = s->told_used;

    if (s->reserve == LOG_RESERVE_USED && l->file.fd >= 0)
        refill(l);
    s->told_used = s->reserve == LOG_RESERVE_USED;
    if (look(l))
        s->level = audit_space_level(before, s->used);
    if (s->told_used)
        s->level = LOG_PRESSURE_REFUSE;
    tell_change(l, before, used_before);
}
