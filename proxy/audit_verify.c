#include "proxy/audit_verify_chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_STEP ((uint64_t)8 << 20)

/* ---- verdicts ---- */

__attribute__((format(printf, 4, 5))) static void
tampered(struct audit_chain *c, uint64_t line, uint64_t seq, const char *fmt, ...)
{
    struct audit_verdict *v = c->v;
    va_list ap;

    v->state = AUDIT_STATE_TAMPERED;
    memcpy(v->bad.file, c->file, sizeof v->bad.file);
    v->bad.line = line;
    v->bad.seq = seq;
    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
}

static void unusable(struct audit_chain *c, const char *why, int err)
{
    c->v->state = AUDIT_STATE_UNUSABLE;
    memcpy(c->v->bad.file, c->file, sizeof c->v->bad.file);
    (void)snprintf(c->v->why, sizeof c->v->why, "%s%s%s", why, err ? ": " : "",
                   err ? strerror(err) : "");
}

/* ---- a line ---- */

/* Line k does not carry the hash of line k-1.  If line k+1 carries the hash of line k,
 * line k is as it was written, so k-1 is the one that was changed. */
static void blame(struct audit_chain *c, const struct audit_envelope *e, const char *text,
                  size_t n)
{
    struct audit_verdict *v = c->v;
    uint64_t line = c->reader.line;
    struct audit_envelope after;
    uint8_t hash[AUDIT_HASH_SIZE];
    bool intact = audit_hash(text, n, hash) &&
                  audit_reader_next(&c->reader, &text, &n) == AUDIT_READ_LINE &&
                  !audit_envelope_parse(text, n, &after) &&
                  memcmp(after.prev, hash, sizeof hash) == 0;

    if (v->records == 0) {
        tampered(c, line, e->seq, "records in front of the first are missing");
        return;
    }
    if (!intact) {
        tampered(c, line, e->seq,
                 "the hash of the record before does not fit: this record or the one "
                 "before was changed");
        return;
    }
    tampered(c, line, e->seq,
             "the record was changed: it is not the one that record %" PRIu64 " follows",
             e->seq);
    v->bad = c->at;
    v->records--;
    v->last = c->before;
}

static bool check_seq(struct audit_chain *c, const struct audit_envelope *e)
{
    struct audit_verdict *v = c->v;
    uint64_t line = c->reader.line;
    uint64_t expected = v->last.seq + 1;

    /* Where the first files are gone, audit_chain_end() asks whether that was told. */
    if (v->records == 0 || e->seq == expected)
        return true;
    if (e->seq > expected)
        tampered(c, line, e->seq,
                 "records %" PRIu64 " to %" PRIu64 " are missing in front of it",
                 expected, e->seq - 1);
    else
        tampered(c, line, e->seq,
                 "out of order or there twice: record %" PRIu64 " was expected here",
                 expected);
    return false;
}

static bool check_name(struct audit_chain *c, const struct audit_envelope *e)
{
    if (c->file_first == 0 && c->named > 0 && c->named != e->seq) {
        tampered(c, c->reader.line, e->seq,
                 "the file begins with this record, and its name says with %" PRIu64,
                 c->named);
        return false;
    }
    return true;
}

static bool check_prev(struct audit_chain *c, const struct audit_envelope *e,
                       const char *text, size_t n)
{
    static const uint8_t none[AUDIT_HASH_SIZE];

    if (c->v->records == 0) {
        c->start.seq = e->seq;
        if (e->seq > 1 && memcmp(e->prev, none, sizeof none) == 0) {
            tampered(c, c->reader.line, e->seq,
                     "it says that no record was before it, and has not the number 1");
            return false;
        }
        if (e->seq > 1)
            memcpy(c->hash, e->prev, sizeof c->hash);
        memcpy(c->start.prev, c->hash, sizeof c->start.prev);
        c->v->head_missing = e->seq > 1;
    }
    if (memcmp(e->prev, c->hash, sizeof c->hash) == 0)
        return true;
    blame(c, e, text, n);
    return false;
}

static void take(struct audit_chain *c, const struct audit_envelope *e,
                 const struct audit_place_in_log *at, const uint8_t hash[AUDIT_HASH_SIZE])
{
    struct audit_verdict *v = c->v;

    if (v->records == 0)
        v->first = *e;
    if (c->file_first == 0)
        c->file_first = e->seq;
    memcpy(c->hash, hash, sizeof c->hash);
    c->before = v->last;
    v->last = *e;
    c->at = *at;
    v->records++;
}

static void check_line(struct audit_chain *c, const char *text, size_t n)
{
    struct audit_place_in_log at = {.line = c->reader.line};
    char why[sizeof c->v->why];
    uint8_t hash[AUDIT_HASH_SIZE];
    struct audit_envelope e;
    const char *fault = audit_envelope_parse(text, n, &e);

    if (fault) {
        tampered(c, c->reader.line, 0, "%s", fault);
        return;
    }
    if (!check_name(c, &e) || !check_seq(c, &e) || !check_prev(c, &e, text, n))
        return;
    if (!audit_hash(text, n, hash)) {
        unusable(c, "no SHA-256 in libcrypto", 0);
        return;
    }
    memcpy(at.file, c->file, sizeof at.file);
    at.seq = e.seq;
    if (!audit_time_take(&c->clock, &e, why, sizeof why) ||
        !audit_chain_link_take(&c->link, &c->start, &e, text, n, why, sizeof why) ||
        (c->recordings &&
         !audit_recordings_take(c->recordings, &at, &e, text, n, why, sizeof why)) ||
        !audit_seal_watch_take(&c->seals, &c->start, &at, &e, text, n, hash, why,
                               sizeof why))
        tampered(c, at.line, at.seq, "%s", why);
    else
        take(c, &e, &at, hash);
}

/* ---- files ---- */

void audit_chain_init(struct audit_chain *c, const struct audit_verify_options *o,
                      struct audit_verdict *v)
{
    memset(v, 0, sizeof *v);
    memset(c, 0, sizeof *c);
    c->o = o;
    c->v = v;
    audit_seal_watch_init(&c->seals, o, &v->seal);
}

void audit_chain_file(struct audit_chain *c, int fd, const char *name, uint64_t named)
{
    c->link.first_of_file = true;
    c->link.follows = c->v->files > 0;
    c->link.before_first = c->file_first;
    c->link.before_octets = c->reader.taken;
    c->done += c->reader.taken;
    c->v->files++;
    c->file_first = 0;
    c->named = named;
    (void)snprintf(c->file, sizeof c->file, "%s", name);
    audit_reader_init(&c->reader, fd);
}

static void tell(struct audit_chain *c)
{
    uint64_t octets = c->done + c->reader.taken;

    c->v->octets = octets;
    if (c->o->progress && octets - c->told >= PROGRESS_STEP) {
        c->told = octets;
        c->o->progress(c->o->ctx, octets);
    }
}

enum audit_read audit_chain_read(struct audit_chain *c)
{
    enum audit_read got = AUDIT_READ_LINE;
    const char *text;
    size_t n;

    while (c->v->state == AUDIT_STATE_OK && got == AUDIT_READ_LINE) {
        got = audit_reader_next(&c->reader, &text, &n);
        c->v->torn = got == AUDIT_READ_TORN ? n : 0;
        if (got == AUDIT_READ_LINE)
            check_line(c, text, n);
        else if (got == AUDIT_READ_LONG)
            tampered(c, c->reader.line, 0, "longer than a record may be");
        else if (got == AUDIT_READ_ERROR)
            unusable(c, "cannot be read", errno);
        tell(c);
    }
    return got;
}

void audit_chain_file_end(struct audit_chain *c, enum audit_read got)
{
    if (c->v->state != AUDIT_STATE_OK)
        return;
    if (got == AUDIT_READ_TORN)
        tampered(c, c->reader.line + 1, 0,
                 "the file ends within this line, and another one follows it");
    else if (c->file_first == 0)
        tampered(c, 1, 0, "there is no record in it, and another file follows it");
    else
        audit_seal_watch_file_end(&c->seals, &c->at);
}

static void incomplete(struct audit_chain *c, uint64_t line, uint64_t seq,
                       const char *why)
{
    tampered(c, line, seq, "%s", why);
    c->v->state = AUDIT_STATE_INCOMPLETE;
}

/* Records are missing in front of the first; the log must say that retention did it. */
static void judge_head(struct audit_chain *c)
{
    struct audit_verdict *v = c->v;

    if (!v->head_missing || v->head_deleted)
        return;
    v->state = AUDIT_STATE_INCOMPLETE;
    v->bad.line = 0;
    v->bad.seq = 0;
    (void)snprintf(v->why, sizeof v->why,
                   "it begins with record %" PRIu64
                   ", and no record log.deleted tells what "
                   "became of those in front of it",
                   v->first.seq);
}

void audit_chain_end(struct audit_chain *c, enum audit_read got)
{
    struct audit_verdict *v = c->v;

    v->head_deleted = c->link.head_found;
    if (v->state != AUDIT_STATE_OK)
        return;
    if (v->records > 0)
        audit_seal_watch_end(&c->seals, v);
    if (v->state == AUDIT_STATE_OK)
        judge_head(c);
    if (v->state != AUDIT_STATE_OK)
        return;
    if (got == AUDIT_READ_TORN)
        incomplete(c, c->reader.line + 1, 0,
                   "the last line has no end: it was cut or is being written");
    else if (v->records == 0)
        incomplete(c, 0, 0, "there is no record in it");
}

void audit_verify(int fd, struct audit_verdict *v,
                  void (*progress)(void *ctx, uint64_t octets), void *ctx)
{
    const struct audit_verify_options o = {.progress = progress, .ctx = ctx};
    struct audit_chain c;

    audit_chain_init(&c, &o, v);
    audit_chain_file(&c, fd, "", 0);
    audit_chain_end(&c, audit_chain_read(&c));
}
