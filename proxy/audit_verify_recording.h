/* What a log says of its recordings, and whether they are so.  CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_RECORDING_H
#define GATE104_PROXY_AUDIT_VERIFY_RECORDING_H

#include "proxy/audit_envelope.h"
#include "proxy/audit_verify_anchor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_RECORDING_CAP  128u
#define AUDIT_RECORDINGS_MAX 262144u

struct audit_recording {
    char name[AUDIT_RECORDING_CAP]; /* "recordings/..." */
    uint64_t order;                 /* of the record among those of recordings */
    bool deleted;
    uint64_t size;
    uint8_t hash[AUDIT_HASH_SIZE];
    struct audit_place_in_log at;
};

struct audit_recordings {
    struct audit_recording *list; /* one for each record */
    size_t n, cap;
    bool too_many;
};

/* Of those that the log does not say were deleted. */
struct audit_recordings_summary {
    uint64_t named, good, octets;
};

void audit_recordings_free(struct audit_recordings *r);
/* A good record of the chain.  False: `why` says what does not fit. */
bool audit_recordings_take(struct audit_recordings *r,
                           const struct audit_place_in_log *at,
                           const struct audit_envelope *e, const char *line, size_t n,
                           char *why, size_t cap);

enum audit_recordings_state {
    AUDIT_RECORDINGS_GOOD,
    AUDIT_RECORDINGS_CHANGED,
    AUDIT_RECORDINGS_MISSING,
    AUDIT_RECORDINGS_UNUSABLE, /* there are too many, or one cannot be read */
};

/* Compares all of them with the files below the log's directory.  The worst is told, and
 * of these the first that the log names. */
enum audit_recordings_state audit_recordings_check(struct audit_recordings *r, int dir,
                                                   struct audit_recordings_summary *s,
                                                   struct audit_place_in_log *at,
                                                   char *why, size_t cap);

#endif
