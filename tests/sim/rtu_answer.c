#include "tests/sim/rtu.h"

#include "tests/sim/simclock.h"

#include <string.h>

#define ACT   6u
#define CON   7u
#define DEACT 8u
#define DECON 9u
#define TERM  10u
#define CAUSES(...)                                                                      \
    (const uint8_t[])                                                                    \
    {                                                                                    \
        __VA_ARGS__, 0                                                                   \
    }

void sim_answer_mirror(struct sim_conn *c, const struct sim_asdu *a, unsigned int cause,
                       bool negative)
{
    uint8_t out[SIM_ASDU_MAX];

    memcpy(out, a->octets, a->size);
    out[2] = (uint8_t)(cause | (negative ? 0x40u : 0u) | (a->test ? 0x80u : 0u));
    /* A reply to a broadcast carries the station's own address (101 clause 7.2.4). */
    if (a->ca == SIM_CA_ALL) {
        out[4] = (uint8_t)(c->st->o->ca & 0xFFu);
        out[5] = (uint8_t)(c->st->o->ca >> 8);
    }
    sim_conn_queue(c, out, a->size);
}

static uint8_t qualifier_of(const struct sim_asdu *a)
{
    struct sim_value v;
    uint32_t ioa;

    sim_value_get(a->row, sim_asdu_object(a, 0, &ioa), &v);
    return v.qualifier;
}

static bool start_job(struct sim_conn *c, const struct sim_asdu *a, bool counters,
                      uint8_t qualifier)
{
    if (c->jobs_n == SIM_JOBS_MAX)
        return false;
    for (uint32_t i = 0; i < c->jobs_n; i++)
        if (c->jobs[i].counters == counters && c->jobs[i].qualifier == qualifier)
            return false;
    c->jobs[c->jobs_n++] = (struct sim_job){counters, qualifier, a->oa, 0, 1};
    return true;
}

static void answer_interrogation(struct sim_conn *c, const struct sim_asdu *a,
                                 uint64_t now)
{
    uint8_t qoi = qualifier_of(a);
    uint32_t kept = 0;

    (void)now;
    if (a->cause == ACT) {
        bool ok = qoi >= 20 && qoi <= 36 && start_job(c, a, false, qoi);

        sim_answer_mirror(c, a, CON, !ok);
        return;
    }
    for (uint32_t i = 0; i < c->jobs_n; i++)
        if (c->jobs[i].counters || c->jobs[i].qualifier != qoi)
            c->jobs[kept++] = c->jobs[i];
    sim_answer_mirror(c, a, DECON, kept == c->jobs_n);
    c->jobs_n = kept;
}

static void answer_counters(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    uint8_t qcc = qualifier_of(a);
    unsigned int request = qcc & 0x3Fu, action = qcc >> 6;
    bool ok = request >= 1 && request <= 5;

    (void)now;
    if (ok && action != 0) {
        sim_answer_mirror(c, a, CON, false);
        if (!a->test)
            sim_points_freeze(c->st, request == 5 ? 0 : request, action);
        sim_answer_mirror(c, a, TERM, false);
        return;
    }
    ok = ok && start_job(c, a, true, qcc);
    sim_answer_mirror(c, a, CON, !ok);
}

static void answer_read(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    uint8_t out[SIM_ASDU_MAX];
    uint32_t ioa, point;
    int kind;

    (void)now;
    sim_asdu_object(a, 0, &ioa);
    kind = sim_points_find(c->st, ioa, &point);
    /* Integrated totals have no cause "request": counters are asked for by C_CI. */
    if (kind < 0 || kind == (int)SIM_KIND_COUNTERS) {
        sim_answer_mirror(c, a, 47, true);
        return;
    }
    sim_conn_queue(c, out,
                   sim_points_one(c->st, (unsigned int)kind, point, 5, a->oa, -1, out));
}

static void answer_clock(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    struct sim_asdu con = *a;
    uint8_t copy[SIM_ASDU_MAX];
    uint32_t ioa;
    int64_t want;

    (void)now;
    if (!sim_clock_from_cp56(sim_asdu_object(a, 0, &ioa), &want)) {
        sim_answer_mirror(c, a, CON, true);
        return;
    }
    /* The confirmation tells the time the station had before (101 clause 7.4.4). */
    memcpy(copy, a->octets, a->size);
    sim_clock_to_cp56(sim_station_time(c->st), copy + SIM_HEADER + 3u);
    con.octets = copy;
    sim_answer_mirror(c, &con, CON, false);
    if (!a->test)
        c->st->clock_offset = want - sim_clock_wall_ms();
}

static void answer_reset(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    uint8_t qrp = qualifier_of(a);

    (void)now;
    sim_answer_mirror(c, a, CON, qrp != 1 && qrp != 2);
    if (qrp != 1 || a->test)
        return;
    sim_points_reset(c->st);
    c->st->initialised = false;
    c->st->coi = 2;
    sim_answer_initialised(c);
}

static void answer_test(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    (void)now;
    sim_answer_mirror(c, a, CON, false);
}

static void answer_parameter(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    static const int KIND[] = {4, 5, 6}; /* for 110, 111, 112 */
    uint32_t ioa, point;
    int kind;

    (void)now;
    sim_asdu_object(a, 0, &ioa);
    kind = sim_points_find(c->st, ioa, &point);
    if (a->type == 113 && qualifier_of(a) == 1 && ioa == 0)
        kind = KIND[0];
    if ((a->type == 113 && (kind < KIND[0] || kind > KIND[2])) ||
        (a->type != 113 && kind != KIND[a->type - 110]))
        sim_answer_mirror(c, a, 47, true);
    else
        sim_answer_mirror(c, a, a->cause + 1u, false);
}

static const struct {
    uint8_t first, last;
    const uint8_t *causes;
    bool broadcast, zero_ioa;
    void (*answer)(struct sim_conn *c, const struct sim_asdu *a, uint64_t now);
} ANSWERS[] = {
    {45, 50, CAUSES(ACT, DEACT), false, false, sim_command},
    {51, 51, CAUSES(ACT), false, false, sim_command},
    {58, 63, CAUSES(ACT, DEACT), false, false, sim_command},
    {64, 64, CAUSES(ACT), false, false, sim_command},
    {100, 100, CAUSES(ACT, DEACT), true, true, answer_interrogation},
    {101, 101, CAUSES(ACT), true, true, answer_counters},
    {102, 102, CAUSES(5), false, false, answer_read},
    {103, 103, CAUSES(ACT), true, true, answer_clock},
    {105, 105, CAUSES(ACT), true, true, answer_reset},
    {107, 107, CAUSES(ACT), false, true, answer_test},
    {110, 112, CAUSES(ACT), false, false, answer_parameter},
    {113, 113, CAUSES(ACT, DEACT), false, false, answer_parameter},
};
#define ANSWERS_N (sizeof ANSWERS / sizeof ANSWERS[0])

/* The order of the checks is the usual one: type, cause, common address, object. */
static unsigned int check(const struct sim_conn *c, const struct sim_asdu *a, size_t i)
{
    bool broadcast = a->ca == SIM_CA_ALL && ANSWERS[i].broadcast;
    uint32_t ioa;

    if (strchr((const char *)ANSWERS[i].causes, a->cause) == NULL || a->cause == 0)
        return 45;
    if (a->ca != c->st->o->ca && !broadcast)
        return 46;
    sim_asdu_object(a, 0, &ioa);
    return ANSWERS[i].zero_ioa && ioa != 0 ? 47 : 0;
}

void sim_answer(struct sim_conn *c, const uint8_t *asdu, size_t n, uint64_t now)
{
    struct sim_asdu a;
    const char *wrong = sim_asdu_open(&a, asdu, n);
    unsigned int refuse;
    size_t i = 0;

    while (i < ANSWERS_N && (a.type < ANSWERS[i].first || a.type > ANSWERS[i].last))
        i++;
    if (n >= SIM_HEADER && (i == ANSWERS_N || a.sq)) {
        sim_answer_mirror(c, &a, 44, true);
        return;
    }
    if (wrong != NULL) {
        sim_print_event(&c->st->o->print, "discarded", c->id, "ASDU discarded: %s",
                        wrong);
        return;
    }
    refuse = check(c, &a, i);
    if (refuse != 0)
        sim_answer_mirror(c, &a, refuse, true);
    else if (a.count != 1)
        sim_answer_mirror(c, &a, a.cause == DEACT ? DECON : CON, true);
    else
        ANSWERS[i].answer(c, &a, now);
}

static size_t terminate_job(const struct sim_station *st, const struct sim_job *job,
                            uint8_t *out)
{
    const struct sim_value v = {.qualifier = job->qualifier};
    const struct sim_type *row = sim_type_find(job->counters ? 101 : 100);
    size_t n = sim_asdu_put_header(out, row->id, 1, TERM, job->oa, (uint16_t)st->o->ca);

    n += sim_put_ioa(out + n, 0);
    return n + sim_value_put(row, &v, out + n);
}

size_t sim_job_next(struct sim_station *st, struct sim_job *job, uint8_t *out, bool *done)
{
    unsigned int request = job->qualifier & 0x3Fu;
    size_t n = 0;

    *done = false;
    if (job->counters && job->kind == 0) {
        uint8_t cause = (uint8_t)(request == 5 ? 37 : 37 + request);

        n = sim_points_pack(st, SIM_KIND_COUNTERS, &job->point, cause, job->oa,
                            request == 5 ? 0 : request, out);
    }
    while (!job->counters && n == 0 && job->kind < SIM_KINDS) {
        if (job->kind != SIM_KIND_COUNTERS &&
            (job->qualifier == 20 || job->qualifier == 21 + job->kind))
            n = sim_points_pack(st, job->kind, &job->point, job->qualifier, job->oa, 0,
                                out);
        if (n == 0) {
            job->kind++;
            job->point = 1;
        }
    }
    if (n > 0)
        return n;
    *done = true;
    return terminate_job(st, job, out);
}

void sim_answer_initialised(struct sim_conn *c)
{
    const struct sim_value v = {.qualifier = c->st->coi};
    uint8_t out[SIM_ASDU_MAX];
    size_t n;

    if (c->st->initialised || c->st->o->replay != NULL)
        return;
    c->st->initialised = true;
    n = sim_asdu_put_header(out, 70, 1, 4, 0, (uint16_t)c->st->o->ca);
    n += sim_put_ioa(out + n, 0);
    sim_conn_queue(c, out, n + sim_value_put(sim_type_find(70), &v, out + n));
}
