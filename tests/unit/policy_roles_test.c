/* Rules for certain roles: they match masters who have one of them, and nobody else. */
#include "policy/policy.h"
#include "tests/lib/policy_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define C_SC_NA_1 45u
#define VIEWER    0
#define OPERATOR  1

static char err[200];

struct row {
    enum policy_action action;
    uint32_t first, last; /* object addresses */
    int16_t role[3];
    size_t roles;
    bool on_only; /* value 1 */
};

static bool add(struct policy_builder *b, const struct row *row)
{
    const struct policy_range ioa = {row->first, row->last};
    struct policy_rule r = {.name = "r",
                            .action = row->action,
                            .ioa = &ioa,
                            .ioa_count = 1,
                            .role_count = row->roles,
                            .has_value = row->on_only,
                            .value_min = 1,
                            .value_max = 1};

    memcpy(r.role, row->role, sizeof row->role);
    policy_types_set(r.types, C_SC_NA_1);
    return policy_builder_add(b, &r, err, sizeof err);
}

static struct policy *policy_of(const struct row *rows, size_t n)
{
    struct policy_builder *b = policy_builder_new();

    for (size_t i = 0; i < n; i++)
        assert_true(add(b, &rows[i]));
    return line_load(b);
}

static struct policy_decision decide(const struct policy *p, uint64_t roles, uint32_t ioa,
                                     bool on)
{
    const struct make m = {.type = C_SC_NA_1, .cause = 6, .ca = 1, .ioa = ioa};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    const struct policy_asker who = {.roles = roles};
    struct policy_decision d;
    struct asdu a;

    octets[n - 1] = on;
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    policy_decide_for(p, &who, DIR_CONTROL, &a, &d);
    return d;
}

static void test_roles_decide(void **state)
{
    static const struct row rows[] = {
        {POLICY_PASS, 1, 9, {OPERATOR, -1}, 2, false},
        {POLICY_DROP, 5, 5, {0}, 0, false},
        {POLICY_CLOSE, 1, 9, {VIEWER}, 1, false},
    };
    struct policy *p = policy_of(rows, 3);
    const uint64_t viewer = policy_role_bit(p, VIEWER);
    const uint64_t oper = policy_role_bit(p, OPERATOR);

    (void)state;
    assert_true(policy_names_roles(p));
    assert_true(viewer && oper && policy_role_bit(p, -1));
    assert_int_equal(viewer & oper, 0);
    assert_int_equal(policy_role_bit(p, 2), 0);
    assert_int_equal(decide(p, oper, 3, true).rule, 0);
    assert_int_equal(decide(p, policy_role_bit(p, -1), 3, true).rule, 0);
    assert_int_equal(decide(p, viewer | oper, 3, true).rule, 0);
    assert_int_equal(decide(p, viewer, 3, true).rule, 2);
    assert_int_equal(decide(p, viewer, 5, true).rule, 1);
    assert_int_equal(decide(p, oper, 5, true).rule, 0);
    assert_int_equal(decide(p, 0, 3, true).rule, POLICY_DEFAULT);
    assert_int_equal(decide(p, 0, 5, true).rule, 1);
    policy_free(p);
}

static void test_without_roles(void **state)
{
    static const struct row row = {POLICY_PASS, 1, 9, {0}, 0, false};
    struct policy *p = policy_of(&row, 1);

    (void)state;
    assert_false(policy_names_roles(p));
    assert_int_equal(policy_role_bit(p, OPERATOR), 0);
    assert_int_equal(decide(p, 0, 3, true).rule, 0);
    assert_int_equal(decide(p, UINT64_MAX, 3, true).rule, 0);
    policy_free(p);
}

/* A master without a role has no more rights than one that has one. */
static void test_no_role(void **state)
{
    static const struct row rows[] = {
        {POLICY_PASS, 1, 4, {0}, 0, false},
        {POLICY_CLOSE, 5, 5, {0}, 0, false},
        {POLICY_PASS, 6, 6, {OPERATOR}, 1, false},
    };
    static const struct make messages[] = {
        {.type = C_SC_NA_1, .cause = 6, .ca = 1, .ioa = 1},
        {.type = C_SC_NA_1, .cause = 6, .ca = 1, .ioa = 5},
        {.type = C_SC_NA_1, .cause = 6, .ca = 1, .ioa = 6},
        {.type = 100, .cause = 6, .ca = 1},
        {.type = 103, .cause = 6, .ca = 1},
    };
    static const int32_t want[2][5] = {
        {0, 1, POLICY_DEFAULT, POLICY_DEFAULT, POLICY_DEFAULT},
        {POLICY_NO_ROLE, 1, POLICY_DEFAULT, POLICY_DEFAULT, POLICY_DEFAULT},
    };

    (void)state;
    for (size_t n = 2; n <= 3; n++) { /* without and with the rule for a role */
        struct policy *p = policy_of(rows, n);
        /* Roles that do not count. */
        const struct policy_asker nobody = {.roles = UINT64_MAX};

        for (size_t i = 0; i < 5; i++) {
            uint8_t octets[MAKE_ROOM];
            const size_t size = asdu_make(&messages[i], octets);
            struct policy_decision d;
            struct asdu a;

            assert_int_equal(
                asdu_parse(octets, size, DIR_CONTROL, &PROFILE_104, &a).reason,
                REASON_OK);
            policy_decide_without_role(p, &nobody, DIR_CONTROL, &a, &d);
            assert_int_equal(d.rule, want[n - 2][i]);
            assert_string_equal(d.name, policy_rule_name(p, d.rule));
            assert_int_equal(d.action, d.rule == 0   ? POLICY_PASS
                                       : d.rule == 1 ? POLICY_CLOSE
                                                     : POLICY_REFUSE);
        }
        policy_free(p);
    }
}

/* ---- against a scan of the rules ---- */

static uint32_t draw(uint32_t n)
{
    return (uint32_t)random() % n;
}

static bool row_matches(const struct row *r, const bool has[3], uint32_t ioa, bool on)
{
    bool held = r->roles == 0;

    for (size_t i = 0; i < r->roles; i++)
        held = held || has[r->role[i] + 1];
    return held && ioa >= r->first && ioa <= r->last && (on || !r->on_only);
}

static void check(const struct policy *p, const struct row *rows, int n)
{
    const bool has[3] = {draw(2), draw(2), draw(2)}; /* -1, VIEWER, OPERATOR */
    const uint32_t ioa = 1 + draw(13);               /* asdu_make takes 0 for 1 */
    const bool on = draw(2);
    uint64_t set = 0;
    int want = POLICY_DEFAULT;

    for (int i = 0; i < 3; i++)
        set |= has[i] ? policy_role_bit(p, (int16_t)(i - 1)) : 0;
    for (int i = n - 1; i >= 0; i--)
        want = row_matches(&rows[i], has, ioa, on) ? i : want;
    const int32_t got = decide(p, set, ioa, on).rule;
    if (got != want)
        fail_msg("roles %d%d%d, object %u, value %d: rule %d, not %d", has[0], has[1],
                 has[2], ioa, on, (int)got, want);
}

static void test_compiled_is_scanned(void **state)
{
    (void)state;
    srandom(104);
    for (int round = 0; round < 500; round++) {
        struct row rows[12];

        for (int i = 0; i < 12; i++) {
            const uint32_t a = draw(12);
            rows[i] = (struct row){
                (enum policy_action)draw(POLICY_ACTIONS),         a,       a + draw(4),
                {(int16_t)(draw(3) - 1), (int16_t)(draw(3) - 1)}, draw(3), draw(4) == 0};
        }
        struct policy *p = policy_of(rows, 12);
        for (int i = 0; i < 100; i++)
            check(p, rows, 12);
        policy_free(p);
    }
}

/* ---- bounds and the blob ---- */

static void test_bounds(void **state)
{
    struct policy_builder *b = policy_builder_new();
    const struct policy_range ioa = {1, 1};
    struct policy_rule r = {.name = "many", .ioa = &ioa, .ioa_count = 1};
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n;

    (void)state;
    policy_types_set(r.types, C_SC_NA_1);
    r.role_count = POLICY_RULE_ROLES_MAX + 1;
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    assert_non_null(strstr(err, "16 roles"));
    /* 64 different roles can be told apart, 65 cannot. */
    r.role_count = POLICY_RULE_ROLES_MAX;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 16; i++)
            r.role[i] = (int16_t)(-1 - 16 * k - i);
        assert_true(policy_builder_add(b, &r, err, sizeof err));
    }
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    assert_true(policy_role_bit(p, -64) == UINT64_C(1) << 48);
    policy_free(p);
    r.role_count = 1;
    r.role[0] = 6;
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    blob = policy_builder_blob(b, &n);
    assert_false(policy_load(blob, n, &p, err, sizeof err));
    assert_non_null(strstr(err, "64 different roles"));
    policy_builder_free(b);
}

/* As many conditional rules as may lie over each other on one object, and one more. */
static void test_depth(void **state)
{
    static const struct row row = {POLICY_PASS, 1, 1, {OPERATOR}, 1, false};
    struct policy_builder *b = policy_builder_new();
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n;

    (void)state;
    for (unsigned int i = 0; i < POLICY_VALUES_MAX; i++)
        assert_true(add(b, &row));
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    policy_free(p);
    assert_true(add(b, &row));
    blob = policy_builder_blob(b, &n);
    assert_false(policy_load(blob, n, &p, err, sizeof err));
    assert_non_null(strstr(err, "ask for more than addresses"));
    policy_builder_free(b);
}

/* Head 16 octets, rule head 4, name 1, types 32, counts 4, range 8, then the roles. */
#define HAS_AT   (16 + 2)
#define ROLES_AT (16 + 4 + 1 + 32 + 4 + 8)

static bool loads(const uint8_t *blob, size_t n)
{
    struct policy *p = NULL;
    uint8_t *exact = malloc(n);
    bool good;

    memcpy(exact, blob, n);
    good = policy_load(exact, n, &p, err, sizeof err);
    policy_free(p);
    free(exact);
    return good;
}

static void test_hostile_blob(void **state)
{
    static const struct row row = {POLICY_PASS, 1, 1, {OPERATOR, VIEWER}, 2, false};
    struct policy_builder *b = policy_builder_new();
    uint8_t blob[128];
    size_t n;

    (void)state;
    assert_true(add(b, &row));
    memcpy(blob, policy_builder_blob(b, &n), 16 + 60);
    policy_builder_free(b);
    assert_int_equal(n, ROLES_AT + 5);
    assert_int_equal(blob[ROLES_AT], 2);
    assert_true(loads(blob, n));
    for (size_t i = 0; i < n; i++)
        assert_false(loads(blob, i));
    for (unsigned int v = 0; v < 256; v++) {
        blob[HAS_AT] = (uint8_t)v;
        /* That it asks for a permit takes no more octets. */
        assert_true(loads(blob, n) == ((v & ~64u) == 2));
    }
    blob[HAS_AT] = 2;
    for (unsigned int v = 0; v < 256; v++) {
        blob[ROLES_AT] = (uint8_t)v;
        assert_true(loads(blob, n) == (v == 2));
    }
    blob[ROLES_AT] = 0; /* "for these roles: none" is not "for everybody" */
    assert_false(loads(blob, n - 4));
    blob[ROLES_AT] = 2;
    blob[ROLES_AT + 1] = 1; /* twice the same */
    assert_false(loads(blob, n));
    blob[ROLES_AT + 1] = 2; /* not in order */
    assert_false(loads(blob, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_decide), cmocka_unit_test(test_without_roles),
        cmocka_unit_test(test_no_role),      cmocka_unit_test(test_compiled_is_scanned),
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_hostile_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
