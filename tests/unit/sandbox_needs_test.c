/* What the C library asks of the kernel on ways that are seldom taken, made in the
 * sandbox of each role: large blocks, a heap that can grow no more, time where the vDSO
 * has none. For a need that is forced in the real processes see
 * tests/e2e/contain_needs.t. */
#include "sandbox/enter.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE  (8u << 20)
#define LARGER (64u << 20)
#define BLOCKS 2000u
#define BIT(r) (1u << (r))
#define ALL    (BIT(ROLE_COUNT) - 2u)
#define SSL    (BIT(ROLE_TLS) | BIT(ROLE_SIGNER))
#define MAPS   (ALL & ~BIT(ROLE_SIGNER)) /* its malloc was told not to */

static bool touch(char *p, size_t n)
{
    for (size_t i = 0; p && i < n; i += 4096)
        p[i] = 1;
    return p != NULL;
}

static bool many_small(void)
{
    static void *block[BLOCKS];
    bool good = true;

    for (size_t i = 0; i < BLOCKS; i++)
        good = touch(block[i] = malloc(4000), 4000) && good;
    for (size_t i = 0; i < BLOCKS; i++)
        free(block[i]);
    return good;
}

static bool one_large(void)
{
    char *p = malloc(LARGE);
    bool good = touch(p, LARGE);

    free(p);
    return good;
}

static bool one_that_grows(void)
{
    char *p = malloc(LARGE);
    char *more = touch(p, LARGE) ? realloc(p, LARGER) : NULL;
    bool good = touch(more, LARGER);

    free(more);
    return good;
}

/* The heap meets something above it; what made that was done before the sandbox. */
static bool heap_at_its_end(void)
{
    return many_small() && one_large();
}

static void end_the_heap(void)
{
    uintptr_t end = ((uintptr_t)sbrk(0) + 4095u) & ~(uintptr_t)4095u;

    (void)mmap((void *)end, 4096, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static bool give_back(void)
{
    void *block[100];

    for (size_t i = 0; i < 100; i++)
        (void)touch(block[i] = malloc(100000), 100000);
    for (size_t i = 0; i < 99; i++)
        free(block[i]); /* below one that stays */
    (void)malloc_trim(0);
    free(block[99]);
    return true;
}

static void map_nothing(void)
{
    (void)mallopt(M_MMAP_MAX, 0);
}

static void map_nothing_and_end_the_heap(void)
{
    map_nothing();
    end_the_heap();
}

static bool clocks(void)
{
    struct timespec ts;
    struct timeval tv;

    return time(NULL) > 0 && clock_gettime(CLOCK_MONOTONIC, &ts) == 0 &&
           clock_gettime(CLOCK_REALTIME, &ts) == 0 && gettimeofday(&tv, NULL) == 0;
}

static bool clock_of_the_kernel(void)
{
    struct timespec ts;

    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == 0;
}

static bool time_of_the_kernel(void)
{
    return syscall(SYS_time, NULL) > 0 && getpid() > 0;
}

/* Zone and locale were read before. */
static bool words_for_time(void)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[200];

    return localtime_r(&now, &tm) && gmtime_r(&now, &tm) && timegm(&tm) == now &&
           strftime(text, sizeof text, "%A %d %B %Y %T %Z", &tm) > 0 && mktime(&tm) >= 0;
}

static bool words(void)
{
    char text[200];

    return snprintf(text, sizeof text, "%s %.17g %ls", strerror(EACCES), 0.1, L"x") > 0 &&
           strtod("1e-300", NULL) > 0;
}

static void once(void)
{
}

/* In libc that wakes whoever may wait, and nobody can. */
static bool first_use(void)
{
    pthread_once_t used = PTHREAD_ONCE_INIT;

    return pthread_once(&used, once) == 0;
}

static bool an_alarm(void)
{
    return alarm(1000) == 0 && alarm(0) > 0;
}

static bool dialling(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 &&
           (socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 ||
            errno == EAFNOSUPPORT);
}

static const struct need {
    const char *name;
    bool (*act)(void);
    void (*before)(void); /* outside */
    unsigned int roles;
} needs[] = {
    {"many small blocks", many_small, NULL, ALL},
    {"a large block", one_large, NULL, MAPS},
    {"a block that grows", one_that_grows, NULL, MAPS & ~BIT(ROLE_AUDIT)},
    {"a heap at its end", heap_at_its_end, end_the_heap, MAPS},
    {"a large block of the signer", one_large, map_nothing, BIT(ROLE_SIGNER)},
    {"its heap at its end", heap_at_its_end, map_nothing_and_end_the_heap,
     BIT(ROLE_SIGNER)},
    {"memory given back", give_back, NULL, BIT(ROLE_TLS)},
    {"clocks", clocks, NULL, ALL},
    {"a clock without vDSO", clock_of_the_kernel, NULL, ALL},
    {"time without vDSO, own number", time_of_the_kernel, NULL, SSL},
    {"time in words", words_for_time, NULL, ALL},
    {"words", words, NULL, ALL},
    {"a first use", first_use, NULL, SSL | BIT(ROLE_AUDIT)},
    {"an alarm", an_alarm, NULL, BIT(ROLE_AUDIT)},
    {"dialling", dialling, NULL, BIT(ROLE_BROKER) | BIT(ROLE_FETCHER)},
};

static void in_sandbox(enum role role, const struct need *need)
{
    int keep[3] = {0, 1, 2};
    const struct passwd *pw = getpwnam("nobody");
    struct sandbox_config c = {.role = role,
                               .uid = geteuid() == 0 && pw ? pw->pw_uid : 0,
                               .gid = geteuid() == 0 && pw ? pw->pw_gid : 0,
                               .keep = keep,
                               .keep_count = 3,
                               .max_fds = 64};
    char why[200];
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setenv("TZ", "UTC", 1); /* as spawn_role() */
        tzset();                      /* as child_main() */
        if (need->before)
            need->before();
        if (!sandbox_enter(&c, why, sizeof why))
            _exit(3);
        _exit(need->act() ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("%s: %s: status %x", role_name(role), need->name, status);
}

static void test_need(void **state)
{
    const struct need *need = *state;

    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        if (need->roles >> role & 1u)
            in_sandbox((enum role)role, need);
    }
}

int main(void)
{
    enum { COUNT = sizeof needs / sizeof needs[0] };
    struct CMUnitTest tests[COUNT];

#ifdef GATE104_SAN
    (void)printf("1..0 # SKIP the sanitizers need system calls of their own\n");
    return 0;
#endif
    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){needs[i].name, test_need, NULL, NULL,
                                       (void *)(uintptr_t)&needs[i]};
    return cmocka_run_group_tests_name("sandbox needs", tests, NULL, NULL);
}
