/* Permits in the monitor, which alone grants them: it knows who asks (the kernel says so
 * of the control socket), has the log write down what was granted before it tells a gate,
 * and ends what is over.
 *
 *   permit grant FIELDS    see permit_text.h; fields are parted by tabs
 *   permit confirm NUMBER  the second person
 *   permit revoke NUMBER
 *   permit list
 *
 * Private to gate104d. */
#ifndef GATE104_PROXY_MONITOR_PERMIT_H
#define GATE104_PROXY_MONITOR_PERMIT_H

#include "proxy/monitor_control.h"
#include "proxy/permit_state.h"

enum grant_state {
    GRANT_NEW,        /* the record that it was granted is on its way to the disk */
    GRANT_PENDING,    /* waits for the second person */
    GRANT_CONFIRMING, /* the record of the confirmation is on its way */
    GRANT_RESTORED,   /* from before a restart: its record has yet to be sent */
    GRANT_ACTIVE,
};

struct grant {
    struct permit permit; /* until_ms: of an active or restored one */
    uint16_t route;
    enum grant_state state;
    uint64_t ms;         /* for so long it is */
    uint64_t due_ms;     /* pending: until it is confirmed; new, confirming: until it is
                            recorded (CLOCK_BOOTTIME) */
    uint64_t ticket;     /* of the record on its way; 0: none is */
    uid_t by, confirmed; /* PERMIT_NOBODY: not yet, or nobody has to */
    bool persist;
    bool restored;
    bool told;    /* its gate has it */
    bool unsaved; /* it persists, but could not be written down */
    char reason[PERMIT_REASON_MAX + 1];
    struct grant *next;
};

struct permits {
    struct monitor *monitor;
    struct grant *grants;
    struct loop_timer timer;
    struct rate rate;     /* of what operators ask for and is recorded */
    uint64_t ticket_last; /* of records that are waited for */
    uint64_t saved_ms;    /* CLOCK_BOOTTIME */
};

/* ---- monitor_permit.c ---- */

/* It may be used now: its gate is told.  Begins its time unless that runs already. */
void grant_begin(struct permits *all, struct grant *g);
/* Ends it for a reason, with its record, and takes it out of the list.  Its gate is told
 * if it would not know by itself.  `by`: who wanted it, or PERMIT_NOBODY.  False: the
 * file of those that persist still has it. */
bool grant_end(struct permits *all, struct grant *g, const char *why, uid_t by);
struct grant *grant_of(struct permits *all, uint32_t id);
void permits_wake(struct permits *all);
const struct config_route *grant_route(const struct permits *all, const struct grant *g);

/* ---- monitor_permit_log.c ---- */

/* Sends the record of a grant, or of its confirmation, and notes that it is waited for.
 * False: the log takes nothing now. */
bool grant_record(struct permits *all, struct grant *g, enum event event,
                  const char *why);
void grant_record_end(struct permits *all, const struct grant *g, const char *why,
                      uid_t by);
/* Something was asked for that is not allowed. */
void grant_record_refused(struct permits *all, uid_t by, const char *why,
                          const char *detail);
/* A record will not come to the disk. */
void grant_unrecorded(struct permits *all, struct grant *g);
/* "uid:1000(name)" */
void grant_who(uid_t uid, char *out, size_t cap);

/* ---- monitor_permit_keep.c: over a restart ---- */

void permits_restore(struct permits *all);
/* Writes down what is to outlive this process.  False, with errno, if it cannot. */
bool permits_save(struct permits *all);

/* ---- monitor_permit_ask.c: what operators ask ---- */

/* Answers the client that waits for this ticket, if there is one. */
void grant_answer(struct permits *all, uint64_t ticket, const struct grant *g);
void grant_answer_failed(struct permits *all, uint64_t ticket, const char *why);

#endif
