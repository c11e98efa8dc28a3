/* What a route says about the roles of its masters (IEC 62351-8). */
#include "proxy/config_build.h"
#include "proxy/policy_file_role.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const keys[] = {"areas", "role_revision", "role_definitions",
                                   "no_role"};

/* A list of `max` texts of 1..size - 1 octets each, into rows of `size`. */
static size_t read_texts(struct config_build *b, const config_setting_t *s,
                         const char *key, char *out, size_t size, size_t max)
{
    const config_setting_t *list = config_member(s, key, CONFIG_KIND_SEQUENCE);
    size_t used = 0;

    if (!list || !config_count_check(&b->r, list, 1, max))
        return 0;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const char *text = config_string(&b->r, e);

        if (!text)
            continue;
        if (text[0] == '\0' || strlen(text) >= size)
            config_report(&b->r, CONFIG_ERROR, e, "write what the certificates say",
                          "\"%s\" has not 1 to %zu octets", text, size - 1);
        else
            (void)snprintf(out + size * used++, size, "%s", text);
    }
    return used;
}

static void read_no_role(struct config_build *b, const config_setting_t *s,
                         struct config_route *route)
{
    const char *text = config_member_string(&b->r, s, "no_role");
    char remedy[160];

    if (!text || strcmp(text, "refuse-commands") == 0)
        return;
    route->roles.has_default = true;
    /* The private names are those of the policy, which can be at fault itself. */
    if (b->r.errs->errors > 0 ||
        policy_file_role_by_name(&b->c->policies[route->policy].roles, text,
                                 &route->roles.default_role, remedy, sizeof remedy))
        return;
    config_report_key(&b->r, CONFIG_ERROR, s, "no_role", remedy,
                      "\"%s\" is neither a role nor \"refuse-commands\"", text);
}

/* Masters have no certificates on a route that wraps them. */
static void check_wrap_master(struct config_build *b, const config_setting_t *s)
{
    for (size_t i = 0; i + 1 < COUNT(keys); i++) {
        if (config_setting_get_member(s, keys[i]))
            config_report_key(&b->r, CONFIG_ERROR, s, keys[i],
                              "remove it; no_role says which role the masters have",
                              "masters of mode \"wrap-master\" have no certificates that "
                              "could tell roles");
    }
}

static void check_policy(struct config_build *b, const config_setting_t *s,
                         const struct config_route *route)
{
    const bool used = b->c->policies[route->policy].roles.used;

    for (size_t i = 0; i < COUNT(keys) && !used; i++) {
        if (config_setting_get_member(s, keys[i]))
            config_report_key(&b->r, CONFIG_WARNING, s, keys[i],
                              "remove it, or add roles = [ ... ]; to rules of the policy",
                              "no rule of the policy is for certain roles");
    }
    if (b->c->policies[route->policy].names_peers && route->mode == ROUTE_WRAP_MASTER)
        config_report_key(&b->r, CONFIG_WARNING, s, "policy",
                          "use from = [ ... ]; in rules that are for certain masters",
                          "it has rules for certain certificates, but no master of mode "
                          "\"wrap-master\" has one: they match nobody");
    if (used && route->mode == ROUTE_WRAP_MASTER && !route->roles.has_default)
        config_report_key(&b->r, CONFIG_WARNING, s, "policy",
                          "add no_role = \"OPERATOR\"; or the role that the masters have",
                          "it has rules for certain roles, but the masters have no "
                          "certificates that could tell one: no command will pass");
}

void config_roles_read(struct config_build *b, const config_setting_t *s,
                       struct config_route *route)
{
    struct role_settings *to = &route->roles;

    to->area_count =
        read_texts(b, s, "areas", to->area[0], sizeof to->area[0], ROLE_AREAS_MAX);
    if (!config_setting_get_member(s, "areas"))
        (void)snprintf(to->area[to->area_count++], sizeof to->area[0], "%s", route->name);
    to->has_revision = config_setting_get_member(s, "role_revision") != NULL;
    to->revision = (uint8_t)route->role_revision;
    to->definition_count = read_texts(b, s, "role_definitions", to->definition[0],
                                      sizeof to->definition[0], ROLE_DEFINITIONS_MAX);
    read_no_role(b, s, route);
    if (route->mode == ROUTE_WRAP_MASTER)
        check_wrap_master(b, s);
    if (b->r.errs->errors == 0)
        check_policy(b, s, route);
}
