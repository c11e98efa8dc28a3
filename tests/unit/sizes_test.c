/* Address sizes other than those of 104 (101 7.1): every type, count and length with each
 * of the twelve. */
#include "policy/asdu.h"
#include "policy/reply.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL     (MATRIX_ROWS + MATRIX_OLD_ROWS)
#define SIZES   12
#define SEGMENT 125u

static struct guard_page guard;
static struct matrix_row rows[ALL];
static struct asdu a;

/* The i-th of the twelve, with all types known. */
static struct profile sizes(unsigned int i)
{
    struct profile p = {.cot_size = (uint8_t)(1 + i % 2),
                        .ca_size = (uint8_t)(1 + i / 2 % 2),
                        .ioa_size = (uint8_t)(1 + i / 4)};

    assert_true(profile_allow(&p, QUIRK_CP24_TYPES, DIR_MONITOR));
    assert_true(profile_allow(&p, QUIRK_UNTIMED_TEST, DIR_CONTROL));
    assert_true(profile_allow(&p, QUIRK_DELAY_ACQUISITION, DIR_CONTROL));
    assert_true(profile_allow(&p, QUIRK_SECAUTH, DIR_CONTROL));
    return p;
}

static struct make sized(const struct profile *p, unsigned int type, unsigned int cause,
                         unsigned int vsq)
{
    return (struct make){.type = (uint8_t)type,
                         .cause = (uint8_t)cause,
                         .vsq = (uint8_t)vsq,
                         .cot_size = p->cot_size,
                         .ca_size = p->ca_size,
                         .ioa_size = p->ioa_size};
}

static struct verdict parse(const uint8_t *octets, size_t n, enum direction dir,
                            const struct profile *p)
{
    return asdu_parse(guard_page_put(&guard, octets, n), n, dir, p, &a);
}

static unsigned int monitor_cause(const struct matrix_row *r)
{
    unsigned int cause = 1;
    while (cause < 63 && !r->cause[1][cause])
        cause++;
    return cause;
}

/* ---- lengths ---- */

/* 101 7.2.2, of what asdu_make makes: a segment has two octets. */
static size_t length_of(const struct matrix_row *r, const struct profile *p,
                        unsigned int vsq)
{
    const size_t count = vsq % 128, octets = r->octets + (r->id == SEGMENT ? 2 : 0);
    const size_t head = 2u + p->cot_size + p->ca_size;

    if (vsq >= 128)
        return head + p->ioa_size + count * octets;
    return head + count * (p->ioa_size + octets);
}

static enum reason expected(const struct matrix_row *r, unsigned int vsq)
{
    if (strchr(r->sq, vsq >= 128 ? '1' : '0') == NULL)
        return REASON_BAD_SQ;
    if (vsq % 128 == 0 || (r->single && vsq % 128 != 1))
        return REASON_BAD_COUNT;
    return REASON_OK;
}

static void check_lengths(const struct matrix_row *r, const struct profile *p,
                          unsigned int vsq)
{
    const struct make m = sized(p, r->id, monitor_cause(r), vsq);
    uint8_t octets[MAKE_ROOM] = {0};
    const size_t n = asdu_make(&m, octets);
    const enum reason want = expected(r, vsq);

    assert_int_equal(n, length_of(r, p, vsq));
    for (size_t size = n < 3 ? 0 : n - 3; size <= n + 2; size++) {
        const struct verdict v = parse(octets, size, DIR_MONITOR, p);
        enum reason reason = size < n    ? REASON_SHORT
                             : size == n ? REASON_OK
                                         : REASON_TRAILING;
        if (size > ASDU_SIZE_MAX)
            reason = REASON_TRAILING;
        else if (size < 2u + p->cot_size + p->ca_size)
            reason = REASON_SHORT;
        else if (want != REASON_OK)
            reason = want;
        if (v.reason != reason)
            fail_msg("%s sizes %u %u %u vsq %02x, %zu of %zu octets: %s", r->name,
                     p->cot_size, p->ca_size, p->ioa_size, vsq, size, n,
                     reason_name(v.reason));
        if (reason == REASON_OK)
            assert_int_equal(a.objects_size + 2u + p->cot_size + p->ca_size, n);
    }
}

static void test_every_length(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * ALL * 256; i++) {
        const struct profile p = sizes(i / 256 / ALL);
        if (i % 128 != 0) /* asdu_make puts one object for none */
            check_lengths(&rows[i / 256 % ALL], &p, i % 256);
    }
}

/* ---- fields ---- */

static void test_every_field(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * ALL; i++) {
        const struct profile p = sizes(i / ALL);
        const struct matrix_row *r = &rows[i % ALL];
        const unsigned int vsq = strchr(r->sq, '1') ? 0x83 : r->single ? 1 : 3;
        struct make m = sized(&p, r->id, monitor_cause(r), vsq);
        uint8_t octets[MAKE_ROOM];
        m.oa = 7;
        m.ca = p.ca_size == 1 ? 0x12 : 0x3412;
        m.ioa = r->ioa == '0' ? 0 : 0xBCADEF % (profile_ioa_max(&p) + 1);
        const size_t n = asdu_make(&m, octets);
        const struct verdict v = parse(octets, n, DIR_MONITOR, &p);
        assert_int_equal(v.reason, REASON_OK);
        assert_int_equal(a.has, p.cot_size == 1 ? 63 - ASDU_HAS_OA : 63);
        assert_int_equal(a.cause, m.cause);
        assert_int_equal(a.oa, p.cot_size == 1 ? 0 : 7);
        assert_int_equal(a.ca, m.ca);
        assert_int_equal(a.ioa, m.ioa);
        assert_int_equal(a.ioa_size, p.ioa_size);
        const size_t stride = r->octets + (vsq == 3 ? p.ioa_size : 0u);
        for (unsigned int k = 0; k < a.count; k++) {
            const uint8_t *element;
            uint32_t ioa;
            assert_true(asdu_object(&a, k, &ioa, &element));
            assert_int_equal(ioa, m.ioa + k);
            assert_ptr_equal(element, guard.end - n + 2 + p.cot_size + p.ca_size +
                                          p.ioa_size + k * stride);
        }
    }
}

/* The fields of a header that is cut off. */
static void test_short_headers(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * 10; i++) {
        const struct profile p = sizes(i / 10);
        const size_t n = i % 10, ca = 2u + p.cot_size, ioa = ca + p.ca_size;
        const uint8_t octets[] = {45, 1, 6, 1, 1, 1, 1, 1, 1, 1};
        const struct verdict v = parse(octets, n, DIR_CONTROL, &p);
        unsigned int has = (n >= 1 ? ASDU_HAS_TYPE : 0) | (n >= 2 ? ASDU_HAS_VSQ : 0) |
                           (n >= 3 ? ASDU_HAS_CAUSE : 0);
        has |= p.cot_size == 2 && n >= 4 ? ASDU_HAS_OA : 0;
        has |= n >= ioa ? ASDU_HAS_CA : 0;
        has |= n >= ioa + p.ioa_size ? ASDU_HAS_IOA : 0;
        assert_int_equal(a.has, has);
        if (n < ioa + p.ioa_size + 1) {
            assert_int_equal(v.reason, REASON_SHORT);
            assert_int_equal(v.offset, n);
        }
    }
}

/* ---- all stations ---- */

static void test_all_stations(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * MATRIX_ROWS * 2; i++) {
        const struct profile p = sizes(i / 2 / MATRIX_ROWS);
        const struct matrix_row *r = &rows[i / 2 % MATRIX_ROWS];
        const int dir = (int)i % 2;
        unsigned int cause = 1;
        while (cause < 63 && !r->cause[dir][cause])
            cause++;
        struct make m = sized(&p, r->id, cause, 0);
        uint8_t octets[MAKE_ROOM];
        static const uint16_t addresses[] = {1, 254, 255, 256, 65534, 65535};
        for (size_t k = 0; k < 6; k++) {
            m.ca = addresses[k];
            if (!r->cause[dir][cause] || (p.ca_size == 1 && m.ca > 255))
                continue;
            const size_t n = asdu_make(&m, octets);
            const struct verdict v =
                parse(octets, n, dir == 0 ? DIR_CONTROL : DIR_MONITOR, &p);
            const bool all = m.ca == (p.ca_size == 1 ? 255 : 65535);
            const bool may = dir == 0 && (r->id == 100 || r->id == 101 || r->id == 103 ||
                                          r->id == 105);
            assert_int_equal(v.reason, all && !may ? REASON_BAD_CA : REASON_OK);
            assert_int_equal(v.offset, all && !may ? 2 + p.cot_size : 0);
            assert_int_equal(a.ca, all ? 65535 : m.ca);
        }
    }
}

/* ---- the last object address ---- */

static void test_last_address(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * 127; i++) {
        const struct profile p = sizes(i / 127);
        const unsigned int count = 1 + i % 127, head = 2u + p.cot_size + p.ca_size;
        const uint32_t last = p.ioa_size == 1   ? 0xFF
                              : p.ioa_size == 2 ? 0xFFFF
                                                : 0xFFFFFF;
        struct make m = sized(&p, 1, 3, 0x80 | count);
        uint8_t octets[MAKE_ROOM];
        for (unsigned int over = 0; over < 2; over++) {
            m.ioa = last - count + 1 + over;
            const size_t n = asdu_make(&m, octets);
            const struct verdict v = parse(octets, n, DIR_MONITOR, &p);
            if (m.ioa > last)
                continue;
            assert_int_equal(v.reason, over ? REASON_BAD_IOA : REASON_OK);
            assert_int_equal(v.offset, over ? head : 0);
            assert_int_equal(v.quirk, QUIRK_NONE);
        }
    }
}

static void test_offsets(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES; i++) {
        const struct profile p = sizes(i);
        const size_t head = 2u + p.cot_size + p.ca_size, stride = p.ioa_size + 1u;
        const struct make m = sized(&p, 1, 3, 3);
        uint8_t octets[MAKE_ROOM];
        const size_t n = asdu_make(&m, octets);
        octets[n - 1] = 0x02;
        struct verdict v = parse(octets, n, DIR_MONITOR, &p);
        assert_int_equal(v.reason, REASON_RESERVED_BIT);
        assert_int_equal(v.offset, n - 1);
        memset(octets + head + stride, 0, p.ioa_size);
        v = parse(octets, n, DIR_MONITOR, &p);
        assert_int_equal(v.reason, REASON_BAD_IOA);
        assert_int_equal(v.offset, head + stride);
        memset(octets + 2 + p.cot_size, 0, p.ca_size);
        v = parse(octets, n, DIR_MONITOR, &p);
        assert_int_equal(v.reason, REASON_BAD_CA);
        assert_int_equal(v.offset, 2 + p.cot_size);
    }
}

/* ---- answers ---- */

static void test_answers(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES * ALL; i++) {
        const struct profile p = sizes(i / ALL);
        const struct matrix_row *r = &rows[i % ALL];
        const struct make m = sized(&p, r->id, 6, 0);
        uint8_t octets[MAKE_ROOM], out[ASDU_SIZE_MAX];
        const size_t n = asdu_make(&m, octets);
        const size_t size = reply_negative(octets, n, &p, REPLY_REFUSED, out);
        const bool unknown = r->id < 20 && i % ALL >= MATRIX_ROWS; /* to a master */
        assert_int_equal(size, r->direction == 'M' && !unknown ? 0 : n);
        if (size == 0)
            continue;
        assert_int_equal(out[2], unknown          ? 0x40 | 44
                                 : r->cause[1][7] ? 0x40 | 7
                                                  : 0x40 | 47);
        octets[2] = out[2];
        assert_memory_equal(octets, out, n);
        octets[2] = 6;
        for (int kind = REPLY_UNKNOWN_TYPE; kind <= REPLY_UNKNOWN_IOA; kind++) {
            assert_int_equal(reply_negative(octets, n, &p, (enum reply_kind)kind, out),
                             n);
            assert_int_equal(out[2], 0x40 | (44 + kind - REPLY_UNKNOWN_TYPE));
            assert_memory_equal(octets + 3, out + 3, n - 3);
        }
        assert_int_equal(reply_negative(octets, 1u + p.cot_size + p.ca_size + p.ioa_size,
                                        &p, REPLY_REFUSED, out),
                         0);
    }
}

/* No answer to all stations, whichever address says so. */
static void test_no_answer_to_all(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < SIZES; i++) {
        const struct profile p = sizes(i);
        struct make m = sized(&p, 100, 6, 0);
        uint8_t octets[MAKE_ROOM], out[ASDU_SIZE_MAX];
        m.ca = p.ca_size == 1 ? 255 : 65535;
        size_t n = asdu_make(&m, octets);
        assert_int_equal(reply_negative(octets, n, &p, REPLY_REFUSED, out), 0);
        m.ca = p.ca_size == 1 ? 254 : 255;
        n = asdu_make(&m, octets);
        assert_int_equal(reply_negative(octets, n, &p, REPLY_REFUSED, out), n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),  cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_short_headers), cmocka_unit_test(test_all_stations),
        cmocka_unit_test(test_last_address),  cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_no_answer_to_all),
    };
    guard_page_open(&guard);
    type_matrix_read(rows);
    type_matrix_read_old(rows + MATRIX_ROWS);
    const int failed = cmocka_run_group_tests_name("sizes", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
