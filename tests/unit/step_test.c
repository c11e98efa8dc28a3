/* What the last value of a set point is, while commands cross answers. */
#include "policy/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct step_point P = {.ioa = 7, .ca = 1, .value = VALUE_R32};

static void given(struct step_table *t, double value)
{
    (void)step_ask(t, &P, value, 1);
    step_sent(t, &P, value);
    step_answered(t, &P, value, false);
}

static void test_first(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    assert_false(step_wants(t));
    /* Of a point nobody asked for nothing is remembered. */
    step_sent(t, &P, 5);
    step_told(t, &P, 5);
    assert_int_equal(step_ask(t, &P, 5, 1), STEP_UNKNOWN);
    assert_true(step_wants(t));
    step_told(t, &P, NAN);
    assert_int_equal(step_ask(t, &P, 5, 1), STEP_UNKNOWN);
    step_told(t, &P, 50);
    assert_false(step_wants(t));
    assert_int_equal(step_ask(t, &P, 51, 1), STEP_FITS);
    assert_int_equal(step_ask(t, &P, 51.5, 1), STEP_TOO_FAR);
    /* What is known is not told anew: it may be an old value of a moving one. */
    step_told(t, &P, 10);
    assert_int_equal(step_ask(t, &P, 10, 1), STEP_TOO_FAR);
    step_table_free(t);
}

static void test_far(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    given(t, 0.1);
    assert_int_equal(step_ask(t, &P, 0.1 + 0.2, 0.2), STEP_FITS);
    assert_int_equal(step_ask(t, &P, -0.1, 0.2), STEP_FITS);
    assert_int_equal(step_ask(t, &P, 0.31, 0.2), STEP_TOO_FAR);
    assert_int_equal(step_ask(t, &P, -0.11, 0.2), STEP_TOO_FAR);
    assert_int_equal(step_ask(t, &P, INFINITY, 0.2), STEP_TOO_FAR);
    assert_int_equal(step_ask(t, &P, NAN, 0.2), STEP_TOO_FAR);
    step_table_free(t);
}

static void test_other_points(void **state)
{
    struct step_table *t = step_table_new();
    struct step_point other = P;

    (void)state;
    given(t, 5);
    other.ioa = 8;
    assert_int_equal(step_ask(t, &other, 5, 1), STEP_UNKNOWN);
    other = P;
    other.ca = 2;
    assert_int_equal(step_ask(t, &other, 5, 1), STEP_UNKNOWN);
    other = P;
    other.value = VALUE_NVA;
    assert_int_equal(step_ask(t, &other, 5, 1), STEP_UNKNOWN);
    step_table_free(t);
}

static void test_rejected(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    given(t, 10);
    step_sent(t, &P, 11);
    assert_int_equal(step_ask(t, &P, 12, 1), STEP_FITS);
    step_answered(t, &P, 11, true);
    assert_int_equal(step_ask(t, &P, 12, 1), STEP_TOO_FAR);
    assert_int_equal(step_ask(t, &P, 9, 1), STEP_FITS);
    /* The first one rejected: nothing is known. */
    struct step_table *fresh = step_table_new();
    assert_int_equal(step_ask(fresh, &P, 5, 1), STEP_UNKNOWN);
    step_sent(fresh, &P, 5);
    assert_false(step_wants(fresh));
    step_answered(fresh, &P, 5, true);
    assert_int_equal(step_ask(fresh, &P, 5, 1), STEP_UNKNOWN);
    assert_true(step_wants(fresh));
    step_table_free(fresh);
    step_table_free(t);
}

static void test_answers_that_cross(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    given(t, 10);
    step_sent(t, &P, 11);
    step_sent(t, &P, 12);
    step_answered(t, &P, 11, true);
    assert_int_equal(step_ask(t, &P, 13, 1), STEP_FITS);
    step_answered(t, &P, 12, true);
    assert_int_equal(step_ask(t, &P, 11, 1), STEP_FITS);
    assert_int_equal(step_ask(t, &P, 11.5, 1), STEP_TOO_FAR);
    /* Rejected is the second: the first, not answered, was not. */
    step_sent(t, &P, 11);
    step_sent(t, &P, 12);
    step_answered(t, &P, 12, true);
    assert_int_equal(step_ask(t, &P, 12, 1), STEP_FITS);
    step_answered(t, &P, 77, true);
    assert_int_equal(step_ask(t, &P, 12, 1), STEP_FITS);
    step_table_free(t);
}

/* Which one is answered is clear without its value, if there is but one. */
static void test_answers_of_other_values(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    given(t, 10);
    step_sent(t, &P, 11);
    step_answered(t, &P, 10.99999, true);
    assert_int_equal(step_ask(t, &P, 12, 1), STEP_TOO_FAR);
    step_sent(t, &P, 11);
    step_sent(t, &P, 12);
    step_answered(t, &P, 11.99999, true);
    assert_int_equal(step_ask(t, &P, 13, 1), STEP_FITS);
    step_table_free(t);
}

static void test_never_answered(void **state)
{
    struct step_table *t = step_table_new();

    (void)state;
    given(t, 0);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(step_ask(t, &P, i, 1), STEP_FITS);
        step_sent(t, &P, i);
    }
    for (int i = 17; i <= 20; i++)
        step_answered(t, &P, i, true);
    assert_int_equal(step_ask(t, &P, 17, 1), STEP_FITS);
    assert_int_equal(step_ask(t, &P, 18, 1), STEP_TOO_FAR);
    step_table_free(t);
}

static void test_no_room(void **state)
{
    struct step_table *t = step_table_new();
    struct step_point p = P;

    (void)state;
    given(t, 5);
    for (uint32_t i = 0; i < STEP_POINTS - 2; i++) {
        p.ioa = 100 + i * 64;
        assert_int_equal(step_ask(t, &p, 5, 1), STEP_UNKNOWN);
    }
    p.ioa = 99;
    assert_int_equal(step_ask(t, &p, 5, 1), STEP_NO_ROOM);
    step_sent(t, &p, 5);
    step_answered(t, &p, 5, false);
    assert_int_equal(step_ask(t, &p, 5, 1), STEP_NO_ROOM);
    assert_int_equal(step_ask(t, &P, 6, 1), STEP_FITS);
    step_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_other_points),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_answers_that_cross),
        cmocka_unit_test(test_never_answered),
        cmocka_unit_test(test_answers_of_other_values),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
