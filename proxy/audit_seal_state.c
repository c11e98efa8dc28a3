#include "proxy/audit_seal_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define HEAD       "gate104-seal-state 1 "
#define CHECK_SIZE 8u
/* 20 digits of epoch at most. */
#define TEXT_MAX                                                                         \
    (sizeof HEAD + 2 * AUDIT_KEY_ID_SIZE + 1 + 20 + 1 + 2 * AUDIT_MAC_KEY_SIZE + 1 +     \
     2 * CHECK_SIZE + 2)

/* 0 if the library fails. */
static size_t put(const struct audit_seal_state *s, char out[TEXT_MAX])
{
    char key[2 * AUDIT_MAC_KEY_SIZE + 1];
    char id[2 * AUDIT_KEY_ID_SIZE + 1];
    uint8_t hash[AUDIT_HASH_SIZE];
    size_t n;

    audit_hex(s->key_id, sizeof s->key_id, id);
    audit_hex(s->mac_key, sizeof s->mac_key, key);
    n = (size_t)snprintf(out, TEXT_MAX, HEAD "%s %" PRIu64 " %s ", id, s->epoch, key);
    OPENSSL_cleanse(key, sizeof key);
    if (!audit_hash(out, n, hash))
        return 0;
    audit_hex(hash, CHECK_SIZE, out + n);
    n += 2 * CHECK_SIZE;
    out[n++] = '\n';
    return n;
}

/* What put() writes and nothing else: it is written again and compared. */
static bool parse(const char *text, size_t n, struct audit_seal_state *s)
{
    const char *id = text + sizeof HEAD - 1;
    const char *digit = id + 2 * AUDIT_KEY_ID_SIZE + 1;
    const char *end = text + n;
    char again[TEXT_MAX];
    bool good;

    if (digit >= end || !audit_unhex(id, s->key_id, sizeof s->key_id))
        return false;
    s->epoch = 0;
    for (unsigned int i = 0; i < 19 && digit < end && *digit >= '0' && *digit <= '9'; i++)
        s->epoch = s->epoch * 10 + (uint64_t)(*digit++ - '0');
    if (end - digit < (ptrdiff_t)(1 + 2 * AUDIT_MAC_KEY_SIZE) ||
        !audit_unhex(digit + 1, s->mac_key, sizeof s->mac_key))
        return false;
    good = s->epoch > 0 && put(s, again) == n && memcmp(text, again, n) == 0;
    OPENSSL_cleanse(again, sizeof again);
    return good;
}

enum audit_seal_found audit_seal_state_load(int dir_fd, struct audit_seal_state *s)
{
    int fd = openat(dir_fd, AUDIT_SEAL_STATE_NAME,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    enum audit_seal_found found = AUDIT_SEAL_DAMAGED;
    char text[TEXT_MAX + 1];
    struct stat st;
    ssize_t n;

    memset(s, 0, sizeof *s);
    if (fd < 0)
        return errno == ENOENT ? AUDIT_SEAL_MISSING : AUDIT_SEAL_UNREADABLE;
    n = pread(fd, text, sizeof text, 0);
    if (n < 0 || fstat(fd, &st) != 0)
        found = AUDIT_SEAL_UNREADABLE;
    else if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO))
        found = AUDIT_SEAL_OPEN;
    else if (parse(text, (size_t)n, s))
        found = AUDIT_SEAL_FOUND;
    OPENSSL_cleanse(text, sizeof text);
    (void)close(fd);
    if (found != AUDIT_SEAL_FOUND)
        OPENSSL_cleanse(s, sizeof *s);
    return found;
}

static bool write_all(int fd, const char *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, p + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put < 0 ? errno : EIO;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

static bool write_new(int dir_fd, const struct audit_seal_state *s)
{
    char text[TEXT_MAX];
    size_t n = put(s, text);
    bool good;
    int why;
    int fd;

    if (unlinkat(dir_fd, AUDIT_SEAL_STATE_NEW, 0) != 0 && errno != ENOENT)
        return false;
    fd = openat(dir_fd, AUDIT_SEAL_STATE_NEW,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    good = n > 0 && write_all(fd, text, n) && fsync(fd) == 0;
    why = errno;
    OPENSSL_cleanse(text, sizeof text);
    (void)close(fd);
    errno = why;
    return good;
}

/* The key that was used must not be found in a free block of the disk.  What a disk does
 * with overwritten blocks is beyond us; nothing depends on this but the past. */
static void overwrite(int fd)
{
    static const char blank[TEXT_MAX];

    if (write_all(fd, blank, sizeof blank))
        (void)fdatasync(fd);
}

/* By the one call for it that the sandbox has; the library takes another without flags.
 */
static bool replace(int dir_fd)
{
    return syscall(SYS_renameat2, dir_fd, AUDIT_SEAL_STATE_NEW, dir_fd,
                   AUDIT_SEAL_STATE_NAME, 0u) == 0;
}

bool audit_seal_state_store(int dir_fd, const struct audit_seal_state *s)
{
    int old = openat(dir_fd, AUDIT_SEAL_STATE_NAME,
                     O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool good = write_new(dir_fd, s) && replace(dir_fd) && fsync(dir_fd) == 0;
    int why = errno;

    if (old >= 0) {
        if (good)
            overwrite(old);
        (void)close(old);
    }
    errno = why;
    return good;
}
