/* Configuration that comes to a running role in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sandbox/collect.h"

static struct imsg m;

static enum collect_status begin(struct collect *c, uint32_t size)
{
    struct msg_update_begin body = {.size = size};

    m.type = MSG_UPDATE_BEGIN;
    m.len = sizeof body;
    memcpy(m.payload, &body, sizeof body);
    return collect_take(c, &m);
}

static enum collect_status data(struct collect *c, const char *text)
{
    m.type = MSG_UPDATE_DATA;
    m.len = strlen(text);
    memcpy(m.payload, text, m.len);
    return collect_take(c, &m);
}

static void in_pieces(void **state)
{
    struct collect c = {0};

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(begin(&c, 6), COLLECT_MORE);
        assert_int_equal(data(&c, "ab"), COLLECT_MORE);
        assert_int_equal(data(&c, "cde"), COLLECT_MORE);
        assert_int_equal(data(&c, "f"), COLLECT_DONE);
        assert_memory_equal(c.buf, "abcdef", 6);
    }
    collect_reset(&c);
    assert_null(c.buf);
}

static void out_of_order(void **state)
{
    struct collect c = {0};

    (void)state;
    assert_int_equal(data(&c, "a"), COLLECT_BAD);
    assert_int_equal(begin(&c, 0), COLLECT_BAD);
    assert_int_equal(begin(&c, CFG_SIZE_MAX + 1), COLLECT_BAD);
    assert_int_equal(begin(&c, 3), COLLECT_MORE);
    assert_int_equal(begin(&c, 3), COLLECT_BAD);
    assert_int_equal(data(&c, "abcd"), COLLECT_BAD);
    assert_int_equal(data(&c, "abc"), COLLECT_DONE);
    assert_int_equal(data(&c, "d"), COLLECT_BAD);
    assert_int_equal(begin(&c, 1), COLLECT_MORE);
    m.type = MSG_CFG_DATA;
    assert_int_equal(collect_take(&c, &m), COLLECT_BAD);
    collect_reset(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(out_of_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
