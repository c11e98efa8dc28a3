/* What is made of traffic: classes, ranges, selects, quirks, faults; with APDUs as a log
 * or a capture would tell them. */
#include "proxy/cli/learn.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define C_SC 45u
#define C_SE 50u
#define C_IC 100u
#define C_CI 101u
#define C_CS 103u

static struct learn l;
static uint64_t now_ms;
static const char *who = "master";
static const char *event = "op.command";

static int begin(void **state)
{
    (void)state;
    now_ms = 1000;
    event = "op.command";
    return learn_init(&l, &PROFILE_104) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    learn_free(&l);
    return 0;
}

static void tell(enum direction dir, const uint8_t *asdu, size_t n)
{
    uint8_t apdu[APDU_SIZE_MAX];
    const struct traffic_apdu t = {.time_ms = now_ms,
                                   .clock_ms = now_ms,
                                   .session = 1,
                                   .dir = dir,
                                   .octets = apdu,
                                   .n = n + APDU_SIZE_MIN,
                                   .who = who,
                                   .event = event};

    apci_put_i(apdu, 0, 0, n);
    memcpy(apdu + APDU_SIZE_MIN, asdu, n);
    assert_true(learn_apdu(&l, &t));
    now_ms += 100;
}

/* One object; `element` takes the place of its first octet unless negative. */
static void say(enum direction dir, struct make m, int element)
{
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);

    if (element >= 0)
        octets[9] = (uint8_t)element;
    tell(dir, octets, n);
}

static void ask(uint8_t type, uint32_t ioa, int element)
{
    say(DIR_CONTROL, (struct make){.type = type, .cause = 6, .ioa = ioa}, element);
}

static void answer(uint8_t type, uint32_t ioa, int element, bool negative)
{
    say(DIR_MONITOR,
        (struct make){.type = type, .cause = 7, .flags = negative ? 0x40 : 0, .ioa = ioa},
        element);
}

static void select_and_execute(uint32_t ioa)
{
    ask(C_SC, ioa, 0x81);
    answer(C_SC, ioa, 0x81, false);
    ask(C_SC, ioa, 0x01);
    answer(C_SC, ioa, 0x01, false);
}

/* The rules of a class and type, "first-last first-last" with a bar between rules. */
static const char *ranges(uint32_t gap, enum learn_class class, uint8_t type)
{
    static char text[512];
    struct learn_rules rules;

    text[0] = '\0';
    assert_true(learn_group(&l, gap, &rules));
    for (size_t i = 0; i < rules.count; i++) {
        const struct learn_rule *r = &rules.rule[i];

        if (r->class != class || r->type != type)
            continue;
        if (text[0])
            strcat(text, "|");
        for (size_t k = 0; k < r->ranges; k++)
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%u-%u",
                           k > 0 ? " " : "", r->range[k].first, r->range[k].last);
    }
    learn_rules_free(&rules);
    return text;
}

static void test_ranges(void **state)
{
    static const uint32_t seen[] = {7, 1, 2, 3, 5, 6, 9, 2, 20};

    (void)state;
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        ask(C_SC, seen[i], 1);
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_SC), "1-3 5-7 9-9 20-20");
    assert_string_equal(ranges(1, LEARN_PROPOSED, C_SC), "1-9 20-20");
    assert_string_equal(ranges(10, LEARN_PROPOSED, C_SC), "1-20");
    /* What lies between and was used in another way stays out. */
    select_and_execute(4);
    select_and_execute(10);
    assert_string_equal(ranges(10, LEARN_PROPOSED, C_SC), "1-3 5-9 20-20|4-4 10-10");
    /* An address at each end of the space. */
    ask(C_SC, 0xFFFFFF, 1);
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_SC),
                        "1-3 5-7 9-9 20-20 16777215-16777215|4-4 10-10");
}

static void test_classes(void **state)
{
    (void)state;
    ask(C_IC, 0, 20);
    ask(C_CS, 0, -1);
    say(DIR_CONTROL, (struct make){.type = 102, .cause = 5, .ioa = 9}, -1);
    say(DIR_CONTROL, (struct make){.type = 105, .cause = 6}, 1);
    say(DIR_CONTROL, (struct make){.type = C_IC, .cause = 6, .ca = 65535}, 20);
    say(DIR_CONTROL, (struct make){.type = C_IC, .cause = 6, .ca = 65534}, 20);
    say(DIR_CONTROL, (struct make){.type = C_IC, .cause = 6, .ca = 2}, 20);
    assert_string_equal(ranges(1000, LEARN_READS, C_IC), "1-2 65534-65534 65535-65535");
    assert_string_equal(ranges(0, LEARN_READS, 102), "9-9");
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_CS), "1-1");
    assert_string_equal(ranges(0, LEARN_PROPOSED, 105), "1-1");
    /* Reading counters is one thing, to freeze or reset them another (QCC 5, 0x45). */
    ask(C_CI, 0, 5);
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_CI), "");
    ask(C_CI, 0, 0x45);
    assert_string_equal(ranges(0, LEARN_READS, C_CI), "1-1");
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_CI), "1-1");
    /* Types of all of them that may pass without a word. */
    for (unsigned int type = 0; type < 128; type++)
        assert_int_equal(learn_reads((uint8_t)type, 20), type == 100 || type == 101 ||
                                                             type == 102 || type == 104 ||
                                                             type == 107);
}

static void test_answers(void **state)
{
    (void)state;
    ask(C_SC, 1, 1);
    answer(C_SC, 1, 1, true);
    ask(C_SC, 2, 1);
    answer(C_SC, 2, 1, true);
    ask(C_SC, 2, 1);
    answer(C_SC, 2, 1, false);
    ask(C_SC, 3, 1);
    say(DIR_MONITOR, (struct make){.type = C_SC, .cause = 47, .flags = 0x40, .ioa = 3},
        1);
    ask(C_SC, 4, 1);
    assert_string_equal(ranges(0, LEARN_REJECTED, C_SC), "1-1 3-3");
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_SC), "2-2 4-4");
}

/* A select is worth "required" only if no execute went without one that fits. */
static void test_selects(void **state)
{
    struct learn_rules rules;

    (void)state;
    select_and_execute(1);
    ask(C_SC, 2, 0x81); /* never confirmed */
    ask(C_SC, 2, 0x01);
    ask(C_SC, 3, 0x81);
    answer(C_SC, 3, 0x81, false);
    now_ms += 31000; /* too late */
    ask(C_SC, 3, 0x01);
    ask(C_SC, 4, 0x01);
    ask(C_SC, 5, 0x81); /* another value than was selected */
    answer(C_SC, 5, 0x81, false);
    ask(C_SC, 5, 0x00);
    assert_true(learn_group(&l, 0, &rules));
    assert_int_equal(rules.count, 3);
    assert_int_equal(rules.rule[0].select, LEARN_NO_SELECT);
    assert_int_equal(rules.rule[0].range[0].first, 4);
    assert_int_equal(rules.rule[1].select, LEARN_EVERY_SELECT);
    assert_int_equal(rules.rule[1].range[0].first, 1);
    assert_int_equal(rules.rule[1].points, 1);
    assert_int_equal(rules.rule[2].select, LEARN_SOME_SELECT);
    assert_int_equal(rules.rule[2].range[0].first, 2);
    assert_int_equal(rules.rule[2].range[0].last, 3);
    assert_int_equal(rules.rule[2].range[1].first, 5);
    assert_int_equal(rules.rule[2].sum.unselected, 3);
    learn_rules_free(&rules);
    /* A session does not inherit what another selected, nor a point what was stopped. */
    event = "policy.refused";
    ask(C_SC, 1, 0x81);
    answer(C_SC, 1, 0x81, false);
    event = "op.command";
    ask(C_SC, 1, 0x01);
    assert_true(learn_group(&l, 0, &rules));
    assert_int_equal(rules.rule[1].select, LEARN_SOME_SELECT);
    learn_rules_free(&rules);
}

/* What the policy of then refused is a proposal of its own, without part in others. */
static void test_stopped(void **state)
{
    struct learn_rules rules;

    (void)state;
    ask(C_SC, 1, 1);
    ask(C_SC, 3, 1);
    event = "policy.refused";
    ask(C_SC, 2, 1);
    ask(C_SC, 3, 0);
    ask(C_SC, 4, 0);
    event = "op.command";
    ask(C_SC, 4, 1);
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_SC), "1-1 3-4|2-2");
    assert_true(learn_group(&l, 0, &rules));
    assert_false(rules.rule[0].stopped);
    assert_true(rules.rule[1].stopped);
    assert_true(rules.rule[0].min == 1.0);
    assert_int_equal(rules.rule[0].sum.stopped, 2);
    learn_rules_free(&rules);
}

static void test_rates(void **state)
{
    struct learn_rules rules;

    (void)state;
    for (int i = 0; i < 5; i++)
        ask(C_SC, 1, 1);
    now_ms += 60000;
    for (int i = 0; i < 3; i++)
        ask(C_SC, 1, 1);
    for (int i = 0; i < 4; i++)
        ask(C_SC, 1, 0x81); /* selects are counted apart, as rates do */
    assert_true(learn_group(&l, 0, &rules));
    assert_int_equal(rules.rule[0].sum.most, 5);
    learn_rules_free(&rules);
    now_ms += 60000;
    for (unsigned int i = 0; i < 2 * LEARN_RING; i++)
        ask(C_SC, 1, 1);
    assert_true(learn_group(&l, 0, &rules));
    assert_int_equal(rules.rule[0].sum.most, LEARN_RING + 1);
    learn_rules_free(&rules);
}

/* Set points are grouped by their values. */
static void test_values(void **state)
{
    uint8_t octets[MAKE_ROOM];
    static const float values[] = {1.5F, -2.0F, 8.25F};
    const struct make m = {.type = C_SE, .cause = 6, .ioa = 5};
    const size_t n = asdu_make(&m, octets);
    struct learn_rules rules;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        memcpy(octets + 9, &values[i], 4);
        tell(DIR_CONTROL, octets, n);
    }
    octets[6] = 6;
    tell(DIR_CONTROL, octets, n);
    assert_true(learn_group(&l, 0, &rules));
    assert_int_equal(rules.count, 2);
    assert_true(rules.rule[0].min == -2.0 && rules.rule[0].max == 8.25);
    assert_true(rules.rule[1].min == 8.25 && rules.rule[1].max == 8.25);
    learn_rules_free(&rules);
}

/* A value that is not topical may be no number (101 clause 7.2.6.8): none to remember. */
static void test_no_number(void **state)
{
    static const uint8_t nan[] = {0, 0, 0xC0, 0x7F, 0x80}; /* invalid */
    const struct make m = {.type = 13, .cause = 3, .ioa = 5};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    const struct learn_point *p;

    (void)state;
    memcpy(octets + 9, nan, sizeof nan);
    tell(DIR_MONITOR, octets, n);
    p = learn_point_find(&l, DIR_MONITOR, 13, 1, 5);
    assert_non_null(p);
    assert_int_equal(p->seen, 1);
    assert_false(p->has_value);
    assert_int_equal(l.faults, 0);
}

static void test_quirks_and_faults(void **state)
{
    uint32_t needed[DIRECTIONS];
    uint8_t octets[MAKE_ROOM];
    struct make m = {.type = 36, .cause = 20}; /* timed-interrogated */
    size_t n;

    (void)state;
    learn_quirks(&l, needed);
    assert_int_equal(needed[0] | needed[1], 0);
    say(DIR_MONITOR, m, -1);
    learn_quirks(&l, needed);
    assert_int_equal(needed[DIR_MONITOR], QUIRK_BIT(QUIRK_TIMED_INTERROGATED));
    /* A command with the T bit, and its answer: one quirk, of the command. */
    say(DIR_CONTROL, (struct make){.type = C_SC, .cause = 6, .flags = 0x80, .ioa = 1}, 1);
    say(DIR_MONITOR, (struct make){.type = C_SC, .cause = 7, .flags = 0x80, .ioa = 1}, 1);
    learn_quirks(&l, needed);
    assert_int_equal(needed[DIR_CONTROL], QUIRK_BIT(QUIRK_TEST_COMMANDS));
    assert_int_equal(needed[DIR_MONITOR], QUIRK_BIT(QUIRK_TIMED_INTERROGATED));
    assert_int_equal(l.faults, 0);
    /* No quirk excuses a double command that is neither on nor off, or a wrong length. */
    ask(46, 1, 3);
    ask(46, 1, 3);
    m = (struct make){.type = C_SC, .cause = 6, .ioa = 1};
    n = asdu_make(&m, octets);
    tell(DIR_CONTROL, octets, n - 1);
    assert_int_equal(l.faults, 2);
    assert_int_equal(l.fault[0].verdict.reason, REASON_BAD_VALUE);
    assert_int_equal(l.fault[0].example.count, 2);
    assert_int_equal(l.fault[1].verdict.reason, REASON_SHORT);
    assert_string_equal(ranges(0, LEARN_PROPOSED, 46), "");
}

/* More points than a table has room for at first, and no more than the limit. */
static void test_many_points(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 20000; i++)
        assert_non_null(learn_point_of(&l, DIR_MONITOR, 1, 1, i));
    for (uint32_t i = 1; i <= LEARN_COMMANDS; i++)
        assert_non_null(learn_point_of(&l, DIR_CONTROL, C_SC, 1, i));
    assert_null(learn_point_of(&l, DIR_CONTROL, C_SC, 2, 1));
    assert_int_equal(l.untold, 1);
    assert_int_equal(l.points, 20000 + LEARN_COMMANDS);
    for (uint32_t i = 1; i <= 20000; i++) {
        const struct learn_point *p = learn_point_find(&l, DIR_MONITOR, 1, 1, i);
        assert_non_null(p);
        assert_int_equal(p->ioa, i);
    }
    assert_null(learn_point_find(&l, DIR_MONITOR, 3, 1, 1));
    assert_string_equal(ranges(0, LEARN_PROPOSED, C_SC), "1-16384");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_ranges),      TEST(test_classes),   TEST(test_answers),
        TEST(test_selects),     TEST(test_stopped),   TEST(test_rates),
        TEST(test_values),      TEST(test_no_number), TEST(test_quirks_and_faults),
        TEST(test_many_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
