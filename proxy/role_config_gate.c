/* The configuration of a gate, which carries policies. */
#include "proxy/role_config_profile.h"
#include "proxy/role_config_record.h"
#include "proxy/role_config_roles.h"

#include <stdlib.h>
#include <string.h>

#define GATE_ROUTE_FIXED                                                                 \
    (2u + 2u + 1u + 1u + 1u + PROFILE_OCTETS + 4u + 2u + 2u + 12u + POLICY_HASH_SIZE + 4u)
#define GATE_ROUTE_LEAST                                                                 \
    (GATE_ROUTE_FIXED + 1u + ROLE_SETTINGS_LEAST + RECORD_SETTINGS_LEAST)

static void put_gate_route(struct wire_writer *w, const struct gate_route *route)
{
    wire_put_u16(w, route->index);
    wire_put_str(w, route->name);
    wire_put_u8(w, (uint8_t)route->mode);
    role_config_put_bool(w, route->enforce);
    role_config_put_bool(w, route->mirror_unknown);
    role_config_put_profile(w, &route->profile);
    wire_put_u32(w, route->max_sessions);
    wire_put_u16(w, route->k);
    wire_put_u16(w, route->w);
    wire_put_u32(w, route->t1_s);
    wire_put_u32(w, route->t2_s);
    wire_put_u32(w, route->t3_s);
    role_config_put_roles(w, &route->roles);
    role_config_put_record(w, &route->record);
    wire_put_bytes(w, route->policy_hash, sizeof route->policy_hash);
    role_config_put_long(w, route->policy, route->policy_size);
}

static void get_gate_route(struct wire_reader *r, struct gate_route *route)
{
    route->index = wire_get_u16(r);
    role_config_get_name(r, route->name, sizeof route->name);
    route->mode = role_config_get_mode(r);
    route->enforce = role_config_get_bool(r);
    route->mirror_unknown = role_config_get_bool(r);
    role_config_get_profile(r, &route->profile);
    route->max_sessions = role_config_get_range(r, 1, SESSIONS_TOTAL_MAX);
    route->k = wire_get_u16(r);
    route->w = wire_get_u16(r);
    route->t1_s = role_config_get_range(r, 1, 255);
    route->t2_s = role_config_get_range(r, 1, 255);
    route->t3_s = role_config_get_range(r, 1, SECONDS_MAX);
    role_config_get_roles(r, &route->roles);
    role_config_get_record(r, &route->record);
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
        size += GATE_ROUTE_FIXED + ROUTE_NAME_MAX + ROLE_SETTINGS_MOST +
                RECORD_SETTINGS_MOST + c->route[i].policy_size;
    }
    (void)role_config_begin(&w, size, ROLE_CONFIG_GATE);
    wire_put_u32(&w, c->gate);
    role_config_put_bool(&w, c->commands_sync);
    role_config_put_bool(&w, c->log_closes);
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
    c->log_closes = role_config_get_bool(&r);
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
