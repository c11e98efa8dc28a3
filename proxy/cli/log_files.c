#include "proxy/cli/log_files.h"

#include "proxy/audit_file.h"
#include "proxy/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLLOW_MS 200
#define PREFIX    "gate104-"
#define SUFFIX    ".jsonl"
#define DIGITS    20u

static bool complain(const char *name)
{
    (void)fprintf(stderr, "gate104 log: ");
    cli_put_safe(stderr, name, 0, false);
    (void)fprintf(stderr, ": %s\n", strerror(errno));
    return false;
}

/* The number of the first record of a rotated file; 0: the name is none of those. */
static uint64_t first_seq(const char *name)
{
    const char *digits = name + sizeof PREFIX - 1;

    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 ||
        strspn(digits, "0123456789") != DIGITS || strcmp(digits + DIGITS, SUFFIX) != 0)
        return 0;
    return strtoull(digits, NULL, 10);
}

static int is_rotated(const struct dirent *e)
{
    return first_seq(e->d_name) != 0;
}

/* ---- the list --------------------------------------------------------------------- */

/* Takes the path. */
static bool add(struct log_files *f, char *path, int fd)
{
    struct log_file *more = path ? realloc(f->file, (f->count + 1) * sizeof *more) : NULL;

    if (!more) {
        free(path);
        if (fd >= 0)
            (void)close(fd);
        (void)fprintf(stderr, "gate104 log: out of memory\n");
        return false;
    }
    f->file = more;
    f->file[f->count++] = (struct log_file){path, fd};
    return true;
}

static char *join(const char *dir, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* One that got its new name since gate104.jsonl was opened is in both places. */
static bool add_rotated(struct log_files *f, const char *dir, const char *name, int live)
{
    char *path = join(dir, name);
    struct stat mine;
    struct stat its;

    if (path && live >= 0 && fstat(live, &mine) == 0 && stat(path, &its) == 0 &&
        same_file(&mine, &its)) {
        free(path);
        return true;
    }
    return add(f, path, -1);
}

static bool add_directory(struct log_files *f, const char *dir)
{
    char *live = join(dir, AUDIT_FILE_NAME);
    int fd = live ? open(live, O_RDONLY | O_CLOEXEC) : -1;
    const int error = errno;
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, is_rotated, alphasort);
    bool good = n >= 0 || complain(dir);

    for (int i = 0; i < n; i++) {
        good = good && add_rotated(f, dir, entry[i]->d_name, fd);
        free(entry[i]);
    }
    free(entry);
    errno = error;
    if (good && fd < 0 && (n == 0 || error != ENOENT))
        good = complain(live ? live : dir);
    if (!good || fd < 0) {
        free(live);
        return good;
    }
    return add(f, live, fd);
}

static bool add_path(struct log_files *f, const char *path)
{
    struct stat st;
    int fd;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_directory(f, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? complain(path) : add(f, strdup(path), fd);
}

/* ---- opening ---------------------------------------------------------------------- */

/* Makes the file at f->at the one that is read; false if it is gone. */
static bool begin(struct log_files *f)
{
    struct log_file *file = &f->file[f->at];

    f->settled = false;
    if (file->fd < 0)
        file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0) {
        (void)complain(file->path);
        f->missing = true;
    }
    audit_reader_init(&f->reader, file->fd);
    return file->fd >= 0;
}

bool log_files_open(struct log_files *f, char **path, size_t count)
{
    struct stat st;
    bool good = true;

    memset(f, 0, sizeof *f);
    for (size_t i = 0; good && i < count; i++)
        good = add_path(f, path[i]);
    if (good && stat(path[count - 1], &st) == 0 && S_ISDIR(st.st_mode))
        f->dir = path[count - 1];
    if (good && f->count > 0) {
        (void)begin(f);
        return true;
    }
    log_files_close(f);
    return false;
}

void log_files_close(struct log_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->file[i].fd >= 0)
            (void)close(f->file[i].fd);
        free(f->file[i].path);
    }
    free(f->file);
    f->file = NULL;
    f->count = 0;
}

bool log_files_rewind(struct log_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->file[i].fd >= 0 && lseek(f->file[i].fd, 0, SEEK_SET) != 0)
            return false;
    }
    f->at = 0;
    f->last_seq = 0;
    return begin(f);
}

const char *log_files_name(const struct log_files *f)
{
    return f->file[f->at].path;
}

/* ---- reading ---------------------------------------------------------------------- */

/* Only as much as following takes: whether it is a record is the caller's to find out. */
static void note_seq(struct log_files *f, const char *line, size_t n)
{
    static const char head[] = "{\"v\":1,\"seq\":";
    uint64_t seq = 0;

    if (n < sizeof head || memcmp(line, head, sizeof head - 1) != 0)
        return;
    for (size_t i = sizeof head - 1; i < n && line[i] >= '0' && line[i] <= '9'; i++)
        seq = seq * 10 + (uint64_t)(line[i] - '0');
    f->last_seq = seq;
}

/* Leaves a file that is not the last: its name does not change any more. */
static void next_file(struct log_files *f)
{
    if (f->file[f->at].fd >= 0)
        (void)close(f->file[f->at].fd);
    f->file[f->at].fd = -1;
    f->at++;
    (void)begin(f);
}

enum audit_read log_files_next(struct log_files *f, const char **line, size_t *n)
{
    /* Each turn but the last leaves a file. */
    for (;;) {
        const bool last = f->at + 1 >= f->count;
        enum audit_read got = AUDIT_READ_END;

        if (f->file[f->at].fd >= 0)
            got = audit_reader_next(&f->reader, line, n);
        if (got == AUDIT_READ_LINE)
            note_seq(f, *line, *n);
        if (last || (got != AUDIT_READ_END && got != AUDIT_READ_TORN))
            return got;
        next_file(f);
        if (got == AUDIT_READ_TORN)
            return AUDIT_READ_LONG;
    }
}

/* ---- following -------------------------------------------------------------------- */

/* The rotated file that holds the record behind the last one, or the first behind it;
 * else the one that is written.  NULL: out of memory. */
static char *successor(const struct log_files *f)
{
    struct dirent **entry = NULL;
    int n = scandir(f->dir, &entry, is_rotated, alphasort);
    char *path = NULL;
    int found = n;

    for (int i = 0; i < n; i++) {
        if (found == n && first_seq(entry[i]->d_name) > f->last_seq)
            found = i;
    }
    path = join(f->dir, n > 0 && found < n ? entry[found]->d_name : AUDIT_FILE_NAME);
    for (int i = 0; i < n; i++)
        free(entry[i]);
    free(entry);
    return path;
}

/* True if `path` is another file than the one that is read, or that was cut. */
static bool is_other(const struct log_files *f, const char *path)
{
    struct stat now;
    struct stat named;

    if (f->file[f->at].fd < 0)
        return access(path, R_OK) == 0;
    return fstat(f->file[f->at].fd, &now) == 0 && stat(path, &named) == 0 &&
           (!same_file(&now, &named) || (uint64_t)now.st_size < f->reader.taken);
}

void log_files_wait(struct log_files *f)
{
    struct log_file *file = &f->file[f->at];
    char *path;

    path = f->dir ? successor(f) : strdup(file->path);
    if (!path || !is_other(f, path)) {
        free(path);
        (void)fflush(stdout);
        (void)poll(NULL, 0, FOLLOW_MS);
        return;
    }
    /* What came to the old one before it was put away is read first. */
    if (!f->settled && file->fd >= 0) {
        f->settled = true;
        free(path);
        return;
    }
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    free(file->path);
    file->path = path;
    (void)begin(f);
}
