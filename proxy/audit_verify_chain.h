/* The walk along a chain of records, file by file; audit_verify.h is what others use.
 * CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_CHAIN_H
#define GATE104_PROXY_AUDIT_VERIFY_CHAIN_H

#include "proxy/audit_reader.h"
#include "proxy/audit_verify.h"
#include "proxy/audit_verify_time.h"

/* ---- audit_verify_watch.c: what the seals of a chain say ---- */

/* Between two changes of the signing key, epochs count from 1. */
struct audit_era {
    bool bound; /* to the seed whose keys these are */
    struct audit_epoch_key key;
    struct audit_place_in_log first; /* its first seal, if it is not bound */
};

struct audit_seal_watch {
    const struct audit_verify_options *o;
    struct audit_seal_summary *summary;
    /* Since the last seal, and so not yet under one. */
    struct audit_seal_counts counts;
    bool config_told; /* a record that may change the configuration */
    /* The last seal. */
    bool any;
    uint64_t seq;
    struct audit_seal_line seal;
    uint8_t hash[AUDIT_HASH_SIZE];
    bool config_known;
    uint8_t config[AUDIT_HASH_SIZE];
    uint64_t first_epoch;
    struct audit_era era;
    struct audit_place_in_log strange;  /* first seal of an unknown key behind the last */
    struct audit_place_in_log unsealed; /* end of the first file without a seal */
    bool file_sealed;
};

/* Where a chain begins. */
struct audit_chain_start {
    uint64_t seq;                  /* of its first record */
    uint8_t prev[AUDIT_HASH_SIZE]; /* zeros if that is 1 */
};

void audit_seal_watch_init(struct audit_seal_watch *w,
                           const struct audit_verify_options *o,
                           struct audit_seal_summary *summary);
/* A record that is good in the chain; `hash` is that of its line. */
bool audit_seal_watch_take(struct audit_seal_watch *w,
                           const struct audit_chain_start *start,
                           const struct audit_place_in_log *at,
                           const struct audit_envelope *e, const char *line, size_t n,
                           const uint8_t hash[AUDIT_HASH_SIZE], char *why, size_t cap);
/* The end of a file that others follow. */
void audit_seal_watch_file_end(struct audit_seal_watch *w,
                               const struct audit_place_in_log *last);
/* The end of a chain that is good. */
void audit_seal_watch_end(struct audit_seal_watch *w, struct audit_verdict *v);

/* ---- audit_verify_link.c: what the log says of its own files ---- */

struct audit_chain_link {
    bool first_of_file;
    bool follows;           /* there is a file before */
    uint64_t before_first;  /* seq of its first record */
    uint64_t before_octets; /* and its size */
    bool head_found;        /* a log.deleted leads to the first record */
};

/* False: `why` says what does not fit. */
bool audit_chain_link_take(struct audit_chain_link *l,
                           const struct audit_chain_start *start,
                           const struct audit_envelope *e, const char *line, size_t n,
                           char *why, size_t cap);

/* ---- audit_verify.c ---- */

struct audit_chain {
    const struct audit_verify_options *o;
    struct audit_verdict *v;
    struct audit_reader reader;
    uint8_t hash[AUDIT_HASH_SIZE]; /* of the last good line; zeros before the first */
    struct audit_envelope before;  /* of the good line before that */
    struct audit_place_in_log at;  /* the last good line */
    struct audit_chain_start start;
    struct audit_time_mark clock;
    struct audit_seal_watch seals;
    struct audit_chain_link link;
    struct audit_recordings *recordings; /* NULL: nobody asks */
    char file[AUDIT_FILE_CAP];
    uint64_t named;      /* the number in the file's name; 0: none */
    uint64_t file_first; /* seq of the file's first good record */
    uint64_t done;       /* octets of files before this one */
    uint64_t told;
};

void audit_chain_init(struct audit_chain *c, const struct audit_verify_options *o,
                      struct audit_verdict *v);
/* The next file, from where it stands.  `named` is the number in its name, 0 if none. */
void audit_chain_file(struct audit_chain *c, int fd, const char *name, uint64_t named);
/* Reads on while all is good: AUDIT_READ_END or AUDIT_READ_TORN at the end of what there
 * is; may be called again when the file has grown.  Else v->state says what was found. */
enum audit_read audit_chain_read(struct audit_chain *c);
/* The end of a file that others follow.  It must be the end of a line. */
void audit_chain_file_end(struct audit_chain *c, enum audit_read got);
/* The end of all files. */
void audit_chain_end(struct audit_chain *c, enum audit_read got);

#endif
