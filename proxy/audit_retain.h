/* Which older files may go, and their end: the oldest first, a whole file or nothing, and
 * only after a record on disk says which it was.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_RETAIN_H
#define GATE104_PROXY_AUDIT_RETAIN_H

#include "proxy/audit_digest.h"
#include "proxy/audit_time.h"

struct audit_log;

struct audit_retain {
    struct audit_calendar calendar;
    struct audit_digest digest; /* of the oldest file, while it is read */
    uint64_t told_seq;          /* first_seq of a file whose end is in the log; 0: none */
    uint64_t failed_ms;         /* the last attempt failed then; 0: it did not */
    /* Records from this number on must be kept: they have not left the machine yet.
     * UINT64_MAX, as at the start: none. */
    uint64_t keep_from_seq;
};

/* Does a bounded part of the work.  True: there is more to do at once. */
bool audit_retain_step(struct audit_log *l);

#endif
