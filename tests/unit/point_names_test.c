/* Names of points: which object is called what, and octets that lie. */
#include "proxy/point_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* u32 points, u32 octets of text; u16 CA, u32 IOA, u8 type each; names */
static const uint8_t OCTETS[] = {
    5,   0,   0,   0, 15,  0,   0,   0, 1,   0, 5,   0,   0, 0,    1, /* 8: M_SP_NA_1 */
    1,   0,   5,   0, 0,   0,   45,                                   /* 15: C_SC_NA_1 */
    1,   0,   6,   0, 0,   0,   13,                                   /* 22: M_ME_NC_1 */
    1,   0,   6,   0, 0,   0,   34,                                   /* 29: M_ME_TD_1 */
    2,   0,   5,   0, 0,   0,   46,                                   /* 36 */
    'p', 'o', 's', 0, 'c', 'm', 'd', 0, 'm', 0, 'm', 'd', 0, 0xFF, 0, /* 43 */
};

static struct point_names names;

static bool decode(const uint8_t *p, size_t n)
{
    struct wire_reader r;

    wire_reader_init(&r, p, n);
    if (!point_names_get(&r, &names))
        return false;
    if (wire_end(&r))
        return true;
    point_names_free(&names);
    return false;
}

static const char *find(uint16_t ca, uint32_t ioa, uint8_t type)
{
    const char *name = point_names_find(&names, ca, ioa, type);

    return name ? name : "-";
}

static void test_find(void **state)
{
    (void)state;
    assert_true(decode(OCTETS, sizeof OCTETS));
    assert_string_equal(find(1, 5, 1), "pos");
    assert_string_equal(find(1, 5, 30), "pos"); /* M_SP_TB_1 */
    assert_string_equal(find(1, 5, 3), "-");    /* M_DP_NA_1 */
    assert_string_equal(find(1, 5, 45), "cmd");
    assert_string_equal(find(1, 5, 58), "cmd"); /* C_SC_TA_1 */
    assert_string_equal(find(1, 5, 46), "-");
    assert_string_equal(find(1, 5, 102), "pos"); /* C_RD_NA_1 */
    assert_string_equal(find(1, 6, 112), "m");   /* P_ME_NC_1 */
    assert_string_equal(find(1, 6, 36), "m");    /* M_ME_TF_1 */
    assert_string_equal(find(1, 6, 34), "md");
    assert_string_equal(find(1, 6, 9), "md"); /* M_ME_NA_1 */
    assert_string_equal(find(1, 6, 50), "-");
    assert_string_equal(find(2, 5, 46), "\xFF");
    assert_string_equal(find(2, 5, 45), "-");
    assert_string_equal(find(3, 5, 45), "-");
    assert_string_equal(find(1, 7, 1), "-");
    assert_string_equal(find(1, 5, 0), "-");
    assert_string_equal(find(1, 5, 200), "-");
    assert_null(point_names_find(NULL, 1, 5, 1));
    point_names_free(&names);
}

static void refuse(size_t at, uint8_t octet)
{
    uint8_t copy[sizeof OCTETS];

    memcpy(copy, OCTETS, sizeof copy);
    copy[at] = octet;
    assert_false(decode(copy, sizeof copy));
    assert_null(names.item);
}

static void test_octets(void **state)
{
    uint8_t again[sizeof OCTETS];
    struct wire_writer w;

    (void)state;
    assert_true(decode(OCTETS, sizeof OCTETS));
    assert_int_equal(point_names_size(&names), sizeof OCTETS);
    wire_writer_init(&w, again, sizeof again);
    point_names_put(&w, &names);
    assert_false(w.bad);
    assert_memory_equal(again, OCTETS, sizeof again);
    point_names_free(&names);
}

static void test_hostile(void **state)
{
    static const uint8_t none[8] = {0};
    uint8_t longer[sizeof OCTETS + 1] = {0};

    (void)state;
    for (size_t n = 0; n < sizeof OCTETS; n++)
        assert_false(decode(OCTETS, n));
    memcpy(longer, OCTETS, sizeof OCTETS);
    assert_false(decode(longer, sizeof longer));
    refuse(0, 6); /* more than there are */
    refuse(0, 4);
    refuse(3, 1);    /* very many */
    refuse(4, 14);   /* text that ends within a name */
    refuse(4, 12);   /* and one more name behind it */
    refuse(7, 0xFF); /* more of it than there is */
    refuse(13, 1);   /* an address above 0xFFFFFF */
    refuse(14, 0);   /* no type */
    refuse(43, 0);   /* no name */
    refuse(46, 'x'); /* two in one */
    refuse(sizeof OCTETS - 1, 'x');
    refuse(21, 1); /* a point twice */
    refuse(15, 0); /* not in order: CA */
    refuse(17, 4); /* IOA */
    assert_true(decode(none, sizeof none));
    assert_null(point_names_find(&names, 1, 1, 1));
    point_names_free(&names);
}

static void test_long_name(void **state)
{
    uint8_t octets[8 + 7 + 65] = {1, 0, 0, 0, 64, 0, 0, 0, 1, 0, 1, 0, 0, 0, 45};

    (void)state;
    memset(octets + 15, 'x', 63);
    assert_true(decode(octets, 15 + 64));
    assert_int_equal(strlen(find(1, 1, 45)), 63);
    point_names_free(&names);
    octets[4] = 65;
    octets[15 + 63] = 'x';
    assert_false(decode(octets, 15 + 65));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_long_name),
    };

    return cmocka_run_group_tests_name("point names", tests, NULL, NULL);
}
