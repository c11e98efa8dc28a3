/* Short ways into tables: a search with one finds what a scan finds. */
#include "policy/policy_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONGEST 300u

static uint32_t draw(uint32_t n)
{
    return (uint32_t)random() % n;
}

static uint32_t scan(const uint32_t *v, uint32_t n, uint32_t x)
{
    uint32_t at = 0;

    for (uint32_t i = 1; i < n && v[i] <= x; i++)
        at = i;
    return at;
}

/* Ascends from 0 as the tables do: close together, far apart, or both. */
static uint32_t draw_table(uint32_t v[LONGEST], unsigned int kind)
{
    const uint32_t n = 1 + draw(LONGEST);

    v[0] = 0;
    for (uint32_t i = 1; i < n; i++) {
        const bool far = kind == 1 || (kind == 2 && draw(20) == 0);
        v[i] = v[i - 1] + 1 + draw(far ? 50000 : 3);
    }
    return n;
}

static void check(const struct policy_pool *pool, const struct policy_guide *g,
                  const uint32_t *v, uint32_t n, uint32_t x)
{
    assert_int_equal(policy_guide_find(pool->item, g, v, n, x), scan(v, n, x));
}

static void test_finds_what_a_scan_finds(void **state)
{
    struct policy policy = {.guides = {0}};
    struct policy_build b = {.policy = &policy};
    struct policy_pool *pool = &policy.guides;

    (void)state;
    srandom(104);
    for (unsigned int round = 0; round < 600; round++) {
        uint32_t v[LONGEST];
        const uint32_t n = draw_table(v, round % 3);
        struct policy_guiding guiding = {.begun = false};

        assert_int_equal(policy_guide_make(&b, v, n, &guiding), PIECE_LAST);
        const struct policy_guide g = guiding.guide;
        assert_true(g.parts <= n);
        for (uint32_t i = 0; i < n; i++) {
            check(pool, &g, v, n, v[i]);
            check(pool, &g, v, n, v[i] + 1);
            if (v[i] > 0)
                check(pool, &g, v, n, v[i] - 1);
        }
        check(pool, &g, v, n, ASDU_IOA_MAX);
        check(pool, &g, v, n, UINT32_MAX);
        for (unsigned int i = 0; i < 100; i++)
            check(pool, &g, v, n, draw(v[n - 1] + 10));
    }
    free(pool->item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_a_scan_finds),
    };
    return cmocka_run_group_tests_name("policy_guide", tests, NULL, NULL);
}
