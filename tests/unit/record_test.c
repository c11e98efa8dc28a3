/* Records on their way from a process that may have been taken over. */
#include "proxy/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Known octets, written by hand: event 64 (op.command), sync, ticket 7, session 9,
 * verdict "pass". */
static const uint8_t golden[] = {64, 0, 1, 7, 0, 0, 0, 0, 0, 0,   0,   1,   9,  0,
                                 0,  0, 0, 0, 0, 0, 7, 4, 0, 'p', 'a', 's', 's'};

static size_t sample(struct record *r, const uint8_t **payload)
{
    record_begin(r, EVENT_COMMAND, 7, true);
    record_u64(r, RECORD_SESSION, 9);
    record_text(r, RECORD_VERDICT, "pass");
    return record_end(r, payload);
}

static void octets_are_as_documented(void **state)
{
    const uint8_t *payload;
    struct record r;
    size_t n = sample(&r, &payload);

    (void)state;
    assert_int_equal(n, sizeof golden);
    assert_memory_equal(payload, golden, n);
}

static void fields_come_back(void **state)
{
    struct record_head head;
    struct record_field f;
    size_t pos = 0;

    (void)state;
    assert_true(record_check(golden, sizeof golden, &head));
    assert_int_equal(head.event->event, EVENT_COMMAND);
    assert_string_equal(head.event->group, "op");
    assert_int_equal(head.ticket, 7);
    assert_true(head.sync);
    assert_true(record_next(golden, sizeof golden, &pos, &f));
    assert_int_equal(f.tag->tag, RECORD_SESSION);
    assert_int_equal(f.u64, 9);
    assert_true(record_next(golden, sizeof golden, &pos, &f));
    assert_int_equal(f.tag->tag, RECORD_VERDICT);
    assert_int_equal(f.size, 4);
    assert_memory_equal(f.octets, "pass", 4);
    assert_false(record_next(golden, sizeof golden, &pos, &f));
}

/* A copy at the end of its allocation, so that the sanitizer sees every read too far. */
static bool check_copy(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    struct record_head head;
    bool good;

    assert_non_null(copy);
    memcpy(copy, p, n);
    good = record_check(copy, n, &head);
    free(copy);
    return good;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof golden; n++) {
        /* Cut between two fields it is a record, only a shorter one. */
        bool whole = n == 11 || n == 20;

        assert_int_equal(check_copy(golden, n), whole);
    }
    assert_true(check_copy(golden, sizeof golden));
}

static void leftovers_are_refused(void **state)
{
    uint8_t more[sizeof golden + 1];

    (void)state;
    memcpy(more, golden, sizeof golden);
    for (unsigned int last = 0; last < 256; last++) {
        more[sizeof golden] = (uint8_t)last;
        assert_false(check_copy(more, sizeof more));
    }
}

static void a_tag_twice_is_refused(void **state)
{
    uint8_t twice[sizeof golden + 9];

    (void)state;
    memcpy(twice, golden, sizeof golden);
    memcpy(twice + sizeof golden, golden + 11, 9);
    assert_false(check_copy(twice, sizeof twice));
    twice[sizeof golden] = RECORD_COUNT;
    assert_true(check_copy(twice, sizeof twice));
}

static void unknown_event_tag_and_flag_are_refused(void **state)
{
    uint8_t p[sizeof golden];

    (void)state;
    for (unsigned int id = 0; id < 0x10000; id++) {
        memcpy(p, golden, sizeof p);
        p[0] = (uint8_t)id;
        p[1] = (uint8_t)(id >> 8);
        assert_int_equal(check_copy(p, sizeof p), event_info(id) != NULL);
    }
    for (unsigned int flag = 2; flag < 256; flag++) {
        memcpy(p, golden, sizeof p);
        p[2] = (uint8_t)flag;
        assert_false(check_copy(p, sizeof p));
    }
    for (unsigned int tag = 0; tag < 256; tag++) {
        const struct record_tag_info *info = record_tag_info(tag);

        memcpy(p, golden, sizeof p);
        p[11] = (uint8_t)tag;
        if (!info)
            assert_false(check_copy(p, sizeof p));
    }
}

/* A number sent as text and the other way round shifts what follows: refused. */
static void wrong_kind_is_refused(void **state)
{
    uint8_t p[sizeof golden];

    (void)state;
    memcpy(p, golden, sizeof p);
    p[11] = RECORD_RULE;
    assert_false(check_copy(p, sizeof p));
    memcpy(p, golden, sizeof p);
    p[20] = RECORD_COUNT;
    assert_false(check_copy(p, sizeof p));
}

static void text_over_its_maximum_is_refused(void **state)
{
    uint8_t p[11 + 3 + 17];

    (void)state;
    memcpy(p, golden, 11);
    p[11] = RECORD_VERDICT;
    p[12] = 17;
    p[13] = 0;
    memset(p + 14, 'x', 17);
    assert_false(check_copy(p, sizeof p));
    p[12] = 16;
    assert_true(check_copy(p, sizeof p - 1));
}

static void long_text_is_cut_and_marked_once(void **state)
{
    char text[300];
    const uint8_t *payload;
    struct record_head head;
    struct record_field f;
    struct record r;
    unsigned int cuts = 0, texts = 0;
    size_t pos = 0;
    size_t n;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    record_begin(&r, EVENT_SESSION_OPEN, 0, false);
    record_text(&r, RECORD_SUBJECT, text);
    record_octets(&r, RECORD_FINGERPRINT, text, 33);
    record_text(&r, RECORD_DETAIL, text);
    n = record_end(&r, &payload);
    assert_true(record_check(payload, n, &head));
    while (record_next(payload, n, &pos, &f)) {
        cuts += f.tag->tag == RECORD_CUT && f.u64 == 1;
        texts += f.tag->kind != RECORD_KIND_U64 && f.size == f.tag->max;
    }
    assert_int_equal(cuts, 1);
    assert_int_equal(texts, 3);
}

static void all_tags_at_their_maximum_fit(void **state)
{
    static uint8_t octets[4096];
    static char text[4096];
    const uint8_t *payload;
    struct record_head head;
    struct record r;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    record_begin(&r, EVENT_COMMAND, UINT64_MAX, true);
    record_u64(&r, RECORD_CUT, 1);
    for (unsigned int id = 0; id < 256; id++) {
        const struct record_tag_info *info = record_tag_info(id);

        if (!info || id == RECORD_CUT)
            continue;
        if (info->kind == RECORD_KIND_U64)
            record_u64(&r, info->tag, UINT64_MAX);
        else if (info->kind == RECORD_KIND_TEXT)
            record_text(&r, info->tag, text);
        else
            record_octets(&r, info->tag, octets, info->max);
    }
    assert_true(record_check(r.buf, record_end(&r, &payload), &head));
}

/* Whatever the octets are, reading stays inside and ends. */
static void random_octets_never_read_outside(void **state)
{
    uint8_t p[sizeof golden + 40];
    unsigned int good = 0;

    (void)state;
    srandom(104);
    for (unsigned int round = 0; round < 200000; round++) {
        size_t n = (size_t)random() % sizeof p;

        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)random();
        memcpy(p, golden, n < 16 ? n : 16);
        if (n > 20)
            p[20] = (uint8_t)(random() % 48);
        good += check_copy(p, n);
    }
    assert_true(good > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_are_as_documented),
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(leftovers_are_refused),
        cmocka_unit_test(a_tag_twice_is_refused),
        cmocka_unit_test(unknown_event_tag_and_flag_are_refused),
        cmocka_unit_test(wrong_kind_is_refused),
        cmocka_unit_test(text_over_its_maximum_is_refused),
        cmocka_unit_test(long_text_is_cut_and_marked_once),
        cmocka_unit_test(all_tags_at_their_maximum_fit),
        cmocka_unit_test(random_octets_never_read_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
