/* An operation on its way to audit, what a hostile one becomes there, and its line. */
#include "proxy/audit_operation.h"
#include "proxy/operation_wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct operation full = {
    .point = {.ioa = 0xFFFFFF, .ca = 65534, .type = 48},
    .answer_ms = {1, 2, 4294967294},
    .termination_ms = 4,
    .state_ms = 5,
    .has_value = true,
    .value = -0.5,
    .has_state = true,
    .state =
        {.ioa = 7, .ca = 65534, .type = 9, .cause = 11, .quality = 0xF1, .value = 0.25},
};

static const struct operation bare = {
    .point = {.ioa = 0, .ca = 1, .type = 103},
    .answer_ms = {OPERATION_NO_TIME, OPERATION_NO_TIME, OPERATION_NO_TIME},
    .termination_ms = OPERATION_NO_TIME,
    .state_ms = OPERATION_NO_TIME,
};

static void says(const struct operation *o, const char *expected)
{
    uint8_t octets[OPERATION_WIRE_SIZE];
    json_t *line = json_object();
    char *text;

    operation_encode(o, octets);
    assert_true(audit_operation_put(line, NULL, octets, sizeof octets));
    text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    assert_string_equal(text, expected);
    free(text);
    json_decref(line);
}

static void test_words(void **state)
{
    struct operation o = full;

    (void)state;
    says(&full, "{\"type\":\"C_SE_NA_1\",\"type_id\":48,\"ca\":65534,\"ioa\":16777215,"
                "\"value\":-0.5,\"select_confirm_ms\":1,\"confirm_ms\":2,"
                "\"deselect_confirm_ms\":4294967294,\"termination_ms\":4,\"state_ms\":5,"
                "\"state\":0.25,\"state_type\":\"M_ME_NA_1\",\"state_cot\":"
                "\"return-remote\",\"state_ioa\":7,\"state_quality\":"
                "\"overflow blocked substituted not-topical invalid\"}");
    says(&bare, "{\"type\":\"C_CS_NA_1\",\"type_id\":103,\"ca\":1,\"ioa\":0}");
    o.point.type = 50;
    o.state.type = 13;
    o.value = (double)NAN;
    o.state.value = -(double)INFINITY;
    o.state.quality = 0;
    o.has_state = false;
    says(&o, "{\"type\":\"C_SE_NC_1\",\"type_id\":50,\"ca\":65534,\"ioa\":16777215,"
             "\"value\":\"nan\",\"select_confirm_ms\":1,\"confirm_ms\":2,"
             "\"deselect_confirm_ms\":4294967294,\"termination_ms\":4,\"state_ms\":5}");
}

/* Values that no gate sends, of kinds that have none of them. */
static void test_hostile_values(void **state)
{
    struct operation o = bare;

    (void)state;
    o.point.type = 45;
    o.has_value = true;
    o.value = 1e300;
    says(&o, "{\"type\":\"C_SC_NA_1\",\"type_id\":45,\"ca\":1,\"ioa\":0,"
             "\"value\":1e300}");
    o.value = (double)NAN;
    says(&o, "{\"type\":\"C_SC_NA_1\",\"type_id\":45,\"ca\":1,\"ioa\":0,"
             "\"value\":\"nan\"}");
}

static void test_comes_back(void **state)
{
    uint8_t octets[OPERATION_WIRE_SIZE];
    struct operation o;

    (void)state;
    operation_encode(&full, octets);
    assert_true(operation_decode(octets, sizeof octets, &o));
    assert_int_equal(o.point.ioa, full.point.ioa);
    assert_int_equal(o.state.cause, 11);
    assert_true(o.value == full.value && o.state.value == full.state.value);
    operation_encode(&bare, octets);
    assert_true(operation_decode(octets, sizeof octets, &o));
    assert_false(o.has_state || o.has_value);
}

/* What is none stands in the line as it came. */
static void refused(const uint8_t *p, size_t n, const char *hex_begin)
{
    json_t *line = json_object();
    struct operation o;
    const char *hex;

    assert_false(operation_decode(p, n, &o));
    assert_true(audit_operation_put(line, NULL, p, n));
    hex = json_string_value(json_object_get(line, "operation"));
    assert_non_null(hex);
    assert_int_equal(strlen(hex), 2 * (n < 255 ? n : 255));
    assert_memory_equal(hex, hex_begin, strlen(hex_begin));
    assert_int_equal(json_object_size(line), 1);
    json_decref(line);
}

static void test_hostile_octets(void **state)
{
    /* type, has_value, has_state, its type (unknown; missing), its cause */
    static const struct {
        size_t at;
        uint8_t octet;
    } spoilt[] = {{0, 0},  {0, 200}, {27, 2},   {36, 2},
                  {36, 0}, {37, 0},  {37, 200}, {38, 64}};
    uint8_t octets[OPERATION_WIRE_SIZE + 300];
    uint8_t good[OPERATION_WIRE_SIZE];

    (void)state;
    operation_encode(&full, good);
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        memcpy(octets, good, sizeof good);
        octets[spoilt[i].at] = spoilt[i].octet;
        refused(octets, sizeof good, "");
    }
    memset(octets, 0xAB, sizeof octets);
    refused(octets, sizeof octets, "abab");
    memcpy(octets, good, sizeof good);
    refused(octets, sizeof good + 1, "30feff");
    for (size_t n = 0; n < sizeof good; n++)
        refused(octets, n, "");
}

/* The words of an APDU are not written over. */
static void test_beside_an_apdu(void **state)
{
    uint8_t octets[OPERATION_WIRE_SIZE];
    json_t *line = json_pack("{s:s, s:s}", "apdu", "68", "type", "mine");

    (void)state;
    operation_encode(&full, octets);
    assert_true(audit_operation_put(line, NULL, octets, sizeof octets));
    assert_string_equal(json_string_value(json_object_get(line, "type")), "mine");
    assert_int_equal(json_object_size(line), 3);
    assert_non_null(json_object_get(line, "operation"));
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),          cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_comes_back),     cmocka_unit_test(test_hostile_octets),
        cmocka_unit_test(test_beside_an_apdu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
