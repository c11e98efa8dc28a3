/* Which records a command of `gate104 log` looks at. */
#ifndef GATE104_PROXY_CLI_LOG_FILTER_H
#define GATE104_PROXY_CLI_LOG_FILTER_H

#include "proxy/cli/log.h"

#include <getopt.h>

/* ---- log_time.c ---- */

/* A time as the log writes it, in UTC, from "2026-11-21", "2026-11-21T02:59[:14[.123]]"
 * (a blank for the T, a Z behind it or none) or an age: "90s", "30m", "2h", "7d" before
 * now_ms.  Times in this form are in order when their texts are. */
bool log_time_parse(const char *text, long long now_ms, char out[AUDIT_TIME_SIZE + 1]);
/* Milliseconds since 1970 of a time as the log writes it; -1 if it is none. */
long long log_time_ms(const char *text);
long long log_time_now_ms(void);

/* ---- log_filter.c ---- */

/* A point's name, of which an octet takes five in the line. */
#define LOG_POINT_MAX (5u * 64u)
#define LOG_ANY       (-1) /* number that is not asked for */

struct log_filter {
    char since[AUDIT_TIME_SIZE + 1], until[AUDIT_TIME_SIZE + 1]; /* "": all */
    long long session, ca, ioa, type;                            /* LOG_ANY: all */
    const char *route, *event, *peer, *verdict;                  /* NULL: all */
    char point[LOG_POINT_MAX + 1]; /* as the log writes it; "": all */
};

/* The long options, for a table of getopt_long. */
#define LOG_FILTER_OPTIONS                                                               \
    {"since", required_argument, NULL, 'S'}, {"until", required_argument, NULL, 'U'},    \
        {"session", required_argument, NULL, 's'},                                       \
        {"route", required_argument, NULL, 'r'},                                         \
        {"event", required_argument, NULL, 'e'}, {"peer", required_argument, NULL, 'p'}, \
        {"ca", required_argument, NULL, 'C'}, {"ioa", required_argument, NULL, 'I'},     \
        {"type", required_argument, NULL, 'T'}, {"point", required_argument, NULL, 'N'}, \
    {                                                                                    \
        "verdict", required_argument, NULL, 'V'                                          \
    }

void log_filter_init(struct log_filter *f);
/* Takes the option getopt_long gave; false if it is none of these or its value is wrong,
 * which it has then said. */
bool log_filter_take(struct log_filter *f, int option, const char *value);
/* `who` is at the master's end of the record's session. */
bool log_filter_wants(const struct log_filter *f, const json_t *record, const char *who);

bool log_number_parse(const char *text, long long *out);
/* The running number since the broker started, which people see; what stands above it
 * tells the starts apart. */
bool log_session(const json_t *record, long long *full, long long *running);
bool log_session_is(const json_t *record, long long wanted);

#endif
