/* Tampering with a sealed log: each octet, each kind of edit, 10^5 of them at random.
 * None is missed, and the first bad record is the one that is named. */
#include "proxy/audit_verify_chain.h"
#include "tests/lib/sealed_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define EDITS 100000u

static struct sealed_log sample;
static size_t size; /* of its text */
static int memory = -1;
static char copy[2 * SEALED_MAX];

static int set_up(void **state)
{
    (void)state;
    memory = memfd_create("log", MFD_CLOEXEC);
    sealed_log_init(&sample);
    sealed_log_add(&sample, "log.opened", "notice", ",\"detail\":\"a chain begins\"");
    sealed_log_add(&sample, "system.start", "notice", ",\"detail\":\"1 route\"");
    sealed_log_add(&sample, "session.open", "notice",
                   ",\"subject\":\"CN=master \\\"1\\\"\"");
    sealed_log_add(&sample, "op.command", "notice", ",\"ioa\":1001,\"value\":1");
    sealed_log_add(&sample, "policy.refused", "warning", ",\"ioa\":1002,\"value\":1");
    sealed_log_seal(&sample, "interval");
    sealed_log_add(&sample, "op.command", "notice", ",\"ioa\":1003,\"value\":0");
    sealed_log_add(&sample, "tls.handshake-failed", "alarm", ",\"why\":\"expired\"");
    sealed_log_add(&sample, "log.gap", "alarm", ",\"count\":3");
    sealed_log_add(&sample, "log.closed", "notice", "");
    sealed_log_seal(&sample, "stop");
    size = sample.start[sample.lines];
    return memory >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sealed_log_free(&sample);
    (void)close(memory);
    return 0;
}

/* With the key, and with the seed if asked for; the last seal is anchored. */
static struct audit_verdict verify(const char *text, size_t n, bool seed)
{
    static struct audit_chain c;
    const uint8_t seeds[1][AUDIT_SEED_SIZE] = {{8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
                                                8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
                                                8, 8, 8, 8, 8, 8, 8, 8, 8, 8}};
    struct audit_anchors anchors;
    struct audit_verify_options o = {.keys = &sample.pub,
                                     .n_keys = 1,
                                     .seeds = seeds,
                                     .n_seeds = seed ? 1 : 0,
                                     .anchors = &anchors};
    size_t last = sample.start[sample.lines - 1];
    struct audit_verdict v;

    audit_anchors_init(&anchors);
    assert_null(audit_anchors_add(&anchors, sample.text + last, size - last));
    assert_int_equal(ftruncate(memory, 0), 0);
    assert_int_equal(pwrite(memory, text, n, 0), n);
    assert_int_equal(lseek(memory, 0, SEEK_SET), 0);
    audit_chain_init(&c, &o, &v);
    audit_chain_file(&c, memory, "log", 0);
    audit_chain_end(&c, audit_chain_read(&c));
    audit_anchors_free(&anchors);
    return v;
}

static void the_sample_is_whole(void **state)
{
    struct audit_verdict v = verify(sample.text, size, true);

    (void)state;
    assert_string_equal(v.why, "");
    assert_int_equal(v.state, AUDIT_STATE_OK);
    assert_int_equal(v.records, sample.lines);
    assert_int_equal(v.seal.seals, 2);
    assert_int_equal(v.seal.signatures, 2);
    assert_int_equal(v.seal.macs, 2);
    assert_int_equal(v.seal.seq, sample.lines);
}

/* The first line, from 1, in which a text is not the sample. */
static uint64_t first_change(const char *text, size_t n)
{
    size_t common = n < size ? n : size;
    size_t at = 0;
    uint64_t line = 1;

    while (at < common && text[at] == sample.text[at])
        line += sample.text[at++] == '\n';
    return line;
}

/* A record that only one other tells of may be named by that one. */
static void check_named(const struct audit_verdict *v, const char *text, size_t n,
                        unsigned int what)
{
    uint64_t line = first_change(text, n);

    if (v->state == AUDIT_STATE_OK)
        fail_msg("edit %u is not found", what);
    /* Whether the head may be missing is only known at the end. */
    if (!v->head_missing && v->bad.line != 0 && v->bad.line != line &&
        v->bad.line != line + 1)
        fail_msg("edit %u: line %u was changed, and line %u is named: %s", what,
                 (unsigned int)line, (unsigned int)v->bad.line, v->why);
    assert_true(v->state == AUDIT_STATE_TAMPERED || v->state == AUDIT_STATE_INCOMPLETE);
    assert_int_not_equal(v->why[0], '\0');
}

static void every_octet_flipped_is_found(void **state)
{
    (void)state;
    memcpy(copy, sample.text, size);
    for (size_t at = 0; at < size; at++) {
        /* All bits where no line behind it bears witness. */
        unsigned int bits = at >= sample.start[sample.lines - 1] ? 8 : 1;

        for (unsigned int bit = 0; bit < bits; bit++) {
            struct audit_verdict v;

            copy[at] = (char)(sample.text[at] ^ (1 << (bit + at) % 8));
            v = verify(copy, size, false);
            check_named(&v, copy, size, (unsigned int)at);
            copy[at] = sample.text[at];
        }
    }
}

/* The same with the chain made to fit again: the next seal is what is wrong. */
static void every_octet_changed_and_linked_anew_is_found(void **state)
{
    size_t first = sample.start[5]; /* the first seal */

    (void)state;
    for (size_t at = 0; at < sample.start[sample.lines - 1]; at += 3) {
        struct audit_verdict v;

        memcpy(copy, sample.text, size);
        copy[at] = sample.text[at] == 'x' ? 'y' : 'x';
        sealed_log_relink(copy, size);
        if (memcmp(copy, sample.text, size) == 0)
            continue; /* it was in a hash, which is written anew */
        v = verify(copy, size, false);
        if (v.state != AUDIT_STATE_TAMPERED)
            fail_msg("octet %zu: %d", at, v.state);
        assert_true(v.bad.line >= first_change(copy, size));
        assert_true(v.bad.line <= (at < first ? 6u : sample.lines));
    }
}

/* ---- at random ---- */

static uint64_t draws = 0x104;

static size_t draw(size_t below)
{
    draws = draws * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(draws >> 33) % below;
}

static size_t line_start(size_t line, const char *text, size_t n)
{
    size_t at = 0;

    for (; line > 0 && at < n; line--)
        at += (size_t)((const char *)memchr(text + at, '\n', n - at) - (text + at)) + 1;
    return at;
}

static size_t cut_out(char *p, size_t n, size_t at, size_t len)
{
    memmove(p + at, p + at + len, n - at - len);
    return n - len;
}

static size_t put_in(char *p, size_t n, size_t at, const char *what, size_t len)
{
    memmove(p + at + len, p + at, n - at);
    memcpy(p + at, what, len);
    return n + len;
}

static size_t edit_octets(char *p, size_t n)
{
    size_t at = draw(n);
    size_t len = 1 + draw(n - at < 400 ? n - at : 400);
    size_t from = draw(size - len + 1);

    switch (draw(6)) {
    case 0: p[at] = (char)draw(256); return n;
    case 1: p[at] = sample.text[draw(size)]; return n;
    case 2: return cut_out(p, n, at, len);
    case 3: return put_in(p, n, at, sample.text + from, len);
    case 4: memcpy(p + at, sample.text + from, len); return n;
    default: return at; /* the tail cut */
    }
}

static size_t edit_lines(char *p, size_t n)
{
    char line[AUDIT_LINE_MAX];
    size_t a = draw(sample.lines), b = draw(sample.lines);
    size_t at = sample.start[a], len = sample.start[a + 1] - at;

    memcpy(line, p + at, len);
    switch (draw(4)) {
    case 0: return cut_out(p, n, at, len);
    case 1: return put_in(p, n, sample.start[b], line, len);
    case 2:
        n = cut_out(p, n, at, len);
        return put_in(p, n, line_start(b, p, n), line, len);
    default: return at; /* cut behind a line */
    }
}

static void random_edits_are_found(void **state)
{
    unsigned int tried = 0;

    (void)state;
    for (unsigned int i = 0; tried < EDITS; i++) {
        size_t n = size;
        struct audit_verdict v;
        bool relink;

        memcpy(copy, sample.text, size);
        n = draw(4) == 0 ? edit_lines(copy, n) : edit_octets(copy, n);
        relink = draw(8) == 0;
        if (relink)
            sealed_log_relink(copy, n);
        if (n == size && memcmp(copy, sample.text, n) == 0)
            continue;
        tried++;
        v = verify(copy, n, i % 16 == 0);
        if (!relink)
            check_named(&v, copy, n, i);
        else if (v.state == AUDIT_STATE_OK)
            fail_msg("edit %u, linked anew, is not found", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_whole),
        cmocka_unit_test(every_octet_flipped_is_found),
        cmocka_unit_test(every_octet_changed_and_linked_anew_is_found),
        cmocka_unit_test(random_edits_are_found),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
