/* Following the log from file to file, and the place that is kept of it. */
#include "proxy/audit_file.h"
#include "proxy/audit_ship_state.h"
#include "tests/lib/log_stage.h"

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

static int set_up(void **state)
{
    static struct log_stage s;

    log_stage_begin(&s);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    log_stage_end(*state);
    return 0;
}

/* ---- following ---- */

static struct audit_follow *follow(struct log_stage *s)
{
    static struct audit_follow f;

    audit_follow_init(&f, s->dir_fd);
    f.rotated = log_stage_rotated;
    f.ctx = s;
    return &f;
}

static void expect(struct audit_follow *f, uint64_t limit, uint64_t from, uint64_t to)
{
    struct audit_syslog_line line;

    for (uint64_t seq = from; seq <= to; seq++) {
        assert_int_equal(audit_follow_next(f, limit, &line), AUDIT_FOLLOW_LINE);
        assert_int_equal(line.head.seq, seq);
    }
    assert_int_equal(audit_follow_next(f, limit, &line), AUDIT_FOLLOW_NONE);
}

static void from_file_to_file(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);

    expect(f, 0, 1, 0);
    log_stage_lines(s, 200);
    expect(f, 150, 1, 150);
    log_stage_rotate(s, 1);
    log_stage_lines(s, 100);
    log_stage_rotate(s, 201);
    expect(f, 300, 151, 300);
    log_stage_lines(s, 10);
    expect(f, 310, 301, 310);
    audit_follow_close(f);
}

/* Another process of gate104 goes on where one ended. */
static void from_a_place(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);
    struct audit_place_in_log at;

    log_stage_lines(s, 100);
    expect(f, 50, 1, 50);
    at = f->at;
    audit_follow_close(f);
    log_stage_rotate(s, 1);
    log_stage_lines(s, 20);
    audit_follow_init(f, s->dir_fd);
    audit_follow_seek(f, &at);
    expect(f, 120, 51, 120);
    audit_follow_close(f);
}

static void what_retention_deleted(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);
    struct audit_syslog_line line;

    for (unsigned int i = 0; i < 4; i++) {
        log_stage_lines(s, 10);
        log_stage_rotate(s, 1 + 10 * i);
    }
    log_stage_lines(s, 10);
    expect(f, 5, 1, 5);
    assert_int_equal(unlinkat(s->dir_fd, "gate104-00000000000000000011.jsonl", 0), 0);
    assert_int_equal(unlinkat(s->dir_fd, "gate104-00000000000000000021.jsonl", 0), 0);
    expect(f, 10, 6, 10);
    assert_int_equal(audit_follow_next(f, 50, &line), AUDIT_FOLLOW_BREAK);
    assert_int_equal(f->missing, 20);
    expect(f, 50, 31, 50);
    audit_follow_close(f);
}

/* What stands behind the limit may be taken back, and comes again as something else. */
static void what_was_not_on_disk(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);
    struct audit_syslog_line line;
    uint8_t prev[AUDIT_HASH_SIZE];
    off_t size;

    log_stage_lines(s, 10);
    size = lseek(s->file, 0, SEEK_END);
    memcpy(prev, s->prev, sizeof prev);
    log_stage_line(s, "session.open", "notice", "");
    expect(f, 9, 1, 9);
    assert_int_equal(audit_follow_next(f, 10, &line), AUDIT_FOLLOW_LINE);
    assert_int_equal(ftruncate(s->file, size), 0);
    s->seq = 10;
    memcpy(s->prev, prev, sizeof prev);
    log_stage_line(s, "log.gap", "alarm", "");
    assert_int_equal(audit_follow_next(f, 11, &line), AUDIT_FOLLOW_LINE);
    assert_string_equal(line.head.event, "log.gap");
    audit_follow_close(f);
}

static void another_chain(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);
    struct audit_syslog_line line;

    log_stage_lines(s, 30);
    expect(f, 20, 1, 20);
    assert_int_equal(renameat(s->dir_fd, AUDIT_FILE_NAME, s->dir_fd, "damaged-1.jsonl"),
                     0);
    (void)close(s->file);
    s->file = -1;
    s->seq = 0;
    memset(s->prev, 0, sizeof s->prev);
    log_stage_lines(s, 2);
    assert_int_equal(audit_follow_next(f, 2, &line), AUDIT_FOLLOW_BREAK);
    expect(f, 2, 1, 2);
    log_stage_lines(s, 40);
    expect(f, 42, 3, 42);
    audit_follow_close(f);
}

static void lines_that_are_none(void **state)
{
    struct log_stage *s = *state;
    struct audit_follow *f = follow(s);
    struct audit_syslog_line line;
    static char garbage[3 * AUDIT_LINE_MAX];

    memset(garbage, 'x', sizeof garbage);
    log_stage_lines(s, 3);
    assert_int_equal(write(s->file, garbage, sizeof garbage), sizeof garbage);
    assert_int_equal(write(s->file, "\n", 1), 1);
    s->seq = 5;
    log_stage_lines(s, 2);
    assert_int_equal(audit_follow_next(f, 7, &line), AUDIT_FOLLOW_LINE);
    assert_int_equal(audit_follow_next(f, 7, &line), AUDIT_FOLLOW_LINE);
    assert_int_equal(audit_follow_next(f, 7, &line), AUDIT_FOLLOW_LINE);
    for (unsigned int i = 0; i < 20; i++) {
        if (audit_follow_next(f, 7, &line) == AUDIT_FOLLOW_LINE)
            break;
    }
    assert_int_equal(line.head.seq, 6);
    expect(f, 7, 7, 7);
    audit_follow_close(f);
}

/* ---- the place ---- */

static void a_place_is_kept(void **state)
{
    struct log_stage *s = *state;
    struct audit_place_in_log at;
    struct audit_place_in_log want = {.first = 7, .offset = 12345, .hash = {1, 2, 3}};
    struct audit_ship_state file;
    char slot[512];
    int fd;

    audit_ship_state_open(&file, s->dir_fd, &at);
    assert_int_equal(at.seq, 0);
    for (want.seq = 1; want.seq <= 5; want.seq++)
        assert_true(audit_ship_state_save(&file, &want));
    audit_ship_state_close(&file);
    want.seq = 5;
    audit_ship_state_open(&file, s->dir_fd, &at);
    assert_memory_equal(&at, &want, sizeof at);
    audit_ship_state_close(&file);

    /* Any octet of the newer slot: the older one counts. */
    fd = openat(s->dir_fd, AUDIT_SHIP_STATE, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, slot, sizeof slot, 0), sizeof slot);
    for (unsigned int i = 0; i < 164; i++) {
        char other = (char)(slot[256 + i] ^ 1);

        assert_int_equal(pwrite(fd, &other, 1, 256 + (off_t)i), 1);
        audit_ship_state_open(&file, s->dir_fd, &at);
        assert_true(at.seq == 4 || i >= 164);
        audit_ship_state_close(&file);
        assert_int_equal(pwrite(fd, slot + 256 + i, 1, 256 + (off_t)i), 1);
    }
    /* A file of anything. */
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, "gate104 ship 1 ", 15), 15);
    audit_ship_state_open(&file, s->dir_fd, &at);
    assert_int_equal(at.seq, 0);
    audit_ship_state_close(&file);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_file_to_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(from_a_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_retention_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_on_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_is_kept, set_up, tear_down),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
