/* What the station answers to commands, in the log. */
#include "proxy/gate.h"

static enum event answer_event(const struct asdu *a)
{
    if (a->negative || a->cause >= COT_UNKNOWN_TYPE)
        return EVENT_REJECTED;
    return a->cause == COT_TERMINATION ? EVENT_TERMINATED : EVENT_CONFIRMED;
}

static bool is_answer(const struct asdu *a)
{
    return a->cause == COT_ACTIVATION_CON || a->cause == COT_DEACTIVATION_CON ||
           a->cause == COT_TERMINATION ||
           (a->cause >= COT_UNKNOWN_TYPE && a->cause <= COT_UNKNOWN_IOA);
}

/* The command with this ticket; else the latest that an answer may belong to.  A command
 * to all stations is answered by each with its own address. */
static struct gate_command *command_of(struct gate_session *s, const struct asdu *a,
                                       uint64_t ticket)
{
    for (unsigned int i = 1; i <= GATE_COMMANDS; i++) {
        unsigned int at = (s->command_next + GATE_COMMANDS - i) % GATE_COMMANDS;
        struct gate_command *c = &s->command[at];

        if (c->ticket == 0 || (ticket != 0 && c->ticket != ticket))
            continue;
        if (c->type == a->type_id && c->ioa == a->ioa &&
            (c->ca == a->ca || c->ca == ASDU_CA_ALL))
            return c;
    }
    return NULL;
}

static void log_answer(struct gate_session *s, const struct link_frame *f,
                       const struct asdu *a)
{
    const uint64_t ticket = gate_operation_answered(s, a);
    struct gate_command *c = command_of(s, a, ticket);
    enum event event = answer_event(a);
    struct record r;

    gate_log_begin(&r, s, event, 0);
    gate_log_frame(&r, s, LEG_STATION, f);
    if (c) {
        record_u64(&r, RECORD_COMMAND_SEQ, c->ticket);
        record_u64(&r, RECORD_LATENCY_MS, loop_now(&s->gate->child.loop) - c->sent_ms);
        if (event != EVENT_CONFIRMED)
            c->ticket = 0;
    }
    (void)gate_log_send(s->gate, &r);
    gate_operation_tell(s);
}

void gate_answer(struct gate_session *s, const struct link_frame *f, const struct asdu *a)
{
    if (!is_answer(a))
        return;
    gate_limits_answered(s, a);
    log_answer(s, f, a);
}
