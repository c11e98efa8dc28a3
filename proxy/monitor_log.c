/* What the monitor tells the operator, and its own records in the session log. */
#include "proxy/monitor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void monitor_log(const char *fmt, ...)
{
    char line[600];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "gate104d: %s\n", line);
}

#define NOTES_MAX         50u
#define NOTES_INTERVAL_MS 10000u

void monitor_note(struct proc *p, const struct imsg *note)
{
    uint64_t now = loop_now(&p->monitor->loop);
    char line[NOTE_MAX + 1];

    monitor_sandbox_heard(p, note);
    if (now - p->notes_since_ms > NOTES_INTERVAL_MS) {
        if (p->notes > NOTES_MAX)
            monitor_log("%s-%u: %u more lines like these", role_name(p->role), p->id,
                        p->notes - NOTES_MAX);
        p->notes = 0;
        p->notes_since_ms = now;
    }
    if (p->notes++ >= NOTES_MAX)
        return;
    for (size_t i = 0; i < note->len; i++) {
        uint8_t c = note->payload[i];

        line[i] = '?';
        if (c >= 0x20 && c < 0x7F)
            line[i] = (char)c;
    }
    line[note->len] = '\0';
    (void)fprintf(stderr, "%s-%u: %s\n", role_name(p->role), p->id, line);
}

void monitor_record_flush(struct monitor *m)
{
    struct proc *audit = monitor_proc_find(m, ROLE_AUDIT, 0);
    size_t done = 0;

    if (!audit || audit->state != PROC_RUNNING)
        return;
    while (done < m->record_count &&
           imsg_send(&audit->control, MSG_RECORD, m->record[done].payload,
                     m->record[done].size, NULL, 0) == IMSG_OK)
        done++;
    m->record_count -= done;
    if (done > 0 && m->record_count > 0)
        memmove(m->record, m->record + done, m->record_count * sizeof m->record[0]);
}

void monitor_record(struct monitor *m, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    if (n == 0)
        return;
    if (m->record_count == MONITOR_RECORDS) {
        monitor_log("a log record was lost: audit has not been there for long");
        return;
    }
    memcpy(m->record[m->record_count].payload, payload, n);
    m->record[m->record_count].size = n;
    m->record_count++;
    monitor_record_flush(m);
}

void monitor_record_proc(struct monitor *m, enum event event, const struct proc *p,
                         const char *detail)
{
    char name[24];
    struct record r;

    (void)snprintf(name, sizeof name, "%s-%u", role_name(p->role), p->id);
    record_begin(&r, event, 0, false);
    record_text(&r, RECORD_PROCESS, name);
    if (detail)
        record_text(&r, RECORD_DETAIL, detail);
    monitor_record(m, &r);
}
