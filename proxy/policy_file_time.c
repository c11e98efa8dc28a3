#include "proxy/policy_file_time.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAYS        7u
#define DAY_MINUTES 1440u

static const char *const DAY[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static const char *day_names(const void *ctx, size_t i)
{
    (void)ctx;
    return DAY[i];
}

/* Three letters at *text; moves behind them. */
static bool take_day(const char **text, unsigned int *day)
{
    for (unsigned int i = 0; i < DAYS; i++) {
        if (strncasecmp(*text, DAY[i], 3) != 0)
            continue;
        *day = i;
        *text += 3;
        return true;
    }
    return false;
}

/* "Mon-Fri,Sun": a set, bit 0 is Monday. */
static bool take_days(const char **text, unsigned int *set)
{
    unsigned int first, last;

    do { /* each turn takes letters */
        if (!take_day(text, &first))
            return false;
        last = first;
        if (**text == '-') {
            (*text)++;
            if (!take_day(text, &last))
                return false;
        }
        for (unsigned int i = 0; i <= (last + DAYS - first) % DAYS; i++)
            *set |= 1u << (first + i) % DAYS;
    } while (*(*text)++ == ',');
    (*text)--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "07:30", up to "24:00". */
static bool take_clock(const char **text, unsigned int *minute)
{
    const char *t = *text;

    for (size_t i = 0; i < 5; i++) {
        if (i == 2 ? t[i] != ':' : !is_digit(t[i]))
            return false;
    }
    *minute = (unsigned int)((t[0] - '0') * 10 + t[1] - '0') * 60 +
              (unsigned int)((t[3] - '0') * 10 + t[4] - '0');
    *text += 5;
    return t[3] < '6' && *minute <= DAY_MINUTES;
}

struct span {
    unsigned int days, from,
        to; /* from <= to: behind the last minute; else over midnight */
};

static bool parse(const char *text, struct span *s)
{
    *s = (struct span){(1u << DAYS) - 1, 0, DAY_MINUTES};
    if (!is_digit(*text)) {
        s->days = 0;
        if (!take_days(&text, &s->days))
            return false;
        if (*text == '\0')
            return true;
        if (*text++ != ' ')
            return false;
    }
    return take_clock(&text, &s->from) && *text++ == '-' && take_clock(&text, &s->to) &&
           *text == '\0' && s->from < DAY_MINUTES;
}

bool policy_file_minute(const char *text, unsigned int *minute)
{
    unsigned int day, clock;

    if (!take_day(&text, &day) || *text++ != ' ' || !take_clock(&text, &clock) ||
        *text != '\0' || clock == DAY_MINUTES)
        return false;
    *minute = day * DAY_MINUTES + clock;
    return true;
}

static bool add(struct policy_askers *table, uint8_t bit, unsigned int first,
                unsigned int last)
{
    if (table->window_count == POLICY_WINDOWS_MAX)
        return false;
    table->window[table->window_count++] =
        (struct policy_window){bit, (uint16_t)first, (uint16_t)last};
    return true;
}

static bool add_span(struct policy_askers *table, uint8_t bit, const struct span *s)
{
    const unsigned int minutes =
        s->to > s->from ? s->to - s->from : s->to + DAY_MINUTES - s->from;
    bool good = true;

    for (unsigned int day = 0; day < DAYS && good; day++) {
        const unsigned int first = day * DAY_MINUTES + s->from;
        const unsigned int last = first + minutes - 1;

        if ((s->days >> day & 1) == 0)
            continue;
        if (last < POLICY_WEEK)
            good = add(table, bit, first, last);
        else
            good = add(table, bit, first, POLICY_WEEK - 1) &&
                   add(table, bit, 0, last - POLICY_WEEK);
    }
    return good;
}

static void report_bad(const struct config_reader *r, const config_setting_t *s,
                       const char *text)
{
    char word[12], remedy[128];
    const char *near = NULL;
    const size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    unsigned int day;
    const char *at = text;

    (void)snprintf(word, sizeof word, "%.*s", (int)(n < 11 ? n : 11), text);
    if (n > 0 && (n != 3 || !take_day(&at, &day))) {
        word[3] = '\0'; /* "Monday" begins as "Mon" does */
        near = config_nearest(word, day_names, NULL, DAYS);
    }
    (void)snprintf(remedy, sizeof remedy,
                   near ? "did you mean \"%s\"?"
                        : "write \"Mon-Fri 07:00-19:00\", \"Sat,Sun\" or \"22:00-06:00\"",
                   near);
    config_report(r, CONFIG_ERROR, s, remedy, "\"%.40s\" is no time of the week", text);
}

bool policy_file_times(const struct config_reader *r, const config_setting_t *s,
                       const char *text, uint8_t bit, struct policy_askers *table)
{
    struct span span;

    if (!parse(text, &span)) {
        report_bad(r, s, text);
        return false;
    }
    if (span.from == span.to) {
        config_report(r, CONFIG_ERROR, s, "write 00:00-24:00 for a whole day",
                      "\"%.40s\" ends when it begins", text);
        return false;
    }
    if (add_span(table, bit, &span))
        return true;
    config_report(r, CONFIG_ERROR, s, "name fewer times",
                  "the file has more than %u stretches of time", POLICY_WINDOWS_MAX);
    return false;
}
