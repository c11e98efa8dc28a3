/* Local time without files: a zone as the table of its changes, which who reads the
 * policy file makes and a sandboxed process only looks into.
 *
 * Pure: no I/O, no allocation. */
#ifndef GATE104_POLICY_POLICY_ZONE_H
#define GATE104_POLICY_POLICY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_ZONE_MAX    512u   /* changes */
#define POLICY_ZONE_OFFSET 93600u /* seconds from UTC, at the most: 26 hours */
#define POLICY_WEEK        10080u /* minutes */

struct policy_zone_change {
    int64_t from;    /* UTC second at which it begins to hold */
    int32_t offset;  /* local time minus UTC, in seconds */
    uint32_t summer; /* 1: daylight saving time */
};

/* In ascending order; the first holds also before it begins.  Empty: UTC. */
struct policy_zone {
    size_t count;
    struct policy_zone_change change[POLICY_ZONE_MAX];
};

const char *policy_zone_fault(const struct policy_zone *z);
/* Local time minus UTC. */
int32_t policy_zone_offset(const struct policy_zone *z, int64_t utc);
/* The minute of the local week, 0..POLICY_WEEK - 1; 0 is Monday 00:00. */
unsigned int policy_zone_minute(const struct policy_zone *z, int64_t utc);

/* What a time tag says. */
enum policy_tag {
    POLICY_TAG_GOOD,
    POLICY_TAG_INVALID, /* IV, no time of the calendar, or none that the zone has */
};

/* The UTC millisecond of seven octets CP56Time2a (101 clause 7.2.6.18).  In UTC (local
 * false) the bit SU must not be set, since then the hour is one of summer time.  In local
 * time it tells the two hours apart that autumn has twice, and says nothing else: many
 * stations never set it. */
enum policy_tag policy_tag_read(const struct policy_zone *z, bool local,
                                const uint8_t tag[7], int64_t *utc_ms);

#endif
