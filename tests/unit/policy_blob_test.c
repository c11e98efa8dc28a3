/* Rules that are none, and blobs that no builder wrote. */
#include "policy/policy.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/policy_line.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- rules that are none
 * ----------------------------------------------------------------- */

static const struct {
    const char *what, *says;
    struct line line;
} BAD[] = {
    {"no type", "no type", {"", 0, {0}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"type of 60870-5-7",
     "not one of 104",
     {"", 0, {81}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"private type",
     "not one of 104",
     {"", 0, {200}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"monitor type", "direction", {"", 0, {45, 1}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA 0", "common", {"", 0, {45}, {{0, 5}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA range with 65535",
     "65535",
     {"", 0, {45}, {{1, 65535}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA 65536", "common", {"", 0, {45}, {{65536, 65536}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA reversed", "common", {"", 0, {45}, {{5, 4}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA reversed among others",
     "common",
     {"", 0, {45}, {{1, 9}, {5, 4}, {6, 7}}, {{0, 0}}, false, 0, 0, 0}},
    {"IOA too large",
     "object",
     {"", 0, {45}, {{1, 1}}, {{1, 0x1000000}}, false, 0, 0, 0}},
    {"IOA reversed", "object", {"", 0, {45}, {{1, 1}}, {{6, 5}}, false, 0, 0, 0}},
    {"value NaN", "finite", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, NAN, 1, 0}},
    {"value infinite", "finite", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, 0, INFINITY, 0}},
    {"value empty", "empty", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, 1, 0.5, 0}},
    {"name too long",
     "name",
     {"1234567890123456789012345678901234567890123456789012345678901234",
      0,
      {45},
      {{0, 0}},
      {{0, 0}},
      false,
      0,
      0,
      0}},
    {"name with newline", "name", {"a\nb", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name with DEL", "name", {"a\x7f", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name in Latin-1",
     "name",
     {"S\xfc"
      "d",
      0,
      {45},
      {{0, 0}},
      {{0, 0}},
      false,
      0,
      0,
      0}},
    {"name cut off", "name", {"S\xc3", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name overlong", "name", {"\xc0\xaf", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name overlong in three",
     "name",
     {"\xe0\x82\xa0", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name surrogate",
     "name",
     {"\xed\xa0\x80", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name C1", "name", {"\xc2\x85", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name beyond Unicode",
     "name",
     {"\xf4\x90\x80\x80", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
};

static void test_bad_rules(void **state)
{
    (void)state;
    static const struct line good[] = {
        {"S\xc3\xbc"
         "d \xe2\x82\xac \xf0\x9f\x94\x8c",
         0,
         {45},
         {{1, 65534}, {65535, 65535}},
         {{0, 0xFFFFFF}},
         false,
         0,
         0,
         0},
        {"123456789012345678901234567890123456789012345678901234567890123",
         0,
         {50},
         {{0, 0}},
         {{0, 0}},
         true,
         1,
         1,
         0},
    };
    struct policy_builder *b = policy_builder_new();
    size_t before, after;
    policy_builder_blob(b, &before);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        line_err[0] = '\0';
        if (line_add(b, &BAD[i].line) || strstr(line_err, BAD[i].says) == NULL)
            fail_msg("%s: \"%s\"", BAD[i].what, line_err);
    }
    policy_builder_blob(b, &after);
    assert_int_equal(before, after);
    assert_true(line_add(b, &good[0]) && line_add(b, &good[1]));
    policy_free(line_load(b));
}

/* Order and overlap of ranges do not matter to the blob. */
static void test_blob_is_canonical(void **state)
{
    (void)state;
    static const struct line one = {"",    POLICY_PASS, {45}, {{1, 9}}, {{10, 30}},
                                    false, 0,           0,    0};
    static const struct line same = {"",
                                     POLICY_PASS,
                                     {45},
                                     {{5, 9}, {1, 3}, {2, 4}},
                                     {{21, 30}, {10, 20}, {12, 13}},
                                     false,
                                     0,
                                     0,
                                     0};
    struct policy_builder *a = policy_builder_new(), *b = policy_builder_new();
    size_t n, m;
    assert_true(line_add(a, &one) && line_add(b, &same));
    const uint8_t *p = policy_builder_blob(a, &n), *q = policy_builder_blob(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(p, q, n);
    policy_builder_free(a);
    policy_builder_free(b);
}

/* ---- hostile blobs
 * --------------------------------------------------------------------------- */

static const struct line SAMPLE[] = {
    {"one",
     POLICY_PASS,
     {45},
     {{1, 1}, {7, 9}},
     {{1001, 1100}},
     false,
     0,
     0,
     DIR_CONTROL},
    {"two", POLICY_LOG, {50}, {{1, 1}}, {{5, 6}, {8, 9}}, true, 0.0, 110.0, DIR_CONTROL},
    {"three", POLICY_DROP, {1}, {{0, 0}}, {{0, 0}}, false, 0, 0, DIR_MONITOR},
};

static size_t sample_blob(uint8_t out[1024])
{
    struct policy_builder *b = policy_builder_new();
    size_t n;
    for (int i = 0; i < 3; i++)
        assert_true(line_add(b, &SAMPLE[i]));
    const uint8_t *blob = policy_builder_blob(b, &n);
    assert_true(n <= 1024);
    memcpy(out, blob, n);
    policy_builder_free(b);
    return n;
}

static bool loads(struct guard_page *g, const uint8_t *blob, size_t n)
{
    struct policy *p = (struct policy *)(uintptr_t)1;
    line_err[0] = '\0';
    const bool good =
        policy_load(guard_page_put(g, blob, n), n, &p, line_err, sizeof line_err);
    assert_int_equal(p != NULL, good);
    assert_int_equal(line_err[0] != '\0', !good);
    policy_free(p);
    return good;
}

static void test_cut_and_grown_blobs(void **state)
{
    (void)state;
    uint8_t blob[1025] = {0};
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    assert_true(loads(&g, blob, n));
    for (size_t cut = 0; cut < n; cut++)
        assert_false(loads(&g, blob, cut));
    assert_false(loads(&g, blob, n + 1));
    guard_page_close(&g);
}

/* Every octet with every value: never a crash, and what the fields forbid is refused. */
static void test_changed_blobs(void **state)
{
    (void)state;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    for (size_t at = 0; at < n; at++) {
        const uint8_t was = blob[at];
        for (unsigned int v = 0; v < 256; v++) {
            blob[at] = (uint8_t)v;
            const bool good = loads(&g, blob, n);
            if (at < 12 || at == 19)
                assert_int_equal(good, v == was); /* magic, count, name length */
            else if (at == 14)
                assert_int_equal(good, v >= 1); /* seconds of a select: 1..3600 */
            else if (at == 15)
                assert_int_equal(good, v <= 13);
            else if (at == 12 || at == 13 || at == 17)
                assert_int_equal(good, v < POLICY_ACTIONS);
            else if (at == 16)
                assert_int_equal(good, v < DIRECTIONS); /* 45 occurs in both */
            else if (at >= 20 && at <= 22)
                assert_int_equal(good, v >= 0x20 && v < 0x7F); /* name, UTF-8 */
            else if (at == 18)
                assert_int_equal(good, (v & 0xBF) == was); /* values would follow */
        }
        blob[at] = was;
    }
    guard_page_close(&g);
}

/* A sender that does not sort: the ranges of rule "one" begin behind its name, its types
 * and the two counts. */
static void test_unsorted_ranges(void **state)
{
    (void)state;
    static const uint8_t ca[][8] = {{1, 0, 1, 0, 7, 0, 9, 0},
                                    {7, 0, 9, 0, 1, 0, 1, 0},
                                    {1, 0, 7, 0, 7, 0, 9, 0},
                                    {1, 0, 6, 0, 7, 0, 9, 0},
                                    {1, 0, 9, 0, 7, 0, 8, 0}};
    static const bool good[] = {true, false, false, true, false};
    const size_t at = 16 + 4 + 3 + 32 + 4;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    assert_memory_equal(blob + at, ca[0], 8);
    for (size_t i = 0; i < 5; i++) {
        memcpy(blob + at, ca[i], 8);
        assert_int_equal(loads(&g, blob, n), good[i]);
    }
    guard_page_close(&g);
}

static uint32_t draw(uint32_t n)
{
    return (uint32_t)random() % n;
}

static void test_noise(void **state)
{
    (void)state;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    srandom(5);
    for (int i = 0; i < 20000; i++) {
        const size_t n = sample_blob(blob);
        for (uint32_t k = 0, changes = 1 + draw(6); k < changes; k++)
            blob[16 + draw((uint32_t)n - 16)] =
                draw(2) ? (uint8_t)draw(256) : (uint8_t)draw(3);
        loads(&g, blob, n);
    }
    guard_page_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_blob_is_canonical),
        cmocka_unit_test(test_cut_and_grown_blobs),
        cmocka_unit_test(test_changed_blobs),
        cmocka_unit_test(test_unsorted_ranges),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests_name("policy_blob", tests, NULL, NULL);
}
