/* Each key of a rule, in the words of gate104 policy diff. */
#include "policy/policy_diff.h"
#include "proxy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char words[2000];

static void name_role(int16_t role, char *out, size_t cap)
{
    (void)snprintf(out, cap, "R%d", role);
}

static bool told(void *ctx, const struct policy_difference *c)
{
    unsigned int *count = ctx;

    (*count)++;
    (void)snprintf(words, sizeof words, "%d %s", c->kind, c->is);
    return true;
}

static bool refuses(void *ctx, const struct policy_difference *c)
{
    (void)ctx;
    (void)c;
    return false;
}

/* `before` stands in front of the rules, `keys` in the one that there is. */
static void load(const char *before, const char *control, const char *type,
                 const char *keys, struct policy_file *out)
{
    char path[] = "/tmp/gate104-diff-XXXXXX";
    const struct config_place at = {path, 1, "policy"};
    struct config_errors errs;
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    bool good;

    assert_non_null(f);
    (void)fprintf(f,
                  "%s control = { %s rules = ( { types = [ \"%s\" ]; ca = [ 1 ]; "
                  "ioa = [ 7 ]; %s } ); };",
                  before, control, type, keys);
    (void)fclose(f);
    config_errors_init(&errs);
    good = policy_file_load(path, &at, &errs, out);
    (void)unlink(path);
    if (!good)
        config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    assert_true(good);
}

struct key {
    const char *type, *before, *control, *keys, *is;
};

#define SP "C_SE_TC_1"
#define SC "C_SC_NA_1"

static const struct key each[] = {
    {SP, "", "", "value = [ 0.0, 5.0 ]; values = [ 3.0, 1.0 ];",
     "2 pass if value 0..5 and value 1,3; else refuse"},
    {SC, "", "", "values = [ 1.0 ];", "2 pass if value 1; else refuse"},
    {SC, "", "", "cot = [ \"activation\" ];",
     "2 pass if cause 6 activation; else refuse"},
    {SC, "", "", "se = \"execute\";", "2 pass if S/E execute; else refuse"},
    {SC, "", "", "qualifier = [ \"1-2\" ];", "2 pass if qualifier 1,2; else refuse"},
    {SC, "", "", "oa = [ 3, 9 ];", "2 pass if OA 3,9; else refuse"},
    {SC, "", "", "test = false;", "2 pass if no test; else refuse"},
    {SC, "", "", "roles = [ \"OPERATOR\", \"ENGINEER\" ];",
     "2 pass if role R1,R2; else refuse"},
    {SC, "", "",
     "peers = [ \"subject:CN=b\", \"dns:a.example\", \"uri:urn:a\", \"subject:CN=a\" ];",
     "2 pass if peer subject:CN=a or subject:CN=b or dns:a.example or uri:urn:a; else "
     "refuse"},
    {SC, "", "",
     "peers = [ "
     "\"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\" ];",
     "2 pass if peer "
     "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff; else "
     "refuse"},
    {SC, "", "", "from = [ \"10.0.0.0/8\", \"2001:db8::/32\", \"10.0.0.0/16\" ];",
     "2 pass if from 10.0.0.0/8 or 10.0.0.0/16 or 2001:db8:0:0:0:0:0:0/32; else refuse"},
    {SC, "time_zone = \"UTC\";", "",
     "time = [ \"Tue 08:00-09:00\", \"Mon 08:00-10:00\" ];",
     "2 pass if time Mon 08:00-Mon 09:59 or Tue 08:00-Tue 08:59 UTC; else refuse"},
    {SC, "time_zone = \"UTC\";", "clock = \"trust\";",
     "time = [ \"Mon 08:00-09:00\" ]; action = \"refuse\";", "1 refuse"},
    {SC, "", "", "select = \"forbidden\";", "2 pass, no select"},
    {SC, "", "", "select = \"required\"; rate = \"3/min\"; rate_per = \"point\";",
     "2 pass, selected within 30 s, at most 3 in 60 s for each point"},
    {SP, "", "", "value = [ 0.0, 9.0 ]; step = 2.5; step_first = \"refuse\";",
     "2 pass, within 2.5 of the value before, which must be known if value 0..9; else "
     "refuse"},
    {SP, "", "", "value = [ 0.0, 9.0 ]; step = 2.5;",
     "2 pass, within 2.5 of the value before if value 0..9; else refuse"},
    {SP, "", "", "max_age = \"5s\";",
     "2 pass, tag at most 5000 ms old by a good clock, UTC"},
    {SP, "time_zone = \"UTC\";", "clock = \"trust\"; time_tag = \"local\";",
     "max_age = \"5s\";", "2 pass, tag at most 5000 ms old by any clock, local UTC"},
    {SC, "", "", "permit = \"required\";", "2 pass, by permit"},
    {SC, "", "", "action = \"alarm\";", "3 alarm"},
    {SC, "", "", "action = \"monitor-only\";", "1 monitor-only"},
};

static void test_each_key(void **state)
{
    unsigned int wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(each); i++) {
        const struct key *k = &each[i];
        struct policy_file was, is;
        char err[200];
        unsigned int count = 0;

        load("", "", k->type, "", &was);
        load(k->before, k->control, k->type, k->keys, &is);
        words[0] = '\0';
        assert_int_equal(policy_diff(was.blob, was.size, is.blob, is.size, name_role,
                                     told, &count, err, sizeof err),
                         POLICY_DIFF_DONE);
        assert_int_equal(count, 1);
        if (strcmp(words, k->is) != 0) {
            print_error("%s\n", words);
            wrong++;
        }
        assert_int_equal(policy_diff(was.blob, was.size, is.blob, is.size, name_role,
                                     refuses, NULL, err, sizeof err),
                         POLICY_DIFF_STOPPED);
        assert_int_equal(policy_diff(is.blob, is.size, is.blob, is.size, name_role, told,
                                     &count, err, sizeof err),
                         POLICY_DIFF_DONE);
        assert_int_equal(count, 1);
        policy_file_free(&was);
        policy_file_free(&is);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
