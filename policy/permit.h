/* Permits: who may for a while do what rules with permit = "required" let pass.
 *
 * A table holds those of one route.  It knows no clock: times are milliseconds of
 * CLOCK_BOOTTIME, which counts while the machine is suspended, as the caller reads them.
 *
 * Pure: no I/O, no allocation.  Gate process, monitor and tests. */
#ifndef GATE104_POLICY_PERMIT_H
#define GATE104_POLICY_PERMIT_H

#include "policy/asdu.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

#define PERMITS_MAX            64u /* that live at a time, of a route */
#define PERMIT_RANGES_MAX      32u /* of common, and of object addresses */
#define PERMIT_FINGERPRINT_LEN 32u
#define PERMIT_SUBJECT_CAP     256u
#define PERMIT_COMMANDS_MAX    100000u
#define PERMIT_MS_MAX          ((uint64_t)7 * 24 * 3600 * 1000)
/* Six digits: short enough for the telephone. */
#define PERMIT_ID_MIN 100000u
#define PERMIT_ID_MAX 999999u

/* What a permit is for.  Addresses as in rules (policy.h), but for one thing: where
 * object addresses are given, a type whose address is always 0 (C_RP_NA_1, ...) is meant
 * only if it is named. */
struct permit_scope {
    uint8_t types[32]; /* none set: every type of control direction */
    uint8_t ca_count, ioa_count;
    struct policy_range ca[PERMIT_RANGES_MAX];
    struct policy_range ioa[PERMIT_RANGES_MAX];
    bool has_fingerprint; /* only for this certificate */
    uint8_t fingerprint[PERMIT_FINGERPRINT_LEN];
    char subject[PERMIT_SUBJECT_CAP]; /* only for this one; "": any */
};

struct permit {
    uint32_t id;       /* 0: a free place */
    uint32_t commands; /* that may pass by it; 0: any number */
    uint32_t used;
    uint64_t until_ms; /* the first at which it does not hold */
    struct permit_scope scope;
};

/* All zero: no permit. */
struct permit_table {
    struct permit permit[PERMITS_MAX];
};

/* Who asks. */
struct permit_asker {
    const uint8_t *fingerprint; /* NULL: without a certificate */
    const char *subject;
};

enum permit_word {
    PERMIT_HOLDS,
    PERMIT_NONE,    /* none is for this */
    PERMIT_EXPIRED, /* one was */
    PERMIT_USED_UP, /* the same */
};
#define PERMIT_WORDS 4

/* "holds", "no-permit", "permit-expired", "permit-used-up". */
const char *permit_word_name(enum permit_word word);

/* True for what permit.h says of a scope: ranges in order and in their bounds, types of
 * control direction, a printable subject. */
bool permit_scope_is_good(const struct permit_scope *s);
/* Sorts the ranges and makes one of those that touch, as permit_scope_is_good wants. */
void permit_scope_normalise(struct permit_scope *s);
bool permit_scope_fits(const struct permit_scope *s, const struct permit_asker *who,
                       const struct asdu *a);
/* True while commands may pass by it. */
bool permit_lives(const struct permit *p, uint64_t now_ms);

/* Puts it in, in place of one with its id.  False: so many live already. */
bool permit_put(struct permit_table *t, const struct permit *p, uint64_t now_ms);
void permit_drop(struct permit_table *t, uint32_t id);
/* NULL: there is none. */
struct permit *permit_of(struct permit_table *t, uint32_t id);
/* A permit for a command: of those that hold the one with fewest commands left, so that a
 * narrow one is used before a wide one.  NULL, with the reason, if there is none. */
struct permit *permit_find(struct permit_table *t, const struct permit_asker *who,
                           const struct asdu *a, uint64_t now_ms, enum permit_word *word);

#endif
