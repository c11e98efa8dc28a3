/* A log that seals: what a seal says, and epochs that neither repeat nor skip whatever
 * fails; and what is told of the time. */
#include "tests/lib/seal_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_counts(void **state)
{
    struct audit_log *l = seal_lab_start();

    (void)state;
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    seal_lab_record(l, EVENT_REFUSED, "gate-0");
    seal_lab_record(l, EVENT_TLS_FAILED, "gate-0");
    assert_true(audit_log_seal(l, "start"));
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    audit_log_free(l);
    /* The counting goes on over a restart. */
    l = seal_lab_start();
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    assert_true(audit_log_seal(l, "start"));
    assert_true(audit_log_close(l));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "1 2 3");
    assert_string_equal(seal_lab_member("records", 1), "5");
    assert_string_equal(seal_lab_member("commands", 1), "2");
    assert_string_equal(seal_lab_member("refusals", 1), "1");
    assert_string_equal(seal_lab_member("alarms", 1), "1");
    assert_string_equal(seal_lab_member("first_seq", 2), "7");
    assert_string_equal(seal_lab_member("records", 2), "3");
    assert_string_equal(seal_lab_member("commands", 2), "2");
    assert_string_equal(seal_lab_member("records", 3), "1");
}

/* Of a configuration only the monitor is believed. */
static void test_config(void **state)
{
    struct audit_log *l = seal_lab_start();

    (void)state;
    seal_lab_record(l, EVENT_RELOAD, "gate-0");
    assert_true(audit_log_seal(l, "start"));
    seal_lab_record(l, EVENT_RELOAD, "monitor-0");
    assert_true(audit_log_seal(l, "reload"));
    audit_log_free(l);
    l = seal_lab_start();
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(
        seal_lab_member("config_sha256", 1),
        "\"0000000000000000000000000000000000000000000000000000000000000000\"");
    assert_string_equal(
        seal_lab_member("config_sha256", 2),
        "\"ab00000000000000000000000000000000000000000000000000000000000000\"");
    assert_string_equal(
        seal_lab_member("config_sha256", 3),
        "\"ab00000000000000000000000000000000000000000000000000000000000000\"");
}

/* A seal that did not reach the disk never was: its epoch comes again.  The record of the
 * configuration that was lost with it is made up for. */
static void test_seal_is_lost(void **state)
{
    struct audit_log *l = seal_lab_start();
    struct audit_seal_state s;
    struct stat st;

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    assert_int_equal(fstatat(seal_lab.dir_fd, AUDIT_FILE_NAME, &st, 0), 0);
    seal_lab_limit((rlim_t)st.st_size);
    assert_false(audit_log_seal(l, "interval"));
    seal_lab_record(l, EVENT_RELOAD, "monitor-0");
    assert_false(audit_log_seal(l, "interval"));
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &s), AUDIT_SEAL_FOUND);
    assert_int_equal(s.epoch, 2);
    seal_lab_limit(RLIM_INFINITY);
    assert_true(audit_log_seal(l, "interval"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "1 2");
    assert_string_equal(seal_lab_member("gaps", 2), "1");
    assert_string_equal(
        seal_lab_member("config_sha256", 2),
        "\"ab00000000000000000000000000000000000000000000000000000000000000\"");
    {
        char text[1 << 14];

        (void)seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
        assert_non_null(strstr(text, "\"event\":\"system.reload\""));
    }
}

/* What fdatasync did not bring to disk is not sealed, though write() took it. */
static void test_sync_fails(void **state)
{
    struct audit_log *l = seal_lab_start();
    struct audit_seal_state s;
    int pair[2];

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(dup2(pair[1], l->file.fd), l->file.fd);
    assert_false(audit_log_seal(l, "interval"));
    (void)close(pair[0]);
    (void)close(pair[1]);
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &s), AUDIT_SEAL_FOUND);
    assert_int_equal(s.epoch, 2);
    assert_true(audit_log_seal(l, "interval"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "1 2");
    assert_string_equal(seal_lab_member("commands", 2), "1");
}

/* A state that cannot be written: the seal it is for stands, the next waits. */
static void test_state_is_stuck(void **state)
{
    struct audit_log *l = seal_lab_start();
    struct audit_seal_state s;

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    assert_int_equal(mkdirat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NEW, 0700), 0);
    assert_true(audit_log_seal(l, "interval")); /* epoch 2 is on disk, its state is not */
    assert_true(audit_log_seal(l, "interval"));
    assert_true(audit_log_seal(l, "interval"));
    assert_string_equal(seal_lab_epochs(), "1 2");
    assert_non_null(strstr(seal_lab.said, "cannot be written"));
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &s), AUDIT_SEAL_FOUND);
    assert_int_equal(s.epoch, 2);
    assert_int_equal(unlinkat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NEW, AT_REMOVEDIR), 0);
    assert_true(audit_log_seal(l, "interval"));
    assert_string_equal(seal_lab_epochs(), "1 2 3");
    audit_log_free(l);
}

/* The end came between a seal and its state. */
static void test_dies_between(void **state)
{
    char text[256];
    size_t n = seal_lab_read(AUDIT_SEAL_STATE_NAME, text, sizeof text);
    struct audit_log *l = seal_lab_start();

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    seal_lab_write(AUDIT_SEAL_STATE_NAME, text, n);
    l = seal_lab_start();
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "1 2");
    assert_string_equal(seal_lab.said, "");
}

/* The same, on a disk that is full when the next process starts. */
static void test_dies_between_on_a_full_disk(void **state)
{
    char text[256];
    size_t n = seal_lab_read(AUDIT_SEAL_STATE_NAME, text, sizeof text);
    struct audit_log *l = seal_lab_start();
    struct stat st;

    (void)state;
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    seal_lab_write(AUDIT_SEAL_STATE_NAME, text, n);
    assert_int_equal(fstatat(seal_lab.dir_fd, AUDIT_FILE_NAME, &st, 0), 0);
    seal_lab_limit((rlim_t)st.st_size);
    l = seal_lab_begin();
    assert_false(audit_log_open(l));
    seal_lab_limit(RLIM_INFINITY);
    assert_true(audit_log_seal(l, "start"));
    audit_log_free(l);
    assert_string_equal(seal_lab_epochs(), "1 2");
}

static struct audit_now at(time_t utc, long ms, uint64_t mono)
{
    return (struct audit_now){.utc = {utc, ms * 1000000L}, .mono_ms = mono};
}

static void test_steps(void **state)
{
    struct audit_mark m = {.known = false};
    struct audit_now now = at(1000, 0, 5000);

    (void)state;
    assert_int_equal(audit_clock_step(&m, &now), 0);
    audit_clock_mark(&m, &now);
    now = at(1010, 0, 15000);
    assert_int_equal(audit_clock_step(&m, &now), 0);
    now = at(1010, 500, 15000);
    assert_int_equal(audit_clock_step(&m, &now), 0);
    now = at(1010, 501, 15000);
    assert_int_equal(audit_clock_step(&m, &now), 501);
    now = at(1009, 499, 15000);
    assert_int_equal(audit_clock_step(&m, &now), -501);
    /* After a boot only a step back can be told from time that went by. */
    m.same_boot = false;
    now = at(5000, 0, 3);
    assert_int_equal(audit_clock_step(&m, &now), 0);
    now = at(999, 0, 3);
    assert_int_equal(audit_clock_step(&m, &now), -1000);
}

static void test_step_is_told(void **state)
{
    struct audit_log *l = seal_lab_start();
    char text[1 << 14];

    (void)state;
    l->tally_written.mark.utc_ms += 3600000;
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    seal_lab_record(l, EVENT_COMMAND, "gate-0");
    audit_log_free(l);
    (void)seal_lab_read(AUDIT_FILE_NAME, text, sizeof text);
    assert_non_null(strstr(text, "\"from\":\"audit-0\",\"event\":\"system.time-step\","
                                 "\"severity\":\"warning\",\"detail\":\"back by 3"));
    assert_null(strstr(strstr(text, "time-step") + 1, "time-step"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, seal_lab_fresh)
    const struct CMUnitTest tests[] = {
        CASE(test_counts),
        CASE(test_config),
        CASE(test_seal_is_lost),
        CASE(test_sync_fails),
        CASE(test_state_is_stuck),
        CASE(test_dies_between),
        CASE(test_dies_between_on_a_full_disk),
        CASE(test_steps),
        CASE(test_step_is_told),
    };
#undef CASE

    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, seal_lab_open, seal_lab_close);
}
