/* The configurations of tls workers and gates, which carry files. */
#include "proxy/role_config_wire.h"

#include <stdlib.h>
#include <string.h>

#define TLS_ROUTE_MOST   (2u + 2u + ROUTE_NAME_MAX + 1u + 2u + PEER_NAME_MAX)
#define TLS_ROUTE_LEAST  8u
#define GATE_ROUTE_FIXED (2u + 2u + 1u + 1u + 4u + 2u + 2u + 12u + POLICY_HASH_SIZE + 4u)
#define GATE_ROUTE_LEAST (GATE_ROUTE_FIXED + 1u)

/* ---- tls -------------------------------------------------------------------------- */

static void put_tls_route(struct wire_writer *w, const struct tls_route *route)
{
    wire_put_u16(w, route->index);
    wire_put_str(w, route->name);
    wire_put_u8(w, (uint8_t)route->mode);
    wire_put_str(w, route->peer_name);
}

static void get_tls_route(struct wire_reader *r, struct tls_route *route)
{
    route->index = wire_get_u16(r);
    if (route->index >= ROUTES_MAX)
        r->bad = true;
    role_config_get_name(r, route->name, sizeof route->name);
    route->mode = role_config_get_mode(r);
    /* A TLS client without a name to expect would take any server of the CA. */
    if (route->mode == ROUTE_WRAP_MASTER)
        role_config_get_name(r, route->peer_name, sizeof route->peer_name);
    else
        wire_get_str(r, route->peer_name, sizeof route->peer_name);
}

size_t tls_config_encode(const struct tls_config *c, uint8_t **out)
{
    size_t pem = strlen(c->cert_pem) + strlen(c->ca_pem) + strlen(c->crl_pem);
    struct wire_writer w;

    *out = NULL;
    if (c->route_count > ROUTES_MAX)
        return 0;
    (void)role_config_begin(&w, 64 + pem + c->route_count * TLS_ROUTE_MOST,
                            ROLE_CONFIG_TLS);
    wire_put_u32(&w, c->group);
    wire_put_u16(&w, c->key);
    wire_put_u32(&w, c->sessions_per_worker);
    wire_put_u32(&w, c->handshake_s);
    role_config_put_long(&w, c->cert_pem, strlen(c->cert_pem));
    role_config_put_long(&w, c->ca_pem, strlen(c->ca_pem));
    role_config_put_long(&w, c->crl_pem, strlen(c->crl_pem));
    wire_put_u16(&w, (uint16_t)c->route_count);
    for (size_t i = 0; i < c->route_count; i++)
        put_tls_route(&w, &c->route[i]);
    return role_config_finish(&w, out);
}

bool tls_config_decode(const uint8_t *p, size_t n, struct tls_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_TLS);
    c->group = role_config_get_range(&r, 0, ROUTES_MAX - 1);
    c->key = wire_get_u16(&r);
    if (c->key >= ROUTES_MAX)
        r.bad = true;
    c->sessions_per_worker = role_config_get_range(&r, 1, PER_WORKER_MAX);
    c->handshake_s = role_config_get_range(&r, 1, SECONDS_MAX);
    c->cert_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    c->ca_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    c->crl_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    count = wire_get_u16(&r);
    if (count > ROUTES_MAX)
        r.bad = true;
    c->route = role_config_get_array(&r, count, sizeof *c->route, TLS_ROUTE_LEAST);
    for (size_t i = 0; c->route && i < count && !r.bad; i++)
        get_tls_route(&r, &c->route[i]);
    c->route_count = c->route ? count : 0;
    if (wire_end(&r))
        return true;
    tls_config_free(c);
    return false;
}

void tls_config_free(struct tls_config *c)
{
    free(c->cert_pem);
    free(c->ca_pem);
    free(c->crl_pem);
    free(c->route);
    memset(c, 0, sizeof *c);
}

/* ---- gate ------------------------------------------------------------------------- */

static void put_gate_route(struct wire_writer *w, const struct gate_route *route)
{
    wire_put_u16(w, route->index);
    wire_put_str(w, route->name);
    wire_put_u8(w, (uint8_t)route->mode);
    role_config_put_bool(w, route->enforce);
    wire_put_u32(w, route->max_sessions);
    wire_put_u16(w, route->k);
    wire_put_u16(w, route->w);
    wire_put_u32(w, route->t1_s);
    wire_put_u32(w, route->t2_s);
    wire_put_u32(w, route->t3_s);
    wire_put_bytes(w, route->policy_hash, sizeof route->policy_hash);
    role_config_put_long(w, route->policy, route->policy_size);
}

static void get_gate_route(struct wire_reader *r, struct gate_route *route)
{
    route->index = wire_get_u16(r);
    role_config_get_name(r, route->name, sizeof route->name);
    route->mode = role_config_get_mode(r);
    route->enforce = role_config_get_bool(r);
    route->max_sessions = role_config_get_range(r, 1, SESSIONS_TOTAL_MAX);
    route->k = wire_get_u16(r);
    route->w = wire_get_u16(r);
    route->t1_s = role_config_get_range(r, 1, 255);
    route->t2_s = role_config_get_range(r, 1, 255);
    route->t3_s = role_config_get_range(r, 1, SECONDS_MAX);
    wire_get_bytes(r, route->policy_hash, sizeof route->policy_hash);
    route->policy = role_config_get_long(r, CFG_SIZE_MAX, &route->policy_size);
    /* IEC 60870-5-104 5.5: k and w are 1..32767, and w is not above k; 5.2: t2 < t1. */
    if (route->index >= ROUTES_MAX || route->k == 0 || route->k > 32767 ||
        route->w == 0 || route->w > route->k || route->t2_s >= route->t1_s)
        r->bad = true;
}

size_t gate_config_encode(const struct gate_config *c, uint8_t **out)
{
    size_t size = 64;
    struct wire_writer w;

    *out = NULL;
    if (c->route_count > ROUTES_MAX)
        return 0;
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->route[i].policy_size > CFG_SIZE_MAX)
            return 0;
        size += GATE_ROUTE_FIXED + ROUTE_NAME_MAX + c->route[i].policy_size;
    }
    (void)role_config_begin(&w, size, ROLE_CONFIG_GATE);
    wire_put_u32(&w, c->gate);
    role_config_put_bool(&w, c->commands_sync);
    wire_put_u32(&w, c->handshake_s);
    wire_put_u32(&w, c->t0_max_s);
    wire_put_u16(&w, (uint16_t)c->route_count);
    for (size_t i = 0; i < c->route_count; i++)
        put_gate_route(&w, &c->route[i]);
    return role_config_finish(&w, out);
}

bool gate_config_decode(const uint8_t *p, size_t n, struct gate_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_GATE);
    c->gate = role_config_get_range(&r, 0, ROUTES_MAX - 1);
    c->commands_sync = role_config_get_bool(&r);
    c->handshake_s = role_config_get_range(&r, 1, SECONDS_MAX);
    c->t0_max_s = role_config_get_range(&r, 1, SECONDS_MAX);
    count = wire_get_u16(&r);
    if (count > ROUTES_MAX)
        r.bad = true;
    c->route = role_config_get_array(&r, count, sizeof *c->route, GATE_ROUTE_LEAST);
    c->route_count = c->route ? count : 0;
    for (size_t i = 0; i < c->route_count && !r.bad; i++)
        get_gate_route(&r, &c->route[i]);
    if (wire_end(&r))
        return true;
    gate_config_free(c);
    return false;
}

void gate_config_free(struct gate_config *c)
{
    for (size_t i = 0; i < c->route_count; i++)
        free(c->route[i].policy);
    free(c->route);
    memset(c, 0, sizeof *c);
}
