/* What the verifier finds: every change of a log in front of its last record. */
#include "proxy/audit_line.h"
#include "proxy/audit_reader.h"
#include "proxy/audit_verify.h"
#include "proxy/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES 9u

static char sample[LINES * 1024];
static size_t start[LINES + 1]; /* of each line, and the end */
static int memory = -1;

static void build_record(struct record *r, unsigned int i)
{
    static const uint8_t apdu[] = {0x68, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x2D, 0x01,
                                   0x06, 0x00, 0x01, 0x00, 0xE9, 0x03, 0x00, 0x01};

    record_begin(r, i % 3 == 0 ? EVENT_SESSION_OPEN : EVENT_COMMAND, i, false);
    record_u64(r, RECORD_SESSION, UINT64_C(1) << 32 | i);
    record_text(r, RECORD_SUBJECT, "CN=master \"1\",O=Grid");
    if (i % 3 != 0)
        record_octets(r, RECORD_APDU, apdu, sizeof apdu);
}

/* Fills the sample; `before` is what its first line says of the line before. */
static void make_sample(uint8_t before)
{
    static const struct audit_place place = {.boot = "a1b2c3d4"};
    static struct audit_sender sender = {.name = "gate-0"};
    static char line[AUDIT_LINE_MAX];
    struct audit_stamp stamp = {.utc = {.tv_sec = 1795228384}};
    size_t n = 0;

    memset(stamp.prev, before, sizeof stamp.prev);
    for (unsigned int i = 0; i < LINES; i++) {
        const uint8_t *payload;
        struct record r;
        size_t size;

        build_record(&r, i);
        size = record_end(&r, &payload);
        stamp.seq = i + 1;
        stamp.mono_ms = 1000 + i;
        start[i] = n;
        size = audit_line_build(&place, &stamp, &sender, payload, size, line);
        assert_true(size > 0 && size <= sizeof sample - n);
        memcpy(sample + n, line, size);
        assert_true(audit_hash(line, size, stamp.prev));
        n += size;
    }
    start[LINES] = n;
}

static int set_up(void **state)
{
    (void)state;
    memory = memfd_create("log", MFD_CLOEXEC);
    assert_true(memory >= 0);
    make_sample(0);
    return 0;
}

static struct audit_verdict verify(const void *p, size_t n)
{
    struct audit_verdict v;

    assert_int_equal(ftruncate(memory, 0), 0);
    assert_int_equal(pwrite(memory, p, n, 0), n);
    assert_int_equal(lseek(memory, 0, SEEK_SET), 0);
    audit_verify(memory, &v, NULL, NULL);
    return v;
}

static void the_sample_is_whole(void **state)
{
    struct audit_verdict v = verify(sample, start[LINES]);

    (void)state;
    assert_int_equal(v.state, AUDIT_STATE_OK);
    assert_int_equal(v.records, LINES);
    assert_int_equal(v.first.seq, 1);
    assert_int_equal(v.last.seq, LINES);
    assert_string_equal(v.last.event, "op.command");
    assert_int_equal(v.octets, start[LINES]);
}

static unsigned int line_of(size_t offset)
{
    unsigned int i = 0;

    while (start[i + 1] <= offset)
        i++;
    return i + 1;
}

static void every_flipped_bit_is_found_and_named(void **state)
{
    static char copy[sizeof sample];

    (void)state;
    memcpy(copy, sample, start[LINES]);
    for (size_t at = 0; at < start[LINES - 1]; at++) {
        for (unsigned int bit = 0; bit < 8; bit++) {
            struct audit_verdict v;
            unsigned int line = line_of(at);

            copy[at] = (char)(sample[at] ^ (1 << bit));
            v = verify(copy, start[LINES]);
            copy[at] = sample[at];
            assert_int_equal(v.state, AUDIT_STATE_TAMPERED);
            assert_int_equal(v.records, v.bad.line - 1);
            if (v.records > 0)
                assert_int_equal(v.last.seq, v.records);
            /* The last but one has only one witness: either may be the changed one. */
            if (v.bad.line != line && !(line == LINES - 1 && v.bad.line == LINES))
                fail_msg("octet %zu bit %u: line %u, but %u named: %s", at, bit, line,
                         (unsigned int)v.bad.line, v.why);
        }
    }
}

/* Of the last record the frame is checked: form, number, link to the one before. */
static void in_the_last_record_the_frame_is_checked(void **state)
{
    static char copy[sizeof sample];
    size_t fields = start[LINES - 1];
    size_t found = 0;

    (void)state;
    memcpy(copy, sample, start[LINES]);
    for (size_t at = fields; at < start[LINES]; at++) {
        bool frame = at < fields + strlen("{\"v\":1,\"seq\":9,\"time\":\"") ||
                     at >= start[LINES] - strlen(",\"prev\":\"") - 64 - strlen("\"}\n");

        copy[at] = (char)(sample[at] ^ 0x41);
        if (verify(copy, start[LINES]).state != AUDIT_STATE_OK)
            found++;
        else
            assert_false(frame);
        copy[at] = sample[at];
    }
    assert_true(found >= 64 + 20);
}

/* A log of the lines whose numbers (from 1) the text names. */
static struct audit_verdict verify_lines(const char *order)
{
    static char copy[2 * sizeof sample];
    size_t n = 0;

    for (const char *p = order; *p; p++) {
        unsigned int i = (unsigned int)(*p - '1');

        memcpy(copy + n, sample + start[i], start[i + 1] - start[i]);
        n += start[i + 1] - start[i];
    }
    return verify(copy, n);
}

static void lines_removed_swapped_and_doubled(void **state)
{
    static const struct {
        const char *order;
        uint64_t line; /* 0: a chain, as its cut end cannot be seen */
        bool head;     /* only its head is missing, and nothing tells why */
    } table[] = {
        {"123456789", 0, false},  {"12345678", 0, false},
        {"1", 0, false},          {"23456789", 0, true},
        {"9", 0, true},           {"13456789", 2, false},
        {"12345679", 8, false},   {"19", 2, false},
        {"213456789", 2, false},  {"132456789", 2, false},
        {"123456798", 8, false},  {"1123456789", 2, false},
        {"1223456789", 3, false}, {"1234567899", 10, false},
        {"1212", 3, false},       {"987654321", 2, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct audit_verdict v = verify_lines(table[i].order);

        assert_int_equal(v.state, table[i].head        ? AUDIT_STATE_INCOMPLETE
                                  : table[i].line == 0 ? AUDIT_STATE_OK
                                                       : AUDIT_STATE_TAMPERED);
        assert_int_equal(v.bad.line, table[i].line);
    }
}

/* The beginning of a log is missing, and what is left was numbered anew. */
static void a_chain_begins_with_zeros(void **state)
{
    struct audit_verdict v;

    (void)state;
    make_sample(0xAA);
    v = verify(sample, start[LINES]);
    make_sample(0);
    assert_int_equal(v.state, AUDIT_STATE_TAMPERED);
    assert_int_equal(v.bad.line, 1);
}

static void every_cut_inside_a_line_is_incomplete(void **state)
{
    (void)state;
    for (size_t n = 1; n < start[LINES]; n++) {
        struct audit_verdict v = verify(sample, n);
        unsigned int whole = line_of(n - 1) - (start[line_of(n - 1)] == n ? 0 : 1);

        assert_int_equal(v.records, whole);
        assert_int_equal(v.state,
                         start[whole] == n ? AUDIT_STATE_OK : AUDIT_STATE_INCOMPLETE);
        assert_int_equal(v.torn, n - start[whole]);
    }
}

static void an_empty_log_is_incomplete(void **state)
{
    (void)state;
    assert_int_equal(verify("", 0).state, AUDIT_STATE_INCOMPLETE);
}

static void no_log_is_unusable(void **state)
{
    struct audit_verdict v;

    (void)state;
    audit_verify(-1, &v, NULL, NULL);
    assert_int_equal(v.state, AUDIT_STATE_UNUSABLE);
}

static void lines_without_end_need_no_memory(void **state)
{
    size_t n = (size_t)4 << 20;
    char *p = malloc(n);
    struct audit_verdict v;

    (void)state;
    assert_non_null(p);
    memset(p, 'x', n);
    assert_int_equal(verify(p, n).state, AUDIT_STATE_INCOMPLETE);
    p[n - 1] = '\n';
    v = verify(p, n);
    assert_int_equal(v.state, AUDIT_STATE_TAMPERED);
    assert_int_equal(v.bad.line, 1);
    memset(p, '\n', n);
    assert_int_equal(verify(p, n).state, AUDIT_STATE_TAMPERED);
    memset(p, 0, n);
    assert_int_not_equal(verify(p, n).state, AUDIT_STATE_OK);
    free(p);
}

/* One random edit in front of the last record. */
static size_t edit(char *p, size_t n)
{
    size_t limit = start[LINES - 1];
    size_t at = (size_t)random() % limit;
    size_t len = 1 + (size_t)random() % 300;
    size_t to = (size_t)random() % limit;

    if (len > limit - at)
        len = limit - at;
    switch (random() % 4) {
    case 0: p[at] = (char)random(); return n;
    case 1: memmove(p + at, p + at + len, n - at - len); return n - len;
    case 2: memmove(p + at + len, p + at, n - at); return n + len;
    default:
        if (len > limit - to)
            len = limit - to;
        memmove(p + at, p + to, len > limit - at ? limit - at : len);
        return n;
    }
}

static void random_edits_are_found(void **state)
{
    static char copy[2 * sizeof sample];
    unsigned int tried = 0;

    (void)state;
    srandom(104);
    for (unsigned int i = 0; i < 20000; i++) {
        size_t n = start[LINES];

        memcpy(copy, sample, n);
        n = edit(copy, n);
        if (n == start[LINES] && memcmp(copy, sample, n) == 0)
            continue;
        tried++;
        assert_int_not_equal(verify(copy, n).state, AUDIT_STATE_OK);
    }
    assert_true(tried > 15000);
}

/* A log that is still written: what has no newline yet comes later. */
static void the_reader_follows(void **state)
{
    struct audit_reader *r = malloc(sizeof *r);
    const char *text;
    size_t half = start[1] + 10;
    size_t n;

    (void)state;
    assert_non_null(r);
    assert_int_equal(ftruncate(memory, 0), 0);
    assert_int_equal(lseek(memory, 0, SEEK_SET), 0);
    audit_reader_init(r, memory);
    assert_int_equal(audit_reader_next(r, &text, &n), AUDIT_READ_END);
    assert_int_equal(pwrite(memory, sample, half, 0), half);
    assert_int_equal(audit_reader_next(r, &text, &n), AUDIT_READ_LINE);
    assert_int_equal(n, start[1]);
    assert_int_equal(audit_reader_next(r, &text, &n), AUDIT_READ_TORN);
    assert_int_equal(n, 10);
    assert_int_equal(pwrite(memory, sample + half, start[2] - half, (off_t)half),
                     start[2] - half);
    assert_int_equal(audit_reader_next(r, &text, &n), AUDIT_READ_LINE);
    assert_int_equal(n, start[2] - start[1]);
    assert_memory_equal(text, sample + start[1], n);
    assert_int_equal(audit_reader_next(r, &text, &n), AUDIT_READ_END);
    assert_int_equal(r->line, 2);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_whole),
        cmocka_unit_test(every_flipped_bit_is_found_and_named),
        cmocka_unit_test(in_the_last_record_the_frame_is_checked),
        cmocka_unit_test(lines_removed_swapped_and_doubled),
        cmocka_unit_test(a_chain_begins_with_zeros),
        cmocka_unit_test(every_cut_inside_a_line_is_incomplete),
        cmocka_unit_test(an_empty_log_is_incomplete),
        cmocka_unit_test(no_log_is_unusable),
        cmocka_unit_test(lines_without_end_need_no_memory),
        cmocka_unit_test(random_edits_are_found),
        cmocka_unit_test(the_reader_follows),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
