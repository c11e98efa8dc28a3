/* The monitor: starts the roles, joins them with channels, restarts what dies, stops all.
 * Private to gate104d; single-threaded.  It parses nothing that comes from a network. */
#ifndef GATE104_PROXY_MONITOR_H
#define GATE104_PROXY_MONITOR_H

#include "proxy/config.h"
#include "proxy/monitor_notify.h"
#include "proxy/monitor_policy.h"
#include "proxy/record.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"
#include "sandbox/rate.h"

#include <stdbool.h>
#include <sys/types.h>

/* Records kept while audit is not there to take them. */
#define MONITOR_RECORDS 32u

struct monitor;
struct control;
struct permits;

enum proc_state {
    PROC_DOWN,     /* not running; restarts when its timer expires */
    PROC_STARTING, /* configuration sent, READY awaited */
    PROC_READY,    /* waits for the others before START (broker) */
    PROC_RUNNING,
    PROC_STOPPING, /* STOP said, end awaited */
};

/* One role process, or the place for one. */
struct proc {
    struct monitor *monitor;
    enum role role;
    uint32_t id;
    enum proc_state state;
    pid_t pid;
    uid_t uid; /* that it becomes; 0: it stays what the monitor is */
    struct imsg_channel control;
    struct loop_watch watch;
    struct loop_timer timer; /* start time-out, restart, stop time-out */
    uint8_t *cfg;            /* what it is told at each start; owned */
    size_t cfg_size;
    size_t cfg_sent;
    bool begun;     /* CFG_BEGIN was sent */
    bool taken;     /* tls: gets no further session */
    uint32_t gate;  /* tls, if it is taken: the gate of its last session */
    bool transient; /* tls: its place goes with it */
    uint64_t started_ms;
    uint32_t failures; /* ends in a row that were soon or unasked */
    uint32_t notes;    /* lines for the operator in this interval */
    uint64_t notes_since_ms;
    struct rate tells;    /* signer: records it may ask for */
    struct rate accuses;  /* records of accusations that end nobody */
    unsigned int missing; /* layers of its sandbox, sandbox/layers.h */
    int forbidden_call;   /* that it says it tried; -1: none */
    int clock_told;       /* audit, gate: enum log_clock; -1: not yet */
    /* tls: certificates, anchors and lists that it gets while it runs */
    struct trust_update *update; /* on its way to it; NULL: none */
    size_t update_sent;
    bool update_begun;
    uint32_t version;              /* of its group, what it has */
    bool retired;                  /* signer: has the keys that were before */
    struct policy_delivery policy; /* gate: new policies for it */
    struct proc *next;
};

/* A configuration on its way to the workers of a group. */
struct trust_update {
    unsigned int users; /* workers to which it is on its way */
    uint32_t version;
    size_t size;
    uint8_t data[];
};

/* The tls workers of one group of routes. */
struct worker_group {
    uint8_t *cfg; /* what a worker is told at its start */
    size_t cfg_size;
    struct trust_update *update; /* the same, if it is not what it was at the start */
    uint32_t version;
    uint32_t next_number;
    uint32_t failures;
    struct loop_timer timer;
    struct monitor *monitor;
    uint32_t group;
};

/* One certificate or list of which it was told that its end is near. */
struct expiry_told {
    uint8_t hash[32];
    int threshold;
};

#define EXPIRY_TOLD_MAX 512u

/* What the monitor reads again while it runs. */
struct monitor_reload {
    uint32_t signer;     /* number of the signer with the present keys */
    struct config *next; /* waits for gates, then for a signer with its keys; or NULL */
    bool again;          /* SIGHUP came meanwhile */
    char failure[300];   /* of the last one; "": it was taken */
    char note[160];      /* what of it waits for a restart */
    int inotify_fd;
    struct loop_watch inotify_watch;
    struct loop_timer crl_timer;
    uint8_t crl_failure[32]; /* hash of what was last found wrong with the lists */
    struct loop_timer expiry_timer;
    size_t told_count;
    struct expiry_told told[EXPIRY_TOLD_MAX];
};

/* The socket to syslog, monitor_ship.c. */
struct monitor_ship {
    struct loop_timer timer;
    bool away; /* nobody has it open; told */
};

struct monitor {
    struct loop loop;
    struct imsg scratch;
    struct config *config;
    uint32_t spare_workers;
    bool initial;  /* until everything ran once: a failure ends the start */
    int stop_step; /* 0: not stopping */
    int exit_status;
    struct proc *procs;
    struct monitor_reload reload;
    struct monitor_policy policy;
    struct notify notify;
    struct monitor_ship ship;
    struct control *control; /* NULL: not yet, or no more */
    struct permits *permits; /* the same */
    size_t group_count;
    struct worker_group *group;
    uint32_t incarnation; /* of the broker */
    unsigned int missing_told;
    int empty_net;      /* a network for who needs none; below 1: not to be had */
    unsigned int birth; /* namespaces it can give to roles, sandbox/birth.h */
    int signal_fd;
    struct loop_watch signal_watch;
    struct loop_timer clock_timer;
    struct msg_log_status log; /* as audit told it; no files: it did not */
    size_t record_count;
    struct {
        size_t size;
        uint8_t payload[IMSG_PAYLOAD_MAX];
    } record[MONITOR_RECORDS];
};

/* monitor_proc.c: one process */
/* A new place for a process; takes cfg.  NULL: out of memory. */
struct proc *monitor_proc_add(struct monitor *m, enum role role, uint32_t id,
                              uint8_t *cfg, size_t cfg_size);
void monitor_proc_start(struct proc *p);
void monitor_proc_send_start(struct proc *p);
void monitor_proc_stop(struct proc *p, uint64_t timeout_ms);
void monitor_proc_kill(struct proc *p);
/* Takes what the broker has said and nobody has read yet. */
void monitor_proc_hear_broker(struct monitor *m);
/* Collects every child that has ended. */
void monitor_proc_reap(struct monitor *m);
struct proc *monitor_proc_find(struct monitor *m, enum role role, uint32_t id);
/* User and group a role becomes; false (and a line to the operator) when there is none.
 */
bool monitor_role_user(const struct monitor *m, enum role role, uid_t *uid, gid_t *gid);

/* monitor_fleet.c: all of them together */
/* A process is ready, running, has ended; what follows from it. */
void monitor_fleet_ready(struct proc *p);
void monitor_fleet_running(struct proc *p);
void monitor_fleet_ended(struct proc *p, int wait_status);
void monitor_fleet_worker_taken(struct monitor *m, const struct msg_worker *taken);
void monitor_fleet_workers(struct monitor *m);
void monitor_fleet_stop(struct monitor *m, int exit_status);

/* monitor_violation.c: a process broke the message catalogue */
/* On a channel of the monitor. */
void monitor_violation_seen(struct monitor *m, const struct msg_violation *v);
/* On a channel of `reporter`, as he says. */
void monitor_violation_said(struct proc *reporter, const struct msg_violation *v);

/* monitor_sandbox.c */
/* Looks at a process from outside before it is told to START.  False: it must not run,
 * the reason is told and recorded. */
bool monitor_sandbox_good(struct proc *p);
/* Whether it is to be put into the empty network. */
bool monitor_sandbox_alone(const struct proc *p);
/* The namespaces in which it is started. */
unsigned int monitor_sandbox_birth(const struct proc *p);
/* A note of a process may be that it was caught (sandbox/trap.h). */
#define SANDBOX_CALL_MAX 100000u
void monitor_sandbox_heard(struct proc *p, const struct imsg *note);
/* How one ended that the sandbox has killed. */
void monitor_sandbox_end(const struct proc *p, char *out, size_t cap);
/* The layers that some process lacks. */
unsigned int monitor_sandbox_missing(const struct monitor *m);

/* monitor_start.c */
/* Makes the places of all roles from the configuration; starts nothing. */
bool monitor_build(struct monitor *m);
/* Frees what monitor_build made. */
void monitor_free(struct monitor *m);
/* Before the broker is started again: new session numbers. */
void monitor_renew_broker(struct proc *broker);
/* That each private key fits its certificate, as the signer sees it. */
void monitor_check_keys(const struct config *c, struct config_errors *errs);

/* A signer with the keys of `c`, under this number; NULL: out of memory. */
struct proc *monitor_add_signer(struct monitor *m, const struct config *c, uint32_t id);

/* monitor_reload.c: configuration, certificates and lists, while it runs */
/* Everything runs: from now on lists are watched, and ends foretold. */
void monitor_reload_begin(struct monitor *m);
/* SIGHUP. */
void monitor_reload_all(struct monitor *m);
/* The signer with the new keys runs, or has ended before it could. */
void monitor_reload_signer(struct proc *p, bool runs);
/* The gates are ready for the new policies (`why` is NULL), or one is not. */
void monitor_reload_gates(struct monitor *m, const char *why, const char *detail);
/* They use them. */
void monitor_reload_over(struct monitor *m);
/* Records and tells why a reload changed nothing. */
void monitor_reload_refuse(struct monitor *m, const char *what,
                           const struct config_errors *errs);
void monitor_reload_end(struct monitor *m);
/* Tells the service manager that everything runs, and how it stands. */
void monitor_tell_ready(struct monitor *m);

/* monitor_crl.c: lists that change */
void monitor_crl_begin(struct monitor *m);
void monitor_crl_end(struct monitor *m);

/* monitor_trust.c: the workers' certificates, anchors and lists */
/* Encodes what a group is to have; 0: out of memory. */
size_t monitor_trust_encode(const struct config *c, uint32_t group, uint32_t signer,
                            uint8_t **out);
/* That workers will take what the configuration has for them: nothing that a worker
 * would fail on goes out. */
bool monitor_trust_try(const struct config *c, struct config_errors *errs);
/* Takes `tls`, which replaces config.tls, and hands it to all workers it concerns. */
void monitor_trust_use(struct monitor *m, struct config_tls *tls, const char *why,
                       const char *note);
/* To a worker that was started before the last change. */
void monitor_trust_catch_up(struct proc *p);
/* The channel has room. */
void monitor_trust_pump(struct proc *p);
void monitor_trust_drop(struct proc *p);

/* monitor_policy.c: new policies for gates */
/* Hands `next` to all gates for which it changes something, and has them compile it.
 * Tells by monitor_reload_gates() what became of it.  False: there is nothing to wait
 * for. */
bool monitor_policy_offer(struct monitor *m, const struct config *next);
/* What was offered holds from now on, in m->config too; `next` gets what was. */
void monitor_policy_use(struct monitor *m, struct config *next);
/* It does not: all gates keep what they have. */
void monitor_policy_forget(struct monitor *m);
/* True until all gates use what they were told to use. */
bool monitor_policy_is_busy(const struct monitor *m);
/* A gate runs, has ended, has room in its channel. */
void monitor_policy_gate_runs(struct proc *gate);
void monitor_policy_gate_ended(struct proc *gate);
void monitor_policy_pump(struct proc *gate);
/* POLICY_TOLD. */
enum imsg_status monitor_policy_told(struct proc *gate, struct imsg *msg);
/* Records for each route whose policy differs from the one in use that it is not used:
 * that of `next`, or NULL if the files themselves are to be asked. */
void monitor_policy_refused(struct monitor *m, const struct config *next, const char *why,
                            const char *detail);

/* monitor_expiry.c */
/* Tells what ends soon and was not yet told, and comes back each day. */
void monitor_expiry_check(struct monitor *m);

/* monitor_control.c, monitor_command.c, monitor_status.c: the control socket */
/* False: out of memory.  Without a socket gate104d goes on, and says so. */
bool monitor_control_begin(struct monitor *m);
void monitor_control_end(struct monitor *m);
/* A gate was started anew: it is told what operators have ordered. */
void monitor_control_gate_runs(struct proc *gate);
/* A reload is done, or refused. */
void monitor_control_reloaded(struct monitor *m);
/* STATUS_SESSION and STATUS_END of a gate. */
enum imsg_status monitor_control_session(struct proc *gate, struct imsg *msg);
enum imsg_status monitor_control_end_of(struct proc *gate, struct imsg *msg);

/* monitor_permit.c, monitor_permit_*.c */
/* False: out of memory. */
bool monitor_permit_begin(struct monitor *m);
/* gate104d stops: what does not persist ends, with its record. */
void monitor_permit_stop(struct monitor *m);
void monitor_permit_end(struct monitor *m);
/* A gate was started anew: it is told the permits of its routes. */
void monitor_permit_gate_runs(struct proc *gate);
/* Those that hold on a route. */
size_t monitor_permit_count(const struct monitor *m, uint16_t route);
/* PERMIT_USED of a gate, RECORD_ACK of audit. */
enum imsg_status monitor_permit_used(struct proc *gate, struct imsg *msg);
enum imsg_status monitor_permit_ack(struct proc *audit, struct imsg *msg);
/* Audit has ended: what it was to write down is not. */
void monitor_permit_log_gone(struct monitor *m);

/* monitor_clock.c */
/* Tells audit and the gates what they do not know. */
void monitor_clock_tell(struct monitor *m);

/* monitor_audit.c */
/* monitor_order.c: LOG_ORDERED. */
enum imsg_status monitor_order_answer(struct proc *audit, struct imsg *msg);

/* LOG_STATUS. */
enum imsg_status monitor_audit_status(struct proc *p, struct imsg *msg);

/* monitor_signer.c */
/* Records that a signer may have made: more than it asks for if it is what it was, even
 * after a time in which the monitor did something else. */
#define MONITOR_TELLS_PER_S 10u
#define MONITOR_TELLS_BURST 300u
/* SIGNER_REFUSED. */
enum imsg_status monitor_signer_refused(struct proc *p, struct imsg *msg);

/* monitor_ship.c */
/* Audit runs: hands it a socket to syslog, now or as soon as there is one. */
void monitor_ship_begin(struct monitor *m);
/* SHIP_LOST of audit. */
enum imsg_status monitor_ship_lost(struct proc *audit, struct imsg *msg);

/* monitor_log.c */
__attribute__((format(printf, 1, 2))) void monitor_log(const char *fmt, ...);
void monitor_record(struct monitor *m, struct record *r);
/* A line of a role for the operator: its name in front, nothing in it but printable
 * ASCII, at most so many in a time. */
void monitor_note(struct proc *p, const struct imsg *note);
/* A record about a process. */
void monitor_record_proc(struct monitor *m, enum event event, const struct proc *p,
                         const char *detail);
void monitor_record_flush(struct monitor *m);

#endif
