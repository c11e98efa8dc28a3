/* Part of policy_diff: the rules that can decide on one address, in words that are the
 * same for rules that mean the same. */
#ifndef GATE104_POLICY_POLICY_CLAUSE_H
#define GATE104_POLICY_POLICY_CLAUSE_H

#include "policy/policy_diff.h"
#include "policy/policy_private.h"

/* 17 nodes at most, each with POLICY_VALUES_MAX rules with conditions and one without. */
#define CLAUSES_MAX (17u * (POLICY_VALUES_MAX + 1u))

/* One of the two policies. */
struct clause_side {
    struct policy_source source;
    struct policy *policy;
};

/* Where one looks. */
struct clause_place {
    enum direction direction;
    const struct policy_index *index; /* NULL: no rule names the types */
    bool needs_role; /* a master without a role gets nothing through here */
    uint16_t ca;
    uint32_t ioa;
};

/* The leaf of an index in which a common address lies. */
uint32_t clause_leaf(const struct policy *p, const struct policy_index *index,
                     uint32_t ca);
/* The rules that can decide there, first to last; the last may be one that always
 * holds.  Gives their number. */
size_t clause_rules(const struct clause_side *side, const struct clause_place *place,
                    uint32_t rules[CLAUSES_MAX]);

/* A text that grows. */
struct clause_text {
    char *at;
    size_t n, room;
    bool failed; /* no memory */
};

void clause_add_text(struct clause_text *t, const char *text, size_t n);
__attribute__((format(printf, 2, 3))) void clause_add(struct clause_text *t,
                                                      const char *format, ...);
/* The shortest text that reads as the same number. */
void clause_add_number(struct clause_text *t, double v);
/* What a rule asks of who asks; " and " before it if the text is beyond `begin`. */
void clause_add_asker(struct clause_text *t, const struct policy_askers *a,
                      const struct policy_rule *r, size_t begin);
void clause_add_zone(struct clause_text *t, const struct policy_askers *askers);

/* Room to work in; all zero at first. */
struct clause_list {
    struct clause_text scratch;
    struct {
        size_t outcome, condition; /* where they begin in scratch */
        bool passes;
    } clause[CLAUSES_MAX + 1]; /* the last always holds */
    size_t count;
};

/* Writes what these rules do, in order.  `folded`: what passes is one, what does not is
 * one.  *passes tells whether any of it lets pass. */
void clause_write(struct clause_text *out, struct clause_list *l,
                  const struct clause_side *side, const struct clause_place *place,
                  const uint32_t *rules, size_t count, bool folded,
                  policy_role_namer *namer, bool *passes);
void clause_text_free(struct clause_text *t);

#endif
