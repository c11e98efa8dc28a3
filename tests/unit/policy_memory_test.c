/* A policy when memory runs out at each of its allocations, and at its limits: refused
 * with a sentence, and nothing left behind. */
#include "tests/lib/policy_line.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ALLOCATOR 0 /* the sanitizer's own stands here */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ALLOCATOR 0
#endif
#endif
#ifndef HAS_ALLOCATOR
#define HAS_ALLOCATOR 1
#endif

static bool counting;
static unsigned long left; /* allocations until one fails; 0: none does */
static long live;          /* blocks not given back */

#if HAS_ALLOCATOR

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool is_refused(void)
{
    return counting && left > 0 && --left == 0;
}

static void *counted(void *p)
{
    live += counting && p != NULL;
    return p;
}

void *malloc(size_t n)
{
    return is_refused() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t count, size_t n)
{
    return is_refused() ? NULL : counted(__libc_calloc(count, n));
}

void *realloc(void *p, size_t n)
{
    if (p == NULL)
        return malloc(n);
    return is_refused() ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
    live -= counting && p != NULL;
    __libc_free(p);
}

#endif

static void begin(unsigned long fail_at)
{
    live = 0;
    left = fail_at;
    counting = true;
}

/* The blocks that are still there. */
static long end(void)
{
    counting = false;
    return live;
}

static const struct line LINES[] = {
    {"one", POLICY_PASS, {45, 100}, {{1, 9}, {20, 30}}, {{1, 99}}, false, 0, 0, 0},
    {"two", POLICY_LOG, {45, 50}, {{5, 25}}, {{50, 60}, {70, 80}}, false, 0, 0, 0},
    {"three", POLICY_DROP, {50}, {{5, 25}}, {{55, 75}}, true, -1, 1, 0},
    {"four", POLICY_PASS, {13, 1}, {{1, 2}}, {{0, 0}}, false, 0, 0, DIR_MONITOR},
};
#define LINES_N (sizeof LINES / sizeof LINES[0])

/* Enough object addresses to let every array grow. */
static bool add_all(struct policy_builder *b)
{
    for (size_t i = 0; i < LINES_N; i++)
        if (!line_add(b, &LINES[i]))
            return false;
    for (uint32_t i = 0; i < 200; i++) {
        const struct line l = {"",
                               POLICY_PASS,
                               {46},
                               {{1 + i * 3, 2 + i * 3}, {2000 + i, 2000 + i}},
                               {{i * 7 + 1, i * 7 + 9}},
                               false,
                               0,
                               0,
                               0};
        if (!line_add(b, &l))
            return false;
    }
    return true;
}

static void test_loading(void **state)
{
    (void)state;
    struct policy_builder *b = policy_builder_new();
    struct policy *p = NULL;
    size_t size;
    bool good = false;
    unsigned long failures = 0;

    assert_true(add_all(b));
    const uint8_t *blob = policy_builder_blob(b, &size);
    while (!good) {
        begin(HAS_ALLOCATOR ? failures + 1 : 0);
        line_err[0] = '\0';
        good = policy_load(blob, size, &p, line_err, sizeof line_err);
        if (!good) {
            assert_int_equal(end(), 0);
            assert_null(p);
            assert_string_equal(line_err, "out of memory");
            failures++;
        }
    }
    policy_free(p);
    assert_int_equal(end(), 0);
    assert_true(!HAS_ALLOCATOR || failures > 100);
    policy_builder_free(b);
}

static void test_building(void **state)
{
    (void)state;
    bool good = false;
    unsigned long failures = 0;

    while (!good) {
        size_t size = 1;
        begin(HAS_ALLOCATOR ? failures + 1 : 0);
        line_err[0] = '\0';
        struct policy_builder *b = policy_builder_new();
        const bool added = b != NULL && add_all(b);
        good = added && policy_builder_blob(b, &size) != NULL;
        policy_builder_free(b);
        assert_int_equal(end(), 0);
        if (!good && b != NULL)
            assert_string_equal(line_err, "out of memory");
        failures += !good;
    }
    assert_true(!HAS_ALLOCATOR || failures > 100);
}

static void test_empty_blob(void **state)
{
    (void)state;
    size_t size = 1;
    struct policy_builder *b = policy_builder_new();

    begin(HAS_ALLOCATOR);
    const uint8_t *blob = policy_builder_blob(b, &size);
    (void)end();
    assert_int_equal(blob != NULL, !HAS_ALLOCATOR);
    assert_int_equal(size == 0, HAS_ALLOCATOR);
    policy_builder_free(b);
    policy_builder_free(NULL);
    policy_free(NULL);
}

/* ---- limits ---- */

static void test_too_many_rules(void **state)
{
    (void)state;
    struct policy_builder *b = policy_builder_new();
    const struct line l = {"", POLICY_PASS, {45}, {{1, 1}}, {{1, 1}}, false, 0, 0, 0};

    for (uint32_t i = 0; i < POLICY_RULES_MAX; i++)
        assert_true(line_add(b, &l));
    assert_false(line_add(b, &l));
    assert_string_equal(line_err, "too many rules");
    policy_free(line_load(b));
}

/* Ranges of common addresses that do not touch; there are twice as many addresses. */
#define WIDE 16384u

static struct policy_range ranges[WIDE + 1];

static bool add_wide(struct policy_builder *b, unsigned int types, size_t count)
{
    struct policy_rule r = {.name = NULL,
                            .direction = DIR_CONTROL,
                            .action = POLICY_PASS,
                            .ca = ranges,
                            .ca_count = count,
                            .ioa = ranges,
                            .ioa_count = 1};

    for (unsigned int bit = 0; bit < 6; bit++)
        if ((types >> bit & 1) != 0)
            policy_types_set(r.types, (uint8_t)(45 + bit));
    return policy_builder_add(b, &r, line_err, sizeof line_err);
}

/* Loads what was built, which is too much, and frees both. */
static void expect_too_much(struct policy_builder *b)
{
    struct policy *p;
    size_t size;
    const uint8_t *blob = policy_builder_blob(b, &size);

    assert_false(policy_load(blob, size, &p, line_err, sizeof line_err));
    assert_null(p);
    assert_string_equal(line_err, "the rules overlap in too many ways to be compiled");
    policy_builder_free(b);
}

/* Many rules with as many ranges as may be, each for types of its own. */
static void test_too_much_to_compile(void **state)
{
    (void)state;
    static const unsigned int counts[] = {120, 200, 300, 400};

    for (uint32_t i = 0; i <= WIDE; i++)
        ranges[i] = (struct policy_range){1 + 2 * i, 1 + 2 * i};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        struct policy_builder *b = policy_builder_new();
        for (unsigned int i = 0; i < counts[k]; i++)
            assert_true(add_wide(b, 1 + i % 63, WIDE));
        expect_too_much(b);
    }
}

static void test_too_many_octets(void **state)
{
    (void)state;
    struct policy_builder *b = policy_builder_new();
    unsigned int added = 0;

    while (added < 1000 && add_wide(b, 1, WIDE))
        added++;
    assert_in_range(added, 100, 999);
    assert_string_equal(line_err, "too many rules");
    policy_builder_free(b);
}

static bool add_scattered(struct policy_builder *b, struct policy_range *r, size_t count)
{
    struct policy_rule rule = {.direction = DIR_CONTROL, .ioa = r, .ioa_count = count};

    for (uint32_t i = 0; i < count; i++)
        r[i] = (struct policy_range){1 + 2 * i, 1 + 2 * i};
    policy_types_set(rule.types, 45);
    return policy_builder_add(b, &rule, line_err, sizeof line_err);
}

static void test_too_many_ranges(void **state)
{
    (void)state;
    struct policy_builder *b = policy_builder_new();
    struct policy_range *r = calloc(POLICY_RANGES_MAX + 1, sizeof *r);

    assert_non_null(r);
    assert_true(add_scattered(b, r, POLICY_RANGES_MAX));
    assert_false(add_scattered(b, r, POLICY_RANGES_MAX + 1));
    assert_true(strlen(line_err) > 0);
    free(r);
    policy_free(line_load(b));
}

static struct matrix_row rows[MATRIX_ROWS], old[MATRIX_OLD_ROWS];

static const struct matrix_row *find(unsigned int id)
{
    for (size_t i = 0; i < MATRIX_OLD_ROWS; i++)
        if (old[i].id == id)
            return &old[i];
    return type_matrix_find(rows, id);
}

/* All types at once: what has objects and goes that way, if only as an answer. */
static void test_all_types(void **state)
{
    (void)state;
    type_matrix_read(rows);
    type_matrix_read_old(old);
    for (int dir = 0; dir < DIRECTIONS; dir++) {
        uint8_t types[32] = {0};
        policy_types_all(types, (enum direction)dir);
        for (unsigned int id = 0; id < 256; id++) {
            const struct matrix_row *r = find(id);
            assert_int_equal(types[id / 8] >> id % 8 & 1,
                             r != NULL && (dir == DIR_MONITOR || r->direction != 'M'));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_empty_blob),
        cmocka_unit_test(test_too_many_rules),
        cmocka_unit_test(test_too_much_to_compile),
        cmocka_unit_test(test_too_many_octets),
        cmocka_unit_test(test_too_many_ranges),
        cmocka_unit_test(test_all_types),
    };
    return cmocka_run_group_tests_name("policy memory", tests, NULL, NULL);
}
