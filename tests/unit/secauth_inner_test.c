/* The ASDU within an S_AR_NA_1 of 60870-5-7: judged as if it came bare. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEADER  6u
#define AT      7u /* where the inner ASDU begins: header, segmentation octet */
#define TAIL    6u /* challenge sequence number, user */
#define MAC     8u
#define SEGMENT 125u

static struct guard_page guard;
static struct matrix_row rows[MATRIX_ROWS], old[MATRIX_OLD_ROWS];
static struct profile bare, wrapping;
static struct asdu a;

/* No quirk lets pass what does not add up. */
static struct verdict parse(const uint8_t *octets, size_t n, enum direction dir)
{
    const struct verdict v =
        asdu_parse(guard_page_put(&guard, octets, n), n, dir, &wrapping, &a);

    assert_true(v.quirk == QUIRK_NONE ||
                reason_info(v.reason)->class == REASON_CLASS_MEANING);
    return v;
}

static size_t wrap(const uint8_t *inner, size_t n, uint8_t *out)
{
    static const uint8_t head[AT] = {83, 1, 14, 0, 1, 0, 0xC0};

    memcpy(out, head, AT);
    memcpy(out + AT, inner, n);
    memset(out + AT + n, 0xEE, TAIL + MAC);
    return AT + n + TAIL + MAC;
}

/* Wrapped it gets the verdict it gets bare. */
static void expect_as_bare(const uint8_t *inner, size_t n, enum direction dir)
{
    uint8_t octets[MAKE_ROOM];
    struct asdu b;
    const struct verdict want = asdu_parse(inner, n, dir, &bare, &b);
    const size_t size = wrap(inner, n, octets);

    if (size > ASDU_SIZE_MAX)
        return;
    const struct verdict v = parse(octets, size, dir);
    if (v.reason != want.reason || v.quirk != want.quirk ||
        v.offset != (want.reason == REASON_OK ? 0 : AT + want.offset))
        fail_msg("type %u cause %u: %s at %u, bare %s at %u", inner[0], inner[2],
                 reason_name(v.reason), v.offset, reason_name(want.reason), want.offset);
    assert_int_equal(a.tolerated, b.tolerated | QUIRK_BIT(QUIRK_SECAUTH));
    assert_ptr_equal(a.inner, guard.end - size + AT);
    assert_int_equal(a.inner_size, n);
    assert_null(a.objects);
    assert_int_equal(a.type_id, 83);
}

static void test_every_type_and_cause(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < MATRIX_ROWS * 64 * 4 * 2; i++) {
        const struct make m = {.type = (uint8_t)rows[i / 512].id,
                               .cause = (uint8_t)(i / 8 % 64),
                               .flags = (uint8_t)(i / 2 % 4 * 0x40)};
        uint8_t inner[MAKE_ROOM];
        expect_as_bare(inner, asdu_make(&m, inner), i % 2 ? DIR_CONTROL : DIR_MONITOR);
    }
}

/* Octets that say how long it is are left alone: TypeID, VSQ, length of a segment. */
static void test_every_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < MATRIX_ROWS * 2; i++) {
        const struct matrix_row *r = &rows[i / 2];
        const int dir = (int)i % 2;
        unsigned int cause = 1;
        while (cause < 64 && !r->cause[dir][cause])
            cause++;
        const struct make m = {.type = (uint8_t)r->id, .cause = cause % 64};
        uint8_t inner[MAKE_ROOM];
        const size_t n = asdu_make(&m, inner);
        for (size_t at = 2; at < n; at++) {
            const uint8_t kept = inner[at];
            for (unsigned int v = 0; v < 256; v++) {
                inner[at] = (uint8_t)v;
                if (r->id != SEGMENT || at != HEADER + 3 + 3)
                    expect_as_bare(inner, n, dir == 0 ? DIR_CONTROL : DIR_MONITOR);
            }
            inner[at] = kept;
        }
    }
}

static void test_counts(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < MATRIX_ROWS * 256; i++) {
        const struct make m = {
            .type = (uint8_t)rows[i / 256].id, .cause = 3, .vsq = (uint8_t)i};
        uint8_t inner[MAKE_ROOM];
        if (i % 128 != 0 && m.type != SEGMENT)
            expect_as_bare(inner, asdu_make(&m, inner), DIR_MONITOR);
    }
    const uint8_t none[] = {1, 0, 3, 0, 1, 0};
    expect_as_bare(none, sizeof none, DIR_MONITOR);
    const uint8_t none_sq[] = {1, 0x80, 3, 0, 1, 0, 1, 0, 0};
    expect_as_bare(none_sq, sizeof none_sq, DIR_MONITOR);
}

/* A quirk of the route is a quirk within, too, and is told. */
static void test_quirks_within(void **state)
{
    (void)state;
    const struct profile kept = bare;
    const uint8_t inner[] = {1, 1, 3, 0, 0, 0, 1, 0, 0, 0x02};

    expect_as_bare(inner, sizeof inner, DIR_MONITOR);
    for (int i = 0; i < 2; i++) {
        const enum quirk quirk = i == 0 ? QUIRK_RESERVED_BITS : QUIRK_CA_ZERO;
        (void)profile_allow(&bare, quirk, DIR_MONITOR);
        (void)profile_allow(&wrapping, quirk, DIR_MONITOR);
        expect_as_bare(inner, sizeof inner, DIR_MONITOR);
        expect_as_bare(inner, sizeof inner, DIR_CONTROL);
    }
    const uint32_t both = QUIRK_BIT(QUIRK_RESERVED_BITS) | QUIRK_BIT(QUIRK_CA_ZERO);
    (void)parse(inner, sizeof inner, DIR_MONITOR);
    assert_int_equal(a.tolerated, both);
    bare = wrapping = kept;
    (void)profile_allow(&wrapping, QUIRK_SECAUTH, DIR_CONTROL);
}

/* ---- what is no ASDU to be wrapped ---- */

static void test_unknown_types_within(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM], inner[40] = {0, 1, 14, 0, 1, 0, 0xC0};

    for (unsigned int type = 0; type < 256; type++) {
        if (type_matrix_find(rows, type) != NULL)
            continue;
        inner[0] = (uint8_t)type;
        const size_t n = wrap(inner, sizeof inner, octets);
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        const bool shaped = type == 41 || (type >= 2 && type <= 19) || type == 104 ||
                            type == 106; /* their size is known, but not their use */
        assert_int_equal(v.reason, type == 41 ? REASON_SECAUTH : REASON_BAD_TYPE);
        assert_int_equal(v.offset, AT);
        assert_int_equal(a.inner != NULL, shaped);
        assert_int_equal(v.quirk, type == 104   ? QUIRK_UNTIMED_TEST
                                  : type == 106 ? QUIRK_DELAY_ACQUISITION
                                                : QUIRK_NONE);
    }
}

static void test_old_types_within(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM], inner[MAKE_ROOM];

    for (size_t i = 0; i < MATRIX_OLD_ROWS; i++) {
        const struct make m = {.type = (uint8_t)old[i].id, .cause = 3};
        const size_t n = wrap(inner, asdu_make(&m, inner), octets);
        const struct verdict v = parse(octets, n, DIR_MONITOR);
        assert_int_equal(v.reason, m.type == 41 ? REASON_SECAUTH : REASON_BAD_TYPE);
        assert_int_equal(v.offset, AT);
        assert_int_equal(v.quirk, m.type < 20     ? QUIRK_CP24_TYPES
                                  : m.type == 41  ? QUIRK_NONE
                                  : m.type == 104 ? QUIRK_UNTIMED_TEST
                                                  : QUIRK_DELAY_ACQUISITION);
    }
}

/* ---- lengths ---- */

static void test_lengths(void **state)
{
    (void)state;
    const uint8_t inner[] = {45, 1, 6, 0, 1, 0, 1, 0, 0, 1};
    const size_t told = AT + sizeof inner + TAIL;
    uint8_t octets[MAKE_ROOM];

    wrap(inner, sizeof inner, octets);
    for (size_t n = HEADER; n <= 260; n++) {
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        enum reason want = n < told + 4 ? REASON_SHORT : REASON_OK;
        if (n > told + 64)
            want = REASON_TRAILING;
        assert_int_equal(v.reason, want);
        if (want == REASON_SHORT)
            assert_int_equal(v.offset, n);
        if (want == REASON_TRAILING)
            assert_int_equal(v.offset, n > ASDU_SIZE_MAX ? ASDU_SIZE_MAX : told + 64);
        assert_int_equal(a.inner != NULL, want == REASON_OK);
    }
}

/* Its type is known by two octets, but told only if there are as many. */
static void test_cut_at_the_type(void **state)
{
    (void)state;
    const uint8_t octets[] = {83, 1, 14, 0, 1, 0, 0xC0, 44, 1, 6};

    for (size_t n = AT; n <= sizeof octets; n++) {
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        assert_int_equal(v.reason, n < AT + 2 ? REASON_SHORT : REASON_BAD_TYPE);
        assert_int_equal(v.offset, n < AT + 2 ? n : AT);
    }
}

/* What is not whole is not looked at any further: its cause is wrong, too. */
static void test_structure_comes_first(void **state)
{
    (void)state;
    const uint8_t inner[] = {45, 1, 6, 0, 1, 0, 1, 0, 0, 1};
    uint8_t octets[MAKE_ROOM];

    wrap(inner, sizeof inner, octets);
    octets[2] = 1;
    for (size_t n = HEADER; n < AT + sizeof inner + TAIL + 4; n++)
        assert_int_equal(parse(octets, n, DIR_CONTROL).reason, REASON_SHORT);
    assert_int_equal(parse(octets, 249, DIR_CONTROL).reason, REASON_TRAILING);
    octets[HEADER] = 0;
    assert_int_equal(parse(octets, 40, DIR_CONTROL).reason, REASON_SEGMENTED);
    octets[HEADER] = 0xC0;
    octets[AT] = 44;
    assert_int_equal(parse(octets, 40, DIR_CONTROL).reason, REASON_BAD_TYPE);
}

/* A segment of a file says itself how long it is. */
static void test_file_segment(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM], inner[MAKE_ROOM] = {125, 1, 13, 0, 1, 0, 0, 0, 0, 1, 0, 1};

    for (unsigned int los = 0; los < 200; los++) {
        inner[12] = (uint8_t)los;
        expect_as_bare(inner, 13 + los, DIR_CONTROL);
        wrap(inner, 13 + los, octets);
        for (size_t n = AT; n < AT + 13 + los + TAIL + 4; n++)
            assert_int_equal(parse(octets, n, DIR_CONTROL).reason, REASON_SHORT);
    }
}

/* What is in segments cannot be judged. */
static void test_segmented(void **state)
{
    (void)state;
    const uint8_t inner[] = {45, 1, 6, 0, 1, 0, 1, 0, 0, 1};
    uint8_t octets[MAKE_ROOM];
    const size_t n = wrap(inner, sizeof inner, octets);

    for (unsigned int octet = 0; octet < 256; octet++) {
        octets[HEADER] = (uint8_t)octet;
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        assert_int_equal(v.reason, octet >= 0xC0 ? REASON_OK : REASON_SEGMENTED);
        assert_int_equal(v.offset, octet >= 0xC0 ? 0 : HEADER);
        assert_int_equal(a.inner != NULL, octet >= 0xC0);
    }
    octets[HEADER] = 0x40;
    assert_int_equal(parse(octets, AT, DIR_CONTROL).reason, REASON_SEGMENTED);
}

/* The outer header counts, also when all is well within. */
static void test_outer_header(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, octet;
        enum reason reason;
    } cases[] = {
        {1, 0x81, REASON_BAD_SQ},       {1, 2, REASON_BAD_COUNT}, {2, 6, REASON_BAD_COT},
        {2, 0x4E, REASON_NEGATIVE_BIT}, {4, 0, REASON_BAD_CA},
    };
    const uint8_t inner[] = {45, 1, 6, 0, 1, 0, 1, 0, 0, 1};
    uint8_t octets[MAKE_ROOM];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = wrap(inner, sizeof inner, octets);
        octets[cases[i].at] = cases[i].octet;
        assert_int_equal(parse(octets, n, DIR_CONTROL).reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_and_cause),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_quirks_within),
        cmocka_unit_test(test_unknown_types_within),
        cmocka_unit_test(test_old_types_within),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_cut_at_the_type),
        cmocka_unit_test(test_structure_comes_first),
        cmocka_unit_test(test_file_segment),
        cmocka_unit_test(test_segmented),
        cmocka_unit_test(test_outer_header),
    };
    guard_page_open(&guard);
    type_matrix_read(rows);
    type_matrix_read_old(old);
    bare = wrapping = PROFILE_104;
    (void)profile_allow(&wrapping, QUIRK_SECAUTH, DIR_CONTROL);
    const int failed = cmocka_run_group_tests_name("secauth inner", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
