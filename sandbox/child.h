/* What every role process does the same way: take its configuration from the monitor,
 * enter the sandbox, say READY, wait for START, then serve its loop until STOP or until
 * the monitor is gone. */
#ifndef GATE104_SANDBOX_CHILD_H
#define GATE104_SANDBOX_CHILD_H

#include "sandbox/imsg.h"
#include "sandbox/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The descriptor on which the monitor hands a role its control channel. */
#define CHILD_CONTROL_FD 3

struct child;

struct child_ops {
    enum role role;
    unsigned int max_fds;
    /* Reads the configuration (hostile in form, trusted in content).  May still open
     * files. Descriptors that must survive the sandbox are named with child_keep().
     * False: the process ends; it has said why with child_log(). */
    bool (*init)(struct child *c, const uint8_t *cfg, size_t len);
    /* After START.  May be NULL. */
    void (*start)(struct child *c);
    /* A new channel to `peer`/`id`; takes `fd`.  NULL: the role has none. */
    void (*channel)(struct child *c, enum role peer, uint32_t id, int fd);
    /* A message of the monitor that is not of the common ones (RECORD of the monitor to
     * audit, RECORD_ACK, ...).  IMSG_BAD when a field is wrong.  NULL: none is expected.
     */
    enum imsg_status (*message)(struct child *c, struct imsg *m);
    /* STOP has come: wind up, then call loop_stop(&c->loop) when done. */
    void (*stop)(struct child *c);
    /* The monitor is gone or misbehaves; the process exits after this.  May be NULL. */
    void (*orphan)(struct child *c);
};

struct child {
    const struct child_ops *ops;
    struct loop loop;
    struct imsg_channel control;
    struct loop_watch control_watch;
    char name[24]; /* "gate-0": role and number, for the operator's log */
    uint32_t id;
    uid_t uid;
    gid_t gid;
    bool moved; /* the monitor has put it into an empty network */
    int *keep;
    size_t keep_count, keep_size;
    bool keep_failed;
    unsigned int max_fds; /* init() may raise it by what the configuration asks for */
    int folder;           /* init(): the one folder to write in, kept; 0: none */
    bool module;          /* init(): a PKCS#11 module was loaded */
    uint16_t *port;       /* child_dials() */
    size_t port_count, port_size;
    struct imsg scratch; /* for receiving; one message at a time */
};

/* main() of a role: argv = {program, id, uid, gid, moved}.  Gives the exit status. */
int child_main(int argc, char **argv, const struct child_ops *ops, struct child *c);

/* To be called from init(): `fd` stays open in the sandbox. */
void child_keep(struct child *c, int fd);

/* To be called from init(): `port` is one that the role connects to in the sandbox. */
void child_dials(struct child *c, uint16_t port);

/* A line for the operator.  It goes through the monitor, which says whose it is: a role
 * has no terminal and no journal to write to.  Not evidence. */
__attribute__((format(printf, 2, 3))) void child_log(struct child *c, const char *fmt,
                                                     ...);

/* Tells the monitor that `ch` broke the catalogue (ch->fault, ch->fault_type), closes it
 * and removes its watch. */
void child_violation(struct child *c, struct imsg_channel *ch, struct loop_watch *w);

#endif
