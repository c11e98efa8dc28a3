#include "certs/ca_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "certs/ca_file.h"
#include "certs/errtext.h"

#define LINE_CAP 512u
#define HEAD     "# gate104 pki: what this CA did, oldest first.  Only ever add to it.\n"

struct ca_index {
    FILE *file; /* for appending, locked */
    char *path;
    size_t count, room;
    struct ca_entry *entries;
    uint64_t list_number;
    bool torn;
};

/* ---- words ---- */

static const struct reason_row {
    enum ca_reason reason;
    const char *name;
} REASONS[] = {
    {CA_REASON_UNSPECIFIED, "unspecified"},
    {CA_REASON_KEY_COMPROMISE, "keyCompromise"},
    {CA_REASON_CA_COMPROMISE, "CACompromise"},
    {CA_REASON_AFFILIATION_CHANGED, "affiliationChanged"},
    {CA_REASON_SUPERSEDED, "superseded"},
    {CA_REASON_CESSATION_OF_OPERATION, "cessationOfOperation"},
    {CA_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
};
#define REASON_COUNT (sizeof REASONS / sizeof REASONS[0])

bool ca_reason_parse(const char *word, enum ca_reason *reason)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (strcmp(REASONS[i].name, word) == 0) {
            *reason = REASONS[i].reason;
            return true;
        }
    }
    return false;
}

const char *ca_reason_name(enum ca_reason reason)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (REASONS[i].reason == reason)
            return REASONS[i].name;
    }
    return REASONS[0].name;
}

void ca_time_text(time_t t, char text[CA_TIME_CAP])
{
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(text, CA_TIME_CAP, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(text, CA_TIME_CAP, "%s", "0000-00-00T00:00:00Z");
}

static bool parse_time(const char *word, time_t *t)
{
    struct tm tm = {0};
    const char *end = strptime(word, "%Y-%m-%dT%H:%M:%SZ", &tm);

    *t = end ? timegm(&tm) : -1;
    return end && *end == '\0';
}

static bool is_serial(const char *word)
{
    const size_t n = strlen(word);

    return n >= 1 && n < CA_SERIAL_CAP && strspn(word, "0123456789ABCDEF") == n;
}

/* ---- lines ---- */

static struct ca_entry *find(const struct ca_index *ix, const char *serial)
{
    for (size_t i = ix->count; i > 0; i--) {
        if (strcmp(ix->entries[i - 1].serial, serial) == 0)
            return &ix->entries[i - 1];
    }
    return NULL;
}

static bool append(struct ca_index *ix, const struct ca_entry *e)
{
    if (ix->count == ix->room) {
        const size_t room = ix->room ? ix->room * 2 : 64;
        struct ca_entry *more = realloc(ix->entries, room * sizeof *more);

        if (!more || ix->count >= CA_ENTRIES_MAX) {
            ix->entries = more ? more : ix->entries;
            return false;
        }
        ix->entries = more;
        ix->room = room;
    }
    ix->entries[ix->count++] = *e;
    return true;
}

/* Each takes what stands behind its word: `words` is SERIAL or NUMBER, `rest` the rest.
 */
static bool take_issued(struct ca_index *ix, time_t when, const char *word, char *rest)
{
    struct ca_entry e = {.issued = when};
    char *space = strchr(rest, ' ');

    if (!space || !is_serial(word) || find(ix, word))
        return false;
    *space = '\0';
    (void)snprintf(e.serial, sizeof e.serial, "%s", word);
    (void)snprintf(e.subject, sizeof e.subject, "%s", space + 1);
    return parse_time(rest, &e.until) && append(ix, &e);
}

static bool take_revoked(struct ca_index *ix, time_t when, const char *word, char *rest)
{
    struct ca_entry *e = find(ix, word);

    if (!e || e->revoked || !ca_reason_parse(rest, &e->reason))
        return false;
    e->revoked = true;
    e->revoked_at = when;
    return true;
}

static bool take_list(struct ca_index *ix, time_t when, const char *word, char *rest)
{
    time_t next;
    char *end;
    const uint64_t number = strtoull(word, &end, 10);

    (void)when;
    if (*end != '\0' || number <= ix->list_number || !parse_time(rest, &next))
        return false;
    ix->list_number = number;
    return true;
}

static const struct line_kind {
    const char *word;
    bool (*take)(struct ca_index *ix, time_t when, const char *word, char *rest);
} KINDS[] = {{"issued", take_issued}, {"revoked", take_revoked}, {"list", take_list}};

/* TIME KIND WORD REST, without the line end. */
static bool take_line(struct ca_index *ix, char *line)
{
    char *part[4] = {line, NULL, NULL, NULL};
    time_t when;

    if (line[0] == '#')
        return true;
    for (size_t i = 1; i < 4; i++) {
        part[i] = strchr(part[i - 1], ' ');
        if (!part[i])
            return false;
        *part[i]++ = '\0';
    }
    if (!parse_time(part[0], &when))
        return false;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(KINDS[i].word, part[1]) == 0)
            return KINDS[i].take(ix, when, part[2], part[3]);
    }
    return false;
}

/* ---- the file ---- */

/* A last line without an end is what an interruption left. */
static bool drop_torn(struct ca_index *ix, long start, char *err, size_t cap)
{
    if (ftruncate(fileno(ix->file), start) == 0 && fsync(fileno(ix->file)) == 0) {
        ix->torn = true;
        return true;
    }
    errtext_set(err, cap, "%s: %s", ix->path, strerror(errno));
    return false;
}

static bool read_lines(struct ca_index *ix, char *err, size_t cap)
{
    char line[LINE_CAP];
    unsigned long number = 0;
    long start = 0;

    for (; number < 4ul * CA_ENTRIES_MAX && fgets(line, sizeof line, ix->file);
         number++) {
        const size_t n = strlen(line);
        const bool whole = n > 0 && line[n - 1] == '\n';

        if (!whole && n + 1 < sizeof line)
            return drop_torn(ix, start, err, cap);
        if (whole)
            line[n - 1] = '\0';
        if (!whole || !take_line(ix, line)) {
            errtext_set(err, cap,
                        "%s: line %lu is damaged or contradicts those before it; restore "
                        "the file from a copy",
                        ix->path, number + 1);
            return false;
        }
        start += (long)n;
    }
    if (ferror(ix->file) == 0)
        return true;
    errtext_set(err, cap, "%s: %s", ix->path, strerror(errno));
    return false;
}

bool ca_index_create(const char *path, char *err, size_t cap)
{
    return ca_file_create(path, HEAD, strlen(HEAD), CA_MODE_SECRET, err, cap);
}

static bool open_locked(struct ca_index *ix, char *err, size_t cap)
{
    const int fd = open(ix->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        ix->file = fdopen(fd, "r+");
    if (ix->file)
        return true;
    if (fd >= 0 && errno == EWOULDBLOCK)
        errtext_set(err, cap, "%s: another gate104 pki works on this CA; wait for it",
                    ix->path);
    else
        errtext_set(err, cap, "%s: %s; is this the folder of a CA (gate104 pki init)?",
                    ix->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

struct ca_index *ca_index_open(const char *path, char *err, size_t cap)
{
    struct ca_index *ix = calloc(1, sizeof *ix);

    errtext_set(err, cap, "out of memory");
    if (ix)
        ix->path = strdup(path);
    if (ix && ix->path && open_locked(ix, err, cap) && read_lines(ix, err, cap))
        return ix;
    ca_index_close(ix);
    return NULL;
}

void ca_index_close(struct ca_index *ix)
{
    if (!ix)
        return;
    if (ix->file)
        (void)fclose(ix->file);
    free(ix->entries);
    free(ix->path);
    free(ix);
}

bool ca_index_was_torn(const struct ca_index *ix)
{
    return ix->torn;
}

size_t ca_index_count(const struct ca_index *ix)
{
    return ix->count;
}

const struct ca_entry *ca_index_entry(const struct ca_index *ix, size_t i)
{
    return &ix->entries[i];
}

const struct ca_entry *ca_index_find(const struct ca_index *ix, const char *serial)
{
    return find(ix, serial);
}

uint64_t ca_index_list_number(const struct ca_index *ix)
{
    return ix->list_number;
}

/* ---- adding ---- */

/* One write: a reader, and the next start, finds all of it or a torn end.  What the line
 * says is checked by taking it as if it had been read. */
static bool add_line(struct ca_index *ix, char line[LINE_CAP], int n, char *err,
                     size_t cap)
{
    const int fd = fileno(ix->file);
    char copy[LINE_CAP];

    if (n < 2 || n >= (int)LINE_CAP || memchr(line, '\n', (size_t)n - 1)) {
        errtext_set(err, cap, "%s: a name that is no part of one line", ix->path);
        return false;
    }
    memcpy(copy, line, (size_t)n);
    copy[n - 1] = '\0';
    if (!take_line(ix, copy)) {
        errtext_set(err, cap, "%s: that contradicts what the file says", ix->path);
        return false;
    }
    if (write(fd, line, (size_t)n) == n && fsync(fd) == 0)
        return true;
    errtext_set(err, cap, "%s: cannot be added to: %s", ix->path, strerror(errno));
    return false;
}

bool ca_index_add_issued(struct ca_index *ix, const char *serial, time_t until,
                         const char *subject, time_t now, char *err, size_t cap)
{
    char line[LINE_CAP], at[CA_TIME_CAP], end[CA_TIME_CAP];
    int n;

    ca_time_text(now, at);
    ca_time_text(until, end);
    n = snprintf(line, sizeof line, "%s issued %s %s %s\n", at, serial, end, subject);
    return add_line(ix, line, n, err, cap);
}

bool ca_index_add_revoked(struct ca_index *ix, const char *serial, enum ca_reason reason,
                          time_t now, char *err, size_t cap)
{
    char line[LINE_CAP], at[CA_TIME_CAP];
    int n;

    ca_time_text(now, at);
    n = snprintf(line, sizeof line, "%s revoked %s %s\n", at, serial,
                 ca_reason_name(reason));
    return add_line(ix, line, n, err, cap);
}

bool ca_index_add_list(struct ca_index *ix, uint64_t number, time_t next, time_t now,
                       char *err, size_t cap)
{
    char line[LINE_CAP], at[CA_TIME_CAP], end[CA_TIME_CAP];
    int n;

    ca_time_text(now, at);
    ca_time_text(next, end);
    n = snprintf(line, sizeof line, "%s list %" PRIu64 " %s\n", at, number, end);
    return add_line(ix, line, n, err, cap);
}
