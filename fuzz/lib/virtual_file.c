#include "fuzz/lib/virtual_file.h"

#include "fuzz/lib/fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILES_MAX 8u

static struct {
    const char *suffix;
    const void *octets;
    size_t n;
} files[FILES_MAX];

void virtual_file(const char *suffix, const void *octets, size_t n)
{
    size_t i = 0;

    while (files[i].suffix != NULL && strcmp(files[i].suffix, suffix) != 0)
        FUZZ_CHECK(++i < FILES_MAX);
    files[i].suffix = suffix;
    files[i].octets = octets;
    files[i].n = n;
}

static bool ends_with(const char *path, const char *suffix)
{
    const size_t n = strlen(path), m = strlen(suffix);

    return n >= m && memcmp(path + n - m, suffix, m) == 0;
}

int fuzz_open(const char *path, int flags, ...)
{
    (void)flags;
    for (size_t i = 0; i < FILES_MAX && files[i].suffix != NULL; i++) {
        if (!ends_with(path, files[i].suffix))
            continue;
        const int fd = memfd_create("virtual", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0);
        FUZZ_CHECK(pwrite(fd, files[i].octets, files[i].n, 0) == (ssize_t)files[i].n);
        return fd;
    }
    errno = ENOENT;
    return -1;
}
