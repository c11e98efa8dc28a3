#include "tests/lib/policy_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char line_err[200];

static void fail(const char *why)
{
    fprintf(stderr, "policy_line: %s\n", why);
    abort();
}

bool line_add(struct policy_builder *b, const struct line *l)
{
    struct policy_rule r = {.name = l->name,
                            .direction = l->direction,
                            .action = l->action,
                            .ca = l->ca,
                            .ioa = l->ioa,
                            .has_value = l->has_value,
                            .value_min = l->min,
                            .value_max = l->max};
    for (size_t i = 0; i < sizeof l->types && l->types[i]; i++)
        policy_types_set(r.types, l->types[i]);
    while (r.ca_count < LINE_RANGES && l->ca[r.ca_count].last)
        r.ca_count++;
    while (r.ioa_count < LINE_RANGES && l->ioa[r.ioa_count].last)
        r.ioa_count++;
    return policy_builder_add(b, &r, line_err, sizeof line_err);
}

struct policy *line_load(struct policy_builder *b)
{
    struct policy *p = NULL;
    size_t size;
    const uint8_t *blob = policy_builder_blob(b, &size);
    if (!policy_load(blob, size, &p, line_err, sizeof line_err))
        fail(line_err);
    policy_builder_free(b);
    return p;
}

struct policy *line_policy(const struct line *lines, size_t n)
{
    struct policy_builder *b = policy_builder_new();
    for (size_t i = 0; i < n; i++)
        if (!line_add(b, &lines[i]))
            fail(line_err);
    return line_load(b);
}

int32_t line_decide(const struct policy *p, enum direction dir, const struct make *m,
                    enum policy_action *action)
{
    uint8_t octets[MAKE_ROOM];
    struct asdu a;
    struct policy_decision d;
    const size_t n = asdu_make(m, octets);
    if (asdu_parse(octets, n, dir, &PROFILE_104, &a).reason != REASON_OK)
        fail("an ASDU that is not in order");
    policy_decide(p, dir, &a, &d);
    if (strcmp(d.name, policy_rule_name(p, d.rule)) != 0)
        fail("two names for a rule");
    if (action)
        *action = d.action;
    return d.rule;
}

int32_t line_rule(const struct policy *p, uint8_t type, uint16_t ca, uint32_t ioa)
{
    const struct make m = {.type = type, .cause = 6, .ca = ca, .ioa = ioa};
    return line_decide(p, DIR_CONTROL, &m, NULL);
}
