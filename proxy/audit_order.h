/* What an operator asks of the log while it runs: a seal now, a new file now.  Audit
 * process. */
#ifndef GATE104_PROXY_AUDIT_ORDER_H
#define GATE104_PROXY_AUDIT_ORDER_H

#include "proxy/audit_log.h"
#include "sandbox/child.h"

struct audit_order {
    struct msg_log_order open;
    bool is_open;
    struct loop_timer again;
};

/* MSG_LOG_ORDER of the monitor.  An order that is still open has failed by it. */
enum imsg_status audit_order_take(struct audit_order *o, struct child *child,
                                  struct imsg *m);
/* At the end of a round, with no open batch: goes on with the order, and answers when it
 * is carried out. */
void audit_order_turn(struct audit_order *o, struct child *child, struct audit_log *l);

#endif
