/* The extension IECUserRoles as it is written: vectors by hand, and every bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/user_roles_encode.h"

/* Encodes into a block of exactly `cap` octets, for the sanitizer's sake. */
static size_t encode(const struct roles_encode_entry *e, size_t count, size_t cap,
                     uint8_t *copy)
{
    uint8_t *out = malloc(cap ? cap : 1);
    const size_t n = roles_encode(e, count, out, cap);

    assert_true(n <= cap);
    if (copy && n > 0)
        memcpy(copy, out, n);
    free(out);
    return n;
}

static void expect(const struct roles_encode_entry *e, size_t count, const char *der,
                   size_t size)
{
    uint8_t got[ROLES_ENCODE_MAX];

    assert_int_equal(encode(e, count, ROLES_ENCODE_MAX, got), size);
    assert_memory_equal(got, der, size);
    assert_int_equal(encode(e, count, size, NULL), size);
    assert_int_equal(encode(e, count, size - 1, NULL), 0);
}

/* A published vector: role 255, area "Outstation", revision 255, change. */
static void test_published(void **state)
{
    const struct roles_encode_entry e = {
        .role_count = 1,
        .role = {255},
        .aor = "Outstation",
        .revision = 255,
        .definition = "IEC62351-8",
        .operation = ROLES_CHANGE,
    };
    static const char der[] = "\x30\x27\x30\x25\x30\x04\x02\x02\x00\xff\x0c\x0aOutstation"
                              "\x02\x02\x00\xff\x0c\x0aIEC62351-8\x0a\x01\x03";

    (void)state;
    expect(&e, 1, der, sizeof der - 1);
}

static void test_small(void **state)
{
    const struct roles_encode_entry e[2] = {
        {.role_count = 2, .role = {1, -2}, .aor = "a"},
        {.role_count = 1,
         .role = {-32768},
         .aor = "b",
         .revision = 128,
         .has_change_number = true,
         .change_number = 4294967295u},
    };
    static const char der[] = "\x30\x29"
                              "\x30\x0e\x30\x06\x02\x01\x01\x02\x01\xfe\x0c\x01"
                              "a\x02\x01\x00"
                              "\x30\x17\x30\x04\x02\x02\x80\x00\x0c\x01"
                              "b\x02\x02\x00\x80\x02\x05\x00\xff\xff\xff\xff";

    (void)state;
    expect(e, 2, der, sizeof der - 1);
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
        const struct roles_encode_entry e = {
            .role_count = 1, .role = {rows[i].role}, .aor = "x"};
        uint8_t der[ROLES_ENCODE_MAX];
        int value;

        assert_int_equal(encode(&e, 1, sizeof der, der), 14 - 2 + rows[i].octets);
        assert_int_equal(der[7], rows[i].octets);
        value = rows[i].octets == 1 ? (int8_t)der[8] : (int16_t)(der[8] << 8 | der[9]);
        assert_int_equal(value, rows[i].role);
    }
}

/* The longest there is takes lengths of two octets, and still fits. */
static void test_largest(void **state)
{
    struct roles_encode_entry e[ROLES_ENCODE_ENTRIES_MAX] = {{.aor = NULL}};
    char aor[ROLES_ENCODE_AOR_MAX + 1];
    uint8_t der[ROLES_ENCODE_MAX];
    size_t n;

    (void)state;
    memset(aor, 'a', sizeof aor - 1);
    aor[sizeof aor - 1] = '\0';
    for (size_t i = 0; i < ROLES_ENCODE_ENTRIES_MAX; i++) {
        e[i] = (struct roles_encode_entry){.role_count = ROLES_ENCODE_ROLES_MAX,
                                           .aor = aor,
                                           .revision = 255,
                                           .definition = "12345678901234567890123",
                                           .operation = ROLES_DELETE,
                                           .has_change_number = true,
                                           .change_number = UINT32_MAX};
        for (size_t k = 0; k < ROLES_ENCODE_ROLES_MAX; k++)
            e[i].role[k] = -32768;
    }
    n = encode(e, ROLES_ENCODE_ENTRIES_MAX, sizeof der, der);
    assert_true(n > 1000);
    assert_int_equal(der[1], 0x82);
    assert_int_equal(der[2] << 8 | der[3], n - 4);
    assert_int_equal(encode(e, ROLES_ENCODE_ENTRIES_MAX, n - 1, NULL), 0);
}

static void test_bounds(void **state)
{
    const struct roles_encode_entry good = {.role_count = 1, .role = {1}, .aor = "x"};
    struct roles_encode_entry e[ROLES_ENCODE_ENTRIES_MAX + 1];
    char aor[ROLES_ENCODE_AOR_MAX + 2];

    (void)state;
    memset(aor, 'a', sizeof aor - 1);
    aor[sizeof aor - 1] = '\0';
    for (size_t i = 0; i <= ROLES_ENCODE_ENTRIES_MAX; i++)
        e[i] = good;
    assert_true(encode(e, 1, ROLES_ENCODE_MAX, NULL) > 0);
    assert_int_equal(encode(e, 0, ROLES_ENCODE_MAX, NULL), 0);
    assert_int_equal(encode(e, ROLES_ENCODE_ENTRIES_MAX + 1, ROLES_ENCODE_MAX, NULL), 0);
    e[1].aor = aor;
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
    e[1].aor = aor + 1;
    assert_true(encode(e, 2, ROLES_ENCODE_MAX, NULL) > 0);
    e[1].aor = "";
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
    e[1].aor = NULL;
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
    e[1] = good;
    e[1].role_count = 0;
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
    e[1].role_count = ROLES_ENCODE_ROLES_MAX + 1;
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
    e[1] = good;
    e[1].definition = "123456789012345678901234";
    assert_int_equal(encode(e, 2, ROLES_ENCODE_MAX, NULL), 0);
}

static void test_names(void **state)
{
    static const char *const names[] = {"VIEWER", "OPERATOR", "ENGINEER", "INSTALLER",
                                        "SECADM", "SECAUD",   "RBACMNT"};
    static const char *const none[] = {
        "",     "ADMINISTRATOR",       "operator", "32768", "1x", "-32769", "-", " 1",
        "0x10", "99999999999999999999"};
    int16_t role;

    (void)state;
    for (int16_t i = 0; i < 7; i++) {
        assert_true(roles_parse_name(names[i], &role));
        assert_int_equal(role, i);
    }
    assert_true(roles_parse_name("-32768", &role));
    assert_int_equal(role, -32768);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(roles_parse_name(none[i], &role));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_small),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_largest),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
