/* What is left of a leg's input between two rounds, and where. */
#include "proxy/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct gate gate;
static struct gate_session session;
static struct gate_leg *const leg = &session.leg[LEG_MASTER];
static struct gate_leg *const other = &session.leg[LEG_STATION];

static int make(void **state)
{
    (void)state;
    memset(&gate, 0, sizeof gate);
    memset(&session, 0, sizeof session);
    session.gate = &gate;
    leg->session = other->session = &session;
    gate_input_init(leg);
    gate_input_init(other);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    gate_input_free(leg);
    gate_input_free(other);
    return 0;
}

/* n octets come that count up from `first`. */
static void come(struct gate_leg *to, size_t n, unsigned int first)
{
    gate_input_widen(to);
    assert_ptr_equal(to->input, gate.input);
    assert_true(to->input_size + n <= GATE_INPUT_SIZE);
    for (size_t i = 0; i < n; i++)
        to->input[to->input_size++] = (uint8_t)(first + i);
}

/* As the relay takes them: what is left moves to the front. */
static void take(struct gate_leg *from, size_t n)
{
    from->input_size -= n;
    memmove(from->input, from->input + n, from->input_size);
}

static void holds(const struct gate_leg *at, size_t n, unsigned int first)
{
    assert_int_equal(at->input_size, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(at->input[i], (uint8_t)(first + i));
}

static void part_of_an_apdu(void **state)
{
    (void)state;
    come(leg, APDU_SIZE_MAX, 1);
    assert_true(gate_input_settle(leg));
    assert_ptr_equal(leg->input, leg->rest);
    assert_null(leg->backlog);
    come(other, 100, 7); /* somebody else's turn in the same buffer */
    assert_true(gate_input_settle(other));
    holds(leg, APDU_SIZE_MAX, 1);
    holds(other, 100, 7);
    come(leg, 4000, 1 + APDU_SIZE_MAX);
    holds(leg, 4000 + APDU_SIZE_MAX, 1);
    take(leg, 4000 - 1);
    assert_true(gate_input_settle(leg));
    holds(leg, APDU_SIZE_MAX + 1, 4000);
    assert_non_null(leg->backlog);
}

static void more_than_the_relay_takes(void **state)
{
    (void)state;
    come(leg, GATE_INPUT_SIZE, 3);
    assert_true(gate_input_settle(leg));
    assert_non_null(leg->backlog);
    come(other, GATE_INPUT_SIZE, 9);
    assert_true(gate_input_settle(other));
    holds(leg, GATE_INPUT_SIZE, 3);
    holds(other, GATE_INPUT_SIZE, 9);
    /* Some is taken while nothing is read. */
    take(leg, 1000);
    assert_true(gate_input_settle(leg));
    holds(leg, GATE_INPUT_SIZE - 1000, 3 + 1000);
    take(leg, 4000);
    come(leg, 10, (unsigned int)(3 + GATE_INPUT_SIZE));
    assert_true(gate_input_settle(leg));
    holds(leg, GATE_INPUT_SIZE - 4990, 3 + 5000);
}

static void nothing_is_kept_in_vain(void **state)
{
    (void)state;
    come(leg, 5000, 3);
    assert_true(gate_input_settle(leg));
    assert_non_null(leg->backlog);
    take(leg, 4900);
    assert_true(gate_input_settle(leg));
    assert_null(leg->backlog);
    holds(leg, 100, 3 + 4900);
    take(leg, 100);
    assert_true(gate_input_settle(leg));
    holds(leg, 0, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(part_of_an_apdu),
        TEST(more_than_the_relay_takes),
        TEST(nothing_is_kept_in_vain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
