/* A process that does what it is told, to see what it still can; for tests only. */
#ifndef GATE104_TESTS_LIB_PRISONER_H
#define GATE104_TESTS_LIB_PRISONER_H

#include "sandbox/enter.h"

#include <sys/types.h>

enum prisoner_order {
    PRISONER_QUIT = 1,
    PRISONER_DUMPABLE,    /* PR_GET_DUMPABLE */
    PRISONER_DEATHSIG,    /* PR_GET_PDEATHSIG */
    PRISONER_NONEWPRIVS,  /* PR_GET_NO_NEW_PRIVS */
    PRISONER_FORK,        /* fork(): 0 or errno */
    PRISONER_BECOME_ROOT, /* setuid(0), seteuid(0) or setresuid(0,0,0): 0 or errno */
    PRISONER_TAKE_GROUP,  /* setgroups({0}): 0 or errno */
    PRISONER_HOLDS,       /* 1 if `arg` is an open descriptor */
    PRISONER_COUNT_FDS,   /* open descriptors below 1024 */
    PRISONER_OPEN_MANY,   /* how many dup() it can make until one fails */
    PRISONER_WRITE,       /* an octet to descriptor `arg`: 0 or errno */
    PRISONER_LIMIT,       /* soft limit of resource `arg` */
    PRISONER_HARD_LIMIT,  /* hard limit of resource `arg` */
    PRISONER_RAISE_LIMIT, /* both limits of `arg` to 1: 0 or errno */
    PRISONER_NULL_STDERR, /* 1 if standard error is what standard input is: /dev/null */
    PRISONER_PIPE_SIGNAL, /* 1 if SIGPIPE is ignored */
};

struct prisoner {
    pid_t pid;     /* as it knows itself: of another namespace, if it was put there */
    int channel;   /* our end of its channel */
    int theirs;    /* number of that channel's end in the prisoner */
    char err[200]; /* what sandbox_enter_walls() said; "" if it succeeded */
};

/* Starts one.  `config` NULL: without a sandbox; else sandbox_enter_walls() is called
 * with it and with the prisoner's channel added to what is kept.  False: no process. */
bool prisoner_start(struct prisoner *p, const struct sandbox_config *config);
/* The same as the child of another process, whose pid is *between: it sleeps until it is
 * killed.  `new_pids`: the other process is number 1 of a new pid namespace. */
bool prisoner_start_behind(struct prisoner *p, const struct sandbox_config *config,
                           bool new_pids, pid_t *between);
/* Gives an order and waits for the answer; PRISONER_GONE if it is not there any more. */
#define PRISONER_GONE (-1000000L)
long prisoner_do(const struct prisoner *p, enum prisoner_order order, long arg);
/* Waits until it is gone; false if it is still there after `ms`. */
bool prisoner_wait_gone(const struct prisoner *p, int ms);
void prisoner_end(struct prisoner *p);

#endif
