#include "proxy/gate_forward.h"

bool gate_forward(struct link *l, const struct clearance *c)
{
    const struct link_decision d = {.ticket = c->frame, .verb = LINK_FORWARD};
    const enum link_leg leg = c->direction == DIR_CONTROL ? LEG_MASTER : LEG_STATION;

    if (!clearance_opens(c))
        return false;
    /*@ assert the_only_way: cleared(c) && d.ticket == c->frame &&
          (leg == LEG_STATION ==> c->direction == DIR_MONITOR); */
    return link_decide(l, leg, &d);
}
