/* What a role is, seen from outside: /proc tells user, capabilities, filter, namespaces
 * and descriptors of a process without its help.  The monitor asks before it says START.
 */
#ifndef GATE104_SANDBOX_ATTEST_H
#define GATE104_SANDBOX_ATTEST_H

#include "sandbox/layers.h"
#include "sandbox/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ATTEST_NS_MAX 64u

struct attest_want {
    enum role role;
    bool root; /* the monitor is root, so the role has left root and its files */
    uid_t uid; /* what the role is to be */
    gid_t gid;
    unsigned int fds; /* descriptors it holds before START, exactly; 0: not known */
    bool module;      /* a signer with a PKCS#11 module */
    int landlock_abi; /* of this kernel */
    /* The network it was put into, as its /proc/PID/ns/net says it; "": none */
    char network[ATTEST_NS_MAX];
};

/* Looks at process `pid` below `proc` ("/proc"), in which "self" is who asks.
 * False: it is not what a role must be, `err` says what; it must not run.  True: it may,
 * and `missing` is the set of layers (enum layer) that it has not. */
bool attest(const char *proc, pid_t pid, const struct attest_want *want,
            unsigned int *missing, char *err, size_t errcap);

#endif
