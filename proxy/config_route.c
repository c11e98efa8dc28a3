#include "proxy/config_address.h"
#include "proxy/config_build.h"
#include "proxy/policy_file.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define INT(key, low, high)                                                              \
    {                                                                                    \
#key, CONFIG_KIND_INT, false, offsetof(struct config_route, key), low, high,     \
            NULL                                                                         \
    }

/* Ranges: IEC 60870-5-104 clause 9.6 (t0 to t2: 1..255 s, k and w: 1..32767). */
static const struct config_key route_keys[] = {
    {"name", CONFIG_KIND_STRING, true, 0, 0, 0, "add name = \"...\";"},
    {"mode", CONFIG_KIND_STRING, true, 0, 0, 0,
     "add mode = \"protect-rtu\"; or mode = \"wrap-master\";"},
    {"listen", CONFIG_KIND_SEQUENCE, true, 0, 0, 0, "add listen = [ \"ADDRESS:PORT\" ];"},
    {"rtu", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"remote", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"allow_from", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"peer_name", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"policy", CONFIG_KIND_STRING, true, 0, 0, 0, "add policy = \"FILE\";"},
    {"points", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"tls", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"mirror_unknown", CONFIG_KIND_BOOL, false,
     offsetof(struct config_route, mirror_unknown), 0, 0, NULL},
    {"enforce", CONFIG_KIND_BOOL, false, offsetof(struct config_route, enforce), 0, 0,
     NULL},
    {"plaintext_listen", CONFIG_KIND_BOOL, false,
     offsetof(struct config_route, plaintext_listen), 0, 0, NULL},
    INT(max_sessions, 1, 65535),
    INT(k, 1, 32767),
    INT(w, 1, 32767),
    INT(t0, 1, 255),
    INT(t1, 1, 255),
    INT(t2, 1, 255),
    INT(t3, 1, 172800),
    {"records", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"observe", CONFIG_KIND_REFUSED, false, 0, 0, 0, "write enforce = false;"},
    INT(cot_size, 1, 2),
    INT(ca_size, 1, 2),
    INT(ioa_size, 1, 3),
    {"quirks", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"control_quirks", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"secauth", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"transparent", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "remove it and give gate104 an address of its own"},
    {"pcap", CONFIG_KIND_REFUSED, false, 0, 0, 0, "write record = \"pcapng\";"},
    {"areas", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    INT(role_revision, 0, 255),
    {"record", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"record_points", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"points_per_second", CONFIG_KIND_INT, false,
     offsetof(struct config_route, record.points_per_s), 1, POINTS_PER_S_MAX, NULL},
    {"operation_timeout", CONFIG_KIND_INT, false,
     offsetof(struct config_route, record.operation_s), 1, OPERATION_TIMEOUT_MAX_S, NULL},
    {"feedback", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"role_definitions", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    INT(permit_persons, 1, 2),
    {"no_role", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"roles", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "write roles = [ ... ]; in rules of the policy"},
};

static void read_name(struct config_build *b, const config_setting_t *s,
                      struct config_route *route)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._-";
    const char *name = config_member_string(&b->r, s, "name");
    size_t n = name ? strlen(name) : 0;

    if (!name)
        return;
    if (n == 0 || n > ROUTE_NAME_MAX || strspn(name, good) != n) {
        config_report_key(&b->r, CONFIG_ERROR, s, "name",
                          "use 1 to 63 letters, digits, '.', '_' and '-'",
                          "\"%s\" is no name of a route", name);
        return;
    }
    (void)snprintf(route->name, sizeof route->name, "%s", name);
}

static void read_mode(struct config_build *b, const config_setting_t *s,
                      struct config_route *route)
{
    const char *mode = config_member_string(&b->r, s, "mode");

    if (!mode)
        return;
    if (strcmp(mode, "protect-rtu") == 0)
        route->mode = ROUTE_PROTECT_RTU;
    else if (strcmp(mode, "wrap-master") == 0)
        route->mode = ROUTE_WRAP_MASTER;
    else if (strcmp(mode, "enforce") == 0 || strcmp(mode, "observe") == 0)
        config_report_key(&b->r, CONFIG_ERROR, s, "mode",
                          "write enforce = true; or enforce = false; and mode = "
                          "\"protect-rtu\"; or mode = \"wrap-master\";",
                          "\"%s\" is no mode of a route", mode);
    else
        config_report_key(&b->r, CONFIG_ERROR, s, "mode",
                          "write \"protect-rtu\" or \"wrap-master\"",
                          "\"%s\" is no mode of a route", mode);
}

static void read_endpoints(struct config_build *b, const config_setting_t *s,
                           const char *name, struct msg_endpoint *out, size_t *count)
{
    const config_setting_t *list = config_member(s, name, CONFIG_KIND_SEQUENCE);
    struct config_fault fault;

    if (!list || !config_count_check(&b->r, list, 1, ENDPOINTS_MAX))
        return;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const char *text = config_string(&b->r, e);

        if (!text)
            continue;
        if (config_parse_endpoint(text, &out[*count], &fault))
            (*count)++;
        else
            config_report(&b->r, CONFIG_ERROR, e, fault.remedy, "%s", fault.what);
    }
}

static void read_sources(struct config_build *b, const config_setting_t *s,
                         struct config_route *route)
{
    const config_setting_t *list = config_member(s, "allow_from", CONFIG_KIND_SEQUENCE);
    struct config_fault fault;

    /* An empty list would read as "nobody" and mean "everybody". */
    if (!list || !config_count_check(&b->r, list, 1, SOURCES_MAX))
        return;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const char *text = config_string(&b->r, e);

        if (!text)
            continue;
        if (config_parse_net(text, &route->source[route->source_count], &fault))
            route->source_count++;
        else
            config_report(&b->r, CONFIG_ERROR, e, fault.remedy, "%s", fault.what);
    }
}

static void read_peer_name(struct config_build *b, const config_setting_t *s,
                           struct config_route *route)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789.:-";
    const char *name = config_member_string(&b->r, s, "peer_name");
    size_t n = name ? strlen(name) : 0;

    if (!name)
        return;
    if (n == 0 || n > PEER_NAME_MAX || strspn(name, good) != n) {
        config_report_key(
            &b->r, CONFIG_ERROR, s, "peer_name",
            "write the DNS name or IP address of the far end's certificate, "
            "without wildcards",
            "\"%s\" is no DNS name or IP address", name);
        return;
    }
    (void)snprintf(route->peer_name, sizeof route->peer_name, "%s", name);
}

static bool place_policy(struct config_build *b, char *path, unsigned int line,
                         size_t points, size_t *place)
{
    struct config *c = b->c;
    struct config_place at = {b->r.file, line, "policy"};
    struct policy_file file;
    struct config_policy *more;

    for (size_t i = 0; i < c->policy_count; i++) {
        if (strcmp(c->policies[i].path, path) != 0 || c->policies[i].points != points)
            continue;
        *place = i;
        return false;
    }
    if (!policy_file_load_points(path, config_points_of(c, points), &at, b->r.errs,
                                 &file))
        return false;
    more = realloc(c->policies, (c->policy_count + 1) * sizeof *more);
    if (!more) {
        policy_file_free(&file);
        config_no_memory(&b->r);
        return false;
    }
    c->policies = more;
    more[c->policy_count] = (struct config_policy){
        .path = path, .blob = file.blob, .size = file.size, .points = points};
    memcpy(more[c->policy_count].hash, file.hash, POLICY_HASH_SIZE);
    memcpy(more[c->policy_count].needs, file.needs, sizeof file.needs);
    more[c->policy_count].permits = file.permits;
    more[c->policy_count].roles = file.roles;
    more[c->policy_count].names_peers = file.names_peers;
    free(file.line);
    *place = c->policy_count++;
    return true;
}

static void read_policy(struct config_build *b, const config_setting_t *s,
                        struct config_route *route)
{
    const config_setting_t *e = config_member(s, "policy", CONFIG_KIND_STRING);
    char *path;

    if (!config_points_read(b, s, route) || !e)
        return;
    path = config_path(b, e);
    if (path && !place_policy(b, path, e->line, route->points, &route->policy))
        free(path);
}

static void read_records(struct config_build *b, const config_setting_t *s)
{
    const char *records = config_member_string(&b->r, s, "records");

    if (records && strcmp(records, "apdu") != 0)
        config_report_key(&b->r, CONFIG_ERROR, s, "records",
                          "write \"apdu\": one APDU in each TLS record",
                          "\"%s\" is not supported by this version", records);
}

static void read_route(struct config_build *b, const config_setting_t *s,
                       struct config_route *route)
{
    route->line = s->line;
    route->enforce = true;
    route->max_sessions = 16;
    route->k = 12;
    route->w = 8;
    route->t0 = 30;
    route->t1 = 15;
    route->t2 = 10;
    route->t3 = 20;
    route->record.operation_s = OPERATION_TIMEOUT_S;
    route->record.points_per_s = POINTS_PER_S;
    route->cot_size = PROFILE_104.cot_size;
    route->ca_size = PROFILE_104.ca_size;
    route->ioa_size = PROFILE_104.ioa_size;
    config_group_read(&b->r, s, route_keys, COUNT(route_keys), route);
    read_name(b, s, route);
    read_mode(b, s, route);
    read_endpoints(b, s, "listen", route->listen, &route->listen_count);
    /* Only one of the two is allowed: config_route_check. */
    read_endpoints(b, s, route->mode == ROUTE_WRAP_MASTER ? "remote" : "rtu",
                   route->target, &route->target_count);
    read_sources(b, s, route);
    read_peer_name(b, s, route);
    read_records(b, s);
    read_policy(b, s, route);
    config_profile_read(b, s, route);
    config_points_check(b, s, route);
    config_roles_read(b, s, route);
    config_record_read(b, s, &route->record);
    (void)config_tls_read(b, s, config_member(s, "tls", CONFIG_KIND_GROUP), &route->tls);
    config_route_check(b, s, route);
}

void config_routes_read(struct config_build *b, const config_setting_t *list)
{
    size_t n = config_count(list);

    if (!config_count_check(&b->r, list, 1, ROUTES_MAX))
        return;
    b->c->routes = calloc(n, sizeof *b->c->routes);
    if (!b->c->routes) {
        config_no_memory(&b->r);
        return;
    }
    b->c->route_count = n;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *s = config_elem(list, i);

        b->c->routes[i].index = (uint16_t)i;
        if (s->type == CONFIG_TYPE_GROUP)
            read_route(b, s, &b->c->routes[i]);
        else
            config_report(&b->r, CONFIG_ERROR, s,
                          "write a group: { name = \"...\"; ... }",
                          "wrong type of value");
    }
    config_routes_check(b, list);
}
