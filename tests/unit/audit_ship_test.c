/* Shipping: what a receiver gets that goes away at the worst moments. */
#include "proxy/audit_ship.h"
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

struct stage {
    struct log_stage log;
    int receiver;
    struct audit_ship ship;
    bool begun;
    unsigned int asked;
    unsigned int told[128]; /* by event */
};

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    assert_non_null(s);
    log_stage_begin(&s->log);
    s->receiver = -1;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;

    if (s->begun)
        audit_ship_end(&s->ship);
    if (s->receiver >= 0)
        (void)close(s->receiver);
    log_stage_end(&s->log);
    free(s);
    return 0;
}

static bool ask(void *ctx)
{
    ((struct stage *)ctx)->asked++;
    return true;
}

static void tell(void *ctx, struct record *r)
{
    struct stage *s = ctx;
    struct record_head head;
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    assert_true(record_check(payload, n, &head));
    s->told[head.event->event]++;
}

static void begin(struct stage *s, enum ship_what what)
{
    struct ship_config c = {what, 60, SHIP_SIZE_DEFAULT, SHIP_ENTERPRISE};

    audit_ship_begin(&s->ship, s->log.dir_fd, &c, "h", LOG_STAGE_BOOT, 0);
    s->ship.ask = ask;
    s->ship.tell = tell;
    s->ship.ctx = s;
    s->ship.from.rotated = log_stage_rotated;
    s->ship.from.ctx = &s->log;
    s->begun = true;
}

static void listen_again(struct stage *s)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd;

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", s->log.dir);
    (void)unlink(at.sun_path);
    s->receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->receiver, (struct sockaddr *)&at, sizeof at), 0);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    audit_ship_socket(&s->ship, fd);
}

static void receiver_ends(struct stage *s)
{
    (void)close(s->receiver);
    s->receiver = -1;
}

static void turns(struct stage *s, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        (void)audit_ship_turn(&s->ship, s->log.seq, 1000 * s->log.seq);
}

/* The number of the next message, 0 if there is none; empty ones are no messages. */
static uint64_t received(const struct stage *s)
{
    static char buf[AUDIT_SYSLOG_MAX + 1];
    ssize_t n;

    do {
        n = recv(s->receiver, buf, sizeof buf - 1, MSG_DONTWAIT);
    } while (n == 0);
    if (n < 0)
        return 0;
    buf[n] = '\0';
    assert_non_null(strstr(buf, "\"seq\":"));
    return strtoull(strstr(buf, "\"seq\":") + 6, NULL, 10);
}

static uint64_t expect_messages(const struct stage *s, uint64_t from)
{
    uint64_t seq = received(s);

    while (seq > 0) {
        assert_int_equal(seq, from++);
        seq = received(s);
    }
    return from - 1;
}

static void all_arrive_in_order(void **state)
{
    struct stage *s = *state;
    uint64_t last = 0;

    log_stage_lines(&s->log, 100);
    log_stage_rotate(&s->log, 1);
    log_stage_lines(&s->log, 100);
    begin(s, SHIP_ALL);
    turns(s, 3);
    listen_again(s);
    for (unsigned int i = 0; i < 300; i++) {
        turns(s, 1);
        last = expect_messages(s, last + 1);
    }
    assert_int_equal(last, 200);
    assert_true(audit_ship_done(&s->ship, 200));
    assert_false(audit_ship_done(&s->ship, 201));
    assert_int_equal(s->asked, 0);
}

/* One that does not read gets a bounded number, of which none counts as delivered. */
static void a_receiver_that_does_not_read(void **state)
{
    struct stage *s = *state;
    uint64_t last;

    int pair[2]; /* the kernel bounds no queue between two that are connected both ways */

    log_stage_lines(&s->log, 200);
    begin(s, SHIP_ALL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    s->receiver = pair[0];
    audit_ship_socket(&s->ship, pair[1]);
    turns(s, 100);
    assert_false(audit_ship_done(&s->ship, 1));
    assert_int_equal(s->ship.in_flight, AUDIT_SHIP_WINDOW);
    last = expect_messages(s, 1);
    assert_int_equal(last, AUDIT_SHIP_WINDOW);
    turns(s, 1);
    assert_true(audit_ship_done(&s->ship, last));
}

/* What was in its socket went with it: it comes again. */
static void a_receiver_that_ends(void **state)
{
    struct stage *s = *state;
    uint64_t last = 0;

    log_stage_lines(&s->log, 60);
    begin(s, SHIP_ALL);
    for (unsigned int round = 0; round < 8; round++) {
        uint64_t seq;

        listen_again(s);
        turns(s, 1);
        seq = received(s); /* one is read; the others die with the receiver */
        assert_true(seq > 0 && seq <= last + 1);
        receiver_ends(s);
        turns(s, 2);
        assert_int_equal(s->asked, round + 1);
        assert_false(audit_ship_done(&s->ship, seq + 8));
    }
    listen_again(s);
    for (unsigned int i = 0; i < 50; i++) {
        uint64_t seq;

        turns(s, 1);
        while ((seq = received(s)) > 0) {
            assert_true(seq == last + 1 || (last == 0 && seq == 1));
            last = seq;
        }
    }
    assert_int_equal(last, 60);
}

/* The process dies at any moment: what was not certainly read comes again, nothing else
 * does. */
static void a_restart(void **state)
{
    struct stage *s = *state;
    uint64_t last;

    log_stage_lines(&s->log, 40);
    begin(s, SHIP_ALL);
    listen_again(s);
    turns(s, 1);
    last = expect_messages(s, 1);
    turns(s, 1); /* sees that they were read, sends more */
    /* No orderly end. */
    audit_follow_close(&s->ship.from);
    begin(s, SHIP_ALL);
    (void)expect_messages(s, last + 1);
    listen_again(s);
    turns(s, 1);
    assert_int_equal(received(s), last + 1);
}

static void security_passes_over_the_rest(void **state)
{
    struct stage *s = *state;

    log_stage_lines(&s->log, 100);
    log_stage_line(&s->log, "session.open", "notice", "");
    log_stage_lines(&s->log, 100);
    begin(s, SHIP_SECURITY);
    listen_again(s);
    turns(s, 20);
    assert_int_equal(received(s), 101);
    assert_int_equal(received(s), 0);
    turns(s, 2);
    assert_true(audit_ship_done(&s->ship, 201));
    log_stage_lines(&s->log, 20);
    turns(s, 2);
    assert_true(audit_ship_done(&s->ship, 221));
}

static void an_old_record_is_an_alarm(void **state)
{
    struct stage *s = *state;

    log_stage_lines(&s->log, 3); /* born at 1000, 2000, 3000 ms */
    begin(s, SHIP_ALL);
    (void)audit_ship_turn(&s->ship, 3, 61000);
    assert_int_equal(s->told[EVENT_SHIP_LAG], 0);
    (void)audit_ship_turn(&s->ship, 3, 61001);
    (void)audit_ship_turn(&s->ship, 3, 99000);
    assert_int_equal(s->told[EVENT_SHIP_LAG], 1);
    listen_again(s);
    (void)audit_ship_turn(&s->ship, 3, 99000);
    /* Sent is not yet read. */
    assert_int_equal(s->told[EVENT_SHIP_RESUMED], 0);
    assert_int_equal(expect_messages(s, 1), 3);
    (void)audit_ship_turn(&s->ship, 3, 99000);
    (void)audit_ship_turn(&s->ship, 3, 99000);
    assert_int_equal(s->told[EVENT_SHIP_RESUMED], 1);
    assert_int_equal(s->told[EVENT_SHIP_LAG], 1);
}

static void a_gap_is_told(void **state)
{
    struct stage *s = *state;

    log_stage_lines(&s->log, 10);
    log_stage_rotate(&s->log, 1);
    log_stage_lines(&s->log, 10);
    log_stage_rotate(&s->log, 11);
    log_stage_lines(&s->log, 10);
    begin(s, SHIP_ALL);
    listen_again(s);
    (void)audit_ship_turn(&s->ship, 5, 5000);
    assert_int_equal(unlinkat(s->log.dir_fd, "gate104-00000000000000000011.jsonl", 0), 0);
    for (unsigned int i = 0; i < 20; i++) {
        turns(s, 1);
        while (received(s) > 0) {
        }
    }
    assert_int_equal(s->told[EVENT_SHIP_GAP], 1);
    assert_true(audit_ship_done(&s->ship, 30));
}

/* A socket with little room takes a long line by parts of it only. */
static void a_line_too_long_for_the_socket(void **state)
{
    struct stage *s = *state;
    char fill[8000];
    char buf[AUDIT_SYSLOG_MAX];
    char members[8100];
    int small = 1;
    ssize_t n = -1;

    memset(fill, 'x', sizeof fill);
    fill[7500] = '\0';
    (void)snprintf(members, sizeof members, ",\"detail\":\"%s\"", fill);
    log_stage_line(&s->log, "session.open", "notice", members);
    begin(s, SHIP_ALL);
    listen_again(s);
    assert_int_equal(
        setsockopt(s->ship.socket, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    for (unsigned int i = 0; i < 20 && n <= 0; i++) {
        turns(s, 1);
        n = recv(s->receiver, buf, sizeof buf, MSG_DONTWAIT);
    }
    assert_true(n > 0 && n < 4700);
    assert_non_null(memmem(buf, (size_t)n, "X.CUT=\"1\" X.SEQ=\"1\"", 18));
    turns(s, 2);
    assert_true(audit_ship_done(&s->ship, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_arrive_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_receiver_that_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_receiver_that_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(security_passes_over_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_record_is_an_alarm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_too_long_for_the_socket, set_up,
                                        tear_down),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
