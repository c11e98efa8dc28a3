#include "tests/sim/rtu.h"

#include "tests/sim/simclock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CON   7u
#define DEACT 8u
#define DECON 9u
#define TERM  10u

/* Where the commands are: `base` + 1..100 act directly or after a select, + 1001..1010
 * only after a select, + 2001..2010 are interlocked and always refused. */
static const struct {
    uint8_t type;
    uint32_t base;
    unsigned int kind;
} MAP[] = {
    {45, 1000, 0}, {46, 1100, 1}, {47, 1200, 2}, {50, 1300, 6},
    {49, 1400, 5}, {48, 1500, 4}, {51, 1600, 3},
};
#define MAP_N     (sizeof MAP / sizeof MAP[0])
#define SHORT_RUN 10u

enum way { DIRECT, SELECT_ONLY, INTERLOCKED };

struct target {
    unsigned int kind;
    uint32_t point;
    enum way way;
};

static uint8_t untagged(uint8_t type)
{
    return type >= 58 ? (uint8_t)(type - 13u) : type;
}

static bool find_target(const struct sim_station *st, uint8_t type, uint32_t ioa,
                        struct target *t)
{
    size_t i = 0;
    uint32_t at;

    while (i < MAP_N && MAP[i].type != untagged(type))
        i++;
    if (i == MAP_N || ioa <= MAP[i].base)
        return false;
    at = ioa - MAP[i].base;
    t->kind = MAP[i].kind;
    t->way = (enum way)((at - 1u) / 1000u);
    t->point = (at - 1u) % 1000u + 1u;
    if (at > 3000 || t->point > (t->way == DIRECT ? SIM_RANGE : SHORT_RUN))
        return false;
    /* A bitstring has no select bit: such an object cannot exist. */
    return t->point <= st->o->points && !(MAP[i].type == 51 && t->way == SELECT_ONLY);
}

static bool value_ok(const struct sim_asdu *a, const struct sim_value *v)
{
    uint8_t type = untagged(a->type);

    if ((type == 46 || type == 47) && (v->bits == 0 || v->bits == 3))
        return false;
    if (type <= 47 && v->qualifier >= 4 && v->qualifier <= 15)
        return false;
    if (type >= 48 && type <= 50 && v->qualifier >= 1 && v->qualifier <= 63)
        return false;
    return type != 50 || isfinite(v->number);
}

static bool age_ok(const struct sim_station *st, const struct sim_asdu *a,
                   const struct sim_value *v)
{
    int64_t tagged, age;

    if (a->type < 58)
        return true;
    if (!sim_clock_from_cp56(v->time, &tagged))
        return false;
    age = sim_station_time(st) - tagged;
    return st->o->max_delay == 0 || llabs(age) <= (int64_t)st->o->max_delay * 1000;
}

/* The elements a select and its execute must have in common: all but S/E and time. */
static void common_octets(const struct sim_asdu *a, const struct sim_value *v,
                          uint8_t *out)
{
    struct sim_value plain = *v;

    memset(out, 0, SIM_OBJECT_MAX);
    plain.select = false;
    sim_value_put(sim_type_find(untagged(a->type)), &plain, out);
}

static bool selected(const struct sim_conn *c, const struct sim_asdu *a, uint32_t ioa)
{
    return c->select.active && c->select.type == a->type && c->select.ioa == ioa &&
           c->select.oa == a->oa;
}

static void select_point(struct sim_conn *c, const struct sim_asdu *a,
                         const struct sim_value *v, uint32_t ioa, uint64_t now)
{
    /* One selection at a time; renewing it is fine. */
    bool ok = !c->select.active || selected(c, a, ioa);

    sim_answer_mirror(c, a, CON, !ok);
    if (!ok)
        return;
    c->select.active = true;
    c->select.type = a->type;
    c->select.oa = a->oa;
    c->select.ioa = ioa;
    c->select.deadline = now + (uint64_t)c->st->o->select_timeout * 1000u;
    common_octets(a, v, c->select.value);
}

static void set_point(struct sim_point *p, unsigned int kind, const struct sim_value *v)
{
    p->v.quality = 0;
    if (kind == 2) {
        double step = p->v.number + (v->bits == 2 ? 1.0 : -1.0);

        p->v.number = step > 63 ? 63 : step < -64 ? -64 : step;
        return;
    }
    p->v.bits = v->bits;
    p->v.number = v->number;
}

/* Tells the new state: to the one who commanded it as return information where the type
 * has that cause (101 clause 7.2.3), to everybody else as spontaneous. */
static void tell_state(struct sim_conn *c, const struct sim_asdu *a,
                       const struct target *t)
{
    struct sim_station *st = c->st;
    uint8_t out[SIM_ASDU_MAX];
    int64_t now = sim_station_time(st);

    for (unsigned int i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *to = st->conns[i];
        bool own = to == c;
        uint8_t cause = own && t->kind <= 2 ? 11 : 3;

        if (to == NULL || to->link.state != SIM_STARTED)
            continue;
        sim_conn_queue(to, out,
                       sim_points_one(st, t->kind, t->point, cause,
                                      cause == 11 ? a->oa : 0, now, out));
    }
}

static void execute(struct sim_conn *c, const struct sim_asdu *a,
                    const struct sim_value *v, uint32_t ioa, const struct target *t)
{
    uint8_t octets[SIM_OBJECT_MAX];
    bool armed = selected(c, a, ioa);
    bool ok = armed || t->way == DIRECT;

    common_octets(a, v, octets);
    if (armed && memcmp(octets, c->select.value, sizeof octets) != 0)
        ok = false;
    if (armed)
        c->select.active = false;
    sim_answer_mirror(c, a, CON, !ok);
    if (!ok)
        return;
    /* With the test bit set nothing may move (101 clause 7.2.3). */
    if (!a->test) {
        set_point(&c->st->points[t->kind][t->point - 1], t->kind, v);
        tell_state(c, a, t);
    }
    sim_answer_mirror(c, a, TERM, false);
}

static void cancel(struct sim_conn *c, const struct sim_asdu *a, uint32_t ioa)
{
    bool ok = selected(c, a, ioa);

    if (ok)
        c->select.active = false;
    sim_answer_mirror(c, a, DECON, !ok);
}

void sim_command(struct sim_conn *c, const struct sim_asdu *a, uint64_t now)
{
    struct target t;
    struct sim_value v;
    uint32_t ioa;
    const uint8_t *octets = sim_asdu_object(a, 0, &ioa);

    if (c->select.active && now >= c->select.deadline)
        c->select.active = false;
    sim_value_get(a->row, octets, &v);
    if (!find_target(c->st, a->type, ioa, &t))
        sim_answer_mirror(c, a, 47, true);
    else if (a->cause == DEACT)
        cancel(c, a, ioa);
    else if (t.way == INTERLOCKED || !value_ok(a, &v) || !age_ok(c->st, a, &v))
        sim_answer_mirror(c, a, CON, true);
    else if (v.select)
        select_point(c, a, &v, ioa, now);
    else
        execute(c, a, &v, ioa, &t);
}
