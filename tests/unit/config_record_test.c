/* What a route says of the records of its operations and points, and its way to the gate.
 */
#include "proxy/role_config_record.h"
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"k = 12", "record_points = \"some\"", 12, "record_points", "\"some\"",
         "\"none\" or \"changes\" or \"all\""},
        {"k = 12", "record_points = 1", 12, "record_points", "", ""},
        {"k = 12", "points_per_second = 0", 12, "points_per_second", "", ""},
        {"k = 12", "points_per_second = 10001", 12, "points_per_second", "", ""},
        {"k = 12", "operation_timeout = 0", 12, "operation_timeout", "", ""},
        {"k = 12", "operation_timeout = 3601", 12, "operation_timeout", "", ""},
        {"k = 12", "feedback = \"1 -> 2\"", 12, "feedback", "", ""},
        {"k = 12", "feedback = [ \"1\" ]", 12, "feedback[0]", "\"1\" does not lead",
         "IOA-IOA -> IOA"},
        {"k = 12", "feedback = [ \"x -> 2\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"1 -> x\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"1- -> 2\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"1->2\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"1 -> 2x\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"1 -> -2\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"0 -> 2\" ]", 12, "feedback[0]", "lead", "16777215"},
        {"k = 12", "feedback = [ \"2 -> 0\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"9-8 -> 2\" ]", 12, "feedback[0]", "lead", "write"},
        {"k = 12", "feedback = [ \"16777216 -> 2\" ]", 12, "feedback[0]", "lead",
         "write"},
        {"k = 12", "feedback = [ \"1-2 -> 16777215\" ]", 12, "feedback[0]", "lead",
         "write"},
        {"k = 12", "feedback = [ \"99999999999999999999 -> 2\" ]", 12, "feedback[0]",
         "lead", "write"},
        {"k = 12", "feedback = [ \"1-9 -> 2\", \"9-10 -> 30\" ]", 12, "feedback[1]",
         "have a feedback already", "once"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_settings(void **state)
{
    char *text = config_lab_edited(
        "k = 12", "record_points = \"changes\"; points_per_second = 7; "
                  "operation_timeout = 90; feedback = [ \"1001-1100 -> 2001\", \"5 -> "
                  "16777215\", \"1101-1102 -> 1\" ]");
    struct config_errors errs;
    struct config *c;
    const struct record_settings *s;
    uint32_t ioa;

    (void)state;
    c = config_lab_load(text, &errs);
    assert_non_null(c);
    s = &c->routes[0].record;
    assert_int_equal(s->points, RECORD_POINTS_CHANGES);
    assert_int_equal(s->points_per_s, 7);
    assert_int_equal(s->operation_s, 90);
    assert_int_equal(s->feedback_count, 3);
    assert_true(record_settings_feedback(s, 1001, &ioa) && ioa == 2001);
    assert_true(record_settings_feedback(s, 1100, &ioa) && ioa == 2100);
    assert_true(record_settings_feedback(s, 1102, &ioa) && ioa == 2);
    assert_true(record_settings_feedback(s, 5, &ioa) && ioa == 16777215);
    assert_true(!record_settings_feedback(s, 1103, &ioa) && ioa == 1103);
    assert_true(!record_settings_feedback(s, 1000, &ioa) && ioa == 1000);
    s = &c->routes[1].record;
    assert_int_equal(s->points, RECORD_POINTS_NONE);
    assert_int_equal(s->points_per_s, POINTS_PER_S);
    assert_int_equal(s->operation_s, OPERATION_TIMEOUT_S);
    assert_int_equal(s->feedback_count, 0);
    config_free(c);
    config_errors_free(&errs);
    free(text);
}

static bool comes_back(const struct record_settings *s, struct record_settings *out)
{
    uint8_t octets[RECORD_SETTINGS_MOST];
    struct wire_writer w;
    struct wire_reader r;

    wire_writer_init(&w, octets, sizeof octets);
    role_config_put_record(&w, s);
    wire_reader_init(&r, octets, w.len);
    memset(out, 0, sizeof *out);
    if (!w.bad)
        role_config_get_record(&r, out);
    return !w.bad && wire_end(&r);
}

static void test_on_the_way(void **state)
{
    struct record_settings good = {.operation_s = 3600,
                                   .points = RECORD_POINTS_ALL,
                                   .points_per_s = 10000,
                                   .feedback_count = FEEDBACKS_MAX};
    struct record_settings bad;
    struct record_settings out;

    (void)state;
    for (size_t i = 0; i < FEEDBACKS_MAX; i++)
        good.feedback[i] = (struct feedback){1, 2, 3 + (uint32_t)i};
    assert_true(comes_back(&good, &out));
    assert_memory_equal(&out, &good, sizeof out);
#define BAD(change) (bad = good, bad.change, assert_false(comes_back(&bad, &out)))
    BAD(operation_s = 3601);
    BAD(points = RECORD_POINTS_COUNT);
    BAD(points_per_s = 10001);
    BAD(feedback_count = FEEDBACKS_MAX + 1);
    BAD(feedback[31].first = 0);
    BAD(feedback[31].last = 0);
    BAD(feedback[31].last = 0x1000000);
    BAD(feedback[31].to = 0);
    BAD(feedback[31].to = 0xFFFFFF);
    BAD(feedback[31].to = 0xFFFFFFFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_on_the_way),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
