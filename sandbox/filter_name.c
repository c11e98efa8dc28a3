/* Apart from filter.c, so that roles do not carry the names. */
#include "sandbox/filter.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

const char *filter_call_name(int number, char *out, size_t cap)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

    (void)snprintf(out, cap, "%s", name ? name : "unknown");
    free(name);
    return out;
}
