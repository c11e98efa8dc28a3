/* Configurations of roles on the way: what was put in comes out, and no octet string
 * whatever makes a decoder do more than say no. */
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

static size_t encode_broker(uint8_t **out)
{
    static struct broker_route route[2];
    struct broker_config c = {.incarnation = 7,
                              .max_sessions = 256,
                              .handshakes_per_source = 8,
                              .sessions_per_worker = 1,
                              .route_count = 2,
                              .route = route};

    memset(route, 0, sizeof route);
    sample_broker_route(&route[0], 0);
    sample_broker_route(&route[1], 1);
    return broker_config_encode(&c, out);
}

static size_t encode_tls(uint8_t **out)
{
    static char cert[70000];
    static char ca[] = "-----BEGIN CERTIFICATE-----\n";
    static char crl[] = "";
    struct tls_route route[2] = {
        {.index = 0, .name = "rtu-7", .mode = ROUTE_PROTECT_RTU, .update_answer_s = 1},
        {.index = 1,
         .name = "m",
         .mode = ROUTE_WRAP_MASTER,
         .peer_name = "a.example",
         .update_answer_s = 2 * 172800}};
    struct tls_config c = {
        .group = 3,
        .key = 2,
        .signer = 7,
        .revocation = {true, CRL_MISSING_ALLOW, CRL_STALE_MONITOR_ONLY, 86400},
        .revalidate_s = 600,
        .sessions_per_worker = 4,
        .handshake_s = 10,
        .rekey = {600, 120, 100, true},
        .resume_s = 7200,
        .cert_pem = cert,
        .ca_pem = ca,
        .crl_pem = crl,
        .pins = {2, {{1, 2, 3}, {4}}},
        .route_count = 2,
        .route = route};

    /* More than a 16-bit length can say. */
    memset(cert, 'x', sizeof cert - 1);
    return tls_config_encode(&c, out);
}

static size_t encode_gate_sized(uint8_t **out, size_t policy_size)
{
    uint8_t *policy = calloc(1, policy_size);
    struct gate_route route = {.index = 5,
                               .name = "rtu-7",
                               .mode = ROUTE_PROTECT_RTU,
                               .enforce = true,
                               .mirror_unknown = true,
                               .profile = {1, 2, 3, {0, QUIRK_BIT(QUIRK_CA_ZERO)}},
                               .max_sessions = 16,
                               .k = 12,
                               .w = 8,
                               .t1_s = 15,
                               .t2_s = 10,
                               .t3_s = 172800,
                               .roles = {.area_count = 2,
                                         .area = {"rtu-7", "s\xC3\xBC"},
                                         .has_revision = true,
                                         .revision = 255,
                                         .definition_count = 1,
                                         .definition = {"CEI 0-16"},
                                         .has_default = true,
                                         .default_role = -2,
                                         .named_count = 1,
                                         .named = {{-2, "AGGREGATOR"}}},
                               .policy_hash = {1, 2, 3},
                               .policy = policy,
                               .policy_size = policy_size};
    struct gate_config c = {.gate = 5,
                            .commands_sync = true,
                            .log_closes = true,
                            .handshake_s = 10,
                            .t0_max_s = 30,
                            .route_count = 1,
                            .route = &route};
    size_t n;

    assert_non_null(policy);
    policy[policy_size - 1] = 0xA5;
    n = gate_config_encode(&c, out);
    free(policy);
    return n;
}

static size_t encode_gate(uint8_t **out)
{
    return encode_gate_sized(out, 40);
}

static size_t encode_signer(uint8_t **out)
{
    static struct signer_key key[2];
    struct signer_config c = {.key_count = 2, .key = key};

    (void)snprintf(key[0].path, sizeof key[0].path, "/etc/gate104/a.key");
    key[0].server = true;
    (void)snprintf(key[1].path, sizeof key[1].path, "/etc/gate104/b.key");
    key[1].client = true;
    key[1].single = true;
    key[1].resume_s = RESUME_S_MAX;
    return signer_config_encode(&c, out);
}

static const struct ship_config ship = {SHIP_SECURITY, 5, 65536, 32473};
static struct point_name point_items[] = {{1001, 1, 45, 0}, {7, 2, 1, 3}};
static char point_text[] = "F1\0F2";
static struct audit_points points[2] = {
    {.hash = {1}, .names = {0, point_items, point_text, 0}},
    {.hash = {2}, .names = {2, point_items, point_text, sizeof point_text}},
};
static const struct recording_settings recording = {1 << 20, 60, 7, UINT64_C(1) << 33};

static size_t encode_audit(uint8_t **out)
{
    static struct audit_route route[2] = {
        {.name = "rtu-7", .gate = 1, .profile = {2, 2, 3, {0, 0}}},
        {.name = "old-master",
         .gate = 70000,
         .profile = {1, 1, 2, {0, QUIRK_BIT(QUIRK_CP24_TYPES)}},
         .recorded = true,
         .points = &points[1]},
    };
    struct audit_config c = {.dir = "/var/log/gate104", .seal = {"/seal.key", 60}};

    c.ship = ship;
    c.recording = recording;
    c.route_count = c.points_count = 2;
    c.route = route;
    c.points = points;
    return audit_config_encode(&c, out);
}

/* True if the octets are taken. */
#define DECODER(role)                                                                    \
    static bool decode_##role(const uint8_t *p, size_t n)                                \
    {                                                                                    \
        struct role##_config c;                                                          \
        bool good = role##_config_decode(p, n, &c);                                      \
                                                                                         \
        if (good)                                                                        \
            role##_config_free(&c);                                                      \
        return good;                                                                     \
    }

DECODER(broker)

DECODER(tls)

DECODER(gate)

DECODER(signer)

DECODER(audit)

static size_t encode_fetcher(uint8_t **out)
{
    struct fetcher_group group[2] = {
        {1, {4, 0, 2560, {10, 0, 0, 5}}, "10.0.0.5:2560", "/", 15, 300},
        {7, {6, 0, 80, {0x20, 1}}, "ocsp.example", "/status?x", 60, 1}};

    return fetcher_config_encode(&(struct fetcher_config){2, group}, out);
}

static bool decode_fetcher(const uint8_t *p, size_t n)
{
    struct fetcher_config c;

    return fetcher_config_decode(p, n, &c) && (fetcher_config_free(&c), true);
}

static const struct codec {
    size_t (*encode)(uint8_t **out);
    bool (*decode)(const uint8_t *p, size_t n);
} codecs[] = {
    {encode_broker, decode_broker}, {encode_tls, decode_tls},
    {encode_gate, decode_gate},     {encode_signer, decode_signer},
    {encode_audit, decode_audit},   {encode_fetcher, decode_fetcher},
};
#define CODECS (sizeof codecs / sizeof codecs[0])

/* Decodes from memory that ends where the octets end, for ASan to see a read too far. */
static bool decode_tight(const struct codec *c, const uint8_t *p, size_t n)
{
    uint8_t *tight = malloc(n > 0 ? n : 1);
    bool good;

    assert_non_null(tight);
    memcpy(tight, p, n);
    good = c->decode(tight, n);
    free(tight);
    return good;
}

/* Long runs of file contents are not worth a test for each octet. */
static size_t stride(size_t at, size_t n)
{
    return n > 4096 && at > 64 && at + 256 < n ? 997 : 1;
}

static void test_broker_comes_back(void **state)
{
    struct broker_config c;
    struct broker_route want = {0};
    uint8_t *p;
    size_t n = encode_broker(&p);

    (void)state;
    assert_true(n > 0);
    assert_true(broker_config_decode(p, n, &c));
    assert_int_equal(c.incarnation, 7);
    assert_int_equal(c.max_sessions, 256);
    assert_int_equal(c.handshakes_per_source, 8);
    assert_int_equal(c.sessions_per_worker, 1);
    assert_int_equal(c.route_count, 2);
    sample_broker_route(&want, 1);
    assert_int_equal(c.route[1].index, 1);
    assert_string_equal(c.route[1].name, want.name);
    assert_int_equal(c.route[1].mode, want.mode);
    assert_int_equal(c.route[1].gate, want.gate);
    assert_int_equal(c.route[1].group, want.group);
    assert_int_equal(c.route[1].max_sessions, want.max_sessions);
    assert_int_equal(c.route[1].t0_s, want.t0_s);
    assert_int_equal(c.route[1].listen_count, 2);
    assert_memory_equal(c.route[1].listen, want.listen, sizeof want.listen);
    assert_int_equal(c.route[1].target_count, 1);
    assert_memory_equal(c.route[1].target, want.target, sizeof want.target);
    assert_int_equal(c.route[1].source_count, 2);
    assert_memory_equal(c.route[1].source, want.source, sizeof want.source);
    broker_config_free(&c);
    free(p);
}

static void test_tls_comes_back(void **state)
{
    struct tls_config c;
    uint8_t *p;
    size_t n = encode_tls(&p);

    (void)state;
    assert_true(n > 70000);
    assert_true(tls_config_decode(p, n, &c));
    assert_int_equal(c.group, 3);
    assert_int_equal(c.key, 2);
    assert_int_equal(c.sessions_per_worker, 4);
    assert_int_equal(c.handshake_s, 10);
    assert_int_equal(c.resume_s, 7200);
    assert_int_equal(strlen(c.cert_pem), 69999);
    assert_string_equal(c.ca_pem, "-----BEGIN CERTIFICATE-----\n");
    assert_string_equal(c.crl_pem, "");
    assert_int_equal(c.signer, 7);
    assert_true(c.revocation.check);
    assert_int_equal(c.revocation.missing, CRL_MISSING_ALLOW);
    assert_int_equal(c.revocation.stale, CRL_STALE_MONITOR_ONLY);
    assert_int_equal(c.revocation.grace_s, 86400);
    assert_int_equal(c.revalidate_s, 600);
    assert_int_equal(c.pins.count, 2);
    assert_int_equal(c.pins.pin[0][2], 3);
    assert_int_equal(c.pins.pin[1][0], 4);
    assert_int_equal(c.route_count, 2);
    assert_string_equal(c.route[0].peer_name, "");
    assert_int_equal(c.route[1].index, 1);
    assert_string_equal(c.route[1].name, "m");
    assert_int_equal(c.route[1].mode, ROUTE_WRAP_MASTER);
    assert_string_equal(c.route[1].peer_name, "a.example");
    assert_int_equal(c.route[0].update_answer_s, 1);
    assert_int_equal(c.route[1].update_answer_s, 2 * 172800);
    assert_int_equal(c.rekey.interval_s, 600);
    assert_int_equal(c.rekey.timeout_s, 120);
    assert_int_equal(c.rekey.records, 100);
    assert_true(c.rekey.close_silent);
    tls_config_free(&c);
    free(p);
}

static void test_gate_comes_back(void **state)
{
    static const uint8_t hash[POLICY_HASH_SIZE] = {1, 2, 3};
    struct gate_config c;
    uint8_t *p;
    size_t n = encode_gate_sized(&p, 100000);

    (void)state;
    assert_true(n > 100000);
    assert_true(gate_config_decode(p, n, &c));
    assert_int_equal(c.gate, 5);
    assert_true(c.commands_sync);
    assert_true(c.log_closes);
    assert_int_equal(c.handshake_s, 10);
    assert_int_equal(c.t0_max_s, 30);
    assert_int_equal(c.route_count, 1);
    assert_int_equal(c.route[0].index, 5);
    assert_string_equal(c.route[0].name, "rtu-7");
    assert_true(c.route[0].enforce && c.route[0].mirror_unknown);
    assert_int_equal(c.route[0].max_sessions, 16);
    assert_int_equal(c.route[0].k, 12);
    assert_int_equal(c.route[0].w, 8);
    assert_int_equal(c.route[0].t1_s, 15);
    assert_int_equal(c.route[0].t2_s, 10);
    assert_int_equal(c.route[0].t3_s, 172800);
    assert_memory_equal(c.route[0].policy_hash, hash, sizeof hash);
    assert_int_equal(c.route[0].policy_size, 100000);
    assert_int_equal(c.route[0].policy[99999], 0xA5);
    gate_config_free(&c);
    free(p);
}

static void test_signer_and_audit_come_back(void **state)
{
    struct signer_config s;
    struct audit_config a;
    uint8_t *p;
    size_t n = encode_signer(&p);

    (void)state;
    assert_true(signer_config_decode(p, n, &s));
    free(p);
    assert_int_equal(s.key_count, 2);
    assert_string_equal(s.key[1].path, "/etc/gate104/b.key");
    assert_true(s.key[0].server && !s.key[0].client);
    assert_true(!s.key[1].server && s.key[1].client);
    assert_true(!s.key[0].single && s.key[1].single);
    assert_int_equal(s.key[0].resume_s, 0);
    assert_int_equal(s.key[1].resume_s, RESUME_S_MAX);
    signer_config_free(&s);
    n = encode_audit(&p);
    assert_true(audit_config_decode(p, n, &a));
    free(p);
    assert_memory_equal(&a.ship, &ship, sizeof ship);
    assert_true(recording_settings_same(&a.recording, &recording));
    assert_true(!a.route[0].recorded && a.route[1].recorded);
    assert_string_equal(a.route[1].name, "old-master");
    assert_int_equal(a.route[0].gate, 1);
    assert_int_equal(a.route[1].gate, 70000);
    assert_null(a.route[0].points);
    assert_int_equal(a.points_count, 2);
    assert_ptr_equal(a.route[1].points, &a.points[1]);
    assert_int_equal(a.points[1].hash[0], 2);
    assert_string_equal(point_names_find(&a.points[1].names, 2, 7, 1), "F2");
    audit_config_free(&a);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODECS; i++) {
        uint8_t *p;
        size_t n = codecs[i].encode(&p);

        assert_true(n > 0);
        assert_true(decode_tight(&codecs[i], p, n));
        for (size_t k = 0; k < n; k += stride(k, n))
            assert_false(decode_tight(&codecs[i], p, k));
        free(p);
    }
}

static void test_leftovers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODECS; i++) {
        uint8_t *p;
        size_t n = codecs[i].encode(&p);
        uint8_t *more = calloc(1, n + 1);

        assert_non_null(more);
        memcpy(more, p, n);
        assert_false(codecs[i].decode(more, n + 1));
        free(more);
        free(p);
    }
}

/* Whatever is accepted has to be what an encoder could have written: its numbers are in
 * range, or the role would meet them at work.  ASan watches the rest. */
static void test_every_changed_octet_ends_cleanly(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    size_t refused = 0;

    (void)state;
    for (size_t i = 0; i < CODECS; i++) {
        uint8_t *p;
        size_t n = codecs[i].encode(&p);

        for (size_t k = 0; k < n; k += stride(k, n)) {
            uint8_t was = p[k];

            for (size_t v = 0; v < sizeof values; v++) {
                p[k] = values[v];
                refused += decode_tight(&codecs[i], p, n) ? 0 : 1;
            }
            for (unsigned int bit = 0; bit < 8; bit++) {
                p[k] = was ^ (uint8_t)(1u << bit);
                refused += decode_tight(&codecs[i], p, n) ? 0 : 1;
            }
            p[k] = was;
        }
        free(p);
    }
    assert_true(refused > 1000);
}

static void test_one_kind_is_not_taken_for_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODECS; i++) {
        uint8_t *p;
        size_t n = codecs[i].encode(&p);

        for (size_t k = 0; k < CODECS; k++)
            assert_int_equal(codecs[k].decode(p, n), i == k);
        p[0] ^= 1;
        assert_false(codecs[i].decode(p, n));
        free(p);
    }
}

static void test_counts_beyond_the_octets_are_refused(void **state)
{
    uint8_t *p;
    size_t n = encode_signer(&p);

    (void)state;
    /* 1024 keys announced, two there. */
    p[1] = 0x00;
    p[2] = 0x04;
    assert_false(decode_signer(p, n));
    p[1] = p[2] = 0;
    assert_false(decode_signer(p, n));
    free(p);
    n = encode_gate(&p);
    /* The last length is that of the policy: 40 octets from the end. */
    memset(p + n - 44, 0xFF, 4);
    assert_false(decode_gate(p, n));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker_comes_back),
        cmocka_unit_test(test_tls_comes_back),
        cmocka_unit_test(test_gate_comes_back),
        cmocka_unit_test(test_signer_and_audit_come_back),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_leftovers_are_refused),
        cmocka_unit_test(test_every_changed_octet_ends_cleanly),
        cmocka_unit_test(test_one_kind_is_not_taken_for_another),
        cmocka_unit_test(test_counts_beyond_the_octets_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
