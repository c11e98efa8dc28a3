/* What the set points of a route were last given, for rules that say how far the next may
 * be from it.
 *
 * A value counts from when it was forwarded, until the station rejects it: then the one
 * before counts again.  What the station tells of a point counts, too, where no command
 * told.  Without room for a further point the answer is that its value is not known.
 *
 * Pure but for step_table_new; no clock.  Gate process. */
#ifndef GATE104_POLICY_STEP_H
#define GATE104_POLICY_STEP_H

#include "policy/asdu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEP_POINTS  4096u /* power of two */
#define STEP_PENDING 4u    /* values of a point that the station has not answered */

struct step_point {
    uint32_t ioa;
    uint16_t ca;
    uint8_t value; /* enum type_value: the same address means another thing in each */
};

struct step_table;

/* NULL without memory. */
struct step_table *step_table_new(void);
void step_table_free(struct step_table *t);

enum step_word {
    STEP_FITS,
    STEP_TOO_FAR,
    STEP_UNKNOWN, /* no value before it is known */
    STEP_NO_ROOM, /* nor can it be remembered */
};

/* Whether a set point to this value is within `step` of the last one.  A point that is
 * not known is remembered as asked for, so that step_told can tell it. */
enum step_word step_ask(struct step_table *t, const struct step_point *point,
                        double value, double step);
/* It goes to the station.  Counts for points that were asked for. */
void step_sent(struct step_table *t, const struct step_point *point, double value);
/* The station confirmed or rejected a set point to this value. */
void step_answered(struct step_table *t, const struct step_point *point, double value,
                   bool rejected);
/* True while step_told could tell anything. */
bool step_wants(const struct step_table *t);
/* The station says what the point's value is.  Counts only for a point that was asked
 * for and of which nothing is known. */
void step_told(struct step_table *t, const struct step_point *point, double value);

#endif
