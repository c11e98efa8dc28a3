/* tls = { rekey = { ... }; }: how often the keys of a session are renewed. */
#include "proxy/config_build.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As it stands in the file. */
struct rekey_group {
    uint32_t interval, timeout, records;
    bool lab;
};

#define AT(field) offsetof(struct rekey_group, field)

static const struct config_key keys[] = {
    {"interval", CONFIG_KIND_INT, false, AT(interval), REKEY_LAB_INTERVAL_MIN_S,
     REKEY_INTERVAL_MAX_S, NULL},
    {"timeout", CONFIG_KIND_INT, false, AT(timeout), 1, REKEY_TIMEOUT_MAX_S, NULL},
    {"records", CONFIG_KIND_INT, false, AT(records), REKEY_LAB_RECORDS_MIN,
     REKEY_RECORDS_MAX, NULL},
    {"silent", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"lab", CONFIG_KIND_BOOL, false, AT(lab), 0, 0, NULL},
};

static void read_silent(const struct config_build *b, const config_setting_t *s,
                        struct rekey_settings *out)
{
    const char *text = config_member_string(&b->r, s, "silent");

    if (!text || strcmp(text, "alarm") == 0)
        return;
    if (strcmp(text, "close") == 0)
        out->close_silent = true;
    else
        config_report_key(&b->r, CONFIG_ERROR, s, "silent",
                          "write \"alarm\" or \"close\"",
                          "\"%s\" is no way to treat a peer that keeps its key", text);
}

/* IEC 62351-3 Ed. 2 clause 7.4.5 knows no less than ten minutes. */
static void check_least(const struct config_build *b, const config_setting_t *s,
                        const char *key, uint32_t value, uint32_t min, uint32_t max)
{
    if (value < min)
        config_report_key(&b->r, CONFIG_ERROR, s, key,
                          "give more, or write lab = true; beside it if this is a lab",
                          "%u is out of range; it may be %u to %u", value, min, max);
}

void config_tls_rekey_read(struct config_build *b, const config_setting_t *own,
                           struct rekey_settings *out)
{
    const config_setting_t *from =
        own && config_setting_get_member(own, "rekey") ? own : b->tls;
    const config_setting_t *s =
        from ? config_member(from, "rekey", CONFIG_KIND_GROUP) : NULL;
    struct rekey_group g = {.interval = REKEY_INTERVAL_S,
                            .timeout = REKEY_TIMEOUT_S,
                            .records = REKEY_RECORDS_MAX};

    if (s) {
        config_group_read(&b->r, s, keys, COUNT(keys), &g);
        read_silent(b, s, out);
        if (g.lab)
            config_report_key(&b->r, CONFIG_WARNING, s, "lab",
                              "remove it where the keys protect something",
                              "the keys may be renewed faster than IEC 62351-3 knows");
    }
    if (s && !g.lab) {
        check_least(b, s, "interval", g.interval, REKEY_INTERVAL_MIN_S,
                    REKEY_INTERVAL_MAX_S);
        check_least(b, s, "records", g.records, REKEY_RECORDS_MIN, REKEY_RECORDS_MAX);
    }
    out->interval_s = g.interval;
    out->timeout_s = g.timeout;
    out->records = g.records;
}

bool config_tls_rekey_same(const struct rekey_settings *a, const struct rekey_settings *b)
{
    return a->interval_s == b->interval_s && a->timeout_s == b->timeout_s &&
           a->records == b->records && a->close_silent == b->close_silent;
}
