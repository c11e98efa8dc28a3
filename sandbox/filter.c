#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libseccomp's number for kernels from 4.14 on. */
#define KILL_PROCESS_API 3

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a row may ask of arguments, which count from 0. */
#define ANY                                                                              \
    {                                                                                    \
        0, 0, 0                                                                          \
    }
#define MASK(arg, mask, value)                                                           \
    {                                                                                    \
        (arg), (uint32_t)(mask), (uint32_t)(value)                                       \
    }
#define IS(arg, value)   MASK(arg, UINT32_MAX, value)
#define LACKS(arg, bits) MASK(arg, bits, 0)
#define BELOW(arg)       MASK(arg, 0x80000000u, 0) /* a descriptor, not AT_FDCWD */
#define BOTH(a, b)       a, b
#define ALL(a, b, c)     a, b, c

#define S(call, condition, why) {SYS_##call, #call, {condition}, #condition, why},

static const struct filter_rule broker[] = {
#include "sandbox/profiles/broker.def"
};
static const struct filter_rule tls[] = {
#include "sandbox/profiles/tls.def"
};
static const struct filter_rule gate[] = {
#include "sandbox/profiles/gate.def"
};
static const struct filter_rule signer[] = {
#include "sandbox/profiles/signer.def"
};
static const struct filter_rule audit[] = {
#include "sandbox/profiles/audit.def"
};
static const struct filter_rule fetcher[] = {
#include "sandbox/profiles/fetcher.def"
};
static const struct filter_rule module_rules[] = {
#include "sandbox/profiles/signer_module.def"
};
#undef S

static const struct filter filters[ROLE_COUNT] = {
    [ROLE_BROKER] = {"broker", false, broker, COUNT(broker)},
    [ROLE_TLS] = {"tls", false, tls, COUNT(tls)},
    [ROLE_GATE] = {"gate", false, gate, COUNT(gate)},
    [ROLE_SIGNER] = {"signer", false, signer, COUNT(signer)},
    [ROLE_AUDIT] = {"audit", false, audit, COUNT(audit)},
    [ROLE_FETCHER] = {"fetcher", false, fetcher, COUNT(fetcher)},
};
static const struct filter with_module = {"signer with a PKCS#11 module", true,
                                          module_rules, COUNT(module_rules)};

const struct filter *filter_of(enum role role, bool module)
{
    return module && role == ROLE_SIGNER ? &with_module : &filters[role];
}

/* What is made most often stands first in the tables, and so does its test. */
static int add(scmp_filter_ctx ctx, uint32_t action, const struct filter_rule *r,
               size_t place)
{
    const uint8_t priority = place < UINT8_MAX ? (uint8_t)(UINT8_MAX - place) : 0;
    struct scmp_arg_cmp test[FILTER_TESTS];
    unsigned int n = 0;
    int status;

    for (size_t i = 0; i < FILTER_TESTS; i++) {
        const struct filter_test *t = &r->test[i];

        if (t->mask != 0)
            test[n++] =
                (struct scmp_arg_cmp){t->arg, SCMP_CMP_MASKED_EQ, t->mask, t->want};
    }
    status = seccomp_rule_add_exact_array(ctx, action, r->number, n, test);
    return status == 0 ? seccomp_syscall_priority(ctx, r->number, priority) : status;
}

/* The program as the kernel takes it, by way of a file, as libseccomp gives it no other.
 */
static int take(scmp_filter_ctx ctx, struct sock_filter *out, size_t cap, size_t *count)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int status = fd >= 0 ? seccomp_export_bpf(ctx, fd) : -errno;
    off_t size = status == 0 ? lseek(fd, 0, SEEK_END) : 0;

    if (status == 0 && (size <= 0 || (size_t)size > cap * sizeof *out ||
                        pread(fd, out, (size_t)size, 0) != size))
        status = -EFBIG;
    *count = (size_t)size / sizeof *out;
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* A trap does not make the call either, and lets the process say which one it was.
 * Calls of another architecture (i386, x32) end it without a word. */
bool filter_compile(const struct filter *f, struct sock_filter *out, size_t cap,
                    size_t *count)
{
    uint32_t forbidden = SCMP_ACT_TRAP;
    uint32_t allowed = SCMP_ACT_ALLOW;
    scmp_filter_ctx ctx;
    int status;

    /* What the kernel of the build knows is of no account. */
    (void)seccomp_api_set(KILL_PROCESS_API);
    ctx = seccomp_init(f->denies ? allowed : forbidden);
    if (!ctx) {
        errno = ENOMEM;
        return false;
    }
    status = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; status == 0 && i < f->count; i++)
        status = add(ctx, f->denies ? forbidden : allowed, &f->rule[i], i);
    if (status == 0)
        status = take(ctx, out, cap, count);
    seccomp_release(ctx);
    errno = -status;
    return status == 0;
}
