/* The configuration of a tls worker, which carries files. */
#include "proxy/role_config_wire.h"

#include <stdlib.h>
#include <string.h>

#define TLS_ROUTE_MOST  (2u + 2u + ROUTE_NAME_MAX + 1u + 2u + PEER_NAME_MAX + 4u)
#define TLS_ROUTE_LEAST 12u

static void put_pins(struct wire_writer *w, const struct pins *pins)
{
    wire_put_u8(w, (uint8_t)pins->count);
    for (size_t i = 0; i < pins->count && i < PINS_MAX; i++)
        wire_put_bytes(w, pins->pin[i], PIN_SIZE);
}

static void get_pins(struct wire_reader *r, struct pins *pins)
{
    size_t count = wire_get_u8(r);
    uint8_t pin[PIN_SIZE];

    if (count > PINS_MAX)
        r->bad = true;
    for (size_t i = 0; i < count && !r->bad; i++) {
        wire_get_bytes(r, pin, sizeof pin);
        if (!pins_add(pins, pin))
            r->bad = true;
    }
}

static void put_tls_route(struct wire_writer *w, const struct tls_route *route)
{
    wire_put_u16(w, route->index);
    wire_put_str(w, route->name);
    wire_put_u8(w, (uint8_t)route->mode);
    wire_put_str(w, route->peer_name);
    wire_put_u32(w, route->update_answer_s);
}

static void put_rekey(struct wire_writer *w, const struct rekey_settings *s)
{
    wire_put_u32(w, s->interval_s);
    wire_put_u32(w, s->timeout_s);
    wire_put_u32(w, s->records);
    role_config_put_bool(w, s->close_silent);
}

/* What a lab may have is checked by the configuration alone. */
static void get_rekey(struct wire_reader *r, struct rekey_settings *s)
{
    s->interval_s =
        role_config_get_range(r, REKEY_LAB_INTERVAL_MIN_S, REKEY_INTERVAL_MAX_S);
    s->timeout_s = role_config_get_range(r, 1, REKEY_TIMEOUT_MAX_S);
    s->records = role_config_get_range(r, REKEY_LAB_RECORDS_MIN, REKEY_RECORDS_MAX);
    s->close_silent = role_config_get_bool(r);
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
    route->update_answer_s = role_config_get_range(r, 1, 2 * SECONDS_MAX);
}

/* Callers that know of one certificate only may leave the second out. */
static const char *second_of(const struct tls_config *c)
{
    return c->second_pem ? c->second_pem : "";
}

size_t tls_config_encode(const struct tls_config *c, uint8_t **out)
{
    size_t pem = strlen(c->cert_pem) + strlen(c->ca_pem) + strlen(c->crl_pem) +
                 strlen(second_of(c));
    struct wire_writer w;

    *out = NULL;
    if (c->route_count > ROUTES_MAX)
        return 0;
    (void)role_config_begin(
        &w, 145 + pem + sizeof c->pins.pin + c->route_count * TLS_ROUTE_MOST,
        ROLE_CONFIG_TLS);
    wire_put_u32(&w, c->group);
    wire_put_u16(&w, c->key);
    wire_put_u32(&w, c->signer);
    wire_put_u32(&w, c->sessions_per_worker);
    wire_put_u32(&w, c->handshake_s);
    put_rekey(&w, &c->rekey);
    role_config_put_rules(&w, &c->rules);
    wire_put_u16(&w, c->second_key);
    role_config_put_long(&w, second_of(c), strlen(second_of(c)));
    wire_put_u32(&w, c->resume_s);
    role_config_put_long(&w, c->cert_pem, strlen(c->cert_pem));
    role_config_put_long(&w, c->ca_pem, strlen(c->ca_pem));
    role_config_put_long(&w, c->crl_pem, strlen(c->crl_pem));
    role_config_put_revocation(&w, &c->revocation);
    wire_put_u32(&w, c->revalidate_s);
    put_pins(&w, &c->pins);
    role_config_put_ocsp(&w, &c->ocsp);
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
    if (c->key >= SIGNER_KEYS_MAX)
        r.bad = true;
    c->signer = wire_get_u32(&r);
    c->sessions_per_worker = role_config_get_range(&r, 1, PER_WORKER_MAX);
    c->handshake_s = role_config_get_range(&r, 1, SECONDS_MAX);
    get_rekey(&r, &c->rekey);
    role_config_get_rules(&r, &c->rules);
    c->second_key = wire_get_u16(&r);
    if (c->second_key >= SIGNER_KEYS_MAX)
        r.bad = true;
    c->second_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    c->resume_s = role_config_get_range(&r, 0, RESUME_S_MAX);
    c->cert_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    c->ca_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    c->crl_pem = role_config_get_text(&r, CFG_SIZE_MAX);
    role_config_get_revocation(&r, &c->revocation);
    c->revalidate_s = role_config_get_range(&r, 1, REVALIDATE_MAX_S);
    get_pins(&r, &c->pins);
    role_config_get_ocsp(&r, &c->ocsp);
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
    free(c->second_pem);
    free(c->ca_pem);
    free(c->crl_pem);
    free(c->route);
    memset(c, 0, sizeof *c);
}
