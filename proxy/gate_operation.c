/* The operations of a session: what passes is told to the table of operations, and what
 * closes there is put into the log. */
#include "proxy/gate.h"

#include "proxy/operation_wire.h"

#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(const struct gate_session *s)
{
    return loop_now(&s->gate->child.loop);
}

/* ---- out -------------------------------------------------------------------------- */

/* The record that the others of the operation name, too. */
static uint64_t main_ticket(const struct operation *o)
{
    for (int step = OPERATION_STEPS - 1; step > OPERATION_SELECT; step--) {
        if (step == OPERATION_CANCEL && o->ticket[OPERATION_EXECUTE] != 0)
            continue;
        if (o->ticket[step] != 0)
            return o->ticket[step];
    }
    return o->ticket[OPERATION_SELECT];
}

/* `why` if the outcome is that it was stopped here. */
static void tell(struct gate_session *s, const struct operation *o, const char *why)
{
    const uint64_t ticket = main_ticket(o);
    const uint64_t select = o->ticket[OPERATION_SELECT];
    uint8_t octets[OPERATION_WIRE_SIZE];
    struct record r;

    if (!why)
        why = operation_why_name(o->why);
    operation_encode(o, octets);
    gate_log_begin(&r, s, EVENT_OPERATION_CLOSED, 0);
    if (s->identified && s->route->mode == ROUTE_PROTECT_RTU)
        record_text(&r, RECORD_SUBJECT, s->peer.subject);
    if (why)
        record_text(&r, RECORD_WHY, why);
    record_u64(&r, RECORD_COMMAND_SEQ, ticket);
    if (select != 0 && select != ticket)
        record_u64(&r, RECORD_SELECT_SEQ, select);
    record_text(&r, RECORD_OUTCOME, operation_outcome_name(o->outcome));
    record_octets(&r, RECORD_OPERATION, octets, sizeof octets);
    (void)gate_log_send(s->gate, &r);
}

static void tell_closed(struct gate_session *s, const char *why)
{
    struct operation o;

    while (s->operations && operations_take(s->operations, &o))
        tell(s, &o, o.outcome == OPERATION_NOT_FORWARDED ? why : NULL);
}

void gate_operation_tell(struct gate_session *s)
{
    if (!s->operations)
        return;
    tell_closed(s, NULL);
    if (operations_due(s->operations) != UINT64_MAX)
        gate_session_wake(s, operations_due(s->operations));
}

/* ---- commands --------------------------------------------------------------------- */

/* What the state of a commanded point is told as: commands 45..51 and 58..64 have types
 * of the same kind in monitor direction (101 7.3.1, 7.3.2). */
static enum type_value state_kind(const struct type_info *type)
{
    if (type->id < 45 || type->id > 64)
        return VALUE_NONE;
    return type->value == VALUE_REGULATING ? VALUE_STEP : (enum type_value)type->value;
}

static struct operation_point point_of(const struct asdu *a)
{
    return (struct operation_point){.type = a->type_id, .ca = a->ca, .ioa = a->ioa};
}

static enum operation_step step_of(const struct asdu *a)
{
    if (a->cause == COT_DEACTIVATION)
        return OPERATION_CANCEL;
    return a->has_select && a->select ? OPERATION_SELECT : OPERATION_EXECUTE;
}

/* False: nothing that a station confirms. */
static bool describe(const struct gate_session *s, const struct asdu *a, uint64_t ticket,
                     struct operation_command *c)
{
    if (!a->type || (a->cause != COT_ACTIVATION && a->cause != COT_DEACTIVATION) ||
        (a->type->cot[DIR_MONITOR] & COT_BIT(COT_ACTIVATION_CON)) == 0)
        return false;
    *c = (struct operation_command){
        .point = point_of(a),
        .step = step_of(a),
        .ticket = ticket,
        .has_termination = (a->type->cot[DIR_MONITOR] & COT_BIT(COT_TERMINATION)) != 0,
        .state_kind = (uint8_t)state_kind(a->type),
        .has_value = a->has_value,
        .value = a->value,
    };
    if (c->state_kind != VALUE_NONE)
        c->promised = record_settings_feedback(&s->route->record, a->ioa, &c->state_ioa);
    return true;
}

/* An operation that is in no table. */
static void tell_alone(struct gate_session *s, const struct operation_command *c,
                       enum operation_outcome outcome, const char *why)
{
    struct operation o = {.point = c->point,
                          .outcome = (uint8_t)outcome,
                          .has_value = c->has_value,
                          .value = c->value,
                          .termination_ms = OPERATION_NO_TIME,
                          .state_ms = OPERATION_NO_TIME};

    for (size_t i = 0; i < OPERATION_STEPS; i++)
        o.answer_ms[i] = OPERATION_NO_TIME;
    o.ticket[c->step] = c->ticket;
    tell(s, &o, why);
}

/* Made for the first command: most sessions only listen. */
static bool has_table(struct gate_session *s)
{
    const uint32_t wish = s->route->record.operation_s;

    if (s->operations)
        return true;
    s->operations = malloc(sizeof *s->operations);
    if (s->operations)
        operations_init(s->operations,
                        (wish > 0 ? wish : OPERATION_TIMEOUT_S) * UINT32_C(1000));
    return s->operations != NULL;
}

void gate_operation_sent(struct gate_session *s, const struct asdu *a, uint64_t ticket)
{
    struct operation_command c;

    if (!describe(s, a, ticket, &c))
        return;
    if (!has_table(s) || !operations_command(s->operations, &c, now_ms(s)))
        tell_alone(s, &c, OPERATION_UNTRACKED, "too-many");
    gate_operation_tell(s);
}

void gate_operation_stopped(struct gate_session *s, const struct link_frame *f,
                            uint64_t ticket, const char *why)
{
    struct operation_command c;
    struct asdu a;

    (void)asdu_parse(f->asdu, f->asdu_size, DIR_CONTROL, &s->route->profile, &a);
    if (a.inner)
        (void)asdu_parse(a.inner, a.inner_size, DIR_CONTROL, &s->route->profile, &a);
    if (!describe(s, &a, ticket, &c))
        return;
    if (c.step == OPERATION_EXECUTE && s->operations &&
        operations_stopped(s->operations, &c.point, ticket))
        tell_closed(s, why);
    else if (ticket != 0)
        tell_alone(s, &c, OPERATION_NOT_FORWARDED, why);
}

/* ---- what stations say ------------------------------------------------------------ */

uint64_t gate_operation_answered(struct gate_session *s, const struct asdu *a)
{
    const struct operation_answer answer = {.point = point_of(a),
                                            .cause = a->cause,
                                            .negative = a->negative,
                                            .select = a->has_select && a->select};

    return s->operations ? operations_answer(s->operations, &answer, now_ms(s)) : 0;
}

/* Bits of QDS that go with a value (101 7.2.6.1 to 7.2.6.3); SIQ and DIQ hold them beside
 * it. */
uint8_t gate_operation_quality(const struct type_info *type, const uint8_t *element)
{
    for (size_t i = 0; i < ELEMENT_LIST_MAX; i++) {
        const enum element e = (enum element)type->elements[i];

        if (e == ELEMENT_SIQ || e == ELEMENT_DIQ)
            return element[0] & 0xF0;
        if (e == ELEMENT_QDS)
            return element[element_size((enum element)type->elements[0])];
    }
    return 0;
}

/* False for equipment on its way, and for what is not to be believed. */
static bool is_settled(const struct type_info *type, const uint8_t *element,
                       const struct operation_value *v)
{
    const bool moves = (type->value == VALUE_DOUBLE && v->value == 0.0) ||
                       (type->value == VALUE_STEP && (element[0] & 0x80) != 0);

    return !moves && (v->quality & 0x80) == 0;
}

void gate_operation_value(struct gate_session *s, const struct asdu *a)
{
    static const uint64_t causes =
        COT_BIT(COT_SPONTANEOUS) | COT_BIT(COT_RETURN_REMOTE) | COT_BIT(COT_RETURN_LOCAL);
    struct operation_value v = {.ca = a->ca, .type = a->type_id, .cause = a->cause};
    const uint8_t *element;

    if (!s->operations || (causes >> a->cause & 1) == 0 ||
        a->type->direction != TYPE_DIR_MONITOR || !operations_await_value(s->operations))
        return;
    for (unsigned int i = 0; i < a->count && asdu_object(a, i, &v.ioa, &element); i++) {
        if (!asdu_value(a->type, element, &v.value))
            break;
        v.quality = gate_operation_quality(a->type, element);
        v.settled = is_settled(a->type, element, &v);
        operations_value(s->operations, &v, now_ms(s));
    }
    gate_operation_tell(s);
}

/* ---- time, and the end ------------------------------------------------------------ */

uint64_t gate_operation_supervise(struct gate_session *s)
{
    if (!s->operations)
        return UINT64_MAX;
    operations_expire(s->operations, now_ms(s));
    tell_closed(s, NULL);
    return operations_due(s->operations);
}

/* A command was recorded as passed, and then the session ended before it could leave. */
static void tell_held(struct gate_session *s)
{
    struct link_frame f;
    struct record r;

    if (s->held_ticket == 0)
        return;
    gate_log_begin(&r, s, EVENT_NOT_FORWARDED, 0);
    record_u64(&r, RECORD_COMMAND_SEQ, s->held_ticket);
    record_text(&r, RECORD_WHY, "session-ended");
    (void)gate_log_send(s->gate, &r);
    if (link_held(s->link, LEG_MASTER, &f))
        gate_operation_stopped(s, &f, s->held_ticket, "session-ended");
}

void gate_operation_end(struct gate_session *s)
{
    tell_held(s);
    if (!s->operations)
        return;
    operations_end(s->operations);
    tell_closed(s, NULL);
    free(s->operations);
    s->operations = NULL;
}
