/* The policies that are shipped: each loads without a warning, nothing in it hides
 * anything else, and for every type, cause and kind of address it says what this table
 * says, whatever quirks the route has. */
#include "policy/policy.h"
#include "policy/policy_review.h"
#include "proxy/policy_file.h"
#include "tests/lib/asdu_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ACT      COT_BIT(6)
#define DEACT    COT_BIT(8)
#define FILES    (COT_BIT(5) | COT_BIT(13))
#define NOWHERE  9999u

enum stations { CA_1, CA_ANY, CA_ALL_TOO };

/* What passes; all else is refused. */
struct row {
    uint8_t types[8]; /* end at 0 */
    uint64_t causes;
    uint32_t ioa; /* the first of a hundred that are listed; 0: any */
    enum stations stations;
    enum policy_action action;
};

#define STATION(ca)                                                                      \
    {{100}, ACT | DEACT, 0, ca, POLICY_PASS},                                            \
    {                                                                                    \
        {101, 103, 107}, ACT, 0, ca, POLICY_PASS                                         \
    }
#define OPERATE                                                                          \
    {{45, 46, 58, 59}, ACT | DEACT, 1001, CA_1, POLICY_PASS},                            \
        {{47, 60}, ACT | DEACT, 1201, CA_1, POLICY_PASS},                                \
        {{50, 63}, ACT | DEACT, 1301, CA_1, POLICY_PASS},                                \
        {{49, 62}, ACT | DEACT, 1401, CA_1, POLICY_PASS},                                \
        {{48, 61}, ACT | DEACT, 1501, CA_1, POLICY_PASS},                                \
    {                                                                                    \
        {51, 64}, ACT, 1601, CA_1, POLICY_PASS                                           \
    }

static const struct row LOOK[] = {STATION(CA_ANY),
                                  {{102}, COT_BIT(5), 0, CA_ANY, POLICY_PASS}};
static const struct row RUN[] = {STATION(CA_1), OPERATE};
static const struct row CHANGE[] = {
    STATION(CA_1),
    OPERATE,
    {{102}, COT_BIT(5), 0, CA_1, POLICY_PASS},
    {{110, 111, 112}, ACT, 0, CA_1, POLICY_ALARM},
    {{113}, ACT | DEACT, 0, CA_1, POLICY_ALARM},
    {{105}, ACT, 0, CA_1, POLICY_ALARM},
    {{120, 121, 122, 123, 124, 125, 127}, FILES, 0, CA_1, POLICY_ALARM},
};
static const struct row ALL[] = {
    {{45, 46, 47, 48, 49, 50}, ACT | DEACT, 0, CA_ANY, POLICY_PASS},
    {{58, 59, 60, 61, 62, 63}, ACT | DEACT, 0, CA_ANY, POLICY_PASS},
    {{51, 64}, ACT, 0, CA_ANY, POLICY_PASS},
    {{100}, ACT | DEACT, 0, CA_ALL_TOO, POLICY_PASS},
    {{101, 103, 105}, ACT, 0, CA_ALL_TOO, POLICY_PASS},
    {{102}, COT_BIT(5), 0, CA_ANY, POLICY_PASS},
    {{107, 110, 111, 112}, ACT, 0, CA_ANY, POLICY_PASS},
    {{113}, ACT | DEACT, 0, CA_ANY, POLICY_PASS},
    {{120, 121, 122, 123, 124, 125, 127}, FILES, 0, CA_ANY, POLICY_PASS},
};

static const struct preset {
    const char *name;
    const struct row *rows;
    size_t count;
} PRESETS[] = {
    {"monitor-only", NULL, 0},
    {"monitor-gi-clock", LOOK, COUNT(LOOK)},
    {"operate", RUN, COUNT(RUN)},
    {"engineering", CHANGE, COUNT(CHANGE)},
    {"conformance-strict", ALL, COUNT(ALL)},
};

/* Every quirk: what the validator would stop has to be stopped here. */
static struct profile lenient;

static struct policy *load(const char *name, struct policy_file *file)
{
    const struct config_place at = {"gate104.conf", 1, "policy"};
    struct config_errors errs;
    struct policy *p = NULL;
    char path[120], err[200];

    (void)snprintf(path, sizeof path, "doc/policies/%s.policy", name);
    config_errors_init(&errs);
    if (!policy_file_load(path, &at, &errs, file) || errs.count > 0) {
        config_errors_print(&errs, stderr);
        fail_msg("%s", path);
    }
    config_errors_free(&errs);
    assert_true(policy_load(file->blob, file->size, &p, err, sizeof err));
    return p;
}

/* True if it came as far as the policy. */
static bool decide(const struct policy *p, const struct make *m,
                   struct policy_decision *d)
{
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(m, octets);
    struct asdu a;

    if (n > 249 || asdu_parse(octets, n, DIR_CONTROL, &lenient, &a).reason != REASON_OK ||
        a.objects == NULL)
        return false;
    policy_decide(p, DIR_CONTROL, &a, d);
    return true;
}

static bool is_of(const struct row *r, uint8_t type)
{
    return memchr(r->types, type, sizeof r->types) != NULL;
}

static enum policy_action expected(const struct preset *p, const struct make *m)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct row *r = &p->rows[i];

        if (!is_of(r, m->type) || (r->causes & COT_BIT(m->cause)) == 0)
            continue;
        if ((m->ca == 2 && r->stations == CA_1) ||
            (m->ca == 65535 && r->stations != CA_ALL_TOO))
            continue;
        if (r->ioa != 0 && m->ioa == NOWHERE)
            continue;
        return r->action;
    }
    return POLICY_REFUSE;
}

/* An address that the preset lists for the type, if it lists any. */
static uint32_t listed(const struct preset *p, uint8_t type)
{
    for (size_t i = 0; i < p->count; i++) {
        if (is_of(&p->rows[i], type))
            return p->rows[i].ioa;
    }
    return 0;
}

static unsigned int check(const struct preset *preset, const struct policy *p,
                          uint8_t type, uint8_t cause)
{
    static const uint16_t stations[] = {1, 2, 65535};
    const uint32_t points[] = {listed(preset, type), NOWHERE};
    unsigned int asked = 0;

    for (size_t c = 0; c < COUNT(stations); c++) {
        for (size_t i = 0; i < COUNT(points); i++) {
            const bool zero = type_info(type)->ioa == TYPE_IOA_ZERO;
            const struct make m = {.type = type,
                                   .cause = cause,
                                   .ca = stations[c],
                                   .ioa = zero ? 0 : points[i]};
            struct policy_decision d;

            if (!decide(p, &m, &d))
                continue;
            if (d.action != expected(preset, &m))
                fail_msg("%s: %s, cause %u, CA %u, IOA %u: %s", preset->name,
                         type_info(type)->name, cause, m.ca, m.ioa,
                         policy_action_name(d.action));
            asked++;
        }
    }
    return asked;
}

static void test_every_type_and_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(PRESETS); i++) {
        struct policy_file file;
        struct policy *p = load(PRESETS[i].name, &file);
        unsigned int asked = 0;

        for (uint8_t type = 1; type < 128; type++) {
            const struct type_info *info = type_info(type);
            if (!info || info->layout != TYPE_LAYOUT_OBJECTS)
                continue;
            for (uint8_t cause = 1; cause < 64; cause++)
                asked += check(&PRESETS[i], p, type, cause);
        }
        assert_in_range(asked, 200, 100000);
        policy_free(p);
        policy_file_free(&file);
    }
}

static void test_nothing_hides_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(PRESETS); i++) {
        struct policy_file file;
        struct policy_finding found[8];
        struct policy *p = load(PRESETS[i].name, &file);
        bool whole;

        assert_int_equal(policy_review(file.blob, file.size, found, COUNT(found), &whole),
                         0);
        assert_true(whole);
        assert_int_equal(policy_default(p, DIR_CONTROL), POLICY_REFUSE);
        assert_int_equal(policy_default(p, DIR_MONITOR), POLICY_PASS);
        policy_free(p);
        policy_file_free(&file);
    }
}

static enum policy_action ask(const char *name, const struct make *m, size_t at,
                              uint8_t octet)
{
    struct policy_file file;
    struct policy *p = load(name, &file);
    uint8_t octets[MAKE_ROOM];
    const size_t n = asdu_make(m, octets);
    struct policy_decision d;
    struct asdu a;

    octets[at] = octet;
    assert_int_equal(asdu_parse(octets, n, DIR_CONTROL, &lenient, &a).reason, REASON_OK);
    policy_decide(p, DIR_CONTROL, &a, &d);
    policy_free(p);
    policy_file_free(&file);
    return d.action;
}

/* Qualifiers, values, and the bits of the header. */
static void test_what_else_they_ask(void **state)
{
    static const struct make counters = {.type = 101, .cause = 6, .ca = 1};
    static const struct make point = {.type = 50, .cause = 6, .ca = 1, .ioa = 1301};
    const struct make originator = {.type = 45, .cause = 6, .ca = 1, .ioa = 5, .oa = 3};
    const struct make test = {.type = 45, .cause = 6, .ca = 1, .ioa = 5, .flags = 0x80};

    (void)state;
    assert_int_equal(ask("monitor-gi-clock", &counters, 9, 5), POLICY_PASS);
    assert_int_equal(ask("monitor-gi-clock", &counters, 9, 0x45), POLICY_REFUSE);
    assert_int_equal(ask("operate", &counters, 9, 0x45), POLICY_REFUSE);
    assert_int_equal(ask("engineering", &counters, 9, 0x45), POLICY_PASS);
    assert_int_equal(ask("operate", &point, 12, 0x42), POLICY_PASS);   /* 64 */
    assert_int_equal(ask("operate", &point, 12, 0x43), POLICY_REFUSE); /* 256 */
    assert_int_equal(ask("operate", &point, 12, 0xC2), POLICY_REFUSE); /* -64 */
    assert_int_equal(ask("conformance-strict", &originator, 9, 1), POLICY_REFUSE);
    assert_int_equal(ask("conformance-strict", &test, 9, 1), POLICY_REFUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_and_cause),
        cmocka_unit_test(test_nothing_hides_anything),
        cmocka_unit_test(test_what_else_they_ask),
    };

    lenient = PROFILE_104;
    lenient.quirks[DIR_CONTROL] = lenient.quirks[DIR_MONITOR] = ~UINT32_C(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
