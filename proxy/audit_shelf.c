#include "proxy/audit_shelf.h"

#include "proxy/audit_recover.h"
#include "proxy/audit_time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 20u

static const char before[] = "gate104-";
static const char behind[] = ".jsonl";

void audit_shelf_name(uint64_t first_seq, char out[AUDIT_OLD_NAME_SIZE])
{
    (void)snprintf(out, AUDIT_OLD_NAME_SIZE, "%s%0*" PRIu64 "%s", before, (int)DIGITS,
                   first_seq, behind);
}

bool audit_shelf_is_name(const char *name, uint64_t *first_seq)
{
    const size_t lead = sizeof before - 1;
    char digits[DIGITS + 1];

    if (strlen(name) != AUDIT_OLD_NAME_SIZE - 1 || strncmp(name, before, lead) != 0 ||
        strspn(name + lead, "0123456789") != DIGITS ||
        strcmp(name + lead + DIGITS, behind) != 0)
        return false;
    memcpy(digits, name + lead, DIGITS);
    digits[DIGITS] = '\0';
    errno = 0;
    *first_seq = strtoull(digits, NULL, 10);
    return errno == 0;
}

/* ---- the list ---- */

/* Not by realloc: of something this large it takes a system call of its own. */
bool audit_shelf_reserve(struct audit_shelf *s)
{
    size_t room = s->room ? 2 * s->room : 64;
    struct audit_old *more;

    if (s->count < s->room)
        return true;
    errno = ENOSPC;
    if (s->count >= AUDIT_OLD_MAX)
        return false;
    more = calloc(room, sizeof *more);
    if (!more)
        return false;
    if (s->count > 0)
        memcpy(more, s->old, s->count * sizeof *more);
    free(s->old);
    s->old = more;
    s->room = room;
    return true;
}

void audit_shelf_add(struct audit_shelf *s, const struct audit_old *old)
{
    s->old[s->count++] = *old;
    s->octets += old->size;
}

void audit_shelf_drop_oldest(struct audit_shelf *s)
{
    s->octets -= s->old[0].size;
    s->count--;
    memmove(s->old, s->old + 1, s->count * sizeof *s->old);
}

void audit_shelf_drop_newest(struct audit_shelf *s)
{
    s->count--;
    s->octets -= s->old[s->count].size;
}

void audit_shelf_free(struct audit_shelf *s)
{
    free(s->old);
    memset(s, 0, sizeof *s);
}

/* ---- the folder ---- */

static bool add_named(struct audit_shelf *s, int dir_fd, const char *name)
{
    struct audit_old old = {0};
    struct stat st;

    if (!audit_shelf_is_name(name, &old.first_seq) ||
        fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return true;
    old.size = (uint64_t)st.st_size;
    if (!audit_shelf_reserve(s))
        return false;
    audit_shelf_add(s, &old);
    return true;
}

static int by_seq(const void *a, const void *b)
{
    const struct audit_old *x = a;
    const struct audit_old *y = b;

    return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

bool audit_shelf_scan(struct audit_shelf *s, int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    bool good = dir != NULL;

    audit_shelf_free(s);
    while (good && (e = readdir(dir)) != NULL)
        good = add_named(s, dir_fd, e->d_name);
    if (dir)
        (void)closedir(dir);
    else if (fd >= 0)
        (void)close(fd);
    if (s->count > 0)
        qsort(s->old, s->count, sizeof *s->old, by_seq);
    return good;
}

int audit_shelf_open(int dir_fd, const struct audit_old *old)
{
    char name[AUDIT_OLD_NAME_SIZE];

    audit_shelf_name(old->first_seq, name);
    return openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool look(int fd, struct audit_old *old)
{
    struct audit_position pos;
    struct audit_envelope e;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    errno = EBADMSG;
    if (!S_ISREG(st.st_mode) || !audit_recover_last(fd, (uint64_t)st.st_size, &pos, &e))
        return false;
    old->size = (uint64_t)st.st_size;
    old->last_seq = pos.seq;
    memcpy(old->last_hash, pos.prev, sizeof old->last_hash);
    old->utc_ms = audit_time_ms(e.time);
    old->looked = true;
    return true;
}

bool audit_shelf_look(int dir_fd, struct audit_old *old)
{
    int fd = audit_shelf_open(dir_fd, old);
    int error;
    bool good;

    if (fd < 0)
        return false;
    good = look(fd, old);
    error = errno;
    (void)close(fd);
    errno = error;
    return good;
}
