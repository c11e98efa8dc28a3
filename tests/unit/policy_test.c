/* The policy: what its rules mean, and that the compiled form means the same. */
#include "policy/policy.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_RANGES 4

static char err[200];

/* ---- small policies in a line
 * ---------------------------------------------------------- */

struct line {
    const char *name;
    enum policy_action action;
    uint8_t types[5];
    struct policy_range ca[MAX_RANGES], ioa[MAX_RANGES]; /* end at last == 0 */
    bool has_value;
    double min, max;
    enum direction direction;
};

static bool add_line(struct policy_builder *b, const struct line *l)
{
    struct policy_rule r = {.name = l->name,
                            .direction = l->direction,
                            .action = l->action,
                            .ca = l->ca,
                            .ioa = l->ioa,
                            .has_value = l->has_value,
                            .value_min = l->min,
                            .value_max = l->max};
    for (size_t i = 0; i < sizeof l->types && l->types[i]; i++)
        policy_types_set(r.types, l->types[i]);
    while (r.ca_count < MAX_RANGES && l->ca[r.ca_count].last)
        r.ca_count++;
    while (r.ioa_count < MAX_RANGES && l->ioa[r.ioa_count].last)
        r.ioa_count++;
    return policy_builder_add(b, &r, err, sizeof err);
}

static struct policy *load(struct policy_builder *b)
{
    struct policy *p = NULL;
    size_t size;
    const uint8_t *blob = policy_builder_blob(b, &size);
    if (!policy_load(blob, size, &p, err, sizeof err))
        fail_msg("%s", err);
    policy_builder_free(b);
    return p;
}

static struct policy *policy_of(const struct line *lines, size_t n)
{
    struct policy_builder *b = policy_builder_new();
    for (size_t i = 0; i < n; i++)
        if (!add_line(b, &lines[i]))
            fail_msg("line %zu: %s", i, err);
    return load(b);
}

/* Decides on a made command or message. */
static int32_t decide(const struct policy *p, enum direction dir, const struct make *m,
                      enum policy_action *action)
{
    uint8_t octets[MAKE_ROOM];
    struct asdu a;
    struct policy_decision d;
    const size_t n = asdu_make(m, octets);
    assert_int_equal(asdu_parse(octets, n, dir, &a).reason, REASON_OK);
    policy_decide(p, dir, &a, &d);
    assert_string_equal(d.name, policy_rule_name(p, d.rule));
    if (action)
        *action = d.action;
    return d.rule;
}

static int32_t rule_for(const struct policy *p, uint8_t type, uint16_t ca, uint32_t ioa)
{
    const struct make m = {.type = type, .cause = 6, .ca = ca, .ioa = ioa};
    return decide(p, DIR_CONTROL, &m, NULL);
}

/* ---- what rules mean
 * --------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    (void)state;
    const struct make command = {.type = 45, .cause = 6},
                      message = {.type = 1, .cause = 3};
    enum policy_action action;
    struct policy *p = policy_of(NULL, 0);
    assert_int_equal(decide(p, DIR_CONTROL, &command, &action), POLICY_DEFAULT);
    assert_int_equal(action, POLICY_REFUSE);
    assert_int_equal(decide(p, DIR_MONITOR, &message, &action), POLICY_DEFAULT);
    assert_int_equal(action, POLICY_PASS);
    assert_int_equal(policy_default(p, DIR_CONTROL), POLICY_REFUSE);
    assert_string_equal(policy_rule_name(p, 0), "default");
    policy_free(p);

    struct policy_builder *b = policy_builder_new();
    policy_builder_default(b, DIR_CONTROL, POLICY_CLOSE);
    policy_builder_default(b, DIR_MONITOR, POLICY_DROP);
    p = load(b);
    decide(p, DIR_CONTROL, &command, &action);
    assert_int_equal(action, POLICY_CLOSE);
    decide(p, DIR_MONITOR, &message, &action);
    assert_int_equal(action, POLICY_DROP);
    policy_free(p);
    policy_free(NULL);
    policy_builder_free(NULL);
}

static const struct line FEEDERS[] = {
    {"no 1050", POLICY_DROP, {45}, {{1, 1}}, {{1050, 1050}}, false, 0, 0, DIR_CONTROL},
    {"feeders",
     POLICY_PASS,
     {45, 58, 46},
     {{1, 1}, {7, 9}},
     {{1001, 1100}},
     false,
     0,
     0,
     0},
    {"", POLICY_LOG, {100, 103}, {{1, 1}}, {{0, 0}}, false, 0, 0, 0},
    {"any station", POLICY_PASS, {47}, {{0, 0}}, {{5, 5}}, false, 0, 0, 0},
};

static void test_matching(void **state)
{
    (void)state;
    struct policy *p = policy_of(FEEDERS, 4);
    assert_int_equal(policy_rule_count(p), 4);
    assert_string_equal(policy_rule_name(p, 1), "feeders");
    assert_string_equal(policy_rule_name(p, 2), "");
    assert_string_equal(policy_rule_name(p, 4), "default");
    assert_int_equal(rule_for(p, 45, 1, 1000), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 1, 1001), 1);
    assert_int_equal(rule_for(p, 45, 1, 1050), 0);
    assert_int_equal(rule_for(p, 58, 1, 1050), 1);
    assert_int_equal(rule_for(p, 45, 1, 1100), 1);
    assert_int_equal(rule_for(p, 45, 1, 1101), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 2, 1001), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 6, 1001), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 7, 1050), 1);
    assert_int_equal(rule_for(p, 45, 9, 1001), 1);
    assert_int_equal(rule_for(p, 45, 10, 1001), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 48, 1, 1001), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 100, 1, 0), 2);
    assert_int_equal(rule_for(p, 105, 1, 0), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 47, 1, 5), 3);
    assert_int_equal(rule_for(p, 47, 65534, 5), 3);
    assert_int_equal(rule_for(p, 47, 65534, 6), POLICY_DEFAULT);
    policy_free(p);
}

/* 65535 is a permission of its own. */
static void test_all_stations(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"any", POLICY_PASS, {100, 105}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0},
        {"most", POLICY_PASS, {100, 105}, {{1, 65534}}, {{0, 0}}, false, 0, 0, 0},
        {"all", POLICY_PASS, {100}, {{2, 2}, {65535, 65535}}, {{0, 0}}, false, 0, 0, 0},
    };
    struct policy *p = policy_of(lines, 3);
    assert_int_equal(rule_for(p, 100, 65534, 0), 0);
    assert_int_equal(rule_for(p, 100, 65535, 0), 2);
    assert_int_equal(rule_for(p, 105, 65535, 0), POLICY_DEFAULT);
    policy_free(p);
    p = policy_of(lines, 2);
    assert_int_equal(rule_for(p, 100, 65535, 0), POLICY_DEFAULT);
    policy_free(p);
}

/* Object addresses do not restrict types that have none, and do restrict "all
 * parameters". */
static void test_types_without_address(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"mixed", POLICY_PASS, {45, 100, 105, 113}, {{1, 1}}, {{10, 20}}, false, 0, 0, 0},
        {"all parameters", POLICY_PASS, {113}, {{2, 2}}, {{0, 5}}, false, 0, 0, 0},
    };
    static const uint8_t act_loaded[] = {113, 1, 6, 0, 1, 0, 0, 0, 0, 1};
    uint8_t octets[sizeof act_loaded];
    struct policy *p = policy_of(lines, 2);
    struct policy_decision d;
    struct asdu a;
    assert_int_equal(rule_for(p, 45, 1, 9), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 1, 10), 0);
    assert_int_equal(rule_for(p, 100, 1, 0), 0);
    assert_int_equal(rule_for(p, 105, 1, 0), 0);
    assert_int_equal(rule_for(p, 113, 1, 15), 0);
    memcpy(octets, act_loaded, sizeof octets);
    for (uint8_t ca = 1; ca <= 2; ca++) {
        octets[4] = ca;
        assert_int_equal(asdu_parse(octets, sizeof octets, DIR_CONTROL, &a).reason,
                         REASON_OK);
        policy_decide(p, DIR_CONTROL, &a, &d);
        assert_int_equal(d.rule, ca == 1 ? POLICY_DEFAULT : 1);
    }
    policy_free(p);
}

static int32_t set_point(const struct policy *p, float value)
{
    uint8_t octets[] = {50, 1, 6, 0, 1, 0, 0x15, 5, 0, 0, 0, 0, 0, 0};
    struct policy_decision d;
    struct asdu a;
    memcpy(octets + 9, &value, 4);
    asdu_parse(octets, sizeof octets, DIR_CONTROL, &a);
    policy_decide(p, DIR_CONTROL, &a, &d);
    return d.rule;
}

static void test_values(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"low", POLICY_PASS, {50}, {{1, 1}}, {{1301, 1301}}, true, 0.0, 110.0, 0},
        {"high", POLICY_LOG, {50, 100}, {{1, 1}}, {{1301, 1301}}, true, 100.0, 200.0, 0},
        {"rest", POLICY_DROP, {50}, {{1, 1}}, {{1300, 1302}}, false, 0, 0, 0},
        {"never", POLICY_PASS, {50}, {{1, 1}}, {{1301, 1301}}, true, -10, 1000, 0},
    };
    struct policy *p = policy_of(lines, 4);
    assert_int_equal(set_point(p, 0.0f), 0);
    assert_int_equal(set_point(p, 110.0f), 0);
    assert_int_equal(set_point(p, 110.5f), 1);
    assert_int_equal(set_point(p, 200.0f), 1);
    assert_int_equal(set_point(p, 200.5f), 2);
    assert_int_equal(set_point(p, -0.5f), 2);
    assert_int_equal(set_point(p, NAN), 2);
    assert_int_equal(set_point(p, INFINITY), 2);
    assert_int_equal(rule_for(p, 100, 1, 0), POLICY_DEFAULT); /* carries no number */
    policy_free(p);
}

/* ---- several objects
 * ----------------------------------------------------------------------- */

static void test_strictest_object_decides(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {"noise", POLICY_DROP, {1}, {{1, 1}}, {{105, 105}}, false, 0, 0, DIR_MONITOR},
        {"watch", POLICY_LOG, {1}, {{1, 1}}, {{103, 110}}, false, 0, 0, DIR_MONITOR},
        {"evil", POLICY_CLOSE, {1}, {{1, 1}}, {{120, 120}}, false, 0, 0, DIR_MONITOR},
    };
    struct policy *p = policy_of(lines, 3);
    for (unsigned int sq = 0; sq <= 0x80; sq += 0x80) {
        static const struct {
            uint32_t first;
            uint8_t count;
            int32_t rule;
        } cases[] = {{100, 3, POLICY_DEFAULT},
                     {100, 4, 1},
                     {100, 6, 0},
                     {106, 5, 1},
                     {106, 14, 1},
                     {106, 15, 2},
                     {100, 30, 2},
                     {121, 40, POLICY_DEFAULT}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct make m = {.type = 1,
                                   .cause = 3,
                                   .ioa = cases[i].first,
                                   .vsq = (uint8_t)(sq | cases[i].count)};
            assert_int_equal(decide(p, DIR_MONITOR, &m, NULL), cases[i].rule);
        }
    }
    policy_free(p);
}

static void test_unsound_asdu_never_passes(void **state)
{
    (void)state;
    static const enum policy_action defaults[] = {POLICY_PASS, POLICY_LOG, POLICY_CLOSE};
    const uint8_t octets[] = {45, 1, 6, 0, 1, 0, 1, 0, 0};
    for (size_t i = 0; i < 3; i++) {
        struct policy_builder *b = policy_builder_new();
        policy_builder_default(b, DIR_CONTROL, defaults[i]);
        struct policy *p = load(b);
        struct policy_decision d;
        struct asdu a;
        for (size_t n = 0; n <= sizeof octets; n++) {
            assert_int_not_equal(asdu_parse(octets, n, DIR_CONTROL, &a).reason,
                                 REASON_OK);
            policy_decide(p, DIR_CONTROL, &a, &d);
            assert_int_equal(d.action, i == 2 ? POLICY_CLOSE : POLICY_REFUSE);
            assert_int_equal(d.rule, POLICY_DEFAULT);
        }
        policy_free(p);
    }
}

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
    for (int i = 0; i < MAX_RANGES && r[i].last; i++)
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
    assert_int_equal(asdu_parse(octets, n, dir, &a).reason, REASON_OK);
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
        struct policy *p = policy_of(lines, RANDOM_RULES);
        for (int i = 0; i < 400; i++)
            check_message(p, lines);
        policy_free(p);
    }
}

/* ---- rules that are none
 * ----------------------------------------------------------------- */

static const struct {
    const char *what, *says;
    struct line line;
} BAD[] = {
    {"no type", "no type", {"", 0, {0}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"101 type", "not one of 104", {"", 0, {104}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"private type",
     "not one of 104",
     {"", 0, {200}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"monitor type", "direction", {"", 0, {45, 1}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA 0", "common", {"", 0, {45}, {{0, 5}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA range with 65535",
     "65535",
     {"", 0, {45}, {{1, 65535}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA 65536", "common", {"", 0, {45}, {{65536, 65536}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA reversed", "common", {"", 0, {45}, {{5, 4}}, {{0, 0}}, false, 0, 0, 0}},
    {"CA reversed among others",
     "common",
     {"", 0, {45}, {{1, 9}, {5, 4}, {6, 7}}, {{0, 0}}, false, 0, 0, 0}},
    {"IOA too large",
     "object",
     {"", 0, {45}, {{1, 1}}, {{1, 0x1000000}}, false, 0, 0, 0}},
    {"IOA reversed", "object", {"", 0, {45}, {{1, 1}}, {{6, 5}}, false, 0, 0, 0}},
    {"value NaN", "finite", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, NAN, 1, 0}},
    {"value infinite", "finite", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, 0, INFINITY, 0}},
    {"value empty", "empty", {"", 0, {50}, {{1, 1}}, {{0, 0}}, true, 1, 0.5, 0}},
    {"name too long",
     "name",
     {"1234567890123456789012345678901234567890123456789012345678901234",
      0,
      {45},
      {{0, 0}},
      {{0, 0}},
      false,
      0,
      0,
      0}},
    {"name with newline", "name", {"a\nb", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name with DEL", "name", {"a\x7f", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name in Latin-1",
     "name",
     {"S\xfc"
      "d",
      0,
      {45},
      {{0, 0}},
      {{0, 0}},
      false,
      0,
      0,
      0}},
    {"name cut off", "name", {"S\xc3", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name overlong", "name", {"\xc0\xaf", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name overlong in three",
     "name",
     {"\xe0\x82\xa0", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name surrogate",
     "name",
     {"\xed\xa0\x80", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name C1", "name", {"\xc2\x85", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
    {"name beyond Unicode",
     "name",
     {"\xf4\x90\x80\x80", 0, {45}, {{0, 0}}, {{0, 0}}, false, 0, 0, 0}},
};

static void test_bad_rules(void **state)
{
    (void)state;
    static const struct line good[] = {
        {"S\xc3\xbc"
         "d \xe2\x82\xac \xf0\x9f\x94\x8c",
         0,
         {45},
         {{1, 65534}, {65535, 65535}},
         {{0, 0xFFFFFF}},
         false,
         0,
         0,
         0},
        {"123456789012345678901234567890123456789012345678901234567890123",
         0,
         {50},
         {{0, 0}},
         {{0, 0}},
         true,
         1,
         1,
         0},
    };
    struct policy_builder *b = policy_builder_new();
    size_t before, after;
    policy_builder_blob(b, &before);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        err[0] = '\0';
        if (add_line(b, &BAD[i].line) || strstr(err, BAD[i].says) == NULL)
            fail_msg("%s: \"%s\"", BAD[i].what, err);
    }
    policy_builder_blob(b, &after);
    assert_int_equal(before, after);
    assert_true(add_line(b, &good[0]) && add_line(b, &good[1]));
    policy_free(load(b));
}

/* Order and overlap of ranges do not matter to the blob. */
static void test_blob_is_canonical(void **state)
{
    (void)state;
    static const struct line one = {"",    POLICY_PASS, {45}, {{1, 9}}, {{10, 30}},
                                    false, 0,           0,    0};
    static const struct line same = {"",
                                     POLICY_PASS,
                                     {45},
                                     {{5, 9}, {1, 3}, {2, 4}},
                                     {{21, 30}, {10, 20}, {12, 13}},
                                     false,
                                     0,
                                     0,
                                     0};
    struct policy_builder *a = policy_builder_new(), *b = policy_builder_new();
    size_t n, m;
    assert_true(add_line(a, &one) && add_line(b, &same));
    const uint8_t *p = policy_builder_blob(a, &n), *q = policy_builder_blob(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(p, q, n);
    policy_builder_free(a);
    policy_builder_free(b);
}

/* ---- hostile blobs
 * --------------------------------------------------------------------------- */

static const struct line SAMPLE[] = {
    {"one",
     POLICY_PASS,
     {45},
     {{1, 1}, {7, 9}},
     {{1001, 1100}},
     false,
     0,
     0,
     DIR_CONTROL},
    {"two", POLICY_LOG, {50}, {{1, 1}}, {{5, 6}, {8, 9}}, true, 0.0, 110.0, DIR_CONTROL},
    {"three", POLICY_DROP, {1}, {{0, 0}}, {{0, 0}}, false, 0, 0, DIR_MONITOR},
};

static size_t sample_blob(uint8_t out[1024])
{
    struct policy_builder *b = policy_builder_new();
    size_t n;
    for (int i = 0; i < 3; i++)
        assert_true(add_line(b, &SAMPLE[i]));
    const uint8_t *blob = policy_builder_blob(b, &n);
    assert_true(n <= 1024);
    memcpy(out, blob, n);
    policy_builder_free(b);
    return n;
}

static bool loads(struct guard_page *g, const uint8_t *blob, size_t n)
{
    struct policy *p = (struct policy *)(uintptr_t)1;
    err[0] = '\0';
    const bool good = policy_load(guard_page_put(g, blob, n), n, &p, err, sizeof err);
    assert_int_equal(p != NULL, good);
    assert_int_equal(err[0] != '\0', !good);
    policy_free(p);
    return good;
}

static void test_cut_and_grown_blobs(void **state)
{
    (void)state;
    uint8_t blob[1025] = {0};
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    assert_true(loads(&g, blob, n));
    for (size_t cut = 0; cut < n; cut++)
        assert_false(loads(&g, blob, cut));
    assert_false(loads(&g, blob, n + 1));
    guard_page_close(&g);
}

/* Every octet with every value: never a crash, and what the fields forbid is refused. */
static void test_changed_blobs(void **state)
{
    (void)state;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    for (size_t at = 0; at < n; at++) {
        const uint8_t was = blob[at];
        for (unsigned int v = 0; v < 256; v++) {
            blob[at] = (uint8_t)v;
            const bool good = loads(&g, blob, n);
            if (at < 12 || at == 14 || at == 15 || at == 19)
                assert_int_equal(good, v == was); /* magic, count, zero, name length */
            else if (at == 12 || at == 13 || at == 17)
                assert_int_equal(good, v < POLICY_ACTIONS);
            else if (at == 16)
                assert_int_equal(good, v < DIRECTIONS); /* 45 occurs in both */
            else if (at >= 20 && at <= 22)
                assert_int_equal(good, v >= 0x20 && v < 0x7F); /* name, UTF-8 */
            else if (at == 18)
                assert_int_equal(good, v == was); /* values would have to follow */
        }
        blob[at] = was;
    }
    guard_page_close(&g);
}

/* A sender that does not sort: the ranges of rule "one" begin behind its name, its types
 * and the two counts. */
static void test_unsorted_ranges(void **state)
{
    (void)state;
    static const uint8_t ca[][8] = {{1, 0, 1, 0, 7, 0, 9, 0},
                                    {7, 0, 9, 0, 1, 0, 1, 0},
                                    {1, 0, 7, 0, 7, 0, 9, 0},
                                    {1, 0, 6, 0, 7, 0, 9, 0},
                                    {1, 0, 9, 0, 7, 0, 8, 0}};
    static const bool good[] = {true, false, false, true, false};
    const size_t at = 16 + 4 + 3 + 32 + 4;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    const size_t n = sample_blob(blob);
    assert_memory_equal(blob + at, ca[0], 8);
    for (size_t i = 0; i < 5; i++) {
        memcpy(blob + at, ca[i], 8);
        assert_int_equal(loads(&g, blob, n), good[i]);
    }
    guard_page_close(&g);
}

static void test_noise(void **state)
{
    (void)state;
    uint8_t blob[1024];
    struct guard_page g;
    guard_page_open(&g);
    srandom(5);
    for (int i = 0; i < 20000; i++) {
        const size_t n = sample_blob(blob);
        for (uint32_t k = 0, changes = 1 + draw(6); k < changes; k++)
            blob[16 + draw((uint32_t)n - 16)] =
                draw(2) ? (uint8_t)draw(256) : (uint8_t)draw(3);
        loads(&g, blob, n);
    }
    guard_page_close(&g);
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
        assert_true(add_line(b, &l));
    }
    return load(b);
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
        assert_int_equal(rule_for(p, 58, (uint16_t)(1 + i / 100), 1000 + i), i);
        assert_int_equal(rule_for(p, 58, (uint16_t)(2 + i / 100), 1000 + i),
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
    assert_int_equal(rule_for(p, 45, 1, 5), 0);
    policy_free(p);

    static const struct line lines[] = {
        {"wide", POLICY_PASS, {45}, {{1, 1}}, {{10, 99}}, false, 0, 0, 0},
        {"inside", POLICY_DROP, {45}, {{1, 1}}, {{50, 60}}, false, 0, 0, 0},
    };
    p = policy_of(lines, 2);
    assert_int_equal(stats_of(p).segments, 3); /* before, wide, behind */
    policy_free(p);
}

static void test_overlapping_rules(void **state)
{
    (void)state;
    struct policy *p = many(10000, nested);
    struct policy_stats s = stats_of(p);
    assert_true(s.octets < 32u << 20);
    assert_int_equal(rule_for(p, 45, 30000, 10000), 9999);
    assert_int_equal(rule_for(p, 45, 9999, 10000), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 10000, 10000), 9999);
    policy_free(p);
    p = many(10000, crossed);
    s = stats_of(p);
    assert_true(s.octets < 32u << 20);
    assert_int_equal(rule_for(p, 45, 4001, 4002), 4001);
    assert_int_equal(rule_for(p, 45, 4003, 4002), POLICY_DEFAULT);
    assert_int_equal(rule_for(p, 45, 4003, 4001), 4000);
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
            assert_true(add_line(b, &l));
        }
        const uint8_t *blob = policy_builder_blob(b, &size);
        err[0] = '\0';
        const bool good = policy_load(blob, size, &p, err, sizeof err);
        assert_int_equal(good, n == POLICY_VALUES_MAX);
        if (!good)
            assert_non_null(strstr(err, "object address 7"));
        policy_free(p);
        policy_builder_free(b);
    }
}

static void test_names_of_actions(void **state)
{
    (void)state;
    static const char *const names[] = {"pass", "log", "refuse", "drop", "close"};
    enum policy_action action;
    for (size_t i = 0; i < POLICY_ACTIONS; i++) {
        assert_string_equal(policy_action_name((enum policy_action)i), names[i]);
        assert_true(policy_action_by_name(names[i], &action));
        assert_int_equal(action, i);
    }
    assert_false(policy_action_by_name("allow", &action));
    assert_false(policy_action_by_name("", &action));
    assert_string_equal(policy_action_name((enum policy_action)9), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_all_stations),
        cmocka_unit_test(test_types_without_address),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_strictest_object_decides),
        cmocka_unit_test(test_unsound_asdu_never_passes),
        cmocka_unit_test(test_compiled_is_scanned),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_blob_is_canonical),
        cmocka_unit_test(test_cut_and_grown_blobs),
        cmocka_unit_test(test_changed_blobs),
        cmocka_unit_test(test_unsorted_ranges),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_ten_thousand_rules),
        cmocka_unit_test(test_hidden_rules),
        cmocka_unit_test(test_overlapping_rules),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_names_of_actions),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
