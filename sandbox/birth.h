/* The namespaces in which a role is born, which it could not enter later: a process
 * namespace takes in children only, and a user namespace is what lets an ordinary user's
 * processes make the others (sandbox/alone.h).  Monitor only. */
#ifndef GATE104_SANDBOX_BIRTH_H
#define GATE104_SANDBOX_BIRTH_H

#include <stdbool.h>
#include <sys/types.h>

/* A set of these. */
#define BIRTH_PIDS  1u /* it is process 1, and sees no other */
#define BIRTH_USERS 2u /* it may make namespaces, for itself alone */

/* Which of them this process may give: it tries.  Root gives no BIRTH_USERS, since it
 * needs none. */
unsigned int birth_possible(void);

/* As fork(). */
pid_t birth_fork(unsigned int set);
/* In the child, before it executes its program: with BIRTH_USERS it stays the user it is,
 * and its program begins with what sandbox_enter() needs and gives up.  False: it must
 * end. */
bool birth_settle(unsigned int set, uid_t uid, gid_t gid);

#endif
