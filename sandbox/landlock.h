/* Landlock: what of the file system and the network a process may still reach by itself.
 * What the kernel does not know is left out; sandbox/layers.h says so to the operator. */
#ifndef GATE104_SANDBOX_LANDLOCK_H
#define GATE104_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Versions of the kernel's interface from which on it has: */
#define LANDLOCK_FILES 1 /* files */
#define LANDLOCK_TCP   4 /* bind and connect */
#define LANDLOCK_SCOPE 6 /* abstract sockets and signals */

/* 0: none, or switched off. */
int landlock_abi(void);

struct landlock_want {
    int folder; /* descriptor of the only folder it may reach, to write; -1: none */
    const uint16_t *port; /* the only ports it may connect to; none to bind */
    size_t port_count;
};

/* For good, for this process.  Needs no_new_privs.  Does what `abi` knows, nothing if it
 * is 0.  False with errno. */
bool landlock_enter(const struct landlock_want *want, int abi);

#endif
