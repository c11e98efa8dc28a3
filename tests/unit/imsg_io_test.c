/* How messages travel: the end of a channel, a full one, a peer that leaves mail unread,
 * and who owns descriptors. */
#include "sandbox/imsg.h"
#include "tests/lib/raw_packet.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* broker (a) and tls worker (b): both ways, with and without descriptors. */
struct ends {
    struct imsg_channel a;
    struct imsg_channel b;
};

static struct imsg got;
static const struct msg_session session = {.session = 9, .route = 1};
static const struct msg_session_id done = {.session = 9};

static void ends_open(struct ends *e)
{
    int pair[2];

    assert_true(imsg_pair(pair));
    assert_true(raw_fd_is_cloexec(pair[0]) && raw_fd_is_cloexec(pair[1]));
    imsg_channel_init(&e->a, pair[0], ROLE_BROKER, ROLE_TLS, 3, PHASE_RUN);
    imsg_channel_init(&e->b, pair[1], ROLE_TLS, ROLE_BROKER, 0, PHASE_RUN);
}

static void ends_close(struct ends *e)
{
    imsg_channel_close(&e->a);
    imsg_channel_close(&e->b);
}

static enum imsg_status give_session(struct imsg_channel *ch)
{
    int fds[2] = {raw_fd('T'), raw_fd('U')};
    enum imsg_status s = imsg_send(ch, MSG_TLS_SESSION, &session, sizeof session, fds, 2);

    /* Sending gives nothing away. */
    assert_true(fcntl(fds[0], F_GETFD) >= 0 && fcntl(fds[1], F_GETFD) >= 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return s;
}

static enum imsg_status say_done(struct imsg_channel *ch)
{
    return imsg_send(ch, MSG_TLS_DONE, &done, sizeof done, NULL, 0);
}

static void test_nothing_there(void **state)
{
    struct ends e;

    (void)state;
    ends_open(&e);
    assert_int_equal(imsg_recv(&e.a, &got), IMSG_AGAIN);
    assert_int_equal(got.fd_count, 0);
    /* A descriptor that was blocking does not block either. */
    assert_int_equal(fcntl(e.b.fd, F_SETFL, 0), 0);
    imsg_channel_init(&e.b, e.b.fd, ROLE_TLS, ROLE_BROKER, 0, PHASE_RUN);
    assert_true(fcntl(e.b.fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_AGAIN);
    ends_close(&e);
}

static void test_what_was_sent_arrives(void **state)
{
    struct msg_session body;
    struct ends e;

    (void)state;
    ends_open(&e);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_OK);
    imsg_get(&got, &body, sizeof body);
    assert_memory_equal(&body, &session, sizeof body);
    assert_int_equal(got.fd_count, 2);
    imsg_drop_fds(&got);
    imsg_drop_fds(&got);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_AGAIN);
    ends_close(&e);
}

static void test_head_and_tail_are_one_payload(void **state)
{
    struct msg_sign head = {.request = 1, .total = 3};
    struct ends e;

    (void)state;
    ends_open(&e);
    e.b.peer = ROLE_SIGNER;
    e.a.self = ROLE_SIGNER;
    assert_int_equal(imsg_send2(&e.b, MSG_SIGN, &head, sizeof head, "abc", 3), IMSG_OK);
    assert_int_equal(imsg_recv(&e.a, &got), IMSG_OK);
    assert_int_equal(got.len, sizeof head + 3);
    assert_memory_equal(got.payload, &head, sizeof head);
    assert_memory_equal(got.payload + sizeof head, "abc", 3);
    ends_close(&e);
}

static void test_closed(void **state)
{
    struct ends e;

    (void)state;
    ends_open(&e);
    imsg_channel_close(&e.a);
    imsg_channel_close(&e.a);
    assert_int_equal(e.a.fd, -1);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_CLOSED);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_CLOSED);
    assert_int_equal(say_done(&e.b), IMSG_CLOSED);
    assert_int_equal(imsg_recv(&e.a, &got), IMSG_CLOSED);
    assert_int_equal(give_session(&e.a), IMSG_CLOSED);
    ends_close(&e);
}

/* Nobody was ever at the other end: the log that is not there yet, for one. */
static void test_channel_that_never_was(void **state)
{
    struct imsg_channel ch = {.fd = -1};

    (void)state;
    assert_int_equal(imsg_send(&ch, MSG_RECORD, "x", 1, NULL, 0), IMSG_CLOSED);
    assert_int_equal(imsg_send2(&ch, MSG_RECORD, "x", 1, "y", 1), IMSG_CLOSED);
    assert_int_equal(imsg_recv(&ch, &got), IMSG_CLOSED);
    imsg_channel_close(&ch);
}

/* What a sender wrote before it closed arrives, descriptors and all. */
static void test_mail_before_the_end_arrives(void **state)
{
    struct ends e;

    (void)state;
    ends_open(&e);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    imsg_channel_close(&e.a);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(imsg_recv(&e.b, &got), IMSG_OK);
        assert_int_equal(got.fd_count, 2);
        imsg_drop_fds(&got);
    }
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_CLOSED);
    ends_close(&e);
}

/* It also arrives when the sender closed with mail of ours unread: the kernel then puts
 * an ECONNRESET in front. */
static void test_mail_before_a_reset_arrives(void **state)
{
    struct ends e;
    char byte;

    (void)state;
    /* The positive control: the error is really there. */
    ends_open(&e);
    assert_int_equal(say_done(&e.b), IMSG_OK);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    imsg_channel_close(&e.a);
    assert_int_equal(recv(e.b.fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, ECONNRESET);
    ends_close(&e);

    ends_open(&e);
    assert_int_equal(say_done(&e.b), IMSG_OK);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    imsg_channel_close(&e.a);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(imsg_recv(&e.b, &got), IMSG_OK);
        assert_int_equal(got.type, MSG_TLS_SESSION);
        imsg_drop_fds(&got);
    }
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_CLOSED);
    ends_close(&e);
}

static void test_full_channel(void **state)
{
    enum imsg_status s;
    struct ends e;
    size_t sent = 0;
    size_t came = 0;

    (void)state;
    ends_open(&e);
    while ((s = say_done(&e.b)) == IMSG_OK && sent < 100000)
        sent++;
    assert_int_equal(s, IMSG_AGAIN);
    assert_true(sent > 0);
    while (imsg_recv(&e.a, &got) == IMSG_OK)
        came++;
    assert_int_equal(came, sent); /* the one that was refused did not go in part */
    assert_int_equal(say_done(&e.b), IMSG_OK);
    assert_int_equal(imsg_recv(&e.a, &got), IMSG_OK);
    ends_close(&e);
}

static void test_rejected_by_its_handler(void **state)
{
    struct ends e;

    (void)state;
    ends_open(&e);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_OK);
    assert_int_equal(imsg_reject(&e.b, &got), IMSG_BAD);
    assert_int_equal(e.b.fault, IMSG_FAULT_FIELD);
    assert_int_equal(e.b.fault_type, MSG_TLS_SESSION);
    assert_int_equal(got.fd_count, 0);
    ends_close(&e);
}

static void test_tcp_over_ipv6_is_tcp(void **state)
{
    struct raw_packet p = {.type = MSG_TLS_SESSION,
                           .header_len = sizeof session,
                           .payload = &session,
                           .len = sizeof session,
                           .kinds = "tU"};
    int fd = raw_fd('t');
    struct ends e;

    (void)state;
    if (fd < 0)
        skip(); /* this kernel has no IPv6 */
    (void)close(fd);
    ends_open(&e);
    assert_true(raw_packet_send(e.a.fd, &p));
    assert_int_equal(imsg_recv(&e.b, &got), IMSG_OK);
    imsg_drop_fds(&got);
    ends_close(&e);
}

/* Receives with room for so many more descriptors. */
static void recv_with_room(struct imsg_channel *ch, unsigned int room)
{
    struct rlimit old;
    struct rlimit low;
    int last = dup(0);

    assert_true(last >= 0);
    (void)close(last);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)last + room;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(imsg_recv(ch, &got), IMSG_BAD);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(ch->fault, IMSG_FAULT_DESCRIPTORS);
    assert_int_equal(got.fd_count, 0);
}

/* A receiver without free descriptors loses some, and must not take the message for
 * whole, nor keep those that still fitted; also when these look like the right ones. */
static void test_no_descriptors_left_to_receive_with(void **state)
{
    struct raw_packet p = {.type = MSG_TLS_SESSION,
                           .header_len = sizeof session,
                           .payload = &session,
                           .len = sizeof session,
                           .kinds = "TUU"};
    struct ends e;

    (void)state;
    ends_open(&e);
    assert_int_equal(give_session(&e.a), IMSG_OK);
    recv_with_room(&e.b, 1);
    assert_true(raw_packet_send(e.a.fd, &p));
    recv_with_room(&e.b, 2);
    ends_close(&e);
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned int f = IMSG_FAULT_NONE; f <= IMSG_FAULT_FIELD; f++) {
        assert_string_not_equal(imsg_fault_name(f), "unknown");
        for (unsigned int g = 0; g < f; g++)
            assert_string_not_equal(imsg_fault_name(f), imsg_fault_name(g));
    }
    assert_string_equal(imsg_fault_name(IMSG_FAULT_FIELD + 1), "unknown");
    for (unsigned int r = 0; r < ROLE_COUNT; r++) {
        assert_true(role_valid(r));
        assert_string_not_equal(role_name(r), "unknown");
    }
    assert_false(role_valid(ROLE_COUNT));
    assert_string_equal(role_name(ROLE_COUNT), "unknown");
    assert_string_equal(role_name(~0u), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raw_fds_count, raw_fds_same)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_there),
        TEST(test_what_was_sent_arrives),
        TEST(test_head_and_tail_are_one_payload),
        TEST(test_closed),
        TEST(test_channel_that_never_was),
        TEST(test_mail_before_the_end_arrives),
        TEST(test_mail_before_a_reset_arrives),
        TEST(test_full_channel),
        TEST(test_rejected_by_its_handler),
        TEST(test_tcp_over_ipv6_is_tcp),
        TEST(test_no_descriptors_left_to_receive_with),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("imsg_io", tests, NULL, NULL);
}
