/* What a controlling station may put into an element (101 7.2.6), octet by octet. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct guard_page guard;

static struct verdict check(enum element element, const uint8_t *octets)
{
    struct judgement j = {.dir = DIR_CONTROL};
    const bool stands = element_check(
        &j, element, guard_page_put(&guard, octets, element_size(element)), 0);

    assert_int_equal(stands, j.fault.reason != REASON_OK);
    return judgement_verdict(&j);
}

/* ---- qualifiers: all 256 values
 * -------------------------------------------------------- */

static enum reason expected_command(unsigned int o, bool two_bits)
{
    const unsigned int state = o & 3, qualifier = o / 4 % 32;
    if (!two_bits && state >= 2)
        return REASON_RESERVED_BIT;
    if (two_bits && (state == 0 || state == 3))
        return REASON_BAD_VALUE;
    return qualifier > 3 ? REASON_BAD_QUALIFIER : REASON_OK;
}

static bool nibbles(unsigned int o, unsigned int low_min, unsigned int low_max)
{
    return o % 16 >= low_min && o % 16 <= low_max && o / 16 <= 5;
}

static enum reason expected(enum element element, unsigned int o)
{
    bool good = true;
    if (element == ELEMENT_SCO)
        return expected_command(o, false);
    if (element == ELEMENT_DCO || element == ELEMENT_RCO)
        return expected_command(o, true);
    if (element == ELEMENT_QPM && o >= 128)
        return REASON_RESERVED_BIT;
    if (element == ELEMENT_LOS)
        return o >= 1 ? REASON_OK : REASON_BAD_VALUE;
    if (element == ELEMENT_QOS || element == ELEMENT_FRQ || element == ELEMENT_SRQ)
        good = o == 0 || o == 128;
    else if (element == ELEMENT_QOI)
        good = o >= 20 && o <= 36;
    else if (element == ELEMENT_QCC)
        good = o % 64 >= 1 && o % 64 <= 5;
    else if (element == ELEMENT_QRP)
        good = o == 1 || o == 2;
    else if (element == ELEMENT_QPM)
        good = o % 64 >= 1 && o % 64 <= 4;
    else if (element == ELEMENT_QPA)
        good = o >= 1 && o <= 3;
    else if (element == ELEMENT_SCQ)
        good = nibbles(o, 0, 7);
    else if (element == ELEMENT_LSQ)
        good = o >= 1 && o <= 4;
    else if (element == ELEMENT_AFQ)
        good = nibbles(o, 1, 4);
    return good ? REASON_OK : REASON_BAD_QUALIFIER;
}

static void test_qualifiers(void **state)
{
    (void)state;
    static const enum element all[] = {
        ELEMENT_SCO, ELEMENT_DCO, ELEMENT_RCO, ELEMENT_QOS, ELEMENT_QOI, ELEMENT_QCC,
        ELEMENT_QRP, ELEMENT_QPM, ELEMENT_QPA, ELEMENT_FRQ, ELEMENT_SRQ, ELEMENT_SCQ,
        ELEMENT_LSQ, ELEMENT_AFQ, ELEMENT_LOS, ELEMENT_NOS, ELEMENT_CHS};
    for (unsigned int i = 0; i < 256 * sizeof all / sizeof all[0]; i++) {
        const enum element element = all[i / 256];
        const uint8_t octet = (uint8_t)i;
        const struct verdict v = check(element, &octet);
        if (v.reason != expected(element, octet))
            fail_msg("element %d, octet %02x: %s", (int)element, octet,
                     reason_name(v.reason));
        assert_int_equal(v.offset, 0);
    }
}

/* ---- numbers
 * ------------------------------------------------------------------------------ */

static void test_floats(void **state)
{
    (void)state;
    static const struct {
        uint8_t octets[4];
        enum reason reason;
    } cases[] = {
        {{0, 0, 0, 0}, REASON_OK},
        {{0, 0, 0, 0x80}, REASON_OK},
        {{1, 0, 0, 0}, REASON_OK},             /* denormal */
        {{0xFF, 0xFF, 0x7F, 0x7F}, REASON_OK}, /* largest */
        {{0xFF, 0xFF, 0x7F, 0xFF}, REASON_OK},
        {{0, 0, 0x80, 0x7F}, REASON_BAD_VALUE}, /* infinity */
        {{0, 0, 0x80, 0xFF}, REASON_BAD_VALUE},
        {{0, 0, 0xC0, 0x7F}, REASON_BAD_VALUE}, /* NaN, quiet and signalling */
        {{1, 0, 0x80, 0xFF}, REASON_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(check(ELEMENT_R32, cases[i].octets).reason, cases[i].reason);
}

static void test_free_elements(void **state)
{
    (void)state;
    static const enum element all[] = {ELEMENT_NVA, ELEMENT_SVA, ELEMENT_BSI,
                                       ELEMENT_TSC, ELEMENT_NOF, ELEMENT_LOF};
    const uint8_t ones[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t zeros[8] = {0};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(check(all[i], ones).reason, REASON_OK);
        assert_int_equal(check(all[i], zeros).reason, REASON_OK);
    }
    assert_int_equal(check(ELEMENT_NONE, zeros).reason, REASON_OK);
    assert_int_equal(check((enum element)200, zeros).reason, REASON_BAD_VALUE);
    assert_int_equal(check((enum element)200, zeros).quirk, QUIRK_NONE);
    assert_int_equal(element_size((enum element)200), 0);
    assert_int_equal(check((enum element)(ELEMENT_LOS + 1), zeros).reason,
                     REASON_BAD_VALUE);
    assert_int_equal(element_size((enum element)(ELEMENT_LOS + 1)), 0);
}

static void test_test_pattern(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 65536; i++) {
        const uint8_t octets[] = {(uint8_t)i, (uint8_t)(i / 256)};
        const struct verdict v = check(ELEMENT_FBP, octets);
        assert_int_equal(v.reason, i == 0x55AA ? REASON_OK : REASON_BAD_VALUE);
        assert_int_equal(v.quirk, QUIRK_NONE);
    }
}

/* ---- times
 * -------------------------------------------------------------------------------- */

static const struct {
    uint8_t t[7];
    enum reason reason;
    uint16_t offset;
} TIMES[] = {
    {{0x5F, 0xEA, 59, 23, 31, 12, 99}, REASON_OK, 0},
    {{0x60, 0xEA, 59, 23, 31, 12, 99}, REASON_BAD_TIME, 0},
    {{0xFF, 0xFF, 0, 0, 1, 1, 0}, REASON_BAD_TIME, 0},
    {{0, 0, 0, 0, 1, 1, 0}, REASON_OK, 0},
    {{0, 0, 60, 0, 1, 1, 0}, REASON_BAD_TIME, 2},
    {{0, 0, 0x40 | 59, 0, 1, 1, 0}, REASON_OK, 0},  /* GEN */
    {{0, 0, 0x80, 0, 1, 1, 0}, REASON_BAD_TIME, 2}, /* IV */
    {{0, 0, 0, 24, 1, 1, 0}, REASON_BAD_TIME, 3},
    {{0, 0, 0, 0x80 | 23, 1, 1, 0}, REASON_OK, 0}, /* SU */
    {{0, 0, 0, 0x20, 1, 1, 0}, REASON_RESERVED_BIT, 3},
    {{0, 0, 0, 0x40, 1, 1, 0}, REASON_RESERVED_BIT, 3},
    {{0, 0, 0, 0, 0, 1, 0}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 0xE0 | 1, 1, 0}, REASON_OK, 0}, /* Sunday */
    {{0, 0, 0, 0, 1, 0, 0}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 1, 13, 0}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 1, 0x11, 0}, REASON_RESERVED_BIT, 5},
    {{0, 0, 0, 0, 1, 1, 100}, REASON_BAD_TIME, 6},
    {{0, 0, 0, 0, 1, 1, 0x80}, REASON_RESERVED_BIT, 6},
    {{0, 0, 0, 0, 31, 4, 24}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 30, 4, 24}, REASON_OK, 0},
    {{0, 0, 0, 0, 29, 2, 24}, REASON_OK, 0},
    {{0, 0, 0, 0, 29, 2, 23}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 30, 2, 24}, REASON_BAD_TIME, 4},
    {{0, 0, 0, 0, 28, 2, 23}, REASON_OK, 0},
};

static void test_times(void **state)
{
    (void)state;
    const uint8_t zero[7] = {0};
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        const struct verdict v = check(ELEMENT_CP56, TIMES[i].t);
        if (v.reason != TIMES[i].reason || v.offset != TIMES[i].offset)
            fail_msg("row %zu: %s at %u", i, reason_name(v.reason), v.offset);
        assert_int_equal(check(ELEMENT_CP56_BOUND, TIMES[i].t).reason, TIMES[i].reason);
    }
    assert_int_equal(check(ELEMENT_CP56, zero).reason, REASON_BAD_TIME);
    assert_int_equal(check(ELEMENT_CP56_BOUND, zero).reason, REASON_OK);
    for (size_t i = 0; i < sizeof zero; i++) {
        uint8_t bound[7] = {0};
        bound[i] = 1;
        assert_int_equal(check(ELEMENT_CP56_BOUND, bound).reason, REASON_BAD_TIME);
    }
}

/* Nobody sends it to a station; if somebody did, it would be a time. */
static void test_short_times(void **state)
{
    (void)state;
    static const struct {
        uint8_t t[3];
        enum reason reason;
        uint16_t offset;
    } cases[] = {
        {{0x5F, 0xEA, 59}, REASON_OK, 0},       {{0x60, 0xEA, 59}, REASON_BAD_TIME, 0},
        {{0, 0, 60}, REASON_BAD_TIME, 2},       {{0, 0, 0x80}, REASON_BAD_TIME, 2},
        {{0, 0, 0x40}, REASON_RESERVED_BIT, 2}, {{0x60, 0xEA, 0x80}, REASON_BAD_TIME, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct verdict v = check(ELEMENT_CP24, cases[i].t);
        assert_int_equal(v.reason, cases[i].reason);
        assert_int_equal(v.offset, cases[i].offset);
    }
}

/* A list is not judged beyond its octets. */
static void test_lists(void **state)
{
    (void)state;
    static const uint8_t list[ELEMENT_LIST_MAX] = {ELEMENT_R32, ELEMENT_QDS,
                                                   ELEMENT_CP16};
    const uint8_t octets[7] = {0};
    for (size_t size = 0; size <= sizeof octets; size++) {
        struct judgement j = {.dir = DIR_MONITOR};
        const uint8_t *p = guard_page_put(&guard, octets, size);
        const bool stands = element_check_list(&j, list, p, size, 9);
        const size_t whole = size < 4 ? 0 : size < 5 ? 4 : 5;
        assert_int_equal(stands, size < sizeof octets);
        assert_int_equal(j.fault.reason, stands ? REASON_BAD_VALUE : REASON_OK);
        assert_int_equal(j.fault.offset, stands ? 9 + whole : 0);
        assert_int_equal(j.fault.quirk, QUIRK_NONE);
    }
}

/* ---- in their place in the ASDU
 * ------------------------------------------------------------ */

static const struct {
    uint8_t type, cause, at, octet;
    enum reason reason;
} PLACES[] = {
    {45, 6, 9, 0x02, REASON_RESERVED_BIT},     {46, 6, 9, 0x00, REASON_BAD_VALUE},
    {46, 8, 9, 0x03, REASON_BAD_VALUE},        {47, 6, 9, 0x03, REASON_BAD_VALUE},
    {48, 6, 11, 0x01, REASON_BAD_QUALIFIER},   {49, 6, 11, 0x40, REASON_BAD_QUALIFIER},
    {50, 6, 13, 0x7F, REASON_BAD_QUALIFIER},   {58, 6, 9, 0x10, REASON_BAD_QUALIFIER},
    {59, 6, 12, 60, REASON_BAD_TIME},          {60, 6, 12, 0x9E, REASON_BAD_TIME},
    {61, 6, 14, 60, REASON_BAD_TIME},          {62, 6, 18, 0x80, REASON_RESERVED_BIT},
    {63, 6, 20, 0x80, REASON_RESERVED_BIT},    {64, 6, 15, 60, REASON_BAD_TIME},
    {100, 6, 9, 19, REASON_BAD_QUALIFIER},     {101, 6, 9, 0x80, REASON_BAD_QUALIFIER},
    {103, 6, 15, 0x64, REASON_BAD_TIME},       {105, 6, 9, 0, REASON_BAD_QUALIFIER},
    {107, 6, 17, 0x64, REASON_BAD_TIME},       {110, 6, 11, 0, REASON_BAD_QUALIFIER},
    {112, 6, 13, 0x81, REASON_RESERVED_BIT},   {113, 6, 9, 4, REASON_BAD_QUALIFIER},
    {120, 13, 14, 1, REASON_BAD_QUALIFIER},    {121, 13, 15, 1, REASON_BAD_QUALIFIER},
    {122, 13, 12, 8, REASON_BAD_QUALIFIER},    {123, 13, 12, 0, REASON_BAD_QUALIFIER},
    {124, 13, 12, 0x61, REASON_BAD_QUALIFIER}, {127, 13, 24, 0x80, REASON_RESERVED_BIT},
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        const struct make m = {.type = PLACES[i].type, .cause = PLACES[i].cause};
        uint8_t octets[MAKE_ROOM];
        struct asdu a;
        const size_t n = asdu_make(&m, octets);
        assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                         REASON_OK);
        octets[PLACES[i].at] = PLACES[i].octet;
        const struct verdict v = asdu_parse(guard_page_put(&guard, octets, n), n,
                                            DIR_CONTROL, &PROFILE_104, &a);
        if (v.reason != PLACES[i].reason || v.offset != PLACES[i].at)
            fail_msg("row %zu: %s at %u", i, reason_name(v.reason), v.offset);
        assert_non_null(a.objects);
    }
}

/* A float set point that is no number never gets through. */
static void test_nan_set_point(void **state)
{
    (void)state;
    static const uint8_t nan[] = {0, 0, 0xC0, 0x7F}, types[] = {50, 63, 112};
    for (size_t i = 0; i < sizeof types; i++) {
        const struct make m = {.type = types[i], .cause = 6};
        uint8_t octets[MAKE_ROOM];
        struct asdu a;
        const size_t n = asdu_make(&m, octets);
        memcpy(octets + 9, nan, sizeof nan);
        assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                         REASON_BAD_VALUE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qualifiers),    cmocka_unit_test(test_floats),
        cmocka_unit_test(test_free_elements), cmocka_unit_test(test_test_pattern),
        cmocka_unit_test(test_times),         cmocka_unit_test(test_short_times),
        cmocka_unit_test(test_lists),         cmocka_unit_test(test_places),
        cmocka_unit_test(test_nan_set_point),
    };
    guard_page_open(&guard);
    const int failed = cmocka_run_group_tests_name("element", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
