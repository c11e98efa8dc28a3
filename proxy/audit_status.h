/* What the monitor is told of the log, to tell operators.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_STATUS_H
#define GATE104_PROXY_AUDIT_STATUS_H

#include "sandbox/imsg.h"
#include "sandbox/messages.h"

struct audit_log;
struct audit_ship;

/* Sends it if it is another than `known`, which it becomes. */
void audit_status_tell(struct msg_log_status *known, struct imsg_channel *monitor,
                       struct audit_log *l, const struct audit_ship *ship);

#endif
