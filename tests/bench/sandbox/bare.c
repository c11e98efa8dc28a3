/* In place of what is in sandbox/ by these names, for programs that are only to be
 * measured: the roles change their user and close what is not theirs, and that is all. */
#include "sandbox/attest.h"
#include "sandbox/empty_net.h"
#include "sandbox/enter.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool sandbox_enter(const struct sandbox_config *c, char *err, size_t errcap)
{
    unsigned int last = 0;

    for (size_t i = 0; i < c->keep_count; i++)
        last = (unsigned int)c->keep[i] > last ? (unsigned int)c->keep[i] : last;
    if (close_range(last + 1, ~0u, 0) == 0 &&
        (c->uid == 0 ||
         (setgroups(0, NULL) == 0 && setgid(c->gid) == 0 && setuid(c->uid) == 0)))
        return true;
    (void)snprintf(err, errcap, "bare: %s", strerror(errno));
    return false;
}

int empty_net_make(void)
{
    return -1;
}

bool attest(const char *proc, pid_t pid, const struct attest_want *want,
            unsigned int *missing, char *err, size_t errcap)
{
    (void)proc;
    (void)pid;
    (void)want;
    (void)errcap;
    err[0] = '\0';
    *missing = 0;
    return true;
}
