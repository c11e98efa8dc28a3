/* The tables of system calls, each loaded as a role loads it: every number that is not in
 * them, and arguments that they do not take. */
#include "sandbox/enter.h"
#include "sandbox/filter.h"
#include "sandbox/filter_load.h"
#include "sandbox/trap.h"

#include "sandbox/messages.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NUMBERS 520 /* beyond the last that any kernel has */
/* uretprobe and uprobe pass every filter in newer kernels: see sandbox_kernel_test. */
#define PASSES(n) ((n) == 335 || (n) == 336)

static jmp_buf back;
static uint8_t *caught; /* shared with the child: 1 for each number that was trapped */

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    caught[info->si_syscall < NUMBERS ? info->si_syscall : 0] = 1;
    _longjmp(back, 1); /* to return would be a system call */
}

static bool in_table(const struct filter *f, int number)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->rule[i].number == number)
            return true;
    }
    return false;
}

/* In a child that loads the filter and survives traps. */
static void filtered(enum role role, bool module, void (*act)(const struct filter *f))
{
    const struct filter *f = filter_of(role, module);
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct sigaction a = {.sa_sigaction = on_trap,
                              .sa_flags = SA_SIGINFO | (int)SA_NODEFER};

        if (sigaction(SIGSYS, &a, NULL) != 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filter_load(role, module))
            _exit(3);
        act(f);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void try_every_number(const struct filter *f)
{
    for (volatile int n = 0; n < NUMBERS; n++) {
        if (!in_table(f, n) && !PASSES(n) && _setjmp(back) == 0)
            (void)syscall(n, 0, 0, 0, 0, 0, 0);
    }
}

static void test_every_number_outside(void **state)
{
    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        const struct filter *f = filter_of((enum role)role, false);

        memset(caught, 0, NUMBERS);
        filtered((enum role)role, false, try_every_number);
        for (int n = 0; n < NUMBERS; n++) {
            if (!PASSES(n) && caught[n] != !in_table(f, n))
                fail_msg("%s: system call %d: %s", f->name, n,
                         caught[n] ? "forbidden" : "allowed");
        }
    }
}

static void try_the_forbidden(const struct filter *f)
{
    for (volatile size_t i = 0; i < f->count; i++) {
        if (_setjmp(back) == 0)
            (void)syscall(f->rule[i].number, -1, -1, -1, -1, -1, -1);
    }
}

static void test_with_a_module(void **state)
{
    const struct filter *f = filter_of(ROLE_SIGNER, true);
    size_t n = 0;

    (void)state;
    assert_true(f->denies);
    memset(caught, 0, NUMBERS);
    filtered(ROLE_SIGNER, true, try_the_forbidden);
    for (size_t i = 0; i < f->count; i++)
        assert_true(caught[f->rule[i].number]);
    for (int i = 0; i < NUMBERS; i++)
        n += caught[i];
    assert_int_equal(n, f->count);
    assert_ptr_equal(filter_of(ROLE_GATE, true), filter_of(ROLE_GATE, false));
}

/* ---- arguments ---- */

#define BIT(role) (1u << (role))
#define ALL       (BIT(ROLE_COUNT) - 2u)
#define DIALS     (BIT(ROLE_BROKER) | BIT(ROLE_FETCHER))
#define WAKES     (BIT(ROLE_TLS) | BIT(ROLE_SIGNER) | BIT(ROLE_AUDIT))
#define HERE      ((unsigned long long)AT_FDCWD)
#define HIGH      (1ull << 32)

/* One call; in which roles it is made, in the others it is not. */
static const struct probe {
    const char *what;
    unsigned int roles;
    long number;
    unsigned long long arg[4];
} probes[] = {
    {"data", ALL, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, 0}},
    {"code", 0, SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, 0}},
    {"code, bits above", 0, SYS_mmap, {0, 4096, HIGH | PROT_EXEC, 0}},
    {"F_SETFL", ALL, SYS_fcntl, {99, F_SETFL, 0}},
    {"F_SETFL, bits above", ALL, SYS_fcntl, {99, HIGH | F_SETFL, 0}},
    {"F_DUPFD", 0, SYS_fcntl, {0, F_DUPFD, 0}},
    {"F_SETOWN", 0, SYS_fcntl, {0, F_SETOWN, 0}},
    {"F_NOTIFY", 0, SYS_fcntl, {0, F_NOTIFY, 0}},
    {"FIONREAD", 0, SYS_ioctl, {0, FIONREAD, 0}},
    {"TIOCSTI", 0, SYS_ioctl, {0, TIOCSTI, 0}},
    {"IPv4", DIALS, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}},
    {"IPv6", DIALS, SYS_socket, {AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0}},
    {"UDP", 0, SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
    {"raw IPv4", 0, SYS_socket, {AF_INET, SOCK_RAW, 6}},
    {"AF_UNIX", 0, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"netlink", 0, SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
    {"multipath", 0, SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_MPTCP}},
    {"fast open", 0, SYS_sendto, {-1, 0, 0, MSG_FASTOPEN}},
    {"fast open too", 0, SYS_sendmsg, {-1, 0, MSG_FASTOPEN}},
    {"packets", 0, SYS_socket, {AF_PACKET, SOCK_STREAM, 0}},
    {"vsock", 0, SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"a pair", BIT(ROLE_BROKER), SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET, 0, 0}},
    {"a stream pair", 0, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
    {"TCP_NODELAY", BIT(ROLE_BROKER), SYS_setsockopt, {99, IPPROTO_TCP, 1, 0}},
    {"another of TCP", 0, SYS_setsockopt, {99, IPPROTO_TCP, 31, 0}},
    {"SO_ATTACH_FILTER", 0, SYS_setsockopt, {99, SOL_SOCKET, SO_ATTACH_FILTER, 0}},
    {"of a socket", ALL, SYS_getsockopt, {99, SOL_SOCKET, SO_TYPE, 0}},
    {"of TCP", 0, SYS_getsockopt, {99, IPPROTO_TCP, 11, 0}},
    {"a file", BIT(ROLE_AUDIT), SYS_openat, {99, 0, O_RDWR | O_CREAT | O_APPEND, 0600}},
    {"a file by its path", 0, SYS_openat, {HERE, 0, O_RDWR, 0}},
    {"its state", BIT(ROLE_AUDIT), SYS_newfstatat, {99, 0, 0, 0}},
    {"its state by its path", 0, SYS_newfstatat, {HERE, 0, 0, 0}},
    {"a name", BIT(ROLE_AUDIT), SYS_renameat2, {99, 0, 99, 0}},
    {"a name from elsewhere", 0, SYS_renameat2, {HERE, 0, 99, 0}},
    {"a name to elsewhere", 0, SYS_renameat2, {99, 0, HERE, 0}},
    {"an end", BIT(ROLE_AUDIT), SYS_unlinkat, {99, 0, 0, 0}},
    {"an end by its path", 0, SYS_unlinkat, {HERE, 0, 0, 0}},
    {"waking", WAKES, SYS_futex, {0, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 0, 0}},
    {"waiting", 0, SYS_futex, {0, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0}},
    {"memory given back", BIT(ROLE_TLS), SYS_madvise, {0, 0, MADV_DONTNEED, 0}},
    {"memory to be merged", 0, SYS_madvise, {0, 0, MADV_MERGEABLE, 0}},
    {"a file emptied", 0, SYS_openat, {99, 0, O_RDWR | O_TRUNC, 0}},
};

static const struct probe *probe;

static void try_probe(const struct filter *f)
{
    (void)f;
    if (_setjmp(back) == 0)
        (void)syscall(probe->number, probe->arg[0], probe->arg[1], probe->arg[2],
                      probe->arg[3], -1, 0);
}

static void test_arguments(void **state)
{
    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
            const struct filter *f = filter_of((enum role)role, false);

            probe = &probes[i];
            memset(caught, 0, NUMBERS);
            filtered((enum role)role, false, try_probe);
            if (caught[probe->number] != !(probe->roles & BIT(role)))
                fail_msg("%s: %s: %s", f->name, probe->what,
                         caught[probe->number] ? "forbidden" : "allowed");
        }
    }
}

/* Which calls nobody may ever have, whatever the tables become. */
static void test_never(void **state)
{
    static const int never[] = {
        SYS_execve,        SYS_execveat,
        SYS_fork,          SYS_vfork,
        SYS_clone,         SYS_clone3,
        SYS_ptrace,        SYS_kill,
        SYS_tgkill,        SYS_prctl,
        SYS_ioctl,         SYS_mprotect,
        SYS_open,          SYS_bind,
        SYS_listen,        SYS_setuid,
        SYS_setns,         SYS_unshare,
        SYS_mount,         SYS_chroot,
        SYS_seccomp,       SYS_process_vm_readv,
        SYS_pidfd_getfd,   SYS_io_uring_setup,
        SYS_bpf,           SYS_rt_sigaction,
        SYS_rt_sigreturn,  SYS_memfd_create,
        SYS_pkey_mprotect, SYS_dup,
        SYS_dup2,          SYS_personality,
    };

    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
            assert_false(in_table(filter_of((enum role)role, false), never[i]));
    }
}

static size_t distinct_calls(const struct filter *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++) {
        bool again = false;

        for (size_t k = 0; k < i; k++)
            again = again || f->rule[k].number == f->rule[i].number;
        n += !again;
    }
    return n;
}

static void test_size_of_tables(void **state)
{
    static const size_t most[ROLE_COUNT] = {
        [ROLE_BROKER] = 30, [ROLE_TLS] = 30,   [ROLE_GATE] = 20,
        [ROLE_SIGNER] = 15, [ROLE_AUDIT] = 26, [ROLE_FETCHER] = 30,
    };

    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++)
        assert_in_range(distinct_calls(filter_of((enum role)role, false)), 5, most[role]);
}

/* ---- the end of a process that tries ---- */

static void end_by(int call, int note_fd, int *status)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !trap_install(note_fd) ||
            !filter_load(ROLE_GATE, false))
            _exit(3);
        (void)syscall(call, 0, 0, 0, 0, 0, 0);
        _exit(4);
    }
    assert_int_equal(waitpid(pid, status, 0), pid);
}

static void test_end_and_last_words(void **state)
{
    static const int calls[] = {SYS_open, SYS_read, SYS_getrandom, SYS_execve};
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char want[80];
        struct {
            uint16_t header[2];
            char text[200];
        } got;
        ssize_t n;
        int status;

        end_by(calls[i], pair[1], &status);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
        n = recv(pair[0], &got, sizeof got, 0);
        (void)snprintf(want, sizeof want, TRAP_NOTE "%d", calls[i]);
        assert_int_equal(n, sizeof got.header + strlen(want));
        assert_int_equal(got.header[0], MSG_NOTE);
        assert_int_equal(got.header[1], strlen(want));
        assert_memory_equal(got.text, want, strlen(want));
        assert_int_equal(recv(pair[0], &got, sizeof got, 0), -1);
        end_by(calls[i], -1, &status);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        assert_int_equal(recv(pair[0], &got, sizeof got, 0), -1);
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_outside),
        cmocka_unit_test(test_with_a_module),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_size_of_tables),
        cmocka_unit_test(test_end_and_last_words),
    };

#ifdef GATE104_SAN
    (void)printf("1..0 # SKIP the sanitizers need system calls of their own\n");
    return 0;
#endif
    caught =
        mmap(NULL, NUMBERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (caught == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests_name("sandbox filter", tests, NULL, NULL);
}
