#include "proxy/policy_file_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOLDER    "/usr/share/zoneinfo"
#define NAME_MAX_ 63u
#define FIRST_S   INT64_C(1577836800) /* 1 January 2020 */
#define LAST_S    INT64_C(4102444800) /* 1 January 2100 */
#define DAY_S     86400

/* ---- names ---- */

/* What glibc would look for below its folder, and nowhere else. */
static bool name_is_good(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_+-/";
    const size_t n = strlen(name);

    return n >= 1 && n <= NAME_MAX_ && strspn(name, letters) == n && name[0] != '/' &&
           strstr(name, "//") == NULL && name[n - 1] != '/';
}

/* An unknown name would be UTC to glibc. */
static bool is_there(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[512], magic[4] = "";
    bool good;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder ? folder : FOLDER, name);
    f = fopen(path, "re");
    if (!f)
        return false;
    good = fread(magic, 1, sizeof magic, f) == sizeof magic &&
           memcmp(magic, "TZif", sizeof magic) == 0;
    (void)fclose(f);
    return good;
}

/* ---- changes ---- */

struct state {
    int32_t offset;
    uint32_t summer;
};

static struct state state_at(int64_t utc)
{
    const time_t t = (time_t)utc;
    struct tm tm;

    if (!localtime_r(&t, &tm))
        return (struct state){0, 0};
    return (struct state){(int32_t)tm.tm_gmtoff, tm.tm_isdst > 0};
}

static bool same(struct state a, struct state b)
{
    return a.offset == b.offset && a.summer == b.summer;
}

/* The first second of the later state: it does not hold at `low`, and it does at `high`.
 */
static int64_t change_between(int64_t low, int64_t high, struct state later)
{
    while (high - low > 1) { /* halves each time */
        const int64_t middle = low + (high - low) / 2;

        if (same(state_at(middle), later))
            high = middle;
        else
            low = middle;
    }
    return high;
}

static void add(struct policy_zone *z, int64_t from, struct state s)
{
    if (z->count < POLICY_ZONE_MAX)
        z->change[z->count++] = (struct policy_zone_change){from, s.offset, s.summer};
}

static void scan(struct policy_zone *z)
{
    struct state before = state_at(FIRST_S);

    z->count = 0;
    add(z, FIRST_S, before);
    for (int64_t day = FIRST_S + DAY_S; day <= LAST_S; day += DAY_S) {
        const struct state now = state_at(day);

        if (same(before, now))
            continue;
        add(z, change_between(day - DAY_S, day, now), now);
        before = now;
    }
    /* UTC needs no table. */
    if (z->count == 1 && z->change[0].offset == 0)
        z->count = 0;
}

/* ---- one zone ---- */

static void set_zone(const char *tz)
{
    if (tz)
        (void)setenv("TZ", tz, 1);
    else
        (void)unsetenv("TZ");
    tzset();
}

bool policy_file_zone(const char *name, struct policy_zone *out, char *remedy,
                      size_t remedy_cap)
{
    const char *was = getenv("TZ");
    char *kept = was ? strdup(was) : NULL;
    char tz[NAME_MAX_ + 2];

    out->count = 0;
    if (name && strcmp(name, "UTC") == 0) {
        free(kept);
        return true;
    }
    if (name && (!name_is_good(name) || !is_there(name))) {
        (void)snprintf(remedy, remedy_cap, "%s",
                       is_there("Europe/Berlin")
                           ? "write a name such as \"Europe/Berlin\" or \"UTC\""
                           : "install the package tzdata, or write \"UTC\"");
        free(kept);
        return false;
    }
    if (name) {
        (void)snprintf(tz, sizeof tz, ":%s", name);
        set_zone(tz);
    } else {
        tzset();
    }
    scan(out);
    if (name)
        set_zone(kept);
    free(kept);
    return true;
}
