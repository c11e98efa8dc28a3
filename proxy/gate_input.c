/* Where the input of a leg lies.  Octets are read into one buffer that all legs share,
 * and are taken from it in the same round.  What stays is the start of an APDU, which has
 * room in the leg; or whole APDUs that a station sent beyond k and its U-frames
 * (104 5.5), for which the relay has no room: those get memory of their own until they
 * are taken, and nothing more is read meanwhile. */
#include "proxy/gate.h"

#include <stdlib.h>
#include <string.h>

/* Points the leg at its octets in a new place, of which it then owns `backlog`. */
static void move_to(struct gate_leg *leg, uint8_t *place, uint8_t *backlog)
{
    if (leg->input_size > 0)
        memcpy(place, leg->input, leg->input_size);
    free(leg->backlog);
    leg->backlog = backlog;
    leg->input = place;
}

void gate_input_init(struct gate_leg *leg)
{
    leg->input_size = 0;
    leg->backlog = NULL;
    leg->input = leg->rest;
}

void gate_input_widen(struct gate_leg *leg)
{
    uint8_t *shared = leg->session->gate->input;

    if (leg->input != shared)
        move_to(leg, shared, NULL);
}

bool gate_input_settle(struct gate_leg *leg)
{
    uint8_t *backlog;

    if (leg->input_size <= sizeof leg->rest) {
        if (leg->input != leg->rest)
            move_to(leg, leg->rest, NULL);
        return true;
    }
    if (leg->input == leg->backlog)
        return true;
    backlog = malloc(leg->input_size);
    if (!backlog) {
        gate_input_free(leg);
        return false;
    }
    move_to(leg, backlog, backlog);
    return true;
}

void gate_input_free(struct gate_leg *leg)
{
    free(leg->backlog);
    gate_input_init(leg);
}
