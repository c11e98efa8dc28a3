/* Recordings of routes: every APDU as pcapng, beside the session log and never at its
 * cost.  Where the disk of the log fills, or a recording cannot be written, recording
 * stops first, which a record tells, and goes on by itself.  What each file was when it
 * was closed is in the log.  Audit process. */
#ifndef GATE104_PROXY_RECORDINGS_H
#define GATE104_PROXY_RECORDINGS_H

#include "proxy/audit_log.h"
#include "proxy/recording_marks.h"
#include "proxy/recording_shelf.h"
#include "sandbox/imsg.h"

struct recording_route {
    struct recording_file file;
    struct recording_marks marks;
    uint32_t gap[RECORDED_LEGS]; /* lost since the last APDU that was written */
    bool due;                    /* the file is to be closed */
};

enum recording_halt { RECORDING_GOES_ON, RECORDING_DISK, RECORDING_ERROR };

struct recordings {
    struct audit_log *log;
    const struct audit_config *config;
    int dir_fd; /* -1: no route is recorded, and all calls do nothing */
    struct recording_route **route; /* by route index; NULL: is not recorded */
    struct recording_shelf finished, left_open;
    struct audit_digest digest; /* of the oldest that was left open */
    uint64_t failed_ms;         /* a file could not be told, renamed, deleted then */
    enum recording_halt halt;
    enum recording_halt told; /* in the log */
    uint64_t halted_ms;
    int error;       /* errno of the halt */
    uint64_t lost;   /* APDUs since then */
    uint64_t unseen; /* octets since the disk was looked at */
    bool due;        /* of some route */
};

/* What a gate sent, and what it was told of that. */
struct recorded_credit {
    uint64_t taken, told;
};

/* Before the sandbox: makes and reads the folder below `dir_fd`, of which *keep gets a
 * descriptor to be kept, or -1.  False with errno. */
bool recordings_init(struct recordings *r, struct audit_log *log,
                     const struct audit_config *config, int dir_fd, int *keep);
void recordings_free(struct recordings *r);

/* A RECORDED of a gate. */
enum imsg_status recordings_take(struct recordings *r, struct recorded_credit *credit,
                                 struct imsg_channel *ch, struct imsg *m);
/* Answers; true when there is nothing more to tell. */
bool recordings_tell(struct recorded_credit *credit, struct imsg_channel *ch);
/* A record of a gate that was added to the log just now. */
void recordings_note(struct recordings *r, const struct record_head *head,
                     const uint8_t *payload, size_t n);
/* After a commit: what cannot wait. */
void recordings_turn(struct recordings *r);
/* After a commit, now and then.  True: there is more to do at once. */
bool recordings_step(struct recordings *r);
/* No APDU is recorded from now on, until recordings_step() finds that it goes again. */
void recordings_halt(struct recordings *r, enum recording_halt halt, int error);
/* The end: closes all. */
void recordings_stop(struct recordings *r);

#endif
