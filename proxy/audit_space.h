/* Room for the log: how full its file system is, and a reserve that belongs to the file
 * in use already, so that it can be written to when all else is taken.
 *
 * The reserve is allocated behind the end of the file without changing its size: nobody
 * else can take it, and appending uses it up.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_SPACE_H
#define GATE104_PROXY_AUDIT_SPACE_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stdint.h>

struct audit_log;

struct audit_space {
    enum log_pressure level; /* what gates are told */
    enum log_reserve reserve;
    bool known;            /* what is allocated */
    uint64_t allocated_to; /* offset in the file in use */
    unsigned int used;     /* percent of the file system */
    bool blind;            /* it does not say */
    bool told_used;        /* that the reserve is in use */
};

/* Keeps the reserve in front of what is written; after each commit. */
void audit_space_reserve(struct audit_log *l);
/* The file was opened anew or cut: what was allocated behind its end may be gone. */
void audit_space_forget(struct audit_log *l);
/* Looks at the file system and tells of changes; now and then. */
void audit_space_check(struct audit_log *l);
/* Octets that are left of the reserve. */
uint64_t audit_space_left(const struct audit_log *l);

/* The level for `used` percent after `level`: it rises at 80, 90 and 95 %, and falls only
 * below 78, 88 and 93 %, so that it does not flutter.  Pure. */
enum log_pressure audit_space_level(enum log_pressure level, unsigned int used);

#endif
