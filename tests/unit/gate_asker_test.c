/* Who asks and when, as a session of the gate finds it out: clocks that are trusted and
 * not, certificates on both kinds of routes, addresses, and the age of time tags. */
#include "proxy/gate.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gate gate;
static struct gate_route route;
static struct gate_session session;
static struct policy *policy;
static char found[2000];

static void begin(const char *text)
{
    memset(&gate, 0, sizeof gate);
    memset(&route, 0, sizeof route);
    memset(&session, 0, sizeof session);
    policy = policy_text_load(text, found, sizeof found);
    if (!policy)
        fail_msg("%s", found);
    session.gate = &gate;
    session.route = &route;
    session.policy = policy;
    session.source.family = 4;
    route.mode = ROUTE_PROTECT_RTU;
}

static int32_t rule(void)
{
    const struct make m = {.type = 45, .cause = 6, .ca = 1, .ioa = 1};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    struct policy_decision d;
    struct asdu a;

    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    gate_asker_decide(&session, DIR_CONTROL, &a, &d);
    return d.rule;
}

static bool tell(uint8_t state, uint8_t zero)
{
    static struct imsg m;
    const struct msg_log_clock body = {.state = state, .zero = {0, 0, zero}};

    memset(&m, 0, sizeof m);
    m.type = MSG_GATE_CLOCK;
    m.len = sizeof body;
    memcpy(m.payload, &body, sizeof body);
    return gate_asker_clock_told(&gate, &m);
}

#define ALWAYS                                                                           \
    "rules = ( { types = [ 45 ]; time = [ \"00:00-24:00\" ]; },\n"                       \
    " { types = [ 45 ]; time = [ \"Mon\" ]; action = \"drop\"; } ); };"

/* Nobody told yet: it is not trusted.  Each word counts from when it came. */
static void test_clock(void **state)
{
    (void)state;
    begin("control = { " ALWAYS);
    gate_asker_find(&session);
    assert_int_equal(rule(), 1);
    assert_true(tell(LOG_CLOCK_SYNCHRONIZED, 0));
    assert_int_equal(rule(), 0);
    assert_int_equal(rule(), 0);
    assert_true(tell(LOG_CLOCK_UNSYNCHRONIZED, 0));
    assert_int_equal(rule(), 1);
    assert_true(tell(LOG_CLOCK_SYNCHRONIZED, 0));
    assert_int_equal(rule(), 0);
    assert_true(tell(LOG_CLOCK_UNKNOWN, 0));
    assert_int_equal(rule(), 1);
    assert_false(tell(LOG_CLOCK_MAX + 1, 0));
    assert_false(tell(LOG_CLOCK_SYNCHRONIZED, 1));
    assert_int_equal(rule(), 1);
    policy_free(policy);
}

static void test_clock_that_is_good_enough(void **state)
{
    (void)state;
    begin("control = { clock = \"trust\"; " ALWAYS);
    gate_asker_find(&session);
    assert_int_equal(rule(), 0);
    assert_true(tell(LOG_CLOCK_UNSYNCHRONIZED, 0));
    assert_int_equal(rule(), 0);
    policy_free(policy);
}

static void test_certificate(void **state)
{
    (void)state;
    begin(
        "control = { rules = ( { types = [ 45 ]; peers = [ \"subject:CN=a\" ]; } ); };");
    (void)strcpy(session.peer.subject, "CN=a");
    gate_asker_find(&session);
    assert_int_equal(rule(), POLICY_DEFAULT); /* not yet identified */
    session.identified = true;
    gate_asker_find(&session);
    assert_int_equal(rule(), 0);
    /* There the certificate is the station's. */
    route.mode = ROUTE_WRAP_MASTER;
    gate_asker_find(&session);
    assert_int_equal(rule(), POLICY_DEFAULT);
    policy_free(policy);
}

static void test_address(void **state)
{
    static const uint8_t v4[] = {10, 1, 2, 3}, v6[] = {0x20, 0x01, 0x0d, 0xb8};

    (void)state;
    begin("control = { rules = ( { types = [ 45 ]; from = [ \"10.1.0.0/16\" ]; },\n"
          " { types = [ 45 ]; from = [ \"2001:db8::/32\" ]; } ); };");
    memcpy(session.source.addr, v4, sizeof v4);
    gate_asker_find(&session);
    assert_int_equal(rule(), 0);
    session.source.addr[1] = 2;
    gate_asker_find(&session);
    assert_int_equal(rule(), POLICY_DEFAULT);
    memset(session.source.addr, 0, sizeof session.source.addr);
    memcpy(session.source.addr, v6, sizeof v6);
    session.source.family = 6;
    gate_asker_find(&session);
    assert_int_equal(rule(), 1);
    memcpy(session.source.addr, v4, sizeof v4);
    gate_asker_find(&session);
    assert_int_equal(rule(), POLICY_DEFAULT);
    policy_free(policy);
}

/* 2026-11-21 15:30:45.500 UTC */
static void test_age(void **state)
{
    static const uint8_t tag[7] = {0xBC, 0xB1, 30, 15, 21, 11, 26};
    const int64_t at = INT64_C(1795275045500);
    uint8_t other[7];

    (void)state;
    assert_null(gate_age_word(NULL, tag, at, 5000));
    assert_null(gate_age_word(NULL, tag, at + 5000, 5000));
    assert_string_equal(gate_age_word(NULL, tag, at + 5001, 5000), "tag-old");
    assert_null(gate_age_word(NULL, tag, at - POLICY_TAG_AHEAD_MS, 5000));
    assert_string_equal(gate_age_word(NULL, tag, at - POLICY_TAG_AHEAD_MS - 1, 5000),
                        "tag-future");
    memcpy(other, tag, sizeof other);
    other[2] |= 0x80;
    assert_string_equal(gate_age_word(NULL, other, at, 5000), "tag-invalid");
    memcpy(other, tag, sizeof other);
    other[3] |= 0x80;
    assert_string_equal(gate_age_word(NULL, other, at, 5000), "tag-invalid");
    begin("time_zone = \"Europe/Berlin\"; control = { time_tag = \"local\"; rules = (\n"
          " { types = [ 58 ]; max_age = \"5s\"; } ); };");
    assert_string_equal(gate_age_word(policy_askers(policy), tag, at, 5000), "tag-old");
    assert_null(gate_age_word(policy_askers(policy), tag, at - 3600000, 5000));
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_clock_that_is_good_enough),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
