/* Rates: at most N in any stretch of T, for as many keys as there is room for.
 *
 * Never more than N in any T: what is not exact errs to fewer (of N above 32, groups of
 * N/32 count as if all had come with their last).  Without room for a further key the
 * answer is no.
 *
 * Pure but for throttle_table_new; no clock.  Gate process. */
#ifndef GATE104_POLICY_THROTTLE_H
#define GATE104_POLICY_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THROTTLE_KEYS  512u
#define THROTTLE_STEPS 32u
#define THROTTLE_MAX   100000u              /* N */
#define THROTTLE_MS    (UINT64_C(86400000)) /* T: a day */

/* What is counted together; parts that do not matter are 0. */
struct throttle_key {
    uint64_t who, rule;
    uint32_t route, ioa;
    uint16_t ca;
    bool select; /* selects and executes are counted apart */
};

struct throttle_limit {
    uint32_t count; /* N, 1..THROTTLE_MAX */
    uint64_t ms;    /* T, 1..THROTTLE_MS */
};

struct throttle_table;

/* NULL without memory. */
struct throttle_table *throttle_table_new(void);
void throttle_table_free(struct throttle_table *t);

enum throttle_word { THROTTLE_FITS, THROTTLE_EXCEEDED, THROTTLE_NO_ROOM };

/* Counts one if it is within the limit; what is refused does not count.  A key that comes
 * with another limit than before gets at most that one, and may for a T get less. */
enum throttle_word throttle_take(struct throttle_table *t, const struct throttle_key *key,
                                 const struct throttle_limit *limit, uint64_t now_ms);

#endif
