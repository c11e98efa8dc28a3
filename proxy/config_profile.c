#include "proxy/config_build.h"

#include <stdio.h>
#include <string.h>

static const char *name_of_quirk(const void *ctx, size_t i)
{
    (void)ctx;
    return quirk_name((unsigned int)i + 1);
}

static void report_unknown(const struct config_build *b, const config_setting_t *e,
                           const char *name)
{
    const char *near = config_nearest(name, name_of_quirk, NULL, QUIRK_MAX);

    char remedy[96] = "see gate104.conf(5) for the list";

    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    config_report(&b->r, CONFIG_ERROR, e, remedy, "\"%s\" is no quirk", name);
}

/* One name of a list for direction `dir`. */
static void read_quirk(const struct config_build *b, const config_setting_t *e,
                       enum direction dir, struct profile *profile)
{
    const char *name = config_string(&b->r, e);
    const struct quirk_info *info = name ? quirk_by_name(name) : NULL;

    if (!name)
        return;
    if (!info)
        report_unknown(b, e, name);
    else if (info->use == QUIRK_USE_SETTING)
        config_report(&b->r, CONFIG_ERROR, e, "write secauth = \"passthrough\";",
                      "\"%s\" is a setting of the route, no quirk", name);
    else if ((profile->quirks[dir] & QUIRK_BIT(info->quirk)) != 0)
        config_report(&b->r, CONFIG_ERROR, e, "remove one of them",
                      "\"%s\" is named twice", name);
    else if (!profile_allow(profile, info->quirk, dir))
        config_report(&b->r, CONFIG_ERROR, e,
                      dir == DIR_CONTROL ? "write it in quirks = [ ... ];"
                                         : "write it in control_quirks = [ ... ];",
                      "\"%s\" concerns what the %s sends", name,
                      dir == DIR_CONTROL ? "station" : "master");
}

static void read_quirks(const struct config_build *b, const config_setting_t *s,
                        const char *key, enum direction dir, struct profile *profile)
{
    const config_setting_t *list = config_member(s, key, CONFIG_KIND_SEQUENCE);

    if (!list || !config_count_check(&b->r, list, 0, QUIRK_MAX))
        return;
    for (size_t i = 0; i < config_count(list); i++)
        read_quirk(b, config_elem(list, i), dir, profile);
}

static void read_secauth(const struct config_build *b, const config_setting_t *s,
                         struct profile *profile)
{
    const char *text = config_member_string(&b->r, s, "secauth");

    if (!text || strcmp(text, "block") == 0)
        return;
    if (strcmp(text, "passthrough") == 0)
        (void)profile_allow(profile, QUIRK_SECAUTH, DIR_CONTROL);
    else
        config_report_key(&b->r, CONFIG_ERROR, s, "secauth",
                          "write \"block\" or \"passthrough\"",
                          "\"%s\" is no way to treat IEC 60870-5-7", text);
}

/* A rule for what the validator stops is a mistake in one place or the other. */
static void check_policy(const struct config_build *b, const config_setting_t *s,
                         const struct config_route *route)
{
    for (unsigned int d = 0; d < DIRECTIONS; d++) {
        const uint32_t missing =
            b->c->policies[route->policy].needs[d] & ~route->profile.quirks[d];
        for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
            if ((missing & QUIRK_BIT(q)) == 0)
                continue;
            config_report_key(&b->r, CONFIG_WARNING, s, "policy",
                              "name the quirk in the route, or remove the types",
                              "it has rules for types that pass only with the quirk "
                              "\"%s\"",
                              quirk_name(q));
        }
    }
}

void config_profile_read(struct config_build *b, const config_setting_t *s,
                         struct config_route *route)
{
    struct profile *profile = &route->profile;

    *profile = (struct profile){.cot_size = (uint8_t)route->cot_size,
                                .ca_size = (uint8_t)route->ca_size,
                                .ioa_size = (uint8_t)route->ioa_size};
    /* Those for commands let the answers pass too: read last, to tell what is named
     * twice. */
    read_quirks(b, s, "quirks", DIR_MONITOR, profile);
    read_quirks(b, s, "control_quirks", DIR_CONTROL, profile);
    read_secauth(b, s, profile);
    if (b->r.errs->errors == 0)
        check_policy(b, s, route);
}
