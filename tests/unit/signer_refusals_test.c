/* What a signer tells of its refusals: the first at once, the others in sums, and nothing
 * is lost where the channel is full or the bound is reached. */
#include "proxy/signer_refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct child child;
static struct imsg_channel monitor;
static struct signer_refusals refusals;

static int begin(void **state)
{
    int pair[2];

    (void)state;
    memset(&child, 0, sizeof child);
    if (!loop_init(&child.loop) || !imsg_pair(pair))
        return -1;
    imsg_channel_init(&child.control, pair[0], ROLE_SIGNER, ROLE_MONITOR, 0, PHASE_RUN);
    imsg_channel_init(&monitor, pair[1], ROLE_MONITOR, ROLE_SIGNER, 0, PHASE_RUN);
    signer_refusals_init(&refusals, &child);
    return 0;
}

static int end(void **state)
{
    (void)state;
    imsg_channel_close(&child.control);
    imsg_channel_close(&monitor);
    loop_timer_stop(&child.loop, &refusals.timer);
    loop_free(&child.loop);
    return 0;
}

/* The next that the monitor is told; false: nothing more. */
static bool told(struct msg_signer_refused *m)
{
    static struct imsg in;

    if (imsg_recv(&monitor, &in) != IMSG_OK)
        return false;
    assert_int_equal(in.type, MSG_SIGNER_REFUSED);
    imsg_get(&in, m, sizeof *m);
    return true;
}

static void expect(uint32_t worker, enum signer_refusal why, uint32_t count)
{
    struct msg_signer_refused m;

    assert_true(told(&m));
    assert_int_equal(m.worker, worker);
    assert_int_equal(m.why, why);
    assert_int_equal(m.count, count);
}

static void expect_silence(void)
{
    struct msg_signer_refused m;

    assert_false(told(&m));
}

static void add(struct signer_offender *o, enum signer_refusal why, unsigned int times)
{
    for (unsigned int i = 0; i < times; i++)
        signer_refusals_add(&refusals, o, why, SIGN_REFUSED_CONTEXT);
}

static void test_first_and_sum(void **state)
{
    struct signer_offender a = {.worker = 7};

    (void)state;
    add(&a, SIGNER_CONTENT, 1000);
    expect(7, SIGNER_CONTENT, 1);
    expect_silence();
    add(&a, SIGNER_TOO_MANY, 1); /* another kind is not hidden by the first */
    expect(7, SIGNER_TOO_MANY, 1);
    assert_true(loop_timer_armed(&refusals.timer));
    signer_refusals_summary(&refusals);
    expect(7, SIGNER_CONTENT, 999);
    expect_silence();
    add(&a, SIGNER_CONTENT, 1); /* still counted */
    expect_silence();
    signer_refusals_summary(&refusals);
    expect(7, SIGNER_CONTENT, 1);
    signer_refusals_summary(&refusals); /* nothing happened meanwhile */
    expect_silence();
    assert_null(refusals.list);
    add(&a, SIGNER_CONTENT, 1);
    expect(7, SIGNER_CONTENT, 1);
    signer_refusals_leave(&refusals, &a);
}

static void test_who_leaves_is_told(void **state)
{
    struct signer_offender a = {.worker = 7};
    struct signer_offender b = {.worker = 8};

    (void)state;
    add(&a, SIGNER_NOT_ITS_KEY, 3);
    add(&b, SIGNER_NOT_ITS_KEY, 1);
    expect(7, SIGNER_NOT_ITS_KEY, 1);
    expect(8, SIGNER_NOT_ITS_KEY, 1);
    signer_refusals_leave(&refusals, &a);
    expect(7, SIGNER_NOT_ITS_KEY, 2);
    signer_refusals_leave(&refusals, &b);
    expect_silence();
    assert_null(refusals.list);
}

/* Workers that come, are refused and go: bounded, and none of it lost. */
static void test_bound(void **state)
{
    struct msg_signer_refused m;
    uint64_t sum = 0;
    unsigned int messages = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct signer_offender o = {.worker = i};

        add(&o, SIGNER_NO_TRANSPORT, 2);
        signer_refusals_leave(&refusals, &o);
    }
    signer_refusals_end(&refusals);
    while (told(&m)) {
        messages++;
        sum += m.count;
    }
    assert_int_equal(m.worker, SIGNER_REFUSED_GONE);
    assert_int_equal(sum, 2000);
    assert_in_range(messages, SIGNER_TELLS_BURST, 2 * SIGNER_TELLS_BURST);
}

static void test_full_channel(void **state)
{
    static struct imsg note;
    struct signer_offender a = {.worker = 7};
    uint64_t sum = 0;
    struct msg_signer_refused m;

    (void)state;
    while (imsg_send(&child.control, MSG_NOTE, "x", 1, NULL, 0) == IMSG_OK)
        continue; /* until the socket is full */
    add(&a, SIGNER_TOKEN, 5);
    while (imsg_recv(&monitor, &note) == IMSG_OK)
        assert_int_equal(note.type, MSG_NOTE);
    add(&a, SIGNER_TOKEN, 1);
    signer_refusals_summary(&refusals);
    while (told(&m))
        sum += m.count;
    assert_int_equal(sum, 6);
    signer_refusals_leave(&refusals, &a);
}

static void test_table(void **state)
{
    (void)state;
    assert_null(signer_refusal_info(0));
    assert_null(signer_refusal_info(SIGNER_REFUSAL_END));
    assert_null(signer_refusal_info(255));
    for (unsigned int i = 1; i < SIGNER_REFUSAL_END; i++) {
        assert_non_null(signer_refusal_info(i));
        assert_int_equal(signer_refusal_info(i)->event,
                         i == SIGNER_KEY || i == SIGNER_TOKEN ? EVENT_SIGNER_FAILED
                                                              : EVENT_SIGNER_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_and_sum, begin, end),
        cmocka_unit_test_setup_teardown(test_who_leaves_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_bound, begin, end),
        cmocka_unit_test_setup_teardown(test_full_channel, begin, end),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests_name("signer refusals", tests, NULL, NULL);
}
