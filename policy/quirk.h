/* Quirks: faults with names that a route may let through.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_QUIRK_H
#define GATE104_POLICY_QUIRK_H

#include "policy/direction.h"

#include <stdbool.h>
#include <stdint.h>

enum quirk {
    QUIRK_NONE = 0,
#define X(symbol, id, name, use, text) symbol = (id),
#include "policy/quirk.def"
#undef X
};
#define QUIRK_MAX 24u

/* Sets of quirks: bit n is quirk n. */
#define QUIRK_BIT(quirk) (UINT32_C(1) << (quirk))

enum quirk_use {
    QUIRK_USE_MONITOR,
    QUIRK_USE_EITHER,
    QUIRK_USE_COMMAND,
    QUIRK_USE_SETTING,
};

struct quirk_info {
    enum quirk quirk;
    const char *name; /* "reserved-bits" */
    enum quirk_use use;
    const char *text; /* what it lets through */
};

/* The row of a quirk, or NULL if `id` is none (it may come from another process). */
const struct quirk_info *quirk_info(unsigned int id);
/* The row with exactly this name, or NULL. */
const struct quirk_info *quirk_by_name(const char *name);
/* Its name, "" for QUIRK_NONE and what is no quirk. */
const char *quirk_name(unsigned int id);
/* The quirks that mean anything in a direction. */
/*@ assigns \nothing; */
uint32_t quirk_set_of(enum direction direction);

#endif
