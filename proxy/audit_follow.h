/* Reads the log from a position on, from file to file, as it is written and rotated.
 *
 * Files are opened below the log's folder, read with pread and left open: one that is
 * renamed meanwhile is read to its end.  What is in them may have been changed by others;
 * a line that is not the next of its chain is told as a break, and reading goes on behind
 * it.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_FOLLOW_H
#define GATE104_PROXY_AUDIT_FOLLOW_H

#include "proxy/audit_syslog.h"

/* Behind a record: all of it, up to here, is done. */
struct audit_place_in_log {
    uint64_t first;  /* number of the file's first record; 0: at no file yet */
    uint64_t offset; /* behind the record's line */
    uint64_t seq;    /* of the record; 0: none of this log yet */
    uint8_t hash[AUDIT_HASH_SIZE]; /* of its line */
};

enum audit_follow_result {
    AUDIT_FOLLOW_LINE,
    AUDIT_FOLLOW_NONE,  /* nothing more up to the limit; or the files cannot be read */
    AUDIT_FOLLOW_BREAK, /* records between the last and the next are not there */
};

struct audit_follow {
    int dir_fd; /* borrowed */
    int fd;     /* -1: none */
    struct audit_place_in_log at;
    uint64_t missing; /* of the last break: how many records; 0: not known */
    uint64_t stable;  /* limit when the buffer was filled */
    bool failed;      /* the last read */
    /* The smallest first number of a rotated file that is not below `want`; 0: none.
     * NULL: only the very next one is found. */
    uint64_t (*rotated)(void *ctx, uint64_t want);
    void *ctx;
    size_t begin, end;
    char buf[4u * AUDIT_LINE_MAX];
};

void audit_follow_init(struct audit_follow *f, int dir_fd);
/* From behind this place; {0} is the oldest record there is. */
void audit_follow_seek(struct audit_follow *f, const struct audit_place_in_log *at);
/* The next record, if its number is at most `limit`; points into the reader until the
 * next call.  f->at is then behind it.  A break says once that the next record does not
 * follow on the last. */
enum audit_follow_result audit_follow_next(struct audit_follow *f, uint64_t limit,
                                           struct audit_syslog_line *line);
void audit_follow_close(struct audit_follow *f);

#endif
