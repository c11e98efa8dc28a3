/* What each role is told of a configuration. */
#include "proxy/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Four routes in two groups of tls workers, two keys, two gates. */
static const char text[] =
    "audit = { dir = \"log\"; commands = \"async\"; on_failure = \"close\"; };\n"
    "tls = { cert = \"a.crt\"; key = \"a.key\"; ca = [ \"a.crt\", \"b.crt\" ]; crl = [ "
    "]; resumption = true; };\n"
    "limits = { routes_per_gate = 3; sessions_per_worker = 4; handshake = 7; };\n"
    "routes = (\n"
    "  { name = \"r0\"; mode = \"protect-rtu\"; listen = [ \"127.0.0.1:20000\" ];\n"
    "    rtu = [ \"10.0.0.1:2404\", \"10.0.0.2:2404\" ]; policy = \"p\"; t0 = 20; },\n"
    "  { name = \"r1\"; mode = \"wrap-master\"; listen = [ \"127.0.0.1:20001\" ];\n"
    "    remote = [ \"10.0.0.3:19998\" ]; peer_name = \"far\"; policy = \"p\";\n"
    "    tls = { cert = \"b.crt\"; resumption_lifetime = 60; }; },\n"
    "  { name = \"r2\"; mode = \"wrap-master\"; listen = [ \"127.0.0.1:20002\" ];\n"
    "    remote = [ \"10.0.0.3:19998\" ]; peer_name = \"far\"; policy = \"p\";\n"
    "    tls = { cert = \"b.crt\"; key = \"b.key\"; }; k = 30; w = 20; max_sessions = 3; "
    "},\n"
    "  { name = \"r3\"; mode = \"protect-rtu\"; listen = [ \"127.0.0.1:20003\" ];\n"
    "    rtu = [ \"10.0.0.4:2404\" ]; policy = \"p\"; enforce = false; } );\n";

static char folder[] = "/tmp/gate104-role-XXXXXX";
static struct config *conf;

static void test_broker(void **state)
{
    struct broker_config b;

    (void)state;
    assert_true(config_broker_role(conf, 9, &b));
    assert_int_equal(b.incarnation, 9);
    assert_int_equal(b.sessions_per_worker, 4);
    assert_int_equal(b.route_count, 4);
    assert_int_equal(b.route[2].gate, 0);
    assert_int_equal(b.route[3].gate, 1);
    assert_int_equal(b.route[0].group, b.route[3].group);
    assert_int_not_equal(b.route[0].group, b.route[1].group);
    assert_int_equal(b.route[0].target_count, 2);
    assert_int_equal(b.route[0].t0_s, 20);
    assert_int_equal(b.route[2].max_sessions, 3);
    broker_config_free(&b);
}

static void test_gates(void **state)
{
    struct gate_config g;

    (void)state;
    assert_int_equal(config_gate_count(conf), 2);
    assert_true(config_gate_role(conf, 0, &g));
    assert_int_equal(g.route_count, 3);
    assert_false(g.commands_sync);
    assert_true(g.log_closes);
    assert_int_equal(g.handshake_s, 7);
    assert_int_equal(g.t0_max_s, 40); /* two addresses, 20 s each */
    assert_int_equal(g.route[2].k, 30);
    assert_int_equal(g.route[2].w, 20);
    assert_int_equal(g.route[0].t1_s, 15);
    assert_true(g.route[0].policy_size > 0);
    assert_memory_equal(g.route[0].policy_hash, conf->policies[0].hash, POLICY_HASH_SIZE);
    gate_config_free(&g);
    assert_true(config_gate_role(conf, 1, &g));
    assert_int_equal(g.route_count, 1);
    assert_int_equal(g.route[0].index, 3);
    assert_false(g.route[0].enforce);
    gate_config_free(&g);
}

/* Three sets: a/a, b/a, b/b; the last two differ in the key only. */
static void test_tls_groups(void **state)
{
    struct tls_config t;
    size_t routes = 0;

    (void)state;
    assert_int_equal(conf->tls_count, 3);
    for (uint32_t i = 0; i < conf->tls_count; i++) {
        assert_true(config_tls_role(conf, i, &t));
        assert_int_equal(t.group, i);
        assert_int_equal(t.handshake_s, 7);
        routes += t.route_count;
        tls_config_free(&t);
    }
    assert_int_equal(routes, 4);
    assert_true(config_tls_role(conf, (uint32_t)conf->routes[0].tls, &t));
    assert_int_equal(t.route_count, 2);
    assert_string_equal(t.cert_pem, "-----BEGIN A\n\n");
    assert_string_equal(t.ca_pem, "-----BEGIN A\n\n-----BEGIN B\n\n");
    assert_string_equal(t.crl_pem, "");
    tls_config_free(&t);
}

static void test_signer_has_one_key_for_each_group(void **state)
{
    struct signer_config s;
    struct tls_config t;

    (void)state;
    assert_true(config_signer_role(conf, &s));
    assert_int_equal(s.key_count, conf->tls_count);
    for (uint32_t i = 0; i < conf->tls_count; i++) {
        assert_true(config_tls_role(conf, i, &t));
        assert_int_equal(t.key, i);
        tls_config_free(&t);
    }
    /* r0 and r3 serve with a.key, r1 is a client with it; r2 a client with b.key. */
    assert_non_null(strstr(s.key[conf->routes[0].tls].path, "/a.key"));
    assert_non_null(strstr(s.key[conf->routes[1].tls].path, "/a.key"));
    assert_non_null(strstr(s.key[conf->routes[2].tls].path, "/b.key"));
    assert_true(s.key[conf->routes[0].tls].server);
    assert_false(s.key[conf->routes[0].tls].client);
    assert_false(s.key[conf->routes[1].tls].server);
    assert_true(s.key[conf->routes[1].tls].client);
    assert_false(s.key[conf->routes[2].tls].server);
    assert_true(s.key[conf->routes[2].tls].client);
    assert_int_equal(s.key[conf->routes[0].tls].resume_s, 7200);
    assert_int_equal(s.key[conf->routes[1].tls].resume_s, 60);
    assert_false(s.key[0].single);
    signer_config_free(&s);
}

static void test_audit(void **state)
{
    struct audit_config a;

    (void)state;
    assert_true(config_audit_role(conf, &a));
    assert_int_equal(a.dir[0], '/');
    assert_non_null(strstr(a.dir, "/log"));
    assert_int_equal(a.route_count, 4);
    assert_string_equal(a.route[3].name, "r3");
    for (size_t i = 0; i < a.route_count; i++)
        assert_int_equal(a.route[i].gate, config_gate_of(conf, i));
    audit_config_free(&a);
}

/* What the builders give, the roles take. */
static void test_all_of_it_arrives(void **state)
{
    struct broker_config b;
    struct gate_config g;
    struct tls_config t;
    struct signer_config s;
    struct audit_config a;
    uint8_t *p[5];
    size_t n[5];

    (void)state;
    assert_true(config_broker_role(conf, 1, &b) && config_gate_role(conf, 0, &g) &&
                config_tls_role(conf, 1, &t) && config_signer_role(conf, &s) &&
                config_audit_role(conf, &a));
    n[0] = broker_config_encode(&b, &p[0]);
    n[1] = gate_config_encode(&g, &p[1]);
    n[2] = tls_config_encode(&t, &p[2]);
    n[3] = signer_config_encode(&s, &p[3]);
    n[4] = audit_config_encode(&a, &p[4]);
    broker_config_free(&b);
    gate_config_free(&g);
    tls_config_free(&t);
    signer_config_free(&s);
    audit_config_free(&a);
    assert_true(broker_config_decode(p[0], n[0], &b));
    assert_true(gate_config_decode(p[1], n[1], &g));
    assert_true(tls_config_decode(p[2], n[2], &t));
    assert_true(signer_config_decode(p[3], n[3], &s));
    assert_true(audit_config_decode(p[4], n[4], &a));
    broker_config_free(&b);
    gate_config_free(&g);
    tls_config_free(&t);
    signer_config_free(&s);
    audit_config_free(&a);
    for (size_t i = 0; i < 5; i++)
        free(p[i]);
}

static void test_users(void **state)
{
    struct config c = {.user = "root"};
    uid_t uid = 0;
    gid_t gid = 0;

    (void)state;
    assert_false(config_role_user(&c, ROLE_GATE, &uid, &gid));
    (void)snprintf(c.user, sizeof c.user, "%s", "no-such-user-104");
    assert_false(config_role_user(&c, ROLE_GATE, &uid, &gid));
    (void)snprintf(c.user, sizeof c.user, "%s", "nobody");
    assert_true(config_role_user(&c, ROLE_GATE, &uid, &gid));
    assert_true(uid != 0 && gid != 0);
}

static const char *const names[] = {"a.crt", "b.crt", "p", "gate104.conf"};
static const char *const contents[] = {
    "-----BEGIN A\n", "-----BEGIN B\n",
    "control = { rules = ( { types = [ \"C_IC_NA_1\" ]; } ); };\n", text};

static int set_up(void **state)
{
    struct config_errors errs;
    char path[128] = "";

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        f = fopen(path, "w");
        if (!f || fputs(contents[i], f) == EOF || fclose(f) != 0)
            return -1;
    }
    config_errors_init(&errs);
    conf = config_load(path, &errs);
    if (!conf)
        config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    return conf ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[128];

    (void)state;
    config_free(conf);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_tls_groups),
        cmocka_unit_test(test_signer_has_one_key_for_each_group),
        cmocka_unit_test(test_audit),
        cmocka_unit_test(test_all_of_it_arrives),
        cmocka_unit_test(test_users),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
