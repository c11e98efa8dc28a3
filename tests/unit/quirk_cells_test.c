/* The causes that quirks add to the table of types: these cells, and no others. */
#include "policy/asdu.h"
#include "tests/lib/asdu_make.h"
#include "tests/lib/type_matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (MATRIX_ROWS + MATRIX_OLD_ROWS)

static struct matrix_row rows[ALL];

/* Points, step positions, bitstrings, measured values with a time tag. */
#define TIMED "2,4,6,8,10,12,14,30-36"

/* In words: policy/quirk.def.  Where sources disagree (104 9.4) both readings are legal
 * with the quirk, and only the stricter one without. */
static const struct {
    const char *quirk, *types;
    int dir;
    const char *causes;
    bool disputed;
} CELLS[] = {
    {"cyclic-status", "1,3,5,7", 1, "1", false},
    {"timed-cyclic", TIMED, 1, "1,2", false},
    {"timed-interrogated", TIMED, 1, "20-36", false},
    {"private-causes", "1-21,30-40", 1, "48-63", false},
    {"packed-return", "20", 1, "11,12", true},
    {"bitstring-return", "7", 1, "11,12", true},
    {"bitstring-deactivation", "51", 0, "8", true},
    {"bitstring-deactivation", "51", 1, "9", true},
    {"counter-deactivation", "101", 0, "8", true},
    {"counter-deactivation", "101", 1, "9", true},
    {"cot3-clock", "103", 1, "3", true},
    {"timed-bitstring-deactivation", "64", 0, "8", true},
    {"timed-bitstring-deactivation", "64", 1, "9", true},
    {"query-log-request", "127", 0, "5", true},
};
#define CELLS_N (sizeof CELLS / sizeof CELLS[0])

static bool is_in(const char *list, unsigned int n)
{
    char *end;

    for (const char *p = list; *p != '\0'; p = *end == ',' ? end + 1 : end) {
        const unsigned long first = strtoul(p, &end, 10);
        const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        if (n >= first && n <= last)
            return true;
    }
    return false;
}

/* "" if no quirk adds it. */
static const char *quirk_of(unsigned int type, int dir, unsigned int cause)
{
    for (size_t i = 0; i < CELLS_N; i++)
        if (CELLS[i].dir == dir && is_in(CELLS[i].types, type) &&
            is_in(CELLS[i].causes, cause))
            return CELLS[i].quirk;
    return "";
}

/* The types of 101 known, and one quirk more (0: none). */
static struct profile with(unsigned int quirk)
{
    struct profile p = PROFILE_104;

    assert_true(profile_allow(&p, QUIRK_CP24_TYPES, DIR_MONITOR));
    assert_true(profile_allow(&p, QUIRK_UNTIMED_TEST, DIR_CONTROL));
    assert_true(profile_allow(&p, QUIRK_DELAY_ACQUISITION, DIR_CONTROL));
    p.quirks[DIR_CONTROL] |= QUIRK_BIT(quirk) & quirk_set_of(DIR_CONTROL);
    p.quirks[DIR_MONITOR] |= QUIRK_BIT(quirk) & quirk_set_of(DIR_MONITOR);
    return p;
}

static void check_cell(const struct matrix_row *r, int dir, unsigned int cause,
                       unsigned int quirk, const struct profile *p)
{
    const struct make m = {.type = (uint8_t)r->id, .cause = (uint8_t)cause};
    const char *by = quirk_of(r->id, dir, cause);
    const bool legal =
        r->cause[dir][cause] || (*by != '\0' && strcmp(by, quirk_name(quirk)) == 0);
    uint8_t octets[MAKE_ROOM];
    struct asdu a;
    const size_t n = asdu_make(&m, octets);
    const struct verdict v =
        asdu_parse(octets, n, dir == 0 ? DIR_CONTROL : DIR_MONITOR, p, &a);
    const uint32_t told = r->cause[dir][cause] ? 0 : QUIRK_BIT(quirk);

    if ((v.reason == REASON_OK) != legal ||
        strcmp(quirk_name(v.quirk), legal ? "" : by) != 0)
        fail_msg("%s direction %d cause %u with \"%s\": %s, \"%s\"", r->name, dir, cause,
                 quirk_name(quirk), reason_name(v.reason), quirk_name(v.quirk));
    if (legal)
        assert_int_equal(a.tolerated & ~with(0).quirks[dir], told);
}

static void test_each_quirk(void **state)
{
    (void)state;
    for (unsigned int quirk = 0; quirk <= QUIRK_MAX; quirk++) {
        const struct profile p = with(quirk);
        for (unsigned int i = 0; i < ALL * 64 * 2; i++)
            if (rows[i / 128].id != 41)
                check_cell(&rows[i / 128], (int)i % 2, i / 2 % 64, quirk, &p);
    }
}

static unsigned int legal_cells(bool disputed)
{
    unsigned int cells = 0;

    for (size_t i = 0; i < CELLS_N; i++)
        for (unsigned int bit = 0; bit < ALL * 64; bit++)
            cells += CELLS[i].disputed == disputed &&
                     is_in(CELLS[i].types, rows[bit / 64].id) &&
                     is_in(CELLS[i].causes, bit % 64);
    return cells;
}

static void test_none_is_lost(void **state)
{
    (void)state;
    assert_int_equal(legal_cells(true), 2 + 2 + 2 + 2 + 1 + 2 + 1);
    assert_int_equal(legal_cells(false), 4 + 14 * 2 + 14 * 17 + 32 * 16);
    for (size_t i = 0; i < CELLS_N; i++)
        assert_non_null(quirk_by_name(CELLS[i].quirk));
}

/* Cells on which sources disagree and which no quirk moves. */
static void test_settled_cells(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, cause;
        enum direction dir;
        enum reason reason;
    } cells[] = {
        {102, 5, DIR_CONTROL, REASON_OK},
        {102, 6, DIR_CONTROL, REASON_BAD_COT}, /* very old masters */
        {105, 6, DIR_CONTROL, REASON_OK},
        {120, 47, DIR_MONITOR, REASON_OK},
        {120, 47, DIR_CONTROL, REASON_WRONG_DIRECTION},
        {125, 47, DIR_MONITOR, REASON_OK},
        {127, 47, DIR_MONITOR, REASON_OK},
        {127, 47, DIR_CONTROL, REASON_WRONG_DIRECTION},
    };

    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        const struct make m = {.type = cells[i].type, .cause = cells[i].cause};
        uint8_t octets[MAKE_ROOM];
        struct asdu a;
        const size_t n = asdu_make(&m, octets);
        const struct verdict v = asdu_parse(octets, n, cells[i].dir, &PROFILE_104, &a);
        assert_int_equal(v.reason, cells[i].reason);
        assert_int_equal(v.quirk, QUIRK_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_quirk),
        cmocka_unit_test(test_none_is_lost),
        cmocka_unit_test(test_settled_cells),
    };
    type_matrix_read(rows);
    type_matrix_read_old(rows + MATRIX_ROWS);
    return cmocka_run_group_tests_name("quirk cells", tests, NULL, NULL);
}
