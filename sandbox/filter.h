/* The system calls of each role: one table (sandbox/profiles/).  A call outside it is not
 * made and ends the process; see sandbox/trap.h.  Roles do not carry these tables: the
 * build compiles them by libseccomp (sandbox/make/programs.c), and a role loads what came
 * of its own (sandbox/filter_load.h). */
#ifndef GATE104_SANDBOX_FILTER_H
#define GATE104_SANDBOX_FILTER_H

#include "sandbox/role.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one argument: (value & mask) == want; a mask of 0 is no test.  Only its lower 32
 * bits are looked at, as the kernel takes no more of any argument that is named in a
 * table. */
struct filter_test {
    uint8_t arg;
    uint32_t mask;
    uint32_t want;
};

#define FILTER_TESTS 3

struct filter_rule {
    int number;                            /* of the system call */
    const char *call;                      /* its name */
    struct filter_test test[FILTER_TESTS]; /* all of them hold */
    const char *condition;                 /* the same in words, as in the table */
    const char *why;
};

struct filter {
    const char *name;
    bool denies; /* the table says what is forbidden; everything else is allowed */
    const struct filter_rule *rule;
    size_t count;
};

/* The filter of a role.  `module`: a signer into which a PKCS#11 module was loaded. */
const struct filter *filter_of(enum role role, bool module);

/* More instructions than any table becomes. */
#define FILTER_OPS_MAX 1024u

/* The program of a table, at most `cap` instructions.  The same on every machine of the
 * architecture with the same libseccomp.  False with errno.  For the build and tests. */
bool filter_compile(const struct filter *f, struct sock_filter *out, size_t cap,
                    size_t *count);

/* "openat" for 257; "unknown" if there is none.  Gives `out`.  For others than roles. */
const char *filter_call_name(int number, char *out, size_t cap);

#endif
