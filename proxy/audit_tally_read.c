/* Where a log that is continued stands: its lines from the last back to the last seal. */
#include "proxy/audit_tally.h"
#include "proxy/audit_time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of one chain that a log without a seal is counted over. */
#define FILES_MAX 4096u

struct scan {
    const char *self;
    const char *boot; /* NULL: only as long as no record was seen */
    bool seals;
    struct audit_tally *t;
    struct audit_last_seal *last;
    bool config_known;
    bool done;
    char older[64]; /* the file before, as the first record of this one names it */
};

static bool is(const struct audit_envelope *e, enum event event)
{
    const struct event_info *info = event_info(event);
    size_t group = strlen(info->group);

    return strncmp(e->event, info->group, group) == 0 && e->event[group] == '.' &&
           strcmp(e->event + group + 1, info->name) == 0;
}

static void count(struct audit_tally *t, const struct audit_envelope *e)
{
    t->commands += is(e, EVENT_COMMAND);
    t->refusals += is(e, EVENT_REFUSED);
    t->gaps += is(e, EVENT_LOG_GAP);
    t->alarms += strcmp(e->severity, "alarm") == 0;
}

/* The configuration that a record says is in force; the latest that does is asked. */
static void learn_config(struct scan *s, const char *line, size_t n)
{
    size_t size;
    const char *hex = audit_member_text(line, n, "config_sha256", &size);

    if (s->config_known || !hex || size != AUDIT_HASH_HEX_SIZE)
        return;
    s->config_known = audit_unhex(hex, s->t->config, AUDIT_HASH_SIZE);
}

static void take_seal(struct scan *s, const struct audit_envelope *e, const char *line,
                      size_t n)
{
    uint64_t epoch;

    if (!audit_member_number(line, n, "epoch", &epoch) || epoch == 0)
        return;
    learn_config(s, line, n);
    memcpy(s->last->line, line, n);
    s->last->size = n;
    s->t->epoch = epoch;
    s->t->first_seq = e->seq + 1;
    s->done = audit_hash(line, n, s->t->seal_hash);
}

static void take(struct scan *s, const char *line, size_t n)
{
    struct audit_envelope e;
    bool own;

    /* A line that is no record was written by nobody here; the verifier tells of it. */
    if (audit_envelope_parse(line, n, &e))
        return;
    if (!s->t->mark.known) {
        s->t->mark.utc_ms = audit_time_ms(e.time);
        s->t->mark.known = s->t->mark.utc_ms != 0;
        s->t->mark.mono_ms = e.mono_ms;
        s->t->mark.same_boot = strcmp(e.boot, s->boot) == 0;
        s->done = !s->seals;
    }
    own = strcmp(e.from, s->self) == 0;
    s->t->first_seq = e.seq;
    if (own && is(&e, EVENT_LOG_SEAL))
        take_seal(s, &e, line, n);
    if (s->done)
        return;
    count(s->t, &e);
    if ((own || strcmp(e.from, AUDIT_MONITOR_NAME) == 0) &&
        (is(&e, EVENT_SYSTEM_START) || is(&e, EVENT_RELOAD)))
        learn_config(s, line, n);
}

static bool read_at(int fd, uint64_t from, char *buf, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, buf + done, n - done, (off_t)(from + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The whole lines in buf[0..n), the last first; gives the octets in front of the first.
 */
static size_t take_lines(struct scan *s, const char *buf, size_t n, bool first)
{
    while (n > 0 && !s->done) {
        const char *nl = n > 1 ? memrchr(buf, '\n', n - 1) : NULL;
        size_t start = nl ? (size_t)(nl + 1 - buf) : 0;

        if (!nl && !first)
            return n;
        take(s, buf + start, n - start);
        n = start;
    }
    return n;
}

/* The lines of one file, the last first. */
static bool scan_file(struct scan *s, int fd, uint64_t size)
{
    static char buf[8u * AUDIT_LINE_MAX];

    while (size > 0 && !s->done) {
        size_t n = size < sizeof buf ? (size_t)size : sizeof buf;
        size_t rest;

        if (!read_at(fd, size - n, buf, n))
            return false;
        rest = take_lines(s, buf, n, n == size);
        if (rest == n)
            return true; /* a line longer than any record: not ours */
        size -= n - rest;
    }
    return true;
}

/* The file that the first record names as the one before. */
static void find_older(struct scan *s, int fd)
{
    char line[AUDIT_LINE_MAX];
    ssize_t got = pread(fd, line, sizeof line, 0);
    const char *nl = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
    struct audit_envelope e;
    const char *name;
    size_t n;

    s->older[0] = '\0';
    if (!nl || audit_envelope_parse(line, (size_t)(nl + 1 - line), &e) ||
        strcmp(e.from, s->self) != 0 || strcmp(e.event, "log.rotated") != 0)
        return;
    name = audit_member_text(line, (size_t)(nl + 1 - line), "detail", &n);
    if (name && n > 0 && n < sizeof s->older && !memchr(name, '/', n))
        (void)snprintf(s->older, sizeof s->older, "%.*s", (int)n, name);
}

static bool scan_older(struct scan *s, int dir_fd)
{
    int fd = openat(dir_fd, s->older, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    bool good;

    if (fd < 0) {
        s->done = errno == ENOENT; /* retention took it: what is left is covered */
        return s->done;
    }
    good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           scan_file(s, fd, (uint64_t)st.st_size);
    if (good && !s->done)
        find_older(s, fd);
    (void)close(fd);
    return good;
}

bool audit_tally_read(int dir_fd, int fd, uint64_t size, const char *self,
                      const char *boot, const char *older, bool seals,
                      struct audit_tally *t, struct audit_last_seal *last)
{
    struct scan s = {.self = self, .boot = boot, .seals = seals, .t = t, .last = last};
    bool good;

    memset(t, 0, sizeof *t);
    last->size = 0;
    t->first_seq = 1;
    good = scan_file(&s, fd, size);
    if (good && !s.done && size > 0)
        find_older(&s, fd);
    else if (good && !s.done)
        (void)snprintf(s.older, sizeof s.older, "%s", older);
    for (unsigned int i = 0; i < FILES_MAX && good && !s.done && s.older[0]; i++)
        good = scan_older(&s, dir_fd);
    return good;
}
