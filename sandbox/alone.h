/* An empty root and namespaces of its own, where the process has the right to make them.
 */
#ifndef GATE104_SANDBOX_ALONE_H
#define GATE104_SANDBOX_ALONE_H

#include <stdbool.h>

struct alone_want {
    bool network; /* stays in the network it is in */
    bool files;   /* keeps the root it has */
};

/* To be called as root, or with the rights of sandbox/birth.h.  What the kernel refuses
 * stays as it is: attestation (sandbox/attest.h) looks from outside at what came of it.
 * False if something was refused. */
bool alone_enter(const struct alone_want *want);

#endif
