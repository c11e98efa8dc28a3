/* The configuration of the audit process. */
#include "proxy/role_config_profile.h"

#include <stdlib.h>
#include <string.h>

#define ROUTE_MOST   (2u + ROUTE_NAME_MAX + 4u + PROFILE_OCTETS + 1u + 2u)
#define ROUTE_LEAST  (2u + 1u + 4u + PROFILE_OCTETS + 1u + 2u)
#define POINTS_LEAST (32u + 8u)

static void put_ship(struct wire_writer *w, const struct ship_config *c)
{
    wire_put_u8(w, (uint8_t)c->what);
    wire_put_u32(w, c->lag_s);
    wire_put_u32(w, c->size_max);
    wire_put_u32(w, c->enterprise);
}

static void get_ship(struct wire_reader *r, struct ship_config *c)
{
    uint8_t what = wire_get_u8(r);

    if (what > SHIP_ALL)
        r->bad = true;
    else
        c->what = (enum ship_what)what;
    c->lag_s = role_config_get_range(r, SHIP_LAG_MIN, SHIP_LAG_MAX);
    c->size_max = role_config_get_range(r, SHIP_SIZE_MIN, SHIP_SIZE_MAX);
    c->enterprise = role_config_get_range(r, 1, UINT32_MAX);
}

static size_t points_size(const struct audit_config *c)
{
    size_t size = 2;

    for (size_t i = 0; i < c->points_count; i++)
        size += sizeof c->points[i].hash + point_names_size(&c->points[i].names);
    return size;
}

static void put_points(struct wire_writer *w, const struct audit_config *c)
{
    wire_put_u16(w, (uint16_t)c->points_count);
    for (size_t i = 0; i < c->points_count; i++) {
        wire_put_bytes(w, c->points[i].hash, sizeof c->points[i].hash);
        point_names_put(w, &c->points[i].names);
    }
}

static void get_points(struct wire_reader *r, struct audit_config *c)
{
    const size_t count = wire_get_u16(r);

    if (count == 0)
        return;
    if (count > ROUTES_MAX)
        r->bad = true;
    c->points = role_config_get_array(r, count, sizeof *c->points, POINTS_LEAST);
    for (size_t i = 0; c->points && i < count && !r->bad; i++) {
        wire_get_bytes(r, c->points[i].hash, sizeof c->points[i].hash);
        if (point_names_get(r, &c->points[i].names))
            c->points_count++;
    }
}

/* 0: none, else one more than the place of its list. */
static void get_route_points(struct wire_reader *r, const struct audit_config *c,
                             struct audit_route *route)
{
    const uint16_t place = wire_get_u16(r);

    if (place > c->points_count)
        r->bad = true;
    else if (place > 0)
        route->points = &c->points[place - 1];
}

size_t audit_config_encode(const struct audit_config *c, uint8_t **out)
{
    struct wire_writer w;

    *out = NULL;
    if (c->route_count > ROUTES_MAX || c->points_count > ROUTES_MAX)
        return 0;
    (void)role_config_begin(&w,
                            40 + sizeof c->dir + sizeof c->seal.key + FILES_OCTETS +
                                RECORDING_OCTETS + c->route_count * ROUTE_MOST +
                                points_size(c),
                            ROLE_CONFIG_AUDIT);
    wire_put_str(&w, c->dir);
    files_settings_put(&w, &c->files);
    wire_put_str(&w, c->seal.key);
    wire_put_u32(&w, c->seal.interval_s);
    put_ship(&w, &c->ship);
    recording_settings_put(&w, &c->recording);
    put_points(&w, c);
    wire_put_u16(&w, (uint16_t)c->route_count);
    for (size_t i = 0; i < c->route_count; i++) {
        wire_put_str(&w, c->route[i].name);
        wire_put_u32(&w, c->route[i].gate);
        role_config_put_profile(&w, &c->route[i].profile);
        role_config_put_bool(&w, c->route[i].recorded);
        wire_put_u16(
            &w, (uint16_t)(c->route[i].points ? c->route[i].points - c->points + 1 : 0));
    }
    return role_config_finish(&w, out);
}

static void get_seal(struct wire_reader *r, struct audit_seal_settings *s)
{
    wire_get_str(r, s->key, sizeof s->key);
    if (s->key[0] != '/' && s->key[0] != '\0')
        r->bad = true;
    s->interval_s = role_config_get_range(r, 1, SECONDS_MAX);
}

bool audit_config_decode(const uint8_t *p, size_t n, struct audit_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_AUDIT);
    role_config_get_path(&r, c->dir, sizeof c->dir);
    files_settings_get(&r, &c->files);
    get_seal(&r, &c->seal);
    get_ship(&r, &c->ship);
    recording_settings_get(&r, &c->recording);
    get_points(&r, c);
    count = wire_get_u16(&r);
    if (count > ROUTES_MAX)
        r.bad = true;
    c->route = role_config_get_array(&r, count, sizeof *c->route, ROUTE_LEAST);
    for (size_t i = 0; c->route && i < count && !r.bad; i++) {
        role_config_get_name(&r, c->route[i].name, sizeof c->route[i].name);
        c->route[i].gate = wire_get_u32(&r);
        role_config_get_profile(&r, &c->route[i].profile);
        c->route[i].recorded = role_config_get_bool(&r);
        get_route_points(&r, c, &c->route[i]);
    }
    c->route_count = c->route ? count : 0;
    if (wire_end(&r))
        return true;
    audit_config_free(c);
    return false;
}

void audit_config_free(struct audit_config *c)
{
    for (size_t i = 0; i < c->points_count; i++)
        point_names_free(&c->points[i].names);
    free(c->points);
    free(c->route);
    memset(c, 0, sizeof *c);
}
