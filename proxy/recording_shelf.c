#include "proxy/recording_shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void recording_shelf_free(struct recording_shelf *s)
{
    free(s->old);
    memset(s, 0, sizeof *s);
}

static bool reserve(struct recording_shelf *s)
{
    size_t room = s->room == 0 ? 16 : 2 * s->room;
    struct recording_old *old;

    if (s->count < s->room)
        return true;
    if (room > RECORDINGS_MAX)
        return false;
    old = reallocarray(s->old, room, sizeof *old);
    if (!old)
        return false;
    s->old = old;
    s->room = room;
    return true;
}

void recording_shelf_add(struct recording_shelf *s, const struct recording_old *old)
{
    if (!reserve(s))
        return;
    s->old[s->count++] = *old;
    s->octets += old->size;
}

void recording_shelf_drop_oldest(struct recording_shelf *s)
{
    s->octets -= s->old[0].size;
    s->count--;
    memmove(s->old, s->old + 1, s->count * sizeof *s->old);
}

/* ---- the folder ---- */

/* Takes `end` off a name; false if it does not end so. */
static bool cut(char *name, const char *end)
{
    size_t n = strlen(name);
    size_t k = strlen(end);

    if (n <= k || strcmp(name + n - k, end) != 0)
        return false;
    name[n - k] = '\0';
    return true;
}

static void take(struct recording_shelf *finished, struct recording_shelf *left_open,
                 int dir_fd, const char *entry)
{
    struct recording_old old = {.counted = false};
    char name[RECORDING_OPEN_MAX];
    struct stat st;
    bool open_still;

    if ((size_t)snprintf(name, sizeof name, "%s", entry) >= sizeof name ||
        fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return;
    open_still = cut(name, RECORDING_OPEN);
    if ((size_t)snprintf(old.name, sizeof old.name, "%s", name) >= sizeof old.name ||
        !cut(name, RECORDING_SUFFIX))
        return;
    old.size = (uint64_t)st.st_size;
    old.utc_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    recording_shelf_add(open_still ? left_open : finished, &old);
}

static int by_age(const void *x, const void *y)
{
    const struct recording_old *a = x, *b = y;

    if (a->utc_ms != b->utc_ms)
        return a->utc_ms < b->utc_ms ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void sort(struct recording_shelf *s)
{
    if (s->count > 1)
        qsort(s->old, s->count, sizeof *s->old, by_age);
}

bool recording_shelf_scan(struct recording_shelf *finished,
                          struct recording_shelf *left_open, int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    recording_shelf_free(finished);
    recording_shelf_free(left_open);
    while ((e = readdir(dir)) != NULL)
        take(finished, left_open, dir_fd, e->d_name);
    (void)closedir(dir);
    sort(finished);
    sort(left_open);
    return true;
}
