#include "proxy/cli/learn.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash(enum direction dir, uint8_t type, uint16_t ca, uint32_t ioa)
{
    uint64_t h = (uint64_t)ioa << 32 | (uint64_t)ca << 16 | (uint64_t)type << 8 |
                 (uint64_t)(dir == DIR_MONITOR);

    /* The finish of splitmix64: whoever chooses addresses cannot fill one place. */
    h = (h ^ h >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ h >> 27) * UINT64_C(0x94D049BB133111EB);
    return h ^ h >> 31;
}

static bool is_it(const struct learn_point *p, enum direction dir, uint8_t type,
                  uint16_t ca, uint32_t ioa)
{
    return p->ioa == ioa && p->ca == ca && p->type == type && p->direction == dir;
}

/* The place in the index where a point is, or would be. */
static size_t place_of(const struct learn *l, enum direction dir, uint8_t type,
                       uint16_t ca, uint32_t ioa)
{
    size_t at = hash(dir, type, ca, ioa) & (l->index_room - 1);

    /* Half of the index is free. */
    while (l->index[at] != 0 && !is_it(&l->point[l->index[at] - 1], dir, type, ca, ioa))
        at = (at + 1) & (l->index_room - 1);
    return at;
}

/* Doubles the room for points, and with it the index. */
static bool grow(struct learn *l)
{
    const size_t room = l->room ? 2 * l->room : 1024;
    struct learn_point *more = realloc(l->point, room * sizeof *more);
    uint32_t *index;

    if (!more)
        return false;
    l->point = more;
    index = calloc(2 * room, sizeof *index);
    if (!index)
        return false;
    free(l->index);
    l->index = index;
    l->index_room = 2 * room;
    l->room = room;
    for (size_t i = 0; i < l->points; i++) {
        const struct learn_point *p = &l->point[i];

        l->index[place_of(l, (enum direction)p->direction, p->type, p->ca, p->ioa)] =
            (uint32_t)i + 1;
    }
    return true;
}

static bool add_command(struct learn *l, struct learn_point *p)
{
    if (l->commands == l->command_room) {
        const size_t room = l->command_room ? 2 * l->command_room : 64;
        struct learn_command *more = realloc(l->command, room * sizeof *more);

        if (!more)
            return false;
        l->command = more;
        l->command_room = room;
    }
    memset(&l->command[l->commands], 0, sizeof *l->command);
    p->command = (uint32_t)l->commands++;
    return true;
}

struct learn_point *learn_point_find(const struct learn *l, enum direction dir,
                                     uint8_t type, uint16_t ca, uint32_t ioa)
{
    size_t at;

    if (l->index_room == 0)
        return NULL;
    at = place_of(l, dir, type, ca, ioa);
    return l->index[at] == 0 ? NULL : &l->point[l->index[at] - 1];
}

struct learn_point *learn_point_of(struct learn *l, enum direction dir, uint8_t type,
                                   uint16_t ca, uint32_t ioa)
{
    struct learn_point *p = learn_point_find(l, dir, type, ca, ioa);

    if (p)
        return p;
    if (l->points == LEARN_POINTS ||
        (dir == DIR_CONTROL && l->commands == LEARN_COMMANDS)) {
        l->untold++;
        return NULL;
    }
    if (l->points == l->room && !grow(l)) {
        l->no_memory = true;
        return NULL;
    }
    p = &l->point[l->points];
    *p = (struct learn_point){.direction = (uint8_t)dir,
                              .type = type,
                              .ca = ca,
                              .ioa = ioa,
                              .command = UINT32_MAX};
    if (dir == DIR_CONTROL && !add_command(l, p)) {
        l->no_memory = true;
        return NULL;
    }
    l->index[place_of(l, dir, type, ca, ioa)] = (uint32_t)++l->points;
    return p;
}
