/* Guards of a route whose policy changes while sessions run. */
#include "proxy/gate.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gate gate;
static struct gate_route routes[2];
static struct policy *policies[2];
static struct gate_session session;
static char found[500];

static struct policy *load(const char *guards)
{
    char text[300];
    struct policy *p;

    (void)snprintf(text, sizeof text, "control = { };\nguards = { %s };", guards);
    p = policy_text_load(text, found, sizeof found);
    if (!p)
        fail_msg("%s", found);
    return p;
}

static int make(void **state)
{
    (void)state;
    memset(&gate, 0, sizeof gate);
    memset(&session, 0, sizeof session);
    policies[0] = load("");
    policies[1] = load("sweep = { points = 5; };");
    gate.config.route = routes;
    gate.config.route_count = 2;
    gate.policy = policies;
    gate.sessions = &session;
    session.gate = &gate;
    session.route = &routes[1];
    session.policy = policies[1];
    session.state = GATE_OPEN;
    assert_true(gate_guard_init(&gate));
    gate_guard_begin(&session);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    gate_guard_end(&session);
    for (size_t i = 0; i < 2; i++) {
        guard_set_free(gate.guards[i]);
        guard_set_free(gate.guards_next[i]);
        policy_free(policies[i]);
    }
    free(gate.guards);
    free(gate.guards_next);
    return 0;
}

static void change(size_t route, const char *guards)
{
    struct policy *p = load(guards);

    assert_true(gate_guard_ready(&gate, route, p));
    policy_free(policies[route]);
    policies[route] = p;
    assert_true(gate_guard_change(&gate, route));
}

static void test_begin(void **state)
{
    (void)state;
    assert_null(gate.guards[0]);
    assert_non_null(gate.guards[1]);
    assert_ptr_equal(session.guarded.set, gate.guards[1]);
}

/* What was counted stays. */
static void test_same(void **state)
{
    struct guard_set *before = gate.guards[1];

    (void)state;
    session.guarded.told = 1;
    change(1, "sweep = { points = 5; };");
    assert_ptr_equal(gate.guards[1], before);
    assert_ptr_equal(session.guarded.set, before);
    assert_int_equal(session.guarded.told, 1);
}

static void test_other(void **state)
{
    (void)state;
    session.guarded.interrogated = true;
    change(1, "sweep = { points = 6; };");
    assert_int_equal(guard_set_settings(gate.guards[1])->rule[GUARD_SWEEP].limit, 6);
    assert_ptr_equal(session.guarded.set, gate.guards[1]);
    assert_true(session.guarded.interrogated);
    change(0, "toggle = { };"); /* not its route */
    assert_non_null(gate.guards[0]);
    assert_ptr_equal(session.guarded.set, gate.guards[1]);
}

/* A session that was there before the guards is not judged by how it began. */
static void test_none_and_again(void **state)
{
    (void)state;
    change(1, "");
    assert_null(gate.guards[1]);
    assert_null(session.guarded.set);
    session.started = true;
    change(1, "early_command = { }; opening = { };");
    assert_ptr_equal(session.guarded.set, gate.guards[1]);
    assert_true(session.guarded.started && session.guarded.interrogated);
    assert_int_equal(session.guarded.frames, UINT8_MAX);
}

/* A policy that was to come and did not. */
static void test_refused(void **state)
{
    struct policy *p = load("sweep = { points = 9; };");

    (void)state;
    assert_true(gate_guard_ready(&gate, 1, p));
    policy_free(p);
    assert_int_equal(guard_set_settings(gate.guards[1])->rule[GUARD_SWEEP].limit, 5);
    /* And another, for which nothing was made before. */
    policy_free(policies[1]);
    policies[1] = load("sweep = { points = 8; };");
    assert_true(gate_guard_change(&gate, 1));
    assert_int_equal(guard_set_settings(gate.guards[1])->rule[GUARD_SWEEP].limit, 8);
    assert_null(gate.guards_next[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_begin, make, unmake),
        cmocka_unit_test_setup_teardown(test_same, make, unmake),
        cmocka_unit_test_setup_teardown(test_other, make, unmake),
        cmocka_unit_test_setup_teardown(test_none_and_again, make, unmake),
        cmocka_unit_test_setup_teardown(test_refused, make, unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
