/* A permit on its way from the monitor to a gate. */
#ifndef GATE104_PROXY_PERMIT_WIRE_H
#define GATE104_PROXY_PERMIT_WIRE_H

#include "policy/permit.h"
#include "sandbox/messages.h"

void permit_wire_put(const struct permit *p, uint16_t route, struct msg_permit *out);
/* False: the sender broke the rules (permit.h, messages.h). */
bool permit_wire_get(const struct msg_permit *m, struct permit *out);

/* Milliseconds of CLOCK_BOOTTIME. */
uint64_t permit_now_ms(void);

#endif
