/* The times that rotation and retention go by.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_TIME_H
#define GATE104_PROXY_AUDIT_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970 of a record's "time"; 0 when it is none. */
int64_t audit_time_ms(const char *text);
int64_t audit_time_utc_ms(void);
uint64_t audit_time_mono_ms(void);

/* The time by which files grow old.  A clock that is set forward, by mistake or by
 * somebody who wants the log to forget, must not make all of them old at once: such a
 * step counts only after it has lasted a day, in which it is seen.  A step back counts at
 * once, it only keeps files longer. */
struct audit_calendar {
    bool started;
    int64_t utc_ms; /* as believed at mono_ms */
    uint64_t mono_ms;
    uint64_t ahead_since_ms; /* 0: the clock is not ahead */
};

#define AUDIT_CALENDAR_DAY_MS 86400000u

/* Gives the believed time; utc_ms and mono_ms are what the clocks say now. */
int64_t audit_calendar(struct audit_calendar *c, int64_t utc_ms, uint64_t mono_ms);

#endif
