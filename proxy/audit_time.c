#include "proxy/audit_time.h"

#include <stddef.h>
#include <time.h>

/* What clocks may differ by without a step. */
#define DRIFT_MS 10000

static int64_t number(const char *text, size_t at, size_t digits)
{
    int64_t v = 0;

    for (size_t i = at; i < at + digits; i++)
        v = 10 * v + (text[i] - '0');
    return v;
}

/* Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that
 * the day that some have is their last.  Not by timegm(): it reads a file. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int64_t audit_time_ms(const char *text)
{
    static const char form[] = "nnnn-nn-nnTnn:nn:nn.nnnZ";
    int64_t seconds;

    for (size_t i = 0; i < sizeof form; i++) {
        if (form[i] == 'n' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return 0;
    }
    seconds = days(number(text, 0, 4), number(text, 5, 2), number(text, 8, 2)) * 86400 +
              number(text, 11, 2) * 3600 + number(text, 14, 2) * 60 + number(text, 17, 2);
    return seconds * 1000 + number(text, 20, 3);
}

int64_t audit_time_utc_ms(void)
{
    struct timespec t = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t audit_time_mono_ms(void)
{
    struct timespec t = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int64_t audit_calendar(struct audit_calendar *c, int64_t utc_ms, uint64_t mono_ms)
{
    int64_t expected = c->utc_ms + (int64_t)(mono_ms - c->mono_ms);
    bool ahead = c->started && utc_ms > expected + DRIFT_MS;

    if (!ahead)
        c->ahead_since_ms = 0;
    else if (c->ahead_since_ms == 0)
        c->ahead_since_ms = mono_ms;
    if (ahead && mono_ms - c->ahead_since_ms < AUDIT_CALENDAR_DAY_MS)
        utc_ms = expected;
    c->started = true;
    c->utc_ms = utc_ms;
    c->mono_ms = mono_ms;
    return utc_ms;
}
