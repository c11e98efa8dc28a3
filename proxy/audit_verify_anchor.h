/* Seals that left the machine when they were made: each must be in the log, octet by
 * octet.  CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_ANCHOR_H
#define GATE104_PROXY_AUDIT_VERIFY_ANCHOR_H

#include "proxy/audit_verify_seal.h"

/* More than a seal each minute for a year; 40 MiB. */
#define AUDIT_ANCHORS_MAX 600000u
#define AUDIT_FILE_CAP    64u

/* A place in a log of several files. */
struct audit_place_in_log {
    char file[AUDIT_FILE_CAP];
    uint64_t line; /* from 1; 0: no place */
    uint64_t seq;
};

struct audit_anchor {
    uint64_t epoch;
    uint64_t seq;                  /* 0: not known */
    uint8_t hash[AUDIT_HASH_SIZE]; /* of the seal's line */
    bool found;
};

struct audit_anchors {
    struct audit_anchor *list;
    size_t n;
    size_t cap;
    uint64_t *epochs; /* of all of them, in order; made with the first seal */
    /* The first seal of the log in an anchored epoch that is no anchor, since the signing
     * key was changed last. */
    uint64_t other_epoch;
    struct audit_place_in_log other;
};

void audit_anchors_init(struct audit_anchors *a);
void audit_anchors_free(struct audit_anchors *a);
/* One line of a file of anchors, with its newline or without: a whole seal, or its epoch
 * and the SHA-256 of its line in hex.  An empty line is none.  NULL, or what is wrong. */
const char *audit_anchors_add(struct audit_anchors *a, const char *text, size_t n);

/* A seal of the log, by the hash of its line.  After the first one nothing is added.
 * False: out of memory. */
bool audit_anchors_see(struct audit_anchors *a, const uint8_t hash[AUDIT_HASH_SIZE],
                       uint64_t epoch, const struct audit_place_in_log *at);
/* The first, by epoch, that was not seen, of those that cannot be older than the log's
 * first record and first seal.  NULL: all were. */
const struct audit_anchor *audit_anchors_missing(const struct audit_anchors *a,
                                                 uint64_t first_seq,
                                                 uint64_t first_epoch);
size_t audit_anchors_found(const struct audit_anchors *a);

#endif
