/* One network without an interface that is up, for all roles which need none: to make one
 * for each process costs more than all the rest of its sandbox, and the kernel as much
 * again to take it apart. */
#ifndef GATE104_SANDBOX_EMPTY_NET_H
#define GATE104_SANDBOX_EMPTY_NET_H

/* A descriptor of it, into which this process may put its children (sandbox/spawn.h); -1:
 * it may not, each role then tries by itself.  Monitor only; it stays where it is. */
int empty_net_make(void);

#endif
