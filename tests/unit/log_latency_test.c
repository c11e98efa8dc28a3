/* Percentiles against those of the sorted list. */
#include "proxy/cli/log_latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct log_latency l;

static void test_none(void **state)
{
    (void)state;
    memset(&l, 0, sizeof l);
    assert_int_equal(log_latency_percentile(&l, 99), 0);
}

static void test_exact(void **state)
{
    (void)state;
    memset(&l, 0, sizeof l);
    for (uint64_t i = 1000; i >= 1; i--)
        log_latency_add(&l, i);
    assert_int_equal(log_latency_percentile(&l, 50), 500);
    assert_int_equal(log_latency_percentile(&l, 95), 950);
    assert_int_equal(log_latency_percentile(&l, 99), 990);
    assert_int_equal(log_latency_percentile(&l, 100), 1000);
}

/* A cell's top is at most 0.2 % above what is in it, and never above the largest. */
static void test_large(void **state)
{
    (void)state;
    for (unsigned int bit = 10; bit <= 53; bit++) {
        uint64_t v = (UINT64_C(1) << bit) - (bit == 53 ? 0 : 1);
        uint64_t p;

        memset(&l, 0, sizeof l);
        log_latency_add(&l, v);
        log_latency_add(&l, UINT64_MAX);
        p = log_latency_percentile(&l, 50);
        assert_true(p >= v && p - v <= v / 500);
        assert_int_equal(log_latency_percentile(&l, 100), UINT64_C(1) << 53);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_exact),
                                       cmocka_unit_test(test_large)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
