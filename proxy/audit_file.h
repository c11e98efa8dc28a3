/* The log file: appends whole lines, knows where the good part ends, and takes up the
 * chain of a file that is there already.
 *
 * Nothing is believed after an error: a failed write is cut back to the last whole line,
 * a descriptor whose fdatasync failed is closed and never used again.  Every open goes
 * through the directory's descriptor, so it works in the sandbox.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_FILE_H
#define GATE104_PROXY_AUDIT_FILE_H

#include "proxy/audit_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_FILE_NAME "gate104.jsonl"

/* Where a chain of records stands. */
struct audit_position {
    uint64_t size;                 /* octets of the file */
    uint64_t seq;                  /* of its last record; 0: none */
    uint8_t prev[AUDIT_HASH_SIZE]; /* hash of its last line; zeros: none */
};

struct audit_file {
    int dir_fd; /* borrowed */
    int fd;     /* -1: not usable */
    dev_t dev;
    ino_t ino;
    int error;                  /* errno of the last failure, 0 after a success */
    bool dirty;                 /* octets behind `written` are ours and given up */
    bool fresh;                 /* after a rotation: the next file is still to be made */
    struct audit_position base; /* where the chain stands in front of the file; size 0 */
    struct audit_position written; /* what write() took */
    struct audit_position synced;  /* what is on disk */
    uint64_t unsynced;             /* records between the two */
};

enum audit_found_kind {
    AUDIT_FOUND_NEW = 0,   /* no file, or an empty one */
    AUDIT_FOUND_CHAIN,     /* a chain, continued */
    AUDIT_FOUND_TORN,      /* a chain; a half line at its end was put aside */
    AUDIT_FOUND_DAMAGED,   /* its last line is no record: the file was put aside */
    AUDIT_FOUND_DIFFERENT, /* reopened, and it is not the file that was left */
};

/* What an open found; `size` and `hash` tell what was put aside as `name`. */
struct audit_found {
    enum audit_found_kind kind;
    uint64_t size;
    uint8_t hash[AUDIT_HASH_SIZE];
    char name[48];
};

void audit_file_init(struct audit_file *f, int dir_fd);
/* First open.  Creates the file (mode 0640) when it is not there; an empty file goes on
 * with the chain at f->base.  False: f->error says
 * why, nothing was changed that is not told in *found; may be tried again. */
bool audit_file_open(struct audit_file *f, struct audit_found *found);
/* Open again after an error, with the chain this process knows: the file must hold what
 * was written and is cut back to it. */
bool audit_file_reopen(struct audit_file *f, struct audit_found *found);
void audit_file_close(struct audit_file *f);

/* Appends n octets, whole lines, `records` of them; the last has number `seq` and hash
 * `prev`.  False: nothing of it stays in the file; f->error says why. */
bool audit_file_append(struct audit_file *f, const void *lines, size_t n,
                       uint64_t records, uint64_t seq,
                       const uint8_t prev[AUDIT_HASH_SIZE]);
/* Brings everything to disk.  False: the file is closed, *lost is the number of records
 * that had been appended since the last sync and are given up. */
bool audit_file_sync(struct audit_file *f, uint64_t *lost);
/* Gives the file, all of which is on disk, another name, which must be free; the next
 * open makes a new one, in which the chain goes on.  False with f->error: nothing has
 * changed. */
bool audit_file_rotate(struct audit_file *f, const char *name);
/* True while the name in the directory is still this file and nobody else changed its
 * size. */
bool audit_file_intact(const struct audit_file *f);

#endif
