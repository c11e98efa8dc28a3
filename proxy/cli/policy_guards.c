/* The guards of a policy in words. */
#include "proxy/cli/policy.h"

#include "policy/guard.h"

#include <stdio.h>

/* "60 s", "500 ms", "5 min" */
static void print_span(uint32_t ms)
{
    static const struct {
        uint32_t ms;
        const char *name;
    } units[] = {{3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms % units[i].ms != 0)
            continue;
        (void)printf("%u %s", ms / units[i].ms, units[i].name);
        return;
    }
}

static void print_limit(const struct guard_rule *r, bool span)
{
    (void)printf(", ");
    if (span)
        print_span(r->limit);
    else
        (void)printf("%u", r->limit);
    if (r->reads > 0)
        (void)printf(" and %u reads", r->reads);
}

static void print_guard(const struct guard_settings *g, enum guard_id guard)
{
    const struct guard_rule *r = &g->rule[guard];

    (void)printf("    %s: %s", guard_name(guard),
                 guard_action_name((enum guard_action)r->action));
    if (r->limit > 0)
        print_limit(r, guard == GUARD_CLOCK_STEP);
    if (r->window_ms > 0) {
        (void)printf(" in ");
        print_span(r->window_ms);
    }
    if (guard == GUARD_OPENING) {
        for (size_t i = 0; i < g->expect_count; i++)
            (void)printf("%s%s", i == 0 ? " frames, expected " : ", ",
                         guard_step_name((enum guard_step)g->expect[i]));
    }
    (void)printf("\n");
}

void policy_cli_guards(const struct policy *p)
{
    const struct guard_settings *g = policy_guards(p);

    (void)printf("  guards:%s\n", g ? "" : " none");
    for (size_t i = 0; g && i < GUARDS; i++) {
        if (g->rule[i].action != GUARD_OFF)
            print_guard(g, (enum guard_id)i);
    }
}
