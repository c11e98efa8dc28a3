/* The words in which policies are compared, and what makes no difference. */
#include "policy/policy_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char err[200];

struct small {
    struct policy_rule rule;
    struct policy_range ca[1], ioa[1];
};

struct lot {
    struct small s[3];
    size_t n;
    enum policy_action fallback[DIRECTIONS];
    uint16_t timeout;
};

/* Two certificates and a time that rules may name. */
static const struct policy_askers *askers(void)
{
    static struct policy_askers t = {
        .peer_count = 2,
        .window_count = 1,
        .peer = {{0, POLICY_PEER_SUBJECT, 4, "CN=a"},
                 {1, POLICY_PEER_SUBJECT, 4, "CN=b"}},
        .window = {{0, 60, 120}},
    };

    return &t;
}

static struct policy_builder *build(struct lot *l)
{
    struct policy_builder *b = policy_builder_new();

    for (int d = 0; d < DIRECTIONS; d++)
        policy_builder_default(b, (enum direction)d, l->fallback[d]);
    policy_builder_select_timeout(b, l->timeout);
    assert_true(policy_builder_askers(b, askers()));
    for (size_t i = 0; i < l->n; i++) {
        l->s[i].rule.ca = l->s[i].ca;
        l->s[i].rule.ioa = l->s[i].ioa;
        assert_true(policy_builder_add(b, &l->s[i].rule, err, sizeof err));
    }
    return b;
}

static void name_role(int16_t role, char *out, size_t cap)
{
    (void)snprintf(out, cap, "R%d", role);
}

static char words[4096];

static bool collect(void *ctx, const struct policy_difference *c)
{
    const size_t n = strlen(words);

    (void)ctx;
    (void)snprintf(words + n, sizeof words - n, "%d CA %u-%u", c->kind, c->ca.first,
                   c->ca.last);
    for (size_t i = 0; i < c->ioa_count; i++)
        (void)snprintf(words + strlen(words), sizeof words - strlen(words), " %u-%u",
                       c->ioa[i].first, c->ioa[i].last);
    (void)snprintf(words + strlen(words), sizeof words - strlen(words), ": %s -> %s\n",
                   c->was, c->is);
    return true;
}

static const char *differ(struct lot *was, struct lot *is)
{
    struct policy_builder *b[2] = {build(was), build(is)};
    size_t size[2];
    const uint8_t *blob[2] = {policy_builder_blob(b[0], &size[0]),
                              policy_builder_blob(b[1], &size[1])};

    words[0] = '\0';
    assert_int_equal(policy_diff(blob[0], size[0], blob[1], size[1], name_role, collect,
                                 NULL, err, sizeof err),
                     POLICY_DIFF_DONE);
    policy_builder_free(b[0]);
    policy_builder_free(b[1]);
    return words;
}

static struct lot single(uint32_t first, uint32_t last)
{
    struct lot l = {.n = 1, .fallback = {POLICY_REFUSE, POLICY_PASS}, .timeout = 30};

    l.s[0].rule = (struct policy_rule){.name = "a", .ca_count = 1, .ioa_count = 1};
    policy_types_set(l.s[0].rule.types, 45);
    l.s[0].ca[0] = (struct policy_range){1, 3};
    l.s[0].ioa[0] = (struct policy_range){first, last};
    return l;
}

static void test_words(void **state)
{
    struct lot was = single(1, 10), is = single(1, 12);

    (void)state;
    assert_string_equal(differ(&was, &is), "0 CA 1-3 11-12: refuse -> pass\n");
    assert_string_equal(differ(&is, &was), "1 CA 1-3 11-12: pass -> refuse\n");
    is = was;
    is.s[0].rule.name = "another name";
    assert_string_equal(differ(&was, &is), "");
    is.s[0].rule.has_value = true;
    is.s[0].rule.value_min = 0.1;
    is.s[0].rule.value_max = 1;
    is.s[0].rule.when.phases = POLICY_PHASE_SELECT;
    assert_string_equal(
        differ(&was, &is),
        "2 CA 1-3 1-10: pass -> pass if value 0.1..1 and S/E select; else refuse\n");
    is = was;
    is.s[0].rule.limits.select = POLICY_SELECT_REQUIRED;
    assert_string_equal(differ(&was, &is),
                        "2 CA 1-3 1-10: pass -> pass, selected within 30 s\n");
    was = is;
    is.timeout = 60;
    assert_string_equal(differ(&was, &is), "2 CA 1-3 1-10: pass, selected within 30 s -> "
                                           "pass, selected within 60 s\n");
    is = was;
    is.fallback[DIR_CONTROL] = POLICY_CLOSE;
    is.s[0].ca[0] = (struct policy_range){1, 65534};
    is.s[0].ioa[0] = (struct policy_range){0, 0xFFFFFF};
    assert_non_null(strstr(differ(&was, &is), "3 CA 0-65535: refuse -> close\n"));
}

/* One rule cut into many, in another order, with ranges in another order. */
static void test_cut_otherwise(void **state)
{
    struct lot was = single(1, 10), is = single(6, 10);

    (void)state;
    is.n = 3;
    is.s[1] = single(1, 4).s[0];
    is.s[2] = single(3, 5).s[0];
    assert_string_equal(differ(&was, &is), "");
    /* A rule whose condition does no more than the one behind it. */
    is.s[2] = was.s[0];
    is.s[0].rule.when.phases = POLICY_PHASE_SELECT;
    assert_string_equal(differ(&was, &is), "");
}

/* Neighbours that change, but not alike, stay apart. */
static void test_neighbours(void **state)
{
    struct lot was = single(1, 10), is = single(1, 10);

    (void)state;
    was.s[0].ca[0] = is.s[0].ca[0] = (struct policy_range){1, 1};
    is.n = 2;
    is.s[0].rule.limits = (struct policy_limits){.rate_count = 1, .rate_seconds = 60};
    is.s[1] = is.s[0];
    is.s[1].rule.limits.rate_count = 2;
    is.s[0].ioa[0].last = 5;
    assert_string_equal(
        differ(&was, &is),
        "2 CA 1-1 1-5: pass -> pass, at most 1 in 60 s for each session\n"
        "2 CA 1-1 6-10: pass -> pass, at most 2 in 60 s for each session\n");
    was.s[0].ca[0].last = is.s[1].ca[0].last = 2;
    is.s[0].ioa[0].last = 10;
    assert_string_equal(
        differ(&was, &is),
        "2 CA 1-1 1-10: pass -> pass, at most 1 in 60 s for each session\n"
        "2 CA 2-2 1-10: pass -> pass, at most 2 in 60 s for each session\n");
}

/* Behind a rule that lets pass at a time, one that does not at the same time is not idle:
 * it holds where nobody knows what time it is. */
static void test_unknown_time(void **state)
{
    struct lot was = single(1, 10), is = single(1, 10);

    (void)state;
    was.fallback[DIR_CONTROL] = is.fallback[DIR_CONTROL] = POLICY_PASS;
    was.s[0].rule.times = is.s[0].rule.times = 1;
    was.n = 2;
    was.s[1] = was.s[0];
    was.s[1].rule.action = POLICY_REFUSE;
    assert_string_equal(
        differ(&was, &is),
        "2 CA 1-3 1-10: pass if time Mon 01:00-Mon 02:00 UTC; else refuse "
        "if time Mon 01:00-Mon 02:00 UTC or an unknown time; else pass -> "
        "pass\n");
    was = is = single(1, 10);
    was.s[0].rule.peers = 1;
    is.s[0].rule.peers = 3;
    assert_string_equal(
        differ(&was, &is),
        "2 CA 1-3 1-10: pass if peer subject:CN=a; else refuse -> pass if "
        "peer subject:CN=a or subject:CN=b; else refuse\n");
}

static void test_no_policy(void **state)
{
    struct lot l = single(1, 10);
    struct policy_builder *b = build(&l);
    size_t size;
    const uint8_t *blob = policy_builder_blob(b, &size);

    (void)state;
    assert_int_equal(policy_diff(blob, size - 1, blob, size, name_role, collect, NULL,
                                 err, sizeof err),
                     POLICY_DIFF_BAD);
    assert_int_equal(
        policy_diff(blob, size, blob, 3, name_role, collect, NULL, err, sizeof err),
        POLICY_DIFF_BAD);
    policy_builder_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),      cmocka_unit_test(test_cut_otherwise),
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_unknown_time),
        cmocka_unit_test(test_no_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
