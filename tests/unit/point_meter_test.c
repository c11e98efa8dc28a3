/* How many points get a record, and the counts of the others, with a clock of our own. */
#include "proxy/point_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define START 5000000u

static unsigned int take_all(struct point_bucket *b, uint32_t per_s, uint32_t most,
                             uint64_t now)
{
    unsigned int n = 0;

    while (n < 10000 && point_bucket_take(b, per_s, most, now))
        n++;
    return n;
}

static void test_burst_then_rate(void **state)
{
    struct point_bucket b = {0};

    (void)state;
    assert_int_equal(take_all(&b, 100, 200, START), 200);
    assert_int_equal(take_all(&b, 100, 200, START), 0);
    assert_int_equal(take_all(&b, 100, 200, START + 9), 0);
    assert_int_equal(take_all(&b, 100, 200, START + 10), 1);
    assert_int_equal(take_all(&b, 100, 200, START + 1010), 100);
    assert_int_equal(take_all(&b, 100, 200, START + 3009), 199);
    assert_int_equal(take_all(&b, 100, 200, START + 3010), 1);
    assert_int_equal(take_all(&b, 100, 200, START + 900000), 200);
}

/* What comes in small parts is not lost. */
static void test_each_millisecond(void **state)
{
    struct point_bucket b = {0};
    unsigned int n = 0;

    (void)state;
    (void)take_all(&b, 7, 1, START);
    for (unsigned int ms = 1; ms <= 10000; ms++)
        n += take_all(&b, 7, 1, START + ms);
    assert_in_range(n, 69, 70);
}

static void test_extremes(void **state)
{
    struct point_bucket none = {0};
    struct point_bucket long_ago = {0};
    struct point_bucket slow = {.filled_ms = START};

    (void)state;
    assert_int_equal(take_all(&none, 0, 0, START), 0);
    assert_int_equal(take_all(&none, 0, 5, START * 2), 0);
    assert_int_equal(take_all(&long_ago, 10000, 20000, UINT64_MAX), 10000);
    assert_false(point_bucket_take(&slow, 1, 1, START + 999));
    assert_true(point_bucket_take(&slow, 1, 1, START + 1000));
}

static void test_counts(void **state)
{
    struct point_meter m = {0};

    (void)state;
    assert_int_equal(point_meter_due(&m), UINT64_MAX);
    point_meter_count(&m, POINT_RATE, 3, START);
    point_meter_count(&m, POINT_DISK, 1, START + 5000);
    point_meter_count(&m, POINT_RATE, 127, START + 6000);
    assert_int_equal(point_meter_due(&m), START + POINT_INTERVAL_MS);
    assert_int_equal(m.count[POINT_RATE].apdus, 2);
    assert_int_equal(m.count[POINT_RATE].points, 130);
    assert_int_equal(m.count[POINT_DISK].apdus, 1);
    assert_int_equal(m.count[POINT_BUSY].apdus, 0);
    /* What could not be told stays, and so does its begin. */
    point_meter_told(&m, POINT_RATE);
    assert_int_equal(m.count[POINT_RATE].points, 0);
    assert_int_equal(point_meter_due(&m), START + POINT_INTERVAL_MS);
    point_meter_told(&m, POINT_DISK);
    assert_int_equal(point_meter_due(&m), UINT64_MAX);
    point_meter_count(&m, POINT_BUSY, 1, START + 20000);
    assert_int_equal(point_meter_due(&m), START + 20000 + POINT_INTERVAL_MS);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(point_reason_name(POINT_RATE), "rate");
    assert_string_equal(point_reason_name(POINT_BUSY), "log-behind");
    assert_string_equal(point_reason_name(POINT_DISK), "disk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate), cmocka_unit_test(test_each_millisecond),
        cmocka_unit_test(test_extremes),        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
