/* Revocation lists in the configuration: files and folders, what is done without them,
 * and what a configuration that is read again changes. */
#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char pem[] = "-----BEGIN X509 CRL-----\n";

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"crl = [", "crl_missing = \"ignore\"; crl = [", 5, "tls.crl_missing",
         "not supported", "\"refuse\" or \"allow-and-warn\""},
        {"crl = [", "crl_stale = \"ignore\"; crl = [", 5, "tls.crl_stale",
         "not supported", "\"monitor-only\""},
        {"crl = [", "crl_stale = 3; crl = [", 5, "tls.crl_stale", "wrong type", "quotes"},
        {"crl = [", "crl_grace = -1; crl = [", 5, "tls.crl_grace", "out of range",
         "31536000"},
        {"crl = [", "crl_grace = 31536001; crl = [", 5, "tls.crl_grace", "out of range",
         "31536000"},
        {"crl = [", "revalidate_interval = 0; crl = [", 5, "tls.revalidate_interval",
         "out of range", "from 1 to 86400"},
        {"crl = [ \"ca.crl\" ];", "crl_missing = \"refuse\";", 8, "tls",
         "every peer would be refused", "allow-and-warn"},
        {"k = 12", "tls = { crl_stale = \"no\"; }", 12, "crl_stale", "not supported", ""},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static struct config *load(const char *find, const char *replace)
{
    char *text = config_lab_edited(find, replace);
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    if (errs.errors > 0)
        config_errors_print(&errs, stderr);
    assert_non_null(c);
    config_errors_free(&errs);
    free(text);
    return c;
}

static void test_defaults_and_overrides(void **state)
{
    struct config *c = load(NULL, "");
    struct tls_config t;

    (void)state;
    assert_true(config_tls_role(c, 0, &t));
    assert_true(t.revocation.check);
    assert_int_equal(t.revocation.missing, CRL_MISSING_REFUSE);
    assert_int_equal(t.revocation.stale, CRL_STALE_ALLOW);
    assert_int_equal(t.revocation.grace_s, CRL_GRACE_DEFAULT_S);
    assert_int_equal(t.revalidate_s, REVALIDATE_DEFAULT_S);
    tls_config_free(&t);
    assert_int_equal(c->tls_count, 1);
    config_free(c);

    /* A route of its own is a group of its own. */
    c = load("k = 12",
             "tls = { crl_missing = \"allow-and-warn\"; crl_grace = 5;\n"
             "crl_stale = \"monitor-only\"; revalidate_interval = 7; }; k = 12");
    assert_int_equal(c->tls_count, 2);
    assert_int_equal(c->tls[c->routes[0].tls].revocation.missing, CRL_MISSING_ALLOW);
    assert_int_equal(c->tls[c->routes[0].tls].revocation.stale, CRL_STALE_MONITOR_ONLY);
    assert_int_equal(c->tls[c->routes[0].tls].revocation.grace_s, 5);
    assert_int_equal(c->tls[c->routes[0].tls].revalidate_s, 7);
    assert_int_equal(c->tls[c->routes[1].tls].revocation.missing, CRL_MISSING_REFUSE);
    assert_int_equal(c->tls[c->routes[1].tls].revalidate_s, REVALIDATE_DEFAULT_S);
    config_free(c);
}

static void in_folder(const char *name, char path[200])
{
    (void)snprintf(path, 200, "%s/%s", config_lab_folder, name);
}

static void test_folder(void **state)
{
    char folder[200];
    char path[200];
    struct config_errors errs;
    struct config *c;
    struct config_tls again;

    (void)state;
    in_folder("lists", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    config_lab_spew("lists/b.crl", pem, strlen(pem));
    config_lab_spew("lists/a.pem", pem, strlen(pem));
    config_lab_spew("lists/README", "no list", 7);
    config_lab_spew("lists/.hidden.crl", "no list", 7);
    c = load("[ \"ca.crl\" ]", "[ \"lists\", \"ca.crl\" ]");
    assert_int_equal(c->tls[0].crl_named_count, 2);
    assert_int_equal(c->tls[0].crl_count, 3);
    assert_non_null(strstr(c->tls[0].crl[0].path, "/lists/a.pem"));
    assert_non_null(strstr(c->tls[0].crl[1].path, "/lists/b.crl"));
    assert_non_null(strstr(c->tls[0].crl[2].path, "/ca.crl"));

    /* Read again: the same, then one less, then a file that is no list. */
    config_errors_init(&errs);
    again = c->tls[0];
    assert_true(config_crl_read(&again, c->path, &errs));
    assert_true(config_crl_same(&again, &c->tls[0]));
    config_crl_free(&again);
    config_lab_spew("lists/b.crl", "-----BEGIN X509 CRL-----\nx", 26);
    assert_true(config_crl_read(&again, c->path, &errs));
    assert_false(config_crl_same(&again, &c->tls[0]));
    config_crl_free(&again);
    in_folder("lists/b.crl", path);
    assert_int_equal(unlink(path), 0);
    assert_true(config_crl_read(&again, c->path, &errs));
    assert_int_equal(again.crl_count, 2);
    assert_false(config_crl_same(&again, &c->tls[0]));
    config_crl_free(&again);
    assert_int_equal(errs.errors, 0);
    config_lab_spew("lists/c.crl", "what?", 5);
    assert_false(config_crl_read(&again, c->path, &errs));
    assert_non_null(
        config_lab_find(&errs, CONFIG_ERROR, 5, "tls.crl", "lists/c.crl", "convert"));
    config_crl_free(&again);
    config_errors_free(&errs);
    config_free(c);
    in_folder("lists/c.crl", path);
    (void)unlink(path);
    in_folder("lists/a.pem", path);
    (void)unlink(path);
    in_folder("lists/README", path);
    (void)unlink(path);
    in_folder("lists/.hidden.crl", path);
    (void)unlink(path);
    /* An empty folder is no error: crl_missing says what it means. */
    c = load("[ \"ca.crl\" ]", "[ \"lists\" ]");
    assert_int_equal(c->tls[0].crl_count, 0);
    assert_true(c->tls[0].revocation.check);
    config_free(c);
    assert_int_equal(rmdir(folder), 0);
}

static void test_too_many_lists(void **state)
{
    char folder[200];
    char name[64];
    char *text;
    struct config_errors errs;

    (void)state;
    in_folder("lists", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (unsigned int i = 0; i <= CONFIG_CRL_FILES_MAX; i++) {
        (void)snprintf(name, sizeof name, "lists/%03u.crl", i);
        config_lab_spew(name, pem, strlen(pem));
    }
    text = config_lab_edited("[ \"ca.crl\" ]", "[ \"lists\" ]");
    assert_null(config_lab_load(text, &errs));
    assert_non_null(config_lab_find(&errs, CONFIG_ERROR, 5, "tls.crl", "more than 64",
                                    "into one file"));
    config_errors_free(&errs);
    free(text);
    for (unsigned int i = 0; i <= CONFIG_CRL_FILES_MAX; i++) {
        char path[200];

        (void)snprintf(name, sizeof name, "lists/%03u.crl", i);
        in_folder(name, path);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void test_compare(void **state)
{
    static const struct {
        const char *find, *replace;
        bool groups, keys; /* the same groups; other keys */
        const char *words;
    } rows[] = {
        {NULL, "", true, false, ""},
        {"\"ca.crt\"", "\"other.crt\"", true, false, ""},
        {"crl = [ \"ca.crl\" ];", "", true, false, ""},
        {"crl = [", "crl_stale = \"refuse\"; crl = [", true, false, ""},
        {"station.key", "./station.key", true, true, ""},
        {"max_sessions = 100", "max_sessions = 200", true, false, "limits"},
        {"max_sessions = 100", "handshake = 9", true, false, "limits"},
        {"/var/log/gate104", "/var/log/gate", true, false, "audit"},
        {"\"sync\"", "\"async\"", true, false, "audit"},
        {"\"_gate104\"", "\"gate\"", true, false, "user"},
        {"/run/gate104", "/run/gate", true, false, "run_dir"},
        {"audit = {", "require_sandbox = \"full\"; audit = {", true, false,
         "require_sandbox"},
        {"audit = {", "permits = { max = \"9h\"; }; audit = {", true, false, "permits"},
        {"k = 12", "permit_persons = 2; k = 12", true, false, "permits"},
        {"10.0.1.10:2404", "10.0.1.11:2404", true, false, "routes"},
        {"enforce = true", "enforce = false", true, false, ""},
        {"rtu20.example", "rtu21.example", true, false, "routes"},
        {"rtu-7", "rtu-8", false, false, "routes"},
        {"k = 12", "tls = { crl_grace = 1; }; k = 12", false, true, "routes"},
    };
    struct config *a = load(NULL, "");
    struct config *renewed = load(NULL, "");

    (void)state;
    renewed->tls[0].cert.text[12] ^= 1;
    assert_true(config_keys_changed(a, renewed));
    config_free(renewed);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *b = load(rows[i].find, rows[i].replace);
        char words[100];

        assert_int_equal(config_same_groups(a, b), rows[i].groups);
        assert_int_equal(config_keys_changed(a, b), rows[i].keys);
        config_restart_words(a, b, words, sizeof words);
        assert_string_equal(words, rows[i].words);
        config_free(b);
    }
    config_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_defaults_and_overrides),
        cmocka_unit_test(test_folder),   cmocka_unit_test(test_too_many_lists),
        cmocka_unit_test(test_compare),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
