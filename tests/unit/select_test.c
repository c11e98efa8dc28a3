/* Select before operate: an execute fits if just that was selected, confirmed, and not
 * too long ago, and only once. */
#include "policy/select.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT UINT64_C(10000)

/* A frame: type, cause octet (with P/N), CA, IOA and the first element octets. */
struct frame {
    uint8_t octets[MAKE_ROOM];
    struct asdu a;
};

static const struct asdu *make(struct frame *f, enum direction dir, uint8_t type,
                               uint8_t cause, uint16_t ca, uint32_t ioa, uint8_t octet)
{
    const struct make m = {
        .type = type, .cause = cause & 0x3F, .flags = cause & 0x40, .ca = ca, .ioa = ioa};
    const size_t n = asdu_make(&m, f->octets);

    f->octets[9] = octet;
    assert_int_equal(asdu_parse(f->octets, n, dir, &PROFILE_104, &f->a).reason,
                     REASON_OK);
    return &f->a;
}

static struct frame sent, got;
#define COMMAND(octet)       make(&sent, DIR_CONTROL, 45, 6, 1, 7, octet)
#define ANSWER(cause, octet) make(&got, DIR_MONITOR, 45, cause, 1, 7, octet)

static struct select_table confirmed(uint64_t now)
{
    struct select_table t;

    memset(&t, 0, sizeof t);
    assert_true(select_is_select(COMMAND(0x81)));
    assert_true(select_open(&t, COMMAND(0x81), now, TIMEOUT));
    select_answer(&t, ANSWER(7, 0x81), now);
    return t;
}

static void test_fits(void **state)
{
    struct select_table t = confirmed(5);

    (void)state;
    assert_true(select_is_execute(COMMAND(0x01)));
    assert_false(select_is_execute(make(&sent, DIR_CONTROL, 45, 8, 1, 7, 0x01)));
    assert_false(select_is_select(make(&sent, DIR_CONTROL, 45, 8, 1, 7, 0x81)));
    assert_int_equal(select_ask(&t, COMMAND(0x01), 5, TIMEOUT), SELECT_FITS);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 5 + TIMEOUT, TIMEOUT), SELECT_FITS);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6 + TIMEOUT, TIMEOUT), SELECT_LATE);
}

static void test_once(void **state)
{
    struct select_table t = confirmed(5);

    (void)state;
    select_end(&t, COMMAND(0x01));
    assert_int_equal(select_ask(&t, COMMAND(0x01), 5, TIMEOUT), SELECT_MISSING);
}

static void test_what_was_selected(void **state)
{
    struct select_table t = confirmed(5);
    struct frame f;

    (void)state;
    assert_int_equal(select_ask(&t, COMMAND(0x00), 6, TIMEOUT), SELECT_DIFFERENT);
    assert_int_equal(select_ask(&t, COMMAND(0x05), 6, TIMEOUT), SELECT_DIFFERENT);
    assert_int_equal(select_ask(&t, make(&f, DIR_CONTROL, 45, 6, 1, 8, 0x01), 6, TIMEOUT),
                     SELECT_MISSING);
    assert_int_equal(select_ask(&t, make(&f, DIR_CONTROL, 45, 6, 2, 7, 0x01), 6, TIMEOUT),
                     SELECT_MISSING);
    assert_int_equal(select_ask(&t, make(&f, DIR_CONTROL, 46, 6, 1, 7, 0x01), 6, TIMEOUT),
                     SELECT_MISSING);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6, TIMEOUT), SELECT_FITS);
}

/* The station has the word: until it confirms just this, nothing is selected. */
static void test_confirmation(void **state)
{
    struct select_table t;
    struct frame f;

    (void)state;
    memset(&t, 0, sizeof t);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 5, TIMEOUT), SELECT_MISSING);
    assert_true(select_open(&t, COMMAND(0x81), 5, TIMEOUT));
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6, TIMEOUT), SELECT_UNCONFIRMED);
    select_answer(&t, ANSWER(7, 0x01), 6); /* of an execute */
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6, TIMEOUT), SELECT_UNCONFIRMED);
    select_answer(&t, ANSWER(7, 0x80), 6); /* of another value */
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6, TIMEOUT), SELECT_UNCONFIRMED);
    select_answer(&t, make(&f, DIR_MONITOR, 45, 7, 1, 8, 0x81), 6);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 6, TIMEOUT), SELECT_UNCONFIRMED);
    select_answer(&t, ANSWER(7, 0x81), 20);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 20 + TIMEOUT, TIMEOUT), SELECT_FITS);
    /* A second confirmation does not make it younger. */
    select_answer(&t, ANSWER(7, 0x81), 30);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 21 + TIMEOUT, TIMEOUT), SELECT_LATE);
}

static void test_taken_back(void **state)
{
    static const uint8_t causes[] = {7 | 0x40, 9, 9 | 0x40, 10, 44, 45, 46, 47};

    (void)state;
    for (size_t i = 0; i < sizeof causes; i++) {
        struct select_table t = confirmed(5);

        select_answer(&t, ANSWER(causes[i], 0x81), 6);
        assert_int_equal(select_ask(&t, COMMAND(0x01), 7, TIMEOUT), SELECT_MISSING);
    }
    struct select_table t = confirmed(5);
    select_end(&t, make(&sent, DIR_CONTROL, 45, 8, 1, 7, 0x81));
    assert_int_equal(select_ask(&t, COMMAND(0x01), 7, TIMEOUT), SELECT_MISSING);
}

static void test_anew(void **state)
{
    struct select_table t = confirmed(5);

    (void)state;
    assert_true(select_open(&t, COMMAND(0x80), 6, TIMEOUT));
    assert_int_equal(select_ask(&t, COMMAND(0x01), 7, TIMEOUT), SELECT_UNCONFIRMED);
    select_answer(&t, ANSWER(7, 0x80), 7);
    assert_int_equal(select_ask(&t, COMMAND(0x01), 7, TIMEOUT), SELECT_DIFFERENT);
    assert_int_equal(select_ask(&t, COMMAND(0x00), 7, TIMEOUT), SELECT_FITS);
}

/* Set points are compared whole, time tags are not. */
static void test_values_and_time_tags(void **state)
{
    struct select_table t;
    struct frame f;

    (void)state;
    memset(&t, 0, sizeof t);
    make(&f, DIR_CONTROL, 61, 6, 1, 9, 0x11); /* C_SE_TA_1: NVA, QOS, time */
    f.octets[11] = 0x80;
    assert_int_equal(asdu_parse(f.octets, 9 + 10, DIR_CONTROL, &PROFILE_104, &f.a).reason,
                     REASON_OK);
    assert_true(select_open(&t, &f.a, 1, TIMEOUT));
    f.octets[6 - 4] = 7; /* cause */
    assert_int_equal(asdu_parse(f.octets, 9 + 10, DIR_MONITOR, &PROFILE_104, &f.a).reason,
                     REASON_OK);
    select_answer(&t, &f.a, 1);
    f.octets[2] = 6;
    f.octets[11] = 0;
    f.octets[12] ^= 1; /* milliseconds */
    assert_int_equal(asdu_parse(f.octets, 9 + 10, DIR_CONTROL, &PROFILE_104, &f.a).reason,
                     REASON_OK);
    assert_int_equal(select_ask(&t, &f.a, 2, TIMEOUT), SELECT_FITS);
    f.octets[10] ^= 1; /* the value's high octet */
    assert_int_equal(asdu_parse(f.octets, 9 + 10, DIR_CONTROL, &PROFILE_104, &f.a).reason,
                     REASON_OK);
    assert_int_equal(select_ask(&t, &f.a, 2, TIMEOUT), SELECT_DIFFERENT);
}

static void test_full(void **state)
{
    struct select_table t;
    struct frame f;

    (void)state;
    memset(&t, 0, sizeof t);
    for (uint32_t i = 0; i < SELECT_POINTS; i++)
        assert_true(
            select_open(&t, make(&f, DIR_CONTROL, 45, 6, 1, 100 + i, 0x81), 5, TIMEOUT));
    assert_false(select_open(&t, COMMAND(0x81), 6, TIMEOUT));
    assert_true(select_open(&t, make(&f, DIR_CONTROL, 45, 6, 1, 100, 0x81), 6, TIMEOUT));
    assert_true(select_open(&t, COMMAND(0x81), 6 + TIMEOUT, TIMEOUT));
}

static void test_types_without_select(void **state)
{
    struct select_table t;
    struct frame f;
    const struct asdu *gi = make(&f, DIR_CONTROL, 100, 6, 1, 0, 20);

    (void)state;
    memset(&t, 0, sizeof t);
    assert_false(select_is_select(gi) || select_is_execute(gi));
    assert_false(select_open(&t, gi, 1, TIMEOUT));
    assert_int_equal(select_ask(&t, gi, 1, TIMEOUT), SELECT_MISSING);
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(select_word_name(SELECT_FITS), "fits");
    assert_string_equal(select_word_name(SELECT_LATE), "select-late");
    assert_string_equal(select_word_name(SELECT_WORDS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_what_was_selected),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_taken_back),
        cmocka_unit_test(test_anew),
        cmocka_unit_test(test_values_and_time_tags),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_types_without_select),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
