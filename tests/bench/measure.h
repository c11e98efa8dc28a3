/* Measuring: jobs run in turns, so that what disturbs the machine disturbs them alike. */
#ifndef GATE104_TESTS_BENCH_MEASURE_H
#define GATE104_TESTS_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define MEASURE_ROUNDS_MAX 101u

/* One pass over some work.  What it gives depends on everything it did, so that no
 * compiler leaves any of it out. */
typedef uint64_t measure_work(const void *what);

struct measure_job {
    const char *name;
    measure_work *work;
    const void *what;
    uint64_t units;  /* in one pass: APDUs, decisions */
    uint64_t octets; /* in one pass; 0 where octets mean nothing */
    /* Found by measure(): nanoseconds for one unit. */
    double min, median, max;
};

struct measure_plan {
    unsigned int rounds;       /* 1..MEASURE_ROUNDS_MAX */
    unsigned int milliseconds; /* about so long each job runs in each round */
};

/* Runs every job once to warm up and to find how many passes it takes, then all of them
 * in turn, round after round. */
void measure(const struct measure_plan *plan, struct measure_job *jobs, size_t n);
/* A table of the jobs; `unit` is what a unit is, `base` (or NULL) the job that the others
 * are set against. */
void measure_print(const struct measure_job *jobs, size_t n, const char *unit,
                   const struct measure_job *base);

#endif
