#include "policy/quirk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Indexed by id. */
static const struct quirk_info QUIRKS[QUIRK_MAX + 1] = {
#define X(symbol, id, name, use, text) [id] = {symbol, name, QUIRK_USE_##use, text},
#include "policy/quirk.def"
#undef X
};

/* A place for each, to count them. */
enum {
#define X(symbol, id, name, use, text) PLACE_##symbol,
#include "policy/quirk.def"
#undef X
    PLACES
};
static_assert(PLACES == QUIRK_MAX, "ids run from 1 to QUIRK_MAX");

/* Sets by use, to be picked from. */
#define IN_MONITOR                     1
#define IN_EITHER                      3
#define IN_COMMAND                     3
#define IN_SETTING                     3
#define X(symbol, id, name, use, text) | ((IN_##use & 1) != 0 ? QUIRK_BIT(id) : 0)
static const uint32_t IN_MONITOR_DIRECTION = 0
#include "policy/quirk.def"
    ;
#undef X
#define X(symbol, id, name, use, text) | ((IN_##use & 2) != 0 ? QUIRK_BIT(id) : 0)
static const uint32_t IN_CONTROL_DIRECTION = 0
#include "policy/quirk.def"
    ;
#undef X

const struct quirk_info *quirk_info(unsigned int id)
{
    if (id > QUIRK_MAX || QUIRKS[id].name == NULL)
        return NULL;
    return &QUIRKS[id];
}

const struct quirk_info *quirk_by_name(const char *name)
{
    for (unsigned int id = 1; id <= QUIRK_MAX; id++)
        if (strcmp(QUIRKS[id].name, name) == 0)
            return &QUIRKS[id];
    return NULL;
}

const char *quirk_name(unsigned int id)
{
    const struct quirk_info *info = quirk_info(id);

    return info ? info->name : "";
}

uint32_t quirk_set_of(enum direction direction)
{
    return direction == DIR_CONTROL ? IN_CONTROL_DIRECTION : IN_MONITOR_DIRECTION;
}
