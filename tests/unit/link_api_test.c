/* The relay's interface, where the scripts of link_test.c cannot reach. */
#include "proxy/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct link *make(uint16_t k, void **memory)
{
    const struct link_config config = {.k = k, .output_size = LINK_OUTPUT_MIN};
    size_t size = link_memory_size(&config);
    *memory = malloc(size);
    struct link *l = link_init(&config, *memory, size);
    assert_non_null(l);
    return l;
}

static void test_limits_of_the_configuration(void **state)
{
    (void)state;
    static const struct link_config bad[] = {
        {0, LINK_OUTPUT_MIN},      {32768, LINK_OUTPUT_MIN},  {65535, LINK_OUTPUT_MIN},
        {12, LINK_OUTPUT_MIN - 1}, {12, LINK_OUTPUT_MAX + 1},
    };
    _Alignas(max_align_t) static uint8_t memory[64 * 1024];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(link_memory_size(&bad[i]), 0);
        assert_null(link_init(&bad[i], memory, sizeof(memory)));
    }
    const struct link_config good = {12, LINK_OUTPUT_DEFAULT};
    size_t size = link_memory_size(&good);
    assert_in_range(size, 1, sizeof(memory));
    assert_non_null(link_init(&good, memory, size));
    assert_null(link_init(&good, memory, size - 1));
    assert_null(link_init(&good, memory + 1, sizeof(memory) - 1));
}

static const uint8_t STARTDT_ACT[] = {0x68, 4, 0x07, 0, 0, 0};
static const uint8_t STARTDT_CON[] = {0x68, 4, 0x0B, 0, 0, 0};
static const uint8_t COMMAND[] = {0x68, 5, 0, 0, 0, 0, 0x2D};
static const uint8_t COMMAND_ACK[] = {0x68, 4, 1, 0, 2, 0};

static void test_decisions_need_their_ticket(void **state)
{
    (void)state;
    void *memory;
    struct link *l = make(12, &memory);
    const uint8_t reply[250] = {0};
    struct link_decision d = {.ticket = 1, .verb = LINK_FORWARD};
    struct link_frame frame;
    link_receive(l, LEG_MASTER, STARTDT_ACT, 6);
    assert_false(link_decide(l, LEG_MASTER, &d)); /* a U-frame passed, nothing waits */
    assert_false(link_is_started(l));
    link_receive(l, LEG_STATION, STARTDT_CON, 6);
    assert_true(link_is_started(l));
    link_receive(l, LEG_MASTER, COMMAND, sizeof(COMMAND));
    assert_true(link_next(l, LEG_MASTER, &frame));
    assert_int_equal(frame.ticket, 1);
    assert_int_equal(frame.apdu_size, sizeof(COMMAND));
    assert_memory_equal(frame.apdu, COMMAND, sizeof(COMMAND));
    d.ticket = 2;
    assert_false(link_decide(l, LEG_MASTER, &d));
    d.ticket = 1;
    assert_false(link_decide(l, LEG_STATION, &d));
    d.verb = LINK_REFUSE;
    assert_false(link_decide(l, LEG_MASTER, &d)); /* no reply */
    d.reply = reply;
    assert_false(link_decide(l, LEG_MASTER, &d)); /* an empty one */
    d.reply_size = 250;
    assert_false(link_decide(l, LEG_MASTER, &d)); /* too long */
    assert_true(link_next(l, LEG_MASTER, &frame));
    d.verb = LINK_FORWARD;
    assert_true(link_decide(l, LEG_MASTER, &d));
    assert_false(link_decide(l, LEG_MASTER, &d)); /* not twice */
    free(memory);
}

/* A negative confirmation has no meaning in control direction. */
static void test_only_commands_are_refused(void **state)
{
    (void)state;
    void *memory;
    struct link *l = make(12, &memory);
    link_receive(l, LEG_MASTER, STARTDT_ACT, 6);
    link_receive(l, LEG_STATION, STARTDT_CON, 6);
    link_receive(l, LEG_STATION, COMMAND, sizeof(COMMAND));
    struct link_decision d = {1, LINK_REFUSE, COMMAND, 1};
    assert_false(link_decide(l, LEG_STATION, &d));
    d.verb = LINK_DROP;
    assert_true(link_decide(l, LEG_STATION, &d));
    free(memory);
}

/* The driver may build the reply in the octets it was shown. */
static void test_reply_made_of_the_frame_itself(void **state)
{
    (void)state;
    void *memory;
    struct link *l = make(12, &memory);
    struct link_frame frame;
    link_receive(l, LEG_MASTER, STARTDT_ACT, 6);
    link_receive(l, LEG_STATION, STARTDT_CON, 6);
    link_receive(l, LEG_MASTER, COMMAND, sizeof(COMMAND));
    assert_true(link_next(l, LEG_MASTER, &frame));
    struct link_decision d = {frame.ticket, LINK_REFUSE, frame.apdu, frame.apdu_size};
    assert_true(link_decide(l, LEG_MASTER, &d));
    const uint8_t *octets;
    size_t size;
    link_output(l, LEG_MASTER, &octets, &size);
    assert_int_equal(size, 6 + 6 + sizeof(COMMAND));
    assert_memory_equal(octets + 12, COMMAND, sizeof(COMMAND));
    free(memory);
}

static void test_figures(void **state)
{
    (void)state;
    void *memory;
    struct link *l = make(12, &memory);
    const uint8_t *octets;
    size_t size;
    link_receive(l, LEG_MASTER, STARTDT_ACT, 6);
    link_receive(l, LEG_STATION, STARTDT_CON, 6);
    link_receive(l, LEG_MASTER, COMMAND, sizeof(COMMAND));
    struct link_decision d = {.ticket = 1, .verb = LINK_FORWARD};
    assert_true(link_decide(l, LEG_MASTER, &d));
    assert_int_equal(link_unacknowledged(l, LEG_STATION), 1);
    assert_int_equal(link_owed(l, LEG_MASTER), 1);
    link_receive(l, LEG_STATION, COMMAND_ACK, 6);
    link_output(l, LEG_MASTER, &octets, &size);
    assert_int_equal(link_unacknowledged(l, LEG_STATION), 0);
    assert_int_equal(link_owed(l, LEG_MASTER), 0);
    const struct link_count *master = link_counts(l, LEG_MASTER);
    const struct link_count *station = link_counts(l, LEG_STATION);
    assert_int_equal(master->received.i, 1);
    assert_int_equal(master->received.u, 1);
    assert_int_equal(master->sent.s, 1);
    assert_int_equal(master->sent.u, 1);
    assert_int_equal(master->forwarded, 1);
    assert_int_equal(station->received.s, 1);
    assert_int_equal(station->sent.i, 1);
    assert_int_equal(station->acknowledged, 1);
    link_close(l, REASON_BAD_START);
    link_close(l, REASON_STATE);
    enum reason why;
    assert_true(link_is_closed(l, &why));
    assert_int_equal(why, REASON_BAD_START);
    free(memory);
}

/* What is left of an APDU that a write cut stays in front. */
static void test_output_in_single_octets(void **state)
{
    (void)state;
    void *memory;
    struct link *l = make(12, &memory);
    static const uint8_t test[] = {0x68, 4, 0x43, 0, 0, 0};
    for (unsigned int i = 0; i < 1000; i++) {
        link_receive(l, LEG_MASTER, test, 6);
        for (size_t at = 0; at < 6; at++) {
            const uint8_t *octets;
            size_t size;
            if (at == 3)
                link_receive(l, LEG_MASTER, test, 6);
            link_output(l, LEG_STATION, &octets, &size);
            assert_true(size >= 6 - at);
            assert_memory_equal(octets, test + at, 6 - at);
            link_output_consumed(l, LEG_STATION, 1);
        }
        if (i % 2 == 0)
            continue;
        const uint8_t *octets;
        size_t size;
        link_output(l, LEG_STATION, &octets, &size);
        assert_int_equal(size, 12);
        link_output_consumed(l, LEG_STATION, 12);
    }
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_the_configuration),
        cmocka_unit_test(test_decisions_need_their_ticket),
        cmocka_unit_test(test_only_commands_are_refused),
        cmocka_unit_test(test_reply_made_of_the_frame_itself),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_output_in_single_octets),
    };
    return cmocka_run_group_tests_name("link_api", tests, NULL, NULL);
}
