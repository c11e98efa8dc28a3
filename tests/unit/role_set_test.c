/* Which roles hold on a route (IEC 62351-8): all that a certificate says for it together,
 * and nothing of what the route does not know. */
#include "certs/role_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BIT(event) (UINT32_C(1) << (event))

static const struct role_settings SETTINGS = {
    .area_count = 2,
    .area = {"rtu-7", "rtu-8"},
    .has_revision = true,
    .revision = 3,
    .definition_count = 1,
    .definition = {"CEI 0-16"},
    .named_count = 1,
    .named = {{-1, "DSO_OPERATOR"}},
};

struct entry {
    int8_t role[3]; /* as many as are not 99 */
    const char *area;
    uint8_t revision;
    const char *definition; /* NULL: absent */
    uint8_t operation;      /* 0: absent */
};

static size_t put(uint8_t *p, uint8_t tag, const void *value, size_t n)
{
    p[0] = tag;
    p[1] = (uint8_t)n;
    memcpy(p + 2, value, n);
    return n + 2;
}

static size_t put_entry(uint8_t *p, const struct entry *e)
{
    uint8_t ids[16], body[128];
    size_t id = 0, n;

    for (size_t i = 0; i < 3 && e->role[i] != 99; i++)
        id += put(ids + id, 0x02, &e->role[i], 1);
    n = put(body, 0x30, ids, id);
    n += put(body + n, 0x0C, e->area, strlen(e->area));
    n += put(body + n, 0x02, &e->revision, 1);
    if (e->definition)
        n += put(body + n, 0x0C, e->definition, strlen(e->definition));
    if (e->operation)
        n += put(body + n, 0x0A, &e->operation, 1);
    return put(p, 0x30, body, n);
}

static struct role_set evaluate(const struct role_settings *s, const struct entry *e,
                                size_t count)
{
    uint8_t inner[256], der[260];
    struct role_set set;
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += put_entry(inner + n, &e[i]);
    assert_in_range(n, 1, 127);
    n = put(der, 0x30, inner, n);
    memset(&set, 0xA5, sizeof set);
    role_set_evaluate(s, ROLE_TOKEN_ONE, der, n, &set);
    assert_false(set.malformed);
    return set;
}

static void assert_text(const struct role_settings *s, const struct role_set *set,
                        const char *want)
{
    char text[ROLE_SET_TEXT_MAX];

    role_set_text(s, set, text);
    assert_string_equal(text, want);
}

static void test_entries(void **state)
{
    static const struct {
        struct entry e;
        const char *text;
        uint32_t events;
    } c[] = {
        {{{1, 99}, "rtu-7", 3, NULL, 0}, "OPERATOR:3:IEC62351-8", 0},
        {{{1, 99}, "rtu-8", 3, "IEC62351-8", 1}, "OPERATOR:3:IEC62351-8", 0},
        {{{1, 99}, "rtu-7", 3, NULL, 3}, "OPERATOR:3:IEC62351-8", 0},
        {{{1, 99}, "rtu-7", 3, NULL, 2}, "none", 0}, /* delete */
        {{{-1, 0, 99}, "rtu-7", 3, "CEI 0-16", 0},
         "DSO_OPERATOR:3:CEI 0-16 VIEWER:3:CEI 0-16",
         0},
        {{{1, 1, 1}, "rtu-7", 3, NULL, 0}, "OPERATOR:3:IEC62351-8", 0},
        {{{1, 99}, "rtu-9", 3, NULL, 0}, "none", BIT(ROLE_EVENT_AREA_UNKNOWN)},
        {{{1, 99}, "rtu", 3, NULL, 0}, "none", BIT(ROLE_EVENT_AREA_UNKNOWN)},
        {{{1, 99}, "RTU-7", 3, NULL, 0}, "none", BIT(ROLE_EVENT_AREA_UNKNOWN)},
        {{{1, 99}, "rtu-7", 2, NULL, 0}, "none", BIT(ROLE_EVENT_REVISION)},
        {{{1, 99}, "rtu-7", 3, "IEC62351-9", 0},
         "none",
         BIT(ROLE_EVENT_DEFINITION_UNKNOWN)},
        {{{1, 99}, "rtu-7", 3, "", 0}, "none", BIT(ROLE_EVENT_DEFINITION_EMPTY)},
        {{{7, 99}, "rtu-7", 3, NULL, 0}, "none", BIT(ROLE_EVENT_ROLE_UNKNOWN)},
        {{{-2, 2, 99}, "rtu-7", 3, NULL, 0},
         "ENGINEER:3:IEC62351-8",
         BIT(ROLE_EVENT_ROLE_UNKNOWN)},
        {{{-2, 99}, "x", 9, "y", 0},
         "none",
         BIT(ROLE_EVENT_ROLE_UNKNOWN) | BIT(ROLE_EVENT_AREA_UNKNOWN) |
             BIT(ROLE_EVENT_REVISION) | BIT(ROLE_EVENT_DEFINITION_UNKNOWN)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        const struct role_set set = evaluate(&SETTINGS, &c[i].e, 1);
        assert_text(&SETTINGS, &set, c[i].text);
        if (set.events != c[i].events)
            fail_msg("entry %zu: events %x, not %x", i, set.events, c[i].events);
    }
}

/* B2: the rights of several roles together; an entry that fails takes nothing away. */
static void test_union(void **state)
{
    static const struct entry e[] = {
        {{0, 99}, "rtu-7", 3, NULL, 0},
        {{4, 99}, "elsewhere", 3, NULL, 0},
        {{1, 0, 99}, "rtu-8", 3, NULL, 0},
        {{1, 99}, "rtu-7", 3, NULL, 2},
    };
    const struct role_set set = evaluate(&SETTINGS, e, 4);

    (void)state;
    assert_text(&SETTINGS, &set, "VIEWER:3:IEC62351-8 OPERATOR:3:IEC62351-8");
    assert_int_equal(set.events, BIT(ROLE_EVENT_AREA_UNKNOWN));
}

static void test_without_revision(void **state)
{
    static const struct entry e = {{1, 99}, "rtu-7", 9, NULL, 0};
    struct role_settings s = SETTINGS;
    struct role_set set;

    (void)state;
    s.has_revision = false;
    set = evaluate(&s, &e, 1);
    assert_text(&s, &set, "OPERATOR:9:IEC62351-8");
    assert_int_equal(set.events, 0);
    s.area_count = 0;
    set = evaluate(&s, &e, 1);
    assert_text(&s, &set, "none");
}

/* B4: the default is for a certificate that says nothing, never for one that says
 * something that does not hold. */
static void test_default(void **state)
{
    static const uint8_t misuse[] = "\x0C\x08OPERATOR";
    static const struct entry wrong = {{0, 99}, "elsewhere", 3, NULL, 0};
    struct role_settings s = SETTINGS;
    struct role_set set;

    (void)state;
    role_set_evaluate(&s, ROLE_TOKEN_NONE, NULL, 0, &set);
    assert_text(&s, &set, "none");
    assert_int_equal(set.events, BIT(ROLE_EVENT_NOT_AVAILABLE));
    assert_false(set.malformed);
    s.has_default = true;
    s.default_role = 1;
    role_set_evaluate(&s, ROLE_TOKEN_NONE, NULL, 0, &set);
    assert_text(&s, &set, "OPERATOR:3:no_role");
    assert_int_equal(set.events, BIT(ROLE_EVENT_NOT_AVAILABLE));
    role_set_default(&s, &set);
    assert_text(&s, &set, "OPERATOR:3:no_role");
    assert_int_equal(set.events, 0);
    set = evaluate(&s, &wrong, 1);
    assert_text(&s, &set, "none");
    role_set_evaluate(&s, ROLE_TOKEN_ONE, misuse, sizeof misuse - 1, &set);
    assert_text(&s, &set, "none");
    assert_true(set.malformed);
    assert_int_equal(set.fault, USER_ROLES_MALFORMED);
    assert_int_equal(set.events, BIT(ROLE_EVENT_NOT_AVAILABLE));
    role_set_evaluate(&s, ROLE_TOKEN_SEVERAL, NULL, 0, &set);
    assert_text(&s, &set, "none");
    assert_true(set.malformed && set.events == BIT(ROLE_EVENT_MULTIPLE));
    role_set_evaluate(&s, ROLE_TOKEN_TOO_LONG, NULL, 0, &set);
    assert_text(&s, &set, "none");
    assert_true(set.malformed && set.events == BIT(ROLE_EVENT_NOT_AVAILABLE));
}

static void test_faults_have_events(void **state)
{
    /* operation 4 */
    static const uint8_t der[] =
        "\x30\x10\x30\x0E\x30\x03\x02\x01\x01\x0C\x01\x41\x02\x01"
        "\x01\x0A\x01\x04";
    struct role_set set;

    (void)state;
    role_set_evaluate(&SETTINGS, ROLE_TOKEN_ONE, der, sizeof der - 1, &set);
    assert_true(set.malformed && set.fault == USER_ROLES_OPERATION);
    assert_int_equal(set.events, BIT(ROLE_EVENT_OPERATION));
    assert_string_equal(role_event_info(ROLE_EVENT_OPERATION)->number, "1.9");
    assert_string_equal(role_event_info(ROLE_EVENT_OPERATION)->mnemonic, "AT_OP_UNKNOWN");
    assert_null(role_event_info(ROLE_EVENTS));
}

static void test_text_is_cut(void **state)
{
    char text[ROLE_SET_TEXT_MAX];
    struct role_set set = {.count = ROLE_SET_MAX};

    (void)state;
    for (size_t i = 0; i < set.count; i++) {
        set.held[i].role = -1;
        memset(set.held[i].definition, 'd', USER_ROLES_DEFINITION_MAX);
    }
    role_set_text(&SETTINGS, &set, text);
    assert_int_equal(strlen(text), ROLE_SET_TEXT_MAX - 1);
    assert_string_equal(text + ROLE_SET_TEXT_MAX - 4, "...");
}

static void test_names(void **state)
{
    static const char *const bad[] = {"", "operator", "1ST", "A B", "A:B", "-A"};
    char name[ROLE_NAME_MAX + 2];
    int16_t role;

    (void)state;
    for (int32_t i = 0; i < ROLE_STANDARD_COUNT; i++) {
        assert_true(role_standard_by_name(role_standard_name(i), &role));
        assert_int_equal(role, i);
        assert_true(role_name_good(role_standard_name(i)));
    }
    assert_null(role_standard_name(-1));
    assert_null(role_standard_name(ROLE_STANDARD_COUNT));
    assert_false(role_standard_by_name("ADMINISTRATOR", &role));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(role_name_good(bad[i]));
    memset(name, 'A', sizeof name);
    name[ROLE_NAME_MAX + 1] = '\0';
    assert_false(role_name_good(name));
    assert_true(role_name_good(name + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_union),
        cmocka_unit_test(test_without_revision),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_faults_have_events),
        cmocka_unit_test(test_text_is_cut),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
