/* What one policy lets pass and another does not: in terms of permissions, not of text.
 *
 * Directions, types and addresses are cut at every boundary of both policies; in each
 * cell the rules that can decide there are compared, in order, by what they ask and do.
 * Names, order and cut of rules make no difference.  Nothing that differs is left out;
 * conditions that mean the same in other words may be told as a difference.
 *
 * Allocates; command line and tests. */
#ifndef GATE104_POLICY_POLICY_DIFF_H
#define GATE104_POLICY_POLICY_DIFF_H

#include "policy/policy.h"

enum policy_difference_kind {
    POLICY_NEWLY_ALLOWED,    /* nothing passed there */
    POLICY_NO_LONGER,        /* nothing passes there any more */
    POLICY_OTHER_CONDITIONS, /* something passed and passes, but not the same */
    POLICY_OTHER_ANSWER,     /* the same passes; what does not is treated otherwise, or
                              * what does is recorded otherwise */
};
#define POLICY_CHANGES 4

struct policy_difference {
    enum policy_difference_kind kind;
    enum direction direction;
    uint8_t types[32];
    struct policy_range ca;
    const struct policy_range *ioa; /* ascending */
    size_t ioa_count;               /* 0: of types without an object address */
    /* What decides there, in order: "pass if value 0..110; else refuse". */
    const char *was, *is;
    int32_t was_rule, is_rule; /* the first that can, from 0; or POLICY_DEFAULT */
};

/* The name of a role, in `out`. */
typedef void policy_role_namer(int16_t role, char *out, size_t cap);

enum policy_diff_end {
    POLICY_DIFF_DONE,
    POLICY_DIFF_STOPPED, /* `told` gave false */
    POLICY_DIFF_BAD,     /* a blob is none; err says why */
    POLICY_DIFF_LARGE,   /* too much to compare, or no memory: what was told is not all */
};

/* Calls `told` for each change. */
enum policy_diff_end policy_diff(const uint8_t *was, size_t was_size, const uint8_t *is,
                                 size_t is_size, policy_role_namer *namer,
                                 bool (*told)(void *ctx,
                                              const struct policy_difference *c),
                                 void *ctx, char *err, size_t errcap);

#endif
