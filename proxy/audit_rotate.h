/* When the log goes on in a new file, and how.  The steps are in such an order that after
 * an end between any two of them the next start finds the chain whole: what is to be
 * written is on disk before the file is renamed, and without a gate104.jsonl the chain
 * goes on behind the newest older file.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_ROTATE_H
#define GATE104_PROXY_AUDIT_ROTATE_H

#include "proxy/audit_digest.h"
#include "proxy/audit_shelf.h"

struct audit_log;
struct audit_found;
struct record;

struct audit_turn {
    struct audit_digest digest; /* of what is on disk of the file in use */
    uint64_t first_seq;         /* of the file in use */
    uint64_t began_ms;          /* it was begun then, by the monotonic clock */
    uint64_t failed_ms;         /* the last rotation failed then; 0: it did not */
    bool tell;                  /* log.rotated is still to be written */
};

/* Before the first open: puts the chain behind the newest older file.  One that does not
 * end with a record is put aside and told in *found.  False with errno. */
bool audit_turn_base(struct audit_log *l, struct audit_found *found);
/* After the file was opened. */
void audit_turn_look(struct audit_log *l);
/* The first record of a file that is not the first of its chain; false: it is, or the
 * record has been written. */
bool audit_turn_record(const struct audit_log *l, struct record *r);

/* Hashes a bit more of what is on disk, and rotates if it is time.  Not while a batch is
 * open. */
void audit_rotate_due(struct audit_log *l);
/* Rotates now.  False: the log goes on in the same file. */
bool audit_rotate(struct audit_log *l);
/* The same, asked for by an operator, in pieces.  False: there is more to hash, ask
 * again. True: it is over, and turn.first_seq is another one if it worked. */
bool audit_rotate_now(struct audit_log *l);

#endif
