/* Messages against their catalogue.  Every case is made from messages.def: a row that is
 * added there is tested here without a change. */
#include "sandbox/imsg.h"
#include "tests/lib/raw_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PHASES 5

/* A channel under test and the raw other end. */
struct rig {
    struct imsg_channel ch;
    int out;
};

static struct imsg got;
static uint8_t payload[IMSG_PAYLOAD_MAX + 8];

static void rig_open(struct rig *g, unsigned int self, unsigned int peer,
                     unsigned int phase)
{
    int pair[2];

    assert_true(imsg_pair(pair));
    imsg_channel_init(&g->ch, pair[0], (enum role)self, (enum role)peer, 7, phase);
    g->out = pair[1];
}

static void rig_close(struct rig *g)
{
    imsg_channel_close(&g->ch);
    (void)close(g->out);
}

/* Some role of a set. */
static unsigned int one_of(unsigned int set)
{
    for (unsigned int role = 0; role < ROLE_COUNT; role++) {
        if (set >> role & 1u)
            return role;
    }
    fail_msg("empty set of roles");
    return 0;
}

static unsigned int first_phase(const struct imsg_row *row)
{
    return row->phases & (~(unsigned int)row->phases + 1u);
}

static void rig_open_for(struct rig *g, const struct imsg_row *row)
{
    rig_open(g, one_of(row->to), one_of(row->from), first_phase(row));
}

/* Sends a packet of this type and length with descriptors of these kinds. */
static void put(struct rig *g, unsigned int type, size_t len, const char *kinds)
{
    const struct raw_packet p = {
        .type = type, .header_len = len, .payload = payload, .len = len, .kinds = kinds};

    assert_true(raw_packet_send(g->out, &p));
}

static void expect_ok(struct rig *g, const struct imsg_row *row, size_t len)
{
    enum imsg_status s = imsg_recv(&g->ch, &got);

    if (s != IMSG_OK)
        fail_msg("%s, %zu octets: %s", row->name, len, imsg_fault_name(g->ch.fault));
    assert_int_equal(got.type, row->type);
    assert_int_equal(got.len, len);
    assert_memory_equal(got.payload, payload, len);
    assert_int_equal(got.fd_count, strlen(row->fds));
    for (unsigned int i = 0; i < got.fd_count; i++)
        assert_true(raw_fd_is_cloexec(got.fds[i]));
    imsg_drop_fds(&got);
}

static void expect_bad(struct rig *g, enum imsg_fault fault, unsigned int type)
{
    enum imsg_status s = imsg_recv(&g->ch, &got);

    if (s != IMSG_BAD || g->ch.fault != fault || g->ch.fault_type != type)
        fail_msg("message %u (%s): status %d, %s of message %u; expected %s", type,
                 imsg_name(type), (int)s, imsg_fault_name(g->ch.fault), g->ch.fault_type,
                 imsg_fault_name(fault));
    assert_int_equal(got.fd_count, 0);
}

static void one_bad(const struct imsg_row *row, unsigned int type, size_t len,
                    const char *kinds, enum imsg_fault fault)
{
    struct rig g;

    rig_open_for(&g, row);
    put(&g, type, len, kinds);
    expect_bad(&g, fault, type);
    rig_close(&g);
}

#define EACH_ROW(row)                                                                    \
    for (const struct imsg_row *row = imsg_catalogue;                                    \
         row < imsg_catalogue + imsg_catalogue_size; row++)

/* ---- the catalogue itself ---- */

static void test_rows_are_found_by_their_number(void **state)
{
    size_t found = 0;

    (void)state;
    for (unsigned int type = 0; type <= UINT16_MAX; type++) {
        const struct imsg_row *row = imsg_row(type);

        if (row)
            assert_int_equal(row->type, type);
        else
            assert_string_equal(imsg_name(type), "unknown");
        found += row != NULL;
    }
    assert_int_equal(found, imsg_catalogue_size); /* no number twice */
    EACH_ROW(row)
    {
        assert_string_equal(imsg_name(row->type), row->name);
        assert_true(row->from != 0 && row->to != 0 && row->phases != 0);
        assert_int_equal(row->from & row->to, 0);
        assert_true(row->from < 1u << ROLE_COUNT && row->to < 1u << ROLE_COUNT);
        assert_true(row->phases < 1u << PHASES);
        assert_int_equal(strspn(row->fds, "TUG"), strlen(row->fds));
        assert_true(strlen(row->fds) <= IMSG_FDS_MAX);
    }
}

/* What the design promises of the catalogue as a whole. */
static void test_who_may_talk_to_whom(void **state)
{
    const unsigned int mon = 1u << ROLE_MONITOR;
    const unsigned int broker = 1u << ROLE_BROKER;
    const unsigned int tls = 1u << ROLE_TLS;
    const unsigned int gate = 1u << ROLE_GATE;
    const unsigned int signer = 1u << ROLE_SIGNER;
    const unsigned int audit = 1u << ROLE_AUDIT;
    const unsigned int fetcher = 1u << ROLE_FETCHER;

    (void)state;
    EACH_ROW(row)
    {
        /* Descriptors come from the broker, and channels from the monitor. */
        if (row->fds[0] != '\0') {
            assert_true(row->from == broker || row->from == mon);
            assert_int_equal(row->to & (signer | audit | fetcher) && row->from != mon, 0);
        }
        if (strchr(row->fds, 'T'))
            assert_int_equal(row->from, broker);
        if (row->from & mon)
            continue;
        /* Nobody but tls asks the signer; it answers nobody else, and has numbers for
         * the monitor, but nothing that the monitor would take for content. */
        if (row->to & signer)
            assert_int_equal(row->from, tls);
        if (row->from == signer && row->type != MSG_SIGNER_REFUSED)
            assert_int_equal(row->to, tls);
        /* Nor does the fetcher know anybody else. */
        if (row->to & fetcher)
            assert_int_equal(row->from, tls);
        if (row->from == fetcher)
            assert_int_equal(row->to, tls);
        /* What handles hostile TLS has no way to the log. */
        if (row->to & audit)
            assert_int_equal(row->from & (tls | signer | fetcher), 0);
        if (row->from == tls)
            assert_int_equal(row->to & ~(broker | gate | signer | fetcher), 0);
        if (row->from == gate)
            assert_int_equal(row->to & ~(broker | tls | mon | audit), 0);
    }
}

static void test_fixed_parts_are_packed(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct msg_cfg_begin), 4);
    assert_int_equal(sizeof(struct msg_channel), 8);
    assert_int_equal(sizeof(struct msg_violation), 8);
    assert_int_equal(sizeof(struct msg_worker), 8);
    assert_int_equal(sizeof(struct msg_endpoint), 20);
    assert_int_equal(sizeof(struct msg_session_id), 8);
    assert_int_equal(sizeof(struct msg_session), 36);
    assert_int_equal(sizeof(struct msg_dial_failed), 32);
    assert_int_equal(sizeof(struct msg_tls_failed), 128);
    assert_int_equal(sizeof(struct msg_tls_closed), 128);
    assert_int_equal(sizeof(struct msg_tls_rekey), 4);
    assert_int_equal(sizeof(struct msg_sign), 16);
    assert_int_equal(sizeof(struct msg_signed), 8 + 1024);
    assert_int_equal(sizeof(struct msg_signer_refused), 12);
    assert_int_equal(sizeof(struct msg_ocsp_ask), 8);
    assert_int_equal(sizeof(struct msg_ocsp_answer), 16);
    assert_int_equal(sizeof(struct msg_record_ack), 16);
    assert_int_equal(IMSG_PAYLOAD_MAX + IMSG_HEADER_SIZE, 4096);
}

/* ---- every row ---- */

static void test_good_between_its_roles_only(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        for (unsigned int from = 0; from < ROLE_COUNT; from++) {
            for (unsigned int to = 0; to < ROLE_COUNT; to++) {
                bool good = (row->from >> from & 1u) && (row->to >> to & 1u);
                struct rig g;

                rig_open(&g, to, from, first_phase(row));
                put(&g, row->type, row->min, row->fds);
                if (good)
                    expect_ok(&g, row, row->min);
                else
                    expect_bad(&g, IMSG_FAULT_DIRECTION, row->type);
                rig_close(&g);
                rig_open(&g, to, from, first_phase(row));
                put(&g, row->type, row->max, row->fds);
                if (good)
                    expect_ok(&g, row, row->max);
                else
                    expect_bad(&g, IMSG_FAULT_DIRECTION, row->type);
                rig_close(&g);
            }
        }
    }
}

static void test_wrong_length(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        if (row->min > 0) {
            one_bad(row, row->type, row->min - 1u, row->fds, IMSG_FAULT_LENGTH);
            one_bad(row, row->type, 0, row->fds, IMSG_FAULT_LENGTH);
        }
        one_bad(row, row->type, row->max + 1u, row->fds, IMSG_FAULT_LENGTH);
        one_bad(row, row->type, IMSG_PAYLOAD_MAX + 1, row->fds, IMSG_FAULT_LENGTH);
    }
}

static void test_header_that_lies(void **state)
{
    static const int lies[] = {-1, 1, -0x100, 0x100, 0x7FFF};

    (void)state;
    EACH_ROW(row)
    {
        for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
            struct raw_packet p = {.type = row->type,
                                   .header_len = (size_t)(row->min + lies[i]),
                                   .payload = payload,
                                   .len = row->min,
                                   .kinds = row->fds};
            struct rig g;

            rig_open_for(&g, row);
            assert_true(raw_packet_send(g.out, &p));
            expect_bad(&g, IMSG_FAULT_LENGTH, row->type);
            rig_close(&g);
        }
    }
}

/* A packet longer than any, of which only as much as the header says could be read. */
static void test_more_than_a_packet(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        struct raw_packet p = {.type = row->type,
                               .header_len = IMSG_PAYLOAD_MAX,
                               .payload = payload,
                               .len = IMSG_PAYLOAD_MAX + 1,
                               .kinds = row->fds};
        struct rig g;

        rig_open_for(&g, row);
        assert_true(raw_packet_send(g.out, &p));
        expect_bad(&g, IMSG_FAULT_LENGTH, row->type);
        rig_close(&g);
    }
}

static void test_wrong_phase(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        for (unsigned int bit = 0; bit < PHASES; bit++) {
            struct rig g;

            rig_open(&g, one_of(row->to), one_of(row->from), 1u << bit);
            put(&g, row->type, row->min, row->fds);
            if (row->phases >> bit & 1u)
                expect_ok(&g, row, row->min);
            else
                expect_bad(&g, IMSG_FAULT_PHASE, row->type);
            rig_close(&g);
        }
    }
}

static void test_twice(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        struct rig g;

        rig_open_for(&g, row);
        for (int i = 0; i < 3; i++) {
            put(&g, row->type, row->min, row->fds);
            if (i > 0 && row->once)
                expect_bad(&g, IMSG_FAULT_TWICE, row->type);
            else
                expect_ok(&g, row, row->min);
        }
        rig_close(&g);
    }
}

/* A refused message is not counted as seen, and other messages are not mixed up. */
static void test_once_counts_what_was_taken(void **state)
{
    (void)state;
    EACH_ROW(row)
    {
        struct rig g;

        if (!row->once)
            continue;
        rig_open_for(&g, row);
        put(&g, row->type, row->max + 1u, row->fds);
        expect_bad(&g, IMSG_FAULT_LENGTH, row->type);
        put(&g, row->type, row->min, row->fds);
        expect_ok(&g, row, row->min);
        EACH_ROW(other)
        {
            if (other == row || !other->once || !(other->phases & g.ch.phase) ||
                !(other->to >> g.ch.self & 1u) || !(other->from >> g.ch.peer & 1u))
                continue;
            put(&g, other->type, other->min, other->fds);
            expect_ok(&g, other, other->min);
        }
        rig_close(&g);
    }
}

static void test_unknown_types(void **state)
{
    const struct imsg_row *row = &imsg_catalogue[0];
    struct rig g;

    (void)state;
    rig_open_for(&g, row);
    for (unsigned int type = 0; type <= UINT16_MAX; type++) {
        if (imsg_row(type))
            continue;
        put(&g, type, 0, "");
        expect_bad(&g, IMSG_FAULT_TYPE, type);
        /* The whole range without descriptors, its first part with. */
        if (type < 300) {
            put(&g, type, 8, "TU");
            expect_bad(&g, IMSG_FAULT_TYPE, type);
        }
    }
    rig_close(&g);
}

/* Every set of up to three descriptors of any kind that is not the row's, and more than
 * any message may carry. */
static void test_wrong_descriptors(void **state)
{
    static const char kinds[] = RAW_FD_KINDS;
    const size_t n = sizeof kinds - 1;
    char set[4];

    (void)state;
    EACH_ROW(row)
    {
        for (size_t i = 0; i < (n + 1) * (n + 1) * (n + 1); i++) {
            size_t pick[3] = {i % (n + 1), i / (n + 1) % (n + 1), i / (n + 1) / (n + 1)};
            size_t len = 0;

            for (int k = 0; k < 3; k++) {
                if (pick[k] > 0)
                    set[len++] = kinds[pick[k] - 1];
            }
            set[len] = '\0';
            if (strcmp(set, row->fds) != 0)
                one_bad(row, row->type, row->min, set, IMSG_FAULT_DESCRIPTORS);
        }
        one_bad(row, row->type, row->min, "UUUUUU", IMSG_FAULT_DESCRIPTORS);
        one_bad(row, row->type, row->min, "TUUUUUUU", IMSG_FAULT_DESCRIPTORS);
        one_bad(row, row->type, row->min, "TUUUUUUUUUUUUUUUUUUU", IMSG_FAULT_DESCRIPTORS);
    }
}

/* Whatever is wrong with a message, the descriptors with it are closed. */
static void test_short_packets(void **state)
{
    (void)state;
    for (size_t n = 0; n < IMSG_HEADER_SIZE; n++) {
        static const char *const fds[] = {"", "U", "TU"};

        for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++) {
            struct rig g;

            rig_open_for(&g, &imsg_catalogue[0]);
            assert_true(raw_octets_send(g.out, "\1\0\0\0", n, fds[k]));
            /* An empty packet without descriptors looks like an end, and is one. */
            if (n == 0 && fds[k][0] == '\0')
                assert_int_equal(imsg_recv(&g.ch, &got), IMSG_CLOSED);
            else
                expect_bad(&g, IMSG_FAULT_LENGTH, 0);
            assert_int_equal(got.fd_count, 0);
            rig_close(&g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_found_by_their_number),
        cmocka_unit_test(test_who_may_talk_to_whom),
        cmocka_unit_test(test_fixed_parts_are_packed),
        cmocka_unit_test_setup_teardown(test_good_between_its_roles_only, raw_fds_count,
                                        raw_fds_same),
        cmocka_unit_test_setup_teardown(test_wrong_length, raw_fds_count, raw_fds_same),
        cmocka_unit_test_setup_teardown(test_header_that_lies, raw_fds_count,
                                        raw_fds_same),
        cmocka_unit_test_setup_teardown(test_more_than_a_packet, raw_fds_count,
                                        raw_fds_same),
        cmocka_unit_test_setup_teardown(test_wrong_phase, raw_fds_count, raw_fds_same),
        cmocka_unit_test_setup_teardown(test_twice, raw_fds_count, raw_fds_same),
        cmocka_unit_test_setup_teardown(test_once_counts_what_was_taken, raw_fds_count,
                                        raw_fds_same),
        cmocka_unit_test_setup_teardown(test_unknown_types, raw_fds_count, raw_fds_same),
        cmocka_unit_test_setup_teardown(test_wrong_descriptors, raw_fds_count,
                                        raw_fds_same),
        cmocka_unit_test_setup_teardown(test_short_packets, raw_fds_count, raw_fds_same),
    };

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + 1);
    return cmocka_run_group_tests_name("imsg", tests, NULL, NULL);
}
