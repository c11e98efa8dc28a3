/* The sandbox of a role, seen from inside (a prisoner that tries) and from outside
 * (/proc).  Each thing that must fail is first seen to work without the sandbox. */
#include "sandbox/enter.h"
#include "tests/lib/prisoner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_FDS 40

/* Reports of the sanitizers may go to a file, so files may grow under them. */
#ifdef GATE104_SAN
#define SANITIZED true
#else
#define SANITIZED false
#endif

static uid_t nobody;
static gid_t nogroup;

/* A role's sandbox; as root with another user to become. */
static struct sandbox_config config(enum role role)
{
    struct sandbox_config c = {.role = role, .max_fds = MAX_FDS};

    if (geteuid() == 0) {
        c.uid = nobody;
        c.gid = nogroup;
    }
    return c;
}

static void start(struct prisoner *p, const struct sandbox_config *c)
{
    assert_true(prisoner_start(p, c));
    assert_string_equal(p->err, "");
}

static void needs_root(const char *what)
{
    if (geteuid() == 0)
        return;
    print_message("# skipped: %s needs root\n", what);
    skip();
}

/* The line of /proc/PID/status with this name, without name and blanks. */
static void status_line(pid_t pid, const char *name, char *out, size_t cap)
{
    char path[64];
    char line[512];
    size_t n = strlen(name);
    FILE *f;

    out[0] = '\0';
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(out, cap, "%s", line + n + 1 + strspn(line + n + 1, " \t"));
        }
    }
    (void)fclose(f);
}

static void assert_status(pid_t pid, const char *name, const char *want)
{
    char have[512];

    status_line(pid, name, have, sizeof have);
    for (size_t n = strlen(have); n > 0 && have[n - 1] == ' '; n--)
        have[n - 1] = '\0';
    if (strcmp(have, want) != 0)
        fail_msg("%s: \"%s\", expected \"%s\"", name, have, want);
}

/* ---- seen from outside ---- */

static void test_status(void **state)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
    char none[] = "0000000000000000";
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;

    (void)state;
    start(&p, NULL);
    assert_status(p.pid, "NoNewPrivs", "0");
    prisoner_end(&p);

    start(&p, &c);
    assert_status(p.pid, "NoNewPrivs", "1");
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        assert_status(p.pid, sets[i], none);
    if (geteuid() == 0) /* without CAP_SETPCAP it cannot be emptied, and needs not be */
        assert_status(p.pid, "CapBnd", none);
    prisoner_end(&p);
}

static void test_user_and_groups(void **state)
{
    struct sandbox_config c = config(ROLE_TLS);
    const gid_t extra[2] = {1, 2};
    struct prisoner p;
    char want[80];

    (void)state;
    needs_root("changing the user");
    assert_int_equal(setgroups(2, extra), 0);
    start(&p, NULL);
    assert_status(p.pid, "Groups", "1 2");
    assert_status(p.pid, "Uid", "0\t0\t0\t0");
    prisoner_end(&p);

    start(&p, &c);
    (void)snprintf(want, sizeof want, "%u\t%u\t%u\t%u", nobody, nobody, nobody, nobody);
    assert_status(p.pid, "Uid", want);
    (void)snprintf(want, sizeof want, "%u\t%u\t%u\t%u", nogroup, nogroup, nogroup,
                   nogroup);
    assert_status(p.pid, "Gid", want);
    assert_status(p.pid, "Groups", "");
    prisoner_end(&p);
    assert_int_equal(setgroups(0, NULL), 0);
}

/* ---- seen from inside ---- */

static void test_no_way_back_to_root(void **state)
{
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;

    (void)state;
    needs_root("becoming root");
    start(&p, NULL);
    assert_int_equal(prisoner_do(&p, PRISONER_BECOME_ROOT, 0), 0);
    assert_int_equal(prisoner_do(&p, PRISONER_TAKE_GROUP, 0), 0);
    prisoner_end(&p);

    start(&p, &c);
    assert_int_equal(prisoner_do(&p, PRISONER_BECOME_ROOT, 0), EPERM);
    assert_int_equal(prisoner_do(&p, PRISONER_TAKE_GROUP, 0), EPERM);
    prisoner_end(&p);
}

/* Also for a role that stays the user it is. */
static void test_root_without_capabilities(void **state)
{
    struct sandbox_config c = {.role = ROLE_GATE, .max_fds = MAX_FDS};
    struct prisoner p;

    (void)state;
    needs_root("starting as root");
    start(&p, &c);
    assert_status(p.pid, "CapEff", "0000000000000000");
    assert_status(p.pid, "CapBnd", "0000000000000000");
    assert_int_equal(prisoner_do(&p, PRISONER_TAKE_GROUP, 0), EPERM);
    prisoner_end(&p);
}

static void test_no_fork(void **state)
{
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;

    (void)state;
    start(&p, NULL);
    assert_int_equal(prisoner_do(&p, PRISONER_FORK, 0), 0);
    prisoner_end(&p);

    start(&p, &c);
    assert_int_equal(prisoner_do(&p, PRISONER_FORK, 0), EAGAIN);
    prisoner_end(&p);
}

static void test_not_dumpable(void **state)
{
    /* Changing the user makes a process undumpable by itself; staying does not. */
    const struct sandbox_config c[2] = {config(ROLE_SIGNER),
                                        {.role = ROLE_SIGNER, .max_fds = MAX_FDS}};
    struct prisoner p;

    (void)state;
    start(&p, NULL);
    assert_int_equal(prisoner_do(&p, PRISONER_DUMPABLE, 0), 1);
    assert_int_equal(prisoner_do(&p, PRISONER_NONEWPRIVS, 0), 0);
    prisoner_end(&p);

    for (int i = 0; i < 2; i++) {
        start(&p, &c[i]);
        assert_int_equal(prisoner_do(&p, PRISONER_DUMPABLE, 0), 0);
        assert_int_equal(prisoner_do(&p, PRISONER_NONEWPRIVS, 0), 1);
        assert_int_equal(prisoner_do(&p, PRISONER_PIPE_SIGNAL, 0), 1);
        prisoner_end(&p);
    }
}

static void assert_limit(const struct prisoner *p, int resource, long want)
{
    assert_int_equal(prisoner_do(p, PRISONER_LIMIT, resource), want);
    assert_int_equal(prisoner_do(p, PRISONER_HARD_LIMIT, resource), want);
}

static void test_limits_of_every_role(void **state)
{
    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        struct sandbox_config c = config((enum role)role);
        struct prisoner p;
        long before;

        start(&p, NULL);
        before = prisoner_do(&p, PRISONER_LIMIT, RLIMIT_FSIZE);
        assert_int_not_equal(before, 0);
        prisoner_end(&p);

        start(&p, &c);
        assert_limit(&p, RLIMIT_CORE, 0);
        assert_limit(&p, RLIMIT_NPROC, 0);
        assert_limit(&p, RLIMIT_NOFILE, MAX_FDS);
        assert_int_equal(prisoner_do(&p, PRISONER_LIMIT, RLIMIT_FSIZE),
                         role == ROLE_AUDIT || SANITIZED ? before : 0);
        assert_int_equal(prisoner_do(&p, PRISONER_RAISE_LIMIT, RLIMIT_NPROC), EPERM);
        assert_int_equal(prisoner_do(&p, PRISONER_RAISE_LIMIT, RLIMIT_CORE), EPERM);
        prisoner_end(&p);
    }
}

/* A file that was left open by mistake cannot grow; the log can. */
static void test_no_file_grows_but_the_log(void **state)
{
    static const struct {
        enum role role;
        int want;
    } cases[] = {{ROLE_GATE, SANITIZED ? 0 : EFBIG}, {ROLE_AUDIT, 0}};
    char name[] = "/tmp/gate104-enter-XXXXXX";
    int fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    (void)unlink(name);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sandbox_config c = config(cases[i].role);
        struct prisoner p;

        c.keep = &fd;
        c.keep_count = 1;
        start(&p, &c);
        assert_int_equal(prisoner_do(&p, PRISONER_WRITE, fd), cases[i].want);
        prisoner_end(&p);
    }
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)close(fd);
}

/* ---- descriptors ---- */

static void test_only_what_is_kept_stays_open(void **state)
{
    int fds[12];
    int keep[6];
    struct sandbox_config c = config(ROLE_BROKER);
    struct prisoner p;

    (void)state;
    for (int i = 0; i < 12; i++)
        fds[i] = fcntl(0, F_DUPFD, 20 + 7 * i);
    /* Out of order, one twice, one that is none. */
    keep[0] = fds[7];
    keep[1] = fds[2];
    keep[2] = 1;
    keep[3] = fds[7];
    keep[4] = -1;
    keep[5] = fds[11];
    c.keep = keep;
    c.keep_count = 6;

    start(&p, NULL);
    for (int i = 0; i < 12; i++)
        assert_int_equal(prisoner_do(&p, PRISONER_HOLDS, fds[i]), 1);
    prisoner_end(&p);

    start(&p, &c);
    for (int i = 0; i < 12; i++)
        assert_int_equal(prisoner_do(&p, PRISONER_HOLDS, fds[i]),
                         i == 2 || i == 7 || i == 11);
    /* Its channel and the standard three. */
    assert_int_equal(prisoner_do(&p, PRISONER_COUNT_FDS, 0), 3 + 4);
    prisoner_end(&p);
    for (int i = 0; i < 12; i++)
        (void)close(fds[i]);
}

static void test_no_more_descriptors_than_allowed(void **state)
{
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;

    (void)state;
    start(&p, NULL);
    assert_true(prisoner_do(&p, PRISONER_OPEN_MANY, 0) > MAX_FDS);
    prisoner_end(&p);
    start(&p, &c);
    if (!SANITIZED) /* where they report */
        assert_int_equal(prisoner_do(&p, PRISONER_NULL_STDERR, 0), 1);
    assert_int_equal(prisoner_do(&p, PRISONER_OPEN_MANY, 0), MAX_FDS - 4);
    prisoner_end(&p);
}

/* A broker with many listeners. */
static void test_many_to_keep(void **state)
{
    struct sandbox_config c = config(ROLE_BROKER);
    struct prisoner p;
    int keep[500];

    (void)state;
    for (int i = 0; i < 500; i++) {
        keep[i] = fcntl(0, F_DUPFD, 20);
        assert_true(keep[i] >= 0);
    }
    (void)close(keep[250]);
    keep[250] = -1;
    c.keep = keep;
    c.keep_count = 500;
    start(&p, &c);
    assert_int_equal(prisoner_do(&p, PRISONER_COUNT_FDS, 0), 499 + 4);
    prisoner_end(&p);
    for (int i = 0; i < 500; i++)
        (void)close(keep[i]);
}

/* ---- the parent ---- */

static void test_dies_with_its_parent(void **state)
{
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;
    pid_t between;

    (void)state;
    assert_true(prisoner_start_behind(&p, NULL, false, &between));
    assert_int_equal(prisoner_do(&p, PRISONER_DEATHSIG, 0), 0);
    assert_int_equal(kill(between, SIGKILL), 0);
    assert_int_equal(waitpid(between, NULL, 0), between);
    assert_int_equal(prisoner_do(&p, PRISONER_DEATHSIG, 0), 0); /* it lives */
    prisoner_end(&p);

    assert_true(prisoner_start_behind(&p, &c, false, &between));
    assert_string_equal(p.err, "");
    assert_int_equal(prisoner_do(&p, PRISONER_DEATHSIG, 0), SIGKILL);
    assert_int_equal(kill(between, SIGKILL), 0);
    assert_int_equal(waitpid(between, NULL, 0), between);
    assert_true(prisoner_wait_gone(&p, 20000));
    prisoner_end(&p);
}

/* It ends by itself, when it has written what came before. */
static void test_audit_outlives_its_parent(void **state)
{
    struct sandbox_config c = config(ROLE_AUDIT);
    struct prisoner p;
    pid_t between;

    (void)state;
    assert_true(prisoner_start_behind(&p, &c, false, &between));
    assert_string_equal(p.err, "");
    assert_int_equal(kill(between, SIGKILL), 0);
    assert_int_equal(waitpid(between, NULL, 0), between);
    assert_int_equal(prisoner_do(&p, PRISONER_DEATHSIG, 0), 0);
    prisoner_end(&p);
}

/* In a container the monitor is often process 1. */
static void test_parent_may_be_process_one(void **state)
{
    struct sandbox_config c = config(ROLE_GATE);
    struct prisoner p;
    pid_t between;
    bool started;

    (void)state;
    needs_root("a pid namespace");
    started = prisoner_start_behind(&p, &c, true, &between);
    if (started) {
        assert_string_equal(p.err, "");
        assert_int_equal(p.pid, 2);
        assert_int_equal(prisoner_do(&p, PRISONER_DEATHSIG, 0), SIGKILL);
    }
    assert_int_equal(kill(between, SIGKILL), 0);
    assert_int_equal(waitpid(between, NULL, 0), between);
    if (!started) {
        print_message("# skipped: no pid namespace to be had here\n");
        skip();
    }
    assert_true(prisoner_wait_gone(&p, 20000));
    (void)close(p.channel);
}

int main(void)
{
    const struct passwd *pw = getpwnam("nobody");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_user_and_groups),
        cmocka_unit_test(test_no_way_back_to_root),
        cmocka_unit_test(test_root_without_capabilities),
        cmocka_unit_test(test_no_fork),
        cmocka_unit_test(test_not_dumpable),
        cmocka_unit_test(test_limits_of_every_role),
        cmocka_unit_test(test_no_file_grows_but_the_log),
        cmocka_unit_test(test_only_what_is_kept_stays_open),
        cmocka_unit_test(test_no_more_descriptors_than_allowed),
        cmocka_unit_test(test_many_to_keep),
        cmocka_unit_test(test_dies_with_its_parent),
        cmocka_unit_test(test_audit_outlives_its_parent),
        cmocka_unit_test(test_parent_may_be_process_one),
    };

    nobody = pw ? pw->pw_uid : 65534;
    nogroup = pw ? pw->pw_gid : 65534;
    return cmocka_run_group_tests_name("enter", tests, NULL, NULL);
}
