/* What a decision costs, by the number of points and of rules; what it costs to compile
 * them, and their memory. */
#include "tests/bench/bench.h"

#include "policy/policy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUESTIONS 4096u
#define FEW       64u /* points that are asked for again and again: caches hold them */
#define FIRST_IOA 1000u
#define C_SC_NA_1 45u

/* What an engineer writes who allows no more than needed. */
static const struct form {
    const char *name;
    bool rule_each;      /* a rule for each point; else one that lists them */
    unsigned int per_ca; /* points at a common address */
    size_t roles;        /* of each rule */
} FORMS[] = {
    {"a rule for each point", true, 100, 0},
    {"a rule for all points", false, 100, 0},
    {"a rule for each point, one station", true, 100000, 0},
    {"a rule for each point, for roles", true, 100, 2},
};
#define FORMS_N (sizeof FORMS / sizeof FORMS[0])

static const struct size {
    unsigned int points, asked; /* of these so many are asked for */
} SIZES[] = {
    {10, FEW}, {1000, FEW}, {100000, FEW}, {1000, QUESTIONS}, {100000, QUESTIONS}};
#define SIZES_N (sizeof SIZES / sizeof SIZES[0])

struct question {
    uint8_t octets[10]; /* C_SC_NA_1 of one point */
    struct asdu asdu;
};

struct case_of {
    char name[40];
    struct policy *policy;
    struct policy_stats stats;
    double compile_ms;
    struct question *question; /* QUESTIONS of them */
};

static uint16_t ca_of(const struct form *form, unsigned int point)
{
    return (uint16_t)(1 + point / form->per_ca);
}

/* Every second address has a point. */
static uint32_t ioa_of(unsigned int point)
{
    return FIRST_IOA + 2 * point;
}

static void add(struct policy_builder *b, const struct form *form,
                const struct policy_rule *places)
{
    struct policy_rule rule = *places;
    char err[200];

    rule.name = "points";
    rule.role_count = form->roles;
    rule.role[0] = 1;
    rule.role[1] = 2;
    policy_types_set(rule.types, C_SC_NA_1);
    if (!policy_builder_add(b, &rule, err, sizeof err)) {
        (void)fprintf(stderr, "bench: %s\n", err);
        abort();
    }
}

static void add_each(struct policy_builder *b, const struct form *form,
                     unsigned int points)
{
    for (unsigned int i = 0; i < points; i++) {
        const struct policy_range ca = {ca_of(form, i), ca_of(form, i)},
                                  ioa = {ioa_of(i), ioa_of(i)};
        add(b, form,
            &(struct policy_rule){.ca = &ca, .ca_count = 1, .ioa = &ioa, .ioa_count = 1});
    }
}

static void add_all(struct policy_builder *b, const struct form *form,
                    unsigned int points)
{
    const size_t areas = (points + form->per_ca - 1) / form->per_ca;
    struct policy_area *area = calloc(areas, sizeof *area);
    struct policy_range *ioa = calloc(points, sizeof *ioa);

    assert(area != NULL && ioa != NULL);
    for (unsigned int i = 0; i < points; i++) {
        struct policy_area *a = &area[i / form->per_ca];
        if (a->count++ == 0) {
            a->type = C_SC_NA_1;
            a->ca = ca_of(form, i);
            a->first = i;
        }
        ioa[i] = (struct policy_range){ioa_of(i), ioa_of(i)};
    }
    add(b, form,
        &(struct policy_rule){
            .area = area, .area_count = areas, .ioa = ioa, .ioa_count = points});
    free(area);
    free(ioa);
}

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Compiled is a blob, as the gate does; the fastest of three times. */
static void make_policy(struct case_of *c, const struct form *form, unsigned int points)
{
    struct policy_builder *b = policy_builder_new();
    char err[200];
    size_t size;

    assert(b != NULL);
    if (form->rule_each)
        add_each(b, form, points);
    else
        add_all(b, form, points);
    const uint8_t *blob = policy_builder_blob(b, &size);
    for (int i = 0; i < 3; i++) {
        const double begin = now_ms();
        policy_free(c->policy);
        if (blob == NULL || !policy_load(blob, size, &c->policy, err, sizeof err))
            abort();
        const double took = now_ms() - begin;
        c->compile_ms = i == 0 || took < c->compile_ms ? took : c->compile_ms;
    }
    policy_builder_free(b);
    policy_stats(c->policy, &c->stats);
}

/* Three of four ask for a point that has a rule. */
static void make_question(struct question *q, const struct form *form, unsigned int n,
                          unsigned int points)
{
    const unsigned int point = (unsigned int)(n * UINT32_C(2654435761) >> 8) % points;
    const uint32_t ioa = ioa_of(point) + (n % 4 == 0 ? 1 : 0);
    const uint16_t ca = ca_of(form, point);
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

static void make_case(struct case_of *c, const struct form *form, const struct size *size)
{
    const unsigned int points = size->points;

    *c = (struct case_of){.question = calloc(QUESTIONS, sizeof(struct question))};
    (void)snprintf(c->name, sizeof c->name, "%u points, %u asked", points,
                   size->asked < points ? size->asked : points);
    assert(c->question != NULL);
    make_policy(c, form, points);
    for (unsigned int n = 0; n < QUESTIONS; n++)
        make_question(&c->question[n], form, n % size->asked, points);
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

static void bench_form(const struct measure_plan *plan, const struct form *form)
{
    struct case_of cases[SIZES_N];
    struct measure_job jobs[SIZES_N];

    for (size_t i = 0; i < SIZES_N; i++) {
        make_case(&cases[i], form, &SIZES[i]);
        jobs[i] = (struct measure_job){
            .name = cases[i].name, .work = decide, .what = &cases[i], .units = QUESTIONS};
    }
    (void)printf("decide: a command, %s\n", form->name);
    measure(plan, jobs, SIZES_N);
    measure_print(jobs, SIZES_N, "decision", &jobs[0]);
    for (size_t i = 0; i < SIZES_N; i++) {
        if (SIZES[i].asked == FEW)
            (void)printf("  %u points: compiled in %.1f ms, %zu KiB\n", SIZES[i].points,
                         cases[i].compile_ms, cases[i].stats.octets / 1024);
        policy_free(cases[i].policy);
        free(cases[i].question);
    }
    (void)putchar('\n');
}

void bench_decide(const struct measure_plan *plan)
{
    for (size_t i = 0; i < FORMS_N; i++)
        bench_form(plan, &FORMS[i]);
}
