/* The APCI of 104 5.1, with its rules written down a second time, bit by bit. */
#include "policy/apci.h"
#include "tests/lib/guard_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct guard_page guard;

static struct verdict scan(const uint8_t *octets, size_t n, size_t *size)
{
    return apci_scan(guard_page_put(&guard, octets, n), n, size);
}

static struct verdict parse(const uint8_t *octets, size_t n, struct apci *out)
{
    return apci_parse(guard_page_put(&guard, octets, n), n, out);
}

/* ---- verdicts, one by one -------------------------------------------------------- */

static const struct {
    const char *what;
    uint8_t octets[8];
    size_t n;
    enum reason reason;
    uint16_t offset;
    size_t size; /* what apci_scan gives; 0 with REASON_OK: more is needed */
} CASES[] = {
    {"nothing yet", {0}, 0, REASON_OK, 0, 0},
    {"start only", {0x68}, 1, REASON_OK, 0, 0},
    {"start and length", {0x68, 4}, 2, REASON_OK, 0, 0},
    {"wrong start", {0x69}, 1, REASON_BAD_START, 0, 0},
    {"start of TLS", {0x16, 3, 1}, 3, REASON_BAD_START, 0, 0},
    {"length 3", {0x68, 3}, 2, REASON_BAD_LENGTH, 1, 0},
    {"length 4", {0x68, 4}, 2, REASON_OK, 0, 0},
    {"length 253", {0x68, 253}, 2, REASON_OK, 0, 0},
    {"length 254", {0x68, 254}, 2, REASON_BAD_LENGTH, 1, 0},
    {"length 255", {0x68, 255}, 2, REASON_BAD_LENGTH, 1, 0},
    {"length 0", {0x68, 0}, 2, REASON_BAD_LENGTH, 1, 0},
    {"STARTDT act", {0x68, 4, 0x07, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"STARTDT con", {0x68, 4, 0x0B, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"STOPDT act", {0x68, 4, 0x13, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"STOPDT con", {0x68, 4, 0x23, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"TESTFR act", {0x68, 4, 0x43, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"TESTFR con", {0x68, 4, 0x83, 0, 0, 0}, 6, REASON_OK, 0, 6},
    {"U without a function", {0x68, 4, 0x03}, 3, REASON_BAD_U, 2, 0},
    {"U with act and con", {0x68, 4, 0x0F}, 3, REASON_BAD_U, 2, 0},
    {"U with two functions", {0x68, 4, 0x47}, 3, REASON_BAD_U, 2, 0},
    {"U with all functions", {0x68, 4, 0xFF}, 3, REASON_BAD_U, 2, 0},
    {"U of length 5", {0x68, 5, 0x07}, 3, REASON_BAD_U, 1, 0},
    {"U, octet 4", {0x68, 4, 0x43, 1}, 4, REASON_BAD_U, 3, 0},
    {"U, octet 5", {0x68, 4, 0x43, 0, 1}, 5, REASON_BAD_U, 4, 0},
    {"U, octet 6", {0x68, 4, 0x43, 0, 0, 1}, 6, REASON_BAD_U, 5, 0},
    {"S", {0x68, 4, 0x01, 0, 0xFE, 0xFF}, 6, REASON_OK, 0, 6},
    {"S, reserved bits", {0x68, 4, 0x05}, 3, REASON_BAD_S, 2, 0},
    {"S, top bit", {0x68, 4, 0x81}, 3, REASON_BAD_S, 2, 0},
    {"S of length 6", {0x68, 6, 0x01}, 3, REASON_BAD_S, 1, 0},
    {"S, octet 4", {0x68, 4, 0x01, 0x80}, 4, REASON_BAD_S, 3, 0},
    {"S, bit 0 of octet 5", {0x68, 4, 0x01, 0, 0x01}, 5, REASON_BAD_S, 4, 0},
    {"I without an ASDU", {0x68, 4, 0x00}, 3, REASON_BAD_I, 1, 0},
    {"I with one octet", {0x68, 5, 0x00, 0, 0, 0, 45}, 7, REASON_OK, 0, 7},
    {"I, bit 0 of octet 5", {0x68, 5, 0x00, 0, 0x01}, 5, REASON_BAD_I, 4, 0},
    {"I, one octet missing", {0x68, 6, 0x00, 0, 0, 0, 45}, 7, REASON_OK, 0, 0},
    {"I, the next one behind it", {0x68, 5, 0, 0, 0, 0, 45, 0x68}, 8, REASON_OK, 0, 7},
    {"the next one is wrong", {0x68, 5, 0, 0, 0, 0, 45, 0x69}, 8, REASON_OK, 0, 7},
};
#define CASES_N (sizeof CASES / sizeof CASES[0])

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES_N; i++) {
        size_t size = 99;
        const struct verdict v = scan(CASES[i].octets, CASES[i].n, &size);
        if (v.reason != CASES[i].reason || v.offset != CASES[i].offset ||
            size != CASES[i].size)
            fail_msg("%s: %s at %u, size %zu", CASES[i].what, reason_name(v.reason),
                     v.offset, size);
    }
}

/* ---- every control field, against the rules in prose ------------------------------ */

static enum reason expected(const uint8_t *p)
{
    if (p[0] != 0x68)
        return REASON_BAD_START;
    if (p[1] < 4 || p[1] > 253)
        return REASON_BAD_LENGTH;
    if (p[2] % 2 == 0)
        return p[1] == 4 || p[4] % 2 == 1 ? REASON_BAD_I : REASON_OK;
    if (p[2] % 4 == 1)
        return p[1] == 4 && p[2] == 1 && p[3] == 0 && p[4] % 2 == 0 ? REASON_OK
                                                                    : REASON_BAD_S;
    return p[1] == 4 && strchr("\x07\x0B\x13\x23\x43\x83", p[2]) &&
                   p[3] + p[4] + p[5] == 0
               ? REASON_OK
               : REASON_BAD_U;
}

/* All values of the length and of one control octet at a time, over a few of the others.
 */
static void check_all_splits(const uint8_t *p, size_t n)
{
    const enum reason want = expected(p);
    enum reason found = REASON_OK;
    size_t size = 0, judged = 0;
    for (size_t m = 0; m <= n; m++) {
        const struct verdict v = scan(p, m, &size);
        if (found != REASON_OK)
            assert_int_equal(v.reason, found); /* never taken back */
        else if (v.reason != REASON_OK)
            judged = m;
        found = v.reason;
        assert_true(size == 0 || (found == REASON_OK && m == n && size == n));
        if (v.reason != REASON_OK)
            assert_in_range(v.offset, 0, m - 1);
    }
    assert_int_equal(found, want);
    assert_int_equal(size, want == REASON_OK ? n : 0);
    assert_in_range(judged, 0, 6); /* a wrong frame is known before the ASDU has come */
}

static void test_control_fields(void **state)
{
    (void)state;
    static const uint8_t some[] = {0x00, 0x01, 0x02, 0x80, 0xFF};
    uint8_t p[APDU_SIZE_MAX + 2] = {0x68};
    for (unsigned int i = 0; i < 256 * 4 * 125; i++) {
        const unsigned int at = i / 256 % 4, rest = i / 1024;
        const uint8_t values[] = {some[rest % 5], some[rest / 5 % 5], some[rest / 25]};
        p[1] = (uint8_t)(i % 3 == 0 ? 4 : 4 + i % 7);
        memcpy(p + 2, values, 3);
        p[5] = values[0];
        p[2 + at] = (uint8_t)i;
        check_all_splits(p, (size_t)p[1] + 2);
    }
}

static void test_lengths_of_every_format(void **state)
{
    (void)state;
    static const uint8_t first[] = {0x00, 0x01, 0x43};
    uint8_t p[APDU_SIZE_MAX + 2] = {0x68};
    for (unsigned int i = 0; i < 3 * 256; i++) {
        p[1] = (uint8_t)i;
        p[2] = first[i / 256];
        check_all_splits(p, (size_t)p[1] + 2 < 6 ? 6 : (size_t)p[1] + 2);
    }
}

/* ---- taking apart ------------------------------------------------------------------ */

static void test_parse_wants_the_exact_size(void **state)
{
    (void)state;
    uint8_t p[APDU_SIZE_MAX + 3] = {0x68};
    struct apci a;
    for (unsigned int length = 5; length <= 253; length++) {
        p[1] = (uint8_t)length;
        for (size_t n = 0; n <= sizeof p; n++) {
            const struct verdict v = parse(p, n, &a);
            assert_int_equal(v.reason, n == length + 2 ? REASON_OK : REASON_BAD_LENGTH);
        }
    }
}

static void test_parse_fields(void **state)
{
    (void)state;
    struct apci a;
    const uint8_t u[] = {0x68, 4, 0x13, 0, 0, 0};
    const uint8_t s[] = {0x68, 4, 1, 0, 0x04, 0x03};
    const uint8_t i[] = {0x68, 6, 0xFE, 0xFF, 0x02, 0x80, 0xAA, 0xBB};
    assert_int_equal(parse(u, sizeof u, &a).reason, REASON_OK);
    assert_int_equal(a.format, APCI_U);
    assert_int_equal(a.function, APCI_STOPDT_ACT);
    assert_null(a.asdu);
    assert_int_equal(parse(s, sizeof s, &a).reason, REASON_OK);
    assert_int_equal(a.format, APCI_S);
    assert_int_equal(a.nr, 386);
    assert_int_equal(a.asdu_size, 0);
    assert_int_equal(parse(i, sizeof i, &a).reason, REASON_OK);
    assert_int_equal(a.format, APCI_I);
    assert_int_equal(a.ns, 32767);
    assert_int_equal(a.nr, 16385);
    assert_int_equal(a.asdu_size, 2);
    assert_int_equal(a.asdu[0], 0xAA);
    assert_int_equal(a.asdu[1], 0xBB);
}

static void test_parse_leaves_nothing_behind(void **state)
{
    (void)state;
    struct apci a;
    const struct apci nothing = {0};
    const uint8_t bad[] = {0x68, 6, 0xFE, 0xFF, 0x03, 0x80, 0xAA, 0xBB};
    memset(&a, 0xFF, sizeof a);
    assert_int_equal(parse(bad, sizeof bad, &a).reason, REASON_BAD_I);
    assert_memory_equal(&a, &nothing, sizeof a);
}

/* ---- writing ------------------------------------------------------------------------
 */

static void test_put_is_the_inverse(void **state)
{
    (void)state;
    uint8_t p[APDU_SIZE_MAX] = {0};
    struct apci a;
    for (unsigned int n = 0; n < APCI_SEQ_MOD; n++) {
        const uint16_t nr = (uint16_t)((n * 7919) % APCI_SEQ_MOD);
        const size_t size = 1 + n % ASDU_SIZE_MAX;
        apci_put_i(p, (uint16_t)n, nr, size);
        assert_int_equal(apci_parse(p, size + 6, &a).reason, REASON_OK);
        assert_true(a.format == APCI_I && a.ns == n && a.nr == nr && a.asdu_size == size);
        apci_put_s(p, (uint16_t)n);
        assert_int_equal(apci_parse(p, 6, &a).reason, REASON_OK);
        assert_true(a.format == APCI_S && a.nr == n);
    }
}

static void test_functions(void **state)
{
    (void)state;
    static const struct {
        enum apci_function function;
        const char *name;
    } rows[] = {{0x07, "STARTDT act"}, {0x0B, "STARTDT con"}, {0x13, "STOPDT act"},
                {0x23, "STOPDT con"},  {0x43, "TESTFR act"},  {0x83, "TESTFR con"}};
    uint8_t p[6];
    struct apci a;
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(apci_function_name(rows[i].function), rows[i].name);
        apci_put_u(p, rows[i].function);
        assert_int_equal(apci_parse(p, 6, &a).reason, REASON_OK);
        assert_int_equal(a.function, rows[i].function);
    }
    assert_string_equal(apci_function_name((enum apci_function)0), "unknown");
    assert_string_equal(apci_function_name((enum apci_function)0x107), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_control_fields),
        cmocka_unit_test(test_lengths_of_every_format),
        cmocka_unit_test(test_parse_wants_the_exact_size),
        cmocka_unit_test(test_parse_fields),
        cmocka_unit_test(test_parse_leaves_nothing_behind),
        cmocka_unit_test(test_put_is_the_inverse),
        cmocka_unit_test(test_functions),
    };
    guard_page_open(&guard);
    const int failed = cmocka_run_group_tests_name("apci", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
