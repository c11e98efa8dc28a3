/* Audit's word on how full the disk of the log is. */
#include "proxy/gate.h"

bool gate_pressure_told(struct gate *g, struct imsg *m)
{
    struct msg_log_pressure body;

    imsg_get(m, &body, sizeof body);
    if (body.level > LOG_PRESSURE_MAX ||
        (body.zero[0] | body.zero[1] | body.zero[2]) != 0)
        return false;
    g->pressure = body.level;
    return true;
}
