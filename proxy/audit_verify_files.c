#include "proxy/audit_verify_files.h"

#include "proxy/audit_file.h"
#include "proxy/audit_verify_chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "gate104-"
#define SUFFIX ".jsonl"
#define DIGITS 20u
/* A name may change between looking and opening. */
#define TRIES 100u
/* Times that the reader begins anew when retention has overtaken it. */
#define OVERTAKEN_MAX 5u

/* ---- names ---- */

uint64_t audit_file_number(const char *name)
{
    uint64_t n = 0;

    if (strlen(name) != sizeof PREFIX - 1 + DIGITS + sizeof SUFFIX - 1 ||
        strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 ||
        strcmp(name + sizeof PREFIX - 1 + DIGITS, SUFFIX) != 0)
        return 0;
    for (const char *p = name + sizeof PREFIX - 1; *p != '.'; p++) {
        if (*p < '0' || *p > '9' || n >= UINT64_C(1) << 53)
            return 0;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    return n;
}

static void name_of(uint64_t number, struct audit_file_name *name)
{
    name->number = number;
    if (number > 0)
        (void)snprintf(name->text, sizeof name->text, PREFIX "%020" PRIu64 SUFFIX,
                       number);
    else
        (void)snprintf(name->text, sizeof name->text, "%s", AUDIT_FILE_NAME);
}

static int by_number(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

static bool keep(struct audit_files *f, uint64_t number)
{
    if (f->n == f->cap) {
        size_t cap = f->cap > 0 ? 2 * f->cap : 64;
        uint64_t *list =
            cap <= AUDIT_FILES_MAX ? realloc(f->numbers, cap * sizeof *list) : NULL;

        if (!list) {
            errno = ENOMEM;
            return false;
        }
        f->numbers = list;
        f->cap = cap;
    }
    f->numbers[f->n++] = number;
    return true;
}

/* Reads the names of closed files behind the last one. */
static bool scan(struct audit_files *f)
{
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    bool good = true;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    f->n = f->at = 0;
    while (good && (e = readdir(dir)) != NULL) {
        uint64_t number = audit_file_number(e->d_name);

        if (number > f->last)
            good = keep(f, number);
    }
    (void)closedir(dir);
    if (good && f->n > 1)
        qsort(f->numbers, f->n, sizeof *f->numbers, by_number);
    return good;
}

/* ---- one after the other ---- */

bool audit_files_open(struct audit_files *f, int dir)
{
    memset(f, 0, sizeof *f);
    f->dir = dir;
    return scan(f);
}

void audit_files_close(struct audit_files *f)
{
    free(f->numbers);
    f->numbers = NULL;
    (void)close(f->dir);
}

void audit_files_first(struct audit_files *f, uint64_t seq)
{
    if (f->current && seq > 0)
        f->last = seq;
}

static int open_one(struct audit_files *f, struct audit_file_name *name, struct stat *st)
{
    /* Not to wait for the other end of a pipe that somebody put there. */
    int fd = openat(f->dir, name->text, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -1;
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
        (void)close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* The file opened last, under whatever name. */
static bool is_last(const struct audit_files *f, const struct stat *st)
{
    return f->current && st->st_dev == f->dev && st->st_ino == f->ino;
}

static int opened(struct audit_files *f, int fd, uint64_t number, const struct stat *st)
{
    f->dev = st->st_dev;
    f->ino = st->st_ino;
    f->current = number == 0;
    if (number > 0)
        f->last = number;
    return fd;
}

/* The file that is being written, if it is another than the last.  -1 with errno EAGAIN:
 * it was rotated just now. */
static int open_current(struct audit_files *f, struct audit_file_name *name)
{
    struct stat st;
    int fd;

    name_of(0, name);
    fd = open_one(f, name, &st);
    if (fd < 0) {
        errno = errno == ENOENT ? 0 : errno;
        return -1;
    }
    if (!scan(f)) {
        (void)close(fd);
        return -1;
    }
    if (f->n > 0 || is_last(f, &st)) {
        (void)close(fd);
        errno = f->n > 0 ? EAGAIN : 0;
        return -1;
    }
    return opened(f, fd, 0, &st);
}

int audit_files_next(struct audit_files *f, struct audit_file_name *name)
{
    struct stat st;

    for (unsigned int i = 0; i < TRIES; i++) {
        int fd;

        if (f->at == f->n && !scan(f))
            return -1;
        if (f->at == f->n) {
            fd = open_current(f, name);
            if (fd >= 0 || errno != EAGAIN)
                return fd;
        }
        name_of(f->numbers[f->at++], name);
        fd = open_one(f, name, &st);
        if (fd >= 0 && !is_last(f, &st))
            return opened(f, fd, name->number, &st);
        if (fd >= 0) { /* it was empty when it was read under its first name */
            f->last = name->number;
            (void)close(fd);
        } else if (errno != ENOENT) {
            return -1;
        }
        f->gone |= fd < 0; /* retention was here */
    }
    return -1;
}

uint64_t audit_files_size(struct audit_files *f)
{
    struct audit_file_name name;
    struct stat st;
    uint64_t sum = 0;

    name_of(0, &name);
    for (size_t i = 0; i <= f->n; i++) {
        if (fstatat(f->dir, name.text, &st, 0) == 0)
            sum += (uint64_t)st.st_size;
        if (i < f->n)
            name_of(f->numbers[i], &name);
    }
    return sum;
}

/* ---- the whole log ---- */

/* A line without end at the end of a log that is being written: it may come soon. */
#define TORN_TRIES 12u
#define TORN_WAIT  ((struct timespec){.tv_nsec = 25000000})

static enum audit_read read_on(struct audit_chain *c, bool grows)
{
    enum audit_read got = audit_chain_read(c);
    unsigned int waits = 0;

    while (grows && got == AUDIT_READ_TORN && waits < TORN_TRIES) {
        uint64_t before = c->reader.taken + c->v->torn;

        (void)nanosleep(&TORN_WAIT, NULL);
        got = audit_chain_read(c);
        waits = c->reader.taken + c->v->torn > before ? 0 : waits + 1;
    }
    return got;
}

static void unusable(struct audit_verdict *v, const char *file, int err)
{
    v->state = AUDIT_STATE_UNUSABLE;
    (void)snprintf(v->bad.file, sizeof v->bad.file, "%s", file);
    (void)snprintf(v->why, sizeof v->why, "cannot be read: %s", strerror(err));
}

/* True if retention has overtaken the reader, so that it must begin anew. */
static bool verify_all(struct audit_files *f, struct audit_chain *c)
{
    enum audit_read got = AUDIT_READ_END;
    struct audit_file_name name = {.number = 0};
    int fd = -1;

    /* Each turn opens a file that no turn before has opened. */
    while (c->v->state == AUDIT_STATE_OK) {
        int next = audit_files_next(f, &name);

        if (next < 0 && errno != 0)
            unusable(c->v, name.text, errno);
        if (next < 0 || (f->gone && c->v->records > 0)) {
            if (next >= 0)
                (void)close(next);
            break;
        }
        if (fd >= 0) {
            got = audit_chain_read(c); /* what came until it was rotated */
            audit_chain_file_end(c, got);
            (void)close(fd);
        }
        fd = next;
        if (c->v->state != AUDIT_STATE_OK)
            break;
        audit_chain_file(c, fd, name.text, name.number);
        got = read_on(c, name.number == 0);
        audit_files_first(f, c->file_first);
    }
    if (fd < 0 && c->v->state == AUDIT_STATE_OK)
        unusable(c->v, AUDIT_FILE_NAME, ENOENT);
    audit_chain_end(c, got);
    if (fd >= 0)
        (void)close(fd);
    return f->gone && c->v->records > 0;
}

/* True if retention may have overtaken this, too. */
static bool verify_recordings(int dir, struct audit_recordings *r,
                              struct audit_verdict *v)
{
    static const enum audit_state states[] = {
        [AUDIT_RECORDINGS_GOOD] = AUDIT_STATE_OK,
        [AUDIT_RECORDINGS_CHANGED] = AUDIT_STATE_TAMPERED,
        [AUDIT_RECORDINGS_MISSING] = AUDIT_STATE_INCOMPLETE,
        [AUDIT_RECORDINGS_UNUSABLE] = AUDIT_STATE_UNUSABLE,
    };
    struct audit_place_in_log at = v->bad;
    enum audit_recordings_state found;
    char why[sizeof v->why];

    if (v->state != AUDIT_STATE_OK && v->state != AUDIT_STATE_INCOMPLETE)
        return false;
    found = audit_recordings_check(r, dir, &v->recordings, &at, why, sizeof why);
    if (v->state == AUDIT_STATE_OK ? found != AUDIT_RECORDINGS_GOOD
                                   : found == AUDIT_RECORDINGS_CHANGED) {
        v->state = states[found];
        v->bad = at;
        memcpy(v->why, why, sizeof why);
    }
    return found == AUDIT_RECORDINGS_MISSING;
}

static void verify_folder(int dir, const char *path, struct audit_chain *c,
                          const struct audit_verify_options *o, struct audit_verdict *v)
{
    struct audit_recordings recordings = {.n = 0};
    struct audit_files files;
    bool again = true;

    for (unsigned int i = 0; again && i < OVERTAKEN_MAX; i++) {
        int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);

        audit_recordings_free(&recordings);
        audit_chain_init(c, o, v);
        c->recordings = o->log_alone ? NULL : &recordings;
        if (fd < 0 || !audit_files_open(&files, fd)) {
            unusable(v, path, errno);
            if (fd >= 0)
                (void)close(fd);
            return;
        }
        again = verify_all(&files, c);
        audit_files_close(&files);
        if (!again && !o->log_alone)
            again = verify_recordings(dir, &recordings, v) && i == 0;
    }
    audit_recordings_free(&recordings);
}

static void verify_one(int fd, const char *path, struct audit_chain *c)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct stat st;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    audit_chain_file(c, fd, name, audit_file_number(name));
    audit_chain_end(c, read_on(c, regular));
}

void audit_verify_path(const char *path, const struct audit_verify_options *o,
                       struct audit_verdict *v)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct audit_chain *c = malloc(sizeof *c);
    struct stat st;

    memset(v, 0, sizeof *v);
    if (fd < 0 || !c || fstat(fd, &st) != 0) {
        unusable(v, path, errno);
    } else if (!S_ISDIR(st.st_mode)) {
        audit_chain_init(c, o, v);
        verify_one(fd, path, c);
    } else {
        verify_folder(fd, path, c, o, v);
    }
    if (fd >= 0)
        (void)close(fd);
    free(c);
}
