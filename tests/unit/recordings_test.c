/* Recordings as audit writes them: what is in the files, when they end, and what becomes
 * of those that a process left behind. */
#include "tests/lib/recording_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void what_is_sent_is_in_files(void **state)
{
    struct stage *s = *state;
    struct sum t;

    stage_begin(s);
    for (unsigned int i = 0; i < 100; i++) {
        stage_send(s, i % 2 ? 0 : 2, 20);
        assert_true(audit_log_commit(&s->log));
        recordings_turn(&s->r);
    }
    stage_send_dropped(s, 0, 5);
    stage_end(s);
    stage_accounted(s, "nothing wrong", 0);
    stage_read_log(s, &t);
    assert_int_equal(t.written, 2000);
    assert_int_equal(t.lost, 15);
    assert_true(t.why_size >= 2);
    assert_int_equal(t.why_stop, 2);
    assert_int_equal(t.gaps, 0);
    assert_int_equal(world.early, 0);
}

static void who_may_not_is_refused(void **state)
{
    struct stage *s = *state;
    uint8_t payload[IMSG_PAYLOAD_MAX];
    size_t n;

    stage_begin(s);
    n = stage_message(s, 0, 2, payload);
    assert_int_equal(stage_send_as(s, payload, n, 1),
                     IMSG_BAD); /* another gate's route */
    assert_int_equal(stage_send_as(s, payload, n - 1, 0), IMSG_BAD);
    assert_int_equal(stage_send_as(s, payload, sizeof(struct msg_recorded), 0), IMSG_BAD);
    n = stage_message(s, 1, 2, payload); /* is not recorded */
    assert_int_equal(stage_send_as(s, payload, n, 0), IMSG_BAD);
    n = stage_message(s, ROUTES, 2, payload);
    assert_int_equal(stage_send_as(s, payload, n, 0), IMSG_BAD);
    stage_end(s);
}

static void files_end_by_age(void **state)
{
    struct stage *s = *state;
    struct sum t;

    stage_begin(s);
    stage_send(s, 0, 1);
    world.mono_ms += 86399 * 1000u;
    stage_keep(s);
    stage_read_log(s, &t);
    assert_int_equal(t.files, 0);
    world.mono_ms += 1000u;
    stage_keep(s);
    stage_read_log(s, &t);
    assert_int_equal(t.why_interval, 1);
    world.mono_ms += 2 * 86400 * 1000u;
    stage_keep(s); /* an empty one is not begun */
    stage_read_log(s, &t);
    assert_int_equal(t.files, 1);
    stage_end(s);
    stage_accounted(s, "age", 0);
}

static void the_oldest_go(void **state)
{
    struct stage *s = *state;
    struct sum t;

    s->config.recording.retain_size = 4 * RECORDING_SIZE_MIN;
    stage_begin(s);
    for (unsigned int i = 0; i < 400; i++) {
        stage_send(s, 0, 20);
        stage_keep(s);
        if (s->r.finished.octets + s->r.route[0]->file.size >
            5 * (uint64_t)RECORDING_SIZE_MIN)
            fail_msg("too much is kept");
    }
    stage_end(s);
    stage_judge(s, "retention", 0);
    stage_read_log(s, &t);
    assert_true(t.deleted >= 5 && t.why_size - t.deleted >= 3);
}

static void a_full_disk_ends_it_first(void **state)
{
    struct stage *s = *state;
    struct sum t;

    stage_begin(s);
    stage_send(s, 0, 10);
    world.used = 80;
    stage_keep(s);
    assert_int_equal(s->log.space.level, LOG_PRESSURE_ALARM);
    stage_send(s, 0, 10);
    stage_send_dropped(s, 2, 1);
    stage_keep(s);
    stage_read_log(s, &t);
    assert_int_equal(t.why_disk, 1);
    assert_int_equal(t.gaps, 1);
    assert_int_equal(t.written, 10);
    world.used = 50;
    stage_keep(s);
    stage_read_log(s, &t);
    assert_int_equal(t.overs, 1);
    assert_int_equal(t.lost, 13);
    stage_send(s, 0, 10);
    world.used = 99;
    /* Without anybody who looks now and then: it looks itself. */
    for (unsigned int i = 0; i < 200; i++) {
        stage_send(s, 0, 60);
        assert_true(audit_log_commit(&s->log));
        recordings_turn(&s->r);
    }
    assert_int_equal(s->r.halt, RECORDING_DISK);
    stage_end(s);
    stage_accounted(s, "a full disk", 0);
}

/* The hash is taken of what is there, not of what once was. */
static void what_was_left_open(void **state)
{
    struct stage *s = *state;
    char path[200];
    struct sum t;

    stage_begin(s);
    stage_send(s, 0, 3);
    (void)snprintf(path, sizeof path, "%s/recordings/%s.open", s->dir,
                   s->r.route[0]->file.name);
    assert_true(audit_log_commit(&s->log));
    recordings_free(&s->r);
    audit_log_free(&s->log);
    assert_int_equal(truncate(path, 500), 0);
    stage_begin(s);
    stage_keep(s);
    assert_int_not_equal(access(path, F_OK), 0);
    stage_end(s);
    stage_judge(s, "left open", 0);
    stage_read_log(s, &t);
    assert_int_equal(t.why_unfinished, 1);
}

/* Nothing is followed, nothing is overwritten. */
static void links_in_the_folder(void **state)
{
    struct stage *s = *state;
    char path[200];
    struct stat st;

    stage_begin(s);
    recordings_free(&s->r);
    audit_log_free(&s->log);
    (void)snprintf(path, sizeof path, "%s/recordings", s->dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_true(audit_log_init(&s->log, s->dir_fd, &s->log.place, "audit-0"));
    {
        int kept;

        assert_false(recordings_init(&s->r, &s->log, &s->config, s->dir_fd, &kept));
        recordings_free(&s->r);
    }
    audit_log_free(&s->log);
    assert_int_equal(lstat(path, &st), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_is_in_files, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(who_may_not_is_refused, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(files_end_by_age, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_go, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_ends_it_first, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(what_was_left_open, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(links_in_the_folder, recording_stage_set_up,
                                        recording_stage_tear_down),
    };

    return audit_hash_warm_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
