/* What the configuration says of recordings, and its way to audit and gate. */
#include "tests/lib/config_lab.h"

#include "proxy/role_config_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The lab's configuration with an edit; `warnings` may be NULL. */
static struct config *edited(const char *find, const char *replace, size_t *warnings)
{
    char *text = config_lab_edited(find, replace);
    struct config_errors errs;
    struct config *c = config_lab_load(text, &errs);

    assert_non_null(c);
    if (warnings)
        *warnings = errs.warnings;
    config_errors_free(&errs);
    free(text);
    return c;
}

static struct config *load(const char *audit, size_t *warnings)
{
    char text[256];

    (void)snprintf(text, sizeof text, "%s commands = \"sync\"", audit);
    return edited("commands = \"sync\"", text, warnings);
}

static void test_defaults(void **state)
{
    struct config *c = load("", NULL);

    (void)state;
    assert_false(config_is_recorded(c));
    assert_false(c->routes[0].record.apdus);
    assert_int_equal(c->recording.size, 64 << 20);
    assert_int_equal(c->recording.interval_s, 86400);
    assert_int_equal(c->recording.retain_size, 1 << 30);
    assert_int_equal(c->recording.retain_days, 0);
    config_free(c);
}

static void test_settings(void **state)
{
    size_t warnings;
    struct config *c = load("record_size = \"1M\"; record_interval = 60; "
                            "record_retain_size = \"0\"; record_retain_days = 9;",
                            &warnings);
    struct audit_config a;

    (void)state;
    assert_int_equal(warnings, 4);
    assert_true(config_audit_role(c, &a));
    assert_int_equal(a.recording.size, 1 << 20);
    assert_int_equal(a.recording.interval_s, 60);
    assert_int_equal(a.recording.retain_size, 0);
    assert_int_equal(a.recording.retain_days, 9);
    audit_config_free(&a);
    config_free(c);
}

static void test_a_route(void **state)
{
    struct config *c = edited("k = 12", "record = \"pcapng\"", NULL);
    struct audit_config a;
    struct gate_config g;

    (void)state;
    assert_true(config_is_recorded(c));
    assert_true(config_audit_role(c, &a) && config_gate_role(c, 0, &g));
    assert_true(a.route[0].recorded && !a.route[1].recorded);
    assert_true(g.route[0].record.apdus);
    audit_config_free(&a);
    gate_config_free(&g);
    config_free(c);
}

static void test_mistakes(void **state)
{
    static const struct mistake m[] = {
        {"k = 12", "record = \"pcap\"", 12, "record", "\"pcap\"",
         "\"none\" or \"pcapng\""},
        {"k = 12", "record = true", 12, "record", "", ""},
        {"k = 12", "pcap = true", 12, "pcap", "", "record = \"pcapng\""},
        {"commands", "record_size = \"0\"; commands", 3, "audit.record_size",
         "without an end", "64K"},
        {"commands", "record_size = \"63K\"; commands", 3, "audit.record_size",
         "between 64K", ""},
        {"commands", "record_size = \"1X\"; commands", 3, "audit.record_size", "no size",
         "64M"},
        {"commands", "record_interval = 0; commands", 3, "audit.record_interval",
         "out of range", ""},
        {"commands", "record_retain_size = \"64M\"; commands", 3,
         "audit.record_retain_size", "less would be kept", "several times"},
        {"commands", "record_retain_days = 36526; commands", 3,
         "audit.record_retain_days", "out of range", "36525"},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_ERROR);
}

static void test_warnings(void **state)
{
    static const struct mistake m[] = {
        {"commands", "record_size = \"1M\"; commands", 3, "audit.record_size",
         "no route is recorded", "record = \"pcapng\""},
    };

    (void)state;
    config_lab_mistakes(m, COUNT(m), CONFIG_WARNING);
}

/* Gates and audit are told at their start only. */
static void test_a_change_needs_a_restart(void **state)
{
    static const char *const changes[] = {
        "record_size = \"1M\";", "record_interval = 60;", "record_retain_size = \"1T\";",
        "record_retain_days = 7;"};
    struct config *a = load("", NULL);
    char words[200];
    struct config *b;

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        b = load(changes[i], NULL);
        config_restart_words(a, b, words, sizeof words);
        assert_string_equal(words, "audit");
        config_free(b);
    }
    b = edited("k = 12", "record = \"pcapng\"; k = 12", NULL);
    config_restart_words(a, b, words, sizeof words);
    assert_string_equal(words, "routes");
    config_free(b);
    config_free(a);
}

static void test_what_audit_takes(void **state)
{
    static const struct recording_settings good = {
        RECORDING_SIZE_MIN, RECORDING_INTERVAL_MAX, RECORDING_DAYS_MAX,
        RECORDING_RETAIN_MAX};
    static const struct recording_settings bad[] = {
        {RECORDING_SIZE_MIN - 1, 1, 0, 0},
        {RECORDING_SIZE_MAX + 1, 1, 0, 0},
        {RECORDING_SIZE_MIN, 0, 0, 0},
        {RECORDING_SIZE_MIN, RECORDING_INTERVAL_MAX + 1, 0, 0},
        {RECORDING_SIZE_MIN, 1, RECORDING_DAYS_MAX + 1, 0},
        {RECORDING_SIZE_MIN, 1, 0, RECORDING_RETAIN_MAX + 1},
    };
    uint8_t octets[RECORDING_OCTETS];
    struct recording_settings s;
    struct wire_writer w;
    struct wire_reader r;

    (void)state;
    wire_writer_init(&w, octets, sizeof octets);
    recording_settings_put(&w, &good);
    wire_reader_init(&r, octets, w.len);
    recording_settings_get(&r, &s);
    assert_true(wire_end(&r) && recording_settings_same(&s, &good));
    for (size_t i = 0; i < COUNT(bad); i++) {
        wire_writer_init(&w, octets, sizeof octets);
        recording_settings_put(&w, &bad[i]);
        wire_reader_init(&r, octets, w.len);
        recording_settings_get(&r, &s);
        if (!r.bad)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_a_route),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_a_change_needs_a_restart),
        cmocka_unit_test(test_what_audit_takes),
    };

    return cmocka_run_group_tests(tests, config_lab_set_up, config_lab_tear_down);
}
