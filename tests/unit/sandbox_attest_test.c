/* Attestation, on trees that look like /proc, each with one thing that should not be. */
#include "sandbox/attest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PID    42
#define NOBODY 65534
#define NONE   "0000000000000000"

/* What a gate's status looks like; each line may be replaced. */
static const char *const good_status[][2] = {
    {"Name", "gate104-gate"}, {"Uid", "7\t7\t7\t7"},    {"Gid", "8\t8\t8\t8"},
    {"Groups", " "},          {"VmLck", "4 kB"},        {"Threads", "1"},
    {"CapInh", NONE},         {"CapPrm", NONE},         {"CapEff", NONE},
    {"CapBnd", NONE},         {"CapAmb", NONE},         {"NoNewPrivs", "1"},
    {"Seccomp", "2"},         {"Seccomp_filters", "1"}, {"NSpid", "42\t1"},
};

static char tree[] = "/tmp/gate104-attest-XXXXXX";
static unsigned int missing;
static char err[200];

static const struct attest_want want = {
    .role = ROLE_GATE, .root = true, .uid = 7, .gid = 8, .fds = 5, .landlock_abi = 6};

static char *path(const char *name)
{
    static char text[300];

    (void)snprintf(text, sizeof text, "%s/%s", tree, name);
    return text;
}

static void write_own(const char *pids)
{
    FILE *f = fopen(path("self/status"), "we");

    assert_non_null(f);
    (void)fprintf(f, "Name:\tgate104d\nNSpid:\t%s\n", pids);
    (void)fclose(f);
}

/* `value` NULL: the line is not there; `line` NULL: as it should be. */
static void write_status(const char *line, const char *value)
{
    FILE *f = fopen(path("42/status"), "we");

    assert_non_null(f);
    for (size_t i = 0; i < sizeof good_status / sizeof good_status[0]; i++) {
        bool this_one = line && strcmp(line, good_status[i][0]) == 0;

        if (!this_one)
            (void)fprintf(f, "%s:\t%s\n", good_status[i][0], good_status[i][1]);
        else if (value)
            (void)fprintf(f, "%s:\t%s\n", line, value);
    }
    (void)fclose(f);
}

static void link_ns(const char *name, int own, int its)
{
    char text[80];
    char to[40];

    (void)snprintf(text, sizeof text, "self/ns/%s", name);
    (void)snprintf(to, sizeof to, "%s:[%d]", name, own);
    (void)unlink(path(text));
    assert_int_equal(symlink(to, path(text)), 0);
    (void)snprintf(text, sizeof text, "42/ns/%s", name);
    (void)snprintf(to, sizeof to, "%s:[%d]", name, its);
    (void)unlink(path(text));
    assert_int_equal(symlink(to, path(text)), 0);
}

static void touch(const char *name)
{
    int fd = open(path(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    (void)close(fd);
}

static int make_tree(void **state)
{
    static const char *const folders[] = {"self",  "self/ns", "42",
                                          "42/ns", "42/fd",   "42/root"};
    static const char *const fds[] = {"42/fd/0", "42/fd/1", "42/fd/2", "42/fd/3",
                                      "42/fd/4"};

    (void)state;
    if (!mkdtemp(tree))
        return -1;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        (void)mkdir(path(folders[i]), 0700);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        touch(fds[i]);
    link_ns("net", 1, 2);
    link_ns("ipc", 1, 2);
    link_ns("uts", 1, 2);
    write_status(NULL, NULL);
    write_own("41");
    return 0;
}

static int remove_tree(void **state)
{
    static const char *const all[] = {
        "42/fd/0",     "42/fd/1",   "42/fd/2",     "42/fd/3",     "42/fd/4",
        "42/ns/net",   "42/ns/ipc", "42/ns/uts",   "self/ns/net", "self/ns/ipc",
        "self/ns/uts", "42/status", "42/fd",       "42/ns",       "42/root",
        "42",          "self/ns",   "self/status", "self",
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        (void)remove(path(all[i]));
    return rmdir(tree);
}

static bool look(const struct attest_want *w)
{
    return attest(tree, PID, w, &missing, err, sizeof err);
}

static void test_as_it_should_be(void **state)
{
    (void)state;
    assert_true(look(&want));
    assert_string_equal(err, "");
    assert_int_equal(missing, 0);
}

static void test_each_line(void **state)
{
    static const struct {
        const char *line, *value;
    } bad[] = {
        {"Uid", "0\t0\t0\t0"},
        {"Uid", "7\t7\t0\t7"},
        {"Uid", "7\t0\t7\t7"},
        {"Uid", "7\t7\t7\t0"},
        {"Gid", "8\t8\t0\t8"},
        {"Gid", "0\t0\t0\t0"},
        {"Groups", "0"},
        {"Groups", "8 4"},
        {"CapInh", "0000000000000001"},
        {"CapPrm", "0000000000000400"},
        {"CapEff", "000001ffffffffff"},
        {"CapAmb", "0000000000000400"},
        {"CapBnd", "000001ffffffffff"},
        {"NoNewPrivs", "0"},
        {"NoNewPrivs", "11"},
        {"Threads", "2"},
        {"Uid", NULL},
        {"CapEff", NULL},
        {"CapBnd", NULL},
        {"NoNewPrivs", NULL},
        {"Seccomp", "0"},
        {"Seccomp", "1"},
        {"Seccomp", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_status(bad[i].line, bad[i].value);
        if (look(&want))
            fail_msg("%s: %s: taken", bad[i].line, bad[i].value ? bad[i].value : "none");
        if (!strstr(err, bad[i].line))
            fail_msg("%s: \"%s\"", bad[i].line, err);
    }
    write_status(NULL, NULL);
    assert_true(look(&want));
}

static void test_without_root(void **state)
{
    struct attest_want w = want;

    (void)state;
    w.root = false;
    write_status("CapBnd", "000001ffffffffff");
    assert_true(look(&w));
    assert_int_equal(missing, LAYER_USER);
    write_status("Groups", "4 24");
    assert_true(look(&w));
    write_status("CapEff", "0000000000000001");
    assert_false(look(&w));
    write_status(NULL, NULL);
}

static void test_descriptors(void **state)
{
    struct attest_want w = want;

    (void)state;
    for (w.fds = 1; w.fds < 10; w.fds++)
        assert_int_equal(look(&w), w.fds == 5);
    assert_string_equal(err, "attestation: open descriptors: \"5 instead of 9\"");
    w.fds = 0;
    assert_true(look(&w));
}

/* Those of a process that may not be looked into: then the size of their folder counts,
 * which is 0 on kernels that do not tell; here it is what this file system says. */
static void test_descriptors_out_of_sight(void **state)
{
    static const char *const folders[] = {"",   "self",  "self/ns",
                                          "42", "42/ns", "42/root"};
    const uid_t own = geteuid();
    struct attest_want w = want, other = want;
    struct stat st;
    bool good, other_good;

    (void)state;
    for (size_t i = 0; own == 0 && i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(chmod(path(folders[i]), 0755), 0);
    assert_int_equal(chmod(path("42/fd"), 0), 0);
    assert_int_equal(stat(path("42/fd"), &st), 0);
    w.fds = st.st_size > 0 ? (unsigned int)st.st_size : want.fds;
    other.fds = w.fds + 1;
    assert_int_equal(own == 0 ? seteuid(NOBODY) : 0, 0);
    other_good = look(&other);
    good = look(&w);
    assert_int_equal(seteuid(own), 0);
    assert_int_equal(chmod(path("42/fd"), 0700), 0);
    assert_true(good);
    assert_int_equal(other_good, st.st_size == 0);
    assert_int_equal(missing, st.st_size == 0 ? LAYER_DESCRIPTORS : 0);
}

static void expect_missing(const struct attest_want *w, unsigned int set)
{
    assert_true(look(w));
    assert_int_equal(missing, set);
}

static void test_missing_layers(void **state)
{
    struct attest_want w = want;

    (void)state;
    link_ns("net", 1, 1);
    expect_missing(&w, LAYER_NETWORK);
    w.role = ROLE_BROKER; /* has its business there */
    expect_missing(&w, 0);
    w.role = ROLE_FETCHER;
    expect_missing(&w, 0);
    w.role = ROLE_GATE;
    link_ns("net", 1, 2);
    link_ns("ipc", 1, 1);
    expect_missing(&w, LAYER_IPC);
    link_ns("ipc", 1, 2);
    link_ns("uts", 1, 1);
    expect_missing(&w, LAYER_UTS);
    link_ns("uts", 1, 2);
    touch("42/root/etc");
    expect_missing(&w, LAYER_ROOT);
    (void)unlink(path("42/root/etc"));
    expect_missing(&w, 0);
    w.role = ROLE_SIGNER;
    expect_missing(&w, 0);
    write_status("VmLck", "0 kB");
    expect_missing(&w, LAYER_MEMORY);
    w.role = ROLE_GATE;
    expect_missing(&w, 0);
    write_status("NSpid", "42");
    expect_missing(&w, LAYER_PIDS);
    write_status("NSpid", NULL);
    expect_missing(&w, LAYER_PIDS);
    write_status("NSpid", "42\t7");
    write_own("41\t6"); /* the monitor is in one, and the role in the same */
    expect_missing(&w, LAYER_PIDS);
    write_status("NSpid", "42\t7\t1");
    expect_missing(&w, 0);
    write_own("41");
    write_status(NULL, NULL);
}

static void test_the_network_it_was_put_into(void **state)
{
    struct attest_want w = want;

    (void)state;
    (void)strcpy(w.network, "net:[2]");
    expect_missing(&w, 0);
    (void)strcpy(w.network, "net:[3]");
    assert_false(look(&w));
    assert_string_equal(err, "attestation: network: \"net:[2]\"");
    (void)unlink(path("42/ns/net")); /* not to be seen */
    expect_missing(&w, LAYER_NETWORK);
    link_ns("net", 1, 2);
}

static void test_landlock_by_version(void **state)
{
    static const unsigned int lacks[] = {
        [0] = LAYER_FILES | LAYER_TCP | LAYER_SCOPE,
        [1] = LAYER_TCP | LAYER_SCOPE,
        [3] = LAYER_TCP | LAYER_SCOPE,
        [4] = LAYER_SCOPE,
        [5] = LAYER_SCOPE,
        [6] = 0,
    };
    struct attest_want w = want;

    (void)state;
    for (w.landlock_abi = 0; w.landlock_abi < 7; w.landlock_abi++) {
        if (w.landlock_abi == 2)
            continue; /* as 1 */
        w.role = ROLE_GATE;
        expect_missing(&w, lacks[w.landlock_abi]);
        w.role = ROLE_BROKER;
        expect_missing(&w, lacks[w.landlock_abi]);
    }
    w.landlock_abi = 6;
    w.role = ROLE_SIGNER;
    w.module = true;
    expect_missing(&w, LAYER_FILTER | LAYER_FILES | LAYER_TCP | LAYER_SCOPE);
}

static void test_nobody_there(void **state)
{
    (void)state;
    assert_false(attest(tree, 43, &want, &missing, err, sizeof err));
    assert_non_null(strstr(err, "status cannot be read"));
}

static void test_names(void **state)
{
    char text[LAYERS_TEXT_MAX];

    (void)state;
    layers_text(0, text);
    assert_string_equal(text, "");
    layers_text(LAYER_ROOT | LAYER_USER, text);
    assert_string_equal(text, "own-user, empty-root");
    layers_text(LAYER_DESCRIPTORS, text);
    assert_string_equal(text, "descriptor-check");
    assert_null(layer_name(LAYER_COUNT));
    layers_text(~0u, text); /* all fit */
    assert_non_null(strstr(text, ", pid-namespace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_it_should_be),
        cmocka_unit_test(test_each_line),
        cmocka_unit_test(test_without_root),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_descriptors_out_of_sight),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_missing_layers),
        cmocka_unit_test(test_landlock_by_version),
        cmocka_unit_test(test_the_network_it_was_put_into),
    };

#ifdef GATE104_SAN
    (void)printf("1..0 # SKIP with the sanitizers some layers are always missing\n");
    return 0;
#endif
    return cmocka_run_group_tests_name("attestation", tests, make_tree, remove_tree);
}
