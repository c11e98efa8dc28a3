#include "tests/bench/measure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PASSES_MAX (UINT64_C(1) << 40)

/* Read by nobody: what is stored here has to be computed. */
static volatile uint64_t sink;

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds that so many passes take. */
static double run(const struct measure_job *job, uint64_t passes)
{
    const double begin = now_ns();
    uint64_t sum = 0;

    for (uint64_t i = 0; i < passes; i++)
        sum += job->work(job->what);
    sink = sum;
    return now_ns() - begin;
}

/* Passes that take about so long. */
static uint64_t calibrate(const struct measure_job *job, unsigned int milliseconds)
{
    const double wanted = milliseconds * 1e6;
    uint64_t passes = 1;
    double took = run(job, passes);

    while (took < wanted / 2 && passes < PASSES_MAX) {
        passes *= 2;
        took = run(job, passes);
    }
    return passes;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void summarize(struct measure_job *job, double *ns, unsigned int rounds)
{
    qsort(ns, rounds, sizeof *ns, compare);
    job->min = ns[0];
    job->median = ns[rounds / 2];
    job->max = ns[rounds - 1];
}

void measure(const struct measure_plan *plan, struct measure_job *jobs, size_t n)
{
    uint64_t *passes = calloc(n, sizeof *passes);
    double(*ns)[MEASURE_ROUNDS_MAX] = calloc(n, sizeof *ns);

    assert(passes != NULL && ns != NULL);
    assert(plan->rounds >= 1 && plan->rounds <= MEASURE_ROUNDS_MAX);
    for (size_t i = 0; i < n; i++)
        passes[i] = calibrate(&jobs[i], plan->milliseconds);
    for (unsigned int round = 0; round < plan->rounds; round++)
        for (size_t i = 0; i < n; i++)
            ns[i][round] =
                run(&jobs[i], passes[i]) / ((double)passes[i] * (double)jobs[i].units);
    for (size_t i = 0; i < n; i++)
        summarize(&jobs[i], ns[i], plan->rounds);
    free(passes);
    free(ns);
}

void measure_print(const struct measure_job *jobs, size_t n, const char *unit,
                   const struct measure_job *base)
{
    (void)printf("%-28s %9s %9s %9s %9s %9s\n", "", "min", "median", "max",
                 n > 0 && jobs[0].octets > 0 ? "MB/s" : "", base ? "ratio" : "");
    for (size_t i = 0; i < n; i++) {
        const struct measure_job *j = &jobs[i];
        (void)printf("%-28s %9.1f %9.1f %9.1f", j->name, j->min, j->median, j->max);
        if (j->octets > 0)
            (void)printf(" %9.0f",
                         (double)j->octets / (double)j->units / j->median * 1e3);
        if (base && j != base)
            (void)printf("%s %9.1f", j->octets > 0 ? "" : "          ",
                         j->median / base->median);
        (void)putchar('\n');
    }
    (void)printf("  min, median, max: ns for one %s\n\n", unit);
}
