#include "policy/policy_zone.h"

#define DAY_S          86400
#define MINUTES_DAY    1440
#define MONDAY_OF_1970 3 /* 1 January 1970 was a Thursday */

const char *policy_zone_fault(const struct policy_zone *z)
{
    if (z->count > POLICY_ZONE_MAX)
        return "its time zone has too many changes";
    for (size_t i = 0; i < z->count; i++) {
        const struct policy_zone_change *c = &z->change[i];

        if (c->offset > (int32_t)POLICY_ZONE_OFFSET ||
            c->offset < -(int32_t)POLICY_ZONE_OFFSET || c->summer > 1)
            return "its time zone is further from UTC than any";
        if (i > 0 && c->from <= z->change[i - 1].from)
            return "the changes of its time zone are not in order";
    }
    return NULL;
}

/* The place of the change that holds; only for a zone that has one. */
static size_t place_of(const struct policy_zone *z, int64_t utc)
{
    size_t low = 0, high = z->count;

    while (high - low > 1) { /* halves each time */
        const size_t middle = low + (high - low) / 2;

        if (z->change[middle].from <= utc)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int32_t policy_zone_offset(const struct policy_zone *z, int64_t utc)
{
    return z->count == 0 ? 0 : z->change[place_of(z, utc)].offset;
}

unsigned int policy_zone_minute(const struct policy_zone *z, int64_t utc)
{
    const int64_t week = (int64_t)POLICY_WEEK * 60;
    const int64_t local = utc + policy_zone_offset(z, utc) + MONDAY_OF_1970 * DAY_S;
    const int64_t rest = (local % week + week) % week;

    return (unsigned int)(rest / 60);
}

/* Days from 1 January 1970 to 1 January of a year from 2000 to 2099. */
static int64_t days_of_year(unsigned int year)
{
    const unsigned int since = year - 1970;

    /* 1972 was the first leap year of them, and 2000 was one. */
    return (int64_t)since * 365 + (since + 1) / 4;
}

/* The seconds since 1970 that a tag shows, as if it were UTC; false: of no calendar. */
static bool seconds_shown(const uint8_t tag[7], int64_t *seconds, unsigned int *ms)
{
    static const uint16_t before[] = {0,   0,   31,  59,  90,  120, 151,
                                      181, 212, 243, 273, 304, 334};
    static const uint8_t days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const unsigned int minute = tag[2] & 0x3F, hour = tag[3] & 0x1F, day = tag[4] & 0x1F;
    const unsigned int month = tag[5] & 0x0F, year = 2000u + (tag[6] & 0x7Fu);
    const bool leap = year % 4 == 0;

    *ms = tag[0] + 256u * tag[1];
    if (*ms > 59999 || minute > 59 || hour > 23 || year > 2099 || month < 1 ||
        month > 12 || day < 1 || day > days[month] || (month == 2 && day > 28 && !leap))
        return false;
    *seconds =
        (days_of_year(year) + before[month] + (leap && month > 2) + day - 1) * DAY_S +
        (int64_t)hour * 3600 + (int64_t)minute * 60 + *ms / 1000;
    return true;
}

/* The UTC second at which clocks of the zone show this; of two, the one that `summer`
 * says.  False: they skip it. */
static bool utc_of_local(const struct policy_zone *z, int64_t shown, bool summer,
                         int64_t *utc)
{
    bool found = false;

    if (z->count == 0) {
        *utc = shown;
        return true;
    }
    const size_t first = place_of(z, shown - (int64_t)POLICY_ZONE_OFFSET);
    const size_t last = place_of(z, shown + (int64_t)POLICY_ZONE_OFFSET);

    for (size_t i = first; i <= last; i++) {
        const int64_t at = shown - z->change[i].offset;

        if (place_of(z, at) != i || (found && (z->change[i].summer != 0) != summer))
            continue;
        *utc = at;
        found = true;
    }
    return found;
}

enum policy_tag policy_tag_read(const struct policy_zone *z, bool local,
                                const uint8_t tag[7], int64_t *utc_ms)
{
    const bool summer = (tag[3] & 0x80) != 0;
    int64_t shown, utc;
    unsigned int ms;

    if ((tag[2] & 0x80) != 0 || !seconds_shown(tag, &shown, &ms) || (!local && summer))
        return POLICY_TAG_INVALID;
    utc = shown;
    if (local && !utc_of_local(z, shown, summer, &utc))
        return POLICY_TAG_INVALID;
    *utc_ms = utc * 1000 + ms % 1000;
    return POLICY_TAG_GOOD;
}
