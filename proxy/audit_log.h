/* The session log as the audit process writes it: records go into a batch, a batch goes
 * to the file by one write and, if one of its records asks for it, one fdatasync (group
 * commit).  Broken files are tried again with every batch; what was lost in between is
 * told by a log.gap record.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_LOG_H
#define GATE104_PROXY_AUDIT_LOG_H

#include "proxy/audit_file.h"
#include "proxy/audit_line.h"
#include "proxy/audit_retain.h"
#include "proxy/audit_rotate.h"
#include "proxy/audit_sealer.h"
#include "proxy/audit_space.h"
#include "proxy/audit_tally.h"
#include "proxy/record.h"
#include "proxy/role_config_files.h"

/* Octets of one batch; records that do not fit wait for the next. */
#define AUDIT_BATCH_SIZE ((size_t)512 * 1024)

struct audit_log {
    struct audit_file file;
    struct audit_place place;
    struct audit_sender self; /* "audit-0": the log's own records */
    bool opened;              /* the first open has worked */
    bool tell_opened;         /* that is not in the log yet */
    struct audit_found found; /* nor is this, if it is worth telling */
    bool broken;              /* the last batch was lost; told to the operator */
    uint64_t lost;            /* records lost since the last that was written */
    char *batch;
    size_t batch_size;
    uint64_t batch_records; /* in the batch, or lost with it; without the log's own */
    bool batch_open;
    bool batch_dead; /* the file does not work: nothing is formatted */
    bool batch_sync;
    bool batch_own; /* it begins with records of the log itself */
    uint64_t seq;   /* of the last line in the batch */
    uint8_t prev[AUDIT_HASH_SIZE];
    struct files_settings files; /* zeros: one file, for ever */
    struct audit_shelf shelf;    /* the older files; read it before the first open */
    struct audit_turn turn;
    struct audit_retain retain;
    struct audit_space space;
    uint64_t oldest_seq,
        oldest_utc_ms;    /* of the oldest record, for audit_status_tell() */
    enum log_clock clock; /* as the monitor told */
    struct audit_sealer sealer;
    const char *batch_fault; /* of the sealer, told in the batch */
    /* At the end of the batch, of what write() took, of what is on disk. */
    struct audit_tally tally, tally_written, tally_synced;
    /* Tells the operator; may be NULL (tests). */
    void (*say)(void *ctx, const char *text);
    void *say_ctx;
};

/* Allocates; opens nothing.  False: out of memory.  l->sealer is zeros: no seals; see
 * audit_sealer_init(). */
bool audit_log_init(struct audit_log *l, int dir_fd, const struct audit_place *place,
                    const char *self);
void audit_log_free(struct audit_log *l);

/* Opens the file and tells so.  False: it does not work; every commit tries again. */
bool audit_log_open(struct audit_log *l);

/* True when the batch may not have room for one more record: commit first. */
bool audit_log_full(const struct audit_log *l);
/* Adds a payload that record_check() has found good. */
void audit_log_add(struct audit_log *l, struct audit_sender *sender,
                   const uint8_t *payload, size_t n, bool sync);
/* Adds a record of the log's own, to be on disk at the next commit. */
void audit_log_add_own(struct audit_log *l, struct record *r);
__attribute__((format(printf, 2, 3))) void audit_log_say(const struct audit_log *l,
                                                         const char *fmt, ...);
/* Writes the batch.  True: all of its records are written, and on disk if one of them was
 * added with sync.  False: none is. */
bool audit_log_commit(struct audit_log *l);
/* Brings to disk what was committed without sync.  True if there is nothing left. */
bool audit_log_sync(struct audit_log *l);
/* Seals what was committed: a record of its own, on disk when this is true, or there is
 * none to be made (no key, or a state that does not fit, which a record tells).  Not
 * between an audit_log_add() and its commit.  `why` is a word of doc/log-format.md. */
bool audit_log_seal(struct audit_log *l, const char *why);
/* Adds the record of the log's end, commits, syncs and seals. */
bool audit_log_close(struct audit_log *l);

#endif
