/* Permits: what a scope is for, when a permit holds, what a full table does, and messages
 * of a monitor that lies. */
#include "policy/permit.h"
#include "proxy/permit_wire.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/policy_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t prints[2][PERMIT_FINGERPRINT_LEN] = {{1}, {2}};
static const struct permit_asker master = {prints[0], "CN=Master"};
static const struct permit_asker nobody = {NULL, ""};

static const struct asdu *command(uint8_t type, uint16_t ca, uint32_t ioa)
{
    static uint8_t octets[MAKE_ROOM];
    static struct asdu a;
    const struct make m = {.type = type, .cause = 6, .ca = ca, .ioa = ioa};
    const size_t n = asdu_make(&m, octets);

    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    return &a;
}

static struct permit_scope scope_of(uint8_t type, uint32_t ca, uint32_t first,
                                    uint32_t last)
{
    struct permit_scope s = {0};

    if (type != 0)
        policy_types_set(s.types, type);
    if (ca != 0)
        s.ca[s.ca_count++] = (struct policy_range){ca, ca};
    if (last != 0)
        s.ioa[s.ioa_count++] = (struct policy_range){first, last};
    assert_true(permit_scope_is_good(&s));
    return s;
}

static void test_scope(void **state)
{
    static const struct {
        uint8_t type; /* of the scope; 0: all */
        uint32_t ca, first, last;
        uint8_t asked;
        uint16_t at;
        uint32_t ioa;
        bool fits;
    } rows[] = {
        {0, 0, 0, 0, 45, 1, 1, true},
        {0, 0, 0, 0, 105, 1, 0, true},
        {45, 0, 0, 0, 45, 1, 1, true},
        {45, 0, 0, 0, 46, 1, 1, false},
        {0, 2, 0, 0, 45, 2, 1, true},
        {0, 2, 0, 0, 45, 1, 1, false},
        {0, 0, 5, 7, 45, 1, 4, false},
        {0, 0, 5, 7, 45, 1, 5, true},
        {0, 0, 5, 7, 45, 1, 7, true},
        {0, 0, 5, 7, 45, 1, 8, false},
        /* A type without an address has to be named where addresses are. */
        {0, 0, 5, 7, 105, 1, 0, false},
        {105, 0, 5, 7, 105, 1, 0, true},
        /* All stations at once are never meant by the way. */
        {0, 0, 0, 0, 100, 65535, 0, false},
        {0, 1, 0, 0, 100, 65535, 0, false},
        {100, 65535, 0, 0, 100, 65535, 0, true},
        {100, 65535, 0, 0, 100, 1, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct permit_scope s =
            scope_of(rows[i].type, rows[i].ca, rows[i].first, rows[i].last);

        if (permit_scope_fits(&s, &nobody,
                              command(rows[i].asked, rows[i].at, rows[i].ioa)) !=
            rows[i].fits)
            fail_msg("row %zu", i);
    }
}

static void test_peer(void **state)
{
    const struct asdu *a = command(45, 1, 1);
    struct permit_scope s = {.has_fingerprint = true};

    (void)state;
    memcpy(s.fingerprint, prints[0], sizeof s.fingerprint);
    assert_true(permit_scope_fits(&s, &master, a));
    assert_false(permit_scope_fits(&s, &nobody, a));
    memcpy(s.fingerprint, prints[1], sizeof s.fingerprint);
    assert_false(permit_scope_fits(&s, &master, a));
    s = (struct permit_scope){.subject = "CN=Master"};
    assert_true(permit_scope_fits(&s, &master, a));
    assert_false(permit_scope_fits(&s, &nobody, a));
    s = (struct permit_scope){.subject = "CN=Master,O=x"};
    assert_false(permit_scope_fits(&s, &master, a));
    s = (struct permit_scope){.subject = "CN=Maste"};
    assert_false(permit_scope_fits(&s, &master, a));
    /* Both are asked for: both must be. */
    s = (struct permit_scope){.has_fingerprint = true, .subject = "CN=Master"};
    assert_false(permit_scope_fits(&s, &master, a));
}

static void test_normalise(void **state)
{
    struct permit_scope s = {
        .ca_count = 3,
        .ca = {{65535, 65535}, {65534, 65534}, {1, 3}},
        .ioa_count = 4,
        .ioa = {{20, 30}, {5, 7}, {8, 9}, {25, 26}},
    };

    (void)state;
    assert_false(permit_scope_is_good(&s));
    permit_scope_normalise(&s);
    assert_true(permit_scope_is_good(&s));
    assert_int_equal(s.ca_count, 3);
    assert_int_equal(s.ioa_count, 2);
    assert_int_equal(s.ioa[0].first, 5);
    assert_int_equal(s.ioa[0].last, 9);
    assert_int_equal(s.ioa[1].last, 30);
    s = (struct permit_scope){.ca_count = 1, .ca = {{1, 65535}}};
    permit_scope_normalise(&s);
    assert_false(permit_scope_is_good(&s));
}

/* ---- the table ---- */

static struct permit permit_of_id(uint32_t id, uint64_t until_ms, uint32_t commands)
{
    return (struct permit){.id = id, .until_ms = until_ms, .commands = commands};
}

static enum permit_word ask(struct permit_table *t, uint64_t now_ms, uint32_t *id)
{
    enum permit_word word;
    const struct permit *p = permit_find(t, &master, command(45, 1, 1), now_ms, &word);

    assert_int_equal(p != NULL, word == PERMIT_HOLDS);
    *id = p ? p->id : 0;
    return word;
}

static void test_end_of_time(void **state)
{
    static struct permit_table t;
    struct permit p = permit_of_id(100001, 5000, 0);
    uint32_t id;

    (void)state;
    assert_int_equal(ask(&t, 0, &id), PERMIT_NONE);
    assert_true(permit_put(&t, &p, 0));
    assert_int_equal(ask(&t, 4999, &id), PERMIT_HOLDS);
    assert_int_equal(id, 100001);
    assert_int_equal(ask(&t, 5000, &id), PERMIT_EXPIRED);
    assert_int_equal(ask(&t, UINT64_MAX, &id), PERMIT_EXPIRED);
    p.until_ms = 6000; /* the same number: the later word holds */
    assert_true(permit_put(&t, &p, 0));
    assert_int_equal(ask(&t, 5999, &id), PERMIT_HOLDS);
    permit_drop(&t, 100002);
    assert_int_equal(ask(&t, 5999, &id), PERMIT_HOLDS);
    permit_drop(&t, 100001);
    assert_int_equal(ask(&t, 5999, &id), PERMIT_NONE);
    permit_drop(&t, 0);
    assert_null(permit_of(&t, 0));
}

static void test_commands(void **state)
{
    static struct permit_table t;
    const struct permit wide = permit_of_id(100001, 5000, 0);
    const struct permit many = permit_of_id(100002, 5000, 3);
    const struct permit few = permit_of_id(100003, 5000, 2);
    uint32_t id;

    (void)state;
    assert_true(permit_put(&t, &many, 0) && permit_put(&t, &few, 0));
    for (unsigned int i = 0; i < 5; i++) {
        static const uint32_t order[] = {100003, 100003, 100002, 100002, 100002};

        assert_int_equal(ask(&t, 0, &id), PERMIT_HOLDS);
        assert_int_equal(id, order[i]);
        permit_of(&t, id)->used++;
    }
    assert_int_equal(ask(&t, 0, &id), PERMIT_USED_UP);
    assert_true(permit_put(&t, &wide, 0));
    assert_int_equal(ask(&t, 0, &id), PERMIT_HOLDS);
    assert_int_equal(id, 100001);
}

static void test_full(void **state)
{
    static struct permit_table t;
    struct permit p;
    uint32_t id;

    (void)state;
    for (uint32_t i = 0; i < PERMITS_MAX; i++) {
        p = permit_of_id(100000 + i, 1000 + i, 0);
        assert_true(permit_put(&t, &p, 0));
    }
    p = permit_of_id(200000, 9000, 0);
    assert_false(permit_put(&t, &p, 999));
    assert_null(permit_of(&t, 200000));
    /* The one that ended first makes room. */
    assert_true(permit_put(&t, &p, 1001));
    assert_null(permit_of(&t, 100000));
    assert_non_null(permit_of(&t, 100001));
    assert_int_equal(ask(&t, 8999, &id), PERMIT_HOLDS);
    assert_int_equal(id, 200000);
}

/* ---- on the way ---- */

static void test_message(void **state)
{
    struct permit p = permit_of_id(123456, 77, 9), back;
    struct msg_permit m;

    (void)state;
    p.used = 3;
    p.scope = scope_of(45, 65535, 4, 9);
    p.scope.has_fingerprint = true;
    p.scope.fingerprint[31] = 7;
    memset(p.scope.subject, 'x', sizeof p.scope.subject - 1);
    permit_wire_put(&p, 5, &m);
    assert_int_equal(m.route, 5);
    assert_true(permit_wire_get(&m, &back));
    assert_memory_equal(&back.scope, &p.scope, sizeof p.scope);
    assert_int_equal(back.id, 123456);
    assert_int_equal(back.commands, 9);
    assert_int_equal(back.used, 3);
    assert_true(back.until_ms == 77);
    p.commands = 0; /* any number: used says how many that were */
    p.used = UINT32_MAX;
    permit_wire_put(&p, 5, &m);
    assert_true(permit_wire_get(&m, &back));
}

/* Every octet that is changed is either seen or changes what is read to something that
 * would be written so. */
static void test_spoiled_messages(void **state)
{
    struct permit p = permit_of_id(123456, 77, 9), back;
    struct msg_permit m, again;
    unsigned int refused = 0;

    (void)state;
    p.scope = scope_of(45, 65535, 4, 9);
    for (size_t at = 0; at < sizeof m; at++) {
        for (unsigned int bit = 0; bit < 8; bit++) {
            permit_wire_put(&p, 5, &m);
            ((uint8_t *)&m)[at] ^= (uint8_t)(1u << bit);
            if (!permit_wire_get(&m, &back)) {
                refused++;
                continue;
            }
            assert_true(permit_scope_is_good(&back.scope));
            permit_wire_put(&back, m.route, &again);
            assert_memory_equal(&again, &m, sizeof m);
        }
    }
    assert_true(refused > 6000);
}

/* ---- the rule's key ---- */

static char found[2000];

static void test_key(void **state)
{
    const struct policy_limits *l;
    struct policy *p = policy_text_load(
        "control = { rules = ( { types = [ 46 ]; permit = \"none\"; }, { types = [ 45 ]; "
        "permit = \"required\"; }, { types = [ 47 ]; permit = \"required\"; rate = "
        "\"3/h\"; } ); };",
        found, sizeof found);

    (void)state;
    if (!p)
        fail_msg("%s", found);
    assert_null(policy_rule_limits(p, 0));
    l = policy_rule_limits(p, 1);
    assert_true(l && l->permit && l->rate_count == 0);
    l = policy_rule_limits(p, 2);
    assert_true(l && l->permit && l->rate_count == 3);
    policy_free(p);
}

static void test_key_mistakes(void **state)
{
    static const char *const rows[][3] = {
        {"permit = \"requierd\";", "none of its words", "required"},
        {"permit = true;", "wrong type", ""},
        {"permits = \"required\";", "no such key", "permit"},
        {"permit = \"required\"; action = \"refuse\";", "let commands pass", "remove"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];

        (void)snprintf(text, sizeof text,
                       "control = { rules = (\n { types = [ 45 ]; %s } ); };",
                       rows[i][0]);
        assert_null(policy_text_load(text, found, sizeof found));
        if (!strstr(found, rows[i][1]) || !strstr(found, rows[i][2]) ||
            !strstr(found, ":2: error: control.rules[0]."))
            fail_msg("%s\n%s", text, found);
    }
    assert_null(policy_text_load(
        "control = { }; monitor = { rules = ( { types = [ 1 ]; permit = \"required\"; } "
        "); };",
        found, sizeof found));
    assert_non_null(strstr(found, "let commands pass"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scope),     cmocka_unit_test(test_peer),
        cmocka_unit_test(test_normalise), cmocka_unit_test(test_end_of_time),
        cmocka_unit_test(test_commands),  cmocka_unit_test(test_full),
        cmocka_unit_test(test_message),   cmocka_unit_test(test_spoiled_messages),
        cmocka_unit_test(test_key),       cmocka_unit_test(test_key_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
