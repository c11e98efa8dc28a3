#include "tests/sim/rtu.h"

#include "tests/sim/simclock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TYPES "30,31,32,33,34,35,36,38,39,40"

bool sim_events_init(struct sim_station *st)
{
    char list[256];
    char *save = NULL;

    snprintf(list, sizeof list, "%s",
             st->o->event_types != NULL ? st->o->event_types : DEFAULT_TYPES);
    for (char *word = strtok_r(list, ",", &save);
         word != NULL && st->event_types_n < SIM_EVENT_TYPES;
         word = strtok_r(NULL, ",", &save)) {
        unsigned int id = sim_type_parse(word);

        if (id == 0 || id > 40) {
            sim_print_error("--event-types: %s is no type of the monitor direction",
                            word);
            return false;
        }
        st->event_types[st->event_types_n++] = (uint8_t)id;
    }
    st->event_base = sim_clock_wall_ms();
    return st->event_types_n > 0;
}

/* A number that looks random and is the same in every run with the same seed. */
static uint32_t mix(uint64_t n, uint32_t seed)
{
    uint64_t x = n + 0x9E3779B97F4A7C15u * (seed + 1u);

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(x >> 32);
}

static int kind_of(uint8_t type)
{
    for (unsigned int kind = 0; kind < SIM_KINDS; kind++)
        if (sim_points_type(kind, false) == type || sim_points_type(kind, true) == type)
            return (int)kind;
    return -1;
}

static void new_value(struct sim_value *v, int kind, uint64_t n, uint64_t turn,
                      uint32_t r)
{
    v->bits = kind == 0   ? (uint32_t)(turn & 1u)
              : kind == 1 ? 1u + (uint32_t)(turn & 1u)
                          : r;
    v->quality = 0;
    switch (kind) {
    case 2: v->number = (double)(int)(r % 128u) - 64.0; break;
    /* Bitstrings and counters carry the number of the event: gaps can be seen. */
    case 3: v->bits = (uint32_t)n; break;
    case 4:
    case 9: v->number = (double)(int32_t)r / 2147483648.0; break;
    case 5: v->number = (double)(int16_t)(r & 0xFFFFu); break;
    case 6: v->number = (double)(r % 100000u) / 100.0; break;
    case SIM_KIND_COUNTERS: v->number = (double)(n & 0x7FFFFFFFu); break;
    case -1:
        v->bits = r & 0x0Fu;
        v->elapsed = (uint16_t)(r >> 8 & 0x0FFFu);
        break;
    }
}

size_t sim_events_make(struct sim_station *st, uint64_t n, uint8_t *out)
{
    uint8_t type = st->event_types[n % st->event_types_n];
    const struct sim_type *row = sim_type_find(type);
    uint64_t turn = n / st->event_types_n;
    uint32_t point = (uint32_t)(turn % st->o->points) + 1u;
    int kind = kind_of(type);
    double step = st->o->rate > 0 ? 1000.0 / st->o->rate : 1.0;
    struct sim_value v = {.number = 0};
    uint32_t ioa;
    size_t size;

    if (kind >= 0)
        v = st->points[kind][point - 1].v;
    new_value(&v, kind, n, turn / st->o->points, mix(n, st->o->seed));
    if (kind >= 0)
        st->points[kind][point - 1].v = v;
    /* The time tag depends on the number alone: an event sent again is the same event. */
    sim_clock_to_cp56(st->event_base + (int64_t)((double)n * step), v.time);
    ioa = kind >= 0 ? sim_points_ioa((unsigned int)kind, point)
                    : 5000u + SIM_RANGE * (type - 38u) + (point - 1u) % SIM_RANGE + 1u;
    size = sim_asdu_put_header(out, type, 1, 3, 0, (uint16_t)st->o->ca);
    size += sim_put_ioa(out + size, ioa);
    return size + sim_value_put(row, &v, out + size);
}

void sim_events_pass(struct sim_station *st, double ms)
{
    uint64_t made;

    if (st->o->rate == 0) {
        st->events_made = st->o->count;
        return;
    }
    st->events_ms += ms;
    made = (uint64_t)(st->events_ms * st->o->rate / 1000.0);
    st->events_made = st->o->count != 0 && made > st->o->count ? st->o->count : made;
}

uint64_t sim_events_due(const struct sim_station *st)
{
    double due;

    if (st->o->rate == 0 || (st->o->count != 0 && st->events_made >= st->o->count))
        return SIM_NEVER;
    due = (double)(st->events_made + 1u) * 1000.0 / st->o->rate - st->events_ms;
    return due > 1.0 ? (uint64_t)due : 1u;
}
