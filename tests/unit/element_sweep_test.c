/* Every octet of every type's elements, in both directions, against a second opinion. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/element_oracle.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEADER  6u
#define SEGMENT 125u
#define ALL     (MATRIX_ROWS + MATRIX_OLD_ROWS)

static struct guard_page guard;
static struct matrix_row rows[ALL];
static struct profile profile;

static struct verdict parse(const uint8_t *octets, size_t n, int dir, struct asdu *a)
{
    return asdu_parse(guard_page_put(&guard, octets, n), n,
                      dir == 0 ? DIR_CONTROL : DIR_MONITOR, &profile, a);
}

/* A cause with which a type's elements are judged in a direction, 0 for none. */
static uint8_t judged_cause(const struct matrix_row *r, int dir)
{
    for (uint8_t cause = 1; cause < 44; cause++)
        if (r->cause[dir][cause])
            return cause;
    return 0;
}

/* P_AC_NA_1 has the object address 0 with QPA 1, and only then. */
static size_t frame_of(const struct matrix_row *r, uint8_t cause, uint8_t vsq,
                       uint8_t *octets)
{
    const struct make m = {.type = (uint8_t)r->id, .cause = cause, .vsq = vsq};

    return asdu_make(&m, octets);
}

static void expect(const struct matrix_row *r, const uint8_t *octets, size_t n, int dir,
                   size_t elements)
{
    struct verdict want = element_oracle(r->elements, octets + elements, dir == 0);
    struct asdu a;

    if (r->id == 113 && (octets[elements] == 1) != (octets[HEADER] == 0))
        want = (struct verdict){REASON_BAD_IOA, HEADER, QUIRK_ANY_IOA};
    else if (want.reason != REASON_OK)
        want.offset = (uint16_t)(want.offset + elements);
    const struct verdict v = parse(octets, n, dir, &a);
    if (v.reason != want.reason || v.offset != want.offset || v.quirk != want.quirk)
        fail_msg("%s direction %d: %s at %u quirk %u, not %s at %u quirk %u", r->name,
                 dir, reason_name(v.reason), v.offset, v.quirk, reason_name(want.reason),
                 want.offset, want.quirk);
}

/* The length of a file segment is a matter of structure. */
static bool is_structure(const struct matrix_row *r, size_t octet)
{
    return r->id == SEGMENT && octet == 3;
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(element_oracle_size(rows[i].elements), rows[i].octets);
}

static void sweep(const struct matrix_row *r, int dir, uint8_t cause)
{
    uint8_t octets[MAKE_ROOM];
    const size_t n = frame_of(r, cause, 0, octets);

    for (size_t at = 0; at < r->octets; at++) {
        const uint8_t kept = octets[HEADER + 3 + at];
        for (unsigned int v = 0; v < 256 && !is_structure(r, at); v++) {
            octets[HEADER + 3 + at] = (uint8_t)v;
            octets[HEADER] = r->id == 113 && v == 1 ? 0 : octets[HEADER];
            expect(r, octets, n, dir, HEADER + 3);
            octets[HEADER] = r->id == 113 ? 1 : octets[HEADER];
        }
        octets[HEADER + 3 + at] = kept;
    }
}

static void test_every_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++)
        for (int dir = 0; dir < 2; dir++)
            if (judged_cause(&rows[i], dir) != 0)
                sweep(&rows[i], dir, judged_cause(&rows[i], dir));
}

/* Two octets at once: which of two faults is told, and what makes another none. */
static void sweep_pairs(const struct matrix_row *r, int dir, uint8_t cause)
{
    static const uint8_t some[] = {0x00, 0x01, 0x08, 0x3C, 0x7F, 0x80, 0x88, 0xC0, 0xFF};
    uint8_t octets[MAKE_ROOM], spoilt[MAKE_ROOM];
    const size_t n = frame_of(r, cause, 0, octets);

    for (size_t i = 0; i < r->octets * r->octets * sizeof some * sizeof some; i++) {
        const size_t pair = i / (sizeof some * sizeof some);
        const size_t first = pair / r->octets, second = pair % r->octets;
        if (first >= second || is_structure(r, first) || is_structure(r, second))
            continue;
        memcpy(spoilt, octets, n);
        spoilt[HEADER + 3 + first] = some[i % sizeof some];
        spoilt[HEADER + 3 + second] = some[i / sizeof some % sizeof some];
        expect(r, spoilt, n, dir, HEADER + 3);
    }
}

static void test_pairs_of_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++)
        for (int dir = 0; dir < 2; dir++)
            if (judged_cause(&rows[i], dir) != 0)
                sweep_pairs(&rows[i], dir, judged_cause(&rows[i], dir));
}

static void test_every_day(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM];
    const struct matrix_row *r = type_matrix_find(rows, 30);
    const size_t n = frame_of(r, 3, 0, octets);

    for (unsigned int i = 0; i < 32 * 16 * 128; i++) {
        octets[HEADER + 3 + 5] = (uint8_t)(i % 32);
        octets[HEADER + 3 + 6] = (uint8_t)(i / 32 % 16);
        octets[HEADER + 3 + 7] = (uint8_t)(i / 512);
        expect(r, octets, n, 1, HEADER + 3);
    }
}

/* CP24, CP56 and CP16, each behind one octet. */
static void test_every_millisecond(void **state)
{
    (void)state;
    const struct matrix_row *const of[] = {&rows[MATRIX_ROWS], type_matrix_find(rows, 30),
                                           type_matrix_find(rows, 38)};
    uint8_t octets[MAKE_ROOM];

    assert_int_equal(of[0]->id, 2);
    for (unsigned int i = 0; i < 3 * 65536; i++) {
        const size_t n = frame_of(of[i / 65536], 3, 0, octets);
        octets[HEADER + 4] = (uint8_t)i;
        octets[HEADER + 5] = (uint8_t)(i / 256);
        expect(of[i / 65536], octets, n, 1, HEADER + 3);
    }
}

/* ---- the last of several objects ---- */

static void test_last_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ALL; i++) {
        const struct matrix_row *r = &rows[i / 2];
        const bool sq = i % 2 != 0;
        uint8_t octets[MAKE_ROOM];
        if (r->single || r->direction != 'M' || strchr(r->sq, sq ? '1' : '0') == NULL)
            continue;
        const size_t n =
            frame_of(r, judged_cause(r, 1), (uint8_t)(sq ? 0x83 : 0x03), octets);
        const size_t last = n - r->octets;
        for (size_t at = last; at < n; at++)
            for (unsigned int v = 0; v < 256; v += 3) {
                const uint8_t kept = octets[at];
                octets[at] = (uint8_t)v;
                expect(r, octets, n, 1, last);
                octets[at] = kept;
            }
    }
}

/* ---- what comes back as refused shows what was at fault ---- */

static void check_unjudged(const struct matrix_row *r, uint8_t cause)
{
    uint8_t octets[MAKE_ROOM];
    const size_t n = frame_of(r, cause, 0, octets);
    struct asdu a;

    for (size_t at = 0; at < r->octets; at++) {
        const uint8_t kept = octets[HEADER + 3 + at];
        for (unsigned int v = 0; v < 256 && !is_structure(r, at); v++) {
            octets[HEADER + 3 + at] = (uint8_t)v;
            octets[HEADER] = r->id == 113 ? v != 1 : octets[HEADER];
            assert_int_equal(parse(octets, n, 1, &a).reason, REASON_OK);
            assert_int_equal(a.tolerated & ~QUIRK_BIT(QUIRK_UNTIMED_TEST) &
                                 ~QUIRK_BIT(QUIRK_DELAY_ACQUISITION),
                             0);
        }
        octets[HEADER + 3 + at] = kept;
    }
}

static void test_what_comes_back(void **state)
{
    (void)state;
    static const uint8_t answers[] = {0x47, 0x49, 0x4A, 44, 45, 46, 47, 0x6C, 0x6F};
    unsigned int checked = 0;
    for (size_t i = 0; i < ALL; i++)
        for (size_t k = 0; k < sizeof answers; k++)
            if (rows[i].cause[1][answers[k] % 64]) {
                check_unjudged(&rows[i], answers[k]);
                checked++;
            }
    assert_true(checked > 200);
}

/* P/N says nothing in what is no confirmation, though a quirk may let it pass. */
static void test_negative_bit_excuses_nothing(void **state)
{
    (void)state;
    struct profile kept = profile;
    assert_true(profile_allow(&profile, QUIRK_NEGATIVE_BIT, DIR_MONITOR));
    for (size_t i = 0; i < ALL; i++) {
        const struct matrix_row *r = &rows[i];
        const uint8_t cause = judged_cause(r, 1);
        if (r->direction == 'M')
            sweep(r, 1, (uint8_t)(0x40 | cause));
    }
    profile = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_pairs_of_octets),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_every_millisecond),
        cmocka_unit_test(test_last_object),
        cmocka_unit_test(test_what_comes_back),
        cmocka_unit_test(test_negative_bit_excuses_nothing),
    };
    guard_page_open(&guard);
    type_matrix_read(rows);
    type_matrix_read_old(rows + MATRIX_ROWS);
    profile = PROFILE_104;
    (void)profile_allow(&profile, QUIRK_CP24_TYPES, DIR_MONITOR);
    (void)profile_allow(&profile, QUIRK_UNTIMED_TEST, DIR_CONTROL);
    (void)profile_allow(&profile, QUIRK_DELAY_ACQUISITION, DIR_CONTROL);
    (void)profile_allow(&profile, QUIRK_SECAUTH, DIR_MONITOR);
    const int failed = cmocka_run_group_tests_name("element sweep", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
