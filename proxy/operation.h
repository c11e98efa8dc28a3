/* Operations of a session: the select, the execute, their confirmations, the termination
 * and the state that the point then returned (101 clause 7.3.2, 60870-5-5 clause 6.8),
 * tied together, and what came of it.
 *
 * A pure state machine: no clock, no I/O, no allocation.  The driver tells what passed,
 * with the monotonic time, and after every call takes what has closed. */
#ifndef GATE104_PROXY_OPERATION_H
#define GATE104_PROXY_OPERATION_H

#include "policy/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Operations that one session may have open. */
#define OPERATIONS_OPEN 16u
/* How long a state is waited for after the end, where none was promised. */
#define OPERATION_GRACE_MS 1000u
#define OPERATION_NO_TIME  UINT32_MAX

/* What names the point of a command and of its answers. */
struct operation_point {
    uint32_t ioa;
    uint16_t ca;
    uint8_t type;
};

enum operation_step {
    OPERATION_SELECT,  /* activation with S/E = 1 */
    OPERATION_EXECUTE, /* activation with S/E = 0, or of a type without that bit */
    OPERATION_CANCEL,  /* deactivation */
    OPERATION_STEPS,
};

enum operation_outcome {
    OPERATION_IS_OPEN,
    OPERATION_EXECUTED,      /* terminated, or confirmed and the state came */
    OPERATION_REJECTED,      /* by the station */
    OPERATION_CANCELLED,     /* deactivated before its end */
    OPERATION_NOT_FORWARDED, /* selected, and then the execute was stopped here */
    OPERATION_TIMED_OUT,
    OPERATION_SESSION_ENDED,
    OPERATION_UNTRACKED, /* more were open than the table holds */
    OPERATION_OUTCOMES,
};

enum operation_why {
    OPERATION_WHY_NONE,
    OPERATION_NO_EXECUTE, /* what had not come when it closed */
    OPERATION_NO_CONFIRMATION,
    OPERATION_NO_TERMINATION,
    OPERATION_NO_STATE,
    OPERATION_AT_SELECT, /* what was rejected */
    OPERATION_AT_EXECUTE,
    OPERATION_AT_CANCEL,
    OPERATION_AT_TERMINATION,
    OPERATION_WHYS,
};

/* A value that a point has told. */
struct operation_value {
    uint32_t ioa;
    uint16_t ca;
    uint8_t type;
    uint8_t cause;
    uint8_t quality; /* bits of QDS (101 7.2.6.3) */
    bool settled;    /* false: on its way (intermediate, transient) */
    double value;
};

struct operation {
    struct operation_point point;
    uint8_t outcome;  /* enum operation_outcome */
    uint8_t why;      /* enum operation_why */
    uint8_t sent;     /* set of steps */
    uint8_t answered; /* set of steps */
    bool used;
    bool terminated;
    bool has_termination; /* the type knows a termination */
    bool promised;        /* the state is told at an address that was configured */
    bool has_state;
    bool has_value;
    uint8_t state_kind; /* enum type_value of the state; VALUE_NONE: none is told */
    uint32_t state_ioa;
    uint64_t order;                   /* of its begin */
    uint64_t ticket[OPERATION_STEPS]; /* of the commands' records; 0: no such step */
    uint64_t at[OPERATION_STEPS];
    uint32_t answer_ms[OPERATION_STEPS]; /* OPERATION_NO_TIME: did not come */
    uint32_t termination_ms, state_ms;   /* after the execute; the same */
    double value;                        /* that was commanded last */
    struct operation_value state;
};

struct operations {
    uint32_t timeout_ms;
    uint64_t begun;
    /* One more than may be open: what was put out waits to be taken. */
    struct operation op[OPERATIONS_OPEN + 1];
};

/* A command that goes to the station now. */
struct operation_command {
    struct operation_point point;
    enum operation_step step;
    uint64_t ticket;
    bool has_termination;
    uint8_t state_kind; /* enum type_value */
    bool promised;
    uint32_t state_ioa;
    bool has_value;
    double value;
};

/* What a station sends back with cause 7, 9, 10 or 44..47. */
struct operation_answer {
    struct operation_point point;
    uint8_t cause;
    bool negative;
    bool select; /* its S/E bit */
};

void operations_init(struct operations *t, uint32_t timeout_ms);

/* False: the table is full, the operation will not be followed. */
bool operations_command(struct operations *t, const struct operation_command *c,
                        uint64_t now);

/* Gives the ticket of the command that was answered; 0: of none in the table. */
uint64_t operations_answer(struct operations *t, const struct operation_answer *a,
                           uint64_t now);

/* The state of a point. */
void operations_value(struct operations *t, const struct operation_value *v,
                      uint64_t now);
/* True while somebody waits for a state. */
bool operations_await_value(const struct operations *t);

/* An execute that did not leave; `ticket` of its record, or 0.  False: nothing was
 * selected for it. */
bool operations_stopped(struct operations *t, const struct operation_point *point,
                        uint64_t ticket);

/* When operations_expire() has something to do; UINT64_MAX: never. */
uint64_t operations_due(const struct operations *t);
void operations_expire(struct operations *t, uint64_t now);
/* The session is over. */
void operations_end(struct operations *t);

/* Takes one that has closed, the oldest first; false: there is none. */
bool operations_take(struct operations *t, struct operation *out);

const char *operation_outcome_name(unsigned int outcome);
const char *operation_why_name(unsigned int why); /* NULL for none */

#endif
