#include "sandbox/filter_load.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

bool filter_load(enum role role, bool module)
{
    const struct filter_program *p =
        &filter_programs[module && role == ROLE_SIGNER ? FILTER_WITH_MODULE : role];
    /* The kernel's structure has no const; it only reads. */
    struct sock_fprog program = {(unsigned short)p->count, (struct sock_filter *)p->op};

    if (p->count == 0) {
        errno = ENOEXEC;
        return false;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
