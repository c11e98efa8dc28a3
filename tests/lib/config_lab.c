#include "tests/lib/config_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One route of each mode.  Tests replace parts of it; lines are counted from 1. */
const char config_lab_base[] =
    "user = \"_gate104\";\n"                                          /* 1 */
    "run_dir = \"/run/gate104\";\n"                                   /* 2 */
    "audit = { dir = \"/var/log/gate104\"; commands = \"sync\"; };\n" /* 3 */
    "tls = { cert = \"station.crt\"; key = \"station.key\";\n"        /* 4 */
    "        ca = [ \"ca.crt\" ]; crl = [ \"ca.crl\" ]; };\n"         /* 5 */
    "limits = { max_sessions = 100; };\n"                             /* 6 */
    "routes = (\n"                                                    /* 7 */
    "  { name = \"rtu-7\"; mode = \"protect-rtu\";\n"                 /* 8 */
    "    listen = [ \"0.0.0.0:19998\" ];\n"                           /* 9 */
    "    rtu = [ \"10.0.1.10:2404\" ];\n"                             /* 10 */
    "    allow_from = [ \"10.0.0.0/24\" ];\n"                         /* 11 */
    "    policy = \"a.policy\"; enforce = true; k = 12; w = 8;\n"     /* 12 */
    "    t1 = 15; t2 = 10; },\n"                                      /* 13 */
    "  { name = \"old-master\"; mode = \"wrap-master\";\n"            /* 14 */
    "    listen = [ \"127.0.0.1:2404\" ];\n"                          /* 15 */
    "    remote = [ \"10.0.2.20:19998\" ];\n"                         /* 16 */
    "    peer_name = \"rtu20.example\";\n"                            /* 17 */
    "    policy = \"a.policy\"; }\n"                                  /* 18 */
    ");\n";

char config_lab_folder[] = "/tmp/gate104-config-XXXXXX";

void config_lab_spew(const char *name, const char *text, size_t size)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", config_lab_folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

struct config *config_lab_load(const char *text, struct config_errors *errs)
{
    char path[128];

    config_lab_spew("gate104.conf", text, strlen(text));
    (void)snprintf(path, sizeof path, "%s/gate104.conf", config_lab_folder);
    config_errors_init(errs);
    return config_load(path, errs);
}

/* `base` with the first `find` replaced; NULL find appends. */
char *config_lab_edited(const char *find, const char *replace)
{
    const char *at =
        find ? strstr(config_lab_base, find) : config_lab_base + strlen(config_lab_base);
    size_t skip = find ? strlen(find) : 0;
    char *text = NULL;

    assert_non_null(at);
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - config_lab_base), config_lab_base,
                         replace, at + skip) > 0);
    return text;
}

const struct config_finding *config_lab_find(const struct config_errors *e,
                                             enum config_severity severity,
                                             unsigned int line, const char *key,
                                             const char *what, const char *remedy)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct config_finding *f = &e->item[i];

        if (f->severity == severity && f->line == line && strstr(f->key, key) &&
            strstr(f->what, what) && strstr(f->remedy, remedy))
            return f;
    }
    return NULL;
}

static void check_mistake(const struct mistake *m, enum config_severity severity)
{
    char *text = config_lab_edited(m->find, m->replace);
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    if (!config_lab_find(&errs, severity, m->line, m->key, m->what, m->remedy)) {
        print_message("%s", text);
        config_errors_print(&errs, stderr);
        fail_msg("\"%s\" is not found on line %u", m->what, m->line);
    }
    assert_true((severity == CONFIG_WARNING) == (c != NULL));
    assert_int_equal(errs.errors > 0, severity == CONFIG_ERROR);
    config_free(c);
    config_errors_free(&errs);
    free(text);
}

void config_lab_mistakes(const struct mistake *m, size_t count,
                         enum config_severity severity)
{
    for (size_t i = 0; i < count; i++)
        check_mistake(&m[i], severity);
}

int config_lab_set_up(void **state)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----\n";
    static const char key[] =
        "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
    static const char der[] = "\x30\x82\x01\x00";
    static const char policy[] =
        "control = { rules = ( { types = [ \"C_IC_NA_1\" ]; ca = [ 1 ]; } ); };\n";
    static char large[1024 * 1024 + 1];

    (void)state;
    if (!mkdtemp(config_lab_folder))
        return -1;
    memset(large, 'x', sizeof large);
    config_lab_spew("station.crt", pem, strlen(pem));
    config_lab_spew("other.crt", pem, strlen(pem));
    config_lab_spew("ca.crt", pem, strlen(pem));
    config_lab_spew("ca.crl", pem, strlen(pem));
    config_lab_spew("both.pem", key, strlen(key));
    config_lab_spew("der.crt", der, sizeof der - 1);
    config_lab_spew("large.crt", large, sizeof large);
    config_lab_spew("a.policy", policy, strlen(policy));
    return 0;
}

int config_lab_tear_down(void **state)
{
    static const char *const names[] = {
        "station.crt", "other.crt", "ca.crt",       "ca.crl",   "both.pem", "der.crt",
        "large.crt",   "a.policy",  "gate104.conf", "nul.conf", "b.policy"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", config_lab_folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(config_lab_folder);
}
