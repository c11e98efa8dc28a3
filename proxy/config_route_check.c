#include "proxy/config_address.h"
#include "proxy/config_build.h"
#include "proxy/endpoint.h"

#include <string.h>

#define PORT_PLAIN 2404u
#define PORT_TLS   19998u

static void check_timers(struct config_build *b, const config_setting_t *s,
                         const struct config_route *route)
{
    if (route->t2 >= route->t1)
        config_report_key(&b->r, CONFIG_ERROR, s, "t2", "make t2 smaller than t1",
                          "t2 (%u s) is not smaller than t1 (%u s)", route->t2,
                          route->t1);
    if (route->w > route->k)
        config_report_key(&b->r, CONFIG_ERROR, s, "w", "make w at most 2/3 of k",
                          "w (%u) is larger than k (%u)", route->w, route->k);
    else if (3 * route->w > 2 * route->k)
        config_report_key(&b->r, CONFIG_WARNING, s, "w", "make w at most 2/3 of k",
                          "w (%u) is more than 2/3 of k (%u)", route->w, route->k);
}

static void refuse_key(struct config_build *b, const config_setting_t *s, const char *key,
                       const char *remedy, const char *mode)
{
    if (config_setting_get_member(s, key))
        config_report_key(&b->r, CONFIG_ERROR, s, key, remedy,
                          "a route of mode \"%s\" has no such key", mode);
}

static void need_key(struct config_build *b, const config_setting_t *s, const char *key,
                     const char *remedy, const char *mode)
{
    if (!config_setting_get_member(s, key))
        config_report_key(&b->r, CONFIG_ERROR, s, key, remedy,
                          "the key is missing; mode \"%s\" needs it", mode);
}

static void check_mode(struct config_build *b, const config_setting_t *s,
                       const struct config_route *route)
{
    if (route->mode == ROUTE_PROTECT_RTU) {
        refuse_key(b, s, "remote", "name the RTU with rtu = [ ... ]", "protect-rtu");
        refuse_key(b, s, "peer_name",
                   "remove it; masters are known by certificates of the configured CAs",
                   "protect-rtu");
        refuse_key(b, s, "plaintext_listen", "remove it; this side speaks TLS",
                   "protect-rtu");
        need_key(b, s, "rtu", "add rtu = [ \"ADDRESS:2404\" ];", "protect-rtu");
    }
    if (route->mode == ROUTE_WRAP_MASTER) {
        refuse_key(b, s, "rtu", "name the far TLS end with remote = [ ... ]",
                   "wrap-master");
        need_key(b, s, "remote", "add remote = [ \"ADDRESS:19998\" ];", "wrap-master");
        need_key(b, s, "peer_name",
                 "add peer_name = \"...\"; with the DNS name or IP address of the far "
                 "end's certificate",
                 "wrap-master");
    }
}

/* Commands that arrive on a plain listener come from nobody in particular, so it is for
 * this machine only, unless the file says otherwise twice. */
static void check_plain_listen(struct config_build *b, const config_setting_t *s,
                               const struct config_route *route)
{
    char text[ENDPOINT_TEXT_MAX];

    for (size_t i = 0; i < route->listen_count; i++) {
        if (config_is_loopback(&route->listen[i]))
            continue;
        endpoint_text(&route->listen[i], text);
        if (!route->plaintext_listen)
            config_report_key(
                &b->r, CONFIG_ERROR, s, "listen",
                "listen on 127.0.0.1, or add plaintext_listen = true; if the "
                "cable to the master is safe",
                "%s takes commands without TLS from the network", text);
        else if (route->source_count == 0)
            config_report_key(&b->r, CONFIG_ERROR, s, "allow_from",
                              "add allow_from = [ \"ADDRESS OF THE MASTER\" ];",
                              "%s takes commands without TLS from anyone", text);
    }
}

static void check_ports(struct config_build *b, const config_setting_t *s,
                        const struct config_route *route)
{
    bool tls_listens = route->mode == ROUTE_PROTECT_RTU;
    unsigned int wrong_listen = tls_listens ? PORT_PLAIN : PORT_TLS;
    unsigned int wrong_target = tls_listens ? PORT_TLS : PORT_PLAIN;

    for (size_t i = 0; i < route->listen_count; i++) {
        if (route->listen[i].port == wrong_listen)
            config_report_key(&b->r, CONFIG_WARNING, s, "listen",
                              "use 19998 for TLS and 2404 for plain 104",
                              "port %u is known for %s, here it speaks %s", wrong_listen,
                              tls_listens ? "plain 104" : "TLS",
                              tls_listens ? "TLS" : "plain 104");
    }
    for (size_t i = 0; i < route->target_count; i++) {
        if (route->target[i].port == wrong_target)
            config_report_key(&b->r, CONFIG_WARNING, s, tls_listens ? "rtu" : "remote",
                              "use 19998 for TLS and 2404 for plain 104",
                              "port %u is known for %s, here it is dialled for %s",
                              wrong_target, tls_listens ? "TLS" : "plain 104",
                              tls_listens ? "plain 104" : "TLS");
    }
}

static void check_addresses(struct config_build *b, const config_setting_t *s,
                            const struct config_route *route)
{
    const char *key = route->mode == ROUTE_WRAP_MASTER ? "remote" : "rtu";
    char text[ENDPOINT_TEXT_MAX];

    for (size_t i = 0; i < route->listen_count; i++) {
        endpoint_text(&route->listen[i], text);
        if (config_is_multicast(&route->listen[i]))
            config_report_key(&b->r, CONFIG_ERROR, s, "listen",
                              "use an address of this machine",
                              "%s is a multicast or broadcast address", text);
    }
    for (size_t i = 0; i < route->target_count; i++) {
        const struct msg_endpoint *e = &route->target[i];

        endpoint_text(e, text);
        if (config_is_multicast(e) || config_is_wildcard(e))
            config_report_key(&b->r, CONFIG_ERROR, s, key, "use the address of a station",
                              "%s cannot be dialled", text);
        for (size_t k = 0; k < i; k++) {
            if (memcmp(e, &route->target[k], sizeof *e) == 0)
                config_report_key(&b->r, CONFIG_ERROR, s, key, "remove one of them",
                                  "%s is named twice", text);
        }
        for (size_t k = 0; k < route->listen_count; k++) {
            if (memcmp(e, &route->listen[k], sizeof *e) == 0)
                config_report_key(&b->r, CONFIG_ERROR, s, key,
                                  "use the address of the station",
                                  "the route would dial itself at %s", text);
        }
    }
}

void config_route_check(struct config_build *b, const config_setting_t *s,
                        struct config_route *route)
{
    check_timers(b, s, route);
    check_mode(b, s, route);
    check_addresses(b, s, route);
    if (route->mode != 0)
        check_ports(b, s, route);
    if (route->mode == ROUTE_WRAP_MASTER)
        check_plain_listen(b, s, route);
    if (!route->enforce)
        config_report_key(&b->r, CONFIG_WARNING, s, "enforce",
                          "write true when the policy is known to be right",
                          "the policy is only observed: commands it would refuse pass");
    if (route->max_sessions > b->c->limits.max_sessions &&
        config_setting_get_member(s, "max_sessions"))
        config_report_key(&b->r, CONFIG_WARNING, s, "max_sessions",
                          "raise limits.max_sessions or lower this",
                          "limits.max_sessions (%u) is smaller",
                          b->c->limits.max_sessions);
}

/* Gives the first address of `a` that clashes with one of `other`; the same route is
 * compared with what stands before. */
static const struct msg_endpoint *clash(const struct config_route *a,
                                        const struct config_route *other)
{
    for (size_t i = 0; i < a->listen_count; i++) {
        size_t end = a == other ? i : other->listen_count;

        for (size_t k = 0; k < end; k++) {
            if (config_listen_clash(&a->listen[i], &other->listen[k]))
                return &a->listen[i];
        }
    }
    return NULL;
}

void config_routes_check(struct config_build *b, const config_setting_t *list)
{
    const struct config_route *routes = b->c->routes;
    char text[ENDPOINT_TEXT_MAX];

    for (size_t i = 0; i < b->c->route_count; i++) {
        const config_setting_t *s = config_elem(list, i);

        for (size_t k = 0; k <= i; k++) {
            const struct msg_endpoint *e = clash(&routes[i], &routes[k]);

            if (k < i && routes[i].name[0] != '\0' &&
                strcmp(routes[i].name, routes[k].name) == 0)
                config_report_key(&b->r, CONFIG_ERROR, s, "name", "rename one of them",
                                  "the route of line %u has the name \"%s\", too",
                                  routes[k].line, routes[k].name);
            if (!e)
                continue;
            endpoint_text(e, text);
            config_report_key(&b->r, CONFIG_ERROR, s, "listen",
                              "give every route its own address or port",
                              "%s clashes with an address of the route of line %u", text,
                              routes[k].line);
        }
    }
}
