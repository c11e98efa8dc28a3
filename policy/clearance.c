#include "policy/clearance.h"

#include <stddef.h>

void clearance_begin(struct clearance *c, uint64_t frame, enum direction direction,
                     bool observe, bool async)
{
    c->frame = frame;
    c->record = 0;
    c->direction = (uint32_t)direction;
    c->reason = REASON_OK;
    c->action = POLICY_CLOSE;
    c->recorded = CLEARANCE_UNRECORDED;
    c->observe = observe;
    c->async = async;
    c->judged = false;
    c->decided = false;
    c->stopped = false;
}

/*@ assigns \nothing;
    ensures \result <==> fault_of_meaning(reason); */
static bool is_of_meaning(uint32_t reason)
{
    return reason >= REASON_BAD_TYPE && reason <= REASON_SECAUTH;
}

void clearance_judged(struct clearance *c, struct verdict v)
{
    const uint32_t reason = (uint32_t)v.reason;

    /* A fault of structure is not outdone by one of meaning. */
    if (!c->judged || c->reason == REASON_OK ||
        (reason != REASON_OK && !is_of_meaning(reason)))
        c->reason = reason;
    c->judged = true;
}

void clearance_decided(struct clearance *c, const struct policy_decision *d)
{
    const uint32_t action = (uint32_t)d->action;

    if (!c->decided || action > c->action)
        c->action = action;
    c->decided = true;
}

void clearance_secauth(struct clearance *c, const struct asdu *a)
{
    if (c->decided || a->type == NULL || a->type->layout != TYPE_LAYOUT_SECAUTH ||
        a->inner != NULL)
        return;
    c->action = POLICY_PASS;
    c->decided = true;
}

void clearance_stop(struct clearance *c, const char *why)
{
    if (why != NULL)
        c->stopped = true;
}

void clearance_announced(struct clearance *c, uint64_t record)
{
    c->record = record;
    c->recorded = CLEARANCE_SENT;
}

bool clearance_acknowledged(struct clearance *c, uint64_t record, bool durable)
{
    if (record == 0 || c->record != record || c->recorded != CLEARANCE_SENT)
        return false;
    c->recorded = durable ? CLEARANCE_DURABLE : CLEARANCE_UNRECORDED;
    return true;
}

bool clearance_is_granted(const struct clearance *c)
{
    return c->judged && c->reason == REASON_OK && c->decided &&
           c->action < POLICY_REFUSE && !c->stopped;
}

/*@ requires \valid_read(c);
    assigns \nothing;
    ensures \result <==> recorded(c); */
static bool is_recorded(const struct clearance *c)
{
    if (c->direction == DIR_MONITOR)
        return true;
    if (c->direction != DIR_CONTROL || c->record == 0)
        return false;
    return c->recorded == CLEARANCE_DURABLE ||
           (c->recorded == CLEARANCE_SENT && c->async);
}

/*@ requires \valid_read(c);
    assigns \nothing;
    ensures \result <==> observed(c); */
static bool is_observed(const struct clearance *c)
{
    return c->observe && c->judged &&
           (c->reason == REASON_OK || is_of_meaning(c->reason));
}

bool clearance_opens(const struct clearance *c)
{
    return is_recorded(c) && (clearance_is_granted(c) || is_observed(c));
}
