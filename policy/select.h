/* Select before operate, 101 clause 6.8 (5-101) and 5-5 clause 6.8: which points of a
 * session are selected, with what.
 *
 * A select counts from the station's positive confirmation until its time is over, it is
 * taken back, or one execute has used it.  An execute must ask for what was selected:
 * same type, addresses, value and qualifier; only its time tag may be another.
 *
 * Pure: no I/O, no allocation, no clock.  Gate process. */
#ifndef GATE104_POLICY_SELECT_H
#define GATE104_POLICY_SELECT_H

#include "policy/asdu.h"

#include <stdbool.h>
#include <stdint.h>

#define SELECT_POINTS   16u /* of a session at a time */
#define SELECT_ELEMENTS 8u  /* octets of a command without its time tag: 5 at most */

struct select_point {
    bool used, confirmed;
    uint8_t type;
    uint16_t ca;
    uint32_t ioa;
    uint8_t size;
    uint8_t element[SELECT_ELEMENTS]; /* S/E cleared */
    uint64_t since_ms;                /* of the select, then of its confirmation */
};

/* All zero: nothing is selected. */
struct select_table {
    struct select_point point[SELECT_POINTS];
};

enum select_word {
    SELECT_FITS,
    SELECT_MISSING,     /* the point is not selected */
    SELECT_UNCONFIRMED, /* the station has not said yet that it is */
    SELECT_LATE,
    SELECT_DIFFERENT, /* another value or qualifier */
};
#define SELECT_WORDS 5

/* "fits", "no-select", "select-unconfirmed", "select-late", "select-different". */
const char *select_word_name(enum select_word word);

/* True for an activation with S/E = 1 or 0, of a type that has the bit. */
bool select_is_select(const struct asdu *a);
bool select_is_execute(const struct asdu *a);

/* Such a select is forwarded.  A point that is selected already is selected anew.  False
 * if too many are; those of which `timeout_ms` is over do not count. */
bool select_open(struct select_table *t, const struct asdu *a, uint64_t now_ms,
                 uint64_t timeout_ms);
/* What would become of an execute now.  Nothing changes. */
enum select_word select_ask(const struct select_table *t, const struct asdu *a,
                            uint64_t now_ms, uint64_t timeout_ms);
/* An execute or a deactivation is forwarded: the point is selected no longer. */
void select_end(struct select_table *t, const struct asdu *a);
/* The station answered; any ASDU in monitor direction may be given. */
void select_answer(struct select_table *t, const struct asdu *a, uint64_t now_ms);

#endif
