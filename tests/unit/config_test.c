/* The configuration reader: every mistake is named with its line and a remedy. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what is right ---------------------------------------------------------------- */

static void test_base_loads(void **state)
{
    struct config_errors errs;
    struct config *c = config_lab_load(config_lab_base, &errs);

    (void)state;
    config_errors_print(&errs, stderr);
    assert_non_null(c);
    assert_int_equal(errs.errors + errs.warnings, 0);
    assert_string_equal(c->user, "_gate104");
    assert_string_equal(c->run_dir, "/run/gate104");
    assert_string_equal(c->audit_dir, "/var/log/gate104");
    assert_true(c->commands_sync);
    assert_false(c->sandbox_full);
    assert_int_equal(c->limits.max_sessions, 100);
    assert_int_equal(c->limits.sessions_per_worker, 1);
    assert_int_equal(c->limits.spare_workers, 2);
    assert_int_equal(c->limits.handshakes_per_source, 8);
    assert_int_equal(c->limits.handshake, 10);
    assert_int_equal(c->route_count, 2);
    assert_int_equal(c->tls_count, 1);
    assert_int_equal(c->policy_count, 1);
    assert_int_equal(c->routes[0].mode, ROUTE_PROTECT_RTU);
    assert_true(c->routes[0].enforce);
    assert_int_equal(c->routes[0].listen[0].port, 19998);
    assert_int_equal(c->routes[0].target[0].addr[3], 10);
    assert_int_equal(c->routes[0].source[0].bits, 24);
    assert_int_equal(c->routes[0].t0, 30);
    assert_int_equal(c->routes[0].t3, 20);
    assert_int_equal(c->routes[1].index, 1);
    assert_int_equal(c->routes[1].mode, ROUTE_WRAP_MASTER);
    assert_string_equal(c->routes[1].peer_name, "rtu20.example");
    config_free(c);
    config_errors_free(&errs);
}

/* SHA-256 of the policy file, as sha256sum prints it. */
static void test_policy_hash_is_that_of_the_file(void **state)
{
    static const uint8_t want[] = {0x20, 0xc2, 0x3f, 0x82, 0x7d, 0xe0, 0x54, 0xd2};
    struct config_errors errs;
    struct config *c = config_lab_load(config_lab_base, &errs);

    (void)state;
    assert_non_null(c);
    assert_memory_equal(c->policies[0].hash, want, sizeof want);
    config_free(c);
    config_errors_free(&errs);
}

static void test_ipv6_and_own_tls(void **state)
{
    char *text = config_lab_edited("allow_from = [ \"10.0.0.0/24\" ];\n",
                                   "allow_from = [ \"2001:db8::/32\", \"::1\" ];\n"
                                   " tls = { cert = \"other.crt\"; };\n");
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->routes[0].source[0].family, 6);
    assert_int_equal(c->routes[0].source[0].bits, 32);
    assert_int_equal(c->routes[0].source[1].bits, 128);
    assert_int_equal(c->tls_count, 2);
    assert_int_not_equal(c->routes[0].tls, c->routes[1].tls);
    assert_non_null(strstr(c->tls[c->routes[0].tls].cert.path, "/other.crt"));
    assert_non_null(strstr(c->tls[c->routes[0].tls].key.path, "/station.key"));
    assert_int_equal(c->tls[c->routes[0].tls].ca_count, 1);
    config_free(c);
    config_errors_free(&errs);
    free(text);
}

/* ---- what is wrong ---------------------------------------------------------------- */

static void test_syntax(void **state)
{
    static const struct mistake m[] = {
        {"run_dir = ", "run_dir ", 2, "", "syntax error", "missing"},
        {"routes = (\n", "run_dir = \"x\";\nroutes = (\n", 7, "", "duplicate",
         "remove one"},
        {"  { name = \"old-master\"", "  { name = \"x\"; name = \"y\"", 14, "",
         "duplicate", "remove one"},
        {"max_sessions = 100", "max_sessions = 4294967297", 6, "", "above 2147483647",
         "large"},
        {"max_sessions = 100", "max_sessions = 0x100000001", 6, "", "above 2147483647",
         "large"},
        {"[ \"10.0.0.0/24\" ]", "[ \"10.0.0.0/24\" \"10.9.0.0/24\" ]", 11, "",
         "two strings", "comma"},
        {"run_dir", "@include \"/etc/passwd\"\nrun_dir", 2, "", "including", "into this"},
        {"run_dir", "  @include \"x\"\nrun_dir", 2, "", "including", "into this"},
        {"[ \"10.0.0.0/24\" ]", "[ \"10.0.0.0/24\" )", 11, "", "stands against '['", ""},
        {");\n", "", 7, "", "never closed", "close"},
        {");\n", ")); \n", 19, "", "closes nothing", "remove"},
        {"\"/run/gate104\"", "\"/run/gate104", 18, "", "has no end", "end it"},
        {"limits", "/* limits", 6, "", "has no end", "*/"},
        {"/run/gate104", "/run/\xE9", 2, "", "0xE9 is not UTF-8", "UTF-8"},
        {"/run/gate104", "/run/\xC0\xAF", 2, "", "0xC0 is not UTF-8", "UTF-8"},
        {"\"/run/gate104\"", "((((((((((((((((((((1))))))))))))))))))))", 2, "", "nested",
         ""},
        {"[ \"0.0.0.0:19998\" ]", "[ \"0.0.0.0:19998\", 1 ]", 9, "", "mismatched",
         "the same way"},
        {"/run/gate104", "/run/\\x07", 2, "run_dir", "octet \\x07", "remove"},
        {"/run/gate104", "/run/\\xFF", 2, "run_dir", "octet \\xFF", "remove"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_keys(void **state)
{
    static const struct mistake m[] = {
        {"run_dir", "run_dri", 2, "run_dri", "no such key", "did you mean \"run_dir\"?"},
        {"allow_from", "allow_form", 11, "routes[0].allow_form", "no such key",
         "\"allow_from\""},
        {"run_dir", "zzzzzzzz", 2, "zzzzzzzz", "no such key", "remove it"},
        {"commands = \"sync\"", "comands = \"sync\"", 3, "audit.comands", "no such key",
         "\"commands\""},
        {"max_sessions = 100", "max_session = 100", 6, "limits.max_session",
         "no such key", "\"max_sessions\""},
        {"crl = [", "crls = [", 5, "tls.crls", "no such key", "\"crl\""},
        {"enforce = true", "enforce = \"true\"", 12, "routes[0].enforce", "wrong type",
         "without quotes"},
        {"k = 12", "k = \"12\"", 12, "routes[0].k", "wrong type", "whole number"},
        {"k = 12", "k = 12.5", 12, "routes[0].k", "wrong type", "whole number"},
        {"[ \"0.0.0.0:19998\" ]", "\"0.0.0.0:19998\"", 9, "routes[0].listen",
         "wrong type", "a list"},
        {"limits = { max_sessions = 100; }", "limits = 3", 6, "limits", "wrong type",
         "a group"},
        {"audit = { dir = \"/var/log/gate104\"; commands = \"sync\"; };", "", 0, "audit",
         "missing", "add audit"},
        {"dir = \"/var/log/gate104\";", "", 3, "audit.dir", "missing", "add dir"},
        {"name = \"rtu-7\";", "", 8, "routes[0].name", "missing", "add name"},
        {"policy = \"a.policy\"; }", "}", 14, "routes[1].policy", "missing",
         "add policy"},
        {"commands = \"sync\"", "commands = \"maybe\"", 3, "audit.commands",
         "not supported", "\"sync\" or \"async\""},
        {"commands = \"sync\"", "on_failure = \"stop\"", 3, "audit.on_failure",
         "not supported", "\"monitor-only\" or \"close\""},
        {"commands = \"sync\"", "ship = \"some\"", 3, "audit.ship", "not supported",
         "\"off\" or \"security\" or \"all\""},
        {"commands = \"sync\"", "ship_lag = 4", 3, "audit.ship_lag", "", "5"},
        {"commands = \"sync\"", "ship_size = 1023", 3, "audit.ship_size", "", "1024"},
        {"commands = \"sync\"", "ship_enterprise = 0", 3, "audit.ship_enterprise", "",
         "1"},
        {"commands = \"sync\"",
         "ship_socket = "
         "\"/this/is/a/long/and/winding/path/that/has/more/octets/than/the/address/of/a/"
         "socket/of/the/kernel/can/hold/which/is/107\"",
         3, "audit.ship_socket", "at most 107", "shorter"},
        {"commands = \"sync\"", "syslog = true", 3, "audit.syslog", "", "ship = \"all\""},
        {"audit = {", "require_sandbox = \"some\"; audit = {", 3, "require_sandbox",
         "not supported", "\"best\" or \"full\""},
        {"user = \"_gate104\"", "user = \"Root/..\"", 1, "user", "no prefix", "a-z"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

#define PIN "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_pins(void **state)
{
    static const struct mistake m[] = {
        {"crl = [", "pins = [ \"sha256:00\" ]; crl = [", 5, "tls.pins[0]",
         "no fingerprint", "openssl x509"},
        {"crl = [", "pins = [ \"" PIN "\", \"CN=a\" ]; crl = [", 5, "tls.pins[1]",
         "no fingerprint", "sha256:"},
        {"crl = [", "pins = [ \"" PIN "\", \"" PIN "\" ]; crl = [", 5, "tls.pins[1]",
         "twice", "remove"},
        {"crl = [", "pins = [ ]; crl = [", 5, "tls.pins", "", ""},
        {"crl = [", "pins = \"" PIN "\"; crl = [", 5, "tls.pins", "wrong type", "a list"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

#define OCSP(text) "crl = [", "ocsp = { " text " }; crl = [", 5

static void test_ocsp(void **state)
{
    static const struct mistake m[] = {
        {"crl = [", "ocsp = true; crl = [", 5, "tls.ocsp", "wrong type", "a group"},
        {OCSP(""), "ocsp.url", "missing", "add url"},
        {OCSP("url = \"https://10.0.0.5\";"), "ocsp.url", "no URL", "no https"},
        {OCSP("url = \"http:///x\";"), "ocsp.url", "no URL", "http://ADDRESS"},
        {OCSP("url = \"http://10.0.0.5/a b\";"), "ocsp.url", "no URL", "http://"},
        {OCSP("url = \"http://u@10.0.0.5/\";"), "ocsp.url", "no URL", "http://"},
        {OCSP("url = \"http://ocsp.example/\";"), "ocsp.url", "no address", "address ="},
        {OCSP("url = \"http://10.0.0.5:0/\";"), "ocsp.url", "no address", "address ="},
        {OCSP("url = \"http://0.0.0.0:80/\";"), "ocsp.url", "nobody is at", "address ="},
        {OCSP("url = \"http://ocsp.example/\"; address = \"10.0.0.5\";"), "ocsp.address",
         "not an address with a port", "write"},
        {OCSP("url = \"http://10.0.0.5/\"; mode = \"ask\";"), "ocsp.mode", "no mode",
         "\"query\" or \"off\""},
        {OCSP("url = \"http://10.0.0.5/\"; timeout = 0;"), "ocsp.timeout", "out of range",
         "1 to 60"},
        {OCSP("url = \"http://10.0.0.5/\"; mode = \"off\"; required = true;"),
         "ocsp.required", "never asked for", "mode = \"query\""},
        {OCSP("url = \"http://10.0.0.5/\"; from_certificate = true;"),
         "ocsp.from_certificate", "not supported", "of the configuration"},
        {OCSP("url = \"http://10.0.0.5/\"; tiemout = 3;"), "ocsp.tiemout", "no such key",
         "\"timeout\""},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_key_in_token(void **state)
{
    static const struct mistake m[] = {
        {"\"station.key\"", "\"pkcs11:token=t;object=k\"", 4, "tls.key", "which module",
         "module-path"},
        {"\"station.key\"", "\"pkcs11:token=t;object=k?module-path=m.so\"", 4, "tls.key",
         "no absolute path", "module-path"},
        {"\"station.key\"", "\"pkcs11:token=t;object=k?pin-value=1\"", 4, "tls.key",
         "PIN does not belong", "pin-source"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_keys_of_later_versions(void **state)
{
    static const struct mistake m[] = {
        {"k = 12", "observe = true", 12, "observe", "not supported", "enforce = false"},
        {"k = 12", "records = \"raw\"", 12, "records", "not supported", "\"apdu\""},
        {"crl = [", "allow = [ \"CN=a\" ]; crl = [", 5, "tls.allow", "not supported",
         "pins"},
        {"crl = [", "resumption = 1; crl = [", 5, "tls.resumption", "wrong type",
         "true or false"},
        {"crl = [", "resumption = true; resumption_lifetime = 0; crl = [", 5,
         "tls.resumption_lifetime", "out of range", "from 1 to 86400"},
        {"crl = [", "resumption_lifetime = 86401; crl = [", 5, "tls.resumption_lifetime",
         "out of range", "from 1 to 86400"},
        {"crl = [", "resumption = true; resumption_lifetime = 43200; crl = [", 5,
         "tls.resumption_lifetime", "not less than the 43200", "shorter"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_routes(void **state)
{
    static const struct mistake m[] = {
        {"name = \"old-master\"", "name = \"rtu-7\"", 14, "name", "line 8 has the name",
         "rename"},
        {"name = \"rtu-7\"", "name = \"rtu 7\"", 8, "name", "no name of a route",
         "letters"},
        {"name = \"rtu-7\"", "name = \"\"", 8, "name", "no name of a route", "letters"},
        {"mode = \"protect-rtu\"", "mode = \"observe\"", 8, "mode", "no mode",
         "enforce = false"},
        {"mode = \"protect-rtu\"", "mode = \"protect\"", 8, "mode", "no mode",
         "\"wrap-master\""},
        {"rtu = [ \"10.0.1.10:2404\" ];", "", 8, "rtu", "missing", "add rtu"},
        {"rtu = [ \"10.0.1.10:2404\" ];", "remote = [ \"10.0.1.10:2404\" ];", 10,
         "remote", "no such key", "rtu ="},
        {"remote = [ \"10.0.2.20:19998\" ];", "", 14, "remote", "missing", "add remote"},
        {"peer_name = \"rtu20.example\";", "", 14, "peer_name", "missing",
         "add peer_name"},
        {"peer_name = \"rtu20.example\";", "peer_name = \"*.example\";", 17, "peer_name",
         "no DNS name", "wildcards"},
        {"enforce = true;", "peer_name = \"a\";", 12, "peer_name", "no such key",
         "remove it"},
        {"\"127.0.0.1:2404\"", "\"10.0.0.1:2404\"", 15, "listen", "without TLS",
         "plaintext_listen = true"},
        {"listen = [ \"127.0.0.1:2404\" ];",
         "listen = [ \"10.0.0.1:2404\" ]; plaintext_listen = true;", 14, "allow_from",
         "from anyone", "allow_from"},
        {"enforce = true;", "plaintext_listen = true;", 12, "plaintext_listen",
         "no such key", "TLS"},
        {"k = 12", "k = 0", 12, "k", "0 is out of range", "1 to 32767"},
        {"k = 12", "k = 32768", 12, "k", "32768 is out of range", "1 to 32767"},
        {"k = 12", "k = -1", 12, "k", "-1 is out of range", "1 to 32767"},
        {"w = 8", "w = 13", 12, "w", "larger than k", "2/3"},
        {"t1 = 15", "t1 = 256", 13, "t1", "out of range", "1 to 255"},
        {"t2 = 10", "t2 = 15", 13, "t2", "not smaller than t1", "smaller"},
        {"t2 = 10", "t3 = 172801", 13, "t3", "out of range", "172800"},
        {"\"127.0.0.1:2404\"", "\"127.0.0.1:19998\"", 15, "listen",
         "clashes with an address of the route of line 8", "its own"},
        {"\"0.0.0.0:19998\"", "\"127.0.0.1:1\", \"127.0.0.1:1\"", 9, "listen", "clashes",
         "its own"},
        {"\"10.0.1.10:2404\"", "\"10.0.1.10:2404\", \"10.0.1.10:2404\"", 10, "rtu",
         "twice", "remove"},
        {"\"0.0.0.0:19998\"", "\"10.0.1.10:2404\"", 10, "rtu", "dial itself", "station"},
        {"\"10.0.1.10:2404\"", "\"0.0.0.0:2404\"", 10, "rtu", "cannot be dialled", ""},
        {"\"10.0.1.10:2404\"", "\"239.0.0.1:2404\"", 10, "rtu", "cannot be dialled", ""},
        {"[ \"10.0.0.0/24\" ]", "[ ]", 11, "allow_from", "empty", "at least one"},
        {"[ \"0.0.0.0:19998\" ]", "[ ]", 9, "listen", "empty", "at least one"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_files(void **state)
{
    static const struct mistake m[] = {
        {"station.crt", "none.crt", 4, "tls.cert", "No such file", "create"},
        {"ca.crl", "none.crl", 5, "tls.crl", "No such file", "create"},
        {"station.crt", ".", 4, "tls.cert", "is a directory", "regular file"},
        {"station.crt", "der.crt", 4, "tls.cert", "not a PEM", "openssl x509"},
        {"station.crt", "both.pem", 4, "tls.cert", "holds a private key", "of its own"},
        {"ca.crt", "both.pem", 5, "tls.ca", "holds a private key", "of its own"},
        {"ca.crt", "large.crt", 5, "tls.ca", "larger than 1048576", "smaller"},
        {"key = \"station.key\";", "", 8, "tls", "no \"key\"", "add it"},
        {"ca = [ \"ca.crt\" ];", "", 8, "tls", "no \"ca\"", "add ca"},
        {"[ \"ca.crt\" ]", "[ ]", 5, "ca", "empty", "at least one"},
        {"[ \"ca.crt\" ]", "[ \"\" ]", 5, "ca", "path is empty", "name a file"},
        {"policy = \"a.policy\"; e", "policy = \"none\"; e", 12, "policy", "No such file",
         "create"},
        {"policy = \"a.policy\"; e", "policy = \"/dev\"; e", 12, "policy",
         "is a directory", "regular"},
        {"policy = \"a.policy\"; e", "policy = \"/dev/zero\"; e", 12, "policy",
         "not a regular file", "regular"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_warnings(void **state)
{
    static const struct mistake m[] = {
        {"commands = \"sync\"", "seal_interval = 60", 3, "audit.seal_interval",
         "without seal_key", ""},
        {"commands = \"sync\"", "ship_lag = 60", 3, "audit.ship_lag",
         "nothing is shipped", "ship = "},
        {"commands = \"sync\"", "commands = \"async\"", 3, "audit.commands", "before",
         "sync"},
        {"crl = [ \"ca.crl\" ];", "", 8, "tls", "revoked", "add crl"},
        {"w = 8", "w = 9", 12, "w", "more than 2/3", ""},
        {"enforce = true", "enforce = false", 12, "enforce", "only observed", "true"},
        {"0.0.0.0:19998", "10.0.0.1:2404", 9, "listen", "known for plain 104", "19998"},
        {"10.0.2.20:19998", "10.0.2.20:2404", 16, "remote", "known for plain 104",
         "19998"},
        {"enforce = true", "max_sessions = 101", 12, "max_sessions", "is smaller",
         "raise"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_WARNING);
}

static void test_all_mistakes_at_once(void **state)
{
    static const char text[] = "usr = 1;\n"
                               "audit = { dri = \"x\"; };\n"
                               "limits = { handshake = 0; };\n"
                               "routes = ( { name = \"a\"; k = 0; },\n"
                               "           { name = \"a\"; },\n"
                               "           7 );\n";
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    (void)state;
    assert_null(c);
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 1, "usr", "no such key", "user"));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 2, "audit.dri", "no such key", "dir"));
    assert_non_null(config_lab_find(&errs, CONFIG_ERROR, 2, "audit.dir", "missing", ""));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 3, "limits.handshake", "range", "1 to 255"));
    assert_non_null(config_lab_find(&errs, CONFIG_ERROR, 4, "routes[0].k", "range", ""));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 4, "routes[0].mode", "missing", ""));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 5, "routes[1].name", "line 4", ""));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 6, "routes[2]", "wrong type", "group"));
    config_errors_free(&errs);
}

static void test_unreadable_main_file(void **state)
{
    struct config_errors errs;

    (void)state;
    config_errors_init(&errs);
    assert_null(config_load("/nonexistent/gate104.conf", &errs));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 0, "", "No such file", "create"));
    assert_null(config_load("/tmp", &errs));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 0, "", "is a directory", "regular"));
    config_errors_free(&errs);
}

static void test_nul_octet(void **state)
{
    static const char text[] = "user = \"a\";\n\0routes = ();\n";
    char path[128];
    struct config_errors errs;

    (void)state;
    config_lab_spew("nul.conf", text, sizeof text - 1);
    (void)snprintf(path, sizeof path, "%s/nul.conf", config_lab_folder);
    config_errors_init(&errs);
    assert_null(config_load(path, &errs));
    assert_non_null(config_lab_find(&errs, CONFIG_ERROR, 2, "", "NUL", "text file"));
    config_errors_free(&errs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_loads),
        cmocka_unit_test(test_policy_hash_is_that_of_the_file),
        cmocka_unit_test(test_ipv6_and_own_tls),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_keys_of_later_versions),
        cmocka_unit_test(test_ocsp),
        cmocka_unit_test(test_key_in_token),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_unreadable_main_file),
        cmocka_unit_test(test_nul_octet),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
