#include "tests/sim/rtu.h"

#include "tests/sim/simclock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Kind i has the object addresses 100 i + 1 .. 100 i + 100, and from point 101 on
 * 100000 (i + 1) + point. */
static const struct {
    uint8_t plain, timed;
} KINDS[SIM_KINDS] = {
    {1, 30},  {3, 31},  {5, 32},  {7, 33}, {9, 34},
    {11, 35}, {13, 36}, {15, 37}, {20, 0}, {21, 0},
};

uint8_t sim_points_type(unsigned int kind, bool timed)
{
    return timed ? KINDS[kind].timed : KINDS[kind].plain;
}

uint32_t sim_points_ioa(unsigned int kind, uint32_t point)
{
    return point <= SIM_RANGE ? kind * SIM_RANGE + point : 100000u * (kind + 1u) + point;
}

int sim_points_find(const struct sim_station *st, uint32_t ioa, uint32_t *point)
{
    uint32_t kind =
        ioa <= SIM_KINDS * SIM_RANGE ? (ioa - 1u) / SIM_RANGE : ioa / 100000u - 1u;

    if (ioa == 0 || kind >= SIM_KINDS)
        return -1;
    *point = ioa <= SIM_KINDS * SIM_RANGE ? (ioa - 1u) % SIM_RANGE + 1u : ioa % 100000u;
    if (*point == 0 || *point > st->o->points || sim_points_ioa(kind, *point) != ioa)
        return -1;
    return (int)kind;
}

static void first_value(struct sim_point *p, unsigned int kind, uint32_t i, uint32_t seed)
{
    memset(p, 0, sizeof *p);
    p->v.bits = kind == 0 ? i & 1u : kind == 1 ? 1u + (i & 1u) : (i * 0x01010101u) ^ seed;
    switch (kind) {
    case 2: p->v.number = (double)(i % 64u); break;
    case 4:
    case 9: p->v.number = sin((double)(i + seed) / 10.0) * 0.99; break;
    case 5: p->v.number = (double)(i % 3000u) * 10.0; break;
    case 6: p->v.number = (double)i * 1.5; break;
    case SIM_KIND_COUNTERS: p->v.number = (double)i * 1000.0; break;
    }
    /* Some of each kind are of doubtful quality, as in every real station. */
    if (kind != SIM_KIND_COUNTERS && i % 100u == 50u)
        p->v.quality = SIM_Q_NT;
    if (kind != SIM_KIND_COUNTERS && i % 100u == 99u)
        p->v.quality = SIM_Q_IV | SIM_Q_NT;
}

void sim_points_reset(struct sim_station *st)
{
    for (unsigned int kind = 0; kind < SIM_KINDS; kind++)
        for (uint32_t i = 1; i <= st->o->points; i++)
            first_value(&st->points[kind][i - 1], kind, i, st->o->seed);
}

bool sim_points_init(struct sim_station *st)
{
    for (unsigned int kind = 0; kind < SIM_KINDS; kind++) {
        st->points[kind] = calloc(st->o->points, sizeof *st->points[kind]);
        if (st->points[kind] == NULL)
            return false;
    }
    sim_points_reset(st);
    return true;
}

void sim_points_free(struct sim_station *st)
{
    for (unsigned int kind = 0; kind < SIM_KINDS; kind++)
        free(st->points[kind]);
}

int64_t sim_station_time(const struct sim_station *st)
{
    return sim_clock_wall_ms() + st->clock_offset;
}

/* What a point reports: a counter that was frozen, its frozen value (101 clause 7.4.8).
 */
static struct sim_value report(const struct sim_station *st, unsigned int kind,
                               uint32_t point)
{
    const struct sim_point *p = &st->points[kind][point - 1];
    struct sim_value v = p->v;

    if (p->was_frozen)
        v.number = p->frozen;
    return v;
}

static size_t pack_run(struct sim_station *st, unsigned int kind, uint32_t *point,
                       const struct sim_type *row, uint8_t *out)
{
    size_t size = sim_type_size(row);
    size_t n = SIM_HEADER + sim_put_ioa(out + SIM_HEADER, sim_points_ioa(kind, *point));
    unsigned int count = 0;

    while (*point <= st->o->points && count < 127 && n + size <= SIM_ASDU_MAX) {
        struct sim_value v = report(st, kind, *point);

        /* Addresses behind point 100 start anew; a sequence cannot run across. */
        if (count > 0 && *point == SIM_RANGE + 1u)
            break;
        n += sim_value_put(row, &v, out + n);
        count++;
        ++*point;
    }
    out[1] = (uint8_t)(0x80u | count);
    return n;
}

static size_t pack_list(struct sim_station *st, unsigned int kind, uint32_t *point,
                        unsigned int group, const struct sim_type *row, uint8_t *out)
{
    size_t size = 3u + sim_type_size(row);
    size_t n = SIM_HEADER;
    unsigned int count = 0;

    for (; *point <= st->o->points && n + size <= SIM_ASDU_MAX; ++*point) {
        struct sim_value v = report(st, kind, *point);

        if ((*point - 1u) % 4u + 1u != group)
            continue;
        n += sim_put_ioa(out + n, sim_points_ioa(kind, *point));
        n += sim_value_put(row, &v, out + n);
        count++;
    }
    out[1] = (uint8_t)count;
    return count > 0 ? n : 0;
}

size_t sim_points_pack(struct sim_station *st, unsigned int kind, uint32_t *point,
                       uint8_t cause, uint8_t oa, unsigned int group, uint8_t *out)
{
    const struct sim_type *row = sim_type_find(KINDS[kind].plain);

    if (*point > st->o->points)
        return 0;
    sim_asdu_put_header(out, row->id, 0, cause, oa, (uint16_t)st->o->ca);
    return group == 0 ? pack_run(st, kind, point, row, out)
                      : pack_list(st, kind, point, group, row, out);
}

size_t sim_points_one(struct sim_station *st, unsigned int kind, uint32_t point,
                      uint8_t cause, uint8_t oa, int64_t time_ms, uint8_t *out)
{
    bool timed = time_ms >= 0 && KINDS[kind].timed != 0;
    const struct sim_type *row = sim_type_find(sim_points_type(kind, timed));
    struct sim_value v = report(st, kind, point);
    size_t n = sim_asdu_put_header(out, row->id, 1, cause, oa, (uint16_t)st->o->ca);

    if (timed)
        sim_clock_to_cp56(time_ms, v.time);
    n += sim_put_ioa(out + n, sim_points_ioa(kind, point));
    return n + sim_value_put(row, &v, out + n);
}

void sim_points_freeze(struct sim_station *st, unsigned int group, unsigned int action)
{
    for (uint32_t i = 0; i < st->o->points; i++) {
        struct sim_point *p = &st->points[SIM_KIND_COUNTERS][i];

        if (group != 0 && i % 4u + 1u != group)
            continue;
        if (action == 1 || action == 2) {
            p->frozen = p->v.number;
            p->was_frozen = true;
            p->v.qualifier = (uint8_t)((p->v.qualifier + 1u) & 0x1Fu);
        }
        if (action == 2 || action == 3)
            p->v.number = 0;
    }
}
