/* A bound on how often something may happen: a bucket that fills by the monotonic clock.
 * For every process. */
#ifndef GATE104_SANDBOX_RATE_H
#define GATE104_SANDBOX_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint32_t per_second;
    uint32_t burst;  /* at once, after a time of rest */
    uint64_t credit; /* thousandths of one */
    uint64_t at_ms;  /* when the credit was reckoned last */
    uint64_t refused;
    uint64_t told;    /* of them, in the log */
    uint64_t told_ms; /* when */
};

/* Full at the start. */
void rate_init(struct rate *r, uint32_t per_second, uint32_t burst, uint64_t now_ms);
/* True if it may happen once more now. */
bool rate_take(struct rate *r, uint64_t now_ms);
/* After a refusal: how many were not yet told, if it is time to tell (at most once a
 * second), else 0. */
uint64_t rate_tell(struct rate *r, uint64_t now_ms);

#endif
