/* How many records of points may be written, and what becomes of the others: they are
 * counted.  Pure: the caller gives the monotonic time.  Gate process. */
#ifndef GATE104_PROXY_POINT_METER_H
#define GATE104_PROXY_POINT_METER_H

#include <stdbool.h>
#include <stdint.h>

/* How long is counted before it is told. */
#define POINT_INTERVAL_MS 10000u

/* Tokens that come in with time, in thousandths. */
struct point_bucket {
    uint64_t filled_ms;
    uint64_t milli;
};

/* Takes a token of a bucket that gets per_s each second and holds `most`.  False: it is
 * empty.  A bucket of zeros is full once the clock has run as long as filling takes. */
bool point_bucket_take(struct point_bucket *b, uint32_t per_s, uint32_t most,
                       uint64_t now);

enum point_reason {
    POINT_RATE, /* the session's share is used up */
    POINT_BUSY, /* the log is behind, or takes as much as it may of this process */
    POINT_DISK, /* it is nearly full */
    POINT_REASONS,
};

struct point_count {
    uint64_t apdus;  /* each would have been a record */
    uint64_t points; /* values in them */
};

struct point_meter {
    struct point_bucket bucket;
    uint64_t since_ms; /* of the first that is not told; 0: none is */
    struct point_count count[POINT_REASONS];
};

void point_meter_count(struct point_meter *m, enum point_reason reason, uint32_t points,
                       uint64_t now);
/* When the counts are to be told; UINT64_MAX: there are none. */
uint64_t point_meter_due(const struct point_meter *m);
/* Forgets what was told of one reason, and the begin with the last. */
void point_meter_told(struct point_meter *m, enum point_reason reason);

const char *point_reason_name(enum point_reason reason);

#endif
