/* Who may send what: rules over direction, type, common address, object address and
 * value, compiled so that a decision does not scan them.
 *
 *   source file --(configuration reader)--> policy_builder --> blob
 *   blob --(policy_load, in the gate)--> struct policy --(policy_decide)--> action
 *
 * No I/O.  Memory is allocated in the builder and in policy_load only. */
#ifndef GATE104_POLICY_POLICY_H
#define GATE104_POLICY_POLICY_H

#include "policy/asdu.h"
#include "policy/policy_area.h"
#include "policy/policy_asker.h"
#include "policy/policy_limits.h"
#include "policy/policy_when.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_NAME_MAX   63u /* octets of a rule's name */
#define POLICY_RULES_MAX  131072u
#define POLICY_RANGES_MAX 65535u /* CA ranges, and IOA ranges, of one rule */
#define POLICY_BLOB_MAX   (32u << 20)
/* Rules that ask for more than addresses (a value range, roles, policy_when) and may lie
 * over each other on one object. */
#define POLICY_VALUES_MAX     64u
#define POLICY_RULE_ROLES_MAX 16u  /* roles of one rule */
#define POLICY_ROLES_MAX      64u  /* different roles of all rules together */
#define POLICY_DEFAULT        (-1) /* "rule" of a decision that no rule made */
#define POLICY_NO_ROLE        (-2) /* of one that was made because the master has no role */

/* From the mildest to the strictest.  In monitor direction nobody is answered: REFUSE
 * there has the effect of DROP. */
enum policy_action {
    POLICY_PASS,
    POLICY_LOG,    /* pass, and record */
    POLICY_ALARM,  /* pass, and record as an alarm */
    POLICY_REFUSE, /* do not pass, answer in the RTU's place */
    POLICY_DROP,   /* do not pass, do not answer */
    POLICY_MUTE,   /* as REFUSE, and no more commands in this session */
    POLICY_CLOSE,  /* do not pass, end the session */
};
#define POLICY_ACTIONS 7

static inline bool policy_action_passes(enum policy_action action)
{
    return action <= POLICY_ALARM;
}

/* "pass", "log", "alarm", "refuse", "drop", "monitor-only", "close". */
const char *policy_action_name(enum policy_action action);
/* The action of a name; false if there is none. */
bool policy_action_by_name(const char *name, enum policy_action *action);

/* ---- rules as they are written ---------------------------------------------------- */

struct policy_range {
    uint32_t first, last; /* both included */
};

/* A rule matches an object if all of this holds:
 * - types: its TypeID is set; at least one must be, and only those that occur in the
 *   direction (policy_types_set, policy_types_all)
 * - ca: its CA lies in a range, 1..65534, or no range is given.  65535 (all stations)
 *   matches only the range 65535-65535, never a wider or an absent one
 * - ioa: its address lies in a range, 0..0xFFFFFF, or no range is given.  The ranges say
 *   nothing about types whose address is always 0 (C_IC, C_CI, C_CS, C_RP, C_TS, M_EI):
 *   listing such a type allows it; P_AC_NA_1 with address 0 (all parameters) is matched
 *   only by a range that holds 0, or without ranges
 * - area: instead of ca and ioa.  One of them is for its type and CA and has a range with
 *   its address; no type whose address is always 0 is named, and every type has an area
 * - value: the object's number lies in value_min..value_max; an object without a number
 *   and a NaN do not match.  Units as in enum type_value: NVA -1..1, SVA and R32 the
 *   number itself
 * - role: the master has one of them (IEC 62351-8), or none is given
 * - peers, sources, times: bits of policy_askers; one of each is true, or none is given
 * - when: the ASDU and the object meet it
 * The limits have no part in this. */
struct policy_rule {
    const char *name; /* UTF-8 without control characters, 0..POLICY_NAME_MAX octets */
    enum direction direction;
    enum policy_action action;
    uint8_t types[32]; /* bit n % 8 of octet n / 8: TypeID n */
    const struct policy_range *ca;
    size_t ca_count;
    const struct policy_range *ioa;
    size_t ioa_count;
    const struct policy_area *area; /* by type and CA, each once; ioa: theirs in turn */
    size_t area_count;
    bool has_value;
    double value_min, value_max; /* finite, min <= max */
    size_t role_count;           /* 0: for everybody */
    int16_t role[POLICY_RULE_ROLES_MAX];
    uint64_t peers, sources, times;
    struct policy_when when;
    struct policy_limits limits; /* of a rule of control direction that passes or logs */
};

/* True for types a rule may name: those that occur in the direction and have objects.  Of
 * types that need a quirk a rule may speak too; without the quirk it is never asked. */
bool policy_speaks_of(const struct type_info *type, enum direction direction);
void policy_types_set(uint8_t types[32], uint8_t type_id);
/* Sets every type that occurs in this direction. */
void policy_types_all(uint8_t types[32], enum direction direction);

/* ---- building a blob (monitor process, command line, tests) -------------------------
 */

struct policy_builder;
struct guard_settings; /* policy/guard.h */

/* A policy without rules that refuses in control and passes in monitor direction.  NULL
 * without memory. */
struct policy_builder *policy_builder_new(void);
void policy_builder_free(struct policy_builder *b);
/* What happens to objects that no rule matches. */
void policy_builder_default(struct policy_builder *b, enum direction direction,
                            enum policy_action action);
/* Seconds that a select counts, 1..POLICY_SELECT_TIMEOUT_MAX. */
void policy_builder_select_timeout(struct policy_builder *b, uint16_t seconds);
/* What the bits in peers, sources and times of the rules mean; copied.  False: out of
 * memory. */
bool policy_builder_askers(struct policy_builder *b, const struct policy_askers *askers);
/* The policy's guards, instead of none. */
void policy_builder_guards(struct policy_builder *b, const struct guard_settings *g);
/* Appends a rule: the first rule that matches decides.  Ranges may overlap and come in
 * any order.  False, with a sentence in err (cut to errcap), if the rule breaks what is
 * said above. */
bool policy_builder_add(struct policy_builder *b, const struct policy_rule *rule,
                        char *err, size_t errcap);
/* The blob; valid until the builder is changed or freed.  The same rules give the same
 * octets.  NULL without memory. */
const uint8_t *policy_builder_blob(struct policy_builder *b, size_t *size);

/* ---- using it (gate process, command line, tests) -----------------------------------
 */

struct policy;

/* Checks every field of a blob and compiles it.  False, with a sentence in err (cut to
 * errcap), if it is not one or its rules lie over each other in too many ways. */
bool policy_load(const uint8_t *blob, size_t n, struct policy **out, char *err,
                 size_t errcap);
void policy_free(struct policy *p);

/* The same in pieces, for a process that must not stand still meanwhile. */
struct policy_loading;
enum policy_loaded { POLICY_LOAD_MORE, POLICY_LOAD_DONE, POLICY_LOAD_FAILED };

/* The blob must stay until the end.  NULL without memory. */
struct policy_loading *policy_loading_begin(const uint8_t *blob, size_t n);
/* Goes on for about `steps`, of which a million take some milliseconds; one piece of work
 * that is not divided further may go beyond.  FAILED: err says why, as in policy_load. */
enum policy_loaded policy_loading_step(struct policy_loading *l, size_t steps, char *err,
                                       size_t errcap);
/* Frees it.  The policy, after DONE; else NULL. */
struct policy *policy_loading_end(struct policy_loading *l);

struct policy_decision {
    enum policy_action action;
    int32_t rule;        /* its place, from 0, POLICY_DEFAULT or POLICY_NO_ROLE */
    const char *name;    /* of the rule, "" if it has none, "default" or "no_role" */
    unsigned int object; /* the object that decided, from 0 */
};

/* Decides on an ASDU that asdu_parse found sound.  Each object is decided by the first
 * rule that matches it, or the direction's default; of several objects the strictest
 * decision holds.  An ASDU whose structure is not sound gets the stricter of REFUSE and
 * the default. No allocation; time does not grow with the number of rules other than
 * logarithmically. */
void policy_decide(const struct policy *p, enum direction direction,
                   const struct asdu *asdu, struct policy_decision *out);

/* The same for this master, now; policy_decide is for one of whom no rule speaks. */
void policy_decide_for(const struct policy *p, const struct policy_asker *who,
                       enum direction direction, const struct asdu *asdu,
                       struct policy_decision *out);
/* The same for a master without any role (those of `who` are not looked at).  Where rules
 * are for certain roles, it gets nothing through that changes anything, even by rules for
 * everybody: then rule is POLICY_NO_ROLE. */
void policy_decide_without_role(const struct policy *p, const struct policy_asker *who,
                                enum direction direction, const struct asdu *asdu,
                                struct policy_decision *out);
/* What the rules of a direction say of an ASDU's first object, whoever asks and whatever
 * its value. */
enum policy_knowledge {
    POLICY_KNOWS,          /* a rule is about it */
    POLICY_UNKNOWN_TYPE,   /* no rule names its type */
    POLICY_UNKNOWN_OBJECT, /* none of its type names its addresses */
};
enum policy_knowledge policy_knows(const struct policy *p, enum direction direction,
                                   const struct asdu *asdu);

/* The role's place in struct policy_asker; 0 if no rule names it. */
uint64_t policy_role_bit(const struct policy *p, int16_t role);
/* True if any rule is for certain roles only. */
bool policy_names_roles(const struct policy *p);

/* The tables by which struct policy_asker is found; NULL: no rule names a certificate, a
 * network or a time, and nothing is said of clocks. */
const struct policy_askers *policy_askers(const struct policy *p);
/* True if any rule asks what time it is. */
bool policy_names_times(const struct policy *p);

size_t policy_rule_count(const struct policy *p);
/* NULL: it asks for nothing, or is none. */
const struct policy_limits *policy_rule_limits(const struct policy *p, int32_t rule);
/* A number that another policy's rule has, too, if it says the same, whatever its name
 * and place: what is counted by it goes on from one policy to the next.  For rules that
 * have limits. */
uint64_t policy_rule_rate_key(const struct policy *p, int32_t rule);
bool policy_has_rates(const struct policy *p);
bool policy_has_steps(const struct policy *p);
uint64_t policy_select_timeout_ms(const struct policy *p);
/* NULL: it has none. */
const struct guard_settings *policy_guards(const struct policy *p);
/* "" without a name; "default" for POLICY_DEFAULT and places that are none,
 * "no_role" for POLICY_NO_ROLE. */
const char *policy_rule_name(const struct policy *p, int32_t rule);
enum policy_action policy_default(const struct policy *p, enum direction direction);

struct policy_stats {
    size_t rules;
    size_t indexes;    /* one per direction and set of types under the same rules */
    size_t segments;   /* of object addresses, over all indexes */
    size_t candidates; /* rules to look at, over all segments */
    size_t octets;     /* of memory */
};
void policy_stats(const struct policy *p, struct policy_stats *out);

#endif
