/* The catalogue of messages as numbers, in tests/golden/messages.txt: the tests that are
 * made from the catalogue (imsg_test, ipc.t) would follow a row that became wider; this
 * one shows it in review.  build/unit/messages_golden_test --write makes the file anew.
 */
#include "sandbox/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_NAME "tests/golden/messages.txt"

/* Owned by the caller. */
static char *listing(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    (void)fputs("# number name, from -> to, octets, phases, once, descriptors\n", out);
#define X(NAME, number, from, to, min, max, phases, once, fds)                           \
    (void)fprintf(out, "%u %s, %s -> %s, %zu to %zu, %s, %d, \"%s\"\n",                  \
                  (unsigned int)(number), #NAME, #from, #to, (size_t)(min),              \
                  (size_t)(max), #phases, (int)(once), fds);
#include "sandbox/messages.def"
#undef X
    (void)fclose(out);
    return text;
}

static void test_catalogue(void **state)
{
    static char have[32768];
    FILE *f = fopen(FILE_NAME, "re");
    size_t n = f ? fread(have, 1, sizeof have - 1, f) : 0;
    char *want = listing();

    (void)state;
    have[n] = '\0';
    if (f)
        (void)fclose(f);
    if (strcmp(have, want) != 0)
        fail_msg(FILE_NAME " is not of this catalogue: "
                           "build/unit/messages_golden_test --write");
    free(want);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_catalogue)};

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        FILE *f = fopen(FILE_NAME, "we");
        char *text = listing();

        if (f)
            (void)fputs(text, f);
        free(text);
        return f && fclose(f) == 0 ? 0 : 1;
    }
    return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
