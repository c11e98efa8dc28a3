/* Every row of doc/link-state.md: what the relay does with the events of the standard's
 * tables, as scripts (tests/lib/link_script.h). */
#include "tests/lib/link_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START     "start;"
#define STOP      "m U 13; S U 13; s U 23; M U 23;"
#define TEST_BOTH "m U 43; S U 43; s U 83; M U 83; s U 43; M U 43; m U 83; S U 83;"

static const struct link_script rows[] = {
#include "tests/unit/link_rows.def"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void test_row(void **state)
{
    link_script_run(*state);
}

int main(void)
{
    static struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        tests[i].name = rows[i].name;
        tests[i].test_func = test_row;
        tests[i].initial_state = (void *)(uintptr_t)&rows[i];
    }
    return _cmocka_run_group_tests("link_rows", tests, ROWS, NULL, NULL);
}
