#include "proxy/cli/log_filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

long long log_time_now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool write_time(long long ms, char out[AUDIT_TIME_SIZE + 1])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char date[32];

    if (ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
        return false;
    if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) != AUDIT_TIME_SIZE - 5)
        return false;
    (void)snprintf(out, AUDIT_TIME_SIZE + 1, "%.19s.%03dZ", date, (int)(ms % 1000));
    return true;
}

/* "2h" */
static bool parse_age(const char *text, long long *ms)
{
    static const struct {
        char unit;
        long long ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t n = strspn(text, "0123456789");
    long long value = 0;

    if (n == 0 || n > 9 || text[n] == '\0' || text[n + 1] != '\0')
        return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (text[i] - '0');
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == text[n]) {
            *ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}

/* True when text has the form of the pattern ('0' stands for a digit, 'T' for that or a
 * blank) as far as it goes, and ends where a time may end. */
static bool has_form(const char *text, size_t n)
{
    static const char pattern[] = "0000-00-00T00:00:00.000";

    if (n != 10 && n != 16 && n != 19 && n != 23)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool fits = pattern[i] == '0'   ? isdigit((unsigned char)c) != 0
                    : pattern[i] == 'T' ? c == 'T' || c == ' '
                                        : c == pattern[i];

        if (!fits)
            return false;
    }
    return true;
}

static int digits(const char *text, size_t n)
{
    int value = 0;

    for (size_t i = 0; i < n; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* No such day or hour shows in the date that timegm makes of it. */
static long long to_ms(const char *text)
{
    struct tm tm = {.tm_year = digits(text, 4) - 1900,
                    .tm_mon = digits(text + 5, 2) - 1,
                    .tm_mday = digits(text + 8, 2),
                    .tm_hour = digits(text + 11, 2),
                    .tm_min = digits(text + 14, 2),
                    .tm_sec = digits(text + 17, 2)};
    struct tm asked = tm;
    time_t t = timegm(&tm);

    if (t < 0 || tm.tm_mon != asked.tm_mon || tm.tm_mday != asked.tm_mday ||
        tm.tm_hour != asked.tm_hour || tm.tm_min != asked.tm_min ||
        tm.tm_sec != asked.tm_sec)
        return -1;
    return (long long)t * 1000 + digits(text + 20, 3);
}

long long log_time_ms(const char *text)
{
    static const char nought[] = "0000-00-00T00:00:00.000";
    char full[sizeof nought];
    size_t n = strlen(text);

    if (n > 10 && text[n - 1] == 'Z')
        n--;
    if (!has_form(text, n))
        return -1;
    (void)snprintf(full, sizeof full, "%.*s%s", (int)n, text, nought + n);
    return to_ms(full);
}

bool log_time_parse(const char *text, long long now_ms, char out[AUDIT_TIME_SIZE + 1])
{
    long long age;

    if (parse_age(text, &age))
        return write_time(now_ms > age ? now_ms - age : 0, out);
    return write_time(log_time_ms(text), out);
}
