/* The folder of the recordings, before the sandbox.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_RECORDING_H
#define GATE104_PROXY_AUDIT_RECORDING_H

#include "proxy/recordings.h"
#include "sandbox/child.h"

/* False after saying why. */
bool audit_recording_init(struct recordings *r, struct child *child,
                          struct audit_log *log, const struct audit_config *config,
                          int dir_fd);

#endif
