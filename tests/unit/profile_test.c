/* A route's profile, and the table of quirks that it is made of. */
#include "policy/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What each quirk is for: M what the station sends, E either direction by itself, C a
 * command and what comes back, S a setting. */
static const struct {
    const char *name;
    char use;
} USES[] = {
    {"", '-'},
    {"reserved-bits", 'E'},
    {"private-qualifiers", 'E'},
    {"reserved-qualifiers", 'E'},
    {"any-time", 'E'},
    {"not-a-number", 'M'},
    {"any-ioa", 'E'},
    {"ca-zero", 'E'},
    {"negative-bit", 'M'},
    {"test-commands", 'C'},
    {"private-causes", 'M'},
    {"timed-interrogated", 'M'},
    {"timed-cyclic", 'M'},
    {"cyclic-status", 'M'},
    {"cot3-clock", 'M'},
    {"packed-return", 'M'},
    {"bitstring-return", 'M'},
    {"bitstring-deactivation", 'C'},
    {"timed-bitstring-deactivation", 'C'},
    {"counter-deactivation", 'C'},
    {"query-log-request", 'C'},
    {"cp24-types", 'M'},
    {"untimed-test", 'C'},
    {"delay-acquisition", 'C'},
    {"secauth", 'S'},
};
#define USES_N (sizeof USES / sizeof USES[0])

static void test_table(void **state)
{
    (void)state;
    static const char letters[] = {[QUIRK_USE_MONITOR] = 'M',
                                   [QUIRK_USE_EITHER] = 'E',
                                   [QUIRK_USE_COMMAND] = 'C',
                                   [QUIRK_USE_SETTING] = 'S'};
    assert_int_equal(USES_N, QUIRK_MAX + 1);
    for (unsigned int q = 1; q < USES_N; q++) {
        const struct quirk_info *info = quirk_info(q);
        assert_non_null(info);
        assert_int_equal(info->quirk, q);
        assert_string_equal(info->name, USES[q].name);
        assert_string_equal(quirk_name(q), USES[q].name);
        assert_int_equal(letters[info->use], USES[q].use);
        assert_true(strlen(info->text) > 0);
        assert_ptr_equal(quirk_by_name(USES[q].name), info);
    }
}

static void test_what_is_no_quirk(void **state)
{
    (void)state;
    static const unsigned int ids[] = {0, QUIRK_MAX + 1, 32, 255, ~0u};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_null(quirk_info(ids[i]));
        assert_string_equal(quirk_name(ids[i]), "");
    }
    assert_null(quirk_by_name(""));
    assert_null(quirk_by_name("reserved-bit"));
    assert_null(quirk_by_name("reserved-bits "));
    assert_null(quirk_by_name("Reserved-Bits"));
}

static bool means_something(unsigned int quirk, enum direction dir)
{
    return quirk >= 1 && quirk < USES_N && (dir == DIR_MONITOR || USES[quirk].use != 'M');
}

static void test_sets(void **state)
{
    (void)state;
    for (unsigned int q = 0; q < 32; q++)
        for (int dir = 0; dir < DIRECTIONS; dir++)
            assert_int_equal(quirk_set_of((enum direction)dir) >> q & 1,
                             means_something(q, (enum direction)dir));
}

/* ---- profile_is_legal ---- */

static void test_sizes(void **state)
{
    (void)state;
    assert_true(profile_is_legal(&PROFILE_104));
    for (unsigned int i = 0; i < 256 * 3; i++) {
        const unsigned int size = i / 3;
        struct profile p = PROFILE_104;
        uint8_t *const field[] = {&p.cot_size, &p.ca_size, &p.ioa_size};
        *field[i % 3] = (uint8_t)size;
        assert_int_equal(profile_is_legal(&p), size >= 1 && size <= (i % 3 == 2 ? 3 : 2));
    }
}

static void test_header_and_addresses(void **state)
{
    (void)state;
    static const uint32_t max[] = {0, 255, 65535, 16777215};
    for (unsigned int i = 0; i < 12; i++) {
        const struct profile p = {.cot_size = (uint8_t)(1 + i % 2),
                                  .ca_size = (uint8_t)(1 + i / 2 % 2),
                                  .ioa_size = (uint8_t)(1 + i / 4)};
        assert_true(profile_is_legal(&p));
        assert_int_equal(profile_header_size(&p), 4 + i % 2 + i / 2 % 2);
        assert_int_equal(profile_ioa_max(&p), max[1 + i / 4]);
    }
    assert_int_equal(PROFILE_104.cot_size, 2);
    assert_int_equal(PROFILE_104.ca_size, 2);
    assert_int_equal(PROFILE_104.ioa_size, 3);
    assert_int_equal(PROFILE_104.quirks[0] | PROFILE_104.quirks[1], 0);
}

static void test_quirk_bits(void **state)
{
    (void)state;
    for (unsigned int q = 0; q < 32; q++)
        for (int dir = 0; dir < DIRECTIONS; dir++) {
            struct profile p = PROFILE_104;
            p.quirks[dir] = QUIRK_BIT(q);
            assert_int_equal(profile_is_legal(&p),
                             means_something(q, (enum direction)dir));
            p.quirks[dir] |= quirk_set_of((enum direction)dir);
            assert_int_equal(profile_is_legal(&p),
                             means_something(q, (enum direction)dir));
        }
}

/* ---- profile_allow ---- */

static void test_allow(void **state)
{
    (void)state;
    for (unsigned int q = 0; q < 256; q++)
        for (int dir = 0; dir < DIRECTIONS; dir++) {
            struct profile p = PROFILE_104;
            const char use = q < USES_N ? USES[q].use : '-';
            const bool may = use == 'E' || use == 'S' ||
                             (use == 'M' && dir == DIR_MONITOR) ||
                             (use == 'C' && dir == DIR_CONTROL);
            const bool both = may && (use == 'C' || use == 'S');
            assert_int_equal(profile_allow(&p, (enum quirk)q, (enum direction)dir), may);
            assert_int_equal(p.quirks[dir], may ? QUIRK_BIT(q) : 0);
            assert_int_equal(p.quirks[1 - dir], both ? QUIRK_BIT(q) : 0);
            assert_true(profile_is_legal(&p));
        }
}

static void test_allow_adds(void **state)
{
    (void)state;
    struct profile p = PROFILE_104;
    assert_true(profile_allow(&p, QUIRK_CA_ZERO, DIR_MONITOR));
    assert_true(profile_allow(&p, QUIRK_SECAUTH, DIR_MONITOR));
    assert_true(profile_allow(&p, QUIRK_ANY_IOA, DIR_MONITOR));
    assert_false(profile_allow(&p, QUIRK_TEST_COMMANDS, DIR_MONITOR));
    assert_int_equal(p.quirks[DIR_MONITOR], QUIRK_BIT(QUIRK_CA_ZERO) |
                                                QUIRK_BIT(QUIRK_SECAUTH) |
                                                QUIRK_BIT(QUIRK_ANY_IOA));
    assert_int_equal(p.quirks[DIR_CONTROL], QUIRK_BIT(QUIRK_SECAUTH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_is_no_quirk),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_header_and_addresses),
        cmocka_unit_test(test_quirk_bits),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_allow_adds),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
