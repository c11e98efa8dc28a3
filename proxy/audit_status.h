/* What the monitor is told of the log, to tell operators.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_STATUS_H
#define GATE104_PROXY_AUDIT_STATUS_H

#include "sandbox/messages.h"

struct audit_log;

void audit_status(struct audit_log *l, struct msg_log_status *out);

#endif
