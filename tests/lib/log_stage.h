/* A log that is written and rotated by a test, in a folder of its own. */
#ifndef GATE104_TESTS_LIB_LOG_STAGE_H
#define GATE104_TESTS_LIB_LOG_STAGE_H

#include "proxy/audit_hash.h"

#define LOG_STAGE_BOOT "00000001"

struct log_stage {
    char dir[64];
    int dir_fd;
    int file;
    uint64_t seq; /* of the last line */
    uint8_t prev[AUDIT_HASH_SIZE];
};

void log_stage_begin(struct log_stage *s);
void log_stage_end(struct log_stage *s);
/* Adds a line; it is born at 1000 * seq ms.  `members`: ,"key":value... */
void log_stage_line(struct log_stage *s, const char *event, const char *severity,
                    const char *members);
void log_stage_lines(struct log_stage *s, unsigned int count);
/* As the writer does it: the file gets its first number, the next one begins. */
void log_stage_rotate(struct log_stage *s, uint64_t first);
/* For struct audit_follow; ctx is the stage. */
uint64_t log_stage_rotated(void *ctx, uint64_t want);

#endif
