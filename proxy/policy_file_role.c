#include "proxy/policy_file_role.h"

#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static const char *name_at(const void *ctx, size_t i)
{
    const struct policy_file_roles *known = ctx;

    return i < ROLE_STANDARD_COUNT ? role_standard_name((int32_t)i)
                                   : known->role[i - ROLE_STANDARD_COUNT].name;
}

bool policy_file_role_by_name(const struct policy_file_roles *known, const char *name,
                              int16_t *role, char *remedy, size_t remedy_cap)
{
    const char *near;

    if (role_standard_by_name(name, role))
        return true;
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->role[i].name, name) == 0) {
            *role = known->role[i].role;
            return true;
        }
    }
    near = config_nearest(name, name_at, known, ROLE_STANDARD_COUNT + known->count);
    (void)snprintf(remedy, remedy_cap,
                   near ? "did you mean \"%s\"?"
                        : "write a role of IEC 62351-8 such as \"OPERATOR\", or name it "
                          "in the policy's role_names = { ... };",
                   near);
    return false;
}

static bool add_private(const struct config_reader *r, const config_setting_t *s,
                        struct policy_file_roles *known, int16_t role, const char *name)
{
    struct role_private *p = &known->role[known->count];

    if (known->count == ROLE_PRIVATE_MAX) {
        config_report(r, CONFIG_ERROR, s, "use fewer private roles",
                      "the policy has more than %u private roles", ROLE_PRIVATE_MAX);
        return false;
    }
    p->role = role;
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    known->count++;
    return true;
}

static bool is_known(const struct policy_file_roles *known, int16_t role)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->role[i].role == role)
            return true;
    }
    return false;
}

static void read_role_name(const struct config_reader *r, const config_setting_t *s,
                           struct policy_file_roles *known)
{
    const char *name = config_setting_name(s);
    int number;
    int16_t role;

    if (s->type != CONFIG_TYPE_INT) {
        config_report(r, CONFIG_ERROR, s, "write NAME = -1;", "wrong type of value");
        return;
    }
    number = config_setting_get_int(s);
    if (number < INT16_MIN || number > -1)
        config_report(r, CONFIG_ERROR, s, "give it a number from -32768 to -1",
                      "%d is no number of a private role (IEC 62351-8)", number);
    else if (!role_name_good(name))
        config_report(r, CONFIG_ERROR, s,
                      "use 1 to 31 capital letters, digits, '_' and '-'",
                      "\"%s\" is no name of a role", name);
    else if (role_standard_by_name(name, &role))
        config_report(r, CONFIG_ERROR, s, "choose another name",
                      "%s is a role of IEC 62351-8 with the number %d", name, role);
    else if (is_known(known, (int16_t)number))
        config_report(r, CONFIG_ERROR, s, "remove one of them",
                      "the role %d has two names", number);
    else
        (void)add_private(r, s, known, (int16_t)number, name);
}

void policy_file_role_names(const struct config_reader *r, const config_setting_t *group,
                            struct policy_file_roles *out)
{
    const int n = group ? config_setting_length(group) : 0;

    for (int i = 0; i < n; i++)
        read_role_name(r, config_setting_get_elem(group, (unsigned int)i), out);
}

/* ---- a rule's list ---- */

static bool read_number(const struct config_reader *r, const config_setting_t *s,
                        struct policy_file_roles *known, int16_t *role)
{
    const int v = config_setting_get_int(s);
    char name[8];

    if (v < INT16_MIN || v >= ROLE_STANDARD_COUNT) {
        config_report(r, CONFIG_ERROR, s,
                      "write a name such as \"OPERATOR\", or a private role's number, "
                      "-32768 to -1",
                      "%d is no role that IEC 62351-8 defines or leaves to private use",
                      v);
        return false;
    }
    *role = (int16_t)v;
    if (v >= 0 || is_known(known, *role))
        return true;
    (void)snprintf(name, sizeof name, "%d", *role);
    return add_private(r, s, known, *role, name);
}

static bool read_role(const struct config_reader *r, const config_setting_t *s,
                      struct policy_file_roles *known, int16_t *role)
{
    const char *text;
    char remedy[160];

    if (s->type == CONFIG_TYPE_INT)
        return read_number(r, s, known, role);
    text = config_string(r, s);
    if (!text)
        return false;
    if (policy_file_role_by_name(known, text, role, remedy, sizeof remedy))
        return true;
    config_report(r, CONFIG_ERROR, s, remedy, "\"%s\" is no role", text);
    return false;
}

bool policy_file_rule_roles(const struct config_reader *r, const config_setting_t *rule,
                            struct policy_file_roles *known, struct policy_rule *out)
{
    const config_setting_t *list = config_member(rule, "roles", CONFIG_KIND_SEQUENCE);
    bool good = true;

    if (!list)
        return !config_setting_get_member(rule, "roles");
    /* An empty list would read as "nobody" and mean "everybody". */
    if (!config_count_check(r, list, 1, POLICY_RULE_ROLES_MAX))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        if (read_role(r, config_elem(list, i), known, &out->role[out->role_count]))
            out->role_count++;
        else
            good = false;
    }
    known->used = true;
    return good;
}
