#include "proxy/audit_recover.h"

#include "proxy/audit_envelope.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files put aside under one number; more are a fault that nobody looked after. */
#define ASIDE_TRIES 100u

static bool read_at(int fd, uint64_t from, char *buf, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, buf + done, n - done, (off_t)(from + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO;
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* The offset behind the last newline in front of `end`; 0 when there is none. */
static bool line_start(int fd, uint64_t end, uint64_t *start)
{
    char buf[4096];

    while (end > 0) {
        size_t n = end < sizeof buf ? (size_t)end : sizeof buf;
        const char *nl;

        if (!read_at(fd, end - n, buf, n))
            return false;
        nl = memrchr(buf, '\n', n);
        if (nl) {
            *start = end - n + (uint64_t)(nl - buf) + 1;
            return true;
        }
        end -= n;
    }
    *start = 0;
    return true;
}

bool audit_recover_last(int fd, uint64_t end, struct audit_position *pos,
                        struct audit_envelope *e)
{
    char line[AUDIT_LINE_MAX];
    uint64_t start = 0;
    size_t n;

    if (end > 0 && !line_start(fd, end - 1, &start))
        return false;
    errno = EBADMSG;
    if (end == 0 || end - start > sizeof line)
        return false;
    n = (size_t)(end - start);
    if (!read_at(fd, start, line, n))
        return false;
    errno = EBADMSG;
    if (audit_envelope_parse(line, n, e) || !audit_hash(line, n, pos->prev))
        return false;
    pos->seq = e->seq;
    return true;
}

bool audit_recover_first(int fd, uint64_t size, struct audit_envelope *e)
{
    char line[AUDIT_LINE_MAX];
    size_t n = size < sizeof line ? (size_t)size : sizeof line;
    const char *nl;

    if (!read_at(fd, 0, line, n))
        return false;
    nl = memchr(line, '\n', n);
    return nl && !audit_envelope_parse(line, (size_t)(nl - line) + 1, e);
}

static bool last_record(int fd, uint64_t end, struct audit_position *pos)
{
    struct audit_envelope e;

    return audit_recover_last(fd, end, pos, &e);
}

/* ---- putting aside ---- */

static bool copy_range(int from_fd, uint64_t from, uint64_t to, int to_fd)
{
    char buf[4096];

    while (from < to) {
        size_t n = to - from < sizeof buf ? (size_t)(to - from) : sizeof buf;

        if (!read_at(from_fd, from, buf, n))
            return false;
        for (size_t done = 0; done < n;) {
            ssize_t put = write(to_fd, buf + done, n - done);

            if (put < 0 && errno == EINTR)
                continue;
            if (put < 0)
                return false;
            done += (size_t)put;
        }
        from += n;
    }
    return fsync(to_fd) == 0;
}

static void aside_name(char *out, size_t cap, const char *what, uint64_t number,
                       unsigned int tries)
{
    if (tries == 0)
        (void)snprintf(out, cap, "%s-%" PRIu64 ".jsonl", what, number);
    else
        (void)snprintf(out, cap, "%s-%" PRIu64 "-%u.jsonl", what, number, tries);
}

static int create_aside(int dir_fd, uint64_t number, struct audit_found *found)
{
    for (unsigned int i = 0; i < ASIDE_TRIES; i++) {
        int fd;

        aside_name(found->name, sizeof found->name, "torn", number, i);
        fd = openat(dir_fd, found->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

bool audit_recover_cut(int dir_fd, int fd, uint64_t from, uint64_t to, uint64_t number,
                       struct audit_found *found)
{
    int out = create_aside(dir_fd, number, found);
    bool good;

    if (out < 0)
        return false;
    good = copy_range(fd, from, to, out) && audit_hash_range(fd, from, to, found->hash) &&
           fsync(dir_fd) == 0;
    (void)close(out);
    if (!good || ftruncate(fd, (off_t)from) != 0) {
        int why = errno;

        (void)unlinkat(dir_fd, found->name, 0);
        errno = why;
        return false;
    }
    found->kind = AUDIT_FOUND_TORN;
    found->size = to - from;
    return true;
}

bool audit_recover_aside(int dir_fd, const char *name, int fd, uint64_t size,
                         struct audit_found *found)
{
    if (!audit_hash_range(fd, 0, size, found->hash))
        return false;
    for (unsigned int i = 1; i <= ASIDE_TRIES; i++) {
        aside_name(found->name, sizeof found->name, "damaged", i, 0);
        if (renameat2(dir_fd, name, dir_fd, found->name, RENAME_NOREPLACE) == 0) {
            found->kind = AUDIT_FOUND_DAMAGED;
            found->size = size;
            return true;
        }
        if (errno != EEXIST)
            return false;
    }
    return false;
}

bool audit_recover_tail(int dir_fd, int fd, struct audit_position *pos,
                        struct audit_found *found)
{
    uint64_t size = pos->size;
    uint64_t end;

    found->kind = AUDIT_FOUND_NEW;
    if (size == 0)
        return true;
    if (!line_start(fd, size, &end))
        return false;
    if (end > 0 && !last_record(fd, end, pos))
        return audit_recover_aside(dir_fd, AUDIT_FILE_NAME, fd, size, found);
    if (end > 0)
        found->kind = AUDIT_FOUND_CHAIN;
    pos->size = end;
    return end == size || audit_recover_cut(dir_fd, fd, end, size, pos->seq + 1, found);
}

bool audit_recover_matches(int fd, uint64_t size, const struct audit_position *known)
{
    struct audit_position there = {.size = known->size};

    if (size < known->size)
        return false;
    if (known->size == 0)
        return true;
    return last_record(fd, known->size, &there) && there.seq == known->seq &&
           memcmp(there.prev, known->prev, AUDIT_HASH_SIZE) == 0;
}
