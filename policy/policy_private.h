/* What the files of the policy share; nobody else includes this.
 *
 * The blob, little endian:
 *   8 "G104POL1", u32 rules, u8 control default, u8 monitor default, u16 seconds
 *   a select counts, and per rule
 *   u8 direction, u8 action, u8 has (1: value, 2: roles, 4: when, 8: limits, 16:
 * asker, 32: more limits, 64: by permit only, 128: areas), u8 name length, name, 32
 * octets of types, u16 CA ranges, u16 IOA ranges, per CA range u16 first and last, per
 * IOA range u32 first and last, if it has a value two IEEE 754 doubles, if it has roles
 * u8 count and per role i16, if it has a `when` u64 causes, u8 phases, 32 octets of
 * qualifiers, 32 octets of originators, u8 bits, u8 count and per value a double, if it
 * has limits u8 select, u8 per, u32 count, u32 seconds, if it has an asker u64 peers,
 * sources, times, if it has more limits u8 first, double step, u32 age, if it has areas
 * (then no ranges) u32 count, per area u8 type, u16 common address and u32 ranges, and
 * per range of all areas u32 first and last.  Ranges and roles are in ascending order,
 * ranges do not overlap. Behind the rules come sections, each with a u8 that says which
 * and in ascending order: 1 what policy_asker_blob.h says, 2 what guard_settings_encode
 * writes.
 *
 * Compiled, each direction and each set of types that are under the same rules has an
 * index.  Its leaves are the stretches of common addresses between the rules' boundaries;
 * over them stands a segment tree in an array (node i has the sons 2i and 2i + 1, leaf j
 * is node leaf_count + j).  A rule hangs at the few nodes whose leaves make up its
 * ranges, so memory grows with rules times log(rules) whatever the ranges are.  Each node
 * has its rules cut into stretches of object addresses, and each stretch the rules to
 * look at: those with conditions, and at most one without, which is the last.
 * A decision walks from a leaf to the root, finds the stretch by bisection at each node,
 * and takes the first rule of all. */
#ifndef GATE104_POLICY_POLICY_PRIVATE_H
#define GATE104_POLICY_POLICY_PRIVATE_H

#include "policy/guard.h"
#include "policy/policy.h"
#include "policy/policy_cursor.h"

#define POLICY_MAGIC          "G104POL1"
#define POLICY_MAGIC_SIZE     8u
#define POLICY_HEAD_SIZE      16u
#define POLICY_RULE_SIZE      40u /* of a rule without name, ranges and values */
#define POLICY_HAS_VALUE      1u
#define POLICY_HAS_ROLES      2u
#define POLICY_HAS_WHEN       4u
#define POLICY_HAS_LIMITS     8u
#define POLICY_HAS_ASKER      16u
#define POLICY_HAS_MORE       32u
#define POLICY_HAS_PERMIT     64u
#define POLICY_HAS_AREAS      128u
#define POLICY_HAS_ALL        255u
#define POLICY_AREA_SIZE      7u
#define POLICY_LIMITS_SIZE    10u
#define POLICY_ASKER_SIZE     24u
#define POLICY_MORE_SIZE      13u
#define POLICY_WHEN_SIZE      (8u + 1u + 2u * POLICY_OCTET_SET + 2u + 8u * POLICY_WHEN_VALUES)
#define POLICY_SECTION_ASKERS 1u
#define POLICY_SECTION_GUARDS 2u
#define POLICY_CA_FIRST       1u
#define POLICY_CA_LAST        65534u
#define POLICY_NO_INDEX       0xFFu
#define POLICY_INDEXES_MAX    (DIRECTIONS * TYPE_COUNT)

_Static_assert(POLICY_INDEXES_MAX < POLICY_NO_INDEX, "an index number is one octet");

/* ---- rules as read from a blob -------------------------------------------------------
 */

struct policy_source {
    enum policy_action fallback[DIRECTIONS];
    uint16_t select_timeout;
    size_t count;
    struct policy_rule *rule; /* names and ranges point to what follows */
    char *names;              /* NUL-terminated, one behind the other */
    size_t names_size;
    struct policy_range *ranges;
    struct policy_area *areas;
    struct policy_askers *askers; /* or NULL */
    bool has_guards;
    struct guard_settings guards;
    uint64_t *content;    /* by rule: a number for all that it says but its name */
    size_t whens, limits; /* rules that have them */
    uint8_t types[DIRECTIONS][32]; /* that any rule names */
};

/* True if it asks for more than type and addresses. */
/*@ requires \valid_read(r);
    assigns \nothing; */
static inline bool policy_rule_asks(const struct policy_rule *r)
{
    return r->has_value || r->role_count > 0 || (r->peers | r->sources | r->times) != 0 ||
           !policy_when_is_empty(&r->when);
}

/* Checks one rule as policy.h says; its ranges are in order. */
bool policy_rule_check(const struct policy_rule *rule, char *err, size_t errcap);
/* A blob that is being read. */
struct policy_reading {
    struct policy_cursor c;
    struct policy_source *out;
    size_t rules, names_used, ranges_used, areas_used; /* so far */
};

/* Reads the head; then rules, `n` more at most, of out->count; then the end.  False, with
 * err: the blob breaks a rule; `out` is to be freed, whatever comes of it. */
bool policy_source_begin(struct policy_reading *rd, const uint8_t *blob, size_t n,
                         struct policy_source *out, char *err, size_t errcap);
bool policy_source_rules(struct policy_reading *rd, size_t n, char *err, size_t errcap);
bool policy_source_end(struct policy_reading *rd, char *err, size_t errcap);
/* All of that.  False, with err, and nothing to free, if the blob breaks a rule. */
bool policy_source_read(const uint8_t *blob, size_t n, struct policy_source *out,
                        char *err, size_t errcap);
void policy_source_free(struct policy_source *s);

/* ---- compiled
 * -------------------------------------------------------------------------- */

struct policy_entry {
    enum policy_action action;
    uint8_t direction; /* enum direction */
    bool has_value;
    uint32_t place, place_count; /* in places: where it is for */
    uint64_t types[2];           /* bit n % 64 of number n / 64: TypeID n */
    double value_min, value_max;
    struct policy_asker asked;      /* of whom asks */
    const struct policy_when *when; /* NULL: asks for nothing */
    const char *name;
};

/* Common addresses and the object addresses there of which a rule speaks. */
struct policy_place {
    uint8_t type; /* TypeID it is for; 0: all of the rule's */
    uint16_t ca_first, ca_last;
    uint32_t range, range_count; /* in ranges; none: any object address */
};

/* A rule to look at, and by what it came here: so that a decision can tell from the rule
 * itself, in a few steps, that it is about an object. */
struct policy_candidate {
    uint32_t rule, place, range; /* range counts for a place that has any */
};

/* A rule that hangs at a node, by one of its places. */
struct policy_hung {
    uint32_t rule, place;
};

/* A short way into ascending numbers (policy_guide.c). */
struct policy_guide {
    uint32_t first; /* in the pool of guides */
    uint32_t parts; /* 0: none, the table is short */
    uint32_t base;  /* where the first part begins */
    uint8_t shift;  /* a part is 1 << shift long */
};

struct policy_node {
    uint32_t segment;          /* its first */
    uint32_t count;            /* 0: no rule hangs here */
    uint32_t up;               /* the next node towards the root with rules; 0: none */
    struct policy_guide guide; /* to its segments */
};

struct policy_index {
    uint32_t leaf;             /* its first, in leaf_start */
    uint32_t leaf_count;       /* >= 1 */
    uint32_t node;             /* of its node 0, in nodes */
    struct policy_guide guide; /* to its leaves */
};

/* Growing arrays of uint32_t, for what cannot be counted before. */
struct policy_pool {
    uint32_t *item;
    size_t count, room;
};

struct policy {
    enum policy_action fallback[DIRECTIONS];
    size_t rule_count;
    struct policy_entry *rule;
    struct policy_when *whens;
    size_t when_count;
    struct policy_limits *limits; /* NULL: no rule has any; else by rule */
    uint64_t *rate_key;           /* by rule, where limits are */
    uint16_t select_timeout;      /* seconds */
    struct policy_askers *askers; /* NULL: none */
    bool has_guards;
    struct guard_settings guards;
    bool names_times;
    char *names;
    size_t names_size;
    struct policy_place *places; /* of the rules in turn */
    size_t place_count;
    struct policy_range *ranges;
    size_t range_count;
    size_t role_count;
    int16_t role[POLICY_ROLES_MAX]; /* that rules name, by bit */
    uint8_t index_of[DIRECTIONS][256];
    size_t index_count;
    struct policy_index index[POLICY_INDEXES_MAX];
    struct policy_pool leaf_start; /* first common address of each leaf */
    struct policy_node *nodes;
    size_t node_count;
    struct policy_pool segment_start; /* first object address of each segment */
    struct policy_pool segment_end;   /* end of its rules in candidates */
    struct policy_pool guides;
    struct policy_candidate *candidates;
    size_t candidate_count, candidate_room;
};

/* True for a type that a master without a role may send where rules name roles. */
/*@ predicate harmless(integer id) = id == 100 || id == 102 || id == 107; */
/*@ assigns \nothing;
    ensures \result <==> harmless(type_id); */
bool policy_is_harmless(uint8_t type_id);

/* ---- compiling, in pieces: none takes a millisecond, but for a single range that lies
 * over a hundred thousand others ---- */

enum policy_piece { PIECE_MORE, PIECE_LAST, PIECE_FAILED };

/* ---- policy_build.c: one index
 * ----------------------------------------------------------- */

struct policy_build {
    struct policy *policy;
    const struct policy_source *source;
    size_t budget; /* steps left: a policy that needs more is refused */
    size_t worked; /* what was done, in units of some ten nanoseconds */
    char *err;
    size_t errcap;
};

/* ---- policy_place.c: what each rule speaks of ---- */

/* Room for all; then the places of each rule, in turn, behind its entry. */
bool policy_places_room(struct policy_build *b);
void policy_take_places(struct policy_build *b, size_t i);

bool policy_pool_add(struct policy_pool *pool, uint32_t item);

/* ---- policy_guide.c: short ways ---- */

/* One being made; all zero to begin with, and when it is ready. */
struct policy_guiding {
    bool begun;
    uint32_t part, at;
    struct policy_guide guide; /* good behind PIECE_LAST */
};
enum policy_piece policy_guide_make(struct policy_build *b, const uint32_t *v, uint32_t n,
                                    struct policy_guiding *g);
uint32_t policy_guide_find(const uint32_t *pool, const struct policy_guide *g,
                           const uint32_t *v, uint32_t n, uint32_t x);

/* Takes steps from the budget; false, with err, when it is used up. */
bool policy_build_spend(struct policy_build *b, size_t steps);
bool policy_build_no_memory(struct policy_build *b);

/* What was done so far. */
size_t policy_loading_work(const struct policy_loading *l);

struct policy_indexing;

/* Builds the index of a type's rules in one direction.  NULL without memory. */
struct policy_indexing *policy_indexing_begin(struct policy_build *b,
                                              enum direction direction,
                                              const struct type_info *type);
/* One piece.  LAST: the index is in *out. */
enum policy_piece policy_indexing_step(struct policy_indexing *x,
                                       struct policy_index *out);
/* At any time; takes NULL. */
void policy_indexing_free(struct policy_indexing *x);

/* ---- policy_segment.c: one node
 * ---------------------------------------------------------- */

struct policy_cutting;

/* Cuts the rules of one node (ascending; they stay until the end) into segments.  Rules
 * with areas are only at nodes of one common address. */
struct policy_cutting *policy_cutting_begin(struct policy_build *b,
                                            const struct policy_hung *hung, size_t count,
                                            const struct type_info *type, uint16_t ca);
/* One piece.  LAST: the node is in *out. */
enum policy_piece policy_cutting_step(struct policy_cutting *c, struct policy_node *out);
void policy_cutting_free(struct policy_cutting *c);

/* ---- policy_load.c: pieces of policy_loading.c ---------------------------------------
 */

/* Two types can share an index. */
bool policy_types_are_alike(const struct policy_source *s, enum direction direction,
                            const struct type_info *a, const struct type_info *b);
/* Room for all rules; then what of each a decision needs, in turn. */
bool policy_build_room(struct policy_build *b);
bool policy_build_rule(struct policy_build *b, size_t i);

#endif
