/* What the files of the benchmark share. */
#ifndef GATE104_TESTS_BENCH_BENCH_H
#define GATE104_TESTS_BENCH_BENCH_H

#include "tests/bench/measure.h"

/* Frames and ASDUs judged, against a copy of the same octets. */
void bench_validate(const struct measure_plan *plan);
/* policy_decide over few and many points. */
void bench_decide(const struct measure_plan *plan);

#endif
