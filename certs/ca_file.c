#include "certs/ca_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "certs/errtext.h"
#include "certs/read_all.h"

bool ca_path(char out[CA_PATH_CAP], char *err, size_t cap, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out, CA_PATH_CAP, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < CA_PATH_CAP)
        return true;
    errtext_set(err, cap, "a path is longer than %u characters", CA_PATH_CAP - 1);
    return false;
}

/* ---- reading ---- */

static bool may_be_read(int fd, const char *path, bool secret, char *err, size_t cap)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        errtext_set(err, cap, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        errtext_set(err, cap, "%s: not a regular file", path);
        return false;
    }
    if (secret && (st.st_mode & (S_IRWXG | S_IRWXO))) {
        errtext_set(err, cap, "%s: group or others have rights (mode %04o); chmod 600 %s",
                    path, (unsigned int)(st.st_mode & 07777), path);
        return false;
    }
    return true;
}

static char *read_open(int fd, const char *path, size_t *size, char *err, size_t cap)
{
    char *text = OPENSSL_zalloc(CA_FILE_MAX + 2);
    ssize_t n = text ? read_all(fd, text, CA_FILE_MAX + 1) : -1;

    if (n >= 0 && (size_t)n <= CA_FILE_MAX) {
        *size = (size_t)n;
        return text;
    }
    if (n < 0)
        errtext_set(err, cap, "%s: %s", path, strerror(text ? errno : ENOMEM));
    else
        errtext_set(err, cap, "%s: larger than %u octets", path, CA_FILE_MAX);
    OPENSSL_clear_free(text, CA_FILE_MAX + 2);
    return NULL;
}

static char *read_file(const char *path, bool secret, size_t *size, char *err, size_t cap)
{
    /* O_NONBLOCK: a FIFO must not hold the command up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char *text = NULL;

    if (fd < 0) {
        errtext_set(err, cap, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (may_be_read(fd, path, secret, err, cap))
        text = read_open(fd, path, size, err, cap);
    close(fd);
    return text;
}

char *ca_file_read(const char *path, size_t *size, char *err, size_t cap)
{
    return read_file(path, false, size, err, cap);
}

char *ca_file_read_secret(const char *path, size_t *size, char *err, size_t cap)
{
    return read_file(path, true, size, err, cap);
}

void ca_file_free(char *text)
{
    OPENSSL_clear_free(text, text ? CA_FILE_MAX + 2 : 0);
}

bool ca_file_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        n -= (size_t)put;
    }
    return true;
}

/* A name is on disk when its folder is. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[CA_PATH_CAP] = ".";
    bool good;
    int fd;

    if (slash == path)
        (void)snprintf(folder, sizeof folder, "/");
    else if (slash)
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    good = fsync(fd) == 0;
    close(fd);
    return good;
}

/* link() refuses what is there, rename() takes its place; both at once or not at all. */
static bool put_in_place(const char *from, const char *to, bool replace)
{
    if (replace)
        return rename(from, to) == 0;
    if (link(from, to) != 0)
        return false;
    (void)unlink(from);
    return true;
}

static bool write_file(const char *path, const void *data, size_t n, mode_t mode,
                       bool replace, char *err, size_t cap)
{
    char part[CA_PATH_CAP];
    bool good;
    int fd;

    if (!ca_path(part, err, cap, "%s.part-XXXXXX", path))
        return false;
    fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0) {
        errtext_set(err, cap, "%s: cannot be made: %s", path, strerror(errno));
        return false;
    }
    good = fchmod(fd, mode) == 0 && write_all(fd, data, n) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good && put_in_place(part, path, replace) && sync_folder(path))
        return true;
    if (errno == EEXIST)
        errtext_set(err, cap,
                    "%s: is there already; nothing is overwritten: move it "
                    "away or choose another name",
                    path);
    else
        errtext_set(err, cap, "%s: cannot be written: %s", path, strerror(errno));
    (void)unlink(part);
    return false;
}

bool ca_file_create(const char *path, const void *data, size_t n, mode_t mode, char *err,
                    size_t cap)
{
    return write_file(path, data, n, mode, false, err, cap);
}

bool ca_file_replace(const char *path, const void *data, size_t n, mode_t mode, char *err,
                     size_t cap)
{
    return write_file(path, data, n, mode, true, err, cap);
}
