/* The compiled policy means what a scan of its rules means, and stays small. */
#include "policy/policy.h"
#include "tests/lib/policy_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the compiled form against a scan of the rules
 * ------------------------------------------- */

#define RANDOM_RULES 40

static uint32_t draw(uint32_t n)
{
    return (uint32_t)random() % n;
}

/* Few addresses, close to each other and to the ends, so that rules meet. */
static uint32_t draw_address(uint32_t max)
{
    const uint32_t a = draw(12);
    return draw(4) == 0 ? max - a : draw(4) == 0 ? draw(max) + 1 : a + 1;
}

static void draw_ranges(struct policy_range *r, uint32_t max)
{
    const uint32_t n = draw(4);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t a = draw_address(max), b = draw(2) ? a : draw_address(max);
        r[i] = (struct policy_range){a < b ? a : b, a < b ? b : a};
    }
}

static struct line draw_line(void)
{
    static const uint8_t control[] = {45, 50, 100, 113, 102},
                         monitor[] = {1, 13, 30, 45, 100};
    struct line l = {.name = "r",
                     .action = (enum policy_action)draw(POLICY_ACTIONS),
                     .direction = draw(2) ? DIR_MONITOR : DIR_CONTROL};
    for (uint32_t i = 0, n = 1 + draw(4); i < n; i++)
        l.types[i] = l.direction == DIR_CONTROL ? control[draw(5)] : monitor[draw(5)];
    draw_ranges(l.ca, 65534);
    if (l.ca[0].last && !l.ca[3].last && draw(5) == 0)
        l.ca[3] = l.ca[2].last ? (struct policy_range){65535, 65535} : l.ca[3];
    draw_ranges(l.ioa, 0xFFFFFF);
    l.has_value = draw(3) == 0;
    l.min = (double)draw(4) - 1;
    l.max = l.min + draw(3);
    return l;
}

static bool in_ranges(const struct policy_range *r, uint32_t v, bool any)
{
    if (r[0].last == 0)
        return any;
    for (int i = 0; i < LINE_RANGES && r[i].last; i++)
        if (v >= r[i].first && v <= r[i].last)
            return true;
    return false;
}

static bool line_matches(const struct line *l, enum direction dir, uint8_t type,
                         uint32_t ca, uint32_t ioa, const double *value)
{
    if (l->direction != dir || memchr(l->types, type, sizeof l->types) == NULL)
        return false;
    if (!in_ranges(l->ca, ca, ca != 65535))
        return false;
    if (type != 100 && !in_ranges(l->ioa, ioa, true))
        return false;
    return !l->has_value || (value && *value >= l->min && *value <= l->max);
}

static void scan(const struct line *lines, enum direction dir, const struct asdu *a,
                 struct policy_decision *out)
{
    out->rule = -2;
    for (unsigned int i = 0; i < a->count; i++) {
        enum policy_action action = dir == DIR_CONTROL ? POLICY_REFUSE : POLICY_PASS;
        int32_t rule = POLICY_DEFAULT;
        const uint8_t *element;
        uint32_t ioa;
        double v;
        assert_true(asdu_object(a, i, &ioa, &element));
        const bool has = asdu_value(a->type, element, &v);
        for (int32_t k = RANDOM_RULES - 1; k >= 0; k--) {
            if (!line_matches(&lines[k], dir, a->type_id, a->ca, ioa, has ? &v : NULL))
                continue;
            rule = k;
            action = lines[k].action;
        }
        if (out->rule == -2 || action > out->action)
            *out = (struct policy_decision){.action = action, .rule = rule, .object = i};
    }
}

static struct make draw_message(enum direction dir)
{
    static const uint8_t control[] = {45, 50, 100, 113, 102},
                         monitor[] = {1, 13, 30, 45, 100};
    struct make m = {.ca = (uint16_t)draw_address(65534), .ioa = draw_address(0xFFFFFF)};
    m.type = dir == DIR_CONTROL ? control[draw(5)] : monitor[draw(5)];
    m.cause = dir == DIR_CONTROL ? (m.type == 102 ? 5 : 6) : (m.type >= 45 ? 7 : 3);
    if (m.type == 100) {
        m.ioa = 0;
        m.ca = dir == DIR_CONTROL && draw(3) == 0 ? 65535 : m.ca;
    }
    if (m.type < 45)
        m.vsq = (uint8_t)((m.type == 30 || draw(2) ? 0 : 0x80) | (1 + draw(15)));
    if (m.ioa + (m.vsq & 0x7Fu) > 0xFFFFFF)
        m.ioa -= m.vsq & 0x7Fu;
    return m;
}

static void check_message(const struct policy *p, const struct line *lines)
{
    const enum direction dir = draw(2) ? DIR_MONITOR : DIR_CONTROL;
    const struct make m = draw_message(dir);
    uint8_t octets[MAKE_ROOM];
    struct policy_decision got, want = {.object = 0};
    struct asdu a;
    const size_t n = asdu_make(&m, octets);
    if (m.type == 13 || m.type == 50) {
        const float v = (float)draw(6) - 2.0f;
        memcpy(octets + 9, &v, 4);
    }
    assert_int_equal(asdu_parse(octets, n, dir, &PROFILE_104, &a).reason, REASON_OK);
    policy_decide(p, dir, &a, &got);
    scan(lines, dir, &a, &want);
    if (got.rule != want.rule || got.action != want.action || got.object != want.object)
        fail_msg("type %u ca %u ioa %u: rule %d, not %d", m.type, m.ca, m.ioa, got.rule,
                 want.rule);
}

static void test_compiled_is_scanned(void **state)
{
    (void)state;
    srandom(104);
    for (int round = 0; round < 300; round++) {
        struct line lines[RANDOM_RULES];
        for (int i = 0; i < RANDOM_RULES; i++)
            lines[i] = draw_line();
        struct policy *p = line_policy(lines, RANDOM_RULES);
        for (int i = 0; i < 400; i++)
            check_message(p, lines);
        policy_free(p);
    }
}

/* ---- size
 * --------------------------------------------------------------------------------------
 */

static struct policy_stats stats_of(struct policy *p)
{
    struct policy_stats s;
    policy_stats(p, &s);
    return s;
}

static struct policy *many(uint32_t n, struct line (*line)(uint32_t i))
{
    struct policy_builder *b = policy_builder_new();
    for (uint32_t i = 0; i < n; i++) {
        const struct line l = line(i);
        assert_true(line_add(b, &l));
    }
    return line_load(b);
}

static struct line point(uint32_t i)
{
    return (struct line){"point",
                         POLICY_PASS,
                         {45, 46, 58, 50},
                         {{1 + i / 100, 1 + i / 100}},
                         {{1000 + i, 1000 + i}},
                         false,
                         0,
                         0,
                         0};
}

/* Ranges of common addresses that lie in each other, each with its own object. */
static struct line nested(uint32_t i)
{
    return (struct line){
        "nested", POLICY_PASS, {45}, {{1 + i, 65534 - i}}, {{1 + i, 1 + i}}, false,
        0,        0,           0};
}

/* Half the rules for any station, half for one each: every station has its own set. */
static struct line crossed(uint32_t i)
{
    struct line l = {"crossed", POLICY_PASS, {45}, {{0, 0}}, {{1 + i, 1 + i}},
                     false,     0,           0,    0};
    if (i % 2 == 1)
        l.ca[0] = (struct policy_range){i, i};
    return l;
}

static void test_ten_thousand_rules(void **state)
{
    (void)state;
    struct policy *p = many(10000, point);
    struct policy_stats s = stats_of(p);
    assert_int_equal(s.rules, 10000);
    assert_int_equal(s.indexes, 1);
    assert_true(s.segments < 25000 && s.candidates <= 10000 && s.octets < 2u << 20);
    for (uint32_t i = 0; i < 10000; i += 7) {
        assert_int_equal(line_rule(p, 58, (uint16_t)(1 + i / 100), 1000 + i), i);
        assert_int_equal(line_rule(p, 58, (uint16_t)(2 + i / 100), 1000 + i),
                         POLICY_DEFAULT);
    }
    policy_free(p);
}

static struct line same(uint32_t i)
{
    return (struct line){
        i % 2 ? "odd" : "even", POLICY_PASS, {45}, {{1, 1}}, {{5, 5}}, false, 0, 0, 0};
}

/* What can never match costs nothing: a decision looks at the first rule only. */
static void test_hidden_rules(void **state)
{
    (void)state;
    struct policy *p = many(1000, same);
    assert_int_equal(stats_of(p).candidates, 1);
    assert_int_equal(stats_of(p).segments, 3);
    assert_int_equal(line_rule(p, 45, 1, 5), 0);
    policy_free(p);

    static const struct line lines[] = {
        {"wide", POLICY_PASS, {45}, {{1, 1}}, {{10, 99}}, false, 0, 0, 0},
        {"inside", POLICY_DROP, {45}, {{1, 1}}, {{50, 60}}, false, 0, 0, 0},
    };
    p = line_policy(lines, 2);
    assert_int_equal(stats_of(p).segments, 3); /* before, wide, behind */
    policy_free(p);
}

static void test_overlapping_rules(void **state)
{
    (void)state;
    struct policy *p = many(10000, nested);
    struct policy_stats s = stats_of(p);
    assert_true(s.octets < 32u << 20);
    assert_int_equal(line_rule(p, 45, 30000, 10000), 9999);
    assert_int_equal(line_rule(p, 45, 9999, 10000), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 10000, 10000), 9999);
    policy_free(p);
    p = many(10000, crossed);
    s = stats_of(p);
    assert_true(s.octets < 32u << 20);
    assert_int_equal(line_rule(p, 45, 4001, 4002), 4001);
    assert_int_equal(line_rule(p, 45, 4003, 4002), POLICY_DEFAULT);
    assert_int_equal(line_rule(p, 45, 4003, 4001), 4000);
    policy_free(p);
}

/* More value ranges on one object than a decision may look at. */
static void test_too_many_values(void **state)
{
    (void)state;
    for (uint32_t n = POLICY_VALUES_MAX; n <= POLICY_VALUES_MAX + 1; n++) {
        struct policy_builder *b = policy_builder_new();
        struct policy *p;
        size_t size;
        for (uint32_t i = 0; i < n; i++) {
            const struct line l = {"",   POLICY_PASS, {50}, {{1, 1}}, {{7, 7}},
                                   true, i,           i,    0};
            assert_true(line_add(b, &l));
        }
        const uint8_t *blob = policy_builder_blob(b, &size);
        line_err[0] = '\0';
        const bool good = policy_load(blob, size, &p, line_err, sizeof line_err);
        assert_int_equal(good, n == POLICY_VALUES_MAX);
        if (!good)
            assert_non_null(strstr(line_err, "object address 7"));
        policy_free(p);
        policy_builder_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compiled_is_scanned),
        cmocka_unit_test(test_ten_thousand_rules),
        cmocka_unit_test(test_hidden_rules),
        cmocka_unit_test(test_overlapping_rules),
        cmocka_unit_test(test_too_many_values),
    };
    return cmocka_run_group_tests_name("policy_scan", tests, NULL, NULL);
}
