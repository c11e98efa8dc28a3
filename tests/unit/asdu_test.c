/* The ASDU layer: header, structure, cause matrix, addresses, objects, values. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct guard_page guard;
static struct matrix_row rows[MATRIX_ROWS];
static struct asdu a;

/* No quirk lets pass what does not add up. */
static struct verdict parse(const uint8_t *octets, size_t n, enum direction dir)
{
    const struct verdict v =
        asdu_parse(guard_page_put(&guard, octets, n), n, dir, &PROFILE_104, &a);

    assert_true(v.quirk == QUIRK_NONE ||
                reason_info(v.reason)->class == REASON_CLASS_MEANING);
    return v;
}

static struct verdict parse_made(const struct make *m, enum direction dir)
{
    uint8_t octets[MAKE_ROOM];
    return parse(octets, asdu_make(m, octets), dir);
}

/* ---- the cause matrix: 54 types, 64 causes, both directions, P/N, T -------------------
 */

static bool is_answer(unsigned int cause)
{
    return cause == 7 || cause == 9 || cause == 10 || (cause >= 44 && cause <= 47);
}

static enum reason expected_cause(const struct matrix_row *r, unsigned int cause, int dir,
                                  uint8_t flags)
{
    if (dir == 0 && r->direction == 'M')
        return REASON_WRONG_DIRECTION;
    if (!r->cause[dir][cause]) {
        if (r->cause[1 - dir][cause] || (dir == 0 && is_answer(cause)))
            return REASON_WRONG_DIRECTION;
        return REASON_BAD_COT;
    }
    if ((flags & 0x40) != 0 && !is_answer(cause))
        return REASON_NEGATIVE_BIT;
    return (flags & 0x80) != 0 && dir == 0 ? REASON_TEST_BIT : REASON_OK;
}

static void test_cause_matrix(void **state)
{
    (void)state;
    unsigned int legal = 0;
    for (unsigned int i = 0; i < MATRIX_ROWS * 64 * 2 * 4; i++) {
        const struct matrix_row *r = &rows[i / 512];
        const unsigned int cause = i / 8 % 64, dir = i / 4 % 2;
        const struct make m = {.type = (uint8_t)r->id,
                               .cause = (uint8_t)cause,
                               .flags = (uint8_t)(i % 4 * 0x40)};
        const enum reason want = expected_cause(r, cause, (int)dir, m.flags);
        const struct verdict v = parse_made(&m, dir == 0 ? DIR_CONTROL : DIR_MONITOR);
        if (v.reason != want)
            fail_msg("%s cause %u direction %u flags %02x: %s, not %s", r->name, cause,
                     dir, m.flags, reason_name(v.reason), reason_name(want));
        assert_int_equal(a.cause, cause);
        assert_int_equal(a.negative, (m.flags & 0x40) != 0);
        assert_int_equal(a.test, (m.flags & 0x80) != 0);
        legal += want == REASON_OK;
    }
    assert_true(legal > 700);
}

static void test_unknown_types(void **state)
{
    (void)state;
    uint8_t octets[] = {0, 1, 6, 0, 1, 0, 1, 0, 0, 0};
    for (unsigned int id = 0; id < 256; id++) {
        octets[0] = (uint8_t)id;
        const struct verdict v = parse(octets, sizeof octets, DIR_CONTROL);
        const bool known = type_matrix_find(rows, id) != NULL;
        const bool secauth = id == 41 || (id >= 81 && id <= 95 && id != 88 && id != 89);
        const enum reason unknown = secauth ? REASON_SECAUTH : REASON_BAD_TYPE;
        assert_int_equal(v.reason == unknown, !known);
        assert_int_equal(a.type_id, id);
        assert_int_equal(a.type == NULL, type_info((uint8_t)id) == NULL);
        assert_int_equal(a.has, id >= 81 && secauth ? 31 : 63);
        assert_int_equal(parse(octets, sizeof octets, DIR_MONITOR).reason == unknown,
                         !known);
    }
}

/* A type of 101 is as unknown as any, but the quirk that knows it is named. */
static void test_old_types(void **state)
{
    (void)state;
    struct matrix_row old[MATRIX_OLD_ROWS];
    type_matrix_read_old(old);
    for (size_t i = 0; i < MATRIX_OLD_ROWS * 64 * 2; i++) {
        const struct make m = {.type = (uint8_t)old[i / 128].id, .cause = i / 2 % 64};
        const enum direction dir = i % 2 ? DIR_CONTROL : DIR_MONITOR;
        const struct verdict v = parse_made(&m, dir);
        enum quirk quirk = m.type == 41    ? QUIRK_SECAUTH
                           : m.type == 104 ? QUIRK_UNTIMED_TEST
                           : m.type == 106 ? QUIRK_DELAY_ACQUISITION
                                           : QUIRK_CP24_TYPES;
        if (quirk == QUIRK_CP24_TYPES && dir == DIR_CONTROL)
            quirk = QUIRK_NONE; /* nobody sends these to a station */
        assert_int_equal(v.reason, m.type == 41 ? REASON_SECAUTH : REASON_BAD_TYPE);
        assert_int_equal(v.offset, 0);
        assert_int_equal(v.quirk, quirk);
        assert_null(a.objects);
    }
}

/* ---- structure: every type, SQ, count and every length --------------------------------
 */

static enum reason expected_structure(const struct matrix_row *r, uint8_t vsq)
{
    if (strchr(r->sq, vsq & 0x80 ? '1' : '0') == NULL)
        return REASON_BAD_SQ;
    if ((vsq & 0x7F) == 0 || (r->single && (vsq & 0x7F) != 1))
        return REASON_BAD_COUNT;
    return REASON_OK;
}

static void check_lengths(const struct matrix_row *r, uint8_t vsq)
{
    static const size_t more[] = {1, 2, 100};
    uint8_t octets[MAKE_ROOM] = {0};
    const struct make m = {.type = (uint8_t)r->id, .cause = 47, .vsq = vsq};
    const size_t n = asdu_make(&m, octets);
    const enum reason want = expected_structure(r, vsq);
    for (size_t cut = 6; cut < n && cut <= ASDU_SIZE_MAX; cut++)
        assert_int_equal(parse(octets, cut, DIR_MONITOR).reason,
                         want != REASON_OK ? want : REASON_SHORT);
    if (n <= ASDU_SIZE_MAX) {
        const enum reason whole = parse(octets, n, DIR_MONITOR).reason;
        assert_true(want != REASON_OK ? whole == want
                                      : whole == REASON_OK || whole == REASON_BAD_COT);
    }
    for (size_t i = 0; i < 3; i++) {
        const size_t size = n + more[i];
        const struct verdict v = parse(octets, size, DIR_MONITOR);
        assert_int_equal(
            v.reason, size > ASDU_SIZE_MAX || want == REASON_OK ? REASON_TRAILING : want);
        if (v.reason == REASON_TRAILING)
            assert_int_equal(v.offset, size > ASDU_SIZE_MAX ? ASDU_SIZE_MAX : n);
    }
}

static void test_structure(void **state)
{
    (void)state;
    for (int i = 0; i < MATRIX_ROWS; i++) {
        for (unsigned int vsq = 1; vsq < 256; vsq++)
            check_lengths(&rows[i], (uint8_t)vsq);
        const uint8_t none[] = {(uint8_t)rows[i].id, 0x00, 47, 0, 1, 0};
        const uint8_t none_sq[] = {(uint8_t)rows[i].id, 0x80, 47, 0, 1, 0, 1, 0, 0};
        assert_int_equal(parse(none, 6, DIR_MONITOR).reason,
                         expected_structure(&rows[i], 0x00));
        assert_int_equal(parse(none_sq, 9, DIR_MONITOR).reason,
                         expected_structure(&rows[i], 0x80));
    }
}

/* The header is filled in as far as the octets go. */
static void test_header_of_short_asdus(void **state)
{
    (void)state;
    const uint8_t octets[] = {45, 0x81, 0xC6, 9, 0x34, 0x12, 1, 2, 3};
    for (size_t n = 0; n <= sizeof octets; n++) {
        const struct verdict v = parse(octets, n, DIR_CONTROL);
        assert_int_equal(v.reason, n < 6 ? REASON_SHORT : REASON_BAD_SQ);
        assert_int_equal(v.offset, n < 6 ? n : 1);
        assert_int_equal(a.has,
                         (n >= 1 ? ASDU_HAS_TYPE : 0) | (n >= 2 ? ASDU_HAS_VSQ : 0) |
                             (n >= 3 ? ASDU_HAS_CAUSE : 0) | (n >= 4 ? ASDU_HAS_OA : 0) |
                             (n >= 6 ? ASDU_HAS_CA : 0) | (n >= 9 ? ASDU_HAS_IOA : 0));
        assert_int_equal(a.type_id, n >= 1 ? 45 : 0);
        assert_int_equal(a.type != NULL, n >= 1);
        assert_int_equal(a.sq, n >= 2);
        assert_int_equal(a.count, n >= 2 ? 1 : 0);
        assert_int_equal(a.cause, n >= 3 ? 6 : 0);
        assert_int_equal(a.negative, n >= 3);
        assert_int_equal(a.test, n >= 3);
        assert_int_equal(a.oa, n >= 4 ? 9 : 0);
        assert_int_equal(a.ca, n >= 6 ? 0x1234 : 0);
        assert_int_equal(a.ioa, n >= 9 ? 0x030201 : 0);
        assert_null(a.objects);
    }
}

/* ---- file segments
 * --------------------------------------------------------------------- */

static void test_file_segment(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM] = {125, 1, 13, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0};
    for (unsigned int los = 0; los < 256; los++) {
        octets[12] = (uint8_t)los;
        for (size_t n = 9; n <= 260; n++) {
            enum reason want = n < 13 + los || n < 13 ? REASON_SHORT : REASON_TRAILING;
            if (n > ASDU_SIZE_MAX)
                want = REASON_TRAILING;
            else if (n == 13 + los)
                want = los == 0 ? REASON_BAD_VALUE : REASON_OK;
            assert_int_equal(parse(octets, n, DIR_CONTROL).reason, want);
        }
    }
    octets[12] = 236;
    assert_int_equal(parse(octets, 249, DIR_MONITOR).reason, REASON_OK);
}

/* ---- addresses
 * ------------------------------------------------------------------------- */

static void test_common_addresses(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM];
    for (int i = 0; i < MATRIX_ROWS; i++) {
        const struct matrix_row *r = &rows[i];
        const bool all = r->id == 100 || r->id == 101 || r->id == 103 || r->id == 105;
        static const uint8_t ca[][2] = {
            {0, 0}, {1, 0}, {0, 1}, {0xFE, 0xFF}, {0xFF, 0xFF}};
        for (unsigned int k = 0; k < 5 * 2; k++) {
            const int dir = (int)k % 2;
            unsigned int cause = 0;
            while (cause < 64 && !r->cause[dir][cause])
                cause++;
            if (cause == 64)
                continue;
            const struct make m = {.type = (uint8_t)r->id, .cause = (uint8_t)cause};
            const size_t n = asdu_make(&m, octets);
            memcpy(octets + 4, ca[k / 2], 2);
            const bool good = k / 2 == 4 ? all && dir == 0 : k / 2 != 0;
            const struct verdict v =
                parse(octets, n, dir == 0 ? DIR_CONTROL : DIR_MONITOR);
            assert_int_equal(v.reason, good ? REASON_OK : REASON_BAD_CA);
            assert_int_equal(v.offset, good ? 0 : 4);
        }
    }
}

static const struct {
    uint8_t type, cause, vsq, qualifier;
    uint32_t ioa;
    enum reason reason;
} IOA_CASES[] = {
    {45, 6, 0x01, 1, 1, REASON_OK},
    {45, 6, 0x01, 1, 0xFFFFFF, REASON_OK},
    {45, 6, 0x01, 1, 0, REASON_BAD_IOA},
    {100, 6, 0x01, 20, 0, REASON_OK},
    {100, 6, 0x01, 20, 1, REASON_BAD_IOA},
    {100, 6, 0x01, 20, 0x010000, REASON_BAD_IOA},
    {105, 6, 0x01, 1, 5, REASON_BAD_IOA},
    {113, 6, 0x01, 1, 0, REASON_OK},
    {113, 6, 0x01, 1, 1, REASON_BAD_IOA},
    {113, 6, 0x01, 2, 0, REASON_BAD_IOA},
    {113, 6, 0x01, 2, 1, REASON_OK},
    {113, 6, 0x01, 3, 0, REASON_BAD_IOA},
    {1, 3, 0x81, 0, 0, REASON_BAD_IOA},
    {1, 3, 0x81, 0, 0xFFFFFF, REASON_OK},
    {1, 3, 0x82, 0, 0xFFFFFF, REASON_BAD_IOA},
    {1, 3, 0x82, 0, 0xFFFFFE, REASON_OK},
    {1, 3, 0xFF, 0, 0xFFFF81, REASON_OK},
    {1, 3, 0xFF, 0, 0xFFFF82, REASON_BAD_IOA},
    {1, 3, 0x02, 0, 0xFFFFFE, REASON_OK},
    {45, 7, 0x01, 1, 0, REASON_BAD_IOA},
    {45, 46, 0x01, 1, 0, REASON_BAD_IOA},
    {45, 47, 0x01, 1, 0, REASON_OK}, /* the address was the fault */
    {100, 47, 0x01, 20, 5, REASON_OK},
};

static void test_object_addresses(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM];
    for (size_t i = 0; i < sizeof IOA_CASES / sizeof IOA_CASES[0]; i++) {
        const struct make m = {.type = IOA_CASES[i].type,
                               .cause = IOA_CASES[i].cause,
                               .vsq = IOA_CASES[i].vsq,
                               .ioa = IOA_CASES[i].ioa};
        const size_t n = asdu_make(&m, octets);
        for (int k = 0; k < 3; k++)
            octets[6 + k] = (uint8_t)(IOA_CASES[i].ioa >> (8 * k));
        octets[9] = IOA_CASES[i].qualifier;
        const bool control = m.cause == 6;
        const struct verdict v = parse(octets, n, control ? DIR_CONTROL : DIR_MONITOR);
        if (v.reason != IOA_CASES[i].reason || v.offset != (v.reason ? 6 : 0))
            fail_msg("row %zu: %s at %u", i, reason_name(v.reason), v.offset);
        assert_int_equal(a.ioa, IOA_CASES[i].ioa);
    }
}

/* The second of two objects is judged, too. */
static void test_second_address(void **state)
{
    (void)state;
    uint8_t octets[] = {1, 2, 3, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1};
    const struct verdict v = parse(octets, sizeof octets, DIR_MONITOR);
    assert_int_equal(v.reason, REASON_BAD_IOA);
    assert_int_equal(v.offset, 10);
    octets[10] = 9;
    assert_int_equal(parse(octets, sizeof octets, DIR_MONITOR).reason, REASON_OK);
}

/* ---- objects and values
 * ------------------------------------------------------------------ */

static void test_objects(void **state)
{
    (void)state;
    for (int i = 0; i < MATRIX_ROWS; i++) {
        for (unsigned int vsq = 1; vsq < 256; vsq += 3) {
            const struct make m = {.type = (uint8_t)rows[i].id,
                                   .cause = 47,
                                   .ioa = 70000,
                                   .vsq = (uint8_t)vsq};
            uint8_t octets[MAKE_ROOM];
            const size_t n = asdu_make(&m, octets);
            const enum reason reason = parse(octets, n, DIR_MONITOR).reason;
            const bool sound =
                n <= 249 && expected_structure(&rows[i], m.vsq) == REASON_OK;
            const uint8_t *element;
            uint32_t ioa;
            assert_int_equal(asdu_object(&a, 0, &ioa, &element), sound);
            assert_true(sound || reason != REASON_OK);
            for (unsigned int k = 0; sound && k < (vsq & 0x7F); k++) {
                assert_true(asdu_object(&a, k, &ioa, &element));
                assert_int_equal(ioa, 70000 + k);
                assert_true(element >= a.objects + 3 &&
                            element + rows[i].octets <= guard.end);
            }
            assert_false(asdu_object(&a, vsq & 0x7F, &ioa, &element));
        }
    }
}

static const struct {
    uint8_t type, octets[5];
    bool has;
    double value;
} VALUES[] = {
    {45, {0x00}, true, 0},
    {45, {0x81}, true, 1},
    {46, {0x8E}, true, 2},
    {47, {0x05}, true, 1},
    {48, {0x00, 0x80}, true, -1.0},
    {48, {0xFF, 0x7F}, true, 32767.0 / 32768},
    {49, {0x00, 0x80}, true, -32768},
    {49, {0xFF, 0xFF}, true, -1},
    {50, {0, 0, 0xDC, 0xC2}, true, -110.0},
    {51, {0xFF, 0xFF, 0xFF, 0xFF}, true, 4294967295.0},
    {5, {0x40}, true, -64},
    {5, {0xBF}, true, 63},
    {5, {0x7F}, true, -1},
    {15, {0, 0, 0, 0x80}, true, -2147483648.0},
    {1, {0xF1}, true, 1},
    {3, {0xF3}, true, 3},
    {100, {20}, false, 0},
    {102, {0}, false, 0},
    {20, {1, 2, 3, 4}, false, 0},
    {125, {1}, false, 0},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VALUES / sizeof VALUES[0]; i++) {
        double value = 0;
        assert_int_equal(asdu_value(type_info(VALUES[i].type), VALUES[i].octets, &value),
                         VALUES[i].has);
        if (value < VALUES[i].value || value > VALUES[i].value)
            fail_msg("row %zu: %f", i, value);
    }
}

static void test_first_object(void **state)
{
    (void)state;
    uint8_t octets[MAKE_ROOM];
    const struct make m = {.type = 50, .cause = 6, .oa = 3, .ca = 0x0201, .ioa = 1301};
    const size_t n = asdu_make(&m, octets);
    octets[13] = 0x80;
    assert_int_equal(parse(octets, n, DIR_CONTROL).reason, REASON_OK);
    assert_true(a.has_select && a.select && a.has_value && a.value >= 1.0 &&
                a.value <= 1.0);
    assert_int_equal(a.oa, 3);
    assert_int_equal(a.ca, 0x0201);
    for (unsigned int qos = 0; qos < 256; qos++) {
        octets[13] = (uint8_t)qos;
        parse(octets, n, DIR_CONTROL);
        assert_true(a.has_select);
        assert_int_equal(a.select, qos / 128);
    }
    const struct make ic = {.type = 100, .cause = 6};
    assert_int_equal(parse_made(&ic, DIR_CONTROL).reason, REASON_OK);
    assert_false(a.has_select || a.select || a.has_value);
}

/* ---- noise
 * --------------------------------------------------------------------------------- */

static void test_noise(void **state)
{
    (void)state;
    uint8_t octets[ASDU_SIZE_MAX + 8];
    unsigned int sound = 0;
    srand(104);
    for (unsigned int i = 0; i < 300000; i++) {
        const size_t n = (size_t)rand() % (i % 2 ? 24 : sizeof octets);
        for (size_t k = 0; k < n; k++)
            octets[k] = (uint8_t)rand();
        if (n > 2 && i % 4 != 0) {
            octets[0] = (uint8_t)rows[rand() % MATRIX_ROWS].id;
            octets[1] &= 0x83;
        }
        const enum direction dir = i % 8 < 4 ? DIR_CONTROL : DIR_MONITOR;
        const struct verdict v = parse(octets, n, dir);
        assert_true(v.offset <= n);
        assert_true(reason_info(v.reason) != NULL);
        assert_true(v.reason != REASON_OK || v.offset == 0);
        const enum reason_class class = reason_info(v.reason)->class;
        const bool whole = v.reason == REASON_OK ||
                           (class == REASON_CLASS_MEANING &&
                            v.reason != REASON_BAD_TYPE && v.reason != REASON_SECAUTH);
        assert_int_equal(a.objects != NULL, whole);
        sound += whole;
    }
    assert_true(sound > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cause_matrix),
        cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_old_types),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_header_of_short_asdus),
        cmocka_unit_test(test_file_segment),
        cmocka_unit_test(test_common_addresses),
        cmocka_unit_test(test_object_addresses),
        cmocka_unit_test(test_second_address),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_first_object),
        cmocka_unit_test(test_noise),
    };
    guard_page_open(&guard);
    type_matrix_read(rows);
    const int failed = cmocka_run_group_tests_name("asdu", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
