#include "proxy/role_config.h"

#include "proxy/role_config_wire.h"

#include <stdlib.h>
#include <string.h>

#define ENDPOINT_OCTETS 19u
#define SOURCE_OCTETS   18u
/* Octets of a route with a name of one octet and empty lists. */
#define BROKER_ROUTE_FIXED 25u
#define BROKER_ROUTE_LEAST (BROKER_ROUTE_FIXED + 2u * ENDPOINT_OCTETS)
#define BROKER_ROUTE_MOST                                                                \
    (BROKER_ROUTE_FIXED + ROUTE_NAME_MAX + 2 * ENDPOINTS_MAX * ENDPOINT_OCTETS +         \
     SOURCES_MAX * SOURCE_OCTETS)

/* ---- broker ----------------------------------------------------------------------- */

static void put_endpoints(struct wire_writer *w, const struct msg_endpoint *e, size_t n)
{
    if (n == 0 || n > ENDPOINTS_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u8(w, (uint8_t)n);
    for (size_t i = 0; i < n; i++)
        role_config_put_endpoint(w, &e[i]);
}

static void get_endpoints(struct wire_reader *r, struct msg_endpoint *e, size_t *n)
{
    size_t count = wire_get_u8(r);

    if (count == 0 || count > ENDPOINTS_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        role_config_get_endpoint(r, &e[i]);
    *n = count;
}

static void put_sources(struct wire_writer *w, const struct broker_route *route)
{
    if (route->source_count > SOURCES_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u8(w, (uint8_t)route->source_count);
    for (size_t i = 0; i < route->source_count; i++) {
        wire_put_u8(w, route->source[i].family);
        wire_put_u8(w, route->source[i].bits);
        wire_put_bytes(w, route->source[i].addr, sizeof route->source[i].addr);
    }
}

static void get_sources(struct wire_reader *r, struct broker_route *route)
{
    static const uint8_t zeros[12];
    size_t count = wire_get_u8(r);

    if (count > SOURCES_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct source_net *net = &route->source[i];

        net->family = wire_get_u8(r);
        net->bits = wire_get_u8(r);
        wire_get_bytes(r, net->addr, sizeof net->addr);
        if (net->family == 4
                ? net->bits > 32 || memcmp(net->addr + 4, zeros, sizeof zeros) != 0
                : net->family != 6 || net->bits > 128)
            r->bad = true;
    }
    route->source_count = count;
}

static void put_broker_route(struct wire_writer *w, const struct broker_route *route)
{
    wire_put_u16(w, route->index);
    wire_put_str(w, route->name);
    wire_put_u8(w, (uint8_t)route->mode);
    wire_put_u32(w, route->gate);
    wire_put_u32(w, route->group);
    wire_put_u32(w, route->max_sessions);
    wire_put_u32(w, route->t0_s);
    put_endpoints(w, route->listen, route->listen_count);
    put_endpoints(w, route->target, route->target_count);
    put_sources(w, route);
}

static void get_broker_route(struct wire_reader *r, struct broker_route *route)
{
    route->index = wire_get_u16(r);
    if (route->index >= ROUTES_MAX)
        r->bad = true;
    role_config_get_name(r, route->name, sizeof route->name);
    route->mode = role_config_get_mode(r);
    route->gate = role_config_get_range(r, 0, ROUTES_MAX - 1);
    route->group = role_config_get_range(r, 0, ROUTES_MAX - 1);
    route->max_sessions = role_config_get_range(r, 1, SESSIONS_TOTAL_MAX);
    route->t0_s = role_config_get_range(r, 1, 255);
    get_endpoints(r, route->listen, &route->listen_count);
    get_endpoints(r, route->target, &route->target_count);
    get_sources(r, route);
}

size_t broker_config_encode(const struct broker_config *c, uint8_t **out)
{
    struct wire_writer w;

    *out = NULL;
    if (c->route_count > ROUTES_MAX)
        return 0;
    (void)role_config_begin(&w, 64 + c->route_count * BROKER_ROUTE_MOST,
                            ROLE_CONFIG_BROKER);
    wire_put_u32(&w, c->incarnation);
    wire_put_u32(&w, c->max_sessions);
    wire_put_u32(&w, c->handshakes_per_source);
    wire_put_u32(&w, c->sessions_per_worker);
    wire_put_u16(&w, (uint16_t)c->route_count);
    for (size_t i = 0; i < c->route_count; i++)
        put_broker_route(&w, &c->route[i]);
    return role_config_finish(&w, out);
}

bool broker_config_decode(const uint8_t *p, size_t n, struct broker_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_BROKER);
    c->incarnation = wire_get_u32(&r);
    c->max_sessions = role_config_get_range(&r, 1, SESSIONS_TOTAL_MAX);
    c->handshakes_per_source = role_config_get_range(&r, 1, PER_WORKER_MAX);
    c->sessions_per_worker = role_config_get_range(&r, 1, PER_WORKER_MAX);
    count = wire_get_u16(&r);
    if (count > ROUTES_MAX)
        r.bad = true;
    c->route = role_config_get_array(&r, count, sizeof *c->route, BROKER_ROUTE_LEAST);
    for (size_t i = 0; c->route && i < count && !r.bad; i++)
        get_broker_route(&r, &c->route[i]);
    c->route_count = c->route ? count : 0;
    if (wire_end(&r))
        return true;
    broker_config_free(c);
    return false;
}

void broker_config_free(struct broker_config *c)
{
    free(c->route);
    memset(c, 0, sizeof *c);
}

/* ---- signer ----------------------------------------------------------------------- */

size_t signer_config_encode(const struct signer_config *c, uint8_t **out)
{
    struct wire_writer w;

    *out = NULL;
    if (c->key_count > SIGNER_KEYS_MAX)
        return 0;
    (void)role_config_begin(&w, 16 + c->key_count * (sizeof c->key->path + 16),
                            ROLE_CONFIG_SIGNER);
    wire_put_u16(&w, (uint16_t)c->key_count);
    for (size_t i = 0; i < c->key_count; i++) {
        wire_put_str(&w, c->key[i].path);
        wire_put_u32(&w, c->key[i].group);
        role_config_put_rules(&w, &c->key[i].rules);
        role_config_put_bool(&w, c->key[i].server);
        role_config_put_bool(&w, c->key[i].client);
        role_config_put_bool(&w, c->key[i].single);
        wire_put_u32(&w, c->key[i].resume_s);
    }
    return role_config_finish(&w, out);
}

bool signer_config_decode(const uint8_t *p, size_t n, struct signer_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_SIGNER);
    count = wire_get_u16(&r);
    if (count > SIGNER_KEYS_MAX)
        r.bad = true;
    c->key = role_config_get_array(&r, count, sizeof *c->key, 17);
    for (size_t i = 0; c->key && i < count && !r.bad; i++) {
        role_config_get_key_name(&r, c->key[i].path, sizeof c->key[i].path);
        c->key[i].group = role_config_get_range(&r, 0, ROUTES_MAX - 1);
        role_config_get_rules(&r, &c->key[i].rules);
        c->key[i].server = role_config_get_bool(&r);
        c->key[i].client = role_config_get_bool(&r);
        c->key[i].single = role_config_get_bool(&r);
        c->key[i].resume_s = role_config_get_range(&r, 0, RESUME_S_MAX);
    }
    c->key_count = c->key ? count : 0;
    if (wire_end(&r))
        return true;
    signer_config_free(c);
    return false;
}

void signer_config_free(struct signer_config *c)
{
    free(c->key);
    memset(c, 0, sizeof *c);
}
