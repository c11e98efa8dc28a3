/* Rules that name single points, with a table of what they name. */
#ifndef GATE104_TESTS_LIB_AREA_MAKE_H
#define GATE104_TESTS_LIB_AREA_MAKE_H

#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

#define AREA_TYPES 3u
#define AREA_CAS   7u /* 1..6 */
#define AREA_IOAS  9u /* 0..8 */

/* C_SC_NA_1, C_SE_NC_1, C_DC_NA_1 */
extern const uint8_t area_types[AREA_TYPES];

struct area_made {
    bool named[AREA_TYPES][AREA_CAS][AREA_IOAS];
    struct policy_area area[AREA_TYPES * AREA_CAS];
    struct policy_range ioa[AREA_TYPES * AREA_CAS * AREA_IOAS];
};

/* Gives the rule, which has no types and addresses yet, some points; `draw` gives a
 * number below its argument.  False: it names none, and stays as it is. */
bool area_make(struct area_made *m, struct policy_rule *rule, uint32_t (*draw)(uint32_t));

#endif
