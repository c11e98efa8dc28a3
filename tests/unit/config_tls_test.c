/* Which TLS a route speaks: profile, versions, old masters, two certificates. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config *load_with(const char *find, const char *replace)
{
    char *text = config_lab_edited(find, replace);
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    config_errors_print(&errs, stderr);
    assert_non_null(c);
    config_errors_free(&errs);
    free(text);
    return c;
}

static void test_strict_is_the_default(void **state)
{
    struct config *c = load_with("crl = [", "crl = [");

    (void)state;
    assert_int_equal(c->tls[0].rules.profile, TLS_PROFILE_STRICT);
    assert_false(c->tls[0].rules.tls13_only);
    assert_false(c->tls[0].rules.legacy_rsa);
    assert_null(c->tls[0].second_cert.path);
    config_free(c);
}

/* A route's word replaces that of the file, and makes a group of its own. */
static void test_of_all_and_of_one(void **state)
{
    struct config *c = load_with(
        "crl = [ \"ca.crl\" ]; };\nlimits = { max_sessions = 100; };\nroutes = (\n",
        "crl = [ \"ca.crl\" ]; profile = \"62351-3-full\"; };\nroutes = (\n");
    const struct tls_rules *rules = &c->tls[c->routes[1].tls].rules;

    (void)state;
    assert_int_equal(c->tls_count, 1);
    assert_int_equal(rules->profile, TLS_PROFILE_FULL);
    config_free(c);
    c = load_with("t1 = 15;",
                  "tls = { profile = \"62351-3-full\"; min_version = \"1.2\"; "
                  "legacy_rsa_key_transport = true; }; t1 = 15;");
    assert_int_equal(c->tls_count, 2);
    rules = &c->tls[c->routes[0].tls].rules;
    assert_int_equal(rules->profile, TLS_PROFILE_FULL);
    assert_true(rules->legacy_rsa);
    assert_false(rules->tls13_only);
    rules = &c->tls[c->routes[1].tls].rules;
    assert_int_equal(rules->profile, TLS_PROFILE_STRICT);
    assert_false(rules->legacy_rsa);
    config_free(c);
    c = load_with("t1 = 15;", "tls = { min_version = \"1.3\"; }; t1 = 15;");
    assert_int_equal(c->tls_count, 2);
    assert_true(c->tls[c->routes[0].tls].rules.tls13_only);
    config_free(c);
}

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"crl = [", "profile = \"loose\"; crl = [", 5, "tls.profile", "\"loose\"",
         "\"strict\" or \"62351-3-full\""},
        {"crl = [", "profile = 3; crl = [", 5, "tls.profile", "wrong type", "string"},
        {"crl = [", "min_version = \"1.1\"; crl = [", 5, "tls.min_version", "\"1.1\"",
         "never spoken"},
        {"crl = [", "min_version = \"1.3\"; legacy_rsa_key_transport = true; crl = [", 5,
         "legacy_rsa_key_transport", "TLS 1.2, which is off", "remove"},
        {"crl = [", "ciphers = \"ALL\"; crl = [", 5, "tls.ciphers", "not supported",
         "profile"},
        {"\"station.crt\"", "[ \"station.crt\", \"other.crt\" ]", 4, "tls.key",
         "2 certificates, but 1 keys", "same order"},
        {"\"station.key\"", "[ \"a.key\", \"b.key\" ]", 4, "tls.key",
         "1 certificates, but 2 keys", "same order"},
        {"\"station.crt\"", "[ \"a.crt\", \"b.crt\", \"c.crt\" ]", 4, "tls.cert", "", ""},
        {"\"station.crt\"", "[ ]", 4, "tls.cert", "", ""},
        {"\"station.crt\"", "true", 4, "tls.cert", "", "list of two"},
        {"\"station.crt\"; key = \"station.key\"",
         "[ \"station.crt\", \"both.pem\" ]; key = [ \"a.key\", \"b.key\" ]", 4,
         "tls.cert", "holds a private key", "of its own"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_warnings(void **state)
{
    static const struct mistake m[] = {
        {"crl = [", "legacy_rsa_key_transport = true; crl = [", 5,
         "legacy_rsa_key_transport", "no forward secrecy", "serves nothing else"},
        {"crl = [", "profile = \"62351-3-full\"; min_version = \"1.3\"; crl = [", 5,
         "min_version", "requires TLS 1.2", "conform"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_WARNING);
}

/* What tls and signer are told, on the way and back. */
static void check_told(const struct config *c)
{
    struct signer_config s;
    struct tls_config t;
    uint8_t *octets;
    size_t n;

    assert_true(config_signer_role(c, &s));
    n = signer_config_encode(&s, &octets);
    signer_config_free(&s);
    assert_true(n > 0 && signer_config_decode(octets, n, &s));
    free(octets);
    assert_int_equal(s.key_count, 3);
    for (uint32_t group = 0; group < 2; group++) {
        bool two = group == c->routes[0].tls;

        assert_true(config_tls_role(c, group, &t));
        n = tls_config_encode(&t, &octets);
        tls_config_free(&t);
        assert_true(n > 0 && tls_config_decode(octets, n, &t));
        free(octets);
        assert_int_equal(s.key[t.key].group, group);
        assert_int_equal(t.rules.profile, two ? TLS_PROFILE_FULL : TLS_PROFILE_STRICT);
        assert_int_equal(s.key[t.key].rules.profile, t.rules.profile);
        assert_int_equal(t.second_pem[0] != '\0', two);
        if (two) {
            assert_int_equal(t.second_key, 2);
            assert_int_equal(s.key[t.second_key].group, group);
            assert_int_equal(s.key[t.second_key].rules.profile, TLS_PROFILE_FULL);
            assert_true(s.key[t.second_key].server);
            assert_false(s.key[t.second_key].client);
            assert_non_null(strstr(s.key[t.second_key].path, "/b.key"));
        }
        tls_config_free(&t);
    }
    signer_config_free(&s);
}

static void test_two_certificates(void **state)
{
    struct config *c =
        load_with("t1 = 15;", "tls = { cert = [ \"station.crt\", \"other.crt\" ]; "
                              "key = [ \"station.key\", \"b.key\" ]; "
                              "profile = \"62351-3-full\"; }; t1 = 15;");

    (void)state;
    assert_int_equal(c->tls_count, 2);
    check_told(c);
    config_free(c);
}

/* One octet of the rules after the other: what is no rule is refused. */
static void test_rules_are_checked(void **state)
{
    static struct signer_key key = {.path = "/k", .server = true};
    struct signer_config c = {.key_count = 1, .key = &key};
    struct signer_config out;
    uint8_t *p;
    size_t n = signer_config_encode(&c, &p);
    size_t at = n - 4 - 3 - 3; /* profile, TLS 1.3 only, legacy; then 3 words, seconds */

    (void)state;
    assert_true(n > 5);
    for (size_t i = 0; i < 3; i++) {
        p[at + i] = 2;
        assert_false(signer_config_decode(p, n, &out));
        p[at + i] = 1;
        assert_true(signer_config_decode(p, n, &out));
        signer_config_free(&out);
        p[at + i] = 0;
    }
    p[at + 1] = p[at + 2] = 1; /* TLS 1.3 only, and a suite of TLS 1.2 */
    assert_false(signer_config_decode(p, n, &out));
    free(p);
    key.group = ROUTES_MAX;
    n = signer_config_encode(&c, &p);
    assert_false(signer_config_decode(p, n, &out));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict_is_the_default),
        cmocka_unit_test(test_of_all_and_of_one),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_two_certificates),
        cmocka_unit_test(test_rules_are_checked),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
