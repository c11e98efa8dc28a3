/* The fixed parts of the messages about new policies.  Part of messages.h, which defines
 * PACKED. */
#ifndef GATE104_SANDBOX_MESSAGES_POLICY_H
#define GATE104_SANDBOX_MESSAGES_POLICY_H

#include <stdint.h>

/* What becomes of an update that a gate got (UPDATE_BEGIN, UPDATE_DATA). */
enum policy_step {
    POLICY_STEP_CHECK = 1,  /* it is complete: compile it, record that, and say READY */
    POLICY_STEP_USE = 2,    /* after READY: from now on it holds */
    POLICY_STEP_FORGET = 3, /* at any time: what there was stays */
};
#define POLICY_STEP_MAX POLICY_STEP_FORGET

struct PACKED msg_policy_step {
    uint32_t update; /* counts up; the gate gives it back */
    uint8_t step;    /* enum policy_step */
    uint8_t zero[3];
};

enum policy_told {
    POLICY_TOLD_READY = 1,
    POLICY_TOLD_USED = 2,
    POLICY_TOLD_REFUSED = 3, /* `why` says why; the update is forgotten */
};
#define POLICY_TOLD_MAX POLICY_TOLD_REFUSED

struct PACKED msg_policy_told {
    uint32_t update;
    uint8_t what; /* enum policy_told */
    uint8_t zero[3];
    char why[200]; /* printable, NUL-terminated; "" unless it was refused */
};

#endif
