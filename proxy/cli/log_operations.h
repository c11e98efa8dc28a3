/* What `gate104 log stats` says of operations: their outcomes by person, and how long the
 * steps of those that were executed took.  From the records op.closed, in bounded memory.
 */
#ifndef GATE104_PROXY_CLI_LOG_OPERATIONS_H
#define GATE104_PROXY_CLI_LOG_OPERATIONS_H

#include "proxy/cli/log.h"
#include "proxy/cli/log_latency.h"

#include "proxy/operation.h"

#define LOG_PEOPLE 64u

enum log_step { LOG_SELECT, LOG_CONFIRM, LOG_TERMINATE, LOG_STATE, LOG_STEPS };

struct log_operations {
    size_t people;
    struct log_person {
        char name[LOG_WHO_MAX];
        uint64_t n[OPERATION_OUTCOMES];
    } person[LOG_PEOPLE];
    struct log_person others; /* who found no place */
    uint64_t closed;
    struct log_latency latency[LOG_STEPS];
};

/* Takes a record, if it is one of these. */
void log_operations_add(struct log_operations *o, const json_t *record, const char *who);
void log_operations_print(const struct log_operations *o);
json_t *log_operations_json(const struct log_operations *o);

/* ---- log_stats.c ---- */

json_t *log_latency_json(const struct log_latency *l);

#endif
