/* Reads a log line by line, in bounded memory, whatever the file holds.  CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_READER_H
#define GATE104_PROXY_AUDIT_READER_H

#include "proxy/audit_envelope.h"

enum audit_read {
    AUDIT_READ_LINE,  /* a whole line, newline included */
    AUDIT_READ_LONG,  /* a line longer than AUDIT_LINE_MAX; it was skipped */
    AUDIT_READ_TORN,  /* the end of the file, without newline */
    AUDIT_READ_END,   /* nothing (more) yet */
    AUDIT_READ_ERROR, /* errno */
};

struct audit_reader {
    int fd;         /* borrowed */
    uint64_t line;  /* number of the line given last, from 1 */
    uint64_t taken; /* octets given and skipped */
    size_t begin, end;
    char buf[16u * AUDIT_LINE_MAX];
};

void audit_reader_init(struct audit_reader *r, int fd);
/* The next line; *text points into the reader until the next call.  AUDIT_READ_TORN
 * gives what there is and may be asked again: it is a line once the newline has come. */
enum audit_read audit_reader_next(struct audit_reader *r, const char **text, size_t *n);

#endif
