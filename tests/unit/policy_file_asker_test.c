/* What is wrong in policy files with certificates, networks, times, steps and ages, and
 * what is said of it. */
#include "policy/policy.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char found[4000];

struct mistake {
    const char *types, *keys; /* of a rule, in line 2 */
    const char *place, *what, *remedy;
};

static void check(const char *text, const char *place, const char *what,
                  const char *remedy)
{
    struct policy *p = policy_text_load(text, found, sizeof found);

    if (p != NULL)
        fail_msg("taken: %s", text);
    if (strstr(found, place) == NULL || strstr(found, what) == NULL ||
        strstr(found, remedy) == NULL)
        fail_msg("%s\n%s", text, found);
}

static void check_rules(const struct mistake *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[900], place[80];

        (void)snprintf(text, sizeof text,
                       "control = { rules = ( { types = [ \"%s\" ];\n%s\n} ); };",
                       m[i].types, m[i].keys);
        (void)snprintf(place, sizeof place, ":2: error: control.rules[0].%s", m[i].place);
        check(text, place, m[i].what, m[i].remedy);
    }
}

static void test_certificates(void **state)
{
    static const struct mistake m[] = {
        {"C_SC_NA_1", "peers = \"dispatch\";", "peers", "wrong type", "a list"},
        {"C_SC_NA_1", "peers = [ ];", "peers", "empty", "at least one"},
        {"C_SC_NA_1", "peers = [ 5 ];", "peers[0]", "", "string"},
        {"C_SC_NA_1", "peers = [ \"dispatch\" ];", "peers[0]", "no name of peer_names",
         "peer_names = { ... }"},
        {"C_SC_NA_1", "peers = [ \"sha265:00\" ];", "peers[0]", "names no certificate",
         "did you mean \"sha256:...\"?"},
        {"C_SC_NA_1", "peers = [ \"certificate:00\" ];", "peers[0]",
         "names no certificate", "write sha256:, subject:"},
        {"C_SC_NA_1", "peers = [ \"sha256:0011\" ];", "peers[0]", "names no certificate",
         "64 digits"},
        {"C_SC_NA_1",
         "peers = [ \"sha256:00112233445566778899aabbccddeeff"
         "00112233445566778899aabbccddeeff00\" ];",
         "peers[0]", "names no certificate", "64 digits"},
        {"C_SC_NA_1", "peers = [ \"subject:\" ];", "peers[0]", "names no certificate",
         "what the log shows"},
        {"C_SC_NA_1",
         "peers = [ \"subject:CN=S\xc3\xbc"
         "d\" ];",
         "peers[0]", "names no certificate", "RFC 2253"},
    };
    char long_name[400];

    (void)state;
    check_rules(m, COUNT(m));
    check("control = { rules = ( { types = [ 45 ];\npeers = [ \"dns:\xff\" ]; } ); };",
          ":2: error:", "not UTF-8", "save the file");
    memset(long_name, 0, sizeof long_name);
    (void)strcpy(long_name, "peers = [ \"subject:");
    memset(long_name + strlen(long_name), 'a', 255);
    (void)strcat(long_name, "\" ];");
    const struct mistake longest = {"C_SC_NA_1", long_name, "peers[0]",
                                    "names no certificate", "254"};
    check_rules(&longest, 1);
}

static void test_groups(void **state)
{
    static const char rule[] =
        "control = { rules = ( { types = [ 45 ];\npeers = [ \"dispach\" ]; } ); };";
    char text[300];

    (void)state;
    (void)snprintf(text, sizeof text, "peer_names = { dispatch = [ \"dns:a\" ]; };%s",
                   rule);
    check(text, ":2: error: control.rules[0].peers[0]", "no name of peer_names",
          "did you mean \"dispatch\"?");
    (void)snprintf(text, sizeof text, "peer_names = { dispatch = \"dns:a\"; };%s", rule);
    check(text, ":1: error: peer_names.dispatch", "wrong type", "NAME = [");
    (void)snprintf(text, sizeof text, "peer_names = { dispatch = [ ]; };%s", rule);
    check(text, ":1: error: peer_names.dispatch", "empty", "at least one");
    (void)snprintf(text, sizeof text, "peer_names = { dispatch = [ \"b\" ]; };%s", rule);
    check(text, ":1: error: peer_names.dispatch[0]", "names no certificate", "sha256:");
    check("peer_names = [ \"a\" ]; control = { };", "peer_names", "wrong type", "group");
}

static void test_networks(void **state)
{
    static const struct mistake m[] = {
        {"C_SC_NA_1", "from = \"10.0.0.1\";", "from", "wrong type", "a list"},
        {"C_SC_NA_1", "from = [ ];", "from", "empty", "at least one"},
        {"C_SC_NA_1", "from = [ \"10.0.0.1/8\" ];", "from[0]", "", "10.0.0.0/8"},
        {"C_SC_NA_1", "from = [ \"10.0.0.0/33\" ];", "from[0]", "prefix length", "/32"},
        {"C_SC_NA_1", "from = [ \"scada\" ];", "from[0]", "", ""},
        {"C_SC_NA_1", "from = [ \"10.0.0.7\", \"10.0.0.256\" ];", "from[1]", "", ""},
    };

    (void)state;
    check_rules(m, COUNT(m));
}

static void test_times(void **state)
{
    static const struct mistake m[] = {
        {"C_SC_NA_1", "time = \"Mon\";", "time", "wrong type", "a list"},
        {"C_SC_NA_1", "time = [ ];", "time", "empty", "at least one"},
        {"C_SC_NA_1", "time = [ \"\" ];", "time[0]", "no time of the week", "Mon-Fri"},
        {"C_SC_NA_1", "time = [ \"Mo-Fr 07:00-19:00\" ];", "time[0]",
         "no time of the week", "did you mean \"Mon\"?"},
        {"C_SC_NA_1", "time = [ \"Monday\" ];", "time[0]", "no time of the week",
         "did you mean \"Mon\"?"},
        {"C_SC_NA_1", "time = [ \"7:00-19:00\" ];", "time[0]", "no time of the week",
         "07:00"},
        {"C_SC_NA_1", "time = [ \"07:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"07:60-08:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"24:00-08:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"07:00-24:01\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"07:00-25:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"07:00-08:00 \" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"Mon- 07:00-08:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"Mon,07:00-08:00\" ];", "time[0]", "no time", "07:00"},
        {"C_SC_NA_1", "time = [ \"08:00-08:00\" ];", "time[0]", "ends when it begins",
         "00:00-24:00"},
    };

    (void)state;
    check_rules(m, COUNT(m));
    check("time_zone = \"Europe/Berln\";\ncontrol = { };", ":1: error: time_zone",
          "no time zone", "Europe/Berlin");
    check("time_zone = 1;\ncontrol = { };", ":1: error: time_zone", "wrong type", "");
    check("control = { clock = \"yes\"; };", "control.clock", "none of its words",
          "\"trust\"");
    check("control = { time_tag = \"UTC\"; };", "control.time_tag", "none of its words",
          "\"local\"");
    check("monitor = { clock = \"trust\"; }; control = { };", "monitor.clock",
          "both directions", "move it to control");
}

static void test_limits(void **state)
{
    static const struct mistake m[] = {
        {"C_SE_NC_1", "step = \"5\";", "step", "wrong type", "2.5"},
        {"C_SE_NC_1", "step = 0;", "step", "0 is no step", "how far"},
        {"C_SE_NC_1", "step = -1.5;", "step", "-1.5 is no step", "how far"},
        {"C_SC_NA_1", "step = 1;", "step", "C_SC_NA_1 is no set point", "of its own"},
        {"C_BO_NA_1", "step = 1;", "step", "C_BO_NA_1 is no set point", "of its own"},
        {"C_SE_NC_1", "step_first = \"pass\";", "step_first", "there is no step", "add"},
        {"C_SE_NC_1", "step = 1; step_first = \"no\";", "step_first", "none of its words",
         "\"refuse\""},
        {"C_SE_NC_1", "step = 1; action = \"drop\";", "step", "let commands pass",
         "remove"},
        {"C_SC_TA_1", "max_age = 5;", "max_age", "wrong type", "string"},
        {"C_SC_TA_1", "max_age = \"5\";", "max_age", "\"5\" is no age", "\"5s\""},
        {"C_SC_TA_1", "max_age = \"0s\";", "max_age", "is no age", ""},
        {"C_SC_TA_1", "max_age = \"25h\";", "max_age", "is no age", "24h"},
        {"C_SC_TA_1", "max_age = \"-5s\";", "max_age", "is no age", ""},
        {"C_SC_NA_1", "max_age = \"5s\";", "max_age", "C_SC_NA_1 has no time tag",
         "of its own"},
        {"C_CS_NA_1", "max_age = \"5s\";", "max_age", "C_CS_NA_1 has no time tag", ""},
        {"C_SC_TA_1", "max_age = \"5s\"; action = \"refuse\";", "max_age",
         "let commands pass", "remove"},
        {"C_SC_NA_1", "values = 1;", "values", "wrong type", "a list"},
        {"C_SC_NA_1", "values = [ ];", "values", "empty", ""},
        {"C_SC_NA_1", "values = [ \"on\" ];", "values[0]", "not a finite number", ""},
        {"C_IC_NA_1", "values = [ 1 ];", "values[0]", "carries no number", ""},
        {"C_SC_NA_1", "negative = true;", "negative", "no command is negative",
         "monitor"},
        {"C_SC_NA_1", "test = 1;", "test", "wrong type", "true or false"},
    };

    (void)state;
    check_rules(m, COUNT(m));
    check("monitor = { rules = ( { types = [ 1 ];\naction = \"monitor-only\"; } ); }; "
          "control = { };",
          ":2: error: monitor.rules[0].action", "nobody is answered", "\"drop\"");
    check("control = { rules = ( { types = [ 45 ];\naction = \"alram\"; } ); };",
          ":2: error: control.rules[0].action", "no action", "did you mean \"alarm\"?");
}

static void test_warnings(void **state)
{
    static const struct {
        const char *type, *keys, *what; /* NULL: none */
    } rows[] = {
        {"C_SE_NC_1", "step = 5;", "may be any number"},
        {"C_SE_NC_1", "step = 5; step_first = \"refuse\";", NULL},
        {"C_SE_NC_1", "step = 2.5; value = [ 0, 9 ];", NULL},
        {"C_SC_NA_1", "values = [ 2 ];", "check the unit"},
        {"C_DC_NA_1", "values = [ 1, 2 ];", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[300];
        struct policy *p;

        (void)snprintf(text, sizeof text,
                       "control = { rules = ( { types = [ \"%s\" ]; %s } ); };",
                       rows[i].type, rows[i].keys);
        found[0] = '\0';
        p = policy_text_load(text, found, sizeof found);
        assert_non_null(p);
        if (rows[i].what ? strstr(found, rows[i].what) == NULL : found[0] != '\0')
            fail_msg("%s: %s", text, found);
        policy_free(p);
    }
}

/* As many as there is room for, and one more. */
static void many(const char *key, const char *before, const char *const part[3],
                 int count, const char *what)
{
    static char text[40000];
    const char *head = part[0], *between = part[1], *tail = part[2];

    for (int more = 0; more < 2; more++) {
        size_t n = (size_t)snprintf(text, sizeof text, "%scontrol = { rules = (", before);
        for (int i = 0; i < count + more; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n,
                                  "%s{ types = [ 45 ]; %s = [ ", i > 0 ? "," : "", key);
            n += (size_t)snprintf(text + n, sizeof text - n, "\"%s%02d%s%02d%s\"", head,
                                  i / 60, between, i % 60, tail);
            n += (size_t)snprintf(text + n, sizeof text - n, " ]; ioa = [ %d ]; }\n",
                                  i + 1);
        }
        (void)snprintf(text + n, sizeof text - n, ");};");
        struct policy *p = policy_text_load(text, found, sizeof found);
        if ((p != NULL) != (more == 0) || (more == 1 && strstr(found, what) == NULL))
            fail_msg("%s: %d: %s", key, count + more, found);
        policy_free(p);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    static const char *const subject[] = {"subject:CN=", "-", ""};
    static const char *const net[] = {"10.1", ".1", ".1"};
    static const char *const daily[] = {"", ":", "-24:00"};
    static const char *const monday[] = {"Mon ", ":", "-24:00"};

    many("peers", "", subject, 64, "more than 64 different certificates");
    many("peers", "peer_names = { a = [ \"dns:a\" ]; };", subject, 63, "more than 64");
    many("from", "", net, 64, "more than 64 different networks");
    many("time", "", daily, 36, "more than 256 stretches of time");
    many("time", "", monday, 63, "more than 63 different times");
}

/* ---- values and header bits ---- */

static int32_t decide(const char *keys, const char *type, const uint8_t *element,
                      size_t n, enum direction dir, const struct make *m)
{
    char text[300];
    uint8_t octets[MAKE_ROOM];
    struct policy *p;
    struct policy_decision d;
    struct asdu a;
    const size_t size = asdu_make(m, octets);

    (void)snprintf(
        text, sizeof text, "%s = { rules = ( { types = [ \"%s\" ]; %s } ); };%s",
        direction_name(dir), type, keys, dir == DIR_MONITOR ? "control = { };" : "");
    p = policy_text_load(text, found, sizeof found);
    if (p == NULL)
        fail_msg("%s", found);
    memcpy(octets + 9, element, n);
    (void)asdu_parse(octets, size, dir, &PROFILE_104, &a);
    assert_non_null(a.objects);
    policy_decide(p, dir, &a, &d);
    policy_free(p);
    return d.rule;
}

static void test_values(void **state)
{
    static const struct {
        const char *type, *keys;
        uint8_t id;
        float real; /* of R32 */
        uint8_t element[2];
        int32_t rule;
    } rows[] = {
        {"C_DC_NA_1", "values = [ 1, 2 ];", 46, 0, {1}, 0},
        {"C_DC_NA_1", "values = [ 1 ];", 46, 0, {2}, -1},
        {"C_SE_NA_1", "values = [ 0.1 ];", 48, 0, {0xCD, 0x0C}, 0},
        {"C_SE_NA_1", "values = [ 0.1 ];", 48, 0, {0xCE, 0x0C}, -1},
        {"C_SE_NB_1", "values = [ -5, 300 ];", 49, 0, {0x2C, 0x01}, 0},
        {"C_SE_NB_1", "values = [ -5, 300 ];", 49, 0, {0x2D, 0x01}, -1},
        {"C_SE_NC_1", "values = [ 0.1, 2.0 ];", 50, 0.1f, {0}, 0},
        {"C_SE_NC_1", "values = [ 0.1, 2.0 ];", 50, 0.2f, {0}, -1},
        {"C_SE_NC_1", "values = [ 5, 7 ]; value = [ 0, 6 ];", 50, 5, {0}, 0},
        {"C_SE_NC_1", "values = [ 5, 7 ]; value = [ 0, 6 ];", 50, 7, {0}, -1},
        /* A float of 24 bits would take these for one. */
        {"C_BO_NA_1", "values = [ 4294967295.0 ];", 51, 0, {0xFF, 0xFF}, 0},
        {"C_BO_NA_1", "values = [ 4294967295.0 ];", 51, 0, {0x80, 0xFF}, -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct make m = {.type = rows[i].id, .cause = 6, .ca = 1, .ioa = 1};
        uint8_t element[4];
        const size_t n = rows[i].id >= 50 ? 4 : rows[i].id == 46 ? 1 : 2;

        memset(element, 0xFF, sizeof element);
        memcpy(element, rows[i].element, 2);
        if (rows[i].id == 50)
            memcpy(element, &rows[i].real, 4);
        if (decide(rows[i].keys, rows[i].type, element, n, DIR_CONTROL, &m) !=
            rows[i].rule)
            fail_msg("row %zu", i);
    }
}

static void test_header_bits(void **state)
{
    static const uint8_t on = 1;
    struct make m = {.type = 45, .cause = 7, .ca = 1, .ioa = 1};

    (void)state;
    assert_int_equal(decide("negative = false;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m),
                     0);
    assert_int_equal(decide("negative = true;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m),
                     -1);
    assert_int_equal(decide("test = false;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m), 0);
    m.flags = 0x40;
    assert_int_equal(decide("negative = true;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m), 0);
    m.flags = 0x80;
    assert_int_equal(decide("test = true;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m), 0);
    assert_int_equal(decide("test = false;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m), -1);
    assert_int_equal(
        decide("test = true; negative = false;", "C_SC_NA_1", &on, 1, DIR_MONITOR, &m),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_networks),     cmocka_unit_test(test_times),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_too_many),     cmocka_unit_test(test_values),
        cmocka_unit_test(test_header_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
