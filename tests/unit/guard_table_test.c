/* The guards' tables against a count of everything that came: exact at every edge of a
 * window, and never later when there is no room. */
#include "policy/guard_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EVENTS 4000u
#define WINDOW UINT64_C(1000)

static uint32_t seed = 7;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static struct {
    uint64_t ms, key, value;
} past[EVENTS];

/* How many of the first n came for the key in the window that ends now. */
static uint32_t count(size_t n, uint64_t key, uint64_t now)
{
    uint32_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += past[i].key == key && now - past[i].ms < WINDOW;
    return found;
}

static uint32_t count_different(size_t n, uint64_t key, uint64_t now)
{
    uint32_t found = 0;

    for (size_t i = 0; i < n; i++) {
        bool later = past[i].key != key || now - past[i].ms >= WINDOW;

        for (size_t k = i + 1; k < n && !later; k++)
            later = past[k].key == key && past[k].value == past[i].value;
        found += !later;
    }
    return found;
}

static void run_counter(size_t room, uint32_t keys, uint32_t limit, bool exact)
{
    struct guard_counter c;
    uint64_t now = draw(1000);
    size_t tripped = 0, early = 0;

    memset(&c, 0, sizeof c);
    assert_true(guard_counter_init(&c, room, limit, WINDOW));
    for (size_t n = 0; n < EVENTS; n++) {
        const uint64_t key = draw(keys);
        bool fresh, heir, over;
        size_t place;

        now += draw(8) == 0 ? draw(900) : draw(40);
        place = guard_counter_place(&c, key, now, &fresh, &heir);
        guard_counter_add(&c, place, now);
        past[n].ms = now;
        past[n].key = key;
        over = guard_counter_is_over(&c, place, now);
        if (count(n + 1, key, now) > limit) {
            assert_true(over);
            tripped++;
        } else {
            early += over;
        }
    }
    assert_true(tripped > 50);
    if (exact)
        assert_int_equal(early, 0);
    else
        assert_true(early > 0);
    guard_counter_free(&c);
}

static void run_variety(size_t room, uint32_t keys, uint32_t limit, bool exact)
{
    struct guard_variety v;
    uint64_t now = draw(1000);
    size_t tripped = 0, early = 0;

    memset(&v, 0, sizeof v);
    assert_true(guard_variety_init(&v, room, limit, WINDOW));
    for (size_t n = 0; n < EVENTS / 4; n++) {
        const uint64_t key = draw(keys), value = draw(3 * limit);
        uint32_t told, is;
        size_t place;

        now += draw(8) == 0 ? draw(900) : draw(60);
        past[n].ms = now;
        past[n].key = key;
        past[n].value = value;
        told = guard_variety_add(&v, key, value, now, &place);
        is = count_different(n + 1, key, now);
        tripped += is > limit;
        if (is > limit)
            assert_int_equal(told, limit + 1);
        else if (exact)
            assert_int_equal(told, is);
        else
            assert_true(told >= is);
        early += told > limit && is <= limit;
    }
    assert_true(tripped > 20);
    assert_true(exact || early > 0);
    guard_variety_free(&v);
}

static void test_counts(void **state)
{
    (void)state;
    run_counter(4, 3, 5, true);
    run_counter(9, 8, 1, true);
    run_counter(33, 2, 20, true);
}

/* More keys than places. */
static void test_no_room_for_counts(void **state)
{
    (void)state;
    run_counter(3, 6, 5, false);
    run_counter(2, 4, 9, false);
}

static void test_different(void **state)
{
    (void)state;
    run_variety(4, 3, 4, true);
    run_variety(33, 1, 20, true);
}

static void test_no_room_for_different(void **state)
{
    (void)state;
    run_variety(3, 6, 4, false);
}

static void test_edges(void **state)
{
    struct guard_counter c;
    bool fresh, heir;

    (void)state;
    memset(&c, 0, sizeof c);
    assert_true(guard_counter_init(&c, 2, 1, WINDOW));
    assert_int_equal(guard_counter_place(&c, 9, 0, &fresh, &heir), 0);
    assert_true(fresh && !heir);
    guard_counter_add(&c, 0, 0);
    assert_false(guard_counter_is_over(&c, 0, 0));
    guard_counter_add(&c, 0, WINDOW - 1);
    assert_true(guard_counter_is_over(&c, 0, WINDOW - 1));
    assert_false(guard_counter_is_over(&c, 0, WINDOW));
    guard_counter_add(&c, 0, WINDOW);
    assert_true(guard_counter_is_over(&c, 0, WINDOW));
    guard_counter_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_no_room_for_counts),
        cmocka_unit_test(test_different), cmocka_unit_test(test_no_room_for_different),
        cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
