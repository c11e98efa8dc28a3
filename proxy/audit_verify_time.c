#include "proxy/audit_verify_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEP_EVENT "system.time-step"
#define STEP_FROM  "audit-0"

static unsigned int two(const char *s)
{
    return (unsigned int)(s[0] - '0') * 10 + (unsigned int)(s[1] - '0');
}

static bool leap(unsigned int y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Days since 1 January of the year 1. */
static int64_t days_before(unsigned int y, unsigned int m)
{
    static const unsigned short before[] = {0,   31,  59,  90,  120, 151,
                                            181, 212, 243, 273, 304, 334};
    int64_t n = (int64_t)y - 1;

    return n * 365 + n / 4 - n / 100 + n / 400 + before[m - 1] + (m > 2 && leap(y));
}

bool audit_time_read(const char *time, int64_t *ms)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned int y = two(time) * 100 + two(time + 2);
    unsigned int m = two(time + 5), d = two(time + 8);
    unsigned int hour = two(time + 11), min = two(time + 14), s = two(time + 17);
    unsigned int milli = two(time + 20) * 10 + (unsigned int)(time[22] - '0');
    int64_t day;

    /* A leap second does not show in CLOCK_REALTIME. */
    if (y < 1 || m < 1 || m > 12 || d < 1 ||
        d > days[m - 1] + (m == 2 && leap(y) ? 1u : 0u) || hour > 23 || min > 59 ||
        s > 59)
        return false;
    day = days_before(y, m) + d - 1 - days_before(1970, 1);
    *ms = ((day * 24 + hour) * 60 + min) * INT64_C(60000) + s * INT64_C(1000) + milli;
    return true;
}

/* In one boot the two clocks run alike; over a restart UTC must still not step back. */
static bool fits(const struct audit_time_mark *c, const struct audit_envelope *e,
                 int64_t utc, char *why, size_t cap)
{
    bool told = strcmp(e->event, STEP_EVENT) == 0 && strcmp(e->from, STEP_FROM) == 0;
    bool same = strcmp(c->boot, e->boot) == 0;
    int64_t ran = same ? (int64_t)e->mono_ms - (int64_t)c->mono_ms : 0;
    int64_t moved = utc - c->utc_ms - ran;

    if (same && ran < -AUDIT_TIME_SLACK_MS) {
        (void)snprintf(why, cap, "the monotonic clock stepped back by %" PRId64 " ms",
                       -ran);
        return false;
    }
    if (told ||
        (moved >= -AUDIT_TIME_SLACK_MS && (!same || moved <= AUDIT_TIME_SLACK_MS)))
        return true;
    (void)snprintf(why, cap,
                   "the time stepped %s by %" PRId64 " ms, and no record " STEP_EVENT
                   " tells of it",
                   moved < 0 ? "back" : "forward", moved < 0 ? -moved : moved);
    return false;
}

bool audit_time_take(struct audit_time_mark *c, const struct audit_envelope *e, char *why,
                     size_t cap)
{
    int64_t utc;

    if (!audit_time_read(e->time, &utc)) {
        (void)snprintf(why, cap, "the calendar has no such time");
        return false;
    }
    if (c->known && !fits(c, e, utc, why, cap))
        return false;
    c->known = true;
    c->utc_ms = utc;
    c->mono_ms = e->mono_ms;
    memcpy(c->boot, e->boot, sizeof c->boot);
    return true;
}
