/* Rates: never more than N in any T; for small N just N. */
#include "policy/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS 20000u

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint64_t taken[EVENTS];

/* How many of the first n were taken less than T before `now`. */
static uint32_t recent(size_t n, uint64_t ms, uint64_t now)
{
    uint32_t count = 0;

    while (n > 0 && now - taken[n - 1] < ms) {
        count++;
        n--;
    }
    return count;
}

/* Asks at random moments; gives how often it got less than it might. */
static uint32_t run(uint32_t limit_count, uint64_t ms, uint32_t step)
{
    const struct throttle_limit limit = {limit_count, ms};
    const struct throttle_key key = {.rule = 1};
    struct throttle_table *t = throttle_table_new();
    uint64_t now = draw(1000);
    uint32_t less = 0;
    size_t n = 0;

    assert_non_null(t);
    for (unsigned int i = 0; i < EVENTS; i++) {
        now += draw(4) == 0 ? draw(step) : 0;
        const uint32_t before = recent(n, ms, now);
        if (throttle_take(t, &key, &limit, now) == THROTTLE_FITS) {
            assert_in_range(before, 0, limit_count - 1);
            taken[n++] = now;
        } else if (before < limit_count) {
            less++;
        }
    }
    assert_true(n > limit_count);
    throttle_table_free(t);
    return less;
}

static void test_small_limits_are_exact(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= THROTTLE_STEPS; count++) {
        assert_int_equal(run(count, 1000, 1 + 4000 / count), 0);
        assert_int_equal(run(count, 1, 3), 0);
    }
}

static void test_large_limits_are_never_exceeded(void **state)
{
    static const uint32_t counts[] = {33, 63, 64, 65, 100, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        (void)run(counts[i], 1000, 1 + 8000 / counts[i]);
}

/* What a burst gets is the whole limit, also of a large one. */
static void test_a_burst_gets_all(void **state)
{
    const struct throttle_limit limit = {1000, 60000};
    const struct throttle_key key = {.rule = 1};
    struct throttle_table *t = throttle_table_new();

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(throttle_take(t, &key, &limit, 5), THROTTLE_FITS);
    assert_int_equal(throttle_take(t, &key, &limit, 60004), THROTTLE_EXCEEDED);
    assert_int_equal(throttle_take(t, &key, &limit, 60005), THROTTLE_FITS);
    throttle_table_free(t);
}

static void test_keys_are_apart(void **state)
{
    static const struct throttle_key keys[] = {
        {1, 1, 1, 1, 1, false}, {2, 1, 1, 1, 1, false}, {1, 2, 1, 1, 1, false},
        {1, 1, 2, 1, 1, false}, {1, 1, 1, 2, 1, false}, {1, 1, 1, 1, 2, false},
        {1, 1, 1, 1, 1, true},
    };
    const struct throttle_limit one = {1, 1000};
    struct throttle_table *t = throttle_table_new();

    (void)state;
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(throttle_take(t, &keys[i], &one, 7), THROTTLE_FITS);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(throttle_take(t, &keys[i], &one, 8), THROTTLE_EXCEEDED);
    throttle_table_free(t);
}

/* A full table says no to who is new, and keeps all it knows; time makes room. */
static void test_no_room(void **state)
{
    const struct throttle_limit two = {2, 1000};
    struct throttle_table *t = throttle_table_new();
    struct throttle_key key = {.rule = 3};

    (void)state;
    for (key.ioa = 0; key.ioa < THROTTLE_KEYS; key.ioa++)
        assert_int_equal(throttle_take(t, &key, &two, 1), THROTTLE_FITS);
    assert_int_equal(throttle_take(t, &key, &two, 2), THROTTLE_NO_ROOM);
    for (key.ioa = 0; key.ioa < THROTTLE_KEYS; key.ioa++)
        assert_int_equal(throttle_take(t, &key, &two, 3), THROTTLE_FITS);
    for (key.ioa = 0; key.ioa < THROTTLE_KEYS; key.ioa++)
        assert_int_equal(throttle_take(t, &key, &two, 1000), THROTTLE_EXCEEDED);
    for (key.ioa = THROTTLE_KEYS; key.ioa < 2 * THROTTLE_KEYS; key.ioa++)
        assert_int_equal(throttle_take(t, &key, &two, 1003), THROTTLE_FITS);
    throttle_table_free(t);
}

static void test_another_limit(void **state)
{
    const struct throttle_limit small = {32, 1000}, large = {100, 1000};
    const struct throttle_key key = {.rule = 1};
    struct throttle_table *t = throttle_table_new();
    uint32_t got = 0;

    (void)state;
    for (uint64_t now = 0; now < 32; now++)
        assert_int_equal(throttle_take(t, &key, &small, now), THROTTLE_FITS);
    for (uint64_t now = 32; now < 999; now++)
        got += throttle_take(t, &key, &large, now) == THROTTLE_FITS;
    assert_in_range(got, 0, 100 - 32);
    throttle_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_limits_are_exact),
        cmocka_unit_test(test_large_limits_are_never_exceeded),
        cmocka_unit_test(test_a_burst_gets_all),
        cmocka_unit_test(test_keys_are_apart),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_another_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
