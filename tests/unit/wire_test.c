/* The cursors: every read and write at the exact end, one octet short of it, and after a
 * failure.  Buffers are exactly as long as they are said to be, so that a sanitizer sees
 * a single octet too many. */
#include "sandbox/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUE UINT64_C(0xF1E2D3C4B5A69788)

/* The four integers by one number: width in octets. */
static void put(struct wire_writer *w, unsigned int width, uint64_t v)
{
    switch (width) {
    case 1: wire_put_u8(w, (uint8_t)v); break;
    case 2: wire_put_u16(w, (uint16_t)v); break;
    case 4: wire_put_u32(w, (uint32_t)v); break;
    default: wire_put_u64(w, v); break;
    }
}

static uint64_t get(struct wire_reader *r, unsigned int width)
{
    switch (width) {
    case 1: return wire_get_u8(r);
    case 2: return wire_get_u16(r);
    case 4: return wire_get_u32(r);
    default: return wire_get_u64(r);
    }
}

static const unsigned int WIDTH[] = {1, 2, 4, 8};
#define WIDTHS (sizeof WIDTH / sizeof WIDTH[0])

static uint64_t mask(unsigned int width)
{
    return width == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

/* A copy on the heap of exactly n octets. */
static uint8_t *exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

static void test_integers_are_little_endian(void **state)
{
    (void)state;
    for (size_t i = 0; i < WIDTHS; i++) {
        uint8_t buf[8] = {0};
        struct wire_writer w;

        wire_writer_init(&w, buf, WIDTH[i]);
        put(&w, WIDTH[i], VALUE);
        assert_false(w.bad);
        assert_int_equal(w.len, WIDTH[i]);
        for (unsigned int o = 0; o < WIDTH[i]; o++)
            assert_int_equal(buf[o], (VALUE >> (8 * o)) & 0xFF);
    }
}

static void test_integer_at_the_end_and_one_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < WIDTHS; i++) {
        for (size_t size = 0; size <= WIDTH[i] + 1; size++) {
            uint8_t octets[9];
            struct wire_writer w;
            struct wire_reader r;
            uint8_t *buf;

            memset(octets, 0xA5, sizeof octets);
            buf = exact(octets, size);
            wire_writer_init(&w, buf, size);
            put(&w, WIDTH[i], VALUE);
            assert_int_equal(w.bad, size < WIDTH[i]);
            assert_int_equal(w.len, size < WIDTH[i] ? 0 : WIDTH[i]);
            if (w.bad)
                assert_memory_equal(buf, octets, size);

            wire_reader_init(&r, buf, size);
            assert_int_equal(get(&r, WIDTH[i]), w.bad ? 0 : VALUE & mask(WIDTH[i]));
            assert_int_equal(r.bad, size < WIDTH[i]);
            assert_int_equal(wire_end(&r), size == WIDTH[i]);
            assert_int_equal(wire_left(&r), size < WIDTH[i] ? size : size - WIDTH[i]);
            free(buf);
        }
    }
}

static void test_after_a_failure_nothing_works(void **state)
{
    uint8_t buf[4] = {1, 2, 3, 4};
    uint8_t out[2] = {9, 9};
    struct wire_writer w;
    struct wire_reader r;
    char text[8] = "x";
    size_t n = 7;

    (void)state;
    wire_writer_init(&w, buf, sizeof buf);
    wire_put_u64(&w, 0);
    assert_true(w.bad);
    wire_put_u8(&w, 0xEE);
    wire_put_bytes(&w, "", 0);
    wire_put_str(&w, "");
    assert_true(w.bad);
    assert_int_equal(w.len, 0);
    assert_int_equal(buf[0], 1);

    wire_reader_init(&r, buf, sizeof buf);
    assert_int_equal(wire_get_u64(&r), 0);
    assert_int_equal(wire_get_u8(&r), 0);
    assert_int_equal(wire_get_u32(&r), 0);
    wire_get_bytes(&r, out, sizeof out);
    assert_int_equal(out[0] | out[1], 0);
    assert_null(wire_get_blob(&r, &n));
    assert_int_equal(n, 0);
    wire_get_str(&r, text, sizeof text);
    assert_string_equal(text, "");
    assert_true(r.bad);
    assert_false(wire_end(&r));
    assert_int_equal(wire_left(&r), sizeof buf);
}

static void test_nothing_in_nothing(void **state)
{
    struct wire_writer w;
    struct wire_reader r;
    uint8_t none;
    size_t n = 1;

    (void)state;
    wire_writer_init(&w, NULL, 0);
    wire_put_bytes(&w, NULL, 0);
    assert_false(w.bad);
    wire_put_u8(&w, 0);
    assert_true(w.bad);

    wire_reader_init(&r, NULL, 0);
    assert_true(wire_end(&r));
    wire_get_bytes(&r, &none, 0);
    assert_true(wire_end(&r));
    assert_null(wire_get_blob(&r, &n));
    assert_true(r.bad);
    assert_int_equal(n, 0);
    assert_false(wire_end(&r));
}

static void test_bytes_at_the_end_and_one_short(void **state)
{
    static const uint8_t five[] = {1, 2, 3, 4, 5};

    (void)state;
    for (size_t size = 0; size <= 6; size++) {
        uint8_t *buf = calloc(1, size ? size : 1);
        uint8_t out[5] = {0xEE, 0xEE, 0xEE, 0xEE, 0xEE};
        struct wire_writer w;
        struct wire_reader r;

        assert_non_null(buf);
        wire_writer_init(&w, buf, size);
        wire_put_bytes(&w, five, 5);
        assert_int_equal(w.bad, size < 5);
        wire_reader_init(&r, buf, size);
        wire_get_bytes(&r, out, 5);
        assert_int_equal(r.bad, size < 5);
        assert_int_equal(wire_end(&r), size == 5);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(out[i], size < 5 ? 0 : five[i]);
        free(buf);
    }
}

/* A huge size must not wrap around the check of what is left. */
static void test_huge_sizes(void **state)
{
    uint8_t buf[8] = {0};
    struct wire_writer w;
    struct wire_reader r;

    (void)state;
    wire_writer_init(&w, buf, sizeof buf);
    wire_put_u8(&w, 1);
    wire_put_bytes(&w, buf, SIZE_MAX);
    assert_true(w.bad);
    assert_int_equal(w.len, 1);
    wire_writer_init(&w, buf, sizeof buf);
    wire_put_blob(&w, buf, (size_t)UINT16_MAX + 1);
    assert_true(w.bad);
    assert_int_equal(w.len, 0);
    wire_reader_init(&r, "\xFF\xFF\x01", 3);
    assert_null(wire_get_blob(&r, &(size_t){0}));
    assert_true(r.bad);
}

static void test_blob(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 8; cap++) {
        uint8_t *buf = calloc(1, cap ? cap : 1);
        struct wire_writer w;

        assert_non_null(buf);
        wire_writer_init(&w, buf, cap);
        wire_put_blob(&w, "a\0bcd", 5);
        assert_int_equal(w.bad, cap < 7);
        if (!w.bad)
            assert_memory_equal(buf, "\x05\0a\0bcd", 7);
        free(buf);
    }
    for (size_t size = 0; size <= 8; size++) {
        uint8_t *buf = exact("\x05\0a\0bcdZ", size);
        struct wire_reader r;
        const uint8_t *p;
        size_t n = 99;

        wire_reader_init(&r, buf, size);
        p = wire_get_blob(&r, &n);
        assert_int_equal(r.bad, size < 7);
        assert_int_equal(wire_end(&r), size == 7);
        assert_int_equal(n, size < 7 ? 0 : 5);
        assert_ptr_equal(p, size < 7 ? NULL : buf + 2);
        free(buf);
    }
}

static void test_empty_blob_is_not_bad(void **state)
{
    struct wire_reader r;
    size_t n = 1;

    (void)state;
    wire_reader_init(&r, "\0\0", 2);
    assert_non_null(wire_get_blob(&r, &n));
    assert_int_equal(n, 0);
    assert_true(wire_end(&r));
}

static void test_string(void **state)
{
    static const struct {
        const char *octets;
        size_t size;
        size_t cap;
        bool good;
        const char *text;
    } cases[] = {
        {"\3\0abc", 5, 4, true, "abc"},  {"\3\0abc", 5, 3, false, ""},
        {"\3\0a\0c", 5, 8, false, ""},   {"\3\0ab\0", 5, 8, false, ""},
        {"\0\0", 2, 1, true, ""},        {"\1\0a", 3, 1, false, ""},
        {"\3\0ab", 4, 8, false, ""},     {"\3", 1, 8, false, ""},
        {"\3\0abcd", 6, 8, true, "abc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *buf = exact(cases[i].octets, cases[i].size);
        char *text = malloc(cases[i].cap);
        struct wire_reader r;

        assert_non_null(text);
        memset(text, 'X', cases[i].cap);
        wire_reader_init(&r, buf, cases[i].size);
        wire_get_str(&r, text, cases[i].cap);
        assert_int_equal(!r.bad, cases[i].good);
        assert_string_equal(text, cases[i].text);
        free(text);
        free(buf);
    }
}

static void test_written_is_read(void **state)
{
    uint8_t buf[64];
    uint8_t three[3];
    struct wire_writer w;
    struct wire_reader r;
    char text[16];
    size_t n;

    (void)state;
    wire_writer_init(&w, buf, sizeof buf);
    wire_put_u8(&w, 1);
    wire_put_u16(&w, 0xFFFE);
    wire_put_u32(&w, 0x80000001);
    wire_put_u64(&w, UINT64_MAX);
    wire_put_bytes(&w, "xyz", 3);
    wire_put_blob(&w, "\0", 1);
    wire_put_str(&w, "route 7");
    assert_false(w.bad);

    wire_reader_init(&r, buf, w.len);
    assert_int_equal(wire_get_u8(&r), 1);
    assert_int_equal(wire_get_u16(&r), 0xFFFE);
    assert_int_equal(wire_get_u32(&r), 0x80000001);
    assert_true(wire_get_u64(&r) == UINT64_MAX);
    wire_get_bytes(&r, three, 3);
    assert_memory_equal(three, "xyz", 3);
    assert_int_equal(*wire_get_blob(&r, &n), 0);
    assert_int_equal(n, 1);
    assert_false(wire_end(&r));
    wire_get_str(&r, text, sizeof text);
    assert_string_equal(text, "route 7");
    assert_true(wire_end(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_little_endian),
        cmocka_unit_test(test_integer_at_the_end_and_one_short),
        cmocka_unit_test(test_after_a_failure_nothing_works),
        cmocka_unit_test(test_nothing_in_nothing),
        cmocka_unit_test(test_bytes_at_the_end_and_one_short),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_blob),
        cmocka_unit_test(test_empty_blob_is_not_bad),
        cmocka_unit_test(test_string),
        cmocka_unit_test(test_written_is_read),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
