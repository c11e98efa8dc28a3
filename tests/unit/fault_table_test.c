/* The table of what a fault does, in doc/coverage-104.md, says what policy/reply.c does.
 */
#include "policy/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CELLS 6
#define HEAD                                                                             \
    "| Reason | Class | From the master | Answer | From the station | In `observe` |\n"

static const char *const REACTIONS[] = {
    [REACTION_ANSWER] = "answer", [REACTION_DROP] = "drop", [REACTION_CLOSE] = "close"};
static const char *const ANSWERS[] = {[REPLY_REFUSED] = "7, 9",
                                      [REPLY_UNKNOWN_TYPE] = "44",
                                      [REPLY_UNKNOWN_CAUSE] = "45",
                                      [REPLY_UNKNOWN_CA] = "46",
                                      [REPLY_UNKNOWN_IOA] = "47"};

/* This program is in a folder of a folder beside doc/. */
static FILE *open_text(void)
{
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    assert_in_range(n, 1, sizeof path - 64);
    path[n] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(path, '/') = '\0';
    strcat(path, "/doc/coverage-104.md");
    return fopen(path, "r");
}

/* "| a | b |": the words between the bars, without quotes. */
static void split(char *line, char *cell[CELLS])
{
    char *rest = line + 1;

    for (int i = 0; i < CELLS; i++) {
        cell[i] = strsep(&rest, "|");
        assert_non_null(cell[i]);
        cell[i] += strspn(cell[i], " `");
        cell[i][strcspn(cell[i], "`|\n")] = '\0';
        for (size_t n = strlen(cell[i]); n > 0 && cell[i][n - 1] == ' '; n--)
            cell[i][n - 1] = '\0';
    }
}

static unsigned int reason_by_name(const char *name)
{
    for (unsigned int id = 1; id < 256; id++)
        if (strcmp(reason_name(id), name) == 0)
            return id;
    fail_msg("no reason: %s", name);
    return 0;
}

static unsigned int check_row(char *line)
{
    char *cell[CELLS];

    split(line, cell);
    const unsigned int id = reason_by_name(cell[0]);
    const enum reason reason = (enum reason)id;
    const enum reaction control = reply_reaction(reason, DIR_CONTROL);
    const struct reason_info *info = reason_info(id);
    assert_string_equal(cell[1], reason_class_name(info->class));
    assert_string_equal(cell[2], REACTIONS[control]);
    assert_string_equal(
        cell[3], control == REACTION_ANSWER ? ANSWERS[reply_kind_for(reason)] : "");
    assert_string_equal(cell[4], REACTIONS[reply_reaction(reason, DIR_MONITOR)]);
    assert_string_equal(cell[5],
                        info->class == REASON_CLASS_MEANING ? "passes" : "the same");
    return id;
}

static void test_table(void **state)
{
    (void)state;
    FILE *f = open_text();
    char line[512];
    bool seen[256] = {false}, inside = false;

    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (inside && line[0] == '|' && line[1] == ' ')
            seen[check_row(line)] = true;
        inside = strcmp(line, HEAD) == 0 || (inside && line[0] == '|');
    }
    fclose(f);
    for (unsigned int id = 1; id < 256; id++)
        assert_int_equal(seen[id], reason_info(id) != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

    return cmocka_run_group_tests_name("fault table", tests, NULL, NULL);
}
