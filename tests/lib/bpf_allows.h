/* What a filter lets through, found by asking it and written in one form whatever the
 * order of its instructions: for each number the patterns of arguments,
 * "a0=0x2/0xffffffff" (of argument 0 the bits under the mask have this value). */
#ifndef GATE104_TESTS_BPF_ALLOWS_H
#define GATE104_TESTS_BPF_ALLOWS_H

#include "tests/lib/bpf.h"

#define BPF_ARGS     6
#define PATTERNS_MAX 16

struct bpf_pattern {
    uint64_t value[BPF_ARGS];
    uint64_t mask[BPF_ARGS]; /* of the bits that matter */
};

/* The calls of one number that do not get the verdict which `common` is. */
struct bpf_number {
    struct bpf_pattern pattern[PATTERNS_MAX];
    size_t count;
};

/* What arguments are tried with, beside what is found: every value for every argument,
 * and every pair of them. */
struct bpf_samples {
    const uint64_t *value;
    size_t count;
};

enum bpf_sight {
    BPF_SEEN,
    BPF_BROKEN,   /* bpf_run() could not run it */
    BPF_NO_FORM,  /* no patterns describe what it does */
    BPF_TOO_MANY, /* more than PATTERNS_MAX */
};

enum bpf_sight bpf_look(const struct sock_filter *op, size_t count, uint32_t arch,
                        int number, uint32_t common, const struct bpf_samples *samples,
                        struct bpf_number *out);

/* Whether the patterns have these arguments in them. */
bool bpf_matches(const struct bpf_number *n, const uint64_t args[BPF_ARGS]);

#endif
