/* What it costs to judge an APDU: found in a stream, its control field and every object
 * looked at, as the gate does it. */
#include "tests/bench/bench.h"

#include "policy/asdu.h"
#include "tests/bench/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_SIZE (512u * 1024u)

#define CTL DIR_CONTROL
#define MON DIR_MONITOR

/* A substation at work: events with time tags, measured values, now and then a command
 * and an interrogation.  30 octets on average. */
static const struct stream_kind MIXED[] = {
    {1, 3, MON, 0, 1, 4, 15},  {1, 20, MON, 0x80, 8, 32, 6}, {13, 3, MON, 0, 1, 4, 30},
    {30, 3, MON, 0, 1, 2, 20}, {36, 3, MON, 0, 1, 2, 22},    {45, 6, CTL, 0, 1, 1, 4},
    {45, 7, MON, 0, 1, 1, 4},  {100, 6, CTL, 0, 1, 1, 1},    {100, 7, MON, 0, 1, 1, 1},
};
/* As much as an APDU holds. */
static const struct stream_kind FULL[] = {
    {1, 3, MON, 0, 60, 60, 1},      {13, 3, MON, 0, 30, 30, 1},
    {13, 20, MON, 0x80, 48, 48, 1}, {30, 3, MON, 0, 22, 22, 1},
    {36, 3, MON, 0, 16, 16, 1},
};

static const struct {
    const char *name;
    struct stream_kind kind;
} SINGLE[] = {
    {"1 M_SP_NA_1, 3 objects", {1, 3, MON, 0, 3, 3, 1}},
    {"13 M_ME_NC_1, 2 objects", {13, 3, MON, 0, 2, 2, 1}},
    {"30 M_SP_TB_1, 1 object", {30, 3, MON, 0, 1, 1, 1}},
    {"36 M_ME_TF_1, 1 object", {36, 3, MON, 0, 1, 1, 1}},
    {"45 C_SC_NA_1", {45, 6, CTL, 0, 1, 1, 1}},
    {"100 C_IC_NA_1", {100, 6, CTL, 0, 1, 1, 1}},
    {"1, 60 objects", {1, 3, MON, 0, 60, 60, 1}},
    {"13, SQ, 48 objects", {13, 20, MON, 0x80, 48, 48, 1}},
    {"30, 22 objects", {30, 3, MON, 0, 22, 22, 1}},
    {"36, 16 objects", {36, 3, MON, 0, 16, 16, 1}},
};
#define SINGLES (sizeof SINGLE / sizeof SINGLE[0])

static uint64_t judge(const void *what)
{
    const struct stream *s = what;
    uint64_t sum = 0;
    size_t i = 0;

    for (size_t at = 0; at < s->size; i++) {
        struct apci apci;
        struct asdu asdu;
        size_t size;

        if (apci_scan(s->octets + at, s->size - at, &size).reason != REASON_OK ||
            apci_parse(s->octets + at, size, &apci).reason != REASON_OK ||
            asdu_parse(apci.asdu, apci.asdu_size, (enum direction)s->direction[i],
                       &PROFILE_104, &asdu)
                    .reason != REASON_OK)
            abort();
        sum += apci.ns + asdu.ioa + asdu.count;
        at += size;
    }
    return sum;
}

static uint64_t frames(const void *what)
{
    const struct stream *s = what;
    uint64_t sum = 0;

    for (size_t at = 0; at < s->size;) {
        struct apci apci;
        size_t size;

        if (apci_scan(s->octets + at, s->size - at, &size).reason != REASON_OK ||
            apci_parse(s->octets + at, size, &apci).reason != REASON_OK)
            abort();
        sum += apci.ns;
        at += size;
    }
    return sum;
}

static uint64_t copy(const void *what)
{
    static uint8_t to[STREAM_SIZE + APDU_SIZE_MAX];
    const struct stream *s = what;

    memcpy(to, s->octets, s->size);
    __asm__ volatile("" : : "r"(to) : "memory");
    return to[s->size - 1];
}

static struct measure_job job(const char *name, measure_work *work,
                              const struct stream *s)
{
    return (struct measure_job){
        .name = name, .work = work, .what = s, .units = s->apdus, .octets = s->size};
}

static void mix(const struct measure_plan *plan, const char *name,
                const struct stream_kind *kinds, size_t n)
{
    struct stream s = stream_make(kinds, n, STREAM_SIZE);
    struct measure_job jobs[] = {job("copied", copy, &s),
                                 job("framing alone", frames, &s),
                                 job("judged", judge, &s)};

    (void)printf("validate: %s, %.1f octets an APDU\n", name,
                 (double)s.size / (double)s.apdus);
    measure(plan, jobs, sizeof jobs / sizeof jobs[0]);
    measure_print(jobs, sizeof jobs / sizeof jobs[0], "APDU", &jobs[0]);
    stream_free(&s);
}

static void by_type(const struct measure_plan *plan)
{
    struct stream s[SINGLES];
    struct measure_job jobs[SINGLES];

    for (size_t i = 0; i < SINGLES; i++) {
        s[i] = stream_make(&SINGLE[i].kind, 1, STREAM_SIZE);
        jobs[i] = job(SINGLE[i].name, judge, &s[i]);
    }
    (void)puts("validate: type by type");
    measure(plan, jobs, SINGLES);
    measure_print(jobs, SINGLES, "APDU", NULL);
    for (size_t i = 0; i < SINGLES; i++)
        stream_free(&s[i]);
}

void bench_validate(const struct measure_plan *plan)
{
    mix(plan, "a mix", MIXED, sizeof MIXED / sizeof MIXED[0]);
    mix(plan, "full APDUs", FULL, sizeof FULL / sizeof FULL[0]);
    by_type(plan);
}
