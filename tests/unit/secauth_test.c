/* IEC 60870-5-7 passed through: lengths, segments, and the ASDU in an S_AR_NA_1. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEADER 6u
#define WHOLE  0xC0 /* FIN and FIR */

static struct guard_page guard;
static struct profile passthrough;
static struct asdu a;

static struct verdict parse(const uint8_t *octets, size_t n, enum direction dir)
{
    return asdu_parse(guard_page_put(&guard, octets, n), n, dir, &passthrough, &a);
}

/* The fields of 60870-5-7:2013 behind the segmentation octet: a digit that many octets, L
 * the length (two octets) of data that follow all fields in the order of their lengths.
 * Then 'M' a MAC to the end, 'm' one or none, 'A' octets to the end. */
static const struct spec {
    uint8_t type, cause;
    bool segmented, control, monitor;
    const char *fields;
    char rest;
} SPECS[] = {
    {81, 14, true, true, true, "4211L", 0},
    {82, 14, true, true, true, "42L", 0},
    {84, 15, false, true, false, "2", 0},
    {85, 15, true, false, true, "42111L", 'm'},
    {86, 15, true, true, false, "42L", 0},
    {87, 14, true, true, true, "442217L", 0},
    {87, 15, true, true, true, "442217L", 0},
    {87, 16, true, true, true, "442217L", 0},
    {90, 16, true, true, false, "1142" /* user role */ "2LLL", 0},
    {91, 16, true, true, false, "1LL", 0},
    {92, 16, true, false, true, "42L", 0},
    {93, 16, true, true, false, "42L", 'M'},
    {94, 16, true, true, false, "42L", 'A'},
    {95, 16, true, true, true, "", 'M'},
};
#define SPECS_N (sizeof SPECS / sizeof SPECS[0])

static enum direction direction_of(const struct spec *s)
{
    return s->control ? DIR_CONTROL : DIR_MONITOR;
}

/* Data of `length`, `length` + 1, ... octets; then `rest` octets. */
static size_t build(const struct spec *s, size_t length, size_t rest, uint8_t *out)
{
    const uint8_t head[] = {s->type, 1, s->cause, 0, 1, 0, WHOLE};
    size_t n = s->segmented ? 7 : 6, data = 0;

    memset(out, 0xEE, GUARD_PAGE_ROOM);
    memcpy(out, head, n);
    for (const char *f = s->fields; *f != '\0'; f++) {
        if (*f == 'L') {
            out[n] = (uint8_t)length;
            out[n + 1] = (uint8_t)(length / 256);
            data += length++;
        }
        n += *f == 'L' ? 2u : (size_t)(*f - '0');
    }
    return n + data + rest;
}

static size_t rest_of(const struct spec *s)
{
    return s->rest == 'M' ? 16 : s->rest == 'A' ? 1 : 0;
}

/* ---- default ---- */

static void test_refused_by_default(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];
    const struct make statistics = {.type = 41, .cause = 3};

    for (size_t i = 0; i <= SPECS_N * 2; i++) {
        const enum direction dir = i % 2 ? DIR_CONTROL : DIR_MONITOR;
        const size_t n = i < SPECS_N * 2 ? build(&SPECS[i / 2], 5, 16, octets)
                                         : asdu_make(&statistics, octets);
        const struct verdict v = asdu_parse(octets, n, dir, &PROFILE_104, &a);
        assert_int_equal(v.reason, REASON_SECAUTH);
        assert_int_equal(v.offset, 0);
        assert_int_equal(v.quirk, QUIRK_SECAUTH);
        assert_int_equal(a.tolerated, 0);
    }
}

/* ---- lengths ---- */

static void expect(const uint8_t *octets, size_t n, const struct spec *s,
                   enum reason reason, size_t offset)
{
    const struct verdict v = parse(octets, n, direction_of(s));

    if (v.reason != reason || v.offset != offset)
        fail_msg("type %u, %zu octets: %s at %u, not %s at %zu", s->type, n,
                 reason_name(v.reason), v.offset, reason_name(reason), offset);
    assert_int_equal(v.quirk, QUIRK_NONE);
    assert_int_equal(a.tolerated, QUIRK_BIT(QUIRK_SECAUTH));
    assert_null(a.objects);
    assert_null(a.inner);
}

static void test_every_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 2, 40, 60};
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N * 5; i++) {
        const struct spec *s = &SPECS[i / 5];
        const size_t told = build(s, lengths[i % 5], 0, octets);
        const size_t n = told + rest_of(s);
        expect(octets, n, s, REASON_OK, 0);
        for (size_t cut = HEADER; cut < told; cut++)
            expect(octets, cut, s, REASON_SHORT, cut);
        if (s->rest == 0)
            expect(octets, n + 1, s, REASON_TRAILING, n);
        if (s->rest == 0)
            expect(octets, 249, s, REASON_TRAILING, n);
    }
}

/* What is not whole is not looked at any further: its cause is wrong, too. */
static void test_structure_comes_first(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N; i++) {
        const struct spec *s = &SPECS[i];
        const size_t told = build(s, 9, 0, octets);
        octets[2] = 1;
        for (size_t cut = HEADER; cut < told; cut++)
            expect(octets, cut, s, REASON_SHORT, cut);
        if (s->rest != 'A')
            expect(octets, told + rest_of(s) + 65, s, REASON_TRAILING,
                   told + (s->rest == 0 ? 0 : 64));
        if (s->segmented) {
            octets[HEADER] = 0;
            expect(octets, 7, s, REASON_SHORT, 7);
        }
    }
}

/* A MAC has 4 to 64 octets; a signature any number but none. */
static void test_what_goes_to_the_end(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N * 100; i++) {
        const struct spec *s = &SPECS[i / 100];
        const size_t rest = i % 100, told = build(s, 8, 0, octets), n = told + rest;
        if (s->rest == 0)
            continue;
        if (s->rest == 'A' || rest == 0)
            expect(octets, n, s, s->rest == 'm' || rest > 0 ? REASON_OK : REASON_SHORT,
                   s->rest == 'm' || rest > 0 ? 0 : n);
        else if (rest < 4)
            expect(octets, n, s, REASON_SHORT, n);
        else
            expect(octets, n, s, rest > 64 ? REASON_TRAILING : REASON_OK,
                   rest > 64 ? told + 64 : 0);
    }
}

/* Each length has two octets, and counts. */
static void test_every_length_field(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N; i++) {
        const struct spec *s = &SPECS[i];
        const size_t n = build(s, 20, rest_of(s), octets);
        size_t at = s->segmented ? 7 : 6;
        for (const char *f = s->fields; *f != '\0'; f++) {
            at += *f == 'L' ? 2u : (size_t)(*f - '0');
            if (*f != 'L')
                continue;
            octets[at - 1] = 1;
            expect(octets, n, s, REASON_SHORT, n);
            octets[at - 1] = 0;
            octets[at - 2]++;
            if (rest_of(s) == 0)
                expect(octets, n, s, REASON_SHORT, n);
            octets[at - 2] = (uint8_t)(octets[at - 2] - 2);
            if (s->rest == 0)
                expect(octets, n, s, REASON_TRAILING, n - 1);
            octets[at - 2]++;
        }
    }
}

/* They add up, beyond what any ASDU could hold. */
static void test_lengths_add_up(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];
    const struct spec *s = NULL;

    for (size_t i = 0; i < SPECS_N; i++)
        s = SPECS[i].type == 90 ? &SPECS[i] : s;
    const size_t n = build(s, 30, 0, octets);
    static const uint16_t lengths[][3] = {
        {256, 255, 1}, {255, 256, 1}, {1, 255, 256}, {65535, 1, 92}, {65535, 65535, 95}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t k = 0; k < 3; k++) {
            octets[17 + 2 * k] = (uint8_t)lengths[i][k];
            octets[18 + 2 * k] = (uint8_t)(lengths[i][k] / 256);
        }
        expect(octets, n, s, REASON_SHORT, n);
    }
}

/* ---- cause, direction, the rest of the header ---- */

static void test_causes_and_directions(void **state)
{
    (void)state;
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N * 64 * 2; i++) {
        const struct spec *s = &SPECS[i / 128];
        const enum direction dir = i % 2 ? DIR_CONTROL : DIR_MONITOR;
        const uint8_t cause = i / 2 % 64;
        const bool way = dir == DIR_CONTROL ? s->control : s->monitor;
        const size_t n = build(s, 8, rest_of(s), octets);
        octets[2] = cause;
        const struct verdict v = parse(octets, n, dir);
        const bool good = s->type == 87 ? cause >= 14 && cause <= 16 : cause == s->cause;
        const bool answer =
            cause == 7 || cause == 9 || cause == 10 || (cause >= 44 && cause < 48);
        if (!way)
            assert_int_equal(v.reason, REASON_WRONG_DIRECTION);
        else if (good)
            assert_int_equal(v.reason, REASON_OK);
        else
            assert_int_equal(v.reason, answer && dir == DIR_CONTROL
                                           ? REASON_WRONG_DIRECTION
                                           : REASON_BAD_COT);
    }
}

static void test_header(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, octet;
        enum reason reason;
        uint16_t offset;
    } cases[] = {
        {1, 0x81, REASON_BAD_SQ, 1},   {1, 0, REASON_BAD_COUNT, 1},
        {1, 2, REASON_BAD_COUNT, 1},   {2, 0x4E, REASON_NEGATIVE_BIT, 2},
        {2, 0x8E, REASON_TEST_BIT, 2}, {3, 9, REASON_OK, 0},
        {4, 0, REASON_BAD_CA, 4},      {0, 88, REASON_BAD_TYPE, 0},
        {0, 89, REASON_BAD_TYPE, 0},   {6, 0xC1, REASON_OK, 0}, /* sequence number */
        {6, WHOLE | 63, REASON_OK, 0},
    };
    uint8_t octets[GUARD_PAGE_ROOM];
    const size_t n = build(&SPECS[0], 8, 0, octets);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t kept = octets[cases[i].at];
        octets[cases[i].at] = cases[i].octet;
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        assert_int_equal(v.reason, cases[i].reason);
        assert_int_equal(v.offset, cases[i].offset);
        octets[cases[i].at] = kept;
    }
    octets[4] = octets[5] = 0xFF;
    assert_int_equal(parse(octets, n, DIR_CONTROL).reason, REASON_BAD_CA);
}

/* ---- segments ---- */

/* Which field a part holds only its receiver knows; it holds something. */
static void test_segments(void **state)
{
    (void)state;
    static const uint8_t parts[] = {0x00, 0x40, 0x80, 0x3F, 0x41, 0xBF};
    uint8_t octets[GUARD_PAGE_ROOM];

    for (size_t i = 0; i < SPECS_N * sizeof parts; i++) {
        const struct spec *s = &SPECS[i / sizeof parts];
        if (!s->segmented)
            continue;
        build(s, 40, 0, octets);
        octets[HEADER] = parts[i % sizeof parts];
        expect(octets, 7, s, REASON_SHORT, 7);
        for (size_t n = 8; n <= 249; n++)
            expect(octets, n, s, REASON_OK, 0);
    }
}

/* Statistics are an object as any other. */
static void test_statistics(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM];
    const struct make m = {.type = 41, .cause = 37, .vsq = 2};
    const size_t n = asdu_make(&m, octets);

    assert_int_equal(n, HEADER + 2 * (3 + 14));
    assert_int_equal(parse(octets, n, DIR_MONITOR).reason, REASON_OK);
    assert_int_equal(a.tolerated, QUIRK_BIT(QUIRK_SECAUTH));
    assert_non_null(a.objects);
    assert_int_equal(parse(octets, n, DIR_CONTROL).reason, REASON_WRONG_DIRECTION);
    assert_int_equal(parse(octets, n - 1, DIR_MONITOR).reason, REASON_SHORT);
    assert_int_equal(parse(octets, n + 1, DIR_MONITOR).reason, REASON_TRAILING);
    octets[6] = 0;
    assert_int_equal(parse(octets, n, DIR_MONITOR).reason, REASON_BAD_IOA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_by_default),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_structure_comes_first),
        cmocka_unit_test(test_what_goes_to_the_end),
        cmocka_unit_test(test_every_length_field),
        cmocka_unit_test(test_lengths_add_up),
        cmocka_unit_test(test_causes_and_directions),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_statistics),
    };
    guard_page_open(&guard);
    passthrough = PROFILE_104;
    (void)profile_allow(&passthrough, QUIRK_SECAUTH, DIR_CONTROL);
    const int failed = cmocka_run_group_tests_name("secauth", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
