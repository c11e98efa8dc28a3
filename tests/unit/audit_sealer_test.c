/* A log that is taken up: its last seal is found, and there is none with a state that
 * does not fit it. */
#include "tests/lib/seal_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_refused(const char *why)
{
    char text[1 << 14];
    char want[64];
    struct audit_log *l = seal_lab_start();
    char before[64];

    (void)snprintf(before, sizeof before, "%s", seal_lab_epochs());
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    (void)seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
    (void)snprintf(want, sizeof want, "\"severity\":\"alarm\",\"why\":\"%s\"", why);
    if (!strstr(text, want))
        fail_msg("no %s in:\n%s", want, text);
    assert_string_equal(seal_lab_epochs(), before);
    assert_non_null(strstr(seal_lab.said, "ALARM"));
}

static void seal_three(void)
{
    struct audit_log *l = seal_lab_start();

    assert_true(audit_log_seal(l, "start"));
    assert_true(audit_log_seal(l, "interval"));
    assert_true(audit_log_seal(l, "interval"));
    audit_log_free(l);
}

static void test_older(void **state)
{
    (void)state;
    seal_three();
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &seal_lab.first));
    assert_refused("older");
}

/* The last seal's epoch, but another key than it was made with. */
static void test_not_that_key(void **state)
{
    struct audit_seal_state s = seal_lab.first;

    (void)state;
    seal_three();
    s.epoch = 3;
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &s));
    assert_refused("older");
}

static void test_newer(void **state)
{
    (void)state;
    seal_three();
    seal_lab_forget(AUDIT_FILE_NAME);
    assert_refused("newer");
}

static void test_missing(void **state)
{
    (void)state;
    seal_lab_forget(AUDIT_SEAL_STATE_NAME);
    assert_refused("missing");
}

static void test_other_key(void **state)
{
    struct audit_seal_state s = seal_lab.first;

    (void)state;
    s.key_id[0] ^= 1;
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &s));
    assert_refused("other-key");
}

/* A line up to its last hash, which is not looked at. */
static void append(const char *text)
{
    int fd = openat(seal_lab.dir_fd, AUDIT_FILE_NAME, O_WRONLY | O_APPEND);
    char line[1024];
    int n = snprintf(line, sizeof line, "%s%064d\"}\n", text, 0);

    assert_true(fd >= 0 && n > 0 && (size_t)n < sizeof line &&
                write(fd, line, (size_t)n) == n);
    (void)close(fd);
}

/* A line that says it is a seal, from somebody else. */
static void test_false_seal(void **state)
{
    struct audit_log *l = seal_lab_start();

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    seal_lab_record(l, EVENT_LOG_SEAL, "gate-0");
    audit_log_free(l);
    append("{\"v\":1,\"seq\":4,\"time\":\"2026-11-21T12:00:00.000Z\",\"mono_ms\":1,"
           "\"boot\":\"a1b2c3d4\",\"from\":\"gate-0\",\"event\":\"log.seal\","
           "\"severity\":\"notice\",\"epoch\":7,\"prev\":\"");
    l = seal_lab_start();
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(seal_lab.said, "");
    assert_string_equal(seal_lab_epochs(), "1 2");
}

/* The last seal is looked for in the file before, too. */
static void test_over_files(void **state)
{
    static const char old[] = "gate104-00000000000000000001.jsonl";
    struct audit_log *l = seal_lab_start();
    char text[1 << 14];
    uint8_t hash[AUDIT_HASH_SIZE];
    char hex[AUDIT_HASH_HEX_SIZE + 1];
    char line[1024];
    size_t n;

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    audit_log_free(l);
    n = seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
    seal_lab_write(old, text, n);
    n -= (size_t)(strchr(strstr(text, "log.seal"), '\n') + 1 - text);
    assert_true(audit_hash(strchr(strstr(text, "log.seal"), '\n') + 1, n, hash));
    audit_hex(hash, sizeof hash, hex);
    (void)snprintf(
        line, sizeof line,
        "{\"v\":1,\"seq\":4,\"time\":\"2026-11-21T12:00:00.000Z\",\"mono_ms\":1,"
        "\"boot\":\"a1b2c3d5\",\"from\":\"audit-0\",\"event\":\"log.rotated\","
        "\"severity\":\"notice\",\"detail\":\"%s\",\"prev\":\"%s\"}\n",
        old, hex);
    seal_lab_write(AUDIT_FILE_NAME, line, strlen(line));
    l = seal_lab_start();
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "2");
    assert_string_equal(seal_lab_member("first_seq", 2), "3");
    assert_string_equal(seal_lab_member("commands", 2), "1");
    assert_string_equal(seal_lab.said, "");
}

/* A file ends with a seal, and the next goes on behind it, even where the process ended
 * before there was a next. */
static void test_rotates(void **state)
{
    static const char old[] = "gate104-00000000000000000001.jsonl";
    struct audit_log *l = seal_lab_start();
    char text[1 << 14];
    const char *last;
    size_t n;

    (void)state;
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    assert_true(audit_rotate(l));
    n = seal_lab_read(old, text, sizeof text);
    last = memrchr(text, '\n', n - 1);
    assert_non_null(strstr(last, "\"event\":\"log.seal\""));
    assert_non_null(strstr(last, "\"epoch\":1,\"why\":\"rotate\",\"first_seq\":1,"
                                 "\"records\":2,\"commands\":1,"));
    audit_log_free(l);
    seal_lab_forget(AUDIT_FILE_NAME);
    l = seal_lab_start();
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "2");
    assert_string_equal(seal_lab_member("first_seq", 2), "4");
    assert_string_equal(seal_lab_member("commands", 2), "1");
    assert_string_equal(seal_lab.said, "");
}

/* Where no seal can be made files are ended all the same. */
static void test_rotates_without(void **state)
{
    struct audit_log *l;

    (void)state;
    seal_lab_forget(AUDIT_SEAL_STATE_NAME);
    l = seal_lab_start();
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    assert_true(audit_rotate(l));
    audit_log_free(l);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, seal_lab_fresh)
    const struct CMUnitTest tests[] = {
        CASE(test_older),      CASE(test_not_that_key), CASE(test_newer),
        CASE(test_missing),    CASE(test_other_key),    CASE(test_false_seal),
        CASE(test_over_files), CASE(test_rotates),      CASE(test_rotates_without),
    };
#undef CASE

    return cmocka_run_group_tests(tests, seal_lab_open, seal_lab_close);
}
