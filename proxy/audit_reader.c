#include "proxy/audit_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void audit_reader_init(struct audit_reader *r, int fd)
{
    r->fd = fd;
    r->line = 0;
    r->taken = 0;
    r->begin = r->end = 0;
}

/* Octets read, 0 at the end, -1 on error. */
static ssize_t fill(struct audit_reader *r)
{
    ssize_t n;

    if (r->begin > 0) {
        memmove(r->buf, r->buf + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    do {
        n = read(r->fd, r->buf + r->end, sizeof r->buf - r->end);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        r->end += (size_t)n;
    return n;
}

static void take(struct audit_reader *r, size_t n)
{
    r->begin += n;
    r->taken += n;
}

/* Skips to behind the next newline; true when it was there. */
static bool skip_line(struct audit_reader *r)
{
    for (;;) {
        const char *nl = memchr(r->buf + r->begin, '\n', r->end - r->begin);

        if (nl) {
            take(r, (size_t)(nl + 1 - (r->buf + r->begin)));
            return true;
        }
        take(r, r->end - r->begin);
        if (fill(r) <= 0)
            return false;
    }
}

enum audit_read audit_reader_next(struct audit_reader *r, const char **text, size_t *n)
{
    for (;;) {
        const char *begin = r->buf + r->begin;
        const char *nl = memchr(begin, '\n', r->end - r->begin);
        ssize_t got;

        *text = begin;
        *n = nl ? (size_t)(nl + 1 - begin) : r->end - r->begin;
        if (*n > AUDIT_LINE_MAX) {
            r->line++;
            *n = 0;
            return skip_line(r) ? AUDIT_READ_LONG : AUDIT_READ_TORN;
        }
        if (nl) {
            r->line++;
            take(r, *n);
            return AUDIT_READ_LINE;
        }
        got = fill(r);
        *text = r->buf + r->begin;
        if (got < 0)
            return AUDIT_READ_ERROR;
        if (got == 0)
            return *n > 0 ? AUDIT_READ_TORN : AUDIT_READ_END;
    }
}
