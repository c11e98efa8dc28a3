/* What a decision costs, by the number of points that have a rule. */
#include "tests/bench/bench.h"

#include "policy/policy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define QUESTIONS     4096u
#define POINTS_PER_CA 100u
#define FIRST_IOA     1000u
#define C_SC_NA_1     45u

struct question {
    uint8_t octets[10]; /* C_SC_NA_1 of one point */
    struct asdu asdu;
};

struct case_of {
    struct policy *policy;
    struct question *question; /* QUESTIONS of them */
};

static uint16_t ca_of(unsigned int point)
{
    return (uint16_t)(1 + point / POINTS_PER_CA);
}

/* A rule for each point: what an engineer writes who allows no more than needed. */
static struct policy *make_policy(unsigned int points, size_t roles)
{
    struct policy_builder *b = policy_builder_new();
    struct policy *policy = NULL;
    char err[200];
    size_t size;

    assert(b != NULL);
    for (unsigned int i = 0; i < points; i++) {
        const struct policy_range ca = {ca_of(i), ca_of(i)},
                                  ioa = {FIRST_IOA + i, FIRST_IOA + i};
        struct policy_rule rule = {.name = "point",
                                   .ca = &ca,
                                   .ca_count = 1,
                                   .ioa = &ioa,
                                   .ioa_count = 1,
                                   .role_count = roles,
                                   .role = {1, 2}};
        policy_types_set(rule.types, C_SC_NA_1);
        if (!policy_builder_add(b, &rule, err, sizeof err))
            abort();
    }
    const uint8_t *blob = policy_builder_blob(b, &size);
    if (blob == NULL || !policy_load(blob, size, &policy, err, sizeof err))
        abort();
    policy_builder_free(b);
    return policy;
}

/* Three of four ask for a point that has a rule. */
static void make_question(struct question *q, unsigned int n, unsigned int points)
{
    const unsigned int point = (unsigned int)(n * UINT32_C(2654435761) >> 8) % points;
    const uint32_t ioa = FIRST_IOA + point + (n % 4 == 0 ? points : 0);
    const uint16_t ca = ca_of(point);
    const uint8_t octets[] = {C_SC_NA_1,
                              1,
                              6,
                              0,
                              (uint8_t)ca,
                              (uint8_t)(ca >> 8),
                              (uint8_t)ioa,
                              (uint8_t)(ioa >> 8),
                              (uint8_t)(ioa >> 16),
                              1};

    for (size_t i = 0; i < sizeof octets; i++)
        q->octets[i] = octets[i];
    if (asdu_parse(q->octets, sizeof q->octets, DIR_CONTROL, &PROFILE_104, &q->asdu)
            .reason != REASON_OK)
        abort();
}

static struct case_of make_case(unsigned int points, size_t roles)
{
    struct case_of c = {make_policy(points, roles),
                        calloc(QUESTIONS, sizeof(struct question))};

    assert(c.question != NULL);
    for (unsigned int n = 0; n < QUESTIONS; n++)
        make_question(&c.question[n], n, points);
    return c;
}

static uint64_t decide(const void *what)
{
    static const struct policy_asker who = {.roles = 1};
    const struct case_of *c = what;
    uint64_t sum = 0;

    for (unsigned int n = 0; n < QUESTIONS; n++) {
        struct policy_decision d;
        policy_decide_for(c->policy, &who, DIR_CONTROL, &c->question[n].asdu, &d);
        sum += (uint64_t)d.action + (uint32_t)d.rule;
    }
    return sum;
}

void bench_decide(const struct measure_plan *plan)
{
    static const struct {
        const char *name;
        unsigned int points;
        size_t roles; /* of each rule */
    } SIZES[] = {{"100 points", 100, 0},
                 {"10000 points", 10000, 0},
                 {"10000 points, for roles", 10000, 2}};
    enum { CASES = sizeof SIZES / sizeof SIZES[0] };
    struct case_of cases[CASES];
    struct measure_job jobs[CASES];

    for (size_t i = 0; i < CASES; i++) {
        cases[i] = make_case(SIZES[i].points, SIZES[i].roles);
        jobs[i] = (struct measure_job){
            .name = SIZES[i].name, .work = decide, .what = &cases[i], .units = QUESTIONS};
    }
    (void)puts("decide: a command, a rule for each point");
    measure(plan, jobs, CASES);
    measure_print(jobs, CASES, "decision", NULL);
    for (size_t i = 0; i < CASES; i++) {
        policy_free(cases[i].policy);
        free(cases[i].question);
    }
}
