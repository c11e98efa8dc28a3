/* New policies on their way to the gates.  Part of monitor.h. */
#ifndef GATE104_PROXY_MONITOR_POLICY_H
#define GATE104_PROXY_MONITOR_POLICY_H

#include "sandbox/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_wait {
    POLICY_WAIT_NONE,
    POLICY_WAIT_READY, /* of the gate: it was sent, and not yet accepted */
    POLICY_WAIT_HELD,  /* it is ready, and waits for the others */
    POLICY_WAIT_USED,
};

/* Of one gate. */
struct policy_delivery {
    uint8_t *cfg; /* all that it is to be told, with the new policies; NULL: as it was */
    size_t size, sent;
    bool cleared; /* what may have been sent before is forgotten */
    bool begun;   /* UPDATE_BEGIN was sent */
    uint8_t due;  /* enum policy_step to be sent behind it; 0: none */
    enum policy_wait wait;
};

/* Of all. */
struct monitor_policy {
    enum policy_wait wait; /* READY: for all gates; HELD: they wait; USED: the same */
    uint32_t number;
    struct loop_timer timer;
};

#endif
