/* Every quirk: the fault that it lets through, named when it does not, told when it does;
 * and what it does not let through. */
#include "policy/asdu.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL_QUIRKS ((QUIRK_BIT(QUIRK_MAX + 1) - 1) & ~UINT32_C(1))
#define C          DIR_CONTROL
#define M          DIR_MONITOR

static struct guard_page guard;
static struct asdu a;

static struct verdict parse(const char *hex, enum direction dir,
                            const struct profile *profile)
{
    uint8_t octets[ASDU_SIZE_MAX];
    const size_t n = hex_octets(hex, octets, sizeof octets);

    return asdu_parse(guard_page_put(&guard, octets, n), n, dir, profile, &a);
}

/* One fault each. */
static const struct {
    enum quirk quirk;
    enum direction dir;
    const char *hex;
    enum reason reason;
    uint16_t offset;
} FAULTS[] = {
#define FAULT(quirk, dir, reason, offset, hex)                                           \
    {QUIRK_##quirk, dir, hex, REASON_##reason, offset},
#define BEYOND(quirk, allowed, dir, reason, offset, named, hex)
#include "tests/unit/quirk_faults.def"
#undef FAULT
#undef BEYOND
};
#define FAULTS_N (sizeof FAULTS / sizeof FAULTS[0])

/* What the quirk, allowed in one direction, leaves as it is. */
static const struct {
    enum quirk quirk;
    enum direction allowed, dir;
    const char *hex;
    enum reason reason;
    uint16_t offset;
    enum quirk named;
} BEYOND[] = {
#define FAULT(quirk, dir, reason, offset, hex)
#define BEYOND(quirk, allowed, dir, reason, offset, named, hex)                          \
    {QUIRK_##quirk, allowed, dir, hex, REASON_##reason, offset, QUIRK_##named},
#include "tests/unit/quirk_faults.def"
#undef FAULT
#undef BEYOND
};
#define BEYOND_N (sizeof BEYOND / sizeof BEYOND[0])

static void expect(size_t row, struct verdict v, enum reason reason, uint16_t offset,
                   enum quirk quirk)
{
    if (v.reason != reason || v.offset != offset || v.quirk != quirk)
        fail_msg("row %zu: %s at %u, %s; not %s at %u, %s", row, reason_name(v.reason),
                 v.offset, quirk_name(v.quirk), reason_name(reason), offset,
                 quirk_name(quirk));
}

static void test_named_when_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS_N; i++) {
        const struct verdict v = parse(FAULTS[i].hex, FAULTS[i].dir, &PROFILE_104);
        expect(i, v, FAULTS[i].reason, FAULTS[i].offset, FAULTS[i].quirk);
        assert_int_equal(a.tolerated, 0);
    }
}

static void test_told_when_let_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS_N; i++) {
        struct profile p = PROFILE_104;
        assert_true(profile_allow(&p, FAULTS[i].quirk, FAULTS[i].dir) ||
                    profile_allow(&p, FAULTS[i].quirk, C));
        expect(i, parse(FAULTS[i].hex, FAULTS[i].dir, &p), REASON_OK, 0, QUIRK_NONE);
        assert_int_equal(a.tolerated, QUIRK_BIT(FAULTS[i].quirk));
    }
}

/* No other quirk, nor all the others together, does it. */
static void test_only_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS_N; i++) {
        struct profile p = PROFILE_104;
        p.quirks[C] = quirk_set_of(C) & ~QUIRK_BIT(FAULTS[i].quirk);
        p.quirks[M] = quirk_set_of(M) & ~QUIRK_BIT(FAULTS[i].quirk);
        expect(i, parse(FAULTS[i].hex, FAULTS[i].dir, &p), FAULTS[i].reason,
               FAULTS[i].offset, FAULTS[i].quirk);
        assert_int_equal(a.tolerated, 0);
    }
}

static void test_nothing_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < BEYOND_N; i++) {
        struct profile p = PROFILE_104;
        assert_true(profile_allow(&p, BEYOND[i].quirk, BEYOND[i].allowed));
        expect(i, parse(BEYOND[i].hex, BEYOND[i].dir, &p), BEYOND[i].reason,
               BEYOND[i].offset, BEYOND[i].named);
    }
}

static void test_every_quirk_is_here(void **state)
{
    (void)state;
    uint32_t faults = 0, beyond = 0;
    for (size_t i = 0; i < FAULTS_N; i++)
        faults |= QUIRK_BIT(FAULTS[i].quirk);
    for (size_t i = 0; i < BEYOND_N; i++)
        beyond |= QUIRK_BIT(BEYOND[i].quirk);
    assert_int_equal(faults, ALL_QUIRKS);
    assert_int_equal(beyond, ALL_QUIRKS);
}

/* Two faults that are let through are both told; the one that is not stands. */
static void test_two_at_once(void **state)
{
    (void)state;
    const char *hex = "02 01 14 00 0000 010000 01 1027 1E"; /* CP24, cause 20, CA 0 */
    const uint32_t all = QUIRK_BIT(QUIRK_CP24_TYPES) |
                         QUIRK_BIT(QUIRK_TIMED_INTERROGATED) | QUIRK_BIT(QUIRK_CA_ZERO);
    struct profile p = PROFILE_104;

    p.quirks[M] = all;
    expect(0, parse(hex, M, &p), REASON_OK, 0, QUIRK_NONE);
    assert_int_equal(a.tolerated, all);
    p.quirks[M] = all & ~QUIRK_BIT(QUIRK_CA_ZERO);
    expect(1, parse(hex, M, &p), REASON_BAD_CA, 4, QUIRK_CA_ZERO);
    assert_int_equal(a.tolerated, all & ~QUIRK_BIT(QUIRK_CA_ZERO));
    p.quirks[M] = all & ~QUIRK_BIT(QUIRK_CP24_TYPES);
    expect(2, parse(hex, M, &p), REASON_BAD_TYPE, 0, QUIRK_CP24_TYPES);
    assert_int_equal(a.tolerated, 0);
}

/* A quirk that is there and not needed is not told. */
static void test_not_told_without_need(void **state)
{
    (void)state;
    struct profile p = PROFILE_104;

    p.quirks[C] = quirk_set_of(C);
    p.quirks[M] = quirk_set_of(M);
    assert_int_equal(parse("2D 01 06 00 0100 010000 01", C, &p).reason, REASON_OK);
    assert_int_equal(a.tolerated, 0);
    assert_int_equal(parse("01 01 03 00 0100 010000 01", M, &p).reason, REASON_OK);
    assert_int_equal(a.tolerated, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_when_refused),
        cmocka_unit_test(test_told_when_let_through),
        cmocka_unit_test(test_only_by_itself),
        cmocka_unit_test(test_nothing_beyond),
        cmocka_unit_test(test_every_quirk_is_here),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_not_told_without_need),
    };
    guard_page_open(&guard);
    const int failed = cmocka_run_group_tests_name("quirk", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
