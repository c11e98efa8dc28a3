#include "proxy/config.h"

#include "proxy/config_build.h"
#include "proxy/config_seal.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct config_key root_keys[] = {
    {"user", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"run_dir", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"require_sandbox", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"audit", CONFIG_KIND_GROUP, true, 0, 0, 0,
     "add audit = { dir = \"/var/log/gate104\"; };"},
    {"tls", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"limits", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"permits", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"routes", CONFIG_KIND_SEQUENCE, true, 0, 0, 0,
     "add routes = ( { name = \"...\"; ... } );"},
};

#define LIMIT(key, low, high)                                                            \
    {                                                                                    \
#key, CONFIG_KIND_INT, false, offsetof(struct config, limits.key), low, high,    \
            NULL                                                                         \
    }

static const struct config_key limit_keys[] = {
    LIMIT(max_sessions, 1, 65535), LIMIT(sessions_per_worker, 1, 1024),
    LIMIT(spare_workers, 1, 64),   LIMIT(handshakes_per_source, 1, 1024),
    LIMIT(handshake, 1, 255),      LIMIT(routes_per_gate, 1, ROUTES_MAX),
};

static const struct config_key audit_keys[] = {
    {"dir", CONFIG_KIND_STRING, true, 0, 0, 0, "add dir = \"/var/log/gate104\";"},
    {"seal_interval", CONFIG_KIND_INT, false, offsetof(struct config, seal.interval), 1,
     86400, NULL},
    {"seal_key", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"commands", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"rotate_size", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"rotate_interval", CONFIG_KIND_INT, false,
     offsetof(struct config, files.rotate_interval_s), 0, FILES_INTERVAL_MAX, NULL},
    {"retain_size", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"retain_days", CONFIG_KIND_INT, false, offsetof(struct config, files.retain_days), 0,
     FILES_DAYS_MAX, NULL},
    {"reserve", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"record_size", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"record_interval", CONFIG_KIND_INT, false,
     offsetof(struct config, recording.interval_s), RECORDING_INTERVAL_MIN,
     RECORDING_INTERVAL_MAX, NULL},
    {"record_retain_size", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"record_retain_days", CONFIG_KIND_INT, false,
     offsetof(struct config, recording.retain_days), 0, RECORDING_DAYS_MAX, NULL},
    {"on_failure", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"ship", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"ship_socket", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"ship_lag", CONFIG_KIND_INT, false, offsetof(struct config, ship.lag_s),
     SHIP_LAG_MIN, SHIP_LAG_MAX, NULL},
    {"ship_size", CONFIG_KIND_INT, false, offsetof(struct config, ship.size_max),
     SHIP_SIZE_MIN, SHIP_SIZE_MAX, NULL},
    {"ship_enterprise", CONFIG_KIND_INT, false, offsetof(struct config, ship.enterprise),
     1, INT32_MAX, NULL},
    {"syslog", CONFIG_KIND_REFUSED, false, 0, 0, 0, "write ship = \"all\" instead"},
};

void config_no_memory(const struct config_reader *r)
{
    struct config_place at = {r->file, 0, NULL};

    config_errors_add(r->errs, CONFIG_ERROR, &at, "free some memory", "out of memory");
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    int n = name[0] == '/' ? asprintf(&path, "%s", name)
                           : asprintf(&path, "%s/%s", folder, name);

    return n < 0 ? NULL : path;
}

char *config_path(struct config_build *b, const config_setting_t *s)
{
    const char *name = config_string(&b->r, s);
    char *path;

    if (!name)
        return NULL;
    if (name[0] == '\0') {
        config_report(&b->r, CONFIG_ERROR, s, "name a file", "the path is empty");
        return NULL;
    }
    path = join(b->c->folder, name);
    if (!path)
        config_no_memory(&b->r);
    if (path && strlen(path) >= PATH_MAX) {
        config_report(&b->r, CONFIG_ERROR, s, "use a shorter path",
                      "the path has more than %d octets", PATH_MAX - 1);
        free(path);
        path = NULL;
    }
    return path;
}

static bool name_good(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 24 && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void read_user(struct config_build *b, const config_setting_t *root)
{
    const char *user = config_member_string(&b->r, root, "user");

    (void)snprintf(b->c->user, sizeof b->c->user, "%s", CONFIG_USER_DEFAULT);
    if (!user)
        return;
    if (!name_good(user)) {
        config_report_key(&b->r, CONFIG_ERROR, root, "user",
                          "use up to 24 of a-z, 0-9, '_' and '-'",
                          "\"%s\" is no prefix of user names", user);
        return;
    }
    b->c->user_given = true;
    (void)snprintf(b->c->user, sizeof b->c->user, "%s", user);
}

/* A string that has to be one word; what others of the design mean is told. */
bool config_word_read(const struct config_reader *r, const config_setting_t *group,
                      const char *key, const char *const *words, size_t count,
                      size_t *which)
{
    const char *text = config_member_string(r, group, key);
    char remedy[96] = "write ";
    size_t used = strlen(remedy);

    for (size_t i = 0; text && i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *which = i;
            return true;
        }
        used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s\"%s\"",
                                 i > 0 ? " or " : "", words[i]);
    }
    if (text)
        config_report_key(r, CONFIG_ERROR, group, key, remedy,
                          "\"%s\" is not supported by this version", text);
    return false;
}

static void read_audit(struct config_build *b, const config_setting_t *root)
{
    static const char *const commands[] = {"sync", "async"};
    static const char *const failure[] = {"monitor-only", "close"};
    const config_setting_t *group = config_member(root, "audit", CONFIG_KIND_GROUP);
    const config_setting_t *dir;
    size_t which = 0;

    if (!group)
        return;
    config_group_read(&b->r, group, audit_keys, COUNT(audit_keys), b->c);
    dir = config_member(group, "dir", CONFIG_KIND_STRING);
    if (dir) {
        b->c->audit_dir = config_path(b, dir);
        b->c->audit_line = dir->line;
    }
    config_seal_read(b, group);
    config_files_read(b, group);
    config_recording_read(b, group);
    (void)config_word_read(&b->r, group, "commands", commands, COUNT(commands), &which);
    b->c->commands_sync = which == 0;
    if (!b->c->commands_sync)
        config_report_key(&b->r, CONFIG_WARNING, group, "commands",
                          "write \"sync\" unless the disk is too slow",
                          "commands leave before their record is on disk");
    which = 0;
    (void)config_word_read(&b->r, group, "on_failure", failure, COUNT(failure), &which);
    b->c->log_closes = which == 1;
    config_ship_read(b, group);
}

static void read_root(struct config_build *b, const config_setting_t *root)
{
    static const char *const sandbox[] = {"best", "full"};
    const config_setting_t *s;
    size_t which = 0;

    config_group_read(&b->r, root, root_keys, COUNT(root_keys), NULL);
    read_user(b, root);
    (void)config_word_read(&b->r, root, "require_sandbox", sandbox, COUNT(sandbox),
                           &which);
    b->c->sandbox_full = which == 1;
    s = config_member(root, "run_dir", CONFIG_KIND_STRING);
    b->c->run_dir = s ? config_path(b, s) : strdup("/run/gate104");
    b->c->run_dir_line = s ? s->line : 0;
    read_audit(b, root);
    config_permit_read(b, root);
    s = config_member(root, "limits", CONFIG_KIND_GROUP);
    if (s)
        config_group_read(&b->r, s, limit_keys, COUNT(limit_keys), b->c);
    b->tls = config_member(root, "tls", CONFIG_KIND_GROUP);
    if (b->tls)
        config_group_read(&b->r, b->tls, config_tls_keys, config_tls_key_count, NULL);
    s = config_member(root, "routes", CONFIG_KIND_SEQUENCE);
    if (s)
        config_routes_read(b, s);
    config_permit_check(b, root);
    config_recording_check(b, root);
}

/* The folder of the file, absolute. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    char *absolute = folder ? realpath(folder, NULL) : NULL;

    free(folder);
    return absolute;
}

static struct config *config_new(const char *path)
{
    struct config *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->limits.max_sessions = 256;
    c->limits.sessions_per_worker = 1;
    c->limits.spare_workers = 2;
    c->limits.handshakes_per_source = 8;
    c->limits.handshake = 10;
    c->limits.routes_per_gate = 1;
    c->seal.interval = 60;
    files_settings_default(&c->files);
    recording_settings_default(&c->recording);
    c->ship = (struct ship_config){SHIP_OFF, 300, SHIP_SIZE_DEFAULT, SHIP_ENTERPRISE};
    c->commands_sync = true;
    c->path = strdup(path);
    c->folder = folder_of(path);
    if (c->path && c->folder)
        return c;
    config_free(c);
    return NULL;
}

struct config *config_load(const char *path, struct config_errors *errs)
{
    struct config_build b = {.r = {path, errs}};
    struct config_place at = {path, 0, NULL};
    size_t before = errs->errors;
    char *octets = NULL;
    size_t n = 0;
    config_t *tree = config_tree_read(path, &at, errs, &octets, &n);

    if (!tree)
        return NULL;
    b.c = config_new(path);
    if (b.c && config_seal_hash(b.c, octets, n))
        read_root(&b, config_root_setting(tree));
    else
        config_no_memory(&b.r);
    config_tree_free(tree);
    free(octets);
    if (b.c && !b.c->run_dir && errs->errors == before)
        config_no_memory(&b.r);
    if (errs->errors == before)
        return b.c;
    config_free(b.c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->tls_count; i++)
        config_tls_free(&c->tls[i]);
    for (size_t i = 0; i < c->policy_count; i++) {
        free(c->policies[i].path);
        free(c->policies[i].blob);
    }
    config_points_free(c);
    free(c->tls);
    free(c->policies);
    free(c->routes);
    free(c->path);
    free(c->folder);
    free(c->run_dir);
    free(c->audit_dir);
    config_seal_free(&c->seal);
    config_permit_free(&c->permits);
    free(c->ship_socket);
    free(c);
}
