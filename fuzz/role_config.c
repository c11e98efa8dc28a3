/* What the monitor tells each role, as octets that may come from anywhere: refused, or
 * taken with every number in its range, and encoded again they are the same octets.
 *
 * Target functions: broker_config_decode tls_config_decode gate_config_decode
 *   signer_config_decode audit_config_decode broker_config_encode tls_config_encode
 *   gate_config_encode signer_config_encode audit_config_encode fetcher_config_decode
 *   fetcher_config_encode
 * Options: -max_len=2048
 *
 * Input: an encoded configuration; all six decoders get it. */
#include "fuzz/lib/fuzz.h"

#include "proxy/role_config.h"

#include <stdlib.h>
#include <string.h>

static void check_name(const char *name, size_t cap)
{
    const size_t n = strnlen(name, cap);

    FUZZ_CHECK(n > 0 && n < cap);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(name[i] > ' ' && name[i] <= '~');
}

static void check_again(const uint8_t *p, size_t n, uint8_t *again, size_t size)
{
    FUZZ_CHECK(size == n && memcmp(again, p, n) == 0);
    free(again);
}

static bool is_mode(enum route_mode mode)
{
    return mode == ROUTE_PROTECT_RTU || mode == ROUTE_WRAP_MASTER;
}

/* ---- the five roles ---- */

static void check_endpoints(const struct msg_endpoint *e, size_t n)
{
    FUZZ_CHECK(n >= 1 && n <= ENDPOINTS_MAX);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK((e[i].family == 4 || e[i].family == 6) && e[i].port != 0);
}

static bool try_broker(const uint8_t *p, size_t n)
{
    struct broker_config c;
    uint8_t *again;

    if (!broker_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.route_count >= 1 && c.route_count <= ROUTES_MAX && c.max_sessions >= 1);
    for (size_t i = 0; i < c.route_count; i++) {
        const struct broker_route *r = &c.route[i];
        check_name(r->name, sizeof r->name);
        FUZZ_CHECK(is_mode(r->mode) && r->index < ROUTES_MAX && r->t0_s <= 255);
        check_endpoints(r->listen, r->listen_count);
        check_endpoints(r->target, r->target_count);
        FUZZ_CHECK(r->source_count <= SOURCES_MAX);
        for (size_t k = 0; k < r->source_count; k++)
            FUZZ_CHECK(r->source[k].bits <= (r->source[k].family == 4 ? 32 : 128));
    }
    const size_t size = broker_config_encode(&c, &again);
    check_again(p, n, again, size);
    broker_config_free(&c);
    return true;
}

static bool try_tls(const uint8_t *p, size_t n)
{
    struct tls_config c;
    uint8_t *again;

    if (!tls_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.route_count >= 1 && c.key < SIGNER_KEYS_MAX && c.group < ROUTES_MAX);
    FUZZ_CHECK(strlen(c.cert_pem) + strlen(c.ca_pem) + strlen(c.crl_pem) +
                   strlen(c.second_pem) <
               n);
    for (size_t i = 0; i < c.route_count; i++) {
        const struct tls_route *r = &c.route[i];
        check_name(r->name, sizeof r->name);
        FUZZ_CHECK(is_mode(r->mode) && r->index < ROUTES_MAX);
        if (r->mode == ROUTE_WRAP_MASTER)
            check_name(r->peer_name, sizeof r->peer_name);
    }
    const size_t size = tls_config_encode(&c, &again);
    check_again(p, n, again, size);
    tls_config_free(&c);
    return true;
}

static void check_roles(const struct role_settings *s)
{
    FUZZ_CHECK(s->area_count <= ROLE_AREAS_MAX && s->named_count <= ROLE_PRIVATE_MAX);
    FUZZ_CHECK(s->definition_count <= ROLE_DEFINITIONS_MAX);
    FUZZ_CHECK(s->default_role < ROLE_STANDARD_COUNT);
    for (size_t i = 0; i < s->area_count; i++)
        FUZZ_CHECK(s->area[i][0] != '\0');
    for (size_t i = 0; i < s->named_count; i++)
        FUZZ_CHECK(s->named[i].role < 0 && s->named[i].name[0] != '\0');
}

static bool try_gate(const uint8_t *p, size_t n)
{
    struct gate_config c;
    uint8_t *again;

    if (!gate_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.route_count >= 1 && c.gate < ROUTES_MAX);
    for (size_t i = 0; i < c.route_count; i++) {
        const struct gate_route *r = &c.route[i];
        check_name(r->name, sizeof r->name);
        FUZZ_CHECK(is_mode(r->mode) && r->index < ROUTES_MAX);
        FUZZ_CHECK(r->w >= 1 && r->w <= r->k && r->k <= 32767);
        FUZZ_CHECK(r->t2_s >= 1 && r->t2_s < r->t1_s && r->t1_s <= 255 && r->t3_s >= 1);
        FUZZ_CHECK(r->policy != NULL && r->policy_size < n);
        FUZZ_CHECK(profile_is_legal(&r->profile));
        check_roles(&r->roles);
    }
    const size_t size = gate_config_encode(&c, &again);
    check_again(p, n, again, size);
    gate_config_free(&c);
    return true;
}

static bool try_signer(const uint8_t *p, size_t n)
{
    struct signer_config c;
    uint8_t *again;

    if (!signer_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.key_count >= 1 && c.key_count <= ROUTES_MAX);
    for (size_t i = 0; i < c.key_count; i++)
        FUZZ_CHECK(c.key[i].path[0] == '/' || strncmp(c.key[i].path, "pkcs11:", 7) == 0);
    const size_t size = signer_config_encode(&c, &again);
    check_again(p, n, again, size);
    signer_config_free(&c);
    return true;
}

static void check_points(const struct point_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct point_name *p = &names->item[i];
        const char *name = point_names_find(names, p->ca, p->ioa, p->type);
        FUZZ_CHECK(name == names->text + p->at && strlen(name) >= 1 &&
                   strlen(name) <= 63);
    }
}

static bool try_audit(const uint8_t *p, size_t n)
{
    struct audit_config c;
    uint8_t *again;

    if (!audit_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.dir[0] == '/' && c.route_count >= 1 && c.route_count <= ROUTES_MAX);
    for (size_t i = 0; i < c.route_count; i++) {
        check_name(c.route[i].name, sizeof c.route[i].name);
        FUZZ_CHECK(profile_is_legal(&c.route[i].profile));
    }
    for (size_t i = 0; i < c.points_count; i++)
        check_points(&c.points[i].names);
    const size_t size = audit_config_encode(&c, &again);
    check_again(p, n, again, size);
    audit_config_free(&c);
    return true;
}

static bool try_fetcher(const uint8_t *p, size_t n)
{
    struct fetcher_config c;
    uint8_t *again;

    if (!fetcher_config_decode(p, n, &c))
        return false;
    FUZZ_CHECK(c.group_count >= 1 && c.group_count <= ROUTES_MAX);
    for (size_t i = 0; i < c.group_count; i++) {
        const struct fetcher_group *g = &c.group[i];
        check_name(g->host, sizeof g->host);
        check_name(g->path, sizeof g->path);
        check_endpoints(&g->responder, 1);
        FUZZ_CHECK(g->path[0] == '/' && g->timeout_s <= OCSP_TIMEOUT_MAX);
    }
    const size_t size = fetcher_config_encode(&c, &again);
    check_again(p, n, again, size);
    fetcher_config_free(&c);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int taken = try_broker(data, size) + try_tls(data, size) +
                      try_gate(data, size) + try_signer(data, size) +
                      try_audit(data, size) + try_fetcher(data, size);

    FUZZ_CHECK(taken <= 1); /* none is taken for another's */
    return 0;
}
