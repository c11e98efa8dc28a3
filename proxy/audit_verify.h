/* Verifies a session log: the chain of hashes over all its files, and the seals in it.
 * CLI, tests; no JSON parser, no daemon parts.
 *
 * audit_verify_path() takes a directory or a file as it is named by an operator;
 * audit_verify() one open file, for the chain alone. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_H
#define GATE104_PROXY_AUDIT_VERIFY_H

#include "proxy/audit_verify_anchor.h"
#include "proxy/audit_verify_key.h"
#include "proxy/audit_verify_recording.h"

#define AUDIT_VERIFY_KEYS 16u

/* Also the exit status of `gate104 log verify`. */
enum audit_state {
    AUDIT_STATE_OK = 0,
    AUDIT_STATE_TAMPERED = 1,
    AUDIT_STATE_INCOMPLETE =
        2, /* nothing is wrong with what there is; not all is there */
    AUDIT_STATE_UNUSABLE = 3,
};

/* What the seals of a log told. */
struct audit_seal_summary {
    uint64_t seals;
    uint64_t signatures; /* good ones, of a key that was given */
    uint64_t macs;       /* good ones, of a seed that was given */
    uint64_t strange;    /* of keys that were not given */
    uint64_t deleted;    /* anchors that belong to files deleted by retention */
    /* The last seal: of a key that was given if there were keys. */
    uint64_t epoch;
    uint64_t seq;
    char time[AUDIT_TIME_SIZE + 1];
    uint8_t key[AUDIT_SEAL_KEY_SIZE];
};

struct audit_verdict {
    enum audit_state state;
    /* When tampered: the first bad record, or the place where records are missing.  Its
     * seq is 0 when it cannot be read. */
    struct audit_place_in_log bad;
    char why[200];
    uint64_t files;
    uint64_t records; /* good ones in front of that */
    uint64_t octets;
    uint64_t torn;     /* octets of a torn tail */
    bool head_missing; /* the log does not begin with record 1, ... */
    bool head_deleted; /* ... and says that this was retention */
    struct audit_envelope first, last;
    struct audit_seal_summary seal;
    struct audit_recordings_summary recordings;
};

struct audit_verify_options {
    const struct audit_public_key *keys; /* up to AUDIT_VERIFY_KEYS */
    size_t n_keys;
    const uint8_t (*seeds)[AUDIT_SEED_SIZE]; /* the same */
    size_t n_seeds;
    struct audit_anchors *anchors; /* or NULL */
    bool log_alone;                /* recordings that the log names are not looked at */
    /* Called with the octets done so far, every few MiB; or NULL. */
    void (*progress)(void *ctx, uint64_t octets);
    void *ctx;
};

/* The log in a directory with all its files, or one file.  A log that is being written
 * and rotated meanwhile is no trouble. */
void audit_verify_path(const char *path, const struct audit_verify_options *o,
                       struct audit_verdict *v);
/* One file from where it stands to its end, without keys. */
void audit_verify(int fd, struct audit_verdict *v,
                  void (*progress)(void *ctx, uint64_t octets), void *ctx);

#endif
