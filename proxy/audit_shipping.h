/* The shipper within the audit process: its timer, its channel to the monitor, its
 * records in the log, and its end. */
#ifndef GATE104_PROXY_AUDIT_SHIPPING_H
#define GATE104_PROXY_AUDIT_SHIPPING_H

#include "proxy/audit_log.h"
#include "proxy/audit_ship.h"
#include "sandbox/child.h"

struct audit_shipping {
    struct child *child;
    struct audit_log *log;
    struct audit_ship ship; /* all zero (SHIP_OFF) when nothing is shipped */
    struct loop_timer timer;
    char host[AUDIT_SYSLOG_HOST];
    struct ship_config config;
    uint64_t end_by; /* 0: not ending */
};

/* Outside the sandbox; then, within it. */
void audit_shipping_init(struct audit_shipping *s, struct child *child,
                         struct audit_log *log, const struct ship_config *c);
void audit_shipping_start(struct audit_shipping *s, int dir_fd);
/* SHIP_SOCKET of the monitor. */
enum imsg_status audit_shipping_socket(struct audit_shipping *s, struct imsg *m);
/* At the end of a round of the loop.  It may leave a record in the open batch. */
void audit_shipping_turn(struct audit_shipping *s);
/* The log is closed: ships the rest as far as the receiver takes it, then stops the loop,
 * after half a second at the latest. */
void audit_shipping_stop(struct audit_shipping *s);

#endif
