#include "fuzz/lib/log_chain.h"

#include "proxy/audit_line.h"
#include "proxy/record.h"

#include <stdio.h>
#include <string.h>

#define OPS_MAX  16u
#define TAIL     (AUDIT_HASH_HEX_SIZE + 3u) /* hash, quote, brace, newline */
#define SEQ_AT   13u                        /* behind {"v":1,"seq": */
#define RUN_UNIT 64u

/* ---- a chain ---- */

static void fill(struct record *r, unsigned int i)
{
    static const enum event events[] = {EVENT_SESSION_OPEN, EVENT_COMMAND, EVENT_COMMAND,
                                        EVENT_LOG_CLOSED};
    static const uint8_t apdu[] = {0x68, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x2D, 0x01,
                                   0x06, 0x00, 0x01, 0x00, 0xE9, 0x03, 0x00, 0x01};

    record_begin(r, events[i % 4], i, false);
    record_u64(r, RECORD_SESSION, UINT64_C(1) << 32 | i);
    if (i % 2 == 0)
        record_text(r, RECORD_SUBJECT, "CN=master \"1\",O=Grid\\");
    if (i % 4 != 0)
        record_octets(r, RECORD_APDU, apdu, sizeof apdu);
}

void log_chain_make(struct log_chain *c)
{
    static const struct audit_place place = {.boot = "a1b2c3d4"};
    static struct audit_sender sender = {.name = "gate-0"};
    struct audit_stamp stamp = {.utc = {.tv_sec = 1795228384}};

    FUZZ_CHECK(audit_hash_warm_up());
    c->text.n = 0;
    for (unsigned int i = 0; i < LOG_CHAIN_LINES; i++) {
        static struct record r;
        char line[AUDIT_LINE_MAX];
        const uint8_t *payload;

        fill(&r, i);
        const size_t size = record_end(&r, &payload);
        stamp.seq = i + 1;
        stamp.mono_ms = 1000 + i;
        c->start[i] = c->text.n;
        const size_t n = audit_line_build(&place, &stamp, &sender, payload, size, line);
        FUZZ_CHECK(n > 0 && n <= LOG_CHAIN_MAX - c->text.n);
        memcpy(c->text.octets + c->text.n, line, n);
        c->text.n += n;
        FUZZ_CHECK(audit_hash(line, n, stamp.prev));
    }
    c->start[LOG_CHAIN_LINES] = c->text.n;
}

/* ---- an editor ---- */

size_t log_line_size(const struct log_text *t, size_t at)
{
    const char *nl = memchr(t->octets + at, '\n', t->n - at);

    return nl != NULL ? (size_t)(nl - (t->octets + at)) + 1 : t->n - at;
}

/* Where line `which` begins; the last line if there are fewer. */
static size_t line_at(const struct log_text *t, unsigned int which, size_t *before)
{
    size_t at = 0;

    *before = 0;
    for (unsigned int i = 0; i < which && at < t->n; i++) {
        const size_t size = log_line_size(t, at);
        if (at + size >= t->n)
            break;
        *before = at;
        at += size;
    }
    return at;
}

/* `size` octets in the place of `old` ones, if there is room. */
static void replace(struct log_text *t, size_t at, size_t old, const void *with,
                    size_t size)
{
    if (t->n - old + size > LOG_CHAIN_MAX)
        return;
    memmove(t->octets + at + size, t->octets + at + old, t->n - at - old);
    if (size > 0)
        memcpy(t->octets + at, with, size);
    t->n = t->n - old + size;
}

static void rechain(struct log_text *t, unsigned int which)
{
    size_t before;
    const size_t at = line_at(t, which, &before), size = log_line_size(t, at);
    uint8_t hash[AUDIT_HASH_SIZE];
    char hex[AUDIT_HASH_HEX_SIZE + 1];

    if (at == 0 || size < TAIL)
        return;
    FUZZ_CHECK(audit_hash(t->octets + before, at - before, hash));
    audit_hex(hash, sizeof hash, hex);
    memcpy(t->octets + at + size - TAIL, hex, AUDIT_HASH_HEX_SIZE);
}

static void renumber(struct log_text *t, unsigned int which, unsigned int seq)
{
    size_t before, digits = 0;
    const size_t at = line_at(t, which, &before), size = log_line_size(t, at);
    char text[16];

    if (size <= SEQ_AT + 16)
        return;
    while (digits < 16 && t->octets[at + SEQ_AT + digits] >= '0' &&
           t->octets[at + SEQ_AT + digits] <= '9')
        digits++;
    const int n = snprintf(text, sizeof text, "%u", seq);
    replace(t, at + SEQ_AT, digits, text, (size_t)n);
}

/* As long as a line may be, or one octet more or less. */
static void stretch(struct log_text *t, unsigned int which, unsigned int drawn)
{
    static char filling[AUDIT_LINE_MAX + 1];
    size_t before;
    const size_t at = line_at(t, which, &before), size = log_line_size(t, at);
    const size_t wanted = AUDIT_LINE_MAX - 1 + drawn % 3;

    if (size < TAIL + strlen(",\"prev\":\"") || size > wanted)
        return;
    memset(filling, 'x', sizeof filling);
    replace(t, at + size - TAIL - strlen(",\"prev\":\""), 0, filling, wanted - size);
}

static void copy_line(struct log_text *t, unsigned int from, unsigned int to, bool move)
{
    static char line[LOG_CHAIN_MAX];
    size_t before;
    const size_t at = line_at(t, from, &before), size = log_line_size(t, at);

    memcpy(line, t->octets + at, size);
    if (move)
        replace(t, at, size, NULL, 0);
    replace(t, line_at(t, to, &before), 0, line, size);
}

static void insert_run(struct log_text *t, size_t at, uint8_t octet, size_t units)
{
    static char run[255 * RUN_UNIT];

    memset(run, octet, units * RUN_UNIT);
    replace(t, at, 0, run, units * RUN_UNIT);
}

/* What is done with octets, counted from the front or from the end. */
static void edit_octets(struct log_text *t, unsigned int what, struct fuzz_input *in)
{
    const uint16_t drawn = fuzz_u16(in);
    const size_t at = drawn < 0x8000 ? drawn % (t->n + 1) : t->n - drawn % (t->n + 1);
    const uint8_t v = fuzz_u8(in);
    const size_t left = t->n - at;
    size_t n = v % 64u;

    if (what == 0 && left > 0)
        t->octets[at] = (char)v;
    else if (what == 1 && left > 0)
        t->octets[at] = (char)(t->octets[at] ^ 1 << v % 8);
    else if (what == 2)
        replace(t, at, v < left ? v : left, NULL, 0);
    else if (what == 3)
        t->n = at;
    else if (what == 4)
        insert_run(t, at, fuzz_u8(in), v);
    else if (what == 5) {
        const uint8_t *octets = fuzz_take(in, &n);
        replace(t, at, 0, octets, n);
    }
}

static void edit_lines(struct log_text *t, unsigned int what, struct fuzz_input *in,
                       bool *rechained)
{
    const uint8_t which = fuzz_u8(in) % 16, other = fuzz_u8(in);
    size_t before;
    const size_t at = line_at(t, which, &before);

    if (what == 0) {
        replace(t, at, log_line_size(t, at), NULL, 0);
    } else if (what == 1) {
        copy_line(t, which, other % 16, true);
    } else if (what == 2) {
        copy_line(t, which, other % 16, false);
    } else if (what == 3) {
        renumber(t, which, other);
    } else if (what == 4) {
        rechain(t, which);
        *rechained = true;
    } else if (what == 5) {
        t->n = at;
    } else if (what == 6) {
        stretch(t, which, other);
    }
}

bool log_chain_break(const struct log_chain *c, struct fuzz_input *script,
                     struct log_text *out)
{
    const unsigned int lines = 1 + fuzz_u8(script) % LOG_CHAIN_LINES;
    bool rechained = false;

    out->n = c->start[lines];
    memcpy(out->octets, c->text.octets, out->n);
    for (unsigned int i = 0; i < OPS_MAX && script->left > 0; i++) {
        const uint8_t what = fuzz_u8(script);
        if (what % 2 == 0)
            edit_octets(out, what / 2 % 6, script);
        else
            edit_lines(out, what / 2 % 7, script, &rechained);
    }
    return rechained;
}
