/* Makes the line of a session log out of a record.  doc/log-format.md is its definition.
 *
 * The sender chose the fields of the record; number, time, chain and the sender's name
 * come from here.  Pure; audit process. */
#ifndef GATE104_PROXY_AUDIT_LINE_H
#define GATE104_PROXY_AUDIT_LINE_H

#include "proxy/audit_envelope.h"
#include "proxy/role_config.h"

#include <time.h>

/* Which record a sender's ticket became, so that the answer to a command can name the
 * record of the command.  The oldest are forgotten. */
#define AUDIT_TICKETS 1024u

struct audit_tickets {
    uint64_t ticket[AUDIT_TICKETS];
    uint64_t seq[AUDIT_TICKETS];
    unsigned int next;
};

/* Who sends: the channel says it, not the record. */
struct audit_sender {
    char name[32]; /* "gate-0" */
    struct audit_tickets tickets;
};

/* What is the same for all lines of a process. */
struct audit_place {
    char boot[AUDIT_BOOT_SIZE + 1];
    size_t route_count;
    const struct audit_route *route;
};

struct audit_stamp {
    uint64_t seq;
    uint8_t prev[AUDIT_HASH_SIZE]; /* of the line before, newline included */
    struct timespec utc;
    uint64_t mono_ms;
};

/* Writes the line of a payload that record_check() has found good, newline included, and
 * remembers its ticket.  Gives its size, or 0 when out of memory. */
size_t audit_line_build(const struct audit_place *place, const struct audit_stamp *stamp,
                        struct audit_sender *sender, const uint8_t *payload, size_t n,
                        char out[AUDIT_LINE_MAX]);

/* Room for a time whatever the year is. */
#define AUDIT_LINE_TIME_SIZE 64u
/* "2026-11-21T02:33:04.123Z" */
void audit_line_time(const struct timespec *utc, char out[AUDIT_LINE_TIME_SIZE]);

#endif
