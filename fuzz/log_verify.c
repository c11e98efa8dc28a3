/* The verifier of the session log: a log in which anything was changed is never said to
 * be whole, one in which nothing was changed always, and the reader gives the lines that
 * are there.
 *
 * Target functions: audit_verify audit_reader_init audit_reader_next audit_envelope_parse
 *   audit_hash audit_unhex audit_hex audit_time_take log_record_parse log_what
 *   log_sessions_learn log_sessions_who
 * Options: -max_len=4096
 *
 * Input: an even octet and a file as it is, or an odd one and a script that changes a
 * log, see fuzz/lib/log_chain.h. */
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/log_chain.h"
#include "fuzz/lib/sink.h"

#include "proxy/audit_reader.h"
#include "proxy/audit_verify.h"
#include "proxy/audit_verify_time.h"
#include "proxy/cli/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file;
static struct log_chain chain;
static struct sink out;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("log", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0);
    log_chain_make(&chain);
    sink_init(&out);
    sink_silence();
    return 0;
}

static void write_file(const struct log_text *t)
{
    FUZZ_CHECK(ftruncate(file, 0) == 0);
    FUZZ_CHECK(pwrite(file, t->octets, t->n, 0) == (ssize_t)t->n);
    FUZZ_CHECK(lseek(file, 0, SEEK_SET) == 0);
}

/* ---- an opinion of its own ---- */

struct opinion {
    bool good;      /* every whole line is a record and follows the one before */
    bool head;      /* the first of them is not the first of a chain */
    uint64_t lines; /* that are good */
    uint64_t last;  /* seq of the last of them */
    size_t torn;    /* octets behind the last newline */
};

static bool follows(const char *line, size_t n, uint64_t seq, const uint8_t *prev,
                    struct audit_time_mark *clock)
{
    struct audit_envelope e;
    char head[64], tail[96], hex[AUDIT_HASH_HEX_SIZE + 1], why[200];

    audit_hex(prev, AUDIT_HASH_SIZE, hex);
    const size_t front = (size_t)snprintf(
        head, sizeof head, "{\"v\":1,\"seq\":%llu,\"time\":\"", (unsigned long long)seq);
    const size_t end = (size_t)snprintf(tail, sizeof tail, ",\"prev\":\"%s\"}\n", hex);
    return n <= AUDIT_LINE_MAX && n > front + end && memcmp(line, head, front) == 0 &&
           memcmp(line + n - end, tail, end) == 0 &&
           audit_envelope_parse(line, n, &e) == NULL &&
           audit_time_take(clock, &e, why, sizeof why);
}

/* The number that the first line must have, and the hash: its own, if it says that there
 * were others. */
static bool begins(const char *line, size_t n, uint64_t *seq, uint8_t *hash)
{
    static const uint8_t none[AUDIT_HASH_SIZE];
    struct audit_envelope e;

    *seq = 1;
    if (audit_envelope_parse(line, n, &e) != NULL || e.seq == 1 ||
        memcmp(e.prev, none, sizeof none) == 0)
        return false;
    *seq = e.seq;
    memcpy(hash, e.prev, sizeof e.prev);
    return true;
}

static struct opinion judge(const struct log_text *t)
{
    struct opinion o = {.good = true};
    struct audit_time_mark clock = {.known = false};
    uint8_t hash[AUDIT_HASH_SIZE] = {0};
    uint64_t seq = 1;
    size_t size;

    for (size_t at = 0; at < t->n; at += size) { /* size > 0 */
        size = log_line_size(t, at);
        if (t->octets[at + size - 1] != '\n') {
            o.torn = size;
            break;
        }
        if (at == 0)
            o.head = begins(t->octets, size, &seq, hash);
        if (!follows(t->octets + at, size, seq, hash, &clock)) {
            o.good = false;
            return o;
        }
        FUZZ_CHECK(audit_hash(t->octets + at, size, hash));
        o.lines++;
        o.last = seq++;
    }
    return o;
}

/* ---- the verdict ---- */

static void check_verdict(const struct log_text *t, const struct audit_verdict *v)
{
    const struct opinion o = judge(t);
    const bool some = o.lines > 0 || o.torn > 0;

    FUZZ_CHECK((v->state == AUDIT_STATE_OK) ==
               (o.good && !o.head && o.lines > 0 && o.torn == 0));
    FUZZ_CHECK((v->state == AUDIT_STATE_INCOMPLETE) ==
               (o.good && (!some || o.head || o.torn > 0)));
    FUZZ_CHECK(v->state != AUDIT_STATE_UNUSABLE);
    FUZZ_CHECK(strnlen(v->why, sizeof v->why) < sizeof v->why);
    for (const char *p = v->why; *p != '\0'; p++)
        FUZZ_CHECK(*p >= ' ' && *p <= '~');
    FUZZ_CHECK((v->why[0] == '\0') == (v->state == AUDIT_STATE_OK));
    if (v->state == AUDIT_STATE_TAMPERED) {
        /* The bad line, or the one before it, of which the hash tells. */
        FUZZ_CHECK(v->bad.line == o.lines + 1 || (v->bad.line == o.lines && o.lines > 0));
        FUZZ_CHECK(v->records == v->bad.line - 1);
        return;
    }
    FUZZ_CHECK(v->records == o.lines && (o.lines == 0 || v->last.seq == o.last));
}

/* What nobody can change unseen: every line but the last, and of the last what ties it to
 * the one before.  (The log is not sealed: its end may be missing.) */
static void check_unchanged(const struct log_text *t, const struct audit_verdict *v)
{
    if (v->state != AUDIT_STATE_OK)
        return;
    FUZZ_CHECK(v->records <= LOG_CHAIN_LINES);
    const size_t last = chain.start[v->records - 1];
    FUZZ_CHECK(t->n > last && memcmp(t->octets, chain.text.octets, last) == 0);
}

static void check_whole(const struct log_text *t, const struct audit_verdict *v)
{
    for (size_t i = 1; i <= LOG_CHAIN_LINES; i++)
        if (t->n == chain.start[i] && memcmp(t->octets, chain.text.octets, t->n) == 0)
            FUZZ_CHECK(v->state == AUDIT_STATE_OK && v->records == i);
}

/* ---- the reader ---- */

static void show(const char *line, size_t n)
{
    static struct log_sessions sessions;
    json_t *record = log_record_parse(line, n);

    if (record == NULL)
        return;
    sink_clear(&out);
    log_sessions_learn(&sessions, record);
    FUZZ_CHECK(log_sessions_who(&sessions, record) != NULL);
    log_what(out.file, record);
    sink_read(&out);
    for (size_t i = 0; i < out.n; i++)
        FUZZ_CHECK(out.text[i] >= ' ' && out.text[i] <= '~');
    json_decref(record);
}

static void check_reader(const struct log_text *t)
{
    static struct audit_reader r;
    enum audit_read got = AUDIT_READ_LINE;
    size_t at = 0, n;
    const char *text;
    uint64_t lines = 0;

    FUZZ_CHECK(lseek(file, 0, SEEK_SET) == 0);
    audit_reader_init(&r, file);
    while (got == AUDIT_READ_LINE || got == AUDIT_READ_LONG) {
        got = audit_reader_next(&r, &text, &n);
        const size_t size = at < t->n ? log_line_size(t, at) : 0;
        const bool whole = size > 0 && t->octets[at + size - 1] == '\n';
        FUZZ_CHECK((got == AUDIT_READ_END) == (size == 0));
        FUZZ_CHECK((got == AUDIT_READ_LINE) == (whole && size <= AUDIT_LINE_MAX));
        FUZZ_CHECK((got == AUDIT_READ_LONG) == (whole && size > AUDIT_LINE_MAX));
        if (got == AUDIT_READ_LINE) {
            FUZZ_CHECK(n == size && memcmp(text, t->octets + at, n) == 0);
            show(text, n);
        }
        if (whole)
            FUZZ_CHECK(r.line == ++lines && r.taken == at + size);
        at += size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct log_text text;
    struct fuzz_input in = {data, size};
    struct audit_verdict v;
    const bool script = fuzz_u8(&in) % 2 == 1;
    bool rechained = false;

    if (script) {
        rechained = log_chain_break(&chain, &in, &text);
    } else {
        text.n = in.left;
        memcpy(text.octets, in.p, in.left);
    }
    write_file(&text);
    audit_verify(file, &v, NULL, NULL);
    check_verdict(&text, &v);
    if (script && !rechained)
        check_unchanged(&text, &v);
    check_whole(&text, &v);
    check_reader(&text);
    return 0;
}
