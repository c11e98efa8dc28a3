#include "proxy/policy_file.h"

#include "policy/policy.h"
#include "proxy/audit_hash.h"
#include "proxy/config_reader.h"
#include "proxy/policy_file_asker.h"
#include "proxy/policy_file_guards.h"
#include "proxy/policy_file_limits.h"
#include "proxy/policy_file_points.h"
#include "proxy/policy_file_range.h"
#include "proxy/policy_file_role.h"
#include "proxy/policy_file_value.h"
#include "proxy/policy_file_when.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct config_key root_keys[] = {
    {"monitor", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"control", CONFIG_KIND_GROUP, true, 0, 0, 0,
     "add control = { default = \"refuse\"; rules = ( ... ); };"},
    {"role_names", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"peer_names", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"time_zone", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"guards", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
};

static const struct config_key direction_keys[] = {
    {"default", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"rules", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"select_timeout", CONFIG_KIND_INT, false, 0, 1, POLICY_SELECT_TIMEOUT_MAX, NULL},
    {"clock", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"time_tag", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
};

/* Each narrows a rule, or may: none is ignored. */
static const struct config_key rule_keys[] = {
    {"name", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"types", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"ca", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"ioa", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"value", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"action", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"roles", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"cot", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"se", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"qualifier", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"oa", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"select", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"rate", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"rate_per", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"values", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"negative", CONFIG_KIND_BOOL, false, 0, 0, 0, NULL},
    {"test", CONFIG_KIND_BOOL, false, 0, 0, 0, NULL},
    {"peers", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"from", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"time", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"step", CONFIG_KIND_NUMBER, false, 0, 0, 0, NULL},
    {"step_first", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"max_age", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"points", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"limits_from_points", CONFIG_KIND_BOOL, false, 0, 0, 0, NULL},
    {"permit", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
};

struct reading {
    struct config_reader r;
    struct policy_builder *builder;
    uint32_t needs[DIRECTIONS]; /* quirks */
    bool permits;
    struct policy_file_roles roles;
    struct policy_file_points points;
    struct policy_file_asker *asker;
    unsigned int *line; /* of each rule in the builder */
    size_t rules, room;
};

/* False without memory. */
static bool keep_line(struct reading *rd, unsigned int line)
{
    const size_t room = rd->room ? 2 * rd->room : 64;

    if (rd->rules == rd->room) {
        unsigned int *more = realloc(rd->line, room * sizeof *more);
        if (!more)
            return false;
        rd->line = more;
        rd->room = room;
    }
    rd->line[rd->rules++] = line;
    return true;
}

static const char *action_names(const void *ctx, size_t i)
{
    (void)ctx;
    return policy_action_name((enum policy_action)i);
}

static bool read_action(const struct config_reader *r, const config_setting_t *group,
                        const char *key, enum direction dir, enum policy_action *action)
{
    const char *text = config_member_string(r, group, key);
    const char *near;
    char remedy[128];

    if (!text)
        return !config_setting_get_member(group, key);
    if (!policy_action_by_name(text, action)) {
        near = config_nearest(text, action_names, NULL, POLICY_ACTIONS);
        (void)snprintf(remedy, sizeof remedy,
                       near ? "did you mean \"%s\"?"
                            : "write \"pass\", \"log\", \"alarm\", \"refuse\", \"drop\", "
                              "\"monitor-only\" or \"close\"",
                       near);
        config_report_key(r, CONFIG_ERROR, group, key, remedy, "\"%s\" is no action",
                          text);
        return false;
    }
    if (dir == DIR_CONTROL || (*action != POLICY_REFUSE && *action != POLICY_MUTE))
        return true;
    config_report_key(r, CONFIG_ERROR, group, key, "write \"drop\"",
                      "\"%s\" answers commands; nobody is answered in monitor "
                      "direction",
                      text);
    return false;
}

/* ---- rules ------------------------------------------------------------------------ */

static const struct type_info *read_type(const struct config_reader *r,
                                         const config_setting_t *s)
{
    const struct type_info *type = NULL;
    const char *text = NULL;
    const char *near;
    char remedy[96] = "write a name such as \"C_SC_NA_1\" or its number";

    if (s->type == CONFIG_TYPE_INT) {
        int v = config_setting_get_int(s);

        type = v >= 0 && v <= 255 ? type_info((uint8_t)v) : NULL;
        if (!type)
            config_report(r, CONFIG_ERROR, s, remedy,
                          "%d is no TypeID of IEC 60870-5-104", v);
        return type;
    }
    text = config_string(r, s);
    if (!text)
        return NULL;
    type = type_by_name(text);
    if (type)
        return type;
    near = type_closest_name(text);
    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    config_report(r, CONFIG_ERROR, s, remedy, "\"%s\" is no type of IEC 60870-5-104",
                  text);
    return NULL;
}

static bool read_types(const struct config_reader *r, const config_setting_t *s,
                       enum direction dir, struct policy_rule *rule)
{
    const config_setting_t *list = config_member(s, "types", CONFIG_KIND_SEQUENCE);
    bool good = true;

    if (!config_setting_get_member(s, "types")) {
        if (config_setting_get_member(s, "points"))
            return true; /* those of the points */
        if (dir == DIR_MONITOR) {
            policy_types_all(rule->types, dir);
            return true;
        }
        config_report_key(r, CONFIG_ERROR, s, "types", "add types = [ \"...\" ];",
                          "the key is missing; a rule for commands has to name them");
        return false;
    }
    if (!list || !config_count_check(r, list, 1, 256))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const struct type_info *type = read_type(r, e);

        good = good && type;
        if (!type)
            continue;
        if (type->layout == TYPE_LAYOUT_SECAUTH) {
            config_report(r, CONFIG_ERROR, e,
                          "remove it; the route's secauth decides about it",
                          "%s is authentication, of which no rule speaks", type->name);
            good = false;
        } else if (!type_in_direction(type, dir)) {
            config_report(r, CONFIG_ERROR, e, "move it to the other direction's rules",
                          "%s does not occur in %s direction", type->name,
                          direction_name(dir));
            good = false;
        }
        policy_types_set(rule->types, type->id);
    }
    return good;
}

static bool read_name(const struct config_reader *r, const config_setting_t *s,
                      struct policy_rule *rule)
{
    const char *name = config_member_string(r, s, "name");

    rule->name = name ? name : "";
    if (strlen(rule->name) <= POLICY_NAME_MAX)
        return name || !config_setting_get_member(s, "name");
    config_report_key(r, CONFIG_ERROR, s, "name", "use a shorter name",
                      "the name has more than %u octets", POLICY_NAME_MAX);
    return false;
}

static bool read_addresses(const struct config_reader *r, const config_setting_t *s,
                           const char *key, enum policy_file_space space,
                           struct policy_range **out, size_t *count)
{
    const config_setting_t *list = config_member(s, key, CONFIG_KIND_SEQUENCE);

    *out = NULL;
    *count = 0;
    if (!list)
        return !config_setting_get_member(s, key);
    return policy_file_ranges(r, list, space, out, count);
}

static void note_needs(struct reading *rd, const struct policy_rule *rule)
{
    for (unsigned int id = 0; id < 256; id++) {
        const struct type_info *type = type_info((uint8_t)id);
        if ((rule->types[id / 8] >> id % 8 & 1) != 0 && type && type->needs != QUIRK_NONE)
            rd->needs[rule->direction] |= QUIRK_BIT(type->needs);
    }
}

/* One rule, or if its points have limits of their own as many as these are different. */
static void add_rule(struct reading *rd, const config_setting_t *s,
                     struct policy_rule *rule)
{
    const bool points = rd->points.count > 0;
    char err[160] = "out of memory";

    if (points && !policy_file_points_next(&rd->points, &rd->r, s, &rd->roles, rule))
        return;
    do {
        if (!policy_builder_add(rd->builder, rule, err, sizeof err) ||
            !keep_line(rd, config_setting_source_line(s))) {
            config_report(&rd->r, CONFIG_ERROR, s, "change the rule", "%s", err);
            return;
        }
    } while (points && policy_file_points_next(&rd->points, &rd->r, s, &rd->roles, rule));
}

static void read_rule(struct reading *rd, const config_setting_t *s, enum direction dir)
{
    struct policy_rule rule = {.direction = dir, .action = POLICY_PASS};
    struct policy_range *ca;
    struct policy_range *ioa;
    const struct config_reader *r = &rd->r;
    size_t before = r->errs->errors;
    bool good;

    config_group_read(r, s, rule_keys, COUNT(rule_keys), NULL);
    good = read_name(r, s, &rule);
    good = read_types(r, s, dir, &rule) && good;
    good = good && policy_file_points(&rd->points, r, s, &rule);
    good = read_addresses(r, s, "ca", POLICY_FILE_CA, &ca, &rule.ca_count) && good;
    good = read_addresses(r, s, "ioa", POLICY_FILE_IOA, &ioa, &rule.ioa_count) && good;
    good = policy_file_value(r, s, &rule) && good;
    good = policy_file_when(r, s, &rule) && good;
    good = policy_file_rule_roles(r, s, &rd->roles, &rule) && good;
    good = policy_file_rule_asker(r, s, rd->asker, &rule) && good;
    good = read_action(r, s, "action", dir, &rule.action) && good;
    good = good && policy_file_limits(r, s, &rule);
    good = good && policy_file_points_limits(&rd->points, r, s, &rule);
    rule.ca = ca;
    rule.ioa = ioa;
    /* A rule without a list of types means those that pass. */
    if (config_setting_get_member(s, "types") || rd->points.count > 0)
        note_needs(rd, &rule);
    rd->permits = rd->permits || rule.limits.permit;
    if (good && r->errs->errors == before)
        add_rule(rd, s, &rule);
    free(ca);
    free(ioa);
}

/* ---- the file --------------------------------------------------------------------- */

static void check_control(struct reading *rd, const config_setting_t *group,
                          enum policy_action action)
{
    if (policy_action_passes(action))
        config_report_key(&rd->r, CONFIG_WARNING, group, "default",
                          "write \"refuse\" and list what may pass",
                          "every command that no rule names will pass");
    else if (!config_setting_get_member(group, "rules"))
        config_report_key(&rd->r, CONFIG_WARNING, group, "rules",
                          "add rules for the commands that may pass, or rules = ( );",
                          "no command at all will pass");
}

/* What says something of commands only. */
static void check_monitor(struct reading *rd, const config_setting_t *group)
{
    static const struct {
        const char *key, *what;
    } keys[] = {
        {"select_timeout", "nothing is selected in this direction"},
        {"clock", "it is for both directions"},
        {"time_tag", "it is about time tags of commands"},
    };

    for (size_t i = 0; i < COUNT(keys); i++) {
        if (config_setting_get_member(group, keys[i].key))
            config_report_key(&rd->r, CONFIG_ERROR, group, keys[i].key,
                              "move it to control", "%s", keys[i].what);
    }
}

static void read_direction(struct reading *rd, const config_setting_t *group,
                           enum direction dir)
{
    enum policy_action action = dir == DIR_CONTROL ? POLICY_REFUSE : POLICY_PASS;
    uint32_t select_s = POLICY_SELECT_TIMEOUT;
    const config_setting_t *list;
    size_t rules = 0;

    config_group_read(&rd->r, group, direction_keys, COUNT(direction_keys), &select_s);
    if (dir == DIR_CONTROL) {
        policy_builder_select_timeout(rd->builder, (uint16_t)select_s);
        policy_file_clock(&rd->r, group, rd->asker);
    } else {
        check_monitor(rd, group);
    }
    if (read_action(&rd->r, group, "default", dir, &action))
        policy_builder_default(rd->builder, dir, action);
    list = config_member(group, "rules", CONFIG_KIND_SEQUENCE);
    if (list && config_count_check(&rd->r, list, 0, POLICY_RULES_MAX))
        rules = config_count(list);
    for (size_t i = 0; i < rules; i++) {
        const config_setting_t *s = config_elem(list, i);

        if (s->type == CONFIG_TYPE_GROUP)
            read_rule(rd, s, dir);
        else
            config_report(&rd->r, CONFIG_ERROR, s, "write a group: { types = [ ... ]; }",
                          "wrong type of value");
    }
    if (dir == DIR_CONTROL)
        check_control(rd, group, action);
}

/* Takes the blob if the gate will take it. */
static void take_blob(struct reading *rd, struct policy_file *out)
{
    struct config_place at = {rd->r.file, 0, NULL};
    const bool added = policy_builder_askers(rd->builder, &rd->asker->table);
    const uint8_t *blob = added ? policy_builder_blob(rd->builder, &out->size) : NULL;
    struct policy *policy = NULL;
    char err[160] = "out of memory";

    out->names_peers = rd->asker->table.peer_count > 0;
    out->blob = blob ? malloc(out->size) : NULL;
    if (out->blob) {
        memcpy(out->blob, blob, out->size);
        if (policy_load(out->blob, out->size, &policy, err, sizeof err)) {
            policy_free(policy);
            return;
        }
    }
    config_errors_add(rd->r.errs, CONFIG_ERROR, &at, "make the policy simpler", "%s",
                      err);
}

static void read_tree(struct reading *rd, const config_setting_t *root,
                      struct policy_file *out)
{
    size_t before = rd->r.errs->errors;
    const config_setting_t *group;
    struct guard_settings guards;

    config_group_read(&rd->r, root, root_keys, COUNT(root_keys), NULL);
    policy_file_role_names(&rd->r, config_member(root, "role_names", CONFIG_KIND_GROUP),
                           &rd->roles);
    policy_file_peer_names(&rd->r, config_member(root, "peer_names", CONFIG_KIND_GROUP),
                           rd->asker);
    policy_file_time_zone(&rd->r, root, rd->asker);
    group = config_member(root, "monitor", CONFIG_KIND_GROUP);
    if (group)
        read_direction(rd, group, DIR_MONITOR);
    group = config_member(root, "control", CONFIG_KIND_GROUP);
    if (group)
        read_direction(rd, group, DIR_CONTROL);
    if (policy_file_guards(&rd->r, config_member(root, "guards", CONFIG_KIND_GROUP),
                           &guards))
        policy_builder_guards(rd->builder, &guards);
    policy_file_asker_end(rd->asker);
    if (rd->r.errs->errors == before)
        take_blob(rd, out);
}

bool policy_file_load(const char *path, const struct config_place *at,
                      struct config_errors *errs, struct policy_file *out)
{
    return policy_file_load_points(path, NULL, at, errs, out);
}

bool policy_file_load_points(const char *path, const struct point_list *points,
                             const struct config_place *at, struct config_errors *errs,
                             struct policy_file *out)
{
    struct reading rd = {.r = {path, errs}, .points = {.list = points}};
    size_t before = errs->errors;
    char *octets = NULL;
    size_t size = 0;
    config_t *tree = config_tree_read(path, at, errs, &octets, &size);

    memset(out, 0, sizeof *out);
    if (!tree)
        return false;
    rd.builder = policy_builder_new();
    rd.asker = calloc(1, sizeof *rd.asker);
    if (rd.builder && rd.asker && audit_hash_warm_up() &&
        audit_hash(octets, size, out->hash))
        read_tree(&rd, config_root_setting(tree), out);
    else
        config_errors_add(errs, CONFIG_ERROR, at, "free some memory", "out of memory");
    memcpy(out->needs, rd.needs, sizeof out->needs);
    out->permits = rd.permits;
    out->roles = rd.roles;
    out->line = rd.line;
    policy_builder_free(rd.builder);
    policy_file_points_free(&rd.points);
    free(rd.asker);
    config_tree_free(tree);
    free(octets);
    if (errs->errors == before)
        return true;
    policy_file_free(out);
    return false;
}

void policy_file_free(struct policy_file *f)
{
    free(f->blob);
    free(f->line);
    memset(f, 0, sizeof *f);
}
