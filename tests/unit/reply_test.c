/* The answer to a refused command. */
#include "policy/reply.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct guard_page guard;
static struct matrix_row rows[MATRIX_ROWS];
static uint8_t out[ASDU_SIZE_MAX];

static size_t reply(const uint8_t *octets, size_t n, enum reply_kind kind)
{
    memset(out, 0xEE, sizeof out);
    return reply_negative(guard_page_put(&guard, octets, n), n, &PROFILE_104, kind, out);
}

/* ---- every command a master may send
 * --------------------------------------------------- */

/* 0: no answer. */
static unsigned int expected_cause(const struct matrix_row *r, unsigned int cause,
                                   enum reply_kind kind)
{
    static const unsigned int mirrored[] = {47, 44, 45, 46, 47};
    if (r->direction == 'M')
        return 0;
    if (cause != 5 && cause != 6 && cause != 8) {
        const bool own =
            cause == 7 || cause == 9 || cause == 10 || (cause >= 44 && cause < 48);
        return kind == REPLY_UNKNOWN_CAUSE && !own ? 45 : 0;
    }
    if (kind == REPLY_REFUSED && cause != 5 && r->cause[1][cause + 1])
        return cause + 1;
    return mirrored[kind];
}

static void check_answer(const uint8_t *command, size_t n, unsigned int cause)
{
    assert_int_equal(out[2], (command[2] & 0x80) | 0x40 | cause);
    assert_memory_equal(out, command, 2);
    assert_memory_equal(out + 3, command + 3, n - 3);
    if (n < sizeof out)
        assert_int_equal(out[n], 0xEE);
}

static void test_all_commands(void **state)
{
    (void)state;
    unsigned int answered = 0;
    for (unsigned int i = 0; i < MATRIX_ROWS * 64 * 5 * 2; i++) {
        const struct matrix_row *r = &rows[i / 640];
        const enum reply_kind kind = (enum reply_kind)(i % 5);
        const struct make m = {.type = (uint8_t)r->id,
                               .cause = (uint8_t)(i / 10 % 64),
                               .flags = (uint8_t)(i / 5 % 2 * 0x80),
                               .oa = 77,
                               .ca = 0x1234,
                               .ioa = 0};
        uint8_t octets[MAKE_ROOM];
        const size_t n = asdu_make(&m, octets);
        const unsigned int cause = expected_cause(r, m.cause, kind);
        const size_t size = reply(octets, n, kind);
        if (size != (cause ? n : 0))
            fail_msg("%s cause %u kind %d: %zu octets", r->name, m.cause, (int)kind,
                     size);
        if (size)
            check_answer(octets, n, cause);
        answered += size != 0;
    }
    assert_true(answered > 1000);
}

/* Whatever a refused, well-formed command is answered with is legal in monitor direction:
 * a second gate104 on the master's side lets it through. */
static void test_answers_are_legal(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < MATRIX_ROWS * 64; i++) {
        const struct make m = {.type = (uint8_t)rows[i / 64].id,
                               .cause = (uint8_t)(i % 64)};
        uint8_t octets[MAKE_ROOM];
        struct asdu a;
        const size_t n = asdu_make(&m, octets);
        const enum reason reason =
            asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason;
        if (reply_reaction(reason, DIR_CONTROL) != REACTION_ANSWER)
            continue;
        if (reply(octets, n, reply_kind_for(reason)) == 0) {
            assert_int_equal(m.cause == 13, reason == REASON_OK);
            continue;
        }
        assert_int_equal(asdu_parse(out, n, DIR_MONITOR, &PROFILE_104, &a).reason,
                         REASON_OK);
        assert_true(a.negative);
    }
}

static void test_answer_to_a_wrong_address_is_legal(void **state)
{
    (void)state;
    const uint8_t command[] = {100, 1, 6, 0, 1, 0, 5, 0, 0, 20};
    struct asdu a;
    assert_int_equal(
        asdu_parse(command, sizeof command, DIR_CONTROL, &PROFILE_104, &a).reason,
        REASON_BAD_IOA);
    assert_int_equal(reply(command, sizeof command, reply_kind_for(REASON_BAD_IOA)), 10);
    assert_int_equal(out[2], 0x40 | 47);
    assert_int_equal(
        asdu_parse(out, sizeof command, DIR_MONITOR, &PROFILE_104, &a).reason, REASON_OK);
}

/* ---- no answer
 * ---------------------------------------------------------------------------- */

static void test_no_answer(void **state)
{
    (void)state;
    uint8_t command[ASDU_SIZE_MAX + 1] = {45, 1, 6, 0, 1, 0, 1, 0, 0, 1};
    for (size_t n = 0; n <= 12; n++)
        assert_int_equal(reply(command, n, REPLY_REFUSED), n < 9 ? 0 : n);
    assert_int_equal(reply(command, 249, REPLY_REFUSED), 249);
    assert_int_equal(reply(command, 250, REPLY_REFUSED), 0);
    for (int kind = 0; kind < 5; kind++) {
        command[4] = command[5] = 0xFF; /* all stations */
        assert_int_equal(reply(command, 10, (enum reply_kind)kind), 0);
        command[4] = command[5] = 0;
        assert_int_equal(reply(command, 10, (enum reply_kind)kind), 0);
        command[4] = 0xFE;
        command[5] = 0xFF;
        assert_int_equal(reply(command, 10, (enum reply_kind)kind), 10);
    }
}

static void test_unknown_type(void **state)
{
    (void)state;
    const uint8_t command[] = {200, 1, 6, 0, 1, 0, 1, 0, 0, 1, 2, 3};
    assert_int_equal(reply(command, sizeof command, REPLY_UNKNOWN_TYPE), sizeof command);
    check_answer(command, sizeof command, 44);
    assert_int_equal(reply(command, sizeof command, REPLY_REFUSED), sizeof command);
    check_answer(command, sizeof command, 44);
}

/* A type of 101 is known to a route that has the quirk, and only there. */
static void test_types_by_quirk(void **state)
{
    (void)state;
    const uint8_t test[] = {104, 1, 6, 0, 1, 0, 0, 0, 0, 0xAA, 0x55};
    const uint8_t point[] = {2, 1, 6, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0};
    struct profile p = PROFILE_104;
    assert_int_equal(reply(test, sizeof test, REPLY_REFUSED), sizeof test);
    assert_int_equal(out[2], 0x40 | 44);
    assert_int_equal(reply(point, sizeof point, REPLY_REFUSED), sizeof point);
    assert_int_equal(out[2], 0x40 | 44);
    assert_true(profile_allow(&p, QUIRK_UNTIMED_TEST, DIR_CONTROL));
    assert_int_equal(reply_negative(test, sizeof test, &p, REPLY_REFUSED, out),
                     sizeof test);
    assert_int_equal(out[2], 0x40 | 7);
}

/* What 60870-5-7 sends has no object to answer for. */
static void test_no_answer_to_secauth(void **state)
{
    (void)state;
    const uint8_t request[] = {83, 1, 14, 0, 1,   0,   0x40, 45,  1,   6,   0,   1,  0,
                               1,  0, 0,  1, 0xE, 0xE, 0xE,  0xE, 0xE, 0xE, 0xE, 0xE};
    for (int kind = 0; kind < 5; kind++)
        assert_int_equal(reply(request, sizeof request, (enum reply_kind)kind), 0);
}

static void test_in_place(void **state)
{
    (void)state;
    uint8_t command[ASDU_SIZE_MAX] = {45, 1, 8, 0, 1, 0, 1, 0, 0, 1};
    assert_int_equal(reply_negative(command, 10, &PROFILE_104, REPLY_REFUSED, command),
                     10);
    assert_int_equal(command[2], 0x49);
}

/* ---- reactions
 * ---------------------------------------------------------------------------- */

static const struct {
    enum reason reason;
    enum reaction control;
    enum reply_kind kind;
} REACTIONS[] = {
    {REASON_OK, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_SHORT, REACTION_CLOSE, REPLY_REFUSED},
    {REASON_TRAILING, REACTION_CLOSE, REPLY_REFUSED},
    {REASON_BAD_COUNT, REACTION_CLOSE, REPLY_REFUSED},
    {REASON_SEGMENTED, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_SECAUTH, REACTION_ANSWER, REPLY_UNKNOWN_TYPE},
    {REASON_BAD_SQ, REACTION_ANSWER, REPLY_UNKNOWN_TYPE},
    {REASON_BAD_TYPE, REACTION_ANSWER, REPLY_UNKNOWN_TYPE},
    {REASON_WRONG_DIRECTION, REACTION_CLOSE, REPLY_REFUSED},
    {REASON_BAD_COT, REACTION_ANSWER, REPLY_UNKNOWN_CAUSE},
    {REASON_NEGATIVE_BIT, REACTION_ANSWER, REPLY_UNKNOWN_CAUSE},
    {REASON_TEST_BIT, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_BAD_CA, REACTION_ANSWER, REPLY_UNKNOWN_CA},
    {REASON_BAD_IOA, REACTION_ANSWER, REPLY_UNKNOWN_IOA},
    {REASON_RESERVED_BIT, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_BAD_VALUE, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_BAD_QUALIFIER, REACTION_ANSWER, REPLY_REFUSED},
    {REASON_BAD_TIME, REACTION_ANSWER, REPLY_REFUSED},
};
#define REACTIONS_N (sizeof REACTIONS / sizeof REACTIONS[0])

static void test_reactions(void **state)
{
    (void)state;
    for (unsigned int id = 0; id < 256; id++) {
        size_t i = 0;
        while (i < REACTIONS_N && REACTIONS[i].reason != (enum reason)id)
            i++;
        const bool listed = i < REACTIONS_N;
        assert_int_equal(reply_reaction((enum reason)id, DIR_CONTROL),
                         listed ? REACTIONS[i].control : REACTION_CLOSE);
        assert_int_equal(reply_reaction((enum reason)id, DIR_MONITOR),
                         listed ? REACTION_DROP : REACTION_CLOSE);
        assert_int_equal(reply_kind_for((enum reason)id),
                         listed ? REACTIONS[i].kind : REPLY_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_commands),
        cmocka_unit_test(test_answers_are_legal),
        cmocka_unit_test(test_answer_to_a_wrong_address_is_legal),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_types_by_quirk),
        cmocka_unit_test(test_no_answer_to_secauth),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_reactions),
    };
    guard_page_open(&guard);
    type_matrix_read(rows);
    const int failed = cmocka_run_group_tests_name("reply", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
