#include "proxy/audit_verify_recording.h"

#include "proxy/audit_field.h"
#include "proxy/audit_hash.h"
#include "proxy/audit_verify_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "recordings/"
#define SUFFIX ".pcapng"
/* Between the log's word and the name that says the file is finished. */
#define OPEN ".open"

void audit_recordings_free(struct audit_recordings *r)
{
    free(r->list);
    memset(r, 0, sizeof *r);
}

/* ---- what the log says ---- */

/* In the one folder, whatever the log says. */
static bool is_name(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._-";
    const size_t n = strlen(name);
    const size_t folder = sizeof FOLDER - 1;
    const size_t suffix = sizeof SUFFIX - 1;

    return n > folder + suffix && strncmp(name, FOLDER, folder) == 0 &&
           strspn(name + folder, good) == n - folder &&
           strcmp(name + n - suffix, SUFFIX) == 0;
}

static bool keep(struct audit_recordings *r, const struct audit_recording *one)
{
    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 64;
        struct audit_recording *list =
            cap <= AUDIT_RECORDINGS_MAX ? reallocarray(r->list, cap, sizeof *list) : NULL;

        if (!list)
            return false;
        r->list = list;
        r->cap = cap;
    }
    r->list[r->n++] = *one;
    return true;
}

bool audit_recordings_take(struct audit_recordings *r,
                           const struct audit_place_in_log *at,
                           const struct audit_envelope *e, const char *line, size_t n,
                           char *why, size_t cap)
{
    struct audit_recording one = {.order = r->n, .at = *at};
    char word[24];
    bool good;

    if (strcmp(e->event, "log.recorded") != 0 || strcmp(e->from, AUDIT_SEAL_FROM) != 0)
        return true;
    good = audit_field_text(line, n, "detail", one.name, sizeof one.name) &&
           is_name(one.name) && audit_field_text(line, n, "why", word, sizeof word) &&
           audit_field_number(line, n, "size", &one.size);
    one.deleted = good && strcmp(word, "deleted") == 0;
    good = good &&
           (one.deleted || audit_field_hex(line, n, "sha256", one.hash, sizeof one.hash));
    if (!good)
        (void)snprintf(why, cap, "it does not say which recording it is about");
    else if (!keep(r, &one))
        r->too_many = true;
    return good;
}

/* ---- whether it is so ---- */

static int by_name(const void *x, const void *y)
{
    const struct audit_recording *a = x, *b = y;
    int names = strcmp(a->name, b->name);

    return names != 0 ? names : a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *x, const void *y)
{
    const struct audit_recording *a = x, *b = y;

    return a->order < b->order ? -1 : a->order > b->order;
}

/* Leaves the last word on each, in the order of the log. */
static void settle(struct audit_recordings *r)
{
    size_t n = 0;

    if (r->n > 1)
        qsort(r->list, r->n, sizeof *r->list, by_name);
    for (size_t i = 0; i < r->n; i++) {
        const bool last =
            i + 1 == r->n || strcmp(r->list[i].name, r->list[i + 1].name) != 0;

        if (last && !r->list[i].deleted)
            r->list[n++] = r->list[i];
    }
    r->n = n;
    if (n > 1)
        qsort(r->list, n, sizeof *r->list, by_order);
}

static int open_one(int dir, const char *name)
{
    char other[AUDIT_RECORDING_CAP + sizeof OPEN];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    (void)snprintf(other, sizeof other, "%s" OPEN, name);
    return openat(dir, other, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

static enum audit_recordings_state compare(const struct audit_recording *one, int fd,
                                           char *why, size_t cap)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)snprintf(why, cap, "%s is no file", one->name);
        return AUDIT_RECORDINGS_CHANGED;
    }
    if ((uint64_t)st.st_size != one->size) {
        (void)snprintf(why, cap, "%s has %lld octets, and had %" PRIu64, one->name,
                       (long long)st.st_size, one->size);
        return AUDIT_RECORDINGS_CHANGED;
    }
    if (!audit_hash_range(fd, 0, one->size, hash)) {
        (void)snprintf(why, cap, "%s cannot be read", one->name);
        return AUDIT_RECORDINGS_UNUSABLE;
    }
    if (memcmp(hash, one->hash, sizeof hash) == 0)
        return AUDIT_RECORDINGS_GOOD;
    (void)snprintf(why, cap, "%s was changed: its SHA-256 is another", one->name);
    return AUDIT_RECORDINGS_CHANGED;
}

static enum audit_recordings_state look(const struct audit_recording *one, int dir,
                                        char *why, size_t cap)
{
    int fd = open_one(dir, one->name);
    enum audit_recordings_state state;

    if (fd < 0 && errno == ENOENT) {
        (void)snprintf(why, cap, "%s is missing, and the log does not say it was deleted",
                       one->name);
        return AUDIT_RECORDINGS_MISSING;
    }
    if (fd < 0) {
        (void)snprintf(why, cap, "%s cannot be read: %s", one->name, strerror(errno));
        return errno == ELOOP ? AUDIT_RECORDINGS_CHANGED : AUDIT_RECORDINGS_UNUSABLE;
    }
    state = compare(one, fd, why, cap);
    (void)close(fd);
    return state;
}

/* A change is worse than what is not there, that than what cannot be told. */
static bool worse(enum audit_recordings_state a, enum audit_recordings_state b)
{
    static const int weight[] = {[AUDIT_RECORDINGS_GOOD] = 0,
                                 [AUDIT_RECORDINGS_UNUSABLE] = 1,
                                 [AUDIT_RECORDINGS_MISSING] = 2,
                                 [AUDIT_RECORDINGS_CHANGED] = 3};

    return weight[a] > weight[b];
}

enum audit_recordings_state audit_recordings_check(struct audit_recordings *r, int dir,
                                                   struct audit_recordings_summary *s,
                                                   struct audit_place_in_log *at,
                                                   char *why, size_t cap)
{
    enum audit_recordings_state worst = AUDIT_RECORDINGS_GOOD;
    char one[AUDIT_RECORDING_CAP + 80];

    *s = (struct audit_recordings_summary){0, 0, 0};
    if (r->too_many) {
        (void)snprintf(why, cap, "more recordings than can be kept in mind");
        return AUDIT_RECORDINGS_UNUSABLE;
    }
    settle(r);
    s->named = r->n;
    for (size_t i = 0; i < r->n; i++) {
        enum audit_recordings_state state = look(&r->list[i], dir, one, sizeof one);

        if (state == AUDIT_RECORDINGS_GOOD) {
            s->good++;
            s->octets += r->list[i].size;
        }
        if (worse(state, worst)) {
            worst = state;
            *at = r->list[i].at;
            (void)snprintf(why, cap, "%s", one);
        }
    }
    return worst;
}
