/* Whether the times of two records that follow each other fit: what moves UTC against the
 * monotonic clock must be in the log, in front of the first record that it stamped. Pure;
 * CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_TIME_H
#define GATE104_PROXY_AUDIT_VERIFY_TIME_H

#include "proxy/audit_envelope.h"

#define AUDIT_TIME_SLACK_MS 1000

struct audit_time_mark {
    bool known;
    int64_t utc_ms;
    uint64_t mono_ms;
    char boot[AUDIT_BOOT_SIZE + 1];
};

/* Milliseconds since 1970 of a time in the form of an envelope.  False if the calendar
 * has no such time. */
bool audit_time_read(const char *time, int64_t *ms);
/* Takes the next record.  False: `why` says what does not fit. */
bool audit_time_take(struct audit_time_mark *c, const struct audit_envelope *e, char *why,
                     size_t cap);

#endif
