#include "proxy/permit_state.h"

#include "proxy/audit_hash.h"
#include "proxy/permit_wire.h"
#include "sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC     "G104PRM1"
#define STATE_NEW PERMIT_STATE_NAME ".new"

/* ---- when ---- */

bool permit_moment_now(struct permit_moment *m)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    struct timespec ts;
    ssize_t n;

    memset(m, 0, sizeof *m);
    if (fd < 0)
        return false;
    n = read(fd, m->boot, PERMIT_BOOT_LEN);
    (void)close(fd);
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    m->boot_ms = permit_now_ms();
    m->wall_ms =
        ts.tv_sec < 0 ? 0 : (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
    return n == PERMIT_BOOT_LEN;
}

/* What passed between two moments, at least.  False: they contradict each other. */
static bool elapsed(const struct permit_moment *from, const struct permit_moment *to,
                    uint64_t *ms)
{
    const bool same = memcmp(from->boot, to->boot, PERMIT_BOOT_LEN) == 0;

    *ms = 0;
    if (same && to->boot_ms < from->boot_ms)
        return false;
    if (same)
        *ms = to->boot_ms - from->boot_ms;
    else if (to->wall_ms > from->wall_ms)
        *ms = to->wall_ms - from->wall_ms;
    return true;
}

/* ---- octets ---- */

static void put_ranges(struct wire_writer *w, const struct policy_range *r, uint8_t n)
{
    wire_put_u8(w, n);
    for (size_t i = 0; i < n; i++) {
        wire_put_u32(w, r[i].first);
        wire_put_u32(w, r[i].last);
    }
}

static void put_permit(struct wire_writer *w, const struct permit_kept *p)
{
    wire_put_u32(w, p->id);
    wire_put_u64(w, p->left_ms);
    wire_put_u32(w, p->by);
    wire_put_u32(w, p->confirmed);
    wire_put_str(w, p->route);
    wire_put_str(w, p->reason);
    wire_put_bytes(w, p->scope.types, sizeof p->scope.types);
    put_ranges(w, p->scope.ca, p->scope.ca_count);
    put_ranges(w, p->scope.ioa, p->scope.ioa_count);
    wire_put_u8(w, p->scope.has_fingerprint ? 1 : 0);
    if (p->scope.has_fingerprint)
        wire_put_bytes(w, p->scope.fingerprint, sizeof p->scope.fingerprint);
    wire_put_str(w, p->scope.subject);
}

size_t permit_state_encode(const struct permit_moment *when, const struct permit_kept *p,
                           size_t count, uint8_t *out, size_t cap)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    struct wire_writer w;

    wire_writer_init(&w, out, cap);
    wire_put_bytes(&w, MAGIC, sizeof MAGIC - 1);
    wire_put_bytes(&w, when->boot, PERMIT_BOOT_LEN);
    wire_put_u64(&w, when->boot_ms);
    wire_put_u64(&w, when->wall_ms);
    wire_put_u16(&w, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        put_permit(&w, &p[i]);
    if (w.bad || count > PERMIT_STATE_MAX || !audit_hash(out, w.len, hash))
        return 0;
    wire_put_bytes(&w, hash, sizeof hash);
    return w.bad ? 0 : w.len;
}

static void get_ranges(struct wire_reader *r, struct policy_range *out, uint8_t *count)
{
    *count = wire_get_u8(r);
    r->bad = r->bad || *count > PERMIT_RANGES_MAX;
    for (size_t i = 0; !r->bad && i < *count; i++) {
        out[i].first = wire_get_u32(r);
        out[i].last = wire_get_u32(r);
    }
}

/* As permit_request_read lets it through. */
static bool words_are_good(const struct permit_kept *p)
{
    struct permit_request again;
    char fields[sizeof p->route + sizeof p->reason + 40];
    char err[200];

    (void)snprintf(fields, sizeof fields, "route=%s\tfor=1s\treason=%s", p->route,
                   p->reason);
    return !strchr(p->route, '\t') && !strchr(p->reason, '\t') &&
           permit_request_read(fields, &again, err, sizeof err);
}

static bool get_permit(struct wire_reader *r, struct permit_kept *p)
{
    struct permit_scope *s = &p->scope;
    char text[PERMIT_TEXT_CAP];
    uint8_t known;

    memset(p, 0, sizeof *p);
    p->id = wire_get_u32(r);
    p->left_ms = wire_get_u64(r);
    p->by = wire_get_u32(r);
    p->confirmed = wire_get_u32(r);
    wire_get_str(r, p->route, sizeof p->route);
    wire_get_str(r, p->reason, sizeof p->reason);
    wire_get_bytes(r, s->types, sizeof s->types);
    get_ranges(r, s->ca, &s->ca_count);
    get_ranges(r, s->ioa, &s->ioa_count);
    known = wire_get_u8(r);
    s->has_fingerprint = known == 1;
    if (s->has_fingerprint)
        wire_get_bytes(r, s->fingerprint, sizeof s->fingerprint);
    wire_get_str(r, s->subject, sizeof s->subject);
    return !r->bad && known <= 1 && p->id >= PERMIT_ID_MIN && p->id <= PERMIT_ID_MAX &&
           p->left_ms >= 1 && p->left_ms <= PERMIT_MS_MAX && p->by != PERMIT_NOBODY &&
           p->by != p->confirmed && permit_scope_is_good(s) && words_are_good(p) &&
           permit_scope_text(s, 0, text);
}

static bool is_there(const struct permit_kept *p, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (p[i].id == id)
            return true;
    }
    return false;
}

static bool get_permits(struct wire_reader *r, uint64_t ms, struct permit_kept *out,
                        size_t *count)
{
    const size_t all = wire_get_u16(r);

    *count = 0;
    if (all > PERMIT_STATE_MAX)
        return false;
    for (size_t i = 0; i < all; i++) {
        struct permit_kept *p = &out[*count];

        if (!get_permit(r, p) || is_there(out, *count, p->id))
            return false;
        if (p->left_ms <= ms)
            continue;
        p->left_ms -= ms;
        ++*count;
    }
    return wire_end(r);
}

bool permit_state_decode(const uint8_t *octets, size_t n, const struct permit_moment *now,
                         struct permit_kept *out, size_t *count)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    char magic[sizeof MAGIC - 1];
    struct permit_moment then;
    struct wire_reader r;
    uint64_t ms;

    *count = 0;
    memset(&then, 0, sizeof then);
    if (n < sizeof hash || !audit_hash(octets, n - sizeof hash, hash) ||
        memcmp(hash, octets + n - sizeof hash, sizeof hash) != 0)
        return false;
    wire_reader_init(&r, octets, n - sizeof hash);
    wire_get_bytes(&r, magic, sizeof magic);
    wire_get_bytes(&r, then.boot, PERMIT_BOOT_LEN);
    then.boot_ms = wire_get_u64(&r);
    then.wall_ms = wire_get_u64(&r);
    if (r.bad || memcmp(magic, MAGIC, sizeof magic) != 0 || !elapsed(&then, now, &ms) ||
        !get_permits(&r, ms, out, count)) {
        *count = 0;
        return false;
    }
    return true;
}

/* ---- the file ---- */

static int open_dir(const char *dir)
{
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum permit_state_found read_file(int fd, const struct permit_moment *now,
                                         struct permit_kept *out, size_t *count)
{
    uint8_t *octets = malloc(PERMIT_STATE_OCTETS + 1);
    enum permit_state_found found = PERMIT_STATE_DAMAGED;
    struct stat st;
    ssize_t n;

    if (!octets)
        return PERMIT_STATE_UNREADABLE;
    n = pread(fd, octets, PERMIT_STATE_OCTETS + 1, 0);
    if (n < 0 || fstat(fd, &st) != 0)
        found = PERMIT_STATE_UNREADABLE;
    else if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0 &&
             st.st_uid == geteuid() && (size_t)n <= PERMIT_STATE_OCTETS &&
             permit_state_decode(octets, (size_t)n, now, out, count))
        found = PERMIT_STATE_FOUND;
    free(octets);
    return found;
}

enum permit_state_found permit_state_load(const char *dir,
                                          const struct permit_moment *now,
                                          struct permit_kept *out, size_t *count)
{
    int dir_fd = open_dir(dir);
    enum permit_state_found found;
    int fd;

    *count = 0;
    if (dir_fd < 0)
        return errno == ENOENT ? PERMIT_STATE_MISSING : PERMIT_STATE_UNREADABLE;
    fd =
        openat(dir_fd, PERMIT_STATE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    found = errno == ENOENT ? PERMIT_STATE_MISSING : PERMIT_STATE_UNREADABLE;
    if (fd >= 0) {
        found = read_file(fd, now, out, count);
        (void)close(fd);
    }
    (void)close(dir_fd);
    return found;
}

static bool write_new(int dir_fd, const uint8_t *octets, size_t n)
{
    bool good;
    int fd;

    if (unlinkat(dir_fd, STATE_NEW, 0) != 0 && errno != ENOENT)
        return false;
    fd = openat(dir_fd, STATE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                0600);
    if (fd < 0)
        return false;
    errno = EIO;
    good = write(fd, octets, n) == (ssize_t)n && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static bool replace(int dir_fd, const struct permit_moment *now,
                    const struct permit_kept *p, size_t count)
{
    uint8_t *octets = malloc(PERMIT_STATE_OCTETS);
    size_t n =
        octets ? permit_state_encode(now, p, count, octets, PERMIT_STATE_OCTETS) : 0;
    bool good;

    errno = octets ? EFBIG : ENOMEM;
    good = n > 0 && write_new(dir_fd, octets, n) &&
           renameat(dir_fd, STATE_NEW, dir_fd, PERMIT_STATE_NAME) == 0;
    free(octets);
    return good;
}

bool permit_state_store(const char *dir, const struct permit_moment *now,
                        const struct permit_kept *p, size_t count)
{
    int dir_fd = open_dir(dir);
    bool good;
    int why;

    if (dir_fd < 0)
        return count == 0 && errno == ENOENT;
    if (count > 0)
        good = replace(dir_fd, now, p, count);
    else
        good = unlinkat(dir_fd, PERMIT_STATE_NAME, 0) == 0 || errno == ENOENT;
    good = good && fsync(dir_fd) == 0;
    why = errno;
    (void)close(dir_fd);
    errno = why;
    return good;
}
