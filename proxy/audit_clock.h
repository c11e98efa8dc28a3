/* The two clocks of a record, and what is known of the one that people read.
 * Audit process. */
#ifndef GATE104_PROXY_AUDIT_CLOCK_H
#define GATE104_PROXY_AUDIT_CLOCK_H

#include "proxy/audit_envelope.h"
#include "sandbox/imsg.h"
#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* UTC that moved by more than this against the monotonic clock is told of. */
#define AUDIT_STEP_MS 500

struct audit_now {
    struct timespec utc;
    uint64_t mono_ms;
};

/* When the record before was made. */
struct audit_mark {
    bool known;     /* there is one */
    bool same_boot; /* its monotonic clock is ours */
    int64_t utc_ms;
    uint64_t mono_ms;
};

/* Which boot of the machine the monotonic clock belongs to, before the sandbox.  False:
 * the kernel does not say. */
bool audit_clock_boot(char out[AUDIT_BOOT_SIZE + 1]);
void audit_clock_read(struct audit_now *now);
void audit_clock_mark(struct audit_mark *m, const struct audit_now *now);
/* By how many milliseconds UTC moved since the mark, against the monotonic clock where
 * both are of one boot; without that only a step back can be seen.  0: not worth telling.
 */
int64_t audit_clock_step(const struct audit_mark *before, const struct audit_now *now);
/* MSG_LOG_CLOCK of the monitor.  False: it broke the rules. */
bool audit_clock_told(const struct imsg *m, enum log_clock *state);
/* "synchronized", "unsynchronized", "unknown". */
const char *audit_clock_word(enum log_clock state);

#endif
