/* Rules that ask for cause, S/E bit, qualifier and originator: they match what meets all
 * of it, and nothing else. */
#include "policy/policy.h"
#include "policy/policy_when.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char err[200];

/* ---- where the qualifier is, counted by hand from 101 clause 7.3 ---- */

static void test_qualifier_of_each_type(void **state)
{
    static const struct {
        uint8_t type;
        uint8_t element[8];
        uint8_t qualifier, most;
    } rows[] = {
        {45, {0x81 | 3 << 2}, 3, 31},
        {46, {0x02 | 1 << 2}, 1, 31},
        {47, {0x01 | 2 << 2}, 2, 31},
        {48, {0xFF, 0x7F, 0x85}, 5, 127},
        {49, {0xFF, 0x7F, 0x01}, 1, 127},
        {50, {0, 0, 0x80, 0x3F, 0x7F}, 127, 127},
        {58, {0x7D, 1, 2, 3}, 31, 31},
        {61, {1, 2, 0x80, 0xFF}, 0, 127},
        {63, {1, 2, 3, 4, 6, 0xFF}, 6, 127},
        {100, {20}, 20, 255},
        {101, {0x45}, 0x45, 255},
        {105, {2}, 2, 255},
        {110, {1, 2, 0x43}, 0x43, 255},
        {112, {1, 2, 3, 4, 1}, 1, 255},
        {113, {3}, 3, 255},
        {70, {0x82}, 0x82, 255},
    };
    static const uint8_t without[] = {51, 64, 102, 103, 107, 1, 30};
    uint8_t q, most;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(policy_qualifier(type_info(rows[i].type), rows[i].element, &q));
        assert_int_equal(q, rows[i].qualifier);
        assert_true(policy_has_qualifier(type_info(rows[i].type), &most));
        assert_int_equal(most, rows[i].most);
    }
    for (size_t i = 0; i < COUNT(without); i++) {
        assert_false(policy_qualifier(type_info(without[i]), rows[0].element, &q));
        assert_false(policy_has_qualifier(type_info(without[i]), &most));
    }
}

/* ---- decisions ---- */

/* One rule that lets C_SC_NA_1, C_CI_NA_1 and C_CS_NA_1 pass if they meet `when`. */
static struct policy *policy_of(const struct policy_when *when)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "r", .when = *when};
    struct policy *p = NULL;
    const uint8_t *blob;
    size_t n;

    policy_types_set(r.types, 45);
    policy_types_set(r.types, 101);
    policy_types_set(r.types, 103);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    blob = policy_builder_blob(b, &n);
    if (!policy_load(blob, n, &p, err, sizeof err))
        fail_msg("%s", err);
    policy_builder_free(b);
    return p;
}

static bool passes(const struct policy *p, uint8_t type, uint8_t cause, uint8_t oa,
                   uint8_t octet)
{
    const struct make m = {.type = type, .cause = cause, .oa = oa, .ca = 1};
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(&m, octets);
    struct policy_decision d;
    struct asdu a;

    if (type != 103)
        octets[9] = octet;
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a).reason,
                     REASON_OK);
    policy_decide(p, DIR_CONTROL, &a, &d);
    return d.action == POLICY_PASS;
}

static void test_cause(void **state)
{
    const struct policy_when when = {.causes = COT_BIT(COT_DEACTIVATION)};
    struct policy *p = policy_of(&when);

    (void)state;
    assert_true(passes(p, 45, COT_DEACTIVATION, 0, 1));
    assert_false(passes(p, 45, COT_ACTIVATION, 0, 1));
    assert_false(passes(p, 103, COT_ACTIVATION, 0, 0));
    policy_free(p);
}

static void test_phase(void **state)
{
    const struct policy_when select = {.phases = POLICY_PHASE_SELECT};
    const struct policy_when execute = {.phases = POLICY_PHASE_EXECUTE};
    const struct policy_when both = {.phases =
                                         POLICY_PHASE_SELECT | POLICY_PHASE_EXECUTE};
    struct policy *p = policy_of(&select);

    (void)state;
    assert_true(passes(p, 45, 6, 0, 0x81));
    assert_false(passes(p, 45, 6, 0, 0x01));
    assert_false(passes(p, 101, 6, 0, 0x05)); /* has no S/E bit */
    policy_free(p);
    p = policy_of(&execute);
    assert_true(passes(p, 45, 6, 0, 0x01));
    assert_false(passes(p, 45, 6, 0, 0x81));
    policy_free(p);
    p = policy_of(&both);
    assert_true(passes(p, 45, 6, 0, 0x01));
    assert_true(passes(p, 45, 6, 0, 0x81));
    assert_false(passes(p, 101, 6, 0, 0x05));
    policy_free(p);
}

/* Reading counters is 5; what freezes or resets has FRZ in the two high bits. */
static void test_qualifier(void **state)
{
    struct policy_when when = {.causes = 0};
    struct policy *p;

    (void)state;
    policy_octet_add(when.qualifiers, 5);
    p = policy_of(&when);
    assert_true(passes(p, 101, 6, 0, 0x05));
    assert_false(passes(p, 101, 6, 0, 0x45));
    assert_false(passes(p, 101, 6, 0, 0xC5));
    assert_false(passes(p, 45, 6, 0, 0x01));
    assert_false(passes(p, 103, 6, 0, 0)); /* has none */
    policy_free(p);
}

static void test_originator(void **state)
{
    struct policy_when when = {.causes = 0};
    struct policy *p;

    (void)state;
    policy_octet_add(when.originators, 0);
    policy_octet_add(when.originators, 255);
    p = policy_of(&when);
    assert_true(passes(p, 45, 6, 0, 1));
    assert_true(passes(p, 45, 6, 255, 1));
    assert_false(passes(p, 45, 6, 1, 1));
    assert_true(passes(p, 103, 6, 0, 0));
    policy_free(p);
}

static void test_all_at_once(void **state)
{
    struct policy_when when = {.causes = COT_BIT(6), .phases = POLICY_PHASE_EXECUTE};
    struct policy *p;

    (void)state;
    policy_octet_add(when.qualifiers, 1);
    policy_octet_add(when.originators, 7);
    p = policy_of(&when);
    assert_true(passes(p, 45, 6, 7, 0x05));
    assert_false(passes(p, 45, 8, 7, 0x05));
    assert_false(passes(p, 45, 6, 7, 0x85));
    assert_false(passes(p, 45, 6, 7, 0x09));
    assert_false(passes(p, 45, 6, 8, 0x05));
    policy_free(p);
}

/* A rule that does not match leaves the object to those behind it. */
static void test_first_match(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "no select",
                            .action = POLICY_REFUSE,
                            .when = {.phases = POLICY_PHASE_SELECT}};
    struct policy_rule all = {.name = "all"};
    struct policy *p = NULL;
    struct policy_stats stats;
    const uint8_t *blob;
    size_t n;

    (void)state;
    policy_types_set(r.types, 45);
    policy_types_set(all.types, 45);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    assert_true(policy_builder_add(b, &all, err, sizeof err));
    blob = policy_builder_blob(b, &n);
    assert_true(policy_load(blob, n, &p, err, sizeof err));
    assert_false(passes(p, 45, 6, 0, 0x81));
    assert_true(passes(p, 45, 6, 0, 0x01));
    policy_stats(p, &stats);
    assert_int_equal(stats.candidates, 2);
    policy_free(p);
    policy_builder_free(b);
}

/* What each part asks, against nothing, itself, less and another. */
static void test_covers(void **state)
{
    const struct policy_when none = {.causes = 0};
    const struct policy_when wide[] = {
        {.causes = COT_BIT(6) | COT_BIT(8)},
        {.phases = POLICY_PHASE_EXECUTE | POLICY_PHASE_SELECT},
        {.qualifiers = {6}},
        {.originators = {6}},
        {.bits = POLICY_BIT_TEST | POLICY_BIT_NO_TEST},
        {.bits = POLICY_BIT_POSITIVE | POLICY_BIT_NEGATIVE},
        {.value_count = 2, .value = {1, 2}},
    };
    const struct policy_when narrow[] = {
        {.causes = COT_BIT(6)},
        {.phases = POLICY_PHASE_EXECUTE},
        {.qualifiers = {2}},
        {.originators = {4}},
        {.bits = POLICY_BIT_TEST},
        {.bits = POLICY_BIT_POSITIVE},
        {.value_count = 1, .value = {2}},
    };

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        assert_true(policy_when_covers(&none, &wide[i]));
        assert_false(policy_when_covers(&wide[i], &none));
        assert_true(policy_when_covers(&wide[i], &wide[i]));
        assert_true(policy_when_covers(&wide[i], &narrow[i]));
        assert_false(policy_when_covers(&narrow[i], &wide[i]));
        assert_false(policy_when_covers(&wide[i], &narrow[(i + 1) % 7]));
    }
}

/* ---- hostile blobs ---- */

static void test_blob_that_asks_for_nothing(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "", .when = {.causes = COT_BIT(6)}};
    struct policy *p = NULL;
    uint8_t copy[256];
    const uint8_t *blob;
    size_t n;

    (void)state;
    policy_types_set(r.types, 45);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    blob = policy_builder_blob(b, &n);
    assert_in_range(n, 76, sizeof copy);
    memcpy(copy, blob, n);
    copy[n - 75] = 0; /* the causes */
    assert_false(policy_load(copy, n, &p, err, sizeof err));
    memcpy(copy, blob, n);
    copy[n - 67] = 4; /* the phases */
    assert_false(policy_load(copy, n, &p, err, sizeof err));
    assert_false(policy_load(copy, n - 1, &p, err, sizeof err));
    policy_builder_free(b);
    b = policy_builder_new();
    r.when.phases = 4;
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    policy_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qualifier_of_each_type),
        cmocka_unit_test(test_cause),
        cmocka_unit_test(test_phase),
        cmocka_unit_test(test_qualifier),
        cmocka_unit_test(test_originator),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_first_match),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_blob_that_asks_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
