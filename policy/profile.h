/* What a route's stations speak: plain 104, or 104 with the habits of an old station.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_PROFILE_H
#define GATE104_POLICY_PROFILE_H

#include "policy/quirk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 104 clause 9.3 fixes the sizes to 2, 2 and 3 octets; 101 clause 7.1 leaves the choice.
 * A cause of one octet carries no originator address; a common address of one octet
 * says "all stations" with 255. */
struct profile {
    uint8_t cot_size;            /* 1 or 2 */
    uint8_t ca_size;             /* 1 or 2 */
    uint8_t ioa_size;            /* 1, 2 or 3 */
    uint32_t quirks[DIRECTIONS]; /* QUIRK_BIT of each */
};

/*@ predicate sizes_legal(struct profile *p) =
      1 <= p->cot_size <= 2 && 1 <= p->ca_size <= 2 && 1 <= p->ioa_size <= 3;
    logic integer header_octets(struct profile *p) = 2 + p->cot_size + p->ca_size;
    logic integer ioa_most(integer size) =
      size == 1 ? 0xFF : size == 2 ? 0xFFFF : 0xFFFFFF;
 */

/* Sizes 2, 2, 3; no quirks. */
extern const struct profile PROFILE_104;

/* False if a size or a set of quirks is not one (it may come from another process). */
bool profile_is_legal(const struct profile *p);
/* Adds a quirk in one direction; one in control direction holds for the answers, too.
 * False if it means nothing in that direction. */
bool profile_allow(struct profile *p, enum quirk quirk, enum direction direction);
/* Octets of an ASDU before its first object: TypeID, VSQ, cause, common address. */
/*@ requires \valid_read(p) && sizes_legal(p);
    assigns \nothing;
    ensures \result == header_octets(p); */
static inline size_t profile_header_size(const struct profile *p)
{
    return 2u + p->cot_size + p->ca_size;
}

/* The highest object address. */
/*@ requires \valid_read(p) && sizes_legal(p);
    assigns \nothing;
    ensures \result == ioa_most(p->ioa_size); */
static inline uint32_t profile_ioa_max(const struct profile *p)
{
    return p->ioa_size == 1 ? 0xFF : p->ioa_size == 2 ? 0xFFFF : 0xFFFFFF;
}

#endif
