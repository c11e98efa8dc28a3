/* Lines of the session log, octet for octet, and what hostile fields make of them. */
#include "proxy/audit_line.h"
#include "proxy/audit_text.h"
#include "proxy/record.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Names that a list cannot have, but a monitor may send. */
static char names[2 * 64];
static struct point_name items[] = {{1001, 1, 45, 0}, {0x1FFFF, 65535, 13, 64}};
static const struct audit_points points = {.hash = {0xAB},
                                           .names = {2, items, names, sizeof names}};

static const struct audit_route routes[3] = {
    {.name = "rtu-7", .profile = {2, 2, 3, {0, 0}}},
    {.name = "o\"d\\d\x1b[31m", .profile = {1, 1, 2, {0, 0}}},
    {.name = "named", .profile = {2, 2, 3, {0, 0}}, .points = &points},
};

static const struct audit_place place = {
    .boot = "a1b2c3d4", .route_count = 3, .route = routes};

/* 2026-11-21T02:33:04.123Z */
static const struct audit_stamp stamp = {
    .seq = 5, .utc = {.tv_sec = 1795228384, .tv_nsec = 123999999}, .mono_ms = 987654};

static struct audit_sender sender;
static char line[AUDIT_LINE_MAX];

static size_t build(struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    return audit_line_build(&place, &stamp, &sender, payload, n, line);
}

static int set_up(void **state)
{
    (void)state;
    memset(&sender, 0, sizeof sender);
    (void)snprintf(sender.name, sizeof sender.name, "gate-0");
    return 0;
}

static void assert_line(struct record *r, const char *expected)
{
    size_t n = build(r);

    assert_int_equal(n, strlen(expected));
    line[n] = '\0';
    assert_string_equal(line, expected);
}

#define ENVELOPE(event, severity)                                                        \
    "{\"v\":1,\"seq\":5,\"time\":\"2026-11-21T02:33:04.123Z\",\"mono_ms\":987654,"       \
    "\"boot\":\"a1b2c3d4\",\"from\":\"gate-0\",\"event\":\"" event "\","                 \
    "\"severity\":\"" severity "\""
#define INVALID                                                                          \
    ",\"iec62351\":\"IEC62351-14:5.1\",\"iec62351_mnemonic\":\"REQUEST_INVALID\","       \
    "\"iec62351_severity\":\"error\""
#define SUCCESS                                                                          \
    ",\"iec62351\":\"IEC62351-3:1.1\",\"iec62351_mnemonic\":\"TLS_HS_SUCCESS\","         \
    "\"iec62351_severity\":\"notice\""
#define PREV ",\"prev\":\"" ZEROS "\"}\n"

static void bare_record(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_MONITOR_ONLY_OFF, 0, false);
    assert_line(&r, ENVELOPE("log.monitor-only-off", "notice") PREV);
}

/* C_SC_NA_1, activation, CA 1, IOA 1001, select on. */
static void command(void **state)
{
    static const uint8_t apdu[] = {0x68, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x2D, 0x01,
                                   0x06, 0x00, 0x01, 0x00, 0xE9, 0x03, 0x00, 0x81};
    struct record r;

    (void)state;
    record_begin(&r, EVENT_COMMAND, 42, true);
    /* Not in the order of tags: the line is. */
    record_text(&r, RECORD_VERDICT, "pass");
    record_text(&r, RECORD_RULE, "feeder breakers");
    record_octets(&r, RECORD_APDU, apdu, sizeof apdu);
    record_u64(&r, RECORD_DIRECTION, 0);
    record_u64(&r, RECORD_ROUTE, 0);
    record_u64(&r, RECORD_SESSION, UINT64_C(3) << 32 | 17);
    assert_line(
        &r, ENVELOPE(
                "op.command",
                "notice") ",\"ticket\":42,\"session\":12884901905,\"route\":\"rtu-7\","
                          "\"direction\":\"control\",\"apdu\":"
                          "\"680e000000002d0106000100e9030081\","
                          "\"frame\":\"I\",\"type\":\"C_SC_NA_1\",\"type_id\":45,"
                          "\"cot\":\"activation\",\"pn\":false,\"test\":false,\"oa\":0,"
                          "\"ca\":1,"
                          "\"ioa\":1001,\"value\":1,\"select\":true,\"verdict\":\"pass\","
                          "\"rule\":\"feeder breakers\"" PREV);
}

/* The same on a route with a list of points. */
static void name_of_the_point(void **state)
{
    static const uint8_t apdu[] = {0x68, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x2D, 0x01,
                                   0x06, 0x00, 0x01, 0x00, 0xE9, 0x03, 0x00, 0x81};
    static const uint8_t hash[32] = {0xCD};
    struct record r;
    json_t *parsed;
    size_t n;

    (void)state;
    (void)snprintf(names, sizeof names, "F1 \x1b[31m\xC3\xBC\xFF\"");
    for (unsigned int ioa = 1001; ioa <= 1002; ioa++) {
        uint8_t other[sizeof apdu];

        memcpy(other, apdu, sizeof apdu);
        other[12] = (uint8_t)ioa;
        record_begin(&r, EVENT_COMMAND, 42, true);
        record_octets(&r, RECORD_APDU, other, sizeof other);
        record_octets(&r, RECORD_POLICY_HASH, hash, sizeof hash);
        record_u64(&r, RECORD_DIRECTION, 0);
        record_u64(&r, RECORD_ROUTE, 2);
        n = build(&r);
        parsed = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        assert_int_equal(json_object_get(parsed, "point") != NULL, ioa == 1001);
        if (ioa == 1001)
            assert_string_equal(json_string_value(json_object_get(parsed, "point")),
                                "F1 \\x1B[31m\\xC3\\xBC\\xFF\"");
        assert_memory_equal(json_string_value(json_object_get(parsed, "points_sha256")),
                            "ab00", 4);
        assert_memory_equal(json_string_value(json_object_get(parsed, "policy_sha256")),
                            "cd00", 4);
        json_decref(parsed);
    }
}

static void reason_in_words(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_APCI, 0, false);
    record_u64(&r, RECORD_DIRECTION, 1);
    record_octets(&r, RECORD_APDU, "\x69\x04", 2);
    record_u64(&r, RECORD_REASON, 1);
    assert_line(
        &r, ENVELOPE("apci.malformed",
                     "alarm") ",\"direction\":\"monitor\",\"apdu\":\"6904\","
                              "\"reason\":\"bad-start\","
                              "\"reason_class\":\"framing\","
                              "\"reason_text\":\"start octet is not 0x68\"" INVALID PREV);
}

/* In words, from the sender or else by the kind of record, and before "cut". */
static void security_events(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_TLS_FAILED, 0, false);
    record_text(&r, RECORD_EVENT_ID, "IEC62351-3:2.4");
    record_u64(&r, RECORD_CUT, 1);
    assert_line(&r, ENVELOPE("tls.handshake-failed",
                             "alarm") ",\"iec62351\":\"IEC62351-3:2.4\","
                                      "\"iec62351_mnemonic\":\"TLS_CERT_REVOKED\","
                                      "\"iec62351_severity\":\"alarm\",\"cut\":1" PREV);
    record_begin(&r, EVENT_SESSION_CLOSE, 0, false);
    record_text(&r, RECORD_EVENT_WARNING, "IEC62351-3:2.5");
    assert_line(&r, ENVELOPE("session.close",
                             "notice") ",\"iec62351_warning\":\"IEC62351-3:2.5\","
                                       "\"iec62351_warning_mnemonic\":\"TLS_NO_CRL\","
                                       "\"iec62351_warning_severity\":\"warning\"" PREV);
    record_begin(&r, EVENT_SESSION_CLOSE, 0, false);
    record_text(&r, RECORD_EVENT_ID, "IEC62351-3:2.\x01");
    assert_line(&r, ENVELOPE("session.close",
                             "notice") ",\"iec62351\":\"IEC62351-3:2.\\\\x01\"" PREV);
}

static void numbers_out_of_range_are_told(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_COMMAND, 0, false);
    record_u64(&r, RECORD_ROUTE, 3);
    record_u64(&r, RECORD_DIRECTION, 7);
    record_u64(&r, RECORD_REASON, UINT64_MAX);
    record_u64(&r, RECORD_COUNT, UINT64_MAX);
    record_u64(&r, RECORD_SIZE, (UINT64_C(1) << 53) - 1);
    assert_line(&r, ENVELOPE("op.command",
                             "notice") ",\"route\":\"#3\",\"direction\":\"unknown\","
                                       "\"reason\":\"unknown\","
                                       "\"reason_class\":\"none\",\"reason_text\":\"\","
                                       "\"count\":\"18446744073709551615\",\"size\":"
                                       "9007199254740991" PREV);
}

static void value_of(const uint8_t *asdu, size_t n, const char *expected)
{
    uint8_t apdu[64] = {0x68, (uint8_t)(n + 4)};
    struct record r;

    memcpy(apdu + 6, asdu, n);
    record_begin(&r, EVENT_PASSED, 0, false);
    record_octets(&r, RECORD_APDU, apdu, n + 6);
    line[build(&r)] = '\0';
    if (!strstr(line, expected))
        fail_msg("%s not in %s", expected, line);
}

static void values_are_readable(void **state)
{
    /* M_ME_NC_1 spontaneous, 1.1 */
    static const uint8_t real[] = {13, 1, 3, 0, 1, 0, 7, 0, 0, 0xCD, 0xCC, 0x8C, 0x3F, 0};
    static const uint8_t nan[] = {13, 1, 3, 0, 1, 0, 7, 0, 0, 0, 0, 0xC0, 0x7F, 0};
    static const uint8_t neg[] = {11, 1, 3, 0, 1, 0, 7, 0, 0, 0xFF, 0xFF, 0};
    /* no type 104 knows */
    static const uint8_t alien[] = {200, 1, 0x7F, 9, 2, 1, 7, 0, 0, 1};

    (void)state;
    value_of(real, sizeof real, "\"ioa\":7,\"value\":1.1,\"prev\"");
    value_of(nan, sizeof nan, "\"value\":\"nan\"");
    value_of(neg, sizeof neg, "\"value\":-1,");
    value_of(alien, sizeof alien,
             "\"frame\":\"I\",\"type_id\":200,\"cot\":63,\"pn\":true,\"test\":false,"
             "\"oa\":9,\"ca\":258,\"ioa\":7,\"prev\"");
}

static void frames_without_asdu(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_STARTDT, 0, false);
    record_octets(&r, RECORD_APDU, "\x68\x04\x07\0\0\0", 6);
    assert_line(&r, ENVELOPE("session.startdt",
                             "notice") ",\"apdu\":\"680407000000\",\"frame\":\"U\","
                                       "\"function\":\"STARTDT act\"" PREV);
    record_begin(&r, EVENT_PASSED, 0, false);
    record_octets(&r, RECORD_APDU, "\x68\x04\x01\0\0\0", 6);
    assert_line(&r, ENVELOPE("policy.logged",
                             "notice") ",\"apdu\":\"680401000000\",\"frame\":\"S\"" PREV);
}

/* Terminal escapes, quotes, broken UTF-8, line ends and NUL stay inside the string. */
static void hostile_text(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_SESSION_OPEN, 0, false);
    record_u64(&r, RECORD_ROUTE, 1);
    record_text(&r, RECORD_SUBJECT, "CN=\x1b]0;x\x07\n\"},{\"v\":1,\\u0000 \xC3\x28\x7f");
    assert_line(&r, ENVELOPE("session.open",
                             "notice") ",\"route\":\"o\\\"d\\\\x5Cd\\\\x1B[31m\","
                                       "\"subject\":\"CN=\\\\x1B]0;x\\\\x07\\\\x0A\\\"},{"
                                       "\\\"v\\\":1,\\\\x5Cu0000 "
                                       "\\\\xC3(\\\\x7F\"" SUCCESS PREV);
}

static void text_that_grows_too_much_is_cut(void **state)
{
    char text[64];
    struct record r;

    (void)state;
    memset(text, 1, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    record_begin(&r, EVENT_SESSION_OPEN, 0, false);
    record_text(&r, RECORD_TLS_SUITE, text);
    record_text(&r, RECORD_TLS_VERSION, "\x01\x01\x01");
    line[build(&r)] = '\0';
    /* 64 * 2 / 5 = 25 octets of five */
    assert_non_null(strstr(line, "\"tls_version\":\"\\\\x01\\\\x01\\\\x01\""));
    assert_non_null(strstr(line, SUCCESS ",\"cut\":1,\"prev\""));
    assert_int_equal(strcspn(strstr(line, "tls_suite") + 12, "\""), 125);
}

static void escape_limit_is_exact(void **state)
{
    char out[17];

    (void)state;
    assert_true(audit_text_escape((const uint8_t *)"ab\"\x01", 4, out, 9));
    assert_string_equal(out, "ab\"\\x01");
    assert_false(audit_text_escape((const uint8_t *)"ab\"\x01", 4, out, 8));
    assert_string_equal(out, "ab\"");
    assert_true(audit_text_escape((const uint8_t *)"", 0, out, 0));
    assert_string_equal(out, "");
}

static void put_all(struct record *r, const char *text, const uint8_t *apdu, size_t n)
{
    record_begin(r, EVENT_MONITOR_ONLY_OFF, UINT64_MAX, true);
    for (unsigned int id = 0; id < 256; id++) {
        const struct record_tag_info *info = record_tag_info(id);

        if (!info || id == RECORD_CUT)
            continue;
        if (id == RECORD_APDU)
            record_octets(r, RECORD_APDU, apdu, n);
        else if (id == RECORD_ROUTE)
            record_u64(r, RECORD_ROUTE, 2);
        else if (info->kind == RECORD_KIND_U64)
            record_u64(r, info->tag, UINT64_MAX - id);
        else if (info->kind == RECORD_KIND_TEXT)
            record_text(r, info->tag, text + 255 - info->max);
        else
            record_octets(r, info->tag, apdu, info->max);
    }
}

/* The widest record there is, with the octets that grow most. */
static void all_tags_at_once_stay_in_the_bound(void **state)
{
    static const char fill[] = {'\x01', '\\', '"', '\xFF', 'x'};
    /* M_ME_NC_1 with 30 objects, and one octet too many of everything */
    static uint8_t apdu[2][255] = {
        {0x68, 250, 0, 0, 0, 0, 13, 30, 0x6C, 255, 255, 255, 255, 255, 255, 1, 2, 0xFF,
         1},
        {0x68, 253, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
    static const size_t size[2] = {252, 255};
    struct audit_envelope e;
    char text[256];

    (void)state;
    for (size_t k = 0; k < 2 * sizeof fill; k++) {
        struct record r;
        json_t *parsed;
        size_t n;

        memset(text, fill[k / 2], sizeof text - 1);
        text[sizeof text - 1] = '\0';
        memset(names, fill[k / 2], sizeof names - 1);
        names[63] = '\0';
        put_all(&r, text, apdu[k % 2], size[k % 2]);
        n = build(&r);
        assert_true(n > 3000 && n <= AUDIT_LINE_MAX);
        assert_null(audit_envelope_parse(line, n, &e));
        assert_int_equal(e.seq, 5);
        parsed = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        assert_int_equal(json_is_integer(json_object_get(parsed, "cut")),
                         fill[k / 2] != 'x' && fill[k / 2] != '"');
        json_decref(parsed);
    }
}

/* A confirmation names the record of its command by the line's number. */
static void command_seq_is_the_line_of_the_ticket(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_COMMAND, 42, true);
    record_u64(&r, RECORD_COMMAND_SEQ, 42);
    assert_line(&r,
                ENVELOPE("op.command", "notice") ",\"ticket\":42,\"command_seq\":5" PREV);
    record_begin(&r, EVENT_CONFIRMED, 0, false);
    record_u64(&r, RECORD_COMMAND_SEQ, 42);
    assert_line(&r, ENVELOPE("op.confirmed", "notice") ",\"command_seq\":5" PREV);
    record_begin(&r, EVENT_CONFIRMED, 0, false);
    record_u64(&r, RECORD_COMMAND_SEQ, 43);
    assert_line(&r, ENVELOPE("op.confirmed", "notice") ",\"command_ticket\":43" PREV);
    for (unsigned int i = 0; i < AUDIT_TICKETS; i++) {
        record_begin(&r, EVENT_COMMAND, 100 + i, true);
        assert_true(build(&r) > 0);
    }
    for (unsigned int i = 0; i < AUDIT_TICKETS; i++) {
        record_begin(&r, EVENT_CONFIRMED, 0, false);
        record_u64(&r, RECORD_COMMAND_SEQ, 100 + i);
        assert_line(&r, ENVELOPE("op.confirmed", "notice") ",\"command_seq\":5" PREV);
    }
    record_begin(&r, EVENT_CONFIRMED, 0, false);
    record_u64(&r, RECORD_COMMAND_SEQ, 42);
    assert_line(&r, ENVELOPE("op.confirmed", "notice") ",\"command_ticket\":42" PREV);
}

/* So does the end of an operation, of both its commands. */
static void an_operation_names_its_commands(void **state)
{
    struct record r;

    (void)state;
    record_begin(&r, EVENT_COMMAND, 42, true);
    assert_true(build(&r) > 0);
    record_begin(&r, EVENT_OPERATION_CLOSED, 0, false);
    record_text(&r, RECORD_OUTCOME, "executed");
    record_u64(&r, RECORD_SELECT_SEQ, 42);
    record_u64(&r, RECORD_COMMAND_SEQ, 43);
    record_octets(&r, RECORD_OPERATION, "\x01\x02", 2);
    assert_line(&r, ENVELOPE("op.closed", "notice") ",\"command_ticket\":43,"
                                                    "\"outcome\":\"executed\","
                                                    "\"select_seq\":5,"
                                                    "\"operation\":\"0102\"" PREV);
    record_begin(&r, EVENT_OPERATION_CLOSED, 0, false);
    record_u64(&r, RECORD_SELECT_SEQ, 44);
    assert_line(&r, ENVELOPE("op.closed", "notice") ",\"select_ticket\":44" PREV);
}

static void a_bad_payload_makes_no_line(void **state)
{
    (void)state;
    assert_int_equal(
        audit_line_build(&place, &stamp, &sender, (const uint8_t *)"x", 1, line), 0);
}

static const char *parse(const char *text)
{
    struct audit_envelope e;

    return audit_envelope_parse(text, strlen(text), &e);
}

static void envelope_has_one_form(void **state)
{
    struct record r;
    size_t n;

    (void)state;
    record_begin(&r, EVENT_STARTDT, 0, false);
    n = build(&r);
    line[n] = '\0';
    assert_null(parse(line));
    line[n - 1] = '\0';
    assert_non_null(parse(line));
    assert_non_null(parse("\n"));
    assert_non_null(parse("{}\n"));
    assert_non_null(parse("{\"v\":2" PREV));
    assert_non_null(parse("{\"v\":1,\"seq\":5" PREV));
    assert_non_null(parse(ENVELOPE("a.b", "notice") ",\"x\":\"\t\"" PREV));
    assert_non_null(parse(ENVELOPE("a.b", "notice") "x" PREV));
    assert_non_null(parse(ENVELOPE("a.b", "notice") ",\"prev\":\"0\"}\n"));
    assert_null(parse(ENVELOPE("a.b", "notice") PREV));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bare_record, set_up),
        cmocka_unit_test_setup(command, set_up),
        cmocka_unit_test_setup(name_of_the_point, set_up),
        cmocka_unit_test_setup(reason_in_words, set_up),
        cmocka_unit_test_setup(security_events, set_up),
        cmocka_unit_test_setup(numbers_out_of_range_are_told, set_up),
        cmocka_unit_test_setup(values_are_readable, set_up),
        cmocka_unit_test_setup(frames_without_asdu, set_up),
        cmocka_unit_test_setup(hostile_text, set_up),
        cmocka_unit_test_setup(text_that_grows_too_much_is_cut, set_up),
        cmocka_unit_test_setup(escape_limit_is_exact, set_up),
        cmocka_unit_test_setup(all_tags_at_once_stay_in_the_bound, set_up),
        cmocka_unit_test_setup(command_seq_is_the_line_of_the_ticket, set_up),
        cmocka_unit_test_setup(an_operation_names_its_commands, set_up),
        cmocka_unit_test_setup(a_bad_payload_makes_no_line, set_up),
        cmocka_unit_test_setup(envelope_has_one_form, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
