#include "proxy/audit_order.h"

/* Between two slices of a file that is hashed before it is turned over. */
#define AGAIN_MS 1u

static void wake(void *ctx)
{
    (void)ctx; /* the end of the round does it */
}

static void answer(struct audit_order *o, struct child *child, enum log_ordered result,
                   uint64_t seq)
{
    struct msg_log_ordered m = {.request = o->open.request,
                                .what = o->open.what,
                                .result = (uint8_t)result,
                                .seq = seq};

    o->is_open = false;
    loop_timer_stop(&child->loop, &o->again);
    (void)imsg_send(&child->control, MSG_LOG_ORDERED, &m, sizeof m, NULL, 0);
}

enum imsg_status audit_order_take(struct audit_order *o, struct child *child,
                                  struct imsg *m)
{
    struct msg_log_order order;

    imsg_get(m, &order, sizeof order);
    if ((order.what != LOG_ORDER_SEAL && order.what != LOG_ORDER_ROTATE) ||
        (order.zero[0] | order.zero[1] | order.zero[2]) != 0)
        return imsg_reject(&child->control, m);
    if (o->is_open)
        answer(o, child, LOG_ORDERED_FAILED, 0);
    loop_timer_init(&o->again, wake, o);
    o->open = order;
    o->is_open = true;
    return IMSG_OK;
}

static void seal(struct audit_order *o, struct child *child, struct audit_log *l)
{
    if (!audit_sealer_on(&l->sealer))
        answer(o, child, LOG_ORDERED_OFF, 0);
    else if (audit_log_seal(l, "on-demand") && !l->sealer.why)
        answer(o, child, LOG_ORDERED_DONE, l->file.synced.seq);
    else
        answer(o, child, LOG_ORDERED_FAILED, 0);
}

static void rotate(struct audit_order *o, struct child *child, struct audit_log *l)
{
    const uint64_t first = l->turn.first_seq;

    /* A file with its first record alone is as good as a new one. */
    if (l->file.fd >= 0 && l->file.written.seq <= first) {
        answer(o, child, LOG_ORDERED_DONE, first);
        return;
    }
    if (!audit_rotate_now(l)) {
        (void)loop_timer_set(&child->loop, &o->again, AGAIN_MS);
        return;
    }
    if (l->turn.first_seq == first)
        answer(o, child, LOG_ORDERED_FAILED, 0);
    else
        answer(o, child, LOG_ORDERED_DONE, l->turn.first_seq);
}

void audit_order_turn(struct audit_order *o, struct child *child, struct audit_log *l)
{
    if (!o->is_open)
        return;
    if (o->open.what == LOG_ORDER_SEAL)
        seal(o, child, l);
    else
        rotate(o, child, l);
}
