/* Runs a classic BPF program over the data of one system call, as the kernel would
 * (linux/seccomp.h): what a filter decides can so be asked without making the call. */
#ifndef GATE104_TESTS_BPF_H
#define GATE104_TESTS_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_result {
    uint32_t verdict; /* SECCOMP_RET_... */
    bool arguments;   /* an argument was looked at on the way */
};

/* False: the program has an instruction that is not known here, leaves itself or its
 * data, or does not end; the kernel would not have taken it, or this is to be extended.
 */
bool bpf_run(const struct sock_filter *op, size_t count, const struct seccomp_data *data,
             struct bpf_result *out);

#endif
