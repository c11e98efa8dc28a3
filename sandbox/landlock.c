#include "sandbox/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The interface of linux/landlock.h, of which Debian 12 has an older version. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

#define CREATE_VERSION 1u /* flag: ask for the version */
#define RULE_PATH      1
#define RULE_PORT      2

#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG    (1ull << 8)
#define FS_TRUNCATE    (1ull << 14)
#define NET_CONNECT    (1ull << 1)
#define NET_ALL        3ull
#define SCOPE_ALL      3ull

/* How many rights in files each version knows, and how much of struct ruleset. */
static const struct {
    uint8_t fs_bits;
    uint8_t size;
} versions[] = {
    [0] = {0, 0},   [1] = {13, 8},  [2] = {14, 8},  [3] = {15, 8},
    [4] = {15, 16}, [5] = {16, 16}, [6] = {16, 24},
};

#define VERSION_MAX ((int)(sizeof versions / sizeof versions[0]) - 1)

int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

    return abi > 0 ? (int)abi : 0;
}

static bool allow_folder(int ruleset, int folder, uint64_t known)
{
    struct path_rule rule = {
        .allowed =
            (FS_WRITE_FILE | FS_READ_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE) &
            known,
        .fd = folder,
    };

    return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) == 0;
}

static bool allow_ports(int ruleset, const struct landlock_want *want, uint64_t known)
{
    for (size_t i = 0; known != 0 && i < want->port_count; i++) {
        struct port_rule rule = {NET_CONNECT, want->port[i]};

        if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) != 0)
            return false;
    }
    return true;
}

bool landlock_enter(const struct landlock_want *want, int abi)
{
    int version = abi < VERSION_MAX ? abi : VERSION_MAX;
    struct ruleset rules = {.fs = (1ull << versions[version].fs_bits) - 1,
                            .net = version >= LANDLOCK_TCP ? NET_ALL : 0,
                            .scoped = SCOPE_ALL};
    bool good;
    int fd;
    int error;

    if (version == 0)
        return true;
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, versions[version].size, 0);
    if (fd < 0)
        return false;
    good = (want->folder < 0 || allow_folder(fd, want->folder, rules.fs)) &&
           allow_ports(fd, want, rules.net) &&
           syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    error = errno;
    (void)close(fd);
    errno = error;
    return good;
}
