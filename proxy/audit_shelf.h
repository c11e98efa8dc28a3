/* The older files of a chain: gate104-<20 digits>.jsonl, the digits being the number of
 * the file's first record, so that names sort as the chain runs.  The folder is read
 * once, before the sandbox; from then on the process knows what it has put there and
 * removed. Audit process. */
#ifndef GATE104_PROXY_AUDIT_SHELF_H
#define GATE104_PROXY_AUDIT_SHELF_H

#include "proxy/audit_file.h"

#define AUDIT_OLD_NAME_SIZE sizeof "gate104-01234567890123456789.jsonl"
/* More are not begun: the file in use grows until retention has made room. */
#define AUDIT_OLD_MAX 65536u

struct audit_old {
    uint64_t first_seq;
    uint64_t size;
    /* Of its last record, once `looked`. */
    bool looked;
    uint64_t last_seq;
    uint8_t last_hash[AUDIT_HASH_SIZE];
    int64_t utc_ms;
    /* Of the whole file, once `hashed`. */
    bool hashed;
    uint8_t hash[AUDIT_HASH_SIZE];
};

/* Oldest first. */
struct audit_shelf {
    struct audit_old *old;
    size_t count, room;
    uint64_t octets; /* all of them */
};

void audit_shelf_name(uint64_t first_seq, char out[AUDIT_OLD_NAME_SIZE]);
/* True if it is the name of an older file. */
bool audit_shelf_is_name(const char *name, uint64_t *first_seq);

/* Reads the folder anew.  False with errno. */
bool audit_shelf_scan(struct audit_shelf *s, int dir_fd);
void audit_shelf_free(struct audit_shelf *s);
/* Makes sure that one more can be added. */
bool audit_shelf_reserve(struct audit_shelf *s);
void audit_shelf_add(struct audit_shelf *s, const struct audit_old *old);
void audit_shelf_drop_oldest(struct audit_shelf *s);
void audit_shelf_drop_newest(struct audit_shelf *s);

/* Opens one to read.  -1 with errno. */
int audit_shelf_open(int dir_fd, const struct audit_old *old);
/* Reads its size and its last record.  False with errno; EBADMSG: that is no record. */
bool audit_shelf_look(int dir_fd, struct audit_old *old);

#endif
