/* The filter of each role as data: its program is asked about every number, for every
 * architecture and with all manner of arguments, and what it lets through is written down
 * in tests/golden/sandbox/, where a change shows in review.
 * build/unit/sandbox_bpf_test --write makes these files anew. */
#include "sandbox/filter.h"
#include "sandbox/filter_load.h"

#include "tests/lib/bpf_allows.h"

#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER  "tests/golden/sandbox"
#define NUMBERS 600 /* beyond those of any kernel; 512 to 547 were made for x32 */
#define X32     0x40000000
#define NOBODYS 999 /* no system call */

static const struct {
    const char *name;
    uint32_t arch;
    int first;
} architectures[] = {
    {"x86_64", AUDIT_ARCH_X86_64, 0},     {"x32", AUDIT_ARCH_X86_64, X32},
    {"i386", AUDIT_ARCH_I386, 0},         {"aarch64", AUDIT_ARCH_AARCH64, 0},
    {"arm", AUDIT_ARCH_ARM, 0},           {"riscv64", AUDIT_ARCH_RISCV64, 0},
    {"ppc64le", AUDIT_ARCH_PPC64LE, 0},   {"s390x", AUDIT_ARCH_S390X, 0},
    {"mips64el", AUDIT_ARCH_MIPSEL64, 0}, {"none", 0, 0},
};

#define ARCHITECTURES (sizeof architectures / sizeof architectures[0])

static uint64_t sample[256];
static struct bpf_samples samples = {sample, 0};

static void add_sample(uint64_t v)
{
    for (size_t i = 0; i < samples.count; i++) {
        if (sample[i] == v)
            return;
    }
    assert_true(samples.count < sizeof sample / sizeof sample[0]);
    sample[samples.count++] = v;
}

/* Small numbers, each bit, the ends, and what the tables ask for with its neighbours.  To
 * flip each bit of what was let through is the business of bpf_look(). */
static int make_samples(void **state)
{
    (void)state;
    for (uint64_t v = 0; v < 32; v++)
        add_sample(v);
    for (unsigned int bit = 5; bit < 34; bit++)
        add_sample(1ull << bit);
    add_sample(1ull << 63);
    add_sample(UINT32_MAX);
    add_sample(UINT64_MAX);
    add_sample(INT32_MAX);
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        const struct filter *f = filter_of((enum role)role, false);

        for (size_t i = 0; i < f->count * FILTER_TESTS; i++) {
            const struct filter_test *t =
                &f->rule[i / FILTER_TESTS].test[i % FILTER_TESTS];

            add_sample(t->want);
            add_sample(t->want + 1ull);
            add_sample(t->want - 1ull);
            add_sample(t->want | 1ull << 32);
        }
    }
    return 0;
}

static const struct filter_program *program_of(unsigned int slot)
{
    assert_true(filter_programs[slot].count > 0);
    return &filter_programs[slot];
}

static const struct filter *table_of(unsigned int slot)
{
    return slot == FILTER_WITH_MODULE ? filter_of(ROLE_SIGNER, true)
                                      : filter_of((enum role)slot, false);
}

static const char *word_of(uint32_t verdict)
{
    static char other[16];

    switch (verdict) {
    case SECCOMP_RET_ALLOW: return "allow";
    case SECCOMP_RET_TRAP: return "trap";
    case SECCOMP_RET_KILL_PROCESS: return "kill";
    default: break;
    }
    (void)snprintf(other, sizeof other, "0x%08x", verdict);
    return other;
}

static uint32_t verdict_of(unsigned int slot, uint32_t arch, int number,
                           const uint64_t args[BPF_ARGS])
{
    const struct filter_program *p = program_of(slot);
    struct seccomp_data data = {.nr = number, .arch = arch};
    struct bpf_result r;

    memcpy(data.args, args, sizeof data.args);
    assert_true(bpf_run(p->op, p->count, &data, &r));
    return r.verdict;
}

static const char *name_of(const struct filter *f, int number)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->rule[i].number == number)
            return f->rule[i].call;
    }
    return "?";
}

static void put_pattern(FILE *out, const struct bpf_pattern *p, uint64_t args[BPF_ARGS])
{
    for (size_t k = 0; k < BPF_ARGS; k++) {
        args[k] = p->value[k];
        if (p->mask[k] != 0)
            (void)fprintf(out, " a%zu=0x%llx/0x%llx", k, (unsigned long long)p->value[k],
                          (unsigned long long)p->mask[k]);
    }
}

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct bpf_pattern));
}

static void put_number(FILE *out, unsigned int slot, size_t arch, int number,
                       uint32_t common)
{
    const struct filter_program *p = program_of(slot);
    struct bpf_number n;
    enum bpf_sight sight =
        bpf_look(p->op, p->count, architectures[arch].arch, number, common, &samples, &n);

    if (sight != BPF_SEEN)
        fail_msg("%s: system call %d: %s", table_of(slot)->name, number,
                 sight == BPF_BROKEN ? "cannot be run" : "has no simple form");
    qsort(n.pattern, n.count, sizeof n.pattern[0], by_value);
    for (size_t i = 0; i < n.count; i++) {
        uint64_t args[BPF_ARGS];

        (void)fprintf(out, "%s %d %s", architectures[arch].name,
                      number - architectures[arch].first,
                      name_of(table_of(slot), number));
        put_pattern(out, &n.pattern[i], args);
        (void)fprintf(out, " %s\n",
                      word_of(verdict_of(slot, architectures[arch].arch, number, args)));
    }
}

/* Owned by the caller. */
static char *listing(unsigned int slot)
{
    static const uint64_t zero[BPF_ARGS];
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    (void)fprintf(out,
                  "# The filter of %s: for each architecture what it does, and for what\n"
                  "# it does something else.  aN=V/M: of argument N the bits M are V.\n",
                  table_of(slot)->name);
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        const int first = architectures[i].first;
        uint32_t common = verdict_of(slot, architectures[i].arch, first + NOBODYS, zero);

        (void)fprintf(out, "%s * %s\n", architectures[i].name, word_of(common));
        for (int number = 0; number < NUMBERS; number++)
            put_number(out, slot, i, first + number, common);
        put_number(out, slot, i, first + 0x3fffffff, common);
    }
    (void)fclose(out);
    return text;
}

static const char *file_of(unsigned int slot)
{
    static char path[80];

    (void)snprintf(path, sizeof path, FOLDER "/%s.txt",
                   slot == FILTER_WITH_MODULE ? "signer_module" : role_name(slot));
    return path;
}

static void show_difference(const char *have, const char *want)
{
    size_t line = 1;

    for (; *have && *have == *want; have++, want++)
        line += *have == '\n';
    while (*have && have[-1] != '\n' && want[-1] != '\n') {
        have--;
        want--;
    }
    print_message("# line %zu: the file has \"%.*s\", the filter \"%.*s\"\n", line,
                  (int)strcspn(have, "\n"), have, (int)strcspn(want, "\n"), want);
}

static void test_golden(void **state)
{
    const unsigned int slot = *(const unsigned int *)*state;
    static char have[32768];
    FILE *f = fopen(file_of(slot), "re");
    size_t n = f ? fread(have, 1, sizeof have - 1, f) : 0;
    char *want = listing(slot);

    have[n] = '\0';
    if (f)
        (void)fclose(f);
    if (strcmp(have, want) != 0) {
        show_difference(have, want);
        fail_msg("%s is not of this filter: build/unit/sandbox_bpf_test --write",
                 file_of(slot));
    }
    free(want);
}

/* What is loaded is what libseccomp makes of the tables as they are now. */
static void test_programs_are_of_the_tables(void **state)
{
    (void)state;
    for (unsigned int slot = 0; slot < ROLE_COUNT; slot++) {
        static struct sock_filter op[FILTER_OPS_MAX];
        const struct filter_program *p = program_of(slot);
        size_t count;

        assert_true(filter_compile(table_of(slot), op, FILTER_OPS_MAX, &count));
        assert_int_equal(p->count, count);
        assert_memory_equal(p->op, op, count * sizeof op[0]);
    }
}

/* -1 is how the kernel marks a call that is not to be made; versions of libseccomp differ
 * in what they say to it. */
static void test_negative_numbers(void **state)
{
    static const uint64_t zero[BPF_ARGS];
    static const int numbers[] = {-1, -2, -4095, INT32_MIN, INT32_MIN + 1};

    (void)state;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            for (size_t k = 0; k < ARCHITECTURES; k++)
                assert_int_not_equal(
                    verdict_of(role, architectures[k].arch, numbers[i], zero),
                    SECCOMP_RET_ALLOW);
        }
    }
}

/* The interpreter itself, where filters do not take it. */
static void test_what_is_no_program(void **state)
{
    static const struct sock_filter endless[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    static const struct sock_filter beyond[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    static const struct sock_filter odd[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    static const struct sock_filter far[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 7, 7),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    static const struct sock_filter strange[] = {
        BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct seccomp_data data = {.nr = 0};
    struct bpf_result r;

    (void)state;
    assert_false(bpf_run(endless, 1, &data, &r));
    assert_false(bpf_run(beyond, 2, &data, &r));
    assert_false(bpf_run(odd, 2, &data, &r));
    assert_false(bpf_run(far, 2, &data, &r));
    assert_false(bpf_run(strange, 2, &data, &r));
    assert_true(bpf_run(far + 1, 1, &data, &r));
    assert_int_equal(r.verdict, SECCOMP_RET_ALLOW);
}

static int write_all(void)
{
    (void)make_samples(NULL);
    for (unsigned int slot = 0; slot < ROLE_COUNT; slot++) {
        char *text = listing(slot);
        FILE *f = fopen(file_of(slot), "we");

        if (!f)
            return 1;
        (void)fputs(text, f);
        free(text);
        if (fclose(f) != 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static unsigned int slots[ROLE_COUNT];
    struct CMUnitTest tests[ROLE_COUNT + 3] = {
        [ROLE_COUNT] = cmocka_unit_test(test_programs_are_of_the_tables),
        [ROLE_COUNT + 1] = cmocka_unit_test(test_negative_numbers),
        [ROLE_COUNT + 2] = cmocka_unit_test(test_what_is_no_program),
    };

#ifndef __x86_64__
    (void)printf("1..0 # SKIP what is written down is for x86_64\n");
    return 0;
#endif
    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_all();
    for (unsigned int slot = 0; slot < ROLE_COUNT; slot++) {
        slots[slot] = slot;
        tests[slot] = (struct CMUnitTest){
            slot == FILTER_WITH_MODULE ? "signer with module" : role_name(slot),
            test_golden, NULL, NULL, &slots[slot]};
    }
    return cmocka_run_group_tests_name("sandbox bpf", tests, make_samples, NULL);
}
