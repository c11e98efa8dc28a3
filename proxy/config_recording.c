/* How large recordings of APDUs get, and how much of them is kept. */
#include "proxy/config_build.h"

bool config_is_recorded(const struct config *c)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->routes[i].record.apdus)
            return true;
    }
    return false;
}

void config_recording_read(struct config_build *b, const config_setting_t *audit)
{
    struct recording_settings *s = &b->c->recording;

    config_size_read(b, audit, "record_size", RECORDING_SIZE_MIN, RECORDING_SIZE_MAX,
                     &s->size);
    config_size_read(b, audit, "record_retain_size", RECORDING_SIZE_MIN,
                     RECORDING_RETAIN_MAX, &s->retain_size);
    if (s->size == 0)
        config_report_key(&b->r, CONFIG_ERROR, audit, "record_size",
                          "write a size from \"64K\" on",
                          "recordings without an end would never get their hash");
    else if (s->retain_size != 0 && s->retain_size <= s->size)
        config_report_key(&b->r, CONFIG_ERROR, audit, "record_retain_size",
                          "make it several times record_size",
                          "less would be kept than one recording holds");
}

void config_recording_check(const struct config_build *b, const config_setting_t *root)
{
    static const char *const keys[] = {"record_size", "record_interval",
                                       "record_retain_size", "record_retain_days"};
    const config_setting_t *audit = config_member(root, "audit", CONFIG_KIND_GROUP);

    const bool recorded = config_is_recorded(b->c);

    for (size_t i = 0; audit && i < sizeof keys / sizeof keys[0]; i++) {
        if (config_setting_get_member(audit, keys[i]) && !recorded)
            config_report_key(&b->r, CONFIG_WARNING, audit, keys[i],
                              "write record = \"pcapng\"; in a route",
                              "no route is recorded");
    }
}
