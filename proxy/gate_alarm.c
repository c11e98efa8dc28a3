/* Rules that raise alarms, and rules that end a session's commands. */
#include "proxy/gate.h"

#include <stdio.h>

const char *gate_alarm_verdict(const struct gate_session *s, enum policy_action action,
                               bool allowed)
{
    if (!allowed)
        return "would-refuse";
    return action == POLICY_ALARM && !s->route->enforce ? "would-alarm" : "pass";
}

void gate_alarm_command(struct gate_session *s, const struct link_frame *f,
                        uint64_t ticket, const char *rule)
{
    struct record r;

    gate_log_begin(&r, s, EVENT_POLICY_ALARM, 0);
    record_u64(&r, RECORD_COMMAND_SEQ, ticket);
    gate_log_frame(&r, s, LEG_MASTER, f);
    record_text(&r, RECORD_VERDICT, "alarm");
    record_text(&r, RECORD_RULE, rule);
    (void)gate_log_send(s->gate, &r);
}

void gate_session_monitor_only(struct gate_session *s, const char *why)
{
    if (s->monitor_only[0] == '\0')
        (void)snprintf(s->monitor_only, sizeof s->monitor_only, "%s", why);
}

void gate_alarm_mute(struct gate_session *s, const struct link_frame *f, const char *rule)
{
    struct record r;

    gate_session_monitor_only(s, "monitor-only");
    gate_log_begin(&r, s, EVENT_MUTED, 0);
    gate_log_frame(&r, s, LEG_MASTER, f);
    record_text(&r, RECORD_VERDICT, "monitor-only");
    record_text(&r, RECORD_RULE, rule);
    (void)gate_log_send(s->gate, &r);
}

enum event gate_alarm_event(const struct gate_session *s, enum policy_action action)
{
    if (action == POLICY_ALARM && s->route->enforce)
        return EVENT_POLICY_ALARM;
    return policy_action_passes(action) ? EVENT_PASSED : EVENT_DROPPED;
}
