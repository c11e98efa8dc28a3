/* What a role that was taken over would do first.  Each act is seen to work without the
 * sandbox, to end the process behind the filter alone, and to fail behind the walls
 * alone. What the walls do not stop (making a socket, a user namespace, code) is said so
 * here. */
#include "sandbox/enter.h"
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BARE, FILTER, WALLS, WHOLE };

#define DIALS (1u << ROLE_BROKER | 1u << ROLE_FETCHER)

static pid_t victim;       /* a sibling of the same user, without a sandbox */
static uint16_t port;      /* somebody listens there */
static uint16_t open_port; /* where the role may connect to; 0: nowhere */
static struct sockaddr_un abstract = {.sun_family = AF_UNIX};
static socklen_t abstract_size = sizeof abstract;
static uid_t nobody;
static gid_t nogroup;

static int act_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int act_proc(void)
{
    return open("/proc/self/maps", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int act_write(void)
{
    return open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int act_create(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    return fd >= 0 ? 0 : errno;
}

static int act_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int act_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

/* Connects without connect(), which Landlock does not see. */
static int fast_open(bool to_message)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct iovec octets = {(char[]){"x"}, 1};
    struct msghdr m = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &octets, .msg_iovlen = 1};
    int flags = MSG_FASTOPEN | MSG_NOSIGNAL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ssize_t n = to_message ? sendmsg(fd, &m, flags)
                           : sendto(fd, "x", 1, flags, (struct sockaddr *)&to, sizeof to);

    return n == 1 ? 0 : errno;
}

static int act_fast_open(void)
{
    return fast_open(false);
}

static int act_fast_open_message(void)
{
    return fast_open(true);
}

/* Connects by a protocol that Landlock takes for none of its own. */
static int act_multipath(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static int act_bind(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) == 0 ? 0
                                                                               : errno;
}
static int act_exec(void)
{
    char *const argv[] = {(char[]){"true"}, NULL};

    (void)execv("/bin/true", argv);
    return errno;
}

static int act_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : errno;
}

static int act_ptrace(void)
{
    return ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0 ? 0 : errno;
}

static int act_kill(void)
{
    return kill(victim, SIGCONT) == 0 ? 0 : errno;
}

static int act_memory(void)
{
    char octet;
    struct iovec here = {&octet, 1};
    struct iovec there = {&port, 1}; /* it is a fork of this process */

    return process_vm_readv(victim, &here, 1, &there, 1, 0) == 1 ? 0 : errno;
}

static int act_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0 ? 0
                                                                                  : errno;
}

/* Somebody outside the sandbox has an abstract socket. */
static int act_abstract(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return connect(fd, (struct sockaddr *)&abstract, abstract_size) == 0 ? 0 : errno;
}

static int act_root(void)
{
    return setuid(0) == 0 ? 0 : errno;
}

static int act_mount_namespace(void)
{
    return unshare(CLONE_NEWNS) == 0 ? 0 : errno;
}

static int act_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
}

static int act_limit(void)
{
    struct rlimit more = {4096, 4096};

    return setrlimit(RLIMIT_NPROC, &more) == 0 ? 0 : errno;
}

static int act_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED ? 0 : errno;
}

static const struct act {
    const char *name;
    int (*act)(void);
    unsigned int may; /* roles whose business it is */
    bool walls;       /* the walls stop it */
    int landlock; /* the version that does it for who does not start as root; 0: other */
} acts[] = {
    {"open a file", act_open, 0, true, LANDLOCK_FILES},
    {"read /proc", act_proc, 0, true, LANDLOCK_FILES},
    {"write a file", act_write, 0, true, LANDLOCK_FILES},
    {"make a file", act_create, 0, true, LANDLOCK_FILES},
    {"make a socket", act_socket, 0, false, 0},
    {"connect", act_connect, DIALS, true, LANDLOCK_TCP},
    {"bind a port", act_bind, 0, true, LANDLOCK_TCP},
    {"start a program", act_exec, 0, true, LANDLOCK_FILES},
    {"fork", act_fork, 0, true, 0},
    {"trace a sibling", act_ptrace, 0, true, LANDLOCK_FILES},
    {"signal a sibling", act_kill, 0, true, LANDLOCK_SCOPE},
    {"read a sibling's memory", act_memory, 0, true, LANDLOCK_FILES},
    {"listen", act_listen, 0, true, LANDLOCK_TCP},
    {"connect to an abstract socket", act_abstract, 0, true, LANDLOCK_SCOPE},
    {"be root", act_root, 0, true, 0},
    {"make a mount namespace", act_mount_namespace, 0, true, 0},
    {"make a user namespace", act_user_namespace, 0, false, 0},
    {"raise a limit", act_limit, 0, true, 0},
    {"make code", act_code, 0, false, 0},
};

/* Enters what `how` says and does it; the status of wait(). */
static int attempt(enum role role, const struct act *a, int how)
{
    int keep[3] = {0, 1, 2};
    struct sandbox_config c = {.role = role,
                               .uid = geteuid() == 0 ? nobody : 0,
                               .gid = geteuid() == 0 ? nogroup : 0,
                               .keep = keep,
                               .keep_count = 3,
                               .max_fds = 64,
                               .port = &open_port,
                               .port_count = open_port ? 1 : 0};
    char why[200];
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        bool good = how == BARE || (how == WHOLE && sandbox_enter(&c, why, sizeof why)) ||
                    (how == WALLS && sandbox_enter_walls(&c, why, sizeof why)) ||
                    (how == FILTER && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                     sandbox_enter_filter(&c, why, sizeof why));

        _exit(good ? a->act() : 255);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 255);
    return status;
}

static void assert_killed(enum role role, const struct act *a, int how)
{
    int status = attempt(role, a, how);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("%s: %s: not killed: status %x", role_name(role), a->name, status);
}

static void assert_refused(enum role role, const struct act *a)
{
    int status = attempt(role, a, WALLS);
    bool worked = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    /* Who keeps the network as root has the rest of it from Landlock alone. */
    if ((geteuid() != 0 || (1u << role & DIALS)) && a->landlock > landlock_abi()) {
        print_message("# skipped: the walls against \"%s\" need root or Landlock %d\n",
                      a->name, a->landlock);
        return;
    }
    if (a->walls == worked)
        fail_msg("%s: the walls: %s: %s", role_name(role), a->name,
                 worked ? "it worked" : "it is refused; say so in the table");
}

static void try_act(const struct act *a)
{
    int control = attempt(ROLE_GATE, a, BARE);

    if (!WIFEXITED(control) || WEXITSTATUS(control) != 0) {
        print_message("# skipped: \"%s\" does not work here without a sandbox either\n",
                      a->name);
        skip();
    }
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        if (a->may >> role & 1u)
            continue;
        assert_killed((enum role)role, a, FILTER);
        assert_killed((enum role)role, a, WHOLE);
        assert_refused((enum role)role, a);
    }
}

static void test_act(void **state)
{
    try_act(*state);
}

/* Who dials still can, but only to the ports of the configuration. */
static void test_who_dials(void **state)
{
    const struct act dial = {.name = "connect", .act = act_connect};

    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        if (!(DIALS >> role & 1u))
            continue;
        open_port = port;
        assert_int_equal(attempt((enum role)role, &dial, WHOLE), 0);
        open_port = (uint16_t)(port ^ 1u);
        if (landlock_abi() >= LANDLOCK_TCP)
            assert_int_equal(attempt((enum role)role, &dial, WHOLE), EACCES << 8);
        open_port = 0;
    }
}

/* Who dials has one wall against these, the filter; others have no network either. */
static void test_ways_around_connect(void **state)
{
    static const struct act around[] = {
        {.name = "connect by fast open", .act = act_fast_open},
        {.name = "connect by fast open in a message", .act = act_fast_open_message},
        {.name = "connect by multipath TCP", .act = act_multipath},
    };

    (void)state;
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        const struct act *a = &around[i];
        struct act walled = *a;

        walled.walls = true;
        if (attempt(ROLE_GATE, a, BARE) != 0) {
            print_message("# skipped: \"%s\" does not work here without a sandbox\n",
                          a->name);
            continue;
        }
        for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
            assert_killed((enum role)role, a, FILTER);
            assert_killed((enum role)role, a, WHOLE);
            if (geteuid() == 0 && !(DIALS >> role & 1u))
                assert_refused((enum role)role, &walled);
        }
    }
}

/* Audit has its folder, and nothing else. */
static int folder_fd;

static int act_log(void)
{
    int fd = openat(folder_fd, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    return fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 &&
                   renameat2(folder_fd, "log", folder_fd, "old", RENAME_NOREPLACE) == 0 &&
                   unlinkat(folder_fd, "old", 0) == 0
               ? 0
               : errno;
}

static int act_above(void)
{
    return openat(folder_fd, "../gate104-above", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0
               ? 0
               : errno;
}

/* What it has no business with even there. */
static int act_other_in_folder(void)
{
    if (mkdirat(folder_fd, "folder", 0700) == 0 || errno != EACCES ||
        symlinkat("/etc", folder_fd, "link") == 0 || errno != EACCES ||
        mkfifoat(folder_fd, "pipe", 0600) == 0 || errno != EACCES)
        return errno ? errno : EEXIST;
    return 0;
}

static int in_audit(int (*act)(void), bool with_folder)
{
    int keep[4] = {0, 1, 2, folder_fd};
    struct sandbox_config c = {.role = ROLE_AUDIT,
                               .keep = keep,
                               .keep_count = 4,
                               .max_fds = 64,
                               .folder = with_folder ? folder_fd : 0};
    char why[200];
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit((act == act_other_in_folder ? sandbox_enter_walls(&c, why, sizeof why)
                                          : sandbox_enter(&c, why, sizeof why))
                  ? act()
                  : 255);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_folder_of_audit(void **state)
{
    char outer[] = "/tmp/gate104-acts-XXXXXX";
    char inner[64];

    (void)state;
    assert_non_null(mkdtemp(outer));
    (void)snprintf(inner, sizeof inner, "%s/log", outer);
    assert_int_equal(mkdir(inner, 0700), 0);
    folder_fd = open(inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder_fd >= 0);
    assert_int_equal(act_above(), 0); /* the control */
    (void)unlinkat(folder_fd, "../gate104-above", 0);
    assert_int_equal(in_audit(act_log, true), 0);
    if (landlock_abi() >= LANDLOCK_FILES) {
        assert_int_equal(in_audit(act_above, true), EACCES);
        assert_int_equal(in_audit(act_log, false), EACCES);
        assert_int_equal(in_audit(act_other_in_folder, true), 0);
    }
    (void)close(folder_fd);
    (void)rmdir(inner);
    assert_int_equal(rmdir(outer), 0);
}

static int set_up(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct passwd *pw = getpwnam("nobody");

    (void)state;
    nobody = pw ? pw->pw_uid : 65534;
    nogroup = pw ? pw->pw_gid : 65534;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return -1;
    port = ntohs(at.sin_port);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&abstract, sizeof abstract.sun_family) != 0 ||
        listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&abstract, &abstract_size) != 0)
        return -1;
    victim = fork();
    if (victim == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    return victim > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)kill(victim, SIGKILL);
    return waitpid(victim, NULL, 0) == victim ? 0 : -1;
}

int main(void)
{
    enum { COUNT = sizeof acts / sizeof acts[0] };
    struct CMUnitTest tests[COUNT + 3];

#ifdef GATE104_SAN
    (void)printf("1..0 # SKIP the sanitizers need system calls and files of their own\n");
    return 0;
#endif
    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){acts[i].name, test_act, NULL, NULL,
                                       (void *)(uintptr_t)&acts[i]};
    tests[COUNT] = (struct CMUnitTest)cmocka_unit_test(test_who_dials);
    tests[COUNT + 1] = (struct CMUnitTest)cmocka_unit_test(test_folder_of_audit);
    tests[COUNT + 2] = (struct CMUnitTest)cmocka_unit_test(test_ways_around_connect);
    return cmocka_run_group_tests_name("sandbox acts", tests, set_up, tear_down);
}
