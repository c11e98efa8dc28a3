/* The extension IECUserRoles as it is written: vectors by hand, every bound, and that the
 * strict reader reads it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/user_roles_encode.h"

/* Encodes into a block of exactly `cap` octets, for the sanitizer's sake; what comes out
 * must be what the reader reads. */
static size_t encode(const struct user_roles *roles, size_t cap, uint8_t *copy)
{
    uint8_t *out = malloc(cap ? cap : 1);
    const size_t n = user_roles_encode(roles, out, cap);
    struct user_roles back;

    assert_true(n <= cap);
    if (n > 0) {
        assert_int_equal(user_roles_read(out, n, &back), USER_ROLES_GOOD);
        assert_memory_equal(&back, roles, sizeof back);
    }
    if (copy && n > 0)
        memcpy(copy, out, n);
    free(out);
    return n;
}

static void expect(const struct user_roles *roles, const char *der, size_t size)
{
    uint8_t got[USER_ROLES_DER_MAX];

    assert_int_equal(encode(roles, sizeof got, got), size);
    assert_memory_equal(got, der, size);
    assert_int_equal(encode(roles, size, NULL), size);
    assert_int_equal(encode(roles, size - 1, NULL), 0);
}

/* A published vector: role 255, area "Outstation", revision 255, change. */
static void test_published(void **state)
{
    static const struct user_roles roles = {
        .count = 1,
        .entry = {{.role_count = 1,
                   .role = {255},
                   .area = "Outstation",
                   .revision = 255,
                   .has_definition = true,
                   .definition = "IEC62351-8",
                   .operation = USER_ROLE_CHANGE}},
    };
    static const char der[] = "\x30\x27\x30\x25\x30\x04\x02\x02\x00\xff\x0c\x0aOutstation"
                              "\x02\x02\x00\xff\x0c\x0aIEC62351-8\x0a\x01\x03";

    (void)state;
    expect(&roles, der, sizeof der - 1);
}

static void test_small(void **state)
{
    static const struct user_roles roles = {
        .count = 2,
        .entry = {{.role_count = 2, .role = {1, -2}, .area = "a"},
                  {.role_count = 1,
                   .role = {-32768},
                   .area = "b",
                   .revision = 128,
                   .has_sequence = true,
                   .sequence = 4294967295u}},
    };
    static const char der[] = "\x30\x26"
                              "\x30\x0e\x30\x06\x02\x01\x01\x02\x01\xfe\x0c\x01"
                              "a\x02\x01\x00"
                              "\x30\x14\x30\x04\x02\x02\x80\x00\x0c\x01"
                              "b\x02\x02\x00\x80\x02\x05\x00\xff\xff\xff\xff";

    (void)state;
    expect(&roles, der, sizeof der - 1);
}

static struct user_roles one(int16_t role)
{
    struct user_roles roles;

    memset(&roles, 0, sizeof roles);
    roles.count = 1;
    roles.entry[0].role_count = 1;
    roles.entry[0].role[0] = role;
    memcpy(roles.entry[0].area, "x", 2);
    return roles;
}

/* X.690 clause 8.3.2: no more octets than the number needs. */
static void test_numbers(void **state)
{
    static const struct {
        int16_t role;
        size_t octets;
    } rows[] = {{0, 1},  {127, 1},  {128, 2},  {255, 2},    {256, 2}, {32767, 2},
                {-1, 1}, {-128, 1}, {-129, 2}, {-32768, 2}, {-256, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct user_roles roles = one(rows[i].role);
        uint8_t der[USER_ROLES_DER_MAX];
        int value;

        assert_int_equal(encode(&roles, sizeof der, der), 14 + rows[i].octets);
        assert_int_equal(der[7], rows[i].octets);
        value = rows[i].octets == 1 ? (int8_t)der[8] : (int16_t)(der[8] << 8 | der[9]);
        assert_int_equal(value, rows[i].role);
    }
}

/* Lengths of one, two and three octets, up to the first that is too long. */
static void test_lengths(void **state)
{
    bool one_octet = false, two = false, three = false, refused = false;

    (void)state;
    for (size_t size = 1; size <= USER_ROLES_AREA_MAX; size += 9) {
        for (size_t count = 1; count <= USER_ROLES_ENTRIES_MAX; count++) {
            struct user_roles roles = one(-32768);
            uint8_t der[USER_ROLES_DER_MAX];
            size_t n;

            memset(roles.entry[0].area, 'a', size);
            roles.count = count;
            for (size_t i = 1; i < count; i++)
                roles.entry[i] = roles.entry[0];
            n = encode(&roles, sizeof der, der);
            one_octet = one_octet || (n > 0 && der[1] < 0x80);
            two = two || (n > 0 && der[1] == 0x81);
            three = three || (n > 0 && der[1] == 0x82);
            refused = refused || n == 0;
            assert_true(n > 0 || count * (size + 13) + 4 > sizeof der);
        }
    }
    assert_true(one_octet && two && three && refused);
}

static void test_bounds(void **state)
{
    struct user_roles roles = one(1);
    uint8_t der[USER_ROLES_DER_MAX];

    (void)state;
    assert_true(encode(&roles, sizeof der, der) > 0);
    roles.count = 0;
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles.count = USER_ROLES_ENTRIES_MAX + 1;
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles = one(1);
    roles.entry[0].role_count = 0;
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles.entry[0].role_count = USER_ROLES_PER_ENTRY + 1;
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles = one(1);
    roles.entry[0].area[0] = '\0';
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    memset(roles.entry[0].area, 'a', sizeof roles.entry[0].area);
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles = one(1);
    roles.entry[0].area[0] = '\n';
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles = one(1);
    roles.entry[0].has_definition = true;
    assert_true(encode(&roles, sizeof der, der) > 0);
    memset(roles.entry[0].definition, 'a', sizeof roles.entry[0].definition);
    assert_int_equal(encode(&roles, sizeof der, der), 0);
    roles = one(1);
    roles.entry[0].operation = (enum user_role_operation)4;
    assert_int_equal(encode(&roles, sizeof der, der), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_small),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
