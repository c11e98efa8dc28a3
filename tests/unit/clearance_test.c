/* What lets an ASDU go on: every combination of what can be known of it. */
#include "policy/clearance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FRAME  7u
#define RECORD 4711u

/* Beyond the reasons there are, too. */
#define REASONS 70u

static struct clearance begin(enum direction direction, bool observe, bool async)
{
    struct clearance c;

    clearance_begin(&c, FRAME, direction, observe, async);
    return c;
}

static void judge(struct clearance *c, unsigned int reason)
{
    clearance_judged(c, (struct verdict){.reason = (enum reason)reason});
}

static void decide(struct clearance *c, enum policy_action action)
{
    const struct policy_decision d = {.action = action};

    clearance_decided(c, &d);
}

static bool is_meaning(unsigned int reason)
{
    const struct reason_info *info = reason_info(reason);

    return info != NULL && info->class == REASON_CLASS_MEANING;
}

static void test_nothing_known(void **state)
{
    struct clearance zero = {0};

    (void)state;
    assert_false(clearance_opens(&zero));
    zero.direction = DIR_MONITOR;
    assert_false(clearance_opens(&zero));
    for (unsigned int i = 0; i < 8; i++) {
        const struct clearance c =
            begin(i % 2 ? DIR_MONITOR : DIR_CONTROL, i / 2 % 2, i / 4 % 2);
        assert_false(clearance_opens(&c));
        assert_false(clearance_is_granted(&c));
        assert_int_equal(c.frame, FRAME);
    }
}

/* Each direction, mode, reason, action, word and state of the record. */
static void check(enum direction direction, unsigned int modes, unsigned int reason,
                  enum policy_action action)
{
    const bool observe = modes & 1, async = modes & 2, stopped = modes & 4;

    for (unsigned int recorded = 0; recorded < 4; recorded++) {
        struct clearance c = begin(direction, observe, async);
        const bool granted = reason == REASON_OK && action <= POLICY_ALARM;
        const bool is_recorded =
            direction == DIR_MONITOR || recorded == 3 || (recorded == 1 && async);

        judge(&c, reason);
        decide(&c, action);
        clearance_stop(&c, stopped ? "rate" : NULL);
        if (recorded > 0)
            clearance_announced(&c, RECORD);
        if (recorded > 1)
            assert_true(clearance_acknowledged(&c, RECORD, recorded == 3));
        assert_int_equal(clearance_is_granted(&c), granted && !stopped);
        assert_int_equal(clearance_opens(&c),
                         is_recorded &&
                             ((granted && !stopped) ||
                              (observe && (reason == REASON_OK || is_meaning(reason)))));
    }
}

static void test_all_that_can_be_known(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 8 * REASONS * POLICY_ACTIONS; i++) {
        const unsigned int reason = i / 8 % REASONS;
        const enum policy_action action = (enum policy_action)(i / 8 / REASONS);
        check(DIR_CONTROL, i % 8, reason, action);
        check(DIR_MONITOR, i % 8, reason, action);
    }
}

/* What was closed stays closed, in whatever order it is told. */
static void test_nothing_opens_again(void **state)
{
    (void)state;
    struct clearance c = begin(DIR_MONITOR, false, false);
    judge(&c, REASON_BAD_CA);
    judge(&c, REASON_OK);
    decide(&c, POLICY_PASS);
    assert_false(clearance_opens(&c));

    c = begin(DIR_MONITOR, false, false);
    judge(&c, REASON_OK);
    decide(&c, POLICY_REFUSE);
    decide(&c, POLICY_PASS);
    assert_false(clearance_opens(&c));

    c = begin(DIR_MONITOR, false, false);
    judge(&c, REASON_OK);
    decide(&c, POLICY_PASS);
    assert_true(clearance_opens(&c));
    clearance_stop(&c, "rate");
    clearance_stop(&c, NULL);
    assert_false(clearance_opens(&c));

    /* A fault of structure is not hidden by one of meaning, before it or behind it. */
    for (int first = 0; first < 2; first++) {
        c = begin(DIR_MONITOR, true, false);
        judge(&c, first ? REASON_SHORT : REASON_BAD_CA);
        judge(&c, first ? REASON_BAD_CA : REASON_SHORT);
        assert_false(clearance_opens(&c));
    }
}

static void test_record_of_another(void **state)
{
    struct clearance c = begin(DIR_CONTROL, false, false);

    (void)state;
    judge(&c, REASON_OK);
    decide(&c, POLICY_PASS);
    assert_false(clearance_acknowledged(&c, 0, true));
    assert_false(clearance_opens(&c));
    clearance_announced(&c, RECORD);
    assert_false(clearance_acknowledged(&c, RECORD + 1, true));
    assert_false(clearance_acknowledged(&c, 0, true));
    assert_false(clearance_opens(&c));
    assert_true(clearance_acknowledged(&c, RECORD, false));
    assert_false(clearance_acknowledged(&c, RECORD, true));
    assert_false(clearance_opens(&c));
}

static void test_secauth(void **state)
{
    const struct type_info secauth = {.layout = TYPE_LAYOUT_SECAUTH},
                           objects = {.layout = TYPE_LAYOUT_OBJECTS};
    const uint8_t inner[1] = {0};
    const struct {
        struct asdu asdu;
        bool decided; /* refused before */
        bool opens;
    } rows[] = {
        {{.type = &secauth}, false, true},
        {{.type = &secauth}, true, false},
        {{.type = &secauth, .inner = inner}, false, false},
        {{.type = &objects}, false, false},
        {{.type = NULL}, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clearance c = begin(DIR_MONITOR, false, false);
        judge(&c, REASON_OK);
        if (rows[i].decided)
            decide(&c, POLICY_REFUSE);
        clearance_secauth(&c, &rows[i].asdu);
        assert_int_equal(clearance_opens(&c), rows[i].opens);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_all_that_can_be_known),
        cmocka_unit_test(test_nothing_opens_again),
        cmocka_unit_test(test_record_of_another),
        cmocka_unit_test(test_secauth),
    };
    return cmocka_run_group_tests_name("clearance", tests, NULL, NULL);
}
