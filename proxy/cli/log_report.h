/* What `gate104 log report` gathers of a log, in bounded memory, and its page. */
#ifndef GATE104_PROXY_CLI_LOG_REPORT_H
#define GATE104_PROXY_CLI_LOG_REPORT_H

#include "proxy/audit_verify.h"
#include "proxy/cli/log_filter.h"
#include "proxy/cli/log_latency.h"

#define REPORT_SESSIONS   200u
#define REPORT_OPERATIONS 5000u
#define REPORT_NOTES      500u
#define REPORT_NAMES      64u
#define REPORT_TEXT_MAX   160u

struct report_session {
    long long id;
    char route[32], who[LOG_WHO_MAX];
    char begin[AUDIT_TIME_SIZE + 1], end[AUDIT_TIME_SIZE + 1]; /* end "": still open */
    uint64_t commands, refused;
};

struct report_operation {
    long long seq, latency_ms; /* -1: none */
    char time[AUDIT_TIME_SIZE + 1], who[LOG_WHO_MAX], route[32], point[REPORT_TEXT_MAX];
    char verdict[16], rule[64], result[32], state[120];
    bool closed, good; /* the result is that of op.closed; nothing to look at */
};

struct report_note {
    long long seq;
    char time[AUDIT_TIME_SIZE + 1], event[48], who[LOG_WHO_MAX], what[REPORT_TEXT_MAX];
};

struct report_notes {
    size_t count;
    uint64_t cut; /* that found no place */
    struct report_note row[REPORT_NOTES];
};

struct report_counts {
    size_t count;
    uint64_t cut;
    struct {
        char name[LOG_POINT_MAX + 1];
        uint64_t n;
    } row[REPORT_NAMES];
};

struct report {
    struct audit_verdict verdict;
    size_t keys, seeds; /* that it was verified with */
    bool anchors_given;
    char first[AUDIT_TIME_SIZE + 1], last[AUDIT_TIME_SIZE + 1];
    uint64_t records, sessions_cut, operations_cut;
    size_t sessions, operations;
    struct report_session session[REPORT_SESSIONS];
    struct report_operation operation[REPORT_OPERATIONS];
    struct report_notes alarms, certificates;
    struct report_counts by_rule, by_person, people, by_outcome, points;
    struct log_latency latency;
};

/* Takes one record; `who` is at the master's end of its session. */
void report_add(struct report *r, const json_t *record, const char *who);
/* Writes the page; the errors of `out` are the caller's to look at. */
void report_write(FILE *out, const struct report *r, const char *name);

/* ---- log_html.c ---- */

/* Text for an HTML element or a quoted attribute: markup as entities, what is not
 * printable ASCII as \xNN (no control, no mark that turns the writing direction). */
void log_html(FILE *out, const char *text);

#endif
