/* The relay's rules, one script each (tests/lib/link_script.h). */
#include "tests/lib/link_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START "start;"

static const struct link_script scripts[] = {
#include "tests/unit/link_scripts.def"
};
#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static void test_script(void **state)
{
    link_script_run(*state);
}

int main(void)
{
    static struct CMUnitTest tests[SCRIPTS];
    for (size_t i = 0; i < SCRIPTS; i++) {
        tests[i].name = scripts[i].name;
        tests[i].test_func = test_script;
        tests[i].initial_state = (void *)(uintptr_t)&scripts[i];
    }
    return _cmocka_run_group_tests("link", tests, SCRIPTS, NULL, NULL);
}
