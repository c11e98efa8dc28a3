/* The one way into a role's sandbox. */
#ifndef GATE104_SANDBOX_ENTER_H
#define GATE104_SANDBOX_ENTER_H

#include "sandbox/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox_config {
    enum role role;
    /* The user to become when started as root; 0/0 when already unprivileged. */
    uid_t uid;
    gid_t gid;
    /* Descriptors to keep, in any order; every other one is closed. */
    int *keep; /* will be sorted; at least one */
    size_t keep_count;
    /* Largest number of descriptors the role may hold at work. */
    unsigned int max_fds;
    /* The only TCP ports it may connect to. */
    const uint16_t *port;
    size_t port_count;
    /* The only folder it may reach, to write; 0: none. */
    int folder;
    /* Where a forbidden system call is told (sandbox/trap.h); 0: nowhere. */
    int note_fd;
    /* A PKCS#11 module was loaded, which needs what no table could say. */
    bool module;
    /* Was put into an empty network before it began. */
    bool moved;
};

/* Gives up, for good, what the role does not need, in this order: unknown descriptors,
 * standard error (it becomes what standard input is, /dev/null), as root network, ipc,
 * uts and the files (sandbox/alone.h), swapping (signer), resource limits, groups, gid,
 * uid, capabilities (effective, permitted, inheritable, ambient and bounding),
 * no_new_privs, dumpable; asks the kernel to end this process when the monitor ends (not
 * audit, which ends by itself after its last record); Landlock; at last system calls. To
 * be called once, single-threaded, after initialisation and before the first octet from
 * outside.  On failure gives false and a sentence in err: the process must end. */
bool sandbox_enter(const struct sandbox_config *config, char *err, size_t errcap);

/* The two parts of it, so that each wall can be tried without the other: everything but
 * the filter, and the filter. */
bool sandbox_enter_walls(const struct sandbox_config *config, char *err, size_t errcap);
bool sandbox_enter_filter(const struct sandbox_config *config, char *err, size_t errcap);

#endif
