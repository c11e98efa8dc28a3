/* The gate: framing, validation, policy and relay of all sessions of its routes.
 * Private to the gate process; single-threaded. */
#ifndef GATE104_PROXY_GATE_H
#define GATE104_PROXY_GATE_H

#include "certs/identity.h"
#include "certs/security_event.h"
#include "policy/asdu.h"
#include "policy/clearance.h"
#include "policy/guard.h"
#include "policy/permit.h"
#include "policy/policy.h"
#include "policy/select.h"
#include "policy/step.h"
#include "policy/throttle.h"
#include "proxy/gate_forward.h"
#include "proxy/gate_update.h"
#include "proxy/link.h"
#include "proxy/operation.h"
#include "proxy/point_meter.h"
#include "proxy/record.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"

#include <time.h>

/* Where a leg reads: one message of the tls process behind what was left. */
#define GATE_INPUT_SIZE ((size_t)2 * IMSG_SIZE_MAX)
/* Records that may wait for room in the channel to audit. */
#define GATE_RECORD_QUEUE 64u
/* Messages of recorded APDUs that may wait: what a station says at once while audit
 * syncs. */
#define GATE_RECORDED_QUEUE 64u
/* Commands whose confirmation is awaited, per session; older ones are forgotten. */
#define GATE_COMMANDS 32u
/* Of the word that says why a session's commands are refused; its NUL included. */
#define GATE_WHY_MAX 32u

struct gate;
struct gate_session;

enum leg_kind { LEG_NONE, LEG_PLAIN, LEG_TLS };

/* One side of a session: a TCP connection, or the pair to a tls process. */
struct gate_leg {
    struct gate_session *session;
    enum link_leg side;
    enum leg_kind kind;
    struct imsg_channel ch; /* ch.fd is the TCP socket of a plain leg, too */
    struct loop_watch watch;
    uint64_t heard_ms;   /* when the last octets came */
    uint64_t partial_ms; /* when the first octet of an incomplete APDU came; 0: none */
    size_t recorded;     /* octets of the next output whose APDU is in the recording */
    uint64_t blocked_ms; /* since when writing does not take everything; 0: it does */
    size_t input_size;
    uint8_t *input;   /* rest, backlog, or that of the gate while a round lasts */
    uint8_t *backlog; /* NULL, unless there is more than `rest` has room for */
    uint8_t rest[APDU_SIZE_MAX];
};

enum gate_state {
    GATE_IDENTIFY, /* waiting for the tls process's word on the peer */
    GATE_DIAL,     /* waiting for the broker's connection */
    GATE_OPEN,     /* relaying */
    GATE_CLOSED,   /* to be freed at the end of the round */
};

/* A command that went through, until its confirmation or termination came back. */
struct gate_command {
    uint64_t ticket; /* 0: free */
    uint64_t sent_ms;
    uint32_t ioa;
    uint16_t ca;
    uint8_t type;
};

struct gate_session {
    struct gate *gate;
    uint64_t id;
    const struct gate_route *route;
    const struct policy *policy;
    enum gate_state state;
    struct msg_endpoint source; /* of the accepted connection */
    struct msg_endpoint target; /* of the dialled one; family 0 until known */
    bool identified;
    struct peer_identity peer;
    uint16_t warnings; /* set of IDENTITY_WARN_* */
    bool roles_asked;  /* who the master is, is known as well as it will be */
    bool roles_matter; /* the policy has rules for certain roles */
    uint32_t role_events_told;
    struct role_set roles;
    struct policy_asker asker;
    int64_t asker_minute;  /* since 1970 that asker.times is of; INT64_MIN: none */
    const char *end_event; /* IEC 62351 event of its end, or NULL */
    struct gate_leg leg[LINK_LEGS];
    struct link *link;
    void *link_memory;
    bool started;                    /* as last logged */
    char monitor_only[GATE_WHY_MAX]; /* why it may command no more; "": it may */
    uint64_t opened_ms;
    struct clearance held; /* of the held command */
    uint64_t held_ticket;  /* of the record the held command waits for; 0: none */
    uint64_t held_since_ms;
    uint32_t held_permit;  /* by which it may pass; 0: it needs none */
    bool held_again;       /* there is another policy since: it is to be judged anew */
    uint64_t again_ticket; /* of a held command while it is; else 0 */
    uint64_t counted_rate; /* policy_rule_rate_key of the last command that was counted */
    uint64_t reply_last;   /* refusals up to this I-frame to the master run under t1 */
    uint64_t reply_ms;     /* since when; 0: none does */
    struct select_table selected;
    struct guard_session guarded;
    struct gate_command command[GATE_COMMANDS];
    unsigned int command_next;
    struct operations *operations; /* NULL before the first command */
    struct point_meter points;
    uint64_t rekey_told_ms;             /* last record on new keys; 0: none */
    uint64_t malformed;                 /* APDUs that broke a rule */
    uint64_t tolerated;                 /* ASDUs that a quirk of the route let through */
    uint32_t tolerated_told[LINK_LEGS]; /* quirks: a record was written */
    struct loop_timer timer;
    struct gate_session *next;
};

struct gate_queued {
    size_t size;
    uint8_t payload[IMSG_PAYLOAD_MAX];
};

struct gate_dropped {
    uint32_t leg[RECORDED_LEGS];
};

/* A RECORDED that waits, of one session. */
struct gate_recorded {
    size_t size; /* octets */
    uint64_t session;
    size_t place; /* of the route in config.route */
    uint8_t payload[IMSG_PAYLOAD_MAX];
};

/* APDUs for the recordings of routes. */
struct gate_recording {
    uint64_t sent, taken;         /* messages, on this channel */
    struct gate_recorded *queue;  /* GATE_RECORDED_QUEUE; NULL: no route is recorded */
    unsigned int head, count;     /* the last of them is added to */
    struct gate_dropped *dropped; /* not told yet, by place in config.route */
    bool untold;
};

struct gate {
    struct child child;
    struct gate_config config;
    struct policy **policy;         /* by place in config.route */
    struct throttle_table *rates;   /* NULL: no rule has a rate */
    struct step_table **steps;      /* by place in config.route; NULL: no rule has one */
    struct guard_set **guards;      /* by place in config.route; NULL: it has none */
    struct guard_set **guards_next; /* the same, of policies that may come */
    struct permit_table **permits;  /* the same; NULL: there was none yet */
    struct gate_update update;
    struct imsg_channel broker;
    struct loop_watch broker_watch;
    struct imsg_channel audit;
    struct loop_watch audit_watch;
    struct gate_session *sessions;
    bool stopping;
    struct loop_timer stop_timer;
    /* Records of failed handshakes: whoever can reach the port can cause them, so at most
     * a burst, then counted. */
    uint32_t failure_tokens;
    uint32_t failures_untold;
    /* log */
    uint64_t ticket_last;
    uint8_t clock;              /* enum log_clock, as the monitor told it last */
    bool monitor_only;          /* the log does not work: commands are refused */
    uint8_t pressure;           /* enum log_pressure, as audit told it last */
    struct point_bucket points; /* for records of all sessions */
    bool probing;               /* a probe record is on its way */
    uint64_t probe_ticket;
    struct loop_timer log_timer;
    uint64_t untold; /* records lost since the last one that was sent */
    struct gate_recording recording;
    struct gate_queued queue[GATE_RECORD_QUEUE];
    unsigned int queue_head, queue_count;
    uint64_t queue_moved_ms; /* when audit last took one, or the first began to wait */
    uint8_t input[GATE_INPUT_SIZE]; /* of the leg that is read in this round */
};

/* ---- gate_session.c: life of a session ---- */

/* A message of the broker.  IMSG_BAD: it broke the rules. */
enum imsg_status gate_broker_message(struct gate *g, struct imsg *m);
struct gate_session *gate_session_find(struct gate *g, uint64_t id);
/* Ends a session: one record, both legs closed, the broker told.  `why` is a short stable
 * word, `side` LEG_MASTER, LEG_STATION or -1.  Memory goes at the end of the round. */
void gate_session_close(struct gate_session *s, const char *why, int side,
                        const char *detail);
/* Both legs are there: begin to relay. */
void gate_session_open(struct gate_session *s);
void gate_session_ask_dial(struct gate_session *s);
/* Tells the broker of what was closed, and frees it. */
void gate_session_sweep(struct gate *g);
/* The session's timer shall run at the latest at `due_ms`. */
void gate_session_wake(struct gate_session *s, uint64_t due_ms);

/* ---- gate_leg.c: octets in, octets out ---- */

/* `worker`: number of the tls process at the other end, for LEG_TLS. */
void gate_leg_attach(struct gate_leg *leg, enum leg_kind kind, int fd, uint32_t worker);
void gate_leg_close(struct gate_leg *leg);
/* One round of the relay after any event: parse, judge, write, set what to wait for. */
void gate_leg_pump(struct gate_session *s);
/* Writes what is ready, once, without waiting for more room. */
void gate_leg_flush(struct gate_leg *leg);

/* ---- gate_input.c: where a leg's input lies ---- */

void gate_input_init(struct gate_leg *leg);
/* Before reading: what is left goes to the gate's buffer, with room for GATE_INPUT_SIZE
 * octets in all, until gate_input_settle() in the same round. */
void gate_input_widen(struct gate_leg *leg);
/* After a round.  False: no memory for what the relay had no room for. */
bool gate_input_settle(struct gate_leg *leg);
/* Drops what is left. */
void gate_input_free(struct gate_leg *leg);

/* ---- gate_role.c: the master's roles ---- */

/* Finds out which roles the master has, where the policy asks for them: once it is known
 * who it is, or nobody with a certificate. */
void gate_role_evaluate(struct gate_session *s);
/* The same with another policy; tells only what it has not told before. */
void gate_role_renew(struct gate_session *s);
/* Puts them into a record, where they matter. */
void gate_role_record(struct record *r, const struct gate_session *s);

/* ---- gate_asker.c: who asks, from where, and when ---- */

/* What the policy asks of the master: once it is known who it is and which roles it has,
 * and again for another policy. */
void gate_asker_find(struct gate_session *s);
/* The policy's word on an ASDU of this direction from or for this master. */
void gate_asker_decide(struct gate_session *s, enum direction direction,
                       const struct asdu *a, struct policy_decision *out);
/* MSG_GATE_CLOCK.  False: it broke the rules. */
bool gate_asker_clock_told(struct gate *g, struct imsg *m);
/* What time it is; false: nobody knows, by the policy's measure. */
bool gate_asker_clock(const struct gate_session *s, struct timespec *now);

/* ---- gate_trust.c: a peer's certificate, while the session runs ---- */

/* The tls process ended the session because of it.  False: it ended for another reason.
 */
bool gate_trust_closed(struct gate_leg *leg, const struct msg_tls_closed *c);
/* What is to be warned of; at the session's begin, and when it changes. */
void gate_trust_warnings(struct gate_session *s, uint16_t warnings);
/* True if this peer may not command now: its CA's list is too long out of date. */
bool gate_trust_no_commands(const struct gate_session *s);

/* ---- gate_status.c: what the operator asks ---- */

enum imsg_status gate_status_message(struct gate *g, struct imsg *m);

/* ---- gate_update.c: new policies ---- */

void gate_update_init(struct gate *g);
/* UPDATE_BEGIN, UPDATE_DATA, POLICY_STEP. */
enum imsg_status gate_update_message(struct gate *g, struct imsg *m);
/* RECORD_ACK.  False: it is of another record, or has a meaning for others, too. */
bool gate_update_acked(struct gate *g, uint64_t ticket, bool durable);
/* No record will be written for now. */
void gate_update_log_lost(struct gate *g);

/* ---- gate_rekey.c: the keys of a session ---- */

/* MSG_TLS_REKEY.  False: it broke the rules. */
bool gate_rekey_told(struct gate_leg *leg, struct imsg *m);
/* Ends the session if it ended over its keys; `beyond`: what is known more, or "". */
bool gate_rekey_closed(struct gate_leg *leg, const struct msg_tls_closed *c,
                       const char *beyond);

/* ---- gate_limits.c: select before operate, and how often ---- */

/* Makes room to count what the policy of a place in config.route wants counted.  False:
 * out of memory. */
bool gate_limits_ready(struct gate *g, size_t route, const struct policy *policy);
/* Why a command that the rule lets pass may not pass now, and counts it if it may: a
 * stable word; NULL: it may. */
const char *gate_limits_check(struct gate_session *s, int32_t rule, const struct asdu *a);
/* A command goes to the station; what the station answered. */
void gate_limits_forwarded(struct gate_session *s, const struct asdu *a);
void gate_limits_answered(struct gate_session *s, const struct asdu *a);

/* ---- gate_step.c: how far from the set point before ---- */

/* As gate_limits_ready(). */
bool gate_step_ready(struct gate *g, size_t route, const struct policy *policy);
/* A word as of gate_limits_check. */
const char *gate_step_check(const struct gate_session *s,
                            const struct policy_limits *limits, const struct asdu *a);
void gate_step_forwarded(const struct gate_session *s, const struct asdu *a);
void gate_step_answered(const struct gate_session *s, const struct asdu *a);
/* The station's values, for set points of which nothing is known. */
void gate_step_told(const struct gate_session *s, const struct asdu *a);

/* ---- gate_age.c: how old a time tag ---- */

/* A word as of gate_limits_check. */
const char *gate_age_check(const struct gate_session *s,
                           const struct policy_limits *limits, const struct asdu *a);
/* The same of the tag itself, at this UTC time. */
const char *gate_age_word(const struct policy_askers *t, const uint8_t *tag,
                          int64_t now_ms, uint32_t age_ms);

/* ---- gate_alarm.c: alarms, and the end of commands ---- */

/* What the record of a command that goes on says of it. */
const char *gate_alarm_verdict(const struct gate_session *s, enum policy_action action,
                               bool allowed);
/* Which record is made of what a rule does to a frame of the station. */
enum event gate_alarm_event(const struct gate_session *s, enum policy_action action);
/* The alarm beside the record of a command that passes; `ticket` of that. */
void gate_alarm_command(struct gate_session *s, const struct link_frame *f,
                        uint64_t ticket, const char *rule);
/* The session's commands are over; its data goes on. */
void gate_alarm_mute(struct gate_session *s, const struct link_frame *f,
                     const char *rule);

/* ---- gate_guard.c: what no single command shows ---- */

/* Behind load of the policies.  False: out of memory. */
bool gate_guard_init(struct gate *g);
/* The route may get this policy: makes what its guards need, so that the change cannot
 * fail.  False: out of memory. */
bool gate_guard_ready(struct gate *g, size_t route, const struct policy *policy);
/* It got another policy.  Guards that are no others go on as they were; others begin
 * anew, with the sessions there are.  False: out of memory, which cannot be behind
 * gate_guard_ready; the guards stay. */
bool gate_guard_change(struct gate *g, size_t route);
/* A session is open; it ends. */
void gate_guard_begin(struct gate_session *s);
void gate_guard_end(struct gate_session *s);
/* An APDU of the master, before the relay takes it; only U-frames matter here.  May close
 * the session. */
void gate_guard_link(struct gate_session *s, const uint8_t *apdu);
/* A command, before it is decided upon: why it is to be refused, a stable word; NULL: as
 * far as guards go it may pass.  May close the session. */
const char *gate_guard_command(struct gate_session *s, const struct link_frame *f,
                               const struct asdu *a);
/* An ASDU of the station; an answer with causes 44 to 47 that was made here.  May close
 * the session. */
void gate_guard_heard(struct gate_session *s, const struct link_frame *f,
                      const struct asdu *a);
void gate_guard_unknown(struct gate_session *s);
/* ---- gate_permit.c: permits ---- */

/* False: out of memory. */
bool gate_permit_init(struct gate *g);
/* MSG_PERMIT and MSG_PERMIT_REVOKE. */
enum imsg_status gate_permit_message(struct gate *g, struct imsg *m);
/* gate_limits_check, and the permit that the rule may ask for beside it: *permit is the
 * number of the one that was used for the command, or 0. */
const char *gate_permit_check(struct gate_session *s, int32_t rule, const struct asdu *a,
                              uint32_t *permit);
/* Names it, if there is one. */
void gate_permit_record(struct record *r, uint32_t permit);
/* Why a command that was held meanwhile may not pass by its permit any more; NULL: it
 * may, or needs none. */
const char *gate_permit_lapsed(const struct gate_session *s, uint32_t permit);

/* ---- gate_answer.c: what the station answers to commands ---- */

/* An ASDU of the station; what is no answer is passed over. */
void gate_answer(struct gate_session *s, const struct link_frame *f,
                 const struct asdu *a);

/* ---- gate_judge.c: what may pass ---- */

/* Why no command of this session may pass now, whatever the policy says: a stable word;
 * NULL: commands are judged. */
const char *gate_commands_closed(const struct gate_session *s);
/* From now on every command of this session is refused with `why`, a short stable word of
 * printable ASCII, until it ends.  The first word stays.  Who asks for it makes the
 * record. */
void gate_session_monitor_only(struct gate_session *s, const char *why);

/* The frame of a leg that is to be judged now. */
bool gate_judge_next(const struct gate_session *s, enum link_leg leg,
                     struct link_frame *f);
/* Judges every frame that is due, on both legs.  May close the session. */
void gate_judge(struct gate_session *s);
/* The log's word on the held command: forward it, or refuse it. */
void gate_judge_release(struct gate_session *s, uint64_t ticket, bool durable);

/* ---- gate_operation.c: what became of a command ---- */

/* A command goes to the station; `ticket` of its record. */
void gate_operation_sent(struct gate_session *s, const struct asdu *a, uint64_t ticket);
/* A command does not; `ticket` is 0 if it has no record that says it would. */
void gate_operation_stopped(struct gate_session *s, const struct link_frame *f,
                            uint64_t ticket, const char *why);
/* The station answered a command: the ticket of which; 0: not known.  What closes by it
 * is told by gate_operation_tell(). */
uint64_t gate_operation_answered(struct gate_session *s, const struct asdu *a);
/* Bits of the quality that goes with a value, as in QDS. */
uint8_t gate_operation_quality(const struct type_info *type, const uint8_t *element);
/* A station's values, which may be the state a command led to. */
void gate_operation_value(struct gate_session *s, const struct asdu *a);
void gate_operation_tell(struct gate_session *s);
/* Ends what is overdue; gives when the next is, or UINT64_MAX. */
uint64_t gate_operation_supervise(struct gate_session *s);
/* All that is open ends with the session; the link is still there. */
void gate_operation_end(struct gate_session *s);

/* ---- gate_point.c: records of values ---- */

/* An ASDU of the station went to the master. */
void gate_point_passed(struct gate_session *s, const struct link_frame *f,
                       const struct asdu *a);
/* Tells what was counted instead. */
void gate_point_tell(struct gate_session *s);
/* The same if it is due; gives when it will be, or UINT64_MAX. */
uint64_t gate_point_supervise(struct gate_session *s);

/* ---- gate_recording.c: every APDU, on routes that are recorded ---- */

/* False: out of memory. */
bool gate_recording_init(struct gate *g);
/* The channel to audit is new. */
void gate_recording_begin(struct gate *g);
/* MSG_RECORDED_ACK.  False: it broke the rules. */
bool gate_recording_taken(struct gate *g, struct imsg *m);
/* An APDU that came, or octets that are none. */
void gate_recording_came(struct gate_leg *leg, const uint8_t *p, size_t n);
/* The first n octets at p have left, of `whole` that are APDUs behind what is left of
 * one. */
void gate_recording_left(struct gate_leg *leg, const uint8_t *p, size_t n, size_t whole);
/* Sends what there is; at the end of a round. */
void gate_recording_flush(struct gate *g);
/* True when nothing of it waits for audit any more. */
bool gate_recording_idle(const struct gate *g);

/* ---- gate_failure.c: while the log does not work ---- */

/* MSG_LOG_PRESSURE.  False: it broke the rules. */
bool gate_failure_pressure(struct gate *g, struct imsg *m);
/* At the end of a round: ends the sessions, old and new, where nothing shall pass without
 * a log. */
void gate_failure_turn(struct gate *g);

/* ---- gate_log.c: records ---- */

void gate_log_channel(struct gate *g, uint32_t id, int fd);
/* Begins a record with session and route (if s is not NULL). */
void gate_log_begin(struct record *r, const struct gate_session *s, enum event event,
                    uint64_t ticket);
/* Puts an APDU into a record, and who sent it. */
void gate_log_frame(struct record *r, const struct gate_session *s, enum link_leg leg,
                    const struct link_frame *f);
/* Sends or queues it.  False: it was lost (and will be counted). */
bool gate_log_send(struct gate *g, struct record *r);
/* Sends it if nothing else waits, and else forgets it: false. */
bool gate_log_offer(struct gate *g, struct record *r);
uint64_t gate_log_ticket(struct gate *g);
/* The record of octets that are no APDU, or of one that breaks the link. */
void gate_log_malformed(struct gate_leg *leg, struct verdict v, const uint8_t *p,
                        size_t n);
/* The first time in a session that a quirk is needed is told, then it is only counted. */
void gate_log_tolerated(struct gate_session *s, enum link_leg leg,
                        const struct link_frame *f, uint32_t quirks);
/* Puts who the peer is into a record. */
void gate_log_peer(struct record *r, const struct gate_session *s);
/* Names the security event; nothing for SECURITY_NONE. */
void gate_log_security(struct record *r, enum record_tag tag, enum security_event event);
const char *gate_log_side(int side);
/* gate_warn.c: the records of what the worker could not find out about the peer. */
void gate_warn_ocsp(struct gate_session *s);
/* True if a handshake failure may have a record of its own now. */
bool gate_log_may_tell_failure(struct gate *g);
/* True while there is room for more records than one round makes. */
bool gate_log_has_room(const struct gate *g);
/* False while what the master sends shall wait, unjudged, until audit has taken records.
 * With a log that does not work nothing waits: commands are refused, lost records
 * counted. */
bool gate_log_keeps_up(const struct gate *g);
/* True while no command may pass for the log's sake. */
static inline bool gate_log_is_broken(const struct gate *g)
{
    return g->monitor_only || g->pressure >= LOG_PRESSURE_REFUSE;
}
/* True when nothing waits for the audit process any more. */
bool gate_log_idle(const struct gate *g);

#endif
