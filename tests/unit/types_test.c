/* The table of types against its second transcription. */
#include "policy/types.h"

#include "policy/cause.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct matrix_row rows[MATRIX_ROWS], old[MATRIX_OLD_ROWS];

static void check_row(const struct type_info *t, const struct matrix_row *r)
{
    static const char *const sq[] = {
        [TYPE_SQ_0] = "0", [TYPE_SQ_1] = "1", [TYPE_SQ_ANY] = "01"};
    static const char dir[] = {'?', 'C', 'M', 'B'}, ioa[] = {'p', '0', 'q', 'f'};
    size_t octets = 0;

    assert_int_equal(t->id, r->id);
    assert_string_equal(t->name, r->name);
    assert_true(strlen(t->name) <= TYPE_NAME_MAX);
    assert_int_equal(t->size, r->octets);
    assert_string_equal(sq[t->sq], r->sq);
    assert_int_equal(t->single, r->single);
    assert_int_equal(dir[t->direction], r->direction);
    assert_int_equal(ioa[t->ioa], r->ioa);
    for (unsigned int c = 0; c < 64; c++) {
        assert_int_equal((t->cot[DIR_CONTROL] >> c) & 1, r->cause[0][c]);
        assert_int_equal((t->cot[DIR_MONITOR] >> c) & 1, r->cause[1][c]);
    }
    for (size_t i = 0; i < ELEMENT_LIST_MAX; i++)
        octets += element_size((enum element)t->elements[i]);
    assert_int_equal(octets, r->octets);
}

static void test_every_id(void **state)
{
    (void)state;
    for (unsigned int id = 0; id < 256; id++) {
        const struct matrix_row *r = type_matrix_find(rows, id);
        const struct type_info *t = type_info((uint8_t)id);
        if (r == NULL)
            assert_true(t == NULL || t->needs != QUIRK_NONE);
        else
            check_row(t, r);
    }
}

/* Types a route must ask for, and the quirk by which it does. */
static void test_old_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < MATRIX_OLD_ROWS; i++) {
        const struct type_info *t = type_info((uint8_t)old[i].id);
        assert_non_null(t);
        check_row(t, &old[i]);
        assert_int_equal(t->layout, TYPE_LAYOUT_OBJECTS);
        assert_int_equal(t->needs, t->id < 20     ? QUIRK_CP24_TYPES
                                   : t->id == 41  ? QUIRK_SECAUTH
                                   : t->id == 104 ? QUIRK_UNTIMED_TEST
                                                  : QUIRK_DELAY_ACQUISITION);
    }
}

/* The rest are those of 60870-5-7. */
static void test_types_without_objects(void **state)
{
    (void)state;
    static const char *const names[] = {
        [81] = "S_CH_NA_1", [82] = "S_RP_NA_1", [83] = "S_AR_NA_1", [84] = "S_KR_NA_1",
        [85] = "S_KS_NA_1", [86] = "S_KC_NA_1", [87] = "S_ER_NA_1", [90] = "S_US_NA_1",
        [91] = "S_UQ_NA_1", [92] = "S_UR_NA_1", [93] = "S_UK_NA_1", [94] = "S_UA_NA_1",
        [95] = "S_UC_NA_1"};
    size_t found = 0;
    for (unsigned int id = 0; id < sizeof names / sizeof names[0]; id++) {
        if (names[id] == NULL)
            continue;
        const struct type_info *t = type_info((uint8_t)id);
        assert_string_equal(t->name, names[id]);
        assert_int_equal(t->needs, QUIRK_SECAUTH);
        assert_int_equal(t->layout, TYPE_LAYOUT_SECAUTH);
        assert_int_equal(t->size, 0);
        assert_int_equal(t->sq, TYPE_SQ_0);
        assert_true(t->single);
        assert_false(t->has_select);
        assert_int_equal(t->value, VALUE_NONE);
        found++;
    }
    assert_int_equal(found + MATRIX_ROWS + MATRIX_OLD_ROWS, TYPE_COUNT);
}

static void test_order_and_names(void **state)
{
    (void)state;
    size_t of_104 = 0;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *t = type_at(i);
        assert_ptr_equal(type_by_name(t->name), t);
        if (t->needs == QUIRK_NONE)
            assert_int_equal(t->id, rows[of_104++].id);
    }
    assert_int_equal(of_104, MATRIX_ROWS);
    assert_null(type_at(TYPE_COUNT));
    assert_null(type_at((size_t)-1));
    assert_null(type_by_name(""));
    assert_null(type_by_name("C_SC_NA_"));
    assert_null(type_by_name("C_SC_NA_1 "));
    assert_null(type_by_name("c_sc_na_1"));
    assert_int_equal(type_by_name("C_CD_NA_1")->needs, QUIRK_DELAY_ACQUISITION);
}

static void test_directions(void **state)
{
    (void)state;
    for (size_t i = 0; i < MATRIX_ROWS; i++) {
        const struct type_info *t = type_info((uint8_t)rows[i].id);
        assert_int_equal(type_in_direction(t, DIR_CONTROL), rows[i].direction != 'M');
        assert_true(type_in_direction(t, DIR_MONITOR));
    }
    assert_string_equal(direction_name(DIR_CONTROL), "control");
    assert_string_equal(direction_name(DIR_MONITOR), "monitor");
}

/* S/E is bit 7 of SCO, DCO, RCO and QOS, and of nothing else. */
static void test_select(void **state)
{
    (void)state;
    unsigned int with = 0;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *t = type_at(i);
        size_t at = 0;
        bool found = false;
        for (size_t e = 0; e < ELEMENT_LIST_MAX && !found; e++) {
            const enum element element = (enum element)t->elements[e];
            found = element == ELEMENT_SCO || element == ELEMENT_DCO ||
                    element == ELEMENT_RCO || element == ELEMENT_QOS;
            at += found ? 0 : element_size(element);
        }
        assert_int_equal(t->has_select, found);
        if (found)
            assert_int_equal(t->select_offset, at);
        with += found;
    }
    assert_int_equal(with, 12);
}

static void test_did_you_mean(void **state)
{
    (void)state;
    assert_string_equal(type_closest_name("C_SC_NA1"), "C_SC_NA_1");
    assert_string_equal(type_closest_name("c_sc_na_1"), "C_SC_NA_1");
    assert_string_equal(type_closest_name("C-SC-NA-1"), "C_SC_NA_1");
    assert_string_equal(type_closest_name("M_ME_TF_1x"), "M_ME_TF_1");
    assert_null(type_closest_name("breaker"));
    assert_null(type_closest_name(""));
    assert_null(type_closest_name("C_SC_NA_1C_SC_NA_1C_SC_NA_1"));
    assert_non_null(type_closest_name("M_ME_XX_1"));
}

static void test_cause_names(void **state)
{
    (void)state;
    assert_string_equal(cot_name(3), "spontaneous");
    assert_string_equal(cot_name(6), "activation");
    assert_string_equal(cot_name(7), "activation-con");
    assert_string_equal(cot_name(10), "termination");
    assert_string_equal(cot_name(20), "interrogated");
    assert_string_equal(cot_name(36), "interrogated-group-16");
    assert_string_equal(cot_name(41), "counter-request-group-4");
    assert_string_equal(cot_name(44), "unknown-type");
    assert_string_equal(cot_name(47), "unknown-ioa");
    static const unsigned int reserved[] = {0, 17, 18, 19, 42, 43, 64, 255, ~0u};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        assert_string_equal(cot_name(reserved[i]), "reserved");
    assert_string_equal(cot_name(48), "private");
    assert_string_equal(cot_name(63), "private");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_types),    cmocka_unit_test(test_types_without_objects),
        cmocka_unit_test(test_every_id),     cmocka_unit_test(test_order_and_names),
        cmocka_unit_test(test_directions),   cmocka_unit_test(test_select),
        cmocka_unit_test(test_did_you_mean), cmocka_unit_test(test_cause_names),
    };
    type_matrix_read(rows);
    type_matrix_read_old(old);
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
