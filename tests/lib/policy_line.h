/* Policies written in a line each, for tests. */
#ifndef GATE104_TESTS_LIB_POLICY_LINE_H
#define GATE104_TESTS_LIB_POLICY_LINE_H

#include "policy/policy.h"
#include "tests/lib/asdu_make.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_RANGES 4

struct line {
    const char *name;
    enum policy_action action;
    uint8_t types[5];                                      /* end at 0 */
    struct policy_range ca[LINE_RANGES], ioa[LINE_RANGES]; /* end at last == 0 */
    bool has_value;
    double min, max;
    enum direction direction;
};

extern char line_err[200]; /* what the last call said that failed */

bool line_add(struct policy_builder *b, const struct line *l);
/* Loads and frees what was built; aborts if it does not load. */
struct policy *line_load(struct policy_builder *b);
struct policy *line_policy(const struct line *lines, size_t n);

/* Decides on a made ASDU, which is in order: the rule, and the action unless NULL. */
int32_t line_decide(const struct policy *p, enum direction dir, const struct make *m,
                    enum policy_action *action);
/* The rule for an activation. */
int32_t line_rule(const struct policy *p, uint8_t type, uint16_t ca, uint32_t ioa);

#endif
