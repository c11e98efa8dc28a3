/* Sessions kept for resumption: how long, how many, how often. */
#include "proxy/session_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint8_t out[SESSION_OCTETS_MAX];
static size_t out_size;
static uint64_t out_until;

static const uint8_t *id(unsigned int n)
{
    static uint8_t octets[SESSION_ID_SIZE];

    memset(octets, 0x5A, sizeof octets);
    memcpy(octets + 20, &n, sizeof n);
    return octets;
}

static bool put(struct session_store *st, unsigned int n, bool once, uint64_t until,
                size_t size)
{
    uint8_t octets[SESSION_OCTETS_MAX + 1];

    memset(octets, (int)n, sizeof octets);
    return session_store_put(st, id(n), once, until, octets, size);
}

static enum session_status take(struct session_store *st, unsigned int n, uint64_t now)
{
    return session_store_take(st, id(n), now, out, &out_size, &out_until);
}

static int make(void **state)
{
    *state = session_store_new();
    return *state ? 0 : -1;
}

static int drop(void **state)
{
    session_store_free(*state);
    return 0;
}

static void is_kept(void **state)
{
    struct session_store *st = *state;

    assert_true(put(st, 7, false, 1000, 100));
    assert_int_equal(session_store_count(st), 1);
    assert_int_equal(session_store_octets(st), 100);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(st, 7, 500), SESSION_GOOD);
        assert_int_equal(out_size, 100);
        assert_int_equal(out[0], 7);
        assert_int_equal(out[99], 7);
        assert_int_equal(out_until, 1000);
    }
    assert_int_equal(take(st, 8, 500), SESSION_UNKNOWN);
    assert_int_equal(out_size, 0);
    session_store_forget(st, id(8));
    session_store_forget(st, id(7));
    assert_int_equal(take(st, 7, 500), SESSION_UNKNOWN);
    assert_int_equal(session_store_octets(st), 0);
}

static void once_only(void **state)
{
    struct session_store *st = *state;

    assert_true(put(st, 1, true, 1000, 10));
    assert_int_equal(take(st, 1, 0), SESSION_GOOD);
    assert_int_equal(take(st, 1, 0), SESSION_UNKNOWN);
    assert_int_equal(session_store_count(st), 0);
}

static void its_time(void **state)
{
    struct session_store *st = *state;

    assert_true(put(st, 1, false, 1000, 10));
    assert_int_equal(take(st, 1, 999), SESSION_GOOD);
    assert_int_equal(take(st, 1, 1000), SESSION_LAPSED);
    assert_int_equal(out_size, 0);
    assert_int_equal(take(st, 1, 999), SESSION_UNKNOWN);

    assert_true(put(st, 2, false, 1000, 10));
    assert_true(put(st, 3, false, 2000, 20));
    session_store_expire(st, 1500);
    assert_int_equal(session_store_octets(st), 20);
    assert_int_equal(session_store_count(st), 2);
    assert_int_equal(take(st, 2, 1500), SESSION_LAPSED);
    assert_int_equal(take(st, 3, 1500), SESSION_GOOD);
    session_store_expire(st, 2000 + 3600u * 1000u);
    assert_int_equal(session_store_count(st), 0);
}

static void replaced(void **state)
{
    struct session_store *st = *state;

    assert_true(put(st, 1, true, 1000, 10));
    assert_true(put(st, 1, false, 3000, 30));
    assert_int_equal(session_store_count(st), 1);
    assert_int_equal(session_store_octets(st), 30);
    assert_int_equal(take(st, 1, 2000), SESSION_GOOD);
    assert_int_equal(out_size, 30);
}

static void bounded(void **state)
{
    struct session_store *st = *state;
    const unsigned int fit = SESSION_STORE_OCTETS / SESSION_OCTETS_MAX;

    assert_false(put(st, 1, false, 1000, SESSION_OCTETS_MAX + 1));
    assert_false(put(st, 1, false, 1000, 0));
    for (unsigned int i = 0; i < SESSION_STORE_ENTRIES + 3; i++)
        assert_true(put(st, i, false, 1000, 1));
    assert_int_equal(session_store_count(st), SESSION_STORE_ENTRIES);
    assert_int_equal(take(st, 2, 0), SESSION_UNKNOWN);
    assert_int_equal(take(st, 3, 0), SESSION_GOOD);
    session_store_flush(st);
    assert_int_equal(session_store_count(st), 0);
    for (unsigned int i = 0; i < fit + 1; i++)
        assert_true(put(st, i, false, 1000, SESSION_OCTETS_MAX));
    assert_int_equal(session_store_count(st), fit);
    assert_true(session_store_octets(st) <= SESSION_STORE_OCTETS);
    assert_int_equal(take(st, 0, 0), SESSION_UNKNOWN);
    assert_int_equal(take(st, fit, 0), SESSION_GOOD);
}

/* All in one bucket, as a worker that was taken over would have it; any order of going.
 */
static void any_order(void **state)
{
    struct session_store *st = *state;

    for (unsigned int i = 0; i < 100; i++)
        assert_true(put(st, i, false, 1000 + i, 1));
    for (unsigned int i = 0; i < 100; i += 3)
        session_store_forget(st, id(i));
    for (unsigned int i = 0; i < 100; i++)
        assert_int_equal(take(st, i, 0), i % 3 ? SESSION_GOOD : SESSION_UNKNOWN);
    assert_int_equal(session_store_count(st), 66);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(is_kept),  TEST(once_only), TEST(its_time),
        TEST(replaced), TEST(bounded),   TEST(any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
