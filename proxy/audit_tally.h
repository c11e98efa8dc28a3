/* What the log counts of itself between two seals, and the marks that its next record is
 * compared with.  Pure but for audit_tally_read(); audit process. */
#ifndef GATE104_PROXY_AUDIT_TALLY_H
#define GATE104_PROXY_AUDIT_TALLY_H

#include "proxy/audit_clock.h"
#include "proxy/audit_envelope.h"
#include "proxy/record.h"

/* The one process, beside audit, whose word on the configuration in force is taken. */
#define AUDIT_MONITOR_NAME "monitor-0"

struct audit_tally {
    uint64_t first_seq; /* of the records that no seal covers yet */
    uint64_t commands, refusals, alarms, gaps; /* of those records */
    /* The seal in front of them; epoch 0: none, or one of another key. */
    uint64_t epoch;
    uint8_t seal_hash[AUDIT_HASH_SIZE]; /* of its line; zeros: none */
    uint8_t config[AUDIT_HASH_SIZE];    /* last told by a record; zeros: none */
    struct audit_mark mark;             /* when the last record was made */
};

/* Counts a record of gate104. */
void audit_tally_add(struct audit_tally *t, const struct event_info *event);
/* The configuration that a checked payload says is in force.  False: it does not. */
bool audit_tally_config(const uint8_t *payload, size_t n, uint8_t hash[AUDIT_HASH_SIZE]);
/* Counts what comes behind a seal with number `seq`. */
void audit_tally_sealed(struct audit_tally *t, uint64_t seq, uint64_t epoch,
                        const uint8_t hash[AUDIT_HASH_SIZE]);

/* The last seal of a log. */
struct audit_last_seal {
    size_t size; /* of its line, newline included; 0: there is none */
    char line[AUDIT_LINE_MAX];
};

/* Reads the tally of a log from its end back to its last seal, over the files of the
 * chain.  `fd` is the file that is written, of `size` octets, all of them whole lines;
 * `self` the name of this process, `boot` this boot's id; `older` names the file before
 * where this one is empty ("": there is none).  `t->epoch` is the seal's,
 * whatever its key.  Without `seals` only the time of the last record is looked for.
 * False: read error. */
bool audit_tally_read(int dir_fd, int fd, uint64_t size, const char *self,
                      const char *boot, const char *older, bool seals,
                      struct audit_tally *t, struct audit_last_seal *last);

/* A member ,"key":"text" of a record whose text needs no escape, or NULL; *n is the size
 * of the text.  No text of a stranger can look like one: its quotes are escaped. */
const char *audit_member_text(const char *line, size_t size, const char *key, size_t *n);
/* A member ,"key":number. */
bool audit_member_number(const char *line, size_t size, const char *key, uint64_t *v);

#endif
