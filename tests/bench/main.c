/* bench: how long the parts of the data path take; doc/bench.md says what is measured. */
#include "tests/bench/bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    void (*run)(const struct measure_plan *plan);
} PARTS[] = {{"validate", bench_validate}, {"decide", bench_decide}};
#define PARTS_N (sizeof PARTS / sizeof PARTS[0])

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: bench [-r ROUNDS] [-m MILLISECONDS] [validate] [decide]\n"
                  "  -r  rounds, 1 to %u, else 15\n"
                  "  -m  how long each job runs in each round, else 50\n",
                  MEASURE_ROUNDS_MAX);
    return 2;
}

static bool number(const char *word, unsigned int max, unsigned int *out)
{
    char *end;
    const unsigned long v = strtoul(word, &end, 10);

    *out = (unsigned int)v;
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && v >= 1 && v <= max;
}

static bool run(const struct measure_plan *plan, const char *name)
{
    for (size_t i = 0; i < PARTS_N; i++) {
        if (strcmp(PARTS[i].name, name) == 0) {
            PARTS[i].run(plan);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct measure_plan plan = {.rounds = 15, .milliseconds = 50};
    int letter;

    while ((letter = getopt(argc, argv, "r:m:")) != -1)
        if (!(letter == 'r' && number(optarg, MEASURE_ROUNDS_MAX, &plan.rounds)) &&
            !(letter == 'm' && number(optarg, 60000, &plan.milliseconds)))
            return usage();
    for (size_t i = 0; optind == argc && i < PARTS_N; i++)
        PARTS[i].run(&plan);
    for (int i = optind; i < argc; i++)
        if (!run(&plan, argv[i]))
            return usage();
    return 0;
}
