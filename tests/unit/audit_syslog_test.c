/* Log lines as syslog messages. */
#include "proxy/audit_syslog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct audit_syslog_line parsed(const char *text)
{
    struct audit_syslog_line line = {.text = text, .n = strlen(text)};
    const char *fault = audit_envelope_parse(text, line.n, &line.head);

    if (fault)
        fail_msg("%s: %s", fault, text);
    return line;
}

#define HEAD(seq, event, severity)                                                       \
    "{\"v\":1,\"seq\":" seq ",\"time\":\"2026-11-21T02:59:14.009Z\",\"mono_ms\":1,"      \
    "\"boot\":\"00000001\",\"from\":\"gate-0\",\"event\":\"" event                       \
    "\",\"severity\":\"" severity "\""
#define TAIL                                                                             \
    ",\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}\n"

static void messages(void **state)
{
    static const struct {
        const char *line, *front;
    } rows[] = {
        {HEAD("1", "op.command", "notice") TAIL,
         "<109>1 2026-11-21T02:59:14.009Z h-1 gate104 - op.command [gate104@32473 "
         "ID=\"32473:op.command\" MNEMONIC=\"OP_COMMAND\" SEVERITY=\"notice\" "
         "SqNum=\"1\"] "},
        {HEAD("4294967296", "tls.handshake-failed",
              "alarm") ",\"session\":77,\"route\":\"rtu-7\",\"source\":\"10.0.0.1:4\","
                       "\"subject\":\"CN=a]b\\\"c\\\\xC3\","
                       "\"iec62351\":\"IEC62351-3:2.4\","
                       "\"iec62351_mnemonic\":\"TLS_CERT_REVOKED\","
                       "\"iec62351_severity\":\"alarm\","
                       "\"clock\":\"unsynchronized\"" TAIL,
         "<105>1 2026-11-21T02:59:14.009Z h-1 gate104 - tls.handshake-failed "
         "[gate104@32473 ID=\"IEC62351-3:2.4\" MNEMONIC=\"TLS_CERT_REVOKED\" "
         "SEVERITY=\"alarm\" SqNum=\"1\" PeerInfo=\"10.0.0.1:4\" "
         "UsrID=\"CN=a\\]b\\\"c\\\\xC3\" X.ROUTE=\"rtu-7\" X.SESSION=\"77\"]"
         "[timeQuality tzKnown=\"1\" isSynced=\"0\"] "},
        {HEAD("2", "session.dial-failed",
              "error") ",\"detail\":\",\\\"route\\\":\\\"no\\\"\"" TAIL,
         "<107>1 2026-11-21T02:59:14.009Z h-1 gate104 - session.dial-failed "
         "[gate104@32473 ID=\"32473:session.dial-failed\" "
         "MNEMONIC=\"SESSION_DIAL_FAILED\" SEVERITY=\"error\" SqNum=\"2\"] "},
    };
    char out[AUDIT_SYSLOG_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_syslog_line line = parsed(rows[i].line);
        size_t n = audit_syslog_format(&line, "h-1", 32473, sizeof out, out);
        size_t front = strlen(rows[i].front);

        assert_int_equal(n, front + line.n - 1);
        assert_memory_equal(out, rows[i].front, front);
        assert_memory_equal(out + front, line.text, line.n - 1);
    }
}

static void long_lines_are_cut(void **state)
{
    static char text[2 * AUDIT_LINE_MAX];
    char fill[AUDIT_LINE_MAX];
    char out[AUDIT_SYSLOG_MAX];
    char hex[AUDIT_HASH_HEX_SIZE + 1];
    char want[200];
    uint8_t hash[AUDIT_HASH_SIZE];
    struct audit_syslog_line line;
    size_t n;

    (void)state;
    memset(fill, ']', sizeof fill);
    fill[7600] = '\0';
    (void)snprintf(text, sizeof text, "%s,\"subject\":\"%s\"%s",
                   HEAD("9", "session.open", "notice"), fill, TAIL);
    line = parsed(text);
    n = audit_syslog_format(&line, "h", 32473, sizeof out, out);
    assert_null(memmem(out, n, "X.CUT", 5));
    assert_memory_equal(out + n - line.n + 1, line.text, line.n - 1);
    n = audit_syslog_format(&line, "h", 32473, 1024, out);
    assert_true(n <= 1024 && n > 1000);
    assert_true(audit_hash(text, strlen(text), hash));
    audit_hex(hash, sizeof hash, hex);
    (void)snprintf(want, sizeof want,
                   " X.CUT=\"1\" X.SEQ=\"9\" X.SIZE=\"%zu\" X.SHA256=\"%s\"] {\"v\":1,",
                   strlen(text), hex);
    assert_non_null(memmem(out, n, want, strlen(want)));
}

static void which_are_wanted(void **state)
{
    static const struct {
        const char *line;
        bool security;
    } rows[] = {
        {HEAD("1", "op.command", "notice") TAIL, false},
        {HEAD("1", "op.rejected", "warning") TAIL, true},
        {HEAD("1", "asdu.tolerated", "notice") TAIL, false},
        {HEAD("1", "asdu.tolerated", "notice") ",\"iec62351\":\"IEC62351-14:5.1\"" TAIL,
         true},
        {HEAD("1", "op.command", "notice") ",\"detail\":\",\\\"iec62351\\\":1\"" TAIL,
         false},
        {HEAD("1", "policy.logged", "notice") TAIL, false},
        {HEAD("1", "session.open", "notice") TAIL, true},
        {HEAD("1", "system.start", "notice") TAIL, true},
        {HEAD("1", "log.seal", "notice") TAIL, true},
        {HEAD("1", "log.closed", "notice") TAIL, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_syslog_line line = parsed(rows[i].line);

        if (audit_syslog_wanted(SHIP_SECURITY, &line) != rows[i].security)
            fail_msg("%s", rows[i].line);
        assert_true(audit_syslog_wanted(SHIP_ALL, &line));
        assert_false(audit_syslog_wanted(SHIP_OFF, &line));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(which_are_wanted),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
