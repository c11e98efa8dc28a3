/* The system call filter of this process, from a program that the build made of the
 * role's table (sandbox/filter.h). */
#ifndef GATE104_SANDBOX_FILTER_LOAD_H
#define GATE104_SANDBOX_FILTER_LOAD_H

#include "sandbox/role.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct filter_program {
    const struct sock_filter *op;
    size_t count;
};

/* Where that of a signer with a PKCS#11 module stands: the monitor has no filter. */
#define FILTER_WITH_MODULE ROLE_MONITOR

/* Made by the build, by role. */
extern const struct filter_program filter_programs[ROLE_COUNT];

/* For good, for this process.  `module`: a signer into which a PKCS#11 module was loaded.
 * Needs no_new_privs.  False with errno. */
bool filter_load(enum role role, bool module);

#endif
