#include "proxy/audit_follow.h"

#include "proxy/audit_file.h"
#include "proxy/audit_recover.h"
#include "proxy/audit_shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void audit_follow_init(struct audit_follow *f, int dir_fd)
{
    memset(f, 0, sizeof *f);
    f->dir_fd = dir_fd;
    f->fd = -1;
}

void audit_follow_close(struct audit_follow *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    f->begin = f->end = 0;
    f->stable = 0;
}

void audit_follow_seek(struct audit_follow *f, const struct audit_place_in_log *at)
{
    audit_follow_close(f);
    f->at = *at;
    f->missing = 0;
}

/* ---- finding files ---- */

static int open_named(const struct audit_follow *f, const char *name)
{
    int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static int open_rotated(const struct audit_follow *f, uint64_t first)
{
    char name[AUDIT_OLD_NAME_SIZE];

    audit_shelf_name(first, name);
    return open_named(f, name);
}

/* The number of a file's first record; 0: it has none yet. */
static uint64_t first_of(int fd)
{
    char line[AUDIT_LINE_MAX];
    struct audit_envelope e;
    ssize_t n = pread(fd, line, sizeof line, 0);
    const char *nl = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

    if (!nl || audit_envelope_parse(line, (size_t)(nl + 1 - line), &e))
        return 0;
    return e.seq;
}

/* Opens the file with the smallest first number that is not below `want`; that number, or
 * 0 when there is none. */
static uint64_t open_from(struct audit_follow *f, uint64_t want)
{
    uint64_t first = want;
    int fd = open_rotated(f, want);

    audit_follow_close(f);
    if (fd < 0 && f->rotated) {
        first = f->rotated(f->ctx, want);
        fd = first > 0 ? open_rotated(f, first) : -1;
    }
    if (fd < 0) {
        fd = open_named(f, AUDIT_FILE_NAME);
        first = fd >= 0 ? first_of(fd) : 0;
    }
    if (first < want || first == 0) {
        if (fd >= 0)
            (void)close(fd);
        return 0;
    }
    f->fd = fd;
    return first;
}

/* ---- reading ---- */

static uint64_t read_from(const struct audit_follow *f)
{
    return f->at.offset + (f->end - f->begin);
}

/* True if something came. */
static bool fill(struct audit_follow *f, uint64_t limit)
{
    ssize_t n;

    memmove(f->buf, f->buf + f->begin, f->end - f->begin);
    f->end -= f->begin;
    f->begin = 0;
    f->stable = limit;
    do {
        n = pread(f->fd, f->buf + f->end, sizeof f->buf - f->end, (off_t)read_from(f));
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        f->end += (size_t)n;
    f->failed = n < 0;
    return n > 0;
}

/* The next line's octets, newline included, at most AUDIT_LINE_MAX + 1; 0: none is whole.
 */
static size_t next_octets(struct audit_follow *f, uint64_t limit)
{
    /* What was behind the limit then may have been taken back and written anew since. */
    if (f->at.seq >= f->stable)
        f->begin = f->end = 0;
    for (unsigned int tries = 0; tries < 2; tries++) {
        const size_t have = f->end - f->begin;
        const char *nl = memchr(f->buf + f->begin, '\n', have);

        if (nl)
            return (size_t)(nl + 1 - (f->buf + f->begin));
        if (have > AUDIT_LINE_MAX)
            return have; /* no line is that long */
        if (tries > 0 || !fill(f, limit))
            break;
    }
    return 0;
}

/* True: the file that has the place is open, at it. */
static bool resume(struct audit_follow *f)
{
    const struct audit_position known = {.size = f->at.offset, .seq = f->at.seq};
    struct audit_position end = known;
    struct stat st;

    if (f->at.first == 0 || open_from(f, f->at.first) != f->at.first)
        return false;
    memcpy(end.prev, f->at.hash, sizeof end.prev);
    return fstat(f->fd, &st) == 0 &&
           audit_recover_matches(f->fd, (uint64_t)st.st_size, &end);
}

/* The oldest file there is, if it is not the place's own chain that only has nothing more
 * yet. */
static enum audit_follow_result other_chain(struct audit_follow *f)
{
    uint64_t first;

    if (f->at.seq == 0 || resume(f))
        return AUDIT_FOLLOW_NONE;
    first = open_from(f, 1);
    if (first == 0)
        return AUDIT_FOLLOW_NONE;
    f->missing = 0;
    f->at = (struct audit_place_in_log){.first = first, .seq = first - 1};
    return AUDIT_FOLLOW_BREAK;
}

/* Opens what comes next.  LINE: it is open and may have one; BREAK: likewise, and it does
 * not go on where the last ended. */
static enum audit_follow_result open_next(struct audit_follow *f)
{
    const uint64_t last = f->at.seq;
    uint64_t first;

    if (f->fd < 0 && resume(f))
        return AUDIT_FOLLOW_LINE;
    first = open_from(f, last + 1);
    if (first == 0)
        return other_chain(f);
    f->at.first = first;
    f->at.offset = 0;
    if (last == 0 || first == last + 1)
        return AUDIT_FOLLOW_LINE;
    f->missing = first - last - 1;
    f->at.seq = first - 1;
    return AUDIT_FOLLOW_BREAK;
}

static enum audit_follow_result take_line(struct audit_follow *f, size_t n,
                                          struct audit_syslog_line *line)
{
    line->text = f->buf + f->begin;
    line->n = n;
    f->missing = 0;
    if (audit_envelope_parse(line->text, n, &line->head)) {
        f->begin += n;
        f->at.offset += n;
        return AUDIT_FOLLOW_BREAK;
    }
    if (f->at.seq > 0 && line->head.seq != f->at.seq + 1) {
        if (line->head.seq > f->at.seq)
            f->missing = line->head.seq - f->at.seq - 1;
        f->at.seq = line->head.seq - 1;
        return AUDIT_FOLLOW_BREAK;
    }
    (void)audit_hash(line->text, n, f->at.hash);
    f->at.seq = line->head.seq;
    f->at.offset += n;
    f->begin += n;
    return AUDIT_FOLLOW_LINE;
}

enum audit_follow_result audit_follow_next(struct audit_follow *f, uint64_t limit,
                                           struct audit_syslog_line *line)
{
    if (f->at.seq == limit || limit == 0)
        return AUDIT_FOLLOW_NONE;
    if (f->at.seq > limit) {
        audit_follow_close(f);
        return other_chain(f);
    }
    /* The file at hand, then the one behind it. */
    for (unsigned int tries = 0; tries < 2; tries++) {
        size_t n = f->fd >= 0 ? next_octets(f, limit) : 0;
        enum audit_follow_result opened;

        if (n > 0)
            return take_line(f, n, line);
        if (f->fd >= 0 && f->failed)
            return AUDIT_FOLLOW_NONE;
        opened = open_next(f);
        if (opened != AUDIT_FOLLOW_LINE)
            return opened;
    }
    return AUDIT_FOLLOW_NONE;
}
