/* What the audit process tells of its files and their disk. */
#include "proxy/audit_shelf.h"
#include "proxy/monitor.h"

/* It may have been taken over: nothing is believed that cannot be. */
static bool valid(const struct msg_log_status *m)
{
    return m->files > 0 && m->files <= AUDIT_OLD_MAX + 1u && m->used_percent <= 100 &&
           m->level <= LOG_PRESSURE_MAX && m->reserve <= LOG_RESERVE_MAX &&
           m->broken <= 1 && m->octets <= INT64_MAX && m->reserve_left <= INT64_MAX &&
           m->oldest_seq <= INT64_MAX && m->oldest_utc_ms <= INT64_MAX &&
           m->seal <= LOG_SEAL_MAX && m->ship <= LOG_SHIP_MAX &&
           (m->zero[0] | m->zero[1]) == 0 && m->last_seq <= INT64_MAX &&
           m->seal_seq <= m->last_seq && m->ship_seq <= INT64_MAX;
}

enum imsg_status monitor_audit_status(struct proc *p, struct imsg *msg)
{
    struct msg_log_status now;

    imsg_get(msg, &now, sizeof now);
    if (!valid(&now))
        return imsg_reject(&p->control, msg);
    p->monitor->log = now;
    return IMSG_OK;
}
