/* What may pass: the validator's and the policy's word on every I-frame, and the log's
 * word on every command before it leaves. */
#include "proxy/gate.h"

#include "policy/reply.h"

#include <string.h>

static enum direction direction_of(enum link_leg leg)
{
    return leg == LEG_MASTER ? DIR_CONTROL : DIR_MONITOR;
}

static struct verdict parse(const struct gate_session *s, const uint8_t *asdu, size_t n,
                            enum link_leg leg, struct asdu *a)
{
    return asdu_parse(asdu, n, direction_of(leg), &s->route->profile, a);
}

/* What is wrong, where, and the quirk that would let it through. */
static void log_verdict(struct record *r, struct verdict v)
{
    record_u64(r, RECORD_REASON, v.reason);
    record_u64(r, RECORD_OFFSET, APDU_SIZE_MIN + v.offset);
    if (v.quirk != QUIRK_NONE)
        record_u64(r, RECORD_QUIRK, v.quirk);
}

/* Of a command that has a record which says that it would pass. */
static void log_again(struct record *r, const struct gate_session *s)
{
    if (s->again_ticket == 0)
        return;
    record_u64(r, RECORD_COMMAND_SEQ, s->again_ticket);
    record_text(r, RECORD_DETAIL,
                "judged again: there is a new policy since it was recorded");
}

/* ---- decisions ---- */

/* What forwards is gate_forward() alone. */
static void drop(struct gate_session *s, enum link_leg leg, const struct link_frame *f)
{
    const struct link_decision d = {.ticket = f->ticket, .verb = LINK_DROP};

    (void)link_decide(s->link, leg, &d);
}

static void hold(struct gate_session *s, const struct link_frame *f)
{
    const struct link_decision d = {.ticket = f->ticket, .verb = LINK_HOLD};

    (void)link_decide(s->link, LEG_MASTER, &d);
}

/* Consumes the frame; the master gets an answer where one may be given. */
static void refuse(struct gate_session *s, enum link_leg leg, const struct link_frame *f,
                   enum reply_kind kind)
{
    const struct profile *profile = &s->route->profile;
    uint8_t reply[ASDU_SIZE_MAX];
    struct asdu a;
    size_t n = 0;
    struct link_decision d = {.ticket = f->ticket, .verb = LINK_REFUSE, .reply = reply};

    (void)parse(s, f->asdu, f->asdu_size, leg, &a);
    /* What an aggressive mode request asks for is answered as if it had come bare. */
    if (leg == LEG_MASTER && a.inner)
        n = reply_negative(a.inner, a.inner_size, profile, kind, reply);
    else if (leg == LEG_MASTER)
        n = reply_negative(f->asdu, f->asdu_size, profile, kind, reply);
    d.reply_size = n;
    if (n == 0)
        d = (struct link_decision){.ticket = f->ticket, .verb = LINK_DROP};
    (void)link_decide(s->link, leg, &d);
    if (leg == LEG_MASTER && n > 0 && kind != REPLY_REFUSED)
        gate_guard_unknown(s);
}

/* `ticket`: of the command's own record, if it has one already; else 0. */
static void log_refused(struct gate_session *s, const struct link_frame *f,
                        const char *rule, const char *why, uint64_t ticket)
{
    struct record r;

    gate_log_begin(&r, s, EVENT_REFUSED, 0);
    gate_log_frame(&r, s, LEG_MASTER, f);
    record_text(&r, RECORD_VERDICT, "refuse");
    if (rule)
        record_text(&r, RECORD_RULE, rule);
    record_text(&r, RECORD_WHY, why);
    if (s->again_ticket != 0)
        log_again(&r, s);
    else if (ticket != 0)
        record_u64(&r, RECORD_COMMAND_SEQ, ticket);
    (void)gate_log_send(s->gate, &r);
    gate_operation_stopped(s, f, ticket, why);
}

/* ---- commands ---- */

/* What the record says with which a command that may pass is announced. */
struct announcement {
    const char *verdict; /* NULL: what the clearance says */
    const char *rule;
    const char *why;             /* in observe mode, what would have stopped it ... */
    const struct verdict *fault; /* ... if that is a fault */
    bool alarm;                  /* an alarm follows */
    uint32_t permit;             /* by which it passes; 0: none */
};

static void remember_command(struct gate_session *s, const struct link_frame *f,
                             uint64_t ticket)
{
    struct gate_command *c = &s->command[s->command_next];
    struct asdu a;

    (void)parse(s, f->asdu, f->asdu_size, LEG_MASTER, &a);
    if (a.inner)
        (void)parse(s, a.inner, a.inner_size, LEG_MASTER, &a);
    s->command_next = (s->command_next + 1) % GATE_COMMANDS;
    c->ticket = ticket;
    c->sent_ms = loop_now(&s->gate->child.loop);
    c->type = a.type_id;
    c->ca = a.ca;
    c->ioa = a.ioa;
    gate_limits_forwarded(s, &a);
    gate_operation_sent(s, &a, ticket);
}

static bool announce(struct gate_session *s, const struct link_frame *f, uint64_t ticket,
                     const struct announcement *a, const struct clearance *c)
{
    const bool granted = clearance_is_granted(c);
    struct record r;

    record_begin(&r, granted ? EVENT_COMMAND : EVENT_WOULD_REFUSE, ticket, !c->async);
    record_u64(&r, RECORD_SESSION, s->id);
    record_u64(&r, RECORD_ROUTE, s->route->index);
    record_u64(&r, RECORD_COMMAND_SEQ, ticket);
    gate_log_frame(&r, s, LEG_MASTER, f);
    record_text(&r, RECORD_VERDICT,
                a->verdict ? a->verdict
                : granted  ? "pass"
                           : "would-refuse");
    if (a->rule)
        record_text(&r, RECORD_RULE, a->rule);
    if (a->why)
        record_text(&r, RECORD_WHY, a->why);
    if (a->fault)
        log_verdict(&r, *a->fault);
    gate_permit_record(&r, a->permit);
    if (!gate_log_send(s->gate, &r))
        return false;
    if (a->alarm)
        gate_alarm_command(s, f, ticket, a->rule);
    return true;
}

const char *gate_commands_closed(const struct gate_session *s)
{
    if (s->route->commands_closed)
        return "operator";
    if (gate_trust_no_commands(s))
        return "crl-stale";
    if (s->monitor_only[0] != '\0')
        return s->monitor_only;
    return gate_log_is_broken(s->gate) ? "log-unavailable" : NULL;
}

/* A command whose record is where it has to be. */
static void send_command(struct gate_session *s, const struct link_frame *f,
                         const struct clearance *c)
{
    if (!clearance_opens(c)) {
        log_refused(s, f, NULL, "not-cleared", c->record);
        refuse(s, LEG_MASTER, f, REPLY_REFUSED);
        return;
    }
    remember_command(s, f, c->record);
    (void)gate_forward(s->link, c);
}

/* It was announced already, under the policy that was. */
static void command_again(struct gate_session *s, const struct link_frame *f,
                          const struct announcement *a, struct clearance *c,
                          const char *closed)
{
    struct clearance told = *c;

    told.async = true; /* nobody waits for it */
    if (closed) {
        log_refused(s, f, a->rule, closed, s->again_ticket);
        refuse(s, LEG_MASTER, f, REPLY_REFUSED);
        return;
    }
    if (!clearance_is_granted(c))
        (void)announce(s, f, s->again_ticket, a, &told);
    else if (a->alarm)
        gate_alarm_command(s, f, s->again_ticket, a->rule);
    clearance_announced(c, s->again_ticket);
    (void)clearance_acknowledged(c, s->again_ticket, true);
    send_command(s, f, c);
}

/* No command reaches the station before its record is on disk. */
static void command(struct gate_session *s, const struct link_frame *f,
                    const struct announcement *a, struct clearance *c)
{
    struct gate *g = s->gate;
    uint64_t ticket = gate_log_ticket(g);
    const char *closed = gate_commands_closed(s);

    if (s->again_ticket != 0) {
        command_again(s, f, a, c, closed);
        return;
    }
    if (!closed && !announce(s, f, ticket, a, c))
        closed = "log-unavailable";
    if (closed) {
        log_refused(s, f, a->rule, closed, 0);
        refuse(s, LEG_MASTER, f, REPLY_REFUSED);
        return;
    }
    clearance_announced(c, ticket);
    if (c->async) {
        send_command(s, f, c);
        return;
    }
    s->held = *c;
    s->held_ticket = ticket;
    s->held_permit = a->permit;
    s->held_again = false;
    s->held_since_ms = loop_now(&g->child.loop);
    hold(s, f);
}

/* ---- one frame ---- */

static void log_fault(struct gate_session *s, enum link_leg leg,
                      const struct link_frame *f, struct verdict v, const char *verdict)
{
    struct record r;

    s->malformed++;
    gate_log_begin(&r, s, EVENT_ASDU, 0);
    gate_log_frame(&r, s, leg, f);
    record_text(&r, RECORD_VERDICT, verdict);
    log_verdict(&r, v);
    log_again(&r, s);
    (void)gate_log_send(s->gate, &r);
    if (s->again_ticket != 0)
        gate_operation_stopped(s, f, s->again_ticket, reason_name(v.reason));
}

/* What the station sent needs no record. */
static void forward(struct gate_session *s, enum link_leg leg, const struct link_frame *f,
                    const struct clearance *c)
{
    if (!gate_forward(s->link, c))
        drop(s, leg, f);
}

/* The validator found a fault. */
static void judge_fault(struct gate_session *s, enum link_leg leg,
                        const struct link_frame *f, struct verdict v, struct clearance *c)
{
    enum reaction reaction = reply_reaction(v.reason, direction_of(leg));
    const struct announcement observed = {.fault = &v};

    /* Structure never passes, not even where only observing. */
    if (!s->route->enforce && reason_info(v.reason)->class == REASON_CLASS_MEANING) {
        if (leg == LEG_MASTER) {
            s->malformed++;
            command(s, f, &observed, c);
            return;
        }
        log_fault(s, leg, f, v, "would-drop");
        forward(s, leg, f, c);
        return;
    }
    switch (reaction) {
    case REACTION_ANSWER:
        log_fault(s, leg, f, v, "refuse");
        refuse(s, leg, f, reply_kind_for(v.reason));
        return;
    case REACTION_DROP:
        log_fault(s, leg, f, v, "drop");
        drop(s, leg, f);
        return;
    case REACTION_CLOSE: break;
    }
    log_fault(s, leg, f, v, "close");
    gate_session_close(s, reason_name(v.reason), (int)leg, NULL);
}

/* 101 clause 7.2.3: what a station does not know it mirrors, with the cause that says
 * what it does not know.  Where that is wanted, the points of the policy are the
 * station's. */
static enum reply_kind refusal_of(const struct gate_session *s,
                                  const struct policy_decision *d,
                                  const struct asdu *asdu)
{
    static const enum reply_kind kinds[] = {
        [POLICY_KNOWS] = REPLY_REFUSED,
        [POLICY_UNKNOWN_TYPE] = REPLY_UNKNOWN_TYPE,
        [POLICY_UNKNOWN_OBJECT] = REPLY_UNKNOWN_IOA,
    };

    if (!s->route->mirror_unknown || d->rule != POLICY_DEFAULT)
        return REPLY_REFUSED;
    return kinds[policy_knows(s->policy, DIR_CONTROL, asdu)];
}

static void judge_command(struct gate_session *s, const struct link_frame *f,
                          const struct policy_decision *d, const struct asdu *asdu,
                          struct clearance *c)
{
    const bool passes = clearance_is_granted(c);
    /* What is judged again was counted the first time. */
    const char *guard = s->again_ticket != 0 ? NULL : gate_guard_command(s, f, asdu);
    uint32_t permit = 0;
    const char *why =
        guard || !passes ? guard : gate_permit_check(s, d->rule, asdu, &permit);
    const bool allowed = passes && !why;
    const struct announcement a = {
        .verdict = gate_alarm_verdict(s, d->action, allowed),
        .rule = d->name,
        .why = d->action == POLICY_MUTE ? "monitor-only" : why,
        .alarm = allowed && d->action == POLICY_ALARM && s->route->enforce,
        .permit = permit,
    };
    struct record r;

    if (s->state != GATE_OPEN)
        return;
    clearance_stop(c, why);
    if (clearance_is_granted(c) || !s->route->enforce) {
        command(s, f, &a, c);
        return;
    }
    if (passes || d->action == POLICY_REFUSE || d->action == POLICY_MUTE) {
        log_refused(s, f, d->name, why ? why : "policy", s->again_ticket);
        /* In front of the answer, which takes the place of the command's octets. */
        if (d->action == POLICY_MUTE && s->monitor_only[0] == '\0')
            gate_alarm_mute(s, f, d->name);
        refuse(s, LEG_MASTER, f, why ? REPLY_REFUSED : refusal_of(s, d, asdu));
        return;
    }
    gate_log_begin(&r, s, EVENT_DROPPED, 0);
    gate_log_frame(&r, s, LEG_MASTER, f);
    record_text(&r, RECORD_VERDICT, policy_action_name(d->action));
    record_text(&r, RECORD_RULE, d->name);
    log_again(&r, s);
    (void)gate_log_send(s->gate, &r);
    gate_operation_stopped(s, f, s->again_ticket, "policy");
    if (d->action == POLICY_CLOSE)
        gate_session_close(s, "policy", LEG_MASTER, d->name);
    else
        drop(s, LEG_MASTER, f);
}

static void judge_monitor(struct gate_session *s, const struct link_frame *f,
                          const struct policy_decision *d, const struct asdu *a,
                          const struct clearance *c)
{
    const bool passes = clearance_is_granted(c);
    struct record r;

    gate_answer(s, f, a);
    gate_operation_value(s, a);
    gate_step_told(s, a);
    gate_guard_heard(s, f, a);
    if (s->state != GATE_OPEN)
        return;
    if (passes || !s->route->enforce)
        gate_point_passed(s, f, a);
    if (d->action != POLICY_PASS) {
        gate_log_begin(&r, s, gate_alarm_event(s, d->action), 0);
        gate_log_frame(&r, s, LEG_STATION, f);
        record_text(&r, RECORD_VERDICT,
                    passes              ? gate_alarm_verdict(s, d->action, true)
                    : s->route->enforce ? policy_action_name(d->action)
                                        : "would-drop");
        record_text(&r, RECORD_RULE, d->name);
        (void)gate_log_send(s->gate, &r);
    }
    if (passes || !s->route->enforce)
        forward(s, LEG_STATION, f, c);
    else if (d->action == POLICY_CLOSE)
        gate_session_close(s, "policy", LEG_STATION, d->name);
    else
        drop(s, LEG_STATION, f);
}

/* 60870-5-7 passes between the stations as it is: no rule speaks of it, and no octet of
 * it may change. */
static void judge_secauth(struct gate_session *s, enum link_leg leg,
                          const struct link_frame *f, struct clearance *c)
{
    const struct announcement a = {.rule = NULL};

    if (leg == LEG_MASTER)
        command(s, f, &a, c);
    else
        forward(s, leg, f, c);
}

static void judge_frame(struct gate_session *s, enum link_leg leg,
                        const struct link_frame *f)
{
    struct policy_decision d;
    struct clearance c;
    struct asdu a;
    struct verdict v = parse(s, f->asdu, f->asdu_size, leg, &a);

    if (leg == LEG_MASTER && s->again_ticket == 0)
        s->counted_rate = 0; /* of the command before */
    clearance_begin(&c, f->ticket, direction_of(leg), !s->route->enforce,
                    !s->gate->config.commands_sync);
    clearance_judged(&c, v);
    if (v.reason != REASON_OK) {
        judge_fault(s, leg, f, v, &c);
        return;
    }
    if (a.tolerated != 0)
        gate_log_tolerated(s, leg, f, a.tolerated);
    if (a.inner) {
        clearance_judged(&c, parse(s, a.inner, a.inner_size, leg, &a));
    } else if (a.type->layout == TYPE_LAYOUT_SECAUTH) {
        clearance_secauth(&c, &a);
        judge_secauth(s, leg, f, &c);
        return;
    }
    gate_asker_decide(s, direction_of(leg), &a, &d);
    clearance_decided(&c, &d);
    if (leg == LEG_MASTER)
        judge_command(s, f, &d, &a, &c);
    else
        judge_monitor(s, f, &d, &a, &c);
}

void gate_judge_release(struct gate_session *s, uint64_t ticket, bool durable)
{
    const char *why = "log-unavailable";
    struct link_frame f;

    if (!link_held(s->link, LEG_MASTER, &f))
        return;
    if (clearance_acknowledged(&s->held, ticket, durable) && durable) {
        why = s->held_again ? NULL : gate_commands_closed(s);
        if (!why && !s->held_again)
            why = gate_permit_lapsed(s, s->held_permit);
    }
    clearance_stop(&s->held, why);
    if (why) {
        log_refused(s, &f, NULL, why, ticket);
        refuse(s, LEG_MASTER, &f, REPLY_REFUSED);
    } else if (s->held_again) {
        s->again_ticket = ticket;
        judge_frame(s, LEG_MASTER, &f);
        s->again_ticket = 0;
    } else {
        send_command(s, &f, &s->held);
    }
}

/* What comes from the master makes records, so it waits while the log is behind; frames
 * of the station never do. */
bool gate_judge_next(const struct gate_session *s, enum link_leg leg,
                     struct link_frame *f)
{
    return (leg == LEG_STATION || gate_log_keeps_up(s->gate)) &&
           link_next(s->link, leg, f);
}

void gate_judge(struct gate_session *s)
{
    struct link_frame f;

    /* Every turn decides a frame, and a link holds a bounded number of them. */
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        while (s->state == GATE_OPEN && gate_judge_next(s, (enum link_leg)leg, &f))
            judge_frame(s, (enum link_leg)leg, &f);
    }
}
