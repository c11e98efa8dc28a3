/* The state of the clock, looked at here: audit has no call for it in its sandbox. */
#include "proxy/monitor.h"

#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define LOOK_MS 10000u
/* Of systemd-timesyncd.service(8): there since it set the clock. */
#define TIMESYNC "/run/systemd/timesync/synchronized"

static enum log_clock look(void)
{
    struct timex t;

    memset(&t, 0, sizeof t);
    /* ProtectClock= of systemd.exec(5) denies this, too. */
    if (adjtimex(&t) < 0)
        return access(TIMESYNC, F_OK) == 0 ? LOG_CLOCK_SYNCHRONIZED : LOG_CLOCK_UNKNOWN;
    return t.status & STA_UNSYNC ? LOG_CLOCK_UNSYNCHRONIZED : LOG_CLOCK_SYNCHRONIZED;
}

static void tell(struct proc *p, enum imsg_type what, enum log_clock state)
{
    const struct msg_log_clock now = {.state = (uint8_t)state};

    if (!p || p->state != PROC_RUNNING || p->clock_told == (int)state)
        return;
    if (imsg_send(&p->control, what, &now, sizeof now, NULL, 0) == IMSG_OK)
        p->clock_told = (int)state;
}

static void look_again(void *ctx)
{
    struct monitor *m = ctx;

    monitor_clock_tell(m);
    (void)loop_timer_set(&m->loop, &m->clock_timer, LOOK_MS);
}

void monitor_clock_tell(struct monitor *m)
{
    const enum log_clock now = look();

    tell(monitor_proc_find(m, ROLE_AUDIT, 0), MSG_LOG_CLOCK, now);
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_GATE)
            tell(p, MSG_GATE_CLOCK, now);
    }
    if (loop_timer_armed(&m->clock_timer))
        return;
    loop_timer_init(&m->clock_timer, look_again, m);
    (void)loop_timer_set(&m->loop, &m->clock_timer, LOOK_MS);
}
