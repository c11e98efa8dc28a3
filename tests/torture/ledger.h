/* What two stations sent, saw acknowledged and received, and what must never be. */
#ifndef GATE104_TESTS_TORTURE_LEDGER_H
#define GATE104_TESTS_TORTURE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LEDGER_MAX 1000000u

/* Of an event of the RTU. */
enum { EVENT_RECEIVED = 1, EVENT_ACKED = 2 };
/* Of a command of the master. */
enum {
    COMMAND_FORBIDDEN = 1,
    COMMAND_EXECUTED = 2, /* it reached the RTU */
    COMMAND_REFUSED = 4,  /* the master was told no */
    COMMAND_CONFIRMED = 8,
    COMMAND_ACKED = 16,
};

struct ledger {
    uint32_t events, commands; /* numbered from 0 */
    uint32_t oldest_unacked;   /* event */
    uint8_t event[LEDGER_MAX], command[LEDGER_MAX];
    uint32_t violations;
    uint32_t sessions; /* of the master, started */
};

__attribute__((format(printf, 2, 3))) void ledger_violation(struct ledger *l,
                                                            const char *what, ...);

/* The RTU saw its event acknowledged. */
void ledger_event_acked(struct ledger *l, uint32_t n);
/* The master got an event; *next is the one that must follow on this connection, or
 * UINT32_MAX. */
void ledger_event_received(struct ledger *l, uint32_t n, uint32_t *next);
/* The master makes a command; gives its number. */
uint32_t ledger_command(struct ledger *l, bool forbidden);
/* The RTU got one; *last is the one before it on this connection, or UINT32_MAX. */
void ledger_executed(struct ledger *l, uint32_t n, bool forbidden, uint32_t *last);
void ledger_answered(struct ledger *l, uint32_t n, bool negative);
/* The master saw it acknowledged, and has looked at what came with the acknowledgement.
 */
void ledger_command_acked(struct ledger *l, uint32_t n);

/* One JSON object, then the numbers of the commands that reached the RTU, one a line. */
void ledger_print(const struct ledger *l, FILE *out);

#endif
