/* Configurations of roles: numbers out of range do not arrive. */
#include "proxy/role_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct msg_endpoint endpoint(uint8_t last, uint16_t port)
{
    return (struct msg_endpoint){.family = 4, .port = port, .addr = {10, 0, 0, last}};
}

static void sample_broker_route(struct broker_route *r, uint16_t index)
{
    r->index = index;
    (void)snprintf(r->name, sizeof r->name, "rtu-%u", index);
    r->mode = index % 2 ? ROUTE_WRAP_MASTER : ROUTE_PROTECT_RTU;
    r->gate = index;
    r->group = 1;
    r->max_sessions = 16;
    r->t0_s = 30;
    r->listen_count = 2;
    r->listen[0] = endpoint(1, 19998);
    r->listen[1] =
        (struct msg_endpoint){.family = 6, .port = 19998, .addr = {0xFE, 0x80}};
    r->target_count = 1;
    r->target[0] = endpoint(2, 2404);
    r->source_count = 2;
    r->source[0] = (struct source_net){4, 24, {10, 0, 0}};
    r->source[1] = (struct source_net){6, 128, {0x20, 1, 13, 0xB8}};
}

static bool decode_broker(const uint8_t *p, size_t n)
{
    struct broker_config c;
    bool good = broker_config_decode(p, n, &c);

    if (good)
        broker_config_free(&c);
    return good;
}

static bool decode_tls(const uint8_t *p, size_t n)
{
    struct tls_config c;
    bool good = tls_config_decode(p, n, &c);

    if (good)
        tls_config_free(&c);
    return good;
}

static bool decode_gate(const uint8_t *p, size_t n)
{
    struct gate_config c;
    bool good = gate_config_decode(p, n, &c);

    if (good)
        gate_config_free(&c);
    return good;
}

static bool decode_signer(const uint8_t *p, size_t n)
{
    struct signer_config c;
    bool good = signer_config_decode(p, n, &c);

    if (good)
        signer_config_free(&c);
    return good;
}

static void gate_refuses(const struct gate_route *route)
{
    struct gate_route copy = *route;
    struct gate_config c = {
        .handshake_s = 10, .t0_max_s = 30, .route_count = 1, .route = &copy};
    uint8_t octet = 0;
    uint8_t *p;
    size_t n;

    copy.policy = &octet;
    copy.policy_size = 1;
    n = gate_config_encode(&c, &p);
    assert_false(n > 0 && decode_gate(p, n));
    free(p);
}

#define GATE_BAD(field, v) (r = good, r.field = (v), gate_refuses(&r))

static void test_gate_numbers_in_range(void **state)
{
    static const struct gate_route good = {.name = "r",
                                           .mode = ROUTE_PROTECT_RTU,
                                           .max_sessions = 1,
                                           .k = 12,
                                           .w = 8,
                                           .t1_s = 15,
                                           .t2_s = 10,
                                           .t3_s = 20};
    struct gate_route r;

    (void)state;
    GATE_BAD(index, ROUTES_MAX);
    GATE_BAD(name[0], '\0');
    GATE_BAD(name[0], '\n');
    GATE_BAD(mode, (enum route_mode)3);
    GATE_BAD(max_sessions, 0);
    GATE_BAD(k, 0);
    GATE_BAD(k, 32768);
    GATE_BAD(w, 0);
    GATE_BAD(w, 13);
    GATE_BAD(t1_s, 256);
    GATE_BAD(t2_s, 15);
    GATE_BAD(t3_s, 0);
    GATE_BAD(t3_s, 172801);
    GATE_BAD(roles.area_count, ROLE_AREAS_MAX + 1);
    GATE_BAD(roles.area_count, 1); /* an area without letters */
    GATE_BAD(roles.definition_count, ROLE_DEFINITIONS_MAX + 1);
    GATE_BAD(roles.definition_count, 1);
    GATE_BAD(roles.default_role, ROLE_STANDARD_COUNT);
    GATE_BAD(roles.named_count, ROLE_PRIVATE_MAX + 1);
    GATE_BAD(roles.named_count, 1);
    r = good;
    r.roles.area_count = 1;
    r.roles.area[0][0] = '\n';
    gate_refuses(&r);
    r = good;
    r.roles.named_count = 1;
    r.roles.named[0] = (struct role_private){0, "A"}; /* not private */
    gate_refuses(&r);
}

static void broker_refuses(const struct broker_route *route)
{
    struct broker_route copy = *route;
    struct broker_config c = {.max_sessions = 1,
                              .handshakes_per_source = 1,
                              .sessions_per_worker = 1,
                              .route_count = 1,
                              .route = &copy};
    uint8_t *p;
    size_t n = broker_config_encode(&c, &p);

    assert_false(n > 0 && decode_broker(p, n));
    free(p);
}

#define BROKER_BAD(field, v) (r = good, r.field = (v), broker_refuses(&r))

static void test_broker_numbers_in_range(void **state)
{
    struct broker_route good = {0};
    struct broker_route r;

    (void)state;
    sample_broker_route(&good, 0);
    BROKER_BAD(listen_count, 0);
    BROKER_BAD(listen_count, ENDPOINTS_MAX + 1);
    BROKER_BAD(target_count, 0);
    BROKER_BAD(source_count, SOURCES_MAX + 1);
    BROKER_BAD(listen[0].port, 0);
    BROKER_BAD(listen[0].family, 5);
    BROKER_BAD(listen[0].addr[9], 1);
    BROKER_BAD(source[0].bits, 33);
    BROKER_BAD(source[0].addr[15], 1);
    BROKER_BAD(source[1].bits, 129);
    BROKER_BAD(source[1].family, 0);
    BROKER_BAD(gate, ROUTES_MAX);
    BROKER_BAD(t0_s, 0);
    BROKER_BAD(t0_s, 256);
}

static char none[] = "";
static struct tls_route tls_route;

static struct tls_config good_tls(void)
{
    tls_route = (struct tls_route){.name = "m",
                                   .mode = ROUTE_WRAP_MASTER,
                                   .peer_name = "a.example",
                                   .update_answer_s = 45};
    return (struct tls_config){.sessions_per_worker = 1,
                               .handshake_s = 10,
                               .rekey = {600, 10, 65536, false},
                               .cert_pem = none,
                               .ca_pem = none,
                               .crl_pem = none,
                               .revalidate_s = 1,
                               .route_count = 1,
                               .route = &tls_route};
}

static bool tls_taken(const struct tls_config *c)
{
    uint8_t *p;
    size_t n = tls_config_encode(c, &p);
    bool taken;

    assert_true(n > 0);
    taken = decode_tls(p, n);
    free(p);
    return taken;
}

static void test_client_needs_a_name_to_expect(void **state)
{
    struct tls_config c = good_tls();

    (void)state;
    assert_true(tls_taken(&c));
    tls_route.peer_name[0] = '\0';
    assert_false(tls_taken(&c));
}

static void test_revocation_ranges(void **state)
{
    struct tls_config c = good_tls();

    (void)state;
    c.revalidate_s = 0;
    assert_false(tls_taken(&c));
    c.revalidate_s = REVALIDATE_MAX_S;
    c.revocation.grace_s = CRL_GRACE_MAX_S;
    assert_true(tls_taken(&c));
    c.revalidate_s++;
    assert_false(tls_taken(&c));
    c = good_tls();
    c.revocation.grace_s = CRL_GRACE_MAX_S + 1;
    assert_false(tls_taken(&c));
    c = good_tls();
    c.revocation.missing = (enum crl_missing)2;
    assert_false(tls_taken(&c));
    c = good_tls();
    c.revocation.stale = (enum crl_stale)3;
    assert_false(tls_taken(&c));
}

/* With a field changed. */
#define TLS_BAD(field, v)                                                                \
    do {                                                                                 \
        struct tls_config bad = good_tls();                                              \
        bad.field = (v);                                                                 \
        assert_false(tls_taken(&bad));                                                   \
    } while (0)

static void test_rekey_ranges(void **state)
{
    struct tls_config good = good_tls();

    (void)state;
    assert_true(tls_taken(&good));
    TLS_BAD(rekey.interval_s, 0);
    TLS_BAD(rekey.interval_s, 86401);
    TLS_BAD(rekey.timeout_s, 0);
    TLS_BAD(rekey.timeout_s, 121);
    TLS_BAD(rekey.records, 99);
    TLS_BAD(rekey.records, 8388609);
    TLS_BAD(route[0].update_answer_s, 0);
    TLS_BAD(route[0].update_answer_s, 345601);
}

static void test_paths_are_absolute(void **state)
{
    static struct signer_key key;
    struct signer_config c = {.key_count = 1, .key = &key};
    uint8_t *p;
    size_t n;

    (void)state;
    (void)snprintf(key.path, sizeof key.path, "a.key");
    n = signer_config_encode(&c, &p);
    assert_true(n > 0);
    assert_false(decode_signer(p, n));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate_numbers_in_range),
        cmocka_unit_test(test_broker_numbers_in_range),
        cmocka_unit_test(test_rekey_ranges),
        cmocka_unit_test(test_client_needs_a_name_to_expect),
        cmocka_unit_test(test_revocation_ranges),
        cmocka_unit_test(test_paths_are_absolute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
