#include "proxy/audit_verify.h"

#include "proxy/audit_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_STEP ((uint64_t)8 << 20)

struct walk {
    struct audit_reader reader;
    struct audit_verdict *v;
    uint8_t hash[AUDIT_HASH_SIZE]; /* of the last good line; zeros before the first */
    struct audit_envelope before;  /* of the good line before that */
    uint64_t told;
};

__attribute__((format(printf, 4, 5))) static void
tampered(struct audit_verdict *v, uint64_t line, uint64_t seq, const char *fmt, ...)
{
    va_list ap;

    v->state = AUDIT_STATE_TAMPERED;
    v->bad_line = line;
    v->bad_seq = seq;
    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
}

/* Line k does not carry the hash of line k-1.  If line k+1 carries the hash of line k,
 * line k is as it was written, so k-1 is the one that was changed. */
static void blame(struct walk *w, const struct audit_envelope *e, const char *text,
                  size_t n)
{
    struct audit_verdict *v = w->v;
    uint64_t line = w->reader.line;
    struct audit_envelope after;
    uint8_t hash[AUDIT_HASH_SIZE];
    bool intact = audit_hash(text, n, hash) &&
                  audit_reader_next(&w->reader, &text, &n) == AUDIT_READ_LINE &&
                  !audit_envelope_parse(text, n, &after) &&
                  memcmp(after.prev, hash, sizeof hash) == 0;

    if (line == 1)
        tampered(v, line, e->seq, "records in front of the first are missing");
    else if (intact)
        tampered(v, line - 1, e->seq - 1,
                 "the record was changed: it is not the one that record %" PRIu64
                 " follows",
                 e->seq);
    else
        tampered(v, line, e->seq,
                 "the hash of the record before does not fit: this record or the one "
                 "before was changed");
    if (line > 1 && intact) {
        v->records--;
        v->last = w->before;
    }
}

static bool check_seq(struct walk *w, const struct audit_envelope *e)
{
    struct audit_verdict *v = w->v;
    uint64_t line = w->reader.line;
    uint64_t expected = v->records == 0 ? 1 : v->last.seq + 1;

    if (e->seq == expected)
        return true;
    if (e->seq > expected)
        tampered(v, line, e->seq,
                 "records %" PRIu64 " to %" PRIu64 " are missing in front of it",
                 expected, e->seq - 1);
    else
        tampered(v, line, e->seq,
                 "out of order or there twice: record %" PRIu64 " was expected here",
                 expected);
    return false;
}

static void check_line(struct walk *w, const char *text, size_t n)
{
    struct audit_verdict *v = w->v;
    struct audit_envelope e;
    const char *fault = audit_envelope_parse(text, n, &e);

    if (fault) {
        tampered(v, w->reader.line, 0, "%s", fault);
        return;
    }
    if (!check_seq(w, &e))
        return;
    if (memcmp(e.prev, w->hash, sizeof w->hash) != 0) {
        blame(w, &e, text, n);
        return;
    }
    if (!audit_hash(text, n, w->hash)) {
        v->state = AUDIT_STATE_UNUSABLE;
        (void)snprintf(v->why, sizeof v->why, "no SHA-256 in libcrypto");
        return;
    }
    if (v->records == 0)
        v->first = e;
    w->before = v->last;
    v->last = e;
    v->records++;
}

static void unreadable(struct audit_verdict *v)
{
    v->state = AUDIT_STATE_UNUSABLE;
    (void)snprintf(v->why, sizeof v->why, "cannot be read: %s", strerror(errno));
}

/* The chain held to the end; is the end one? */
static void judge_end(struct audit_verdict *v, enum audit_read got, uint64_t line)
{
    if (got == AUDIT_READ_TORN) {
        v->state = AUDIT_STATE_INCOMPLETE;
        v->bad_line = line + 1;
        (void)snprintf(v->why, sizeof v->why,
                       "the last line has no end: it was cut or is being written");
    } else if (v->records == 0) {
        v->state = AUDIT_STATE_INCOMPLETE;
        (void)snprintf(v->why, sizeof v->why, "there is no record in it");
    }
}

void audit_verify(int fd, struct audit_verdict *v,
                  void (*progress)(void *ctx, uint64_t octets), void *ctx)
{
    struct walk w;
    enum audit_read got = AUDIT_READ_LINE;

    memset(v, 0, sizeof *v);
    memset(w.hash, 0, sizeof w.hash);
    w.v = v;
    w.told = 0;
    audit_reader_init(&w.reader, fd);
    while (v->state == AUDIT_STATE_OK && got == AUDIT_READ_LINE) {
        const char *text;
        size_t n;

        got = audit_reader_next(&w.reader, &text, &n);
        v->torn = got == AUDIT_READ_TORN ? n : 0;
        if (got == AUDIT_READ_LINE)
            check_line(&w, text, n);
        else if (got == AUDIT_READ_LONG)
            tampered(v, w.reader.line, 0, "longer than a record may be");
        else if (got == AUDIT_READ_ERROR)
            unreadable(v);
        if (progress && w.reader.taken - w.told >= PROGRESS_STEP) {
            w.told = w.reader.taken;
            progress(ctx, w.told);
        }
    }
    v->octets = w.reader.taken;
    if (v->state == AUDIT_STATE_OK)
        judge_end(v, got, w.reader.line);
}
