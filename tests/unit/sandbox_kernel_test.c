/* What the interpreter says of a filter (sandbox_bpf_test) is what the kernel does with
 * it, and the program that the kernel holds is the one that was asked. */
#include "sandbox/filter.h"
#include "sandbox/filter_load.h"

#include "tests/lib/bpf.h"

#include <errno.h>
#include <linux/audit.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define X32        0x40000000L
#define TRIALS     400u /* for each call with conditions */
#define TRIALS_MAX 16384u
#define NO_FD      99
/* uretprobe and uprobe pass every filter since Linux 6.14 and 6.18. */
#define URETPROBE 335
#define UPROBE    336

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

struct trial {
    int number;
    uint64_t args[6];
    bool trapped; /* written by the child */
};

static struct trial *trial; /* shared with the child */
static size_t trial_count;
static jmp_buf back;

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    _longjmp(back, 1); /* to return would be a system call */
}

static void make_them(void)
{
    for (volatile size_t i = 0; i < trial_count; i++) {
        struct trial *t = &trial[i];

        t->trapped = true;
        if (_setjmp(back) != 0)
            continue;
        (void)syscall(t->number, t->args[0], t->args[1], t->args[2], t->args[3],
                      t->args[4], t->args[5]);
        t->trapped = false;
    }
}

static bool enter(enum role role, bool module)
{
    struct sigaction a = {.sa_sigaction = on_trap,
                          .sa_flags = SA_SIGINFO | (int)SA_NODEFER};

    return sigaction(SIGSYS, &a, NULL) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_load(role, module);
}

static int status_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool simulated_allow(enum role role, uint32_t arch, const struct trial *t)
{
    const struct filter_program *p = &filter_programs[role];
    struct seccomp_data data = {.nr = t->number, .arch = arch};
    struct bpf_result r;

    memcpy(data.args, t->args, sizeof data.args);
    assert_true(bpf_run(p->op, p->count, &data, &r));
    return r.verdict == SECCOMP_RET_ALLOW;
}

/* ---- arguments ---- */

static uint64_t near(const struct filter_test *t)
{
    const uint64_t high = (uint64_t)random() << 32;

    switch (random() % 5) {
    case 0: return t->want;
    case 1: return t->want | high;
    case 2: return t->want ^ 1ull << random() % 40;
    case 3: return (uint64_t)random() & ~(uint64_t)t->mask;
    default: return high | (uint64_t)random();
    }
}

/* Arguments around what the rule asks for; the others such that nothing comes of the
 * call: no descriptor, no memory, no length. */
static void around(const struct filter_rule *r, struct trial *t)
{
    *t = (struct trial){.number = r->number, .args = {NO_FD}};
    for (size_t i = 0; i < FILTER_TESTS; i++) {
        if (r->test[i].mask != 0)
            t->args[r->test[i].arg] = near(&r->test[i]);
    }
}

static void plan(const struct filter *f)
{
    trial_count = 0;
    for (size_t i = 0; i < f->count; i++) {
        for (unsigned int n = 0; f->rule[i].test[0].mask != 0 && n < TRIALS; n++) {
            assert_true(trial_count < TRIALS_MAX);
            around(&f->rule[i], &trial[trial_count++]);
        }
    }
}

static void test_arguments_as_simulated(void **state)
{
    (void)state;
    srandom(1);
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        size_t allowed = 0;
        pid_t pid;

        plan(filter_of((enum role)role, false));
        pid = fork();
        if (pid == 0) {
            const struct rlimit few = {NO_FD, NO_FD};

            if (setrlimit(RLIMIT_NOFILE, &few) != 0 || !enter((enum role)role, false))
                _exit(3);
            make_them();
            _exit(0);
        }
        assert_int_equal(status_of(pid), 0);
        for (size_t i = 0; i < trial_count; i++) {
            const struct trial *t = &trial[i];
            bool allow = simulated_allow((enum role)role, AUDIT_ARCH_X86_64, t);

            allowed += allow;
            if (allow == t->trapped)
                fail_msg("%s: system call %d(%llx, %llx, %llx, ...): the kernel %s it",
                         role_name(role), t->number, (unsigned long long)t->args[0],
                         (unsigned long long)t->args[1], (unsigned long long)t->args[2],
                         t->trapped ? "forbids" : "allows");
        }
        assert_in_range(allowed, trial_count / 10, trial_count - trial_count / 10);
    }
}

/* ---- numbers that are no ordinary ones ---- */

static long call32(long number)
{
    long result = -1;

#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory");
#endif
    return result;
}

static int end_of(enum role role, bool filter, long (*call)(long), long number)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            (filter && !filter_load(role, false)))
            _exit(3);
        (void)call(number);
        _exit(0);
    }
    return status_of(pid);
}

static long call64(long number)
{
    return syscall(number, -1L, 0L, 0L, 0L, 0L, 0L);
}

static bool killed_by_filter(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void test_other_architectures(void **state)
{
    static const long numbers[] = {3 /* read, for i386 */, 4, 102, 252};
    const bool has_i386 = end_of(ROLE_GATE, false, call32, 20) == 0; /* getpid */

    (void)state;
    if (!has_i386)
        print_message("# skipped: this kernel makes no calls of i386\n");
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            assert_true(killed_by_filter(
                end_of((enum role)role, true, call64, X32 | numbers[i])));
            if (has_i386)
                assert_true(
                    killed_by_filter(end_of((enum role)role, true, call32, numbers[i])));
        }
        assert_true(killed_by_filter(end_of((enum role)role, true, call64, -2)));
    }
}

/* From a place that the kernel did not prepare they end the process or do not exist; in
 * older kernels the filter stops them. */
static void test_calls_that_pass_filters(void **state)
{
    static const long numbers[] = {URETPROBE, UPROBE};

    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            const struct trial t = {.number = (int)numbers[i]};
            int status = end_of((enum role)role, true, call64, numbers[i]);

            assert_false(simulated_allow((enum role)role, AUDIT_ARCH_X86_64, &t));
            if (killed_by_filter(status))
                continue;
            if (status != end_of((enum role)role, false, call64, numbers[i]))
                fail_msg("%s: system call %ld: status %x", role_name(role), numbers[i],
                         status);
            /* Not by the filter: then by the kernel, or nothing came of it. */
            assert_true(WIFEXITED(status) ||
                        (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL));
        }
    }
}

/* ---- the program in the kernel ---- */

static void test_what_the_kernel_holds(void **state)
{
    (void)state;
    for (unsigned int slot = 0; slot < ROLE_COUNT; slot++) {
        const struct filter_program *p = &filter_programs[slot];
        const bool module = slot == FILTER_WITH_MODULE;
        static struct sock_filter op[FILTER_OPS_MAX];
        pid_t pid = fork();
        long n;

        if (pid == 0) {
            (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
            (void)raise(SIGSTOP);
            if (!enter(module ? ROLE_SIGNER : (enum role)slot, module))
                _exit(3);
            (void)syscall(SYS_execve, NULL, NULL, NULL); /* stops by SIGSYS */
            _exit(0);
        }
        assert_true(WIFSTOPPED(status_of(pid)));
        assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
        assert_true(WIFSTOPPED(status_of(pid)));
        n = ptrace((enum __ptrace_request)PTRACE_SECCOMP_GET_FILTER, pid, NULL, op);
        (void)kill(pid, SIGKILL);
        (void)status_of(pid);
        if (n < 0) {
            print_message("# skipped: the kernel shows no filters: %s\n",
                          strerror(errno));
            skip();
        }
        assert_int_equal(n, p->count);
        assert_memory_equal(op, p->op, p->count * sizeof op[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_as_simulated),
        cmocka_unit_test(test_other_architectures),
        cmocka_unit_test(test_calls_that_pass_filters),
        cmocka_unit_test(test_what_the_kernel_holds),
    };

#if defined GATE104_SAN || !defined __x86_64__
    (void)printf("1..0 # SKIP for x86_64, and without sanitizers\n");
    return 0;
#endif
    trial = mmap(NULL, TRIALS_MAX * sizeof *trial, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests_name("sandbox kernel", tests, NULL, NULL);
}
