/* What guards are called, what they may be set to, and how a compiled policy says it. */
#include "policy/guard.h"

#include <string.h>

const char *guard_name(enum guard_id guard)
{
    static const char *const names[GUARDS] = {
        [GUARD_SWEEP] = "sweep",
        [GUARD_TOGGLE] = "toggle",
        [GUARD_UNKNOWN] = "unknown",
        [GUARD_INTERROGATION] = "interrogation",
        [GUARD_EARLY_COMMAND] = "early_command",
        [GUARD_OPENING] = "opening",
        [GUARD_CLOCK_STEP] = "clock_step",
        [GUARD_SECOND_MASTER] = "second_master",
        [GUARD_TAKEOVER] = "takeover",
    };

    return (size_t)guard < GUARDS ? names[guard] : NULL;
}

const char *guard_action_name(enum guard_action action)
{
    static const char *const names[GUARD_ACTIONS] = {"off", "alarm", "refuse",
                                                     "monitor-only", "close"};

    return (size_t)action < GUARD_ACTIONS ? names[action] : "off";
}

const char *guard_step_name(enum guard_step step)
{
    static const char *const names[GUARD_STEPS] = {
        [GUARD_STEP_TESTFR] = "testfr",
        [GUARD_STEP_STARTDT] = "startdt",
        [GUARD_STEP_INTERROGATION] = "interrogation",
        [GUARD_STEP_COUNTERS] = "counters",
        [GUARD_STEP_CLOCK] = "clock",
        [GUARD_STEP_READ] = "read",
        [GUARD_STEP_TEST] = "test",
        [GUARD_STEP_COMMAND] = "command",
        [GUARD_STEP_OTHER] = "other",
    };

    return (size_t)step > 0 && (size_t)step < GUARD_STEPS ? names[step] : "";
}

bool guard_may(enum guard_id guard, enum guard_action action)
{
    const bool no_command = guard == GUARD_OPENING || guard == GUARD_SECOND_MASTER;

    return (size_t)action < GUARD_ACTIONS && !(no_command && action == GUARD_REFUSE);
}

/* What each field may be; 0, 0: the guard has no use for it. */
static const struct {
    uint32_t limit_min, limit_max, reads_max, window_max;
} bounds[GUARDS] = {
    [GUARD_SWEEP] = {1, GUARD_LIMIT_MAX, 0, GUARD_WINDOW_MAX},
    [GUARD_TOGGLE] = {1, GUARD_CHANGES_MAX, 0, GUARD_WINDOW_MAX},
    [GUARD_UNKNOWN] = {1, GUARD_LIMIT_MAX, 0, GUARD_WINDOW_MAX},
    [GUARD_INTERROGATION] = {1, GUARD_LIMIT_MAX, GUARD_LIMIT_MAX, GUARD_WINDOW_MAX},
    [GUARD_EARLY_COMMAND] = {0, GUARD_DATA_MAX, 0, 0},
    [GUARD_OPENING] = {1, GUARD_FRAMES_MAX, 0, 0},
    [GUARD_CLOCK_STEP] = {1, GUARD_WINDOW_MAX, 0, 0},
    [GUARD_SECOND_MASTER] = {0, 0, 0, 0},
    [GUARD_TAKEOVER] = {0, 0, 0, GUARD_WINDOW_MAX},
};

static bool between(uint32_t v, uint32_t max)
{
    return max == 0 ? v == 0 : v >= 1 && v <= max;
}

static bool rule_is_good(enum guard_id guard, const struct guard_rule *r)
{
    if (r->action == GUARD_OFF)
        return r->limit == 0 && r->reads == 0 && r->window_ms == 0;
    return guard_may(guard, (enum guard_action)r->action) &&
           r->limit >= bounds[guard].limit_min && r->limit <= bounds[guard].limit_max &&
           between(r->reads, bounds[guard].reads_max) &&
           between(r->window_ms, bounds[guard].window_max);
}

static bool expect_is_good(const struct guard_settings *g)
{
    if (g->expect_count >= GUARD_STEPS ||
        (g->expect_count > 0 && g->rule[GUARD_OPENING].action == GUARD_OFF))
        return false;
    for (size_t i = 0; i < g->expect_count; i++) {
        if (g->expect[i] < 1 || g->expect[i] >= GUARD_STEPS ||
            memchr(g->expect, g->expect[i], i) != NULL)
            return false;
    }
    return true;
}

const char *guard_settings_fault(const struct guard_settings *g)
{
    for (size_t i = 0; i < GUARDS; i++) {
        if (!rule_is_good((enum guard_id)i, &g->rule[i]))
            return "a guard is set to what it cannot be";
    }
    return expect_is_good(g) ? NULL : "an opening is expected that is none";
}

bool guard_settings_are_none(const struct guard_settings *g)
{
    for (size_t i = 0; i < GUARDS; i++) {
        if (g->rule[i].action != GUARD_OFF)
            return false;
    }
    return true;
}

/* ---- as octets, little endian ---- */

static void put(uint8_t **p, uint32_t v, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        *(*p)++ = (uint8_t)(v >> 8 * i);
}

static uint32_t take(const uint8_t **p, size_t octets)
{
    uint32_t v = 0;

    for (size_t i = 0; i < octets; i++)
        v |= (uint32_t) * (*p)++ << 8 * i;
    return v;
}

void guard_settings_encode(const struct guard_settings *g,
                           uint8_t out[GUARD_SETTINGS_SIZE])
{
    uint8_t *p = out;

    for (size_t i = 0; i < GUARDS; i++) {
        put(&p, g->rule[i].action, 1);
        put(&p, g->rule[i].limit, 4);
        put(&p, g->rule[i].reads, 4);
        put(&p, g->rule[i].window_ms, 4);
    }
    put(&p, g->expect_count, 1);
    for (size_t i = 0; i < GUARD_STEPS; i++)
        put(&p, i < g->expect_count ? g->expect[i] : 0, 1);
}

bool guard_settings_decode(struct guard_settings *g,
                           const uint8_t octets[GUARD_SETTINGS_SIZE])
{
    const uint8_t *p = octets;

    memset(g, 0, sizeof *g);
    for (size_t i = 0; i < GUARDS; i++) {
        g->rule[i].action = (uint8_t)take(&p, 1);
        g->rule[i].limit = take(&p, 4);
        g->rule[i].reads = take(&p, 4);
        g->rule[i].window_ms = take(&p, 4);
    }
    g->expect_count = (uint8_t)take(&p, 1);
    for (size_t i = 0; i < GUARD_STEPS; i++)
        g->expect[i] = (uint8_t)take(&p, 1);
    for (size_t i = g->expect_count; i < GUARD_STEPS; i++) {
        if (g->expect[i] != 0)
            return false;
    }
    return guard_settings_fault(g) == NULL && !guard_settings_are_none(g);
}

bool guard_settings_same(const struct guard_settings *a, const struct guard_settings *b)
{
    uint8_t x[GUARD_SETTINGS_SIZE], y[GUARD_SETTINGS_SIZE];

    guard_settings_encode(a, x);
    guard_settings_encode(b, y);
    return memcmp(x, y, sizeof x) == 0;
}
