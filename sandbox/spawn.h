/* Starting a role: fork and exec of its own executable, so that nothing of the monitor's
 * memory is inherited.  Monitor only. */
#ifndef GATE104_SANDBOX_SPAWN_H
#define GATE104_SANDBOX_SPAWN_H

#include "sandbox/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spawn_request {
    const char *program; /* absolute path */
    uint32_t id;
    uid_t uid; /* the user the role shall become; 0 when unprivileged */
    gid_t gid;
    int control_fd; /* becomes CHILD_CONTROL_FD; stays open here */
    int net_fd;     /* the network to put it into (sandbox/empty_net.h); 0: it stays */
    unsigned int birth; /* namespaces it is born in, of sandbox/birth.h */
};

/* The new process, or -1 with errno.  It is leader of a
 * session of its own, without a terminal; it gets an empty environment, /dev/null as
 * standard input and output, our standard error, its control channel, and nothing else.
 */
pid_t spawn_role(const struct spawn_request *r);

/* Finds the executable of a role: beside the running program (a build tree), in
 * ../libexec/gate104 from there (an installation), or where it was built to be installed.
 * False if neither can be executed. */
bool spawn_find(enum role role, char *path, size_t cap);

#endif
