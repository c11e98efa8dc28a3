/* Walks the chain of a log file.  CLI, tests; no JSON parser, no daemon parts. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_H
#define GATE104_PROXY_AUDIT_VERIFY_H

#include "proxy/audit_envelope.h"

/* Also the exit status of `gate104 log verify`. */
enum audit_state {
    AUDIT_STATE_OK = 0,
    AUDIT_STATE_TAMPERED = 1,
    AUDIT_STATE_INCOMPLETE = 2, /* a torn tail, nothing else */
    AUDIT_STATE_UNUSABLE = 3,
};

struct audit_verdict {
    enum audit_state state;
    /* When tampered: the first bad record, or the place where records are missing. */
    uint64_t bad_line; /* from 1 */
    uint64_t bad_seq;  /* 0: not readable */
    char why[160];
    uint64_t records; /* good ones in front of that */
    uint64_t octets;
    uint64_t torn; /* octets of a torn tail */
    struct audit_envelope first, last;
};

/* Reads the file from where it stands to its end.  `progress` (may be NULL) is called
 * with the octets done so far, every few MiB. */
void audit_verify(int fd, struct audit_verdict *v,
                  void (*progress)(void *ctx, uint64_t octets), void *ctx);

#endif
