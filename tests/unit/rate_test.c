/* The bucket that bounds what a process may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sandbox/rate.h"

static unsigned int take_all(struct rate *r, uint64_t now, unsigned int most)
{
    unsigned int n = 0;

    while (n < most && rate_take(r, now))
        n++;
    return n;
}

static void burst_then_rate(void **state)
{
    struct rate r;

    (void)state;
    rate_init(&r, 50, 100, 7000);
    assert_int_equal(take_all(&r, 7000, 1000), 100);
    assert_int_equal(take_all(&r, 7019, 1000), 0);
    assert_int_equal(take_all(&r, 7020, 1000), 1);
    assert_int_equal(take_all(&r, 8020, 1000), 50);
    assert_int_equal(take_all(&r, 8120, 1000), 5);
}

static void never_more_than_the_burst(void **state)
{
    struct rate r;

    (void)state;
    rate_init(&r, 4000000000u, 3, 0);
    assert_int_equal(take_all(&r, UINT64_MAX, 1000), 3);
    rate_init(&r, 1, 3, 0);
    assert_int_equal(take_all(&r, UINT64_MAX, 1000), 3);
    assert_int_equal(take_all(&r, 5, 1000), 0); /* a clock that goes back gives nothing */
}

static void tells_once_a_second(void **state)
{
    struct rate r;

    (void)state;
    rate_init(&r, 1, 1, 0);
    assert_true(rate_take(&r, 0));
    assert_int_equal(rate_tell(&r, 0), 0);
    assert_false(rate_take(&r, 0));
    assert_int_equal(rate_tell(&r, 0), 1);
    for (int i = 0; i < 10; i++)
        assert_false(rate_take(&r, 500));
    assert_int_equal(rate_tell(&r, 999), 0);
    assert_int_equal(rate_tell(&r, 1000), 10);
    assert_int_equal(rate_tell(&r, 3000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(never_more_than_the_burst),
        cmocka_unit_test(tells_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
