#include "proxy/cli/replay.h"

#include "policy/reply.h"

#include <string.h>

/* The machines know no time before their first, so they begin with some. */
#define BEGIN_MS (POLICY_RATE_SECONDS_MAX * UINT64_C(2000))

bool replay_init(struct replay *r, const struct policy *policy,
                 const struct profile *profile)
{
    memset(r, 0, sizeof *r);
    r->policy = policy;
    r->profile = *profile;
    r->rates = throttle_table_new();
    return r->rates != NULL;
}

void replay_free(struct replay *r)
{
    throttle_table_free(r->rates);
    r->rates = NULL;
}

/* ---- limits of a rule -------------------------------------------------------------- */

static const char *check_rate(struct replay *r, const struct policy_limits *limits,
                              int32_t rule, const struct traffic_apdu *t,
                              const struct asdu *a)
{
    static const char *const words[] = {
        [THROTTLE_FITS] = NULL,
        [THROTTLE_EXCEEDED] = "rate",
        [THROTTLE_NO_ROOM] = "rate-no-room",
    };
    const struct throttle_limit limit = {limits->rate_count,
                                         (uint64_t)limits->rate_seconds * 1000};
    struct throttle_key key = {.rule = (uint32_t)rule, .select = select_is_select(a)};

    if (limits->per == POLICY_PER_SESSION)
        key.who = t->session;
    /* FNV-1a: who is known here by name. */
    if (limits->per == POLICY_PER_PEER) {
        key.who = UINT64_C(0xCBF29CE484222325);
        for (const char *p = t->who; *p; p++)
            key.who = (key.who ^ (uint8_t)*p) * UINT64_C(0x100000001B3);
    }
    if (limits->per == POLICY_PER_POINT) {
        key.ca = a->ca;
        key.ioa = a->ioa;
    }
    return words[throttle_take(r->rates, &key, &limit, BEGIN_MS + t->clock_ms)];
}

static const char *check_limits(struct replay *r, int32_t rule,
                                const struct traffic_apdu *t, const struct asdu *a)
{
    const struct policy_limits *limits = policy_rule_limits(r->policy, rule);
    const struct select_table *selected = &r->session[t->slot].selected;
    enum select_word word = SELECT_FITS;

    if (!limits || a->cause == COT_DEACTIVATION)
        return NULL;
    if (limits->select == POLICY_SELECT_FORBIDDEN && select_is_select(a))
        return "select-forbidden";
    if (limits->select == POLICY_SELECT_REQUIRED && select_is_execute(a))
        word = select_ask(selected, a, BEGIN_MS + t->clock_ms,
                          policy_select_timeout_ms(r->policy));
    if (word != SELECT_FITS)
        return select_word_name(word);
    return limits->rate_count > 0 ? check_rate(r, limits, rule, t, a) : NULL;
}

static void note_forwarded(struct replay *r, const struct traffic_apdu *t,
                           const struct asdu *a)
{
    struct select_table *selected = &r->session[t->slot].selected;

    if (select_is_select(a))
        (void)select_open(selected, a, BEGIN_MS + t->clock_ms,
                          policy_select_timeout_ms(r->policy));
    else
        select_end(selected, a);
}

/* ---- one APDU ---------------------------------------------------------------------- */

static struct replay_word of_fault(struct verdict v, enum direction dir)
{
    static const char *const verdicts[] = {[REACTION_ANSWER] = "refuse",
                                           [REACTION_DROP] = "drop",
                                           [REACTION_CLOSE] = "close"};

    return (struct replay_word){.verdict = verdicts[reply_reaction(v.reason, dir)],
                                .fault = v};
}

/* In monitor direction nobody is answered. */
static const char *verdict_of(enum policy_action action, enum direction dir)
{
    if (action <= POLICY_LOG)
        return "pass";
    if (action == POLICY_REFUSE && dir == DIR_MONITOR)
        action = POLICY_DROP;
    return policy_action_name(action);
}

static struct replay_word decide(struct replay *r, const struct traffic_apdu *t,
                                 const struct asdu *a)
{
    struct replay_word w = {.decided = true};

    if (r->has_role)
        policy_decide_for(r->policy, r->roles, t->dir, a, &w.decision);
    else
        policy_decide_without_role(r->policy, t->dir, a, &w.decision);
    w.verdict = verdict_of(w.decision.action, t->dir);
    if (t->dir == DIR_MONITOR) {
        select_answer(&r->session[t->slot].selected, a, BEGIN_MS + t->clock_ms);
        return w;
    }
    if (w.decision.action > POLICY_LOG)
        return w;
    w.why = check_limits(r, w.decision.rule, t, a);
    if (w.why)
        w.verdict = "refuse";
    else
        note_forwarded(r, t, a);
    return w;
}

static struct replay_word judge(struct replay *r, const struct traffic_apdu *t)
{
    static const struct replay_word pass = {.verdict = "pass"};
    struct apci apci;
    struct asdu a;
    struct verdict v;

    if (t->framing.reason != REASON_OK)
        return (struct replay_word){.verdict = "close", .fault = t->framing};
    v = apci_parse(t->octets, t->n, &apci);
    if (v.reason != REASON_OK)
        return (struct replay_word){.verdict = "close", .fault = v};
    if (apci.format != APCI_I)
        return pass;
    v = asdu_parse(apci.asdu, apci.asdu_size, t->dir, &r->profile, &a);
    if (v.reason != REASON_OK) {
        v.offset = (uint16_t)(v.offset + APDU_SIZE_MIN);
        return of_fault(v, t->dir);
    }
    r->tolerated += a.tolerated != 0;
    if (a.inner)
        (void)asdu_parse(a.inner, a.inner_size, t->dir, &r->profile, &a);
    else if (a.type->layout == TYPE_LAYOUT_SECAUTH)
        return pass;
    return decide(r, t, &a);
}

static void count(struct replay *r, const struct replay_word *w)
{
    struct replay_kind *k = r->kind;
    const int32_t rule = w->decided ? w->decision.rule : 0;
    size_t i = 0;

    while (i < r->kinds && (k[i].verdict != w->verdict || k[i].why != w->why ||
                            k[i].reason != w->fault.reason ||
                            k[i].decided != w->decided || k[i].rule != rule))
        i++;
    if (i == REPLAY_KINDS) {
        r->other_kinds++;
        return;
    }
    if (i == r->kinds)
        k[r->kinds++] = (struct replay_kind){w->verdict, w->why, w->fault.reason,
                                             w->decided, rule,   0};
    k[i].count++;
}

struct replay_word replay_apdu(struct replay *r, const struct traffic_apdu *t)
{
    struct replay_session *s = &r->session[t->slot];
    struct replay_word w;

    if (s->number != t->session)
        *s = (struct replay_session){.number = t->session};
    w = judge(r, t);
    if (strcmp(w.verdict, "pass") == 0) {
        r->passed++;
        return w;
    }
    r->stopped++;
    count(r, &w);
    return w;
}
