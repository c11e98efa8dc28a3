/* Rules that name single points: what they decide, point by point, and what a blob may
 * say of them. */
#include "policy/policy_private.h"
#include "policy/policy_review.h"
#include "tests/lib/area_make.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 6u

static uint32_t seed = 11;
static char err[200];

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static struct policy *load(struct policy_builder *b)
{
    struct policy *p = NULL;
    size_t size;
    const uint8_t *blob = policy_builder_blob(b, &size);

    assert_true(policy_load(blob, size, &p, err, sizeof err));
    return p;
}

/* The rule that decides. */
static int32_t ask(const struct policy *p, uint8_t type, uint16_t ca, uint32_t ioa)
{
    const struct make m = {.type = type, .cause = 6, .ca = ca, .ioa = 1};
    uint8_t octets[MAKE_ROOM];
    struct policy_decision d;
    struct asdu a;
    const size_t n = asdu_make(&m, octets);

    octets[6] = (uint8_t)ioa;
    octets[7] = (uint8_t)(ioa >> 8);
    octets[8] = (uint8_t)(ioa >> 16);
    /* Address 0 is a fault of meaning, of which no policy knows. */
    (void)asdu_parse(octets, n, DIR_CONTROL, &PROFILE_104, &a);
    assert_non_null(a.objects);
    policy_decide(p, DIR_CONTROL, &a, &d);
    return d.rule;
}

/* Beside rules with areas, one that takes all of a type at some common addresses. */
struct small {
    struct policy_rule rule;
    struct area_made made;
    struct policy_range ca;
};

static bool names(const struct small *s, unsigned int t, uint16_t ca, uint32_t ioa)
{
    if (s->rule.area_count > 0)
        return ca < AREA_CAS && ioa < AREA_IOAS && s->made.named[t][ca][ioa];
    return (s->rule.types[area_types[t] / 8] >> area_types[t] % 8 & 1) != 0 &&
           ca >= s->ca.first && ca <= s->ca.last;
}

static void make(struct small *s)
{
    memset(s, 0, sizeof *s);
    s->rule.name = "";
    s->rule.action = (enum policy_action)draw(POLICY_ACTIONS);
    if (draw(4) != 0 && area_make(&s->made, &s->rule, draw))
        return;
    s->ca.first = 1 + draw(AREA_CAS);
    s->ca.last = s->ca.first + draw(AREA_CAS);
    s->rule.ca = &s->ca;
    s->rule.ca_count = 1;
    policy_types_set(s->rule.types, area_types[draw(AREA_TYPES)]);
}

static void compare(const struct policy *p, const struct small *s, size_t n)
{
    for (unsigned int t = 0; t < AREA_TYPES; t++)
        for (uint16_t ca = 1; ca <= AREA_CAS + 1; ca++)
            for (uint32_t ioa = 0; ioa <= AREA_IOAS + 1; ioa++) {
                int32_t rule = POLICY_DEFAULT;
                for (size_t i = n; i > 0; i--)
                    if (names(&s[i - 1], t, ca, ioa))
                        rule = (int32_t)i - 1;
                assert_int_equal(ask(p, area_types[t], ca, ioa), rule);
            }
}

static void test_every_point(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        struct policy_builder *b = policy_builder_new();
        struct small s[RULES];
        const size_t n = 1 + draw(RULES);

        for (size_t i = 0; i < n; i++) {
            make(&s[i]);
            assert_true(policy_builder_add(b, &s[i].rule, err, sizeof err));
        }
        struct policy *p = load(b);
        compare(p, s, n);
        policy_free(p);
        policy_builder_free(b);
    }
}

/* ---- faults ---- */

static void refuse(const struct policy_area *area, size_t areas,
                   const struct policy_range *ioa, size_t ranges, const char *why)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {
        .name = "", .area = area, .area_count = areas, .ioa = ioa, .ioa_count = ranges};

    policy_types_set(r.types, 45);
    policy_types_set(r.types, 46);
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    assert_string_equal(err, why);
    policy_builder_free(b);
}

static void test_faults(void **state)
{
    static const struct policy_range r[] = {
        {1, 2}, {2, 3}, {9, 8}, {5, ASDU_IOA_MAX + 1}};
    static const char order[] = "its points are not in order";
    static const char ranges[] =
        "its points are not ranges of object addresses within 0..16777215";
    static const char stations[] =
        "its points are not at common addresses within 1..65534";
    static const char types[] = "its points are of types that it does not name";
    static const char none[] = "it names a type of which it names no point";

    (void)state;
    refuse((struct policy_area[]){{45, 2, 0, 1}, {45, 2, 1, 1}}, 2, r, 2, order);
    refuse((struct policy_area[]){{45, 2, 0, 1}, {45, 1, 1, 1}}, 2, r, 2, order);
    refuse((struct policy_area[]){{46, 1, 0, 1}, {45, 1, 1, 1}}, 2, r, 2, order);
    refuse((struct policy_area[]){{45, 0, 0, 1}}, 1, r, 1, stations);
    refuse((struct policy_area[]){{45, 65535, 0, 1}}, 1, r, 1, stations);
    refuse((struct policy_area[]){{45, 1, 0, 0}}, 1, r, 0, ranges);
    refuse((struct policy_area[]){{45, 1, 0, 2}}, 1, r, 1, ranges);
    refuse((struct policy_area[]){{45, 1, 1, 1}}, 1, r, 1, ranges);
    refuse((struct policy_area[]){{45, 1, 0, 2}}, 1, r, 2, ranges);
    refuse((struct policy_area[]){{45, 1, 0, 1}}, 1, r + 2, 1, ranges);
    refuse((struct policy_area[]){{45, 1, 0, 1}}, 1, r + 3, 1, ranges);
    refuse((struct policy_area[]){{45, 1, 0, 1}}, 1, r, 2, "it has ranges of no area");
    refuse((struct policy_area[]){{47, 1, 0, 1}}, 1, r, 1, types);
    refuse((struct policy_area[]){{45, 1, 0, 1}}, 1, r, 1, none);
}

static void test_both(void **state)
{
    static const struct policy_range one = {1, 1};
    static const struct policy_area area = {45, 1, 0, 1};
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "",
                            .area = &area,
                            .area_count = 1,
                            .ioa = &one,
                            .ioa_count = 1,
                            .ca = &one,
                            .ca_count = 1};

    (void)state;
    policy_types_set(r.types, 45);
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    assert_string_equal(err, "it names both points and common addresses");
    r.ca_count = 0;
    policy_types_set(r.types, 100);
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    assert_string_equal(err, "it names points and a type that has none");
    policy_builder_free(b);
}

/* Cut anywhere and with any octet changed, a blob is refused or is a policy. */
static void test_hostile_blob(void **state)
{
    static const struct policy_range r[] = {{1, 2}, {4, 4}, {7, 9}};
    static const struct policy_area area[] = {{45, 1, 0, 2}, {46, 2, 2, 1}};
    struct policy_builder *b = policy_builder_new();
    struct policy_rule rule = {
        .name = "x", .area = area, .area_count = 2, .ioa = r, .ioa_count = 3};
    struct policy *p;
    uint8_t copy[256];
    size_t size, refused = 0;

    (void)state;
    policy_types_set(rule.types, 45);
    policy_types_set(rule.types, 46);
    assert_true(policy_builder_add(b, &rule, err, sizeof err));
    const uint8_t *blob = policy_builder_blob(b, &size);
    assert_true(size <= sizeof copy);
    for (size_t n = 0; n < size; n++)
        assert_false(policy_load(blob, n, &p, err, sizeof err));
    for (size_t at = 0; at < size; at++)
        for (unsigned int bit = 0; bit < 8; bit++) {
            memcpy(copy, blob, size);
            copy[at] ^= (uint8_t)(1u << bit);
            refused += !policy_load(copy, size, &p, err, sizeof err);
            policy_free(p);
        }
    assert_true(refused > size);
    policy_builder_free(b);
}

/* A rule that seems to name points and names none would be for all of them. */
static void test_no_area(void **state)
{
    struct policy_builder *b = policy_builder_new();
    struct policy_rule rule = {.name = "x"};
    struct policy *p;
    uint8_t copy[256];
    size_t size;

    (void)state;
    policy_types_set(rule.types, 45);
    assert_true(policy_builder_add(b, &rule, err, sizeof err));
    const uint8_t *blob = policy_builder_blob(b, &size);
    memcpy(copy, blob, size);
    memset(copy + size, 0, 4);
    copy[POLICY_HEAD_SIZE + 2] = POLICY_HAS_AREAS;
    assert_false(policy_load(copy, size + 4, &p, err, sizeof err));
    policy_builder_free(b);
}

static void test_ranges_of_a_place(void **state)
{
    static const struct policy_range r[] = {{1, 2}, {4, 4}, {7, 9}};
    static const struct policy_area area[] = {{45, 1, 0, 1}, {46, 2, 1, 2}};
    const struct policy_rule rule = {
        .area = area, .area_count = 2, .ioa = r, .ioa_count = 3};
    size_t n;

    (void)state;
    assert_ptr_equal(policy_rule_ioas(&rule, type_info(45), 1, &n), r);
    assert_int_equal(n, 1);
    assert_ptr_equal(policy_rule_ioas(&rule, type_info(46), 2, &n), r + 1);
    assert_int_equal(n, 2);
    assert_null(policy_rule_ioas(&rule, type_info(45), 2, &n));
    assert_int_equal(n, 0);
    assert_null(policy_rule_ioas(&rule, type_info(46), 1, &n));
    assert_null(policy_rule_ioas(&rule, type_info(50), 2, &n));
    assert_ptr_equal(policy_rule_areas(&rule, 46, &n), area + 1);
    assert_int_equal(n, 1);
    assert_null(policy_rule_areas(&rule, 44, &n));
    assert_int_equal(n, 0);
}

/* ---- many ---- */

/* As many points as there may be, each on its own, at as many stations. */
static void test_many(void **state)
{
    struct policy_range *ioa = calloc(POLICY_AREAS_MAX + 1, sizeof *ioa);
    struct policy_area *area = calloc(65534, sizeof *area);
    struct policy_builder *b = policy_builder_new();
    struct policy_rule r = {.name = "", .area = area, .area_count = 65534, .ioa = ioa};

    (void)state;
    assert_true(ioa && area && b);
    for (uint32_t i = 0; i < POLICY_AREAS_MAX; i++)
        ioa[i] = (struct policy_range){2 * i, 2 * i};
    for (uint32_t i = 0; i < 65534; i++)
        area[i] = (struct policy_area){45, (uint16_t)(i + 1), 16 * i, 16};
    r.ioa_count = 16u * 65534;
    policy_types_set(r.types, 45);
    assert_true(policy_builder_add(b, &r, err, sizeof err));
    r.ioa_count = POLICY_AREAS_MAX + 1;
    assert_false(policy_builder_add(b, &r, err, sizeof err));
    assert_string_equal(err, "it names too many points");
    struct policy *p = load(b);
    assert_int_equal(ask(p, 45, 1000, 2 * 16 * 999), 0);
    assert_int_equal(ask(p, 45, 1000, 2 * 16 * 999 + 1), POLICY_DEFAULT);
    assert_int_equal(ask(p, 45, 1001, 2 * 16 * 999), POLICY_DEFAULT);
    assert_int_equal(ask(p, 46, 1000, 2 * 16 * 999), POLICY_DEFAULT);
    policy_free(p);
    policy_builder_free(b);
    free(ioa);
    free(area);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_point), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_both),        cmocka_unit_test(test_hostile_blob),
        cmocka_unit_test(test_no_area),     cmocka_unit_test(test_ranges_of_a_place),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
