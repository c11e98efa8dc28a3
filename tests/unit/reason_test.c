/* The table of reasons: every row can be found, nothing else can, names are unique. */
#include "policy/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum reason reason;
    unsigned int id;
    const char *name, *class;
} ROWS[] = {
#define X(symbol, id, name, class, clause, text) {symbol, id, name, #class},
#include "policy/reason.def"
#undef X
};
#define ROWS_N (sizeof ROWS / sizeof ROWS[0])

static void test_every_row_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct reason_info *info = reason_info(ROWS[i].id);
        assert_non_null(info);
        assert_int_equal(info->reason, ROWS[i].reason);
        assert_string_equal(info->name, ROWS[i].name);
        assert_string_equal(reason_name(ROWS[i].id), ROWS[i].name);
        assert_int_equal(strcasecmp(reason_class_name(info->class), ROWS[i].class), 0);
        assert_true(strlen(info->text) > 0);
        assert_true(info->reason == REASON_OK || strlen(info->clause) > 0);
    }
}

static void test_nothing_else_is_found(void **state)
{
    (void)state;
    size_t found = 0;
    for (unsigned int id = 0; id < 70000; id++)
        found += reason_info(id) != NULL;
    assert_int_equal(found, ROWS_N);
    assert_null(reason_info(~0u));
    assert_string_equal(reason_name(~0u), "unknown");
    assert_string_equal(reason_class_name((enum reason_class)99), "none");
}

static void test_names_are_unique_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_N; i++) {
        assert_int_equal(strspn(ROWS[i].name, "abcdefghijklmnopqrstuvwxyz-"),
                         strlen(ROWS[i].name));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ROWS[i].name, ROWS[j].name);
    }
}

/* A wrong start, length or control field, or an end that never comes: behind these no
 * APDU can be told from another. */
static void test_what_loses_framing(void **state)
{
    (void)state;
    static const char *const losing[] = {"bad-start", "bad-length", "bad-i",
                                         "bad-s",     "bad-u",      "partial-timeout"};
    unsigned int lost = 0;
    for (unsigned int id = 0; id < 70000; id++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof losing / sizeof losing[0]; i++)
            expected |= strcmp(reason_name(id), losing[i]) == 0;
        assert_int_equal(reason_loses_framing((enum reason)id), expected);
        lost += expected;
    }
    assert_int_equal(lost, sizeof losing / sizeof losing[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_found),
        cmocka_unit_test(test_nothing_else_is_found),
        cmocka_unit_test(test_names_are_unique_words),
        cmocka_unit_test(test_what_loses_framing),
    };
    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
