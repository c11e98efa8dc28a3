/* While the log does not work: commands are refused, or, where it is configured so, no
 * session is open at all. */
#include "proxy/gate.h"

bool gate_failure_pressure(struct gate *g, struct imsg *m)
{
    struct msg_log_pressure body;

    imsg_get(m, &body, sizeof body);
    if (body.level > LOG_PRESSURE_MAX ||
        (body.zero[0] | body.zero[1] | body.zero[2]) != 0)
        return false;
    g->pressure = body.level;
    return true;
}

void gate_failure_turn(struct gate *g)
{
    if (!g->config.log_closes || !gate_log_is_broken(g))
        return;
    for (struct gate_session *s = g->sessions; s; s = s->next)
        gate_session_close(s, "log-unavailable", -1, NULL);
}
