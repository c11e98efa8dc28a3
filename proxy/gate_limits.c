/* What a rule asks of what went before: select before operate, and how often.  The
 * machines are in policy/; here they meet sessions and clock. */
#include "proxy/gate.h"

#include <string.h>

bool gate_limits_ready(struct gate *g, size_t route, const struct policy *policy)
{
    if (!g->rates && policy_has_rates(policy))
        g->rates = throttle_table_new();
    return (g->rates || !policy_has_rates(policy)) && gate_step_ready(g, route, policy);
}

/* The holder of a certificate, by the first octets of its SHA-256; everybody who has none
 * on a route together. */
static uint64_t peer_number(const struct gate_session *s)
{
    uint64_t n = 0;

    if (!s->identified || s->route->mode != ROUTE_PROTECT_RTU)
        return s->route->index;
    memcpy(&n, s->peer.fingerprint, sizeof n);
    return n;
}

static const char *check_rate(struct gate_session *s, const struct policy_limits *limits,
                              int32_t rule, const struct asdu *a)
{
    static const char *const words[] = {
        [THROTTLE_FITS] = NULL,
        [THROTTLE_EXCEEDED] = "rate",
        [THROTTLE_NO_ROOM] = "rate-no-room",
    };
    const struct throttle_limit limit = {limits->rate_count,
                                         (uint64_t)limits->rate_seconds * 1000};
    struct throttle_key key = {.route = s->route->index,
                               .rule = policy_rule_rate_key(s->policy, rule),
                               .select = select_is_select(a)};
    const char *why;

    /* When it was judged for the first time. */
    if (s->again_ticket != 0 && s->counted_rate == key.rule)
        return NULL;
    switch ((enum policy_per)limits->per) {
    case POLICY_PER_SESSION: key.who = s->id; break;
    case POLICY_PER_PEER: key.who = peer_number(s); break;
    case POLICY_PER_POINT:
        key.ca = a->ca;
        key.ioa = a->ioa;
        break;
    case POLICY_PER_ROUTE: break;
    }
    why = words[throttle_take(s->gate->rates, &key, &limit,
                              loop_now(&s->gate->child.loop))];
    if (!why)
        s->counted_rate = key.rule;
    return why;
}

static const char *check_select(const struct gate_session *s,
                                const struct policy_limits *limits, const struct asdu *a)
{
    enum select_word word = SELECT_FITS;

    if (limits->select == POLICY_SELECT_FORBIDDEN && select_is_select(a))
        return "select-forbidden";
    if (limits->select == POLICY_SELECT_REQUIRED && select_is_execute(a))
        word = select_ask(&s->selected, a, loop_now(&s->gate->child.loop),
                          policy_select_timeout_ms(s->policy));
    return word == SELECT_FITS ? NULL : select_word_name(word);
}

const char *gate_limits_check(struct gate_session *s, int32_t rule, const struct asdu *a)
{
    const struct policy_limits *limits = policy_rule_limits(s->policy, rule);
    const char *why;

    /* To take a command back is always in order. */
    if (!limits || a->cause == COT_DEACTIVATION)
        return NULL;
    why = check_select(s, limits, a);
    if (!why && limits->age_ms > 0)
        why = gate_age_check(s, limits, a);
    if (!why && limits->step > 0)
        why = gate_step_check(s, limits, a);
    /* The last, for it counts. */
    if (!why && limits->rate_count > 0)
        why = check_rate(s, limits, rule, a);
    return why;
}

void gate_limits_forwarded(struct gate_session *s, const struct asdu *a)
{
    gate_step_forwarded(s, a);
    /* Without room the execute will find no select: refused, not forgotten. */
    if (select_is_select(a))
        (void)select_open(&s->selected, a, loop_now(&s->gate->child.loop),
                          policy_select_timeout_ms(s->policy));
    else
        select_end(&s->selected, a);
}

void gate_limits_answered(struct gate_session *s, const struct asdu *a)
{
    gate_step_answered(s, a);
    select_answer(&s->selected, a, loop_now(&s->gate->child.loop));
}
