/* Rules for certain certificates, networks and times: from the policy's text to what is
 * decided for a master. */
#include "policy/policy.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PRINT    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static char found[4000];

static struct policy *policy_of(const char *text)
{
    struct policy *p = policy_text_load(text, found, sizeof found);

    if (p == NULL)
        fail_msg("%s", found);
    return p;
}

/* What a C_SC_NA_1 meets. */
static int32_t rule_for(const struct policy *p, const struct policy_asker *who)
{
    const struct make m = {.type = 45, .cause = 6, .ca = 1, .ioa = 1};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    struct policy_decision d;
    struct asdu a;

    octets[n - 1] = 1;
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    policy_decide_for(p, who, DIR_CONTROL, &a, &d);
    return d.rule;
}

/* ---- certificates ---- */

static const uint8_t print[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
                                0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};

static struct policy_holder holder(const char *subject, const char *issuer,
                                   const char *san)
{
    static const uint8_t other[32] = {1};

    return (struct policy_holder){other, subject, issuer, san, 256};
}

static bool is_named(const char *list, const struct policy_holder *h)
{
    char text[1200];
    struct policy *p;
    struct policy_asker who = {.roles = 0};
    int32_t rule;

    (void)snprintf(text, sizeof text,
                   "control = { rules = ( { types = [ 45 ]; peers = [ %s ]; } ); };",
                   list);
    p = policy_of(text);
    who.peers = policy_askers_peers(policy_askers(p), h);
    rule = rule_for(p, &who);
    policy_free(p);
    return rule == 0;
}

static void test_certificates(void **state)
{
    struct policy_holder h = holder("CN=a,O=b", "CN=ca", "DNS:one.example, URI:urn:x");
    struct policy_holder f = h;

    (void)state;
    f.fingerprint = print;
    assert_true(is_named("\"sha256:" PRINT "\"", &f));
    assert_true(is_named("\"SHA256:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                         "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\"",
                         &f));
    assert_false(is_named("\"sha256:" PRINT "\"", &h));
    assert_true(is_named("\"subject:CN=a,O=b\"", &h));
    assert_false(is_named("\"subject:CN=a,O=B\"", &h));
    assert_false(is_named("\"subject:CN=a\"", &h));
    assert_true(is_named("\"issuer:CN=ca\"", &h));
    assert_false(is_named("\"issuer:CN=a,O=b\"", &h));
    assert_true(is_named("\"dns:ONE.example\"", &h));
    assert_false(is_named("\"dns:one\"", &h));
    assert_false(is_named("\"dns:urn:x\"", &h));
    assert_true(is_named("\"uri:urn:x\"", &h));
    assert_false(is_named("\"uri:URN:x\"", &h));
    assert_false(is_named("\"email:urn:x\"", &h));
    assert_true(is_named("\"email:x@y\", \"issuer:CN=ca\"", &h));
}

/* A name within another name is none; the last one of a text that was cut neither. */
static void test_names_that_are_none(void **state)
{
    char cut[256], *end = cut + sizeof cut - 1;
    struct policy_holder h =
        holder("", "", "DirName:CN=a\\, DNS:scada.example, DNS:b\\2C DNS:x");

    (void)state;
    assert_false(is_named("\"dns:scada.example\"", &h));
    assert_false(is_named("\"dns:x\"", &h));
    assert_true(is_named("\"dns:b\\\\2C DNS:x\"", &h));
    memset(cut, 'a', sizeof cut - 1);
    memcpy(cut, "DNS:a, DNS:", 11);
    memcpy(end - 3, "...", 4);
    h = holder(cut, cut, cut);
    assert_true(is_named("\"dns:a\"", &h));
    char text[300];
    (void)snprintf(text, sizeof text, "\"dns:%s\"", cut + 11);
    assert_false(is_named(text, &h));
    h = holder("", "", "");
    assert_false(is_named("\"dns:a\"", &h));
}

/* A name of peer_names stands for any of its certificates, and takes one place. */
static void test_groups(void **state)
{
    struct policy *p = policy_of(
        "peer_names = { dispatch = [ \"subject:CN=a\", \"subject:CN=b\" ];\n"
        "  other = [ \"subject:CN=b\" ]; };\n"
        "control = { rules = (\n"
        "  { types = [ 45 ]; peers = [ \"other\", \"subject:CN=c\" ]; },\n"
        "  { types = [ 45 ]; peers = [ \"dispatch\" ]; action = \"log\"; } ); };");
    const struct {
        const char *subject;
        int32_t rule;
    } rows[] = {{"CN=a", 1}, {"CN=b", 0}, {"CN=c", 0}, {"CN=d", -1}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct policy_holder h = holder(rows[i].subject, "", "");
        const struct policy_asker who = {.peers =
                                             policy_askers_peers(policy_askers(p), &h)};
        assert_int_equal(rule_for(p, &who), rows[i].rule);
    }
    policy_free(p);
}

static void test_no_certificate(void **state)
{
    struct policy *p =
        policy_of("control = { rules = (\n"
                  " { types = [ 45 ]; peers = [ \"subject:CN=a\" ]; } ); };");
    const struct policy_asker nobody = {.peers = 0, .sources = UINT64_MAX};

    (void)state;
    assert_int_equal(rule_for(p, &nobody), POLICY_DEFAULT);
    policy_free(p);
    assert_int_equal(policy_askers_sources(NULL, print), 0);
}

/* ---- networks ---- */

static void test_networks(void **state)
{
    static const struct {
        const char *net;
        uint8_t addr[16];
        bool in;
    } rows[] = {
        {"10.1.0.0/16", {[10] = 255, 255, 10, 1, 200, 3}, true},
        {"10.1.0.0/16", {[10] = 255, 255, 10, 2, 0, 0}, false},
        {"10.1.0.0/17", {[10] = 255, 255, 10, 1, 128, 0}, false},
        {"10.0.0.7", {[10] = 255, 255, 10, 0, 0, 7}, true},
        {"10.0.0.7", {[10] = 255, 255, 10, 0, 0, 6}, false},
        /* The same octets, but no IPv4 address. */
        {"10.0.0.7", {[12] = 10, 0, 0, 7}, false},
        {"0.0.0.0/0", {[10] = 255, 255, 1, 2, 3, 4}, true},
        {"0.0.0.0/0", {0x20, 0x01, 0x0d, 0xb8}, false},
        {"::/0", {[10] = 255, 255, 1, 2, 3, 4}, false},
        {"::/0", {0x20, 1}, true},
        {"2001:db8::/32", {0x20, 0x01, 0x0d, 0xb8, 9, [15] = 1}, true},
        {"2001:db8::/32", {0x20, 0x01, 0x0d, 0xb9}, false},
        {"2001:db8::/33", {0x20, 0x01, 0x0d, 0xb8, 0x80}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct policy *p;
        struct policy_asker who = {.roles = 0};

        (void)snprintf(text, sizeof text,
                       "control = { rules = ( { types = [ 45 ]; from = [ \"192.0.2.1\", "
                       "\"%s\" ]; } ); };",
                       rows[i].net);
        p = policy_of(text);
        who.sources = policy_askers_sources(policy_askers(p), rows[i].addr);
        if ((rule_for(p, &who) == 0) != rows[i].in)
            fail_msg("%s, row %zu", rows[i].net, i);
        policy_free(p);
    }
}

/* ---- all together ---- */

static void test_all_have_to_hold(void **state)
{
    struct policy *p =
        policy_of("time_zone = \"UTC\"; control = { rules = ( { types = [ 45 ];\n"
                  " peers = [ \"subject:CN=a\" ]; from = [ \"10.0.0.0/8\" ];\n"
                  " time = [ \"Mon\" ]; roles = [ \"OPERATOR\" ]; } ); };");
    const struct policy_asker all = {policy_role_bit(p, 1), 1, 1, 1};

    (void)state;
    assert_int_equal(rule_for(p, &all), 0);
    for (size_t i = 0; i < 4; i++) {
        struct policy_asker who = all;
        uint64_t *part[] = {&who.roles, &who.peers, &who.sources, &who.times};
        *part[i] = ~*part[i];
        assert_int_equal(rule_for(p, &who), POLICY_DEFAULT);
    }
    policy_free(p);
}

/* Without a clock a rule that lets pass does not hold; one that does not, does. */
static void test_no_clock(void **state)
{
    static const struct {
        const char *action;
        int32_t rule;
    } rows[] = {{"pass", 1}, {"log", 1},   {"alarm", 1},       {"refuse", 0},
                {"drop", 0}, {"close", 0}, {"monitor-only", 0}};
    const struct policy_asker unknown = {.times = POLICY_TIME_UNKNOWN};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct policy *p;

        (void)snprintf(text, sizeof text,
                       "control = { rules = ( { types = [ 45 ]; time = [ \"Mon\" ]; "
                       "action = \"%s\"; }, { types = [ 45 ]; } ); };",
                       rows[i].action);
        p = policy_of(text);
        assert_true(policy_names_times(p));
        assert_int_equal(rule_for(p, &unknown), rows[i].rule);
        policy_free(p);
    }
}

/* ---- how rules lie over each other ---- */

static void test_rules_that_exclude_each_other(void **state)
{
    static const struct {
        const char *one, *other;
        bool apart;
    } rows[] = {
        {"peers = [ \"subject:CN=a\" ];", "peers = [ \"subject:CN=b\" ];", true},
        {"peers = [ \"subject:CN=a\" ];", "peers = [ \"issuer:CN=b\" ];", false},
        {"peers = [ \"dns:a\" ];", "peers = [ \"dns:b\" ];", false},
        {"from = [ \"10.0.0.0/8\" ];", "from = [ \"10.1.0.0/16\" ];", false},
        {"from = [ \"10.0.0.0/16\" ];", "from = [ \"10.1.0.0/16\", \"::1\" ];", true},
        {"time = [ \"Mon 08:00-12:00\" ];", "time = [ \"Mon 12:00-13:00\" ];", true},
        {"time = [ \"Sun 22:00-06:00\" ];", "time = [ \"Mon 05:59-07:00\" ];", false},
        {"time = [ \"Mon\" ];", "", false},
        {"time = [ \"Mon 08:00-09:00\" ];", "time = [ \"Mon\" ];", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char file[600];
        (void)snprintf(file, sizeof file,
                       "control = { rules = ( { types = [ 45 ]; %s },\n"
                       " { types = [ 45 ]; %s action = \"drop\"; } ); };",
                       rows[i].one, rows[i].other);
        assert_int_equal(policy_text_review(file), rows[i].apart ? 0 : 1);
    }
}

/* ---- tables of a hostile monitor ---- */

static void test_bad_tables(void **state)
{
    struct policy_askers *t = calloc(1, sizeof *t);

    (void)state;
    assert_non_null(t);
    t->peer_count = t->net_count = t->window_count = 1;
    t->peer[0] = (struct policy_peer){.kind = POLICY_PEER_DNS, .size = 1, .text = "a"};
    t->net[0] = (struct policy_net){.prefix = 8, .addr = {10}};
    t->window[0] = (struct policy_window){0, 5, 5};
    assert_null(policy_askers_fault(t));
#define BAD(field, value)                                                                \
    do {                                                                                 \
        const struct policy_askers was = *t;                                             \
        t->field = (value);                                                              \
        assert_non_null(policy_askers_fault(t));                                         \
        *t = was;                                                                        \
    } while (0)
    BAD(peer_count, POLICY_PEERS_MAX + 1);
    BAD(net_count, POLICY_NETS_MAX + 1);
    BAD(window_count, POLICY_WINDOWS_MAX + 1);
    BAD(zone.count, POLICY_ZONE_MAX + 1);
    BAD(peer[0].bit, 64);
    BAD(peer[0].kind, POLICY_PEER_KINDS);
    BAD(peer[0].kind, POLICY_PEER_SHA256);
    BAD(peer[0].size, 0);
    BAD(peer[0].text[0], '\0');
    BAD(net[0].bit, 64);
    BAD(net[0].prefix, 129);
    BAD(net[0].addr[1], 1);
    BAD(window[0].bit, 63);
    BAD(window[0].first, 6);
    BAD(window[0].last, POLICY_WEEK);
    free(t);
}

/* Cut off anywhere, a blob is none. */
static void test_blob_cut_off(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_askers *t = calloc(1, sizeof *t);
    struct guard_page g;
    struct policy *p;
    const uint8_t *blob;
    size_t n;

    (void)state;
    assert_non_null(t);
    guard_page_open(&g);
    t->peer_count = t->net_count = t->window_count = 1;
    t->peer[0] = (struct policy_peer){.kind = POLICY_PEER_DNS, .size = 1, .text = "a"};
    t->net[0] = (struct policy_net){.prefix = 8, .addr = {10}};
    t->window[0] = (struct policy_window){1, 5, 9};
    t->zone.count = 2;
    t->zone.change[1] = (struct policy_zone_change){100, 3600, 1};
    t->tags_local = true;
    assert_true(policy_builder_askers(b, t));
    blob = policy_builder_blob(b, &n);
    for (size_t i = 17; i < n; i++) {
        assert_false(
            policy_load(guard_page_put(&g, blob, i), i, &p, found, sizeof found));
    }
    guard_page_close(&g);
    assert_true(policy_load(blob, n, &p, found, sizeof found));
    assert_memory_equal(policy_askers(p), t, sizeof *t);
    policy_free(p);
    policy_builder_free(b);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_all_have_to_hold),
        cmocka_unit_test(test_no_clock),
        cmocka_unit_test(test_rules_that_exclude_each_other),
        cmocka_unit_test(test_bad_tables),
        cmocka_unit_test(test_blob_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
