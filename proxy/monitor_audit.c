/* What the audit process tells of its files and their disk. */
#include "proxy/audit_shelf.h"
#include "proxy/monitor.h"

#include <jansson.h>

/* It may have been taken over: nothing is believed that cannot be. */
static bool valid(const struct msg_log_status *m)
{
    return m->files > 0 && m->files <= AUDIT_OLD_MAX + 1u && m->used_percent <= 100 &&
           m->level <= LOG_PRESSURE_MAX && m->reserve <= LOG_RESERVE_MAX &&
           m->broken <= 1 && m->octets <= INT64_MAX && m->reserve_left <= INT64_MAX &&
           m->oldest_seq <= INT64_MAX && m->oldest_utc_ms <= INT64_MAX;
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

json_t *monitor_audit_json(const struct monitor *m)
{
    static const char *const level[] = {
        [LOG_PRESSURE_NONE] = "room",
        [LOG_PRESSURE_ALARM] = "filling",
        [LOG_PRESSURE_THIN] = "thinned",
        [LOG_PRESSURE_REFUSE] = "monitor-only",
    };
    static const char *const reserve[] = {
        [LOG_RESERVE_OFF] = "off",
        [LOG_RESERVE_WHOLE] = "whole",
        [LOG_RESERVE_USED] = "used",
        [LOG_RESERVE_IMPOSSIBLE] = "impossible",
    };
    const struct msg_log_status *s = &m->log;

    if (s->files == 0)
        return json_null();
    return json_pack("{s:s,s:b,s:I,s:I,s:I,s:s,s:I,s:I,s:I}", "state", level[s->level],
                     "writable", !s->broken, "disk_used_percent",
                     (json_int_t)s->used_percent, "files", (json_int_t)s->files, "octets",
                     (json_int_t)s->octets, "reserve", reserve[s->reserve],
                     "reserve_left", (json_int_t)s->reserve_left, "oldest_seq",
                     (json_int_t)s->oldest_seq, "oldest_seconds",
                     (json_int_t)(s->oldest_utc_ms / 1000));
}
