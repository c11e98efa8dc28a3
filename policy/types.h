/* The TypeIDs, one table row each: the 54 of IEC 60870-5-104 (104 clause 9.4, 101 clause
 * 7.3), and those of 101 and of 60870-5-7 that a route may let through besides.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_TYPES_H
#define GATE104_POLICY_TYPES_H

#include "policy/cause.h"
#include "policy/direction.h"
#include "policy/element.h"
#include "policy/quirk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TYPE_COUNT      81u /* rows */
#define TYPE_TABLE_SIZE 128u
#define TYPE_NAME_MAX   9u /* letters of the longest name */

/* What a station uses a type for; its confirmations go the other way. */
enum type_direction { TYPE_DIR_CONTROL = 1, TYPE_DIR_MONITOR = 2, TYPE_DIR_BOTH = 3 };

/* Which values of the SQ bit are legal. */
enum type_sq { TYPE_SQ_0 = 1, TYPE_SQ_1 = 2, TYPE_SQ_ANY = 3 };

/* Which information object addresses are legal. */
enum type_ioa {
    TYPE_IOA_POINT, /* 1..0xFFFFFF */
    TYPE_IOA_ZERO,  /* 0 */
    TYPE_IOA_QPA,   /* 0 if the qualifier QPA is 1, else 1..0xFFFFFF */
    TYPE_IOA_FILE,  /* any */
};

/* What follows the header. */
enum type_layout {
    TYPE_LAYOUT_OBJECTS, /* information objects, 101 7.2 */
    TYPE_LAYOUT_SECAUTH, /* fields of 60870-5-7, without an object address */
};

/* The number an object carries, if it carries one; it begins at the first octet. */
enum type_value {
    VALUE_NONE,
    VALUE_SINGLE,     /* 0 off, 1 on: SIQ, SCO */
    VALUE_DOUBLE,     /* 0..3, 1 off, 2 on: DIQ, DCO */
    VALUE_REGULATING, /* 0..3, 1 lower, 2 higher: RCO */
    VALUE_STEP,       /* -64..63: VTI */
    VALUE_NVA,        /* -1 .. 1 - 2^-15 */
    VALUE_SVA,        /* -32768..32767 */
    VALUE_R32,        /* IEEE 754 single; may be NaN or infinite in monitor direction */
    VALUE_BSI,        /* 0..2^32-1 */
    VALUE_BCR,        /* -2^31..2^31-1 */
};

struct type_info {
    uint8_t id;
    const char *name; /* "C_SC_NA_1" */
    uint8_t size;   /* octets of one object's elements; F_SG_NA_1: without its segment */
    uint8_t sq;     /* enum type_sq */
    bool single;    /* exactly one object */
    uint8_t layout; /* enum type_layout */
    uint8_t needs;  /* enum quirk without which the type is unknown; QUIRK_NONE: of 104 */
    uint8_t ioa;    /* enum type_ioa */
    uint8_t direction;        /* enum type_direction */
    uint8_t value;            /* enum type_value */
    bool has_select;          /* an S/E bit: bit 7 of the octet at select_offset */
    uint8_t select_offset;    /* counted from the object's first element octet */
    uint64_t cot[DIRECTIONS]; /* bit n: cause n is legal in that direction */
    uint8_t elements[ELEMENT_LIST_MAX]; /* enum element, in wire order, NONE at the end */
};

/* Indexed by TypeID; rows without a name are no type. */
extern const struct type_info TYPE_TABLE[TYPE_TABLE_SIZE];

/*@ predicate type_known(integer id) = id < 128 && TYPE_TABLE[id].name != \null;
    predicate type_is(struct type_info *t, integer id) =
      type_known(id) ? t == &TYPE_TABLE[id] : t == \null;
 */

/* The row of a TypeID, or NULL if it is reserved or private. */
/*@ assigns \nothing;
    ensures type_is(\result, id); */
static inline const struct type_info *type_info(uint8_t id)
{
    return id < TYPE_TABLE_SIZE && TYPE_TABLE[id].name != NULL ? &TYPE_TABLE[id] : NULL;
}

/* The i-th row in order of TypeID, or NULL if i >= TYPE_COUNT. */
const struct type_info *type_at(size_t i);
/* The row with exactly this name ("C_SC_NA_1"), or NULL. */
const struct type_info *type_by_name(const char *name);
/* The name that differs from `name` by the fewest letters, or NULL if none is near: for
 * "did you mean". */
const char *type_closest_name(const char *name);
/* True if any cause is legal for this type in this direction. */
/*@ requires \valid_read(type) && 0 <= direction <= 1;
    assigns \nothing;
    ensures \result <==> type->cot[direction] != 0; */
static inline bool type_in_direction(const struct type_info *type,
                                     enum direction direction)
{
    return type->cot[direction] != 0;
}

/* The quirk that lets a type have a cause which `cot` of its row lacks, or QUIRK_NONE. */
/*@ requires cause <= 63;
    assigns \nothing;
    ensures 0 <= \result <= 24; */
enum quirk type_cause_quirk(uint8_t id, enum direction dir, uint8_t cause);

#endif
