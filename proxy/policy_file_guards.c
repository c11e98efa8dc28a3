#include "proxy/policy_file_guards.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define SPAN_DIGITS_MAX 8u

#define NUMBER(key, member, low, high)                                                   \
    {                                                                                    \
        key, CONFIG_KIND_INT, false, offsetof(struct guard_rule, member), low, high,     \
            NULL                                                                         \
    }
#define WORD(key)                                                                        \
    {                                                                                    \
        key, CONFIG_KIND_STRING, false, 0, 0, 0, NULL                                    \
    }

static const struct config_key sweep_keys[] = {
    NUMBER("points", limit, 1, GUARD_LIMIT_MAX), WORD("window"), WORD("action")};
static const struct config_key toggle_keys[] = {
    NUMBER("changes", limit, 1, GUARD_CHANGES_MAX), WORD("window"), WORD("action")};
static const struct config_key unknown_keys[] = {
    NUMBER("answers", limit, 1, GUARD_LIMIT_MAX), WORD("window"), WORD("action")};
static const struct config_key interrogation_keys[] = {
    NUMBER("requests", limit, 1, GUARD_LIMIT_MAX),
    NUMBER("reads", reads, 1, GUARD_LIMIT_MAX), WORD("window"), WORD("action")};
static const struct config_key early_keys[] = {NUMBER("asdus", limit, 1, GUARD_DATA_MAX),
                                               WORD("action")};
static const struct config_key opening_keys[] = {
    NUMBER("frames", limit, 1, GUARD_FRAMES_MAX),
    {"expect", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    WORD("action")};
static const struct config_key clock_keys[] = {WORD("limit"), WORD("action")};
static const struct config_key second_keys[] = {WORD("action")};
static const struct config_key takeover_keys[] = {WORD("window"), WORD("action")};

/* The keys of each guard, and what holds where one is not written. */
static const struct group {
    const struct config_key *keys;
    size_t key_count;
    struct guard_rule usual;
} groups[GUARDS] = {
    [GUARD_SWEEP] = {sweep_keys, COUNT(sweep_keys), {GUARD_ALARM, 20, 0, 60000}},
    [GUARD_TOGGLE] = {toggle_keys, COUNT(toggle_keys), {GUARD_ALARM, 4, 0, 60000}},
    [GUARD_UNKNOWN] = {unknown_keys, COUNT(unknown_keys), {GUARD_ALARM, 5, 0, 60000}},
    [GUARD_INTERROGATION] = {interrogation_keys,
                             COUNT(interrogation_keys),
                             {GUARD_ALARM, 6, 60, 60000}},
    [GUARD_EARLY_COMMAND] = {early_keys, COUNT(early_keys), {GUARD_ALARM, 0, 0, 0}},
    [GUARD_OPENING] = {opening_keys, COUNT(opening_keys), {GUARD_ALARM, 8, 0, 0}},
    [GUARD_CLOCK_STEP] = {clock_keys, COUNT(clock_keys), {GUARD_ALARM, 2000, 0, 0}},
    [GUARD_SECOND_MASTER] = {second_keys, COUNT(second_keys), {GUARD_ALARM, 0, 0, 0}},
    [GUARD_TAKEOVER] = {takeover_keys, COUNT(takeover_keys), {GUARD_ALARM, 0, 0, 30000}},
};

/* ---- spans of time ---- */

/* "60s", "500ms" */
static bool parse_span(const char *text, uint64_t *ms)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    const size_t n = strspn(text, "0123456789");

    *ms = 0;
    if (n == 0 || n > SPAN_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        *ms = *ms * 10 + (uint64_t)(text[i] - '0');
    for (size_t i = 0; i < COUNT(units); i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        *ms *= units[i].ms;
        return true;
    }
    return false;
}

static bool read_span(const struct config_reader *r, const config_setting_t *group,
                      const char *key, uint32_t *out)
{
    const char *text = config_member_string(r, group, key);
    uint64_t ms;

    if (!text)
        return !config_setting_get_member(group, key);
    if (!parse_span(text, &ms)) {
        config_report_key(r, CONFIG_ERROR, group, key,
                          "write a number and ms, s, min, h or d: \"60s\", \"500ms\"",
                          "\"%s\" is no span of time", text);
        return false;
    }
    if (ms < 1 || ms > GUARD_WINDOW_MAX) {
        config_report_key(r, CONFIG_ERROR, group, key, "write 1 ms to a day",
                          "\"%s\" is out of range", text);
        return false;
    }
    *out = (uint32_t)ms;
    return true;
}

/* ---- actions ---- */

static const char *action_names(const void *ctx, size_t i)
{
    (void)ctx;
    return guard_action_name((enum guard_action)(i + 1));
}

static bool check_action(const struct config_reader *r, const config_setting_t *group,
                         enum guard_id guard, enum guard_action action)
{
    if (guard_may(guard, action))
        return true;
    config_report_key(r, CONFIG_ERROR, group, "action",
                      guard == GUARD_SECOND_MASTER
                          ? "write \"close\": the second one ends before the station "
                            "sees its STARTDT"
                          : "write \"alarm\", \"monitor-only\" or \"close\"",
                      "\"%s\" cannot refuse: what trips it is no command",
                      guard_name(guard));
    return false;
}

static bool read_action(const struct config_reader *r, const config_setting_t *group,
                        enum guard_id guard, uint8_t *out)
{
    const char *text = config_member_string(r, group, "action");
    const char *near;
    char remedy[96] = "write \"alarm\", \"refuse\", \"monitor-only\" or \"close\"";

    if (!text)
        return !config_setting_get_member(group, "action");
    for (unsigned int i = GUARD_ALARM; i < GUARD_ACTIONS; i++) {
        if (strcmp(text, guard_action_name((enum guard_action)i)) != 0)
            continue;
        *out = (uint8_t)i;
        return check_action(r, group, guard, (enum guard_action)i);
    }
    near = config_nearest(text, action_names, NULL, GUARD_ACTIONS - 1);
    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    else if (strcmp(text, "off") == 0)
        (void)snprintf(remedy, sizeof remedy, "remove the guard");
    config_report_key(r, CONFIG_ERROR, group, "action", remedy,
                      "\"%s\" is no action of a guard", text);
    return false;
}

/* ---- opening ---- */

static const char *step_names(const void *ctx, size_t i)
{
    (void)ctx;
    return guard_step_name((enum guard_step)(i + 1));
}

static uint8_t read_step(const struct config_reader *r, const config_setting_t *s)
{
    const char *text = config_string(r, s);
    const char *near;
    char remedy[128] = "write testfr, startdt, interrogation, counters, clock, read, "
                       "test, command or other";

    if (!text)
        return 0;
    for (unsigned int i = 1; i < GUARD_STEPS; i++) {
        if (strcmp(text, guard_step_name((enum guard_step)i)) == 0)
            return (uint8_t)i;
    }
    near = config_nearest(text, step_names, NULL, GUARD_STEPS - 1);
    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    config_report(r, CONFIG_ERROR, s, remedy, "\"%s\" is no step of an opening", text);
    return 0;
}

/* Before STARTDT comes nothing but TESTFR, which says nothing later (104 5.3). */
static bool step_fits(const struct guard_settings *g, uint8_t step)
{
    const bool started = memchr(g->expect, GUARD_STEP_STARTDT, g->expect_count) != NULL;

    if (step == GUARD_STEP_TESTFR)
        return g->expect_count == 0;
    if (step == GUARD_STEP_STARTDT)
        return !started;
    return started && memchr(g->expect, step, g->expect_count) == NULL;
}

static bool read_expect(const struct config_reader *r, const config_setting_t *group,
                        struct guard_settings *out)
{
    const config_setting_t *list = config_member(group, "expect", CONFIG_KIND_SEQUENCE);

    if (!list)
        return !config_setting_get_member(group, "expect");
    if (!config_count_check(r, list, 1, GUARD_STEPS - 1))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const uint8_t step = read_step(r, e);

        if (step == 0)
            return false;
        if (!step_fits(out, step)) {
            config_report(r, CONFIG_ERROR, e,
                          "name each step once: testfr (if it comes), startdt, then the "
                          "others in their order",
                          "\"%s\" cannot come here",
                          guard_step_name((enum guard_step)step));
            return false;
        }
        out->expect[out->expect_count++] = step;
    }
    return true;
}

/* ---- guards ---- */

static bool read_guard(const struct config_reader *r, const config_setting_t *group,
                       enum guard_id guard, struct guard_settings *out)
{
    const struct group *g = &groups[guard];
    const size_t before = r->errs->errors;
    struct guard_rule *rule = &out->rule[guard];
    bool good;

    *rule = g->usual;
    config_group_read(r, group, g->keys, g->key_count, rule);
    good = read_action(r, group, guard, &rule->action);
    good = read_span(r, group, "window", &rule->window_ms) && good;
    if (guard == GUARD_CLOCK_STEP)
        good = read_span(r, group, "limit", &rule->limit) && good;
    if (guard == GUARD_OPENING)
        good = read_expect(r, group, out) && good;
    return good && r->errs->errors == before;
}

bool policy_file_guards(const struct config_reader *r, const config_setting_t *group,
                        struct guard_settings *out)
{
    struct config_key keys[GUARDS];
    bool good = true;

    memset(out, 0, sizeof *out);
    if (!group)
        return true;
    for (size_t i = 0; i < GUARDS; i++)
        keys[i] = (struct config_key){.name = guard_name((enum guard_id)i),
                                      .kind = CONFIG_KIND_GROUP};
    config_group_read(r, group, keys, GUARDS, NULL);
    for (size_t i = 0; i < GUARDS; i++) {
        const config_setting_t *its =
            config_member(group, keys[i].name, CONFIG_KIND_GROUP);

        if (its)
            good = read_guard(r, its, (enum guard_id)i, out) && good;
    }
    return good;
}
