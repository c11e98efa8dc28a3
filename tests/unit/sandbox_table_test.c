/* doc/sandbox.md lists every system call of every role.  It is made from the tables, so
 * that a change shows in review: build/unit/sandbox_table_test --write makes it anew. */
#include "sandbox/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE  "doc/sandbox.md"
#define BEGIN "<!-- made from sandbox/profiles -->\n"
#define END   "<!-- end of what is made -->\n"

static void put_filter(FILE *out, const struct filter *f)
{
    (void)fprintf(out,
                  "\n### %s\n\n%s\n\n| system call | arguments | why |\n|---|---|---|\n",
                  f->name, f->denies ? "Forbidden:" : "Allowed:");
    for (size_t i = 0; i < f->count; i++) {
        const struct filter_rule *r = &f->rule[i];
        bool any = strcmp(r->condition, "ANY") == 0;

        (void)fprintf(out, "| %s | ", r->call);
        /* In a table a bar has to be told from the next column. */
        for (const char *p = any ? "" : r->condition; *p; p++)
            (void)fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
        (void)fprintf(out, " | %s |\n", r->why);
    }
}

/* Owned by the caller. */
static char *listing(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++)
        put_filter(out, filter_of((enum role)role, false));
    put_filter(out, filter_of(ROLE_SIGNER, true));
    (void)fputs("\n", out);
    (void)fclose(out);
    return text;
}

static char *page(void)
{
    static char text[65536];
    FILE *f = fopen(PAGE, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        (void)fclose(f);
    return text;
}

static void test_page_is_of_these_tables(void **state)
{
    char *have = strstr(page(), BEGIN);
    char *end = have ? strstr(have, END) : NULL;
    char *want = listing();

    (void)state;
    assert_non_null(end);
    *end = '\0';
    if (strcmp(have + strlen(BEGIN), want) != 0)
        fail_msg(PAGE " is not of these tables: build/unit/sandbox_table_test --write");
    free(want);
}

static int write_page(void)
{
    char *text = page();
    char *begin = strstr(text, BEGIN);
    char *end = begin ? strstr(begin, END) : NULL;
    char *middle = listing();
    FILE *f;

    if (!end || !(f = fopen(PAGE, "we")))
        return 1;
    (void)fprintf(f, "%.*s%s%s", (int)(begin - text + (long)strlen(BEGIN)), text, middle,
                  end);
    free(middle);
    return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page_is_of_these_tables)};

    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_page();
    return cmocka_run_group_tests_name("sandbox tables", tests, NULL, NULL);
}
