/* Recordings when calls fail or the process ends in between: every APDU is in a file or
 * counted as lost, and every file is what the log says. */
#include "tests/lib/recording_stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Long enough for files to begin, to end and to be deleted. */
static void run(struct stage *s)
{
    stage_begin(s);
    world.on = true;
    for (unsigned int i = 0; i < 60; i++) {
        stage_send(s, i % 3 ? 0 : 2, 40);
        if (i % 10 == 0)
            stage_send_dropped(s, 2, 1);
        stage_keep(s);
        if (i == 30)
            world.mono_ms += 2 * MINUTE_MS;
    }
    stage_keep(s);
    world.on = false;
    for (unsigned int i = 0; i < 3; i++) {
        world.mono_ms += 2 * MINUTE_MS;
        stage_keep(s);
    }
}

static unsigned int calls_of_a_run(struct stage *s)
{
    world.from = world.to = 0;
    world.count = 0;
    run(s);
    stage_end(s);
    stage_accounted(s, "a good run", 0);
    stage_empty(s);
    assert_true(world.count > 50);
    return world.count;
}

static void every_call_fails(void **state)
{
    static const struct {
        enum how how;
        int error;
        unsigned int times;
    } faults[] = {{FAIL, EIO, 1}, {FAIL, ENOSPC, 4}, {HALF, ENOSPC, 2}, {HALF, EIO, 3}};
    struct stage *s = *state;

    s->config.recording.retain_size = 4 * RECORDING_SIZE_MIN;
    const unsigned int calls = calls_of_a_run(s);

    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (unsigned int at = 1; at <= calls; at++) {
            world.how = faults[f].how;
            world.error = faults[f].error;
            world.count = 0;
            world.from = at;
            world.to = at + faults[f].times - 1;
            run(s);
            stage_end(s);
            stage_accounted(s, strerror(faults[f].error), at);
            stage_empty(s);
        }
    }
}

static void an_end_at_every_call(void **state)
{
    struct stage *s = *state;
    const unsigned int calls = calls_of_a_run(s);
    unsigned int ended = 0;

    for (enum how how = END_BEFORE; how <= END_AFTER; how++) {
        for (unsigned int at = 1; at <= calls; at++) {
            int status;
            pid_t pid = fork();

            assert_true(pid >= 0);
            if (pid == 0) {
                world.how = how;
                world.count = 0;
                world.from = world.to = at;
                run(s);
                _exit(1);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            /* Names differ from second to second, and with them the last calls. */
            assert_true(WIFEXITED(status));
            ended += WEXITSTATUS(status) == 0;
            stage_begin(s);
            stage_keep(s);
            if (s->r.left_open.count > 0)
                fail_msg("call %u: a file is left open", at);
            stage_send(s, 0, 3);
            stage_end(s);
            stage_judge(s, "an end", at);
            stage_empty(s);
        }
    }
    assert_true(ended > calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_fails, recording_stage_set_up,
                                        recording_stage_tear_down),
        cmocka_unit_test_setup_teardown(an_end_at_every_call, recording_stage_set_up,
                                        recording_stage_tear_down),
    };

    return audit_hash_warm_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
