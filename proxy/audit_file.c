#include "proxy/audit_file.h"

#include "proxy/audit_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void audit_file_init(struct audit_file *f, int dir_fd)
{
    memset(f, 0, sizeof *f);
    f->dir_fd = dir_fd;
    f->fd = -1;
}

void audit_file_close(struct audit_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

static bool fail(struct audit_file *f)
{
    f->error = errno;
    audit_file_close(f);
    return false;
}

/* The name in the directory, too: a new file is only there for sure after that. */
static bool sync_all(const struct audit_file *f)
{
    return fdatasync(f->fd) == 0 && fsync(f->dir_fd) == 0;
}

static bool open_named(struct audit_file *f)
{
    struct stat st;

    f->fd =
        openat(f->dir_fd, AUDIT_FILE_NAME,
               O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return fail(f);
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return fail(f);
    }
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->written.size = (uint64_t)st.st_size;
    return true;
}

bool audit_file_open(struct audit_file *f, struct audit_found *found)
{
    memset(found, 0, sizeof *found);
    f->written = f->base;
    if (!open_named(f) || !audit_recover_tail(f->dir_fd, f->fd, &f->written, found))
        return fail(f);
    if (found->kind == AUDIT_FOUND_DAMAGED) {
        audit_file_close(f);
        f->written = f->base;
        if (!open_named(f) || f->written.size != 0)
            return fail(f);
    }
    if (!sync_all(f))
        return fail(f);
    f->synced = f->written;
    f->unsynced = 0;
    f->error = 0;
    f->dirty = false;
    return true;
}

/* The chain goes on in any case: a reader of the file then sees where it was broken. */
static bool adopt_different(struct audit_file *f, const struct audit_position *known,
                            struct audit_found *found)
{
    struct audit_position there = {.size = f->written.size};

    if (!audit_recover_tail(f->dir_fd, f->fd, &there, found))
        return false;
    if (found->kind == AUDIT_FOUND_DAMAGED) {
        /* It has another name now. */
        audit_file_close(f);
        if (!open_named(f))
            return false;
        there.size = f->written.size;
    } else if (found->kind != AUDIT_FOUND_TORN) {
        found->kind = AUDIT_FOUND_DIFFERENT;
    }
    f->written = *known;
    f->written.size = there.size;
    return true;
}

/* The file as it was left; what stands behind the known part is ours and given up, or
 * came from somebody else and is put aside. */
static bool cut_back(struct audit_file *f, const struct audit_position *known,
                     struct audit_found *found)
{
    uint64_t size = f->written.size;
    bool good = true;

    if (size > known->size && f->dirty)
        good = ftruncate(f->fd, (off_t)known->size) == 0;
    else if (size > known->size)
        good =
            audit_recover_cut(f->dir_fd, f->fd, known->size, size, known->seq + 1, found);
    if (good)
        f->written = *known;
    return good;
}

static bool take_up(struct audit_file *f, const struct audit_position *known,
                    struct audit_found *found)
{
    dev_t dev = f->dev;
    ino_t ino = f->ino;

    if (!open_named(f))
        return false;
    if (f->fresh)
        return cut_back(f, known, found);
    if (dev == f->dev && ino == f->ino &&
        audit_recover_matches(f->fd, f->written.size, known))
        return cut_back(f, known, found);
    return adopt_different(f, known, found);
}

bool audit_file_reopen(struct audit_file *f, struct audit_found *found)
{
    struct audit_position known = f->written;

    audit_file_close(f);
    memset(found, 0, sizeof *found);
    found->kind = AUDIT_FOUND_CHAIN;
    if (!take_up(f, &known, found) || !sync_all(f)) {
        (void)fail(f);
        f->written = known;
        return false;
    }
    f->synced = f->written;
    f->unsynced = 0;
    f->error = 0;
    f->dirty = false;
    f->fresh = false;
    return true;
}

/* Gives the octets taken. */
static size_t write_all(struct audit_file *f, const char *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = write(f->fd, p + done, n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            f->error = got < 0 ? errno : EIO;
            break;
        }
        done += (size_t)got;
    }
    return done;
}

bool audit_file_append(struct audit_file *f, const void *lines, size_t n,
                       uint64_t records, uint64_t seq,
                       const uint8_t prev[AUDIT_HASH_SIZE])
{
    size_t done;

    if (f->fd < 0)
        return false;
    done = write_all(f, lines, n);
    if (done < n) {
        /* Half a batch must not stay: none of its records was acknowledged, and the next
         * batch has the same numbers. */
        if (done > 0 && ftruncate(f->fd, (off_t)f->written.size) != 0) {
            f->dirty = true;
            audit_file_close(f);
        }
        return false;
    }
    f->written.size += n;
    f->written.seq = seq;
    memcpy(f->written.prev, prev, AUDIT_HASH_SIZE);
    f->unsynced += records;
    f->error = 0;
    return true;
}

bool audit_file_sync(struct audit_file *f, uint64_t *lost)
{
    *lost = 0;
    if (f->fd < 0)
        return f->written.size == f->synced.size;
    if (f->written.size == f->synced.size)
        return true;
    if (fdatasync(f->fd) == 0) {
        f->synced = f->written;
        f->unsynced = 0;
        return true;
    }
    (void)fail(f);
    f->dirty = true;
    /* The kernel may have dropped the dirty pages and call them clean: what was not on
     * disk before is not believed to be in the file. */
    *lost = f->unsynced;
    f->written = f->synced;
    f->unsynced = 0;
    return false;
}

bool audit_file_rotate(struct audit_file *f, const char *name)
{
    if (renameat2(f->dir_fd, AUDIT_FILE_NAME, f->dir_fd, name, RENAME_NOREPLACE) != 0) {
        f->error = errno;
        return false;
    }
    audit_file_close(f);
    f->base = f->written;
    f->base.size = 0;
    f->written = f->synced = f->base;
    f->fresh = true;
    /* Once more after the next file is made, where it must succeed. */
    (void)fsync(f->dir_fd);
    return true;
}

bool audit_file_intact(const struct audit_file *f)
{
    struct stat st;

    return f->fd >= 0 &&
           fstatat(f->dir_fd, AUDIT_FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == f->dev && st.st_ino == f->ino &&
           (uint64_t)st.st_size == f->written.size;
}
