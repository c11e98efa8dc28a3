#include "proxy/cli/replay.h"

#include "policy/reply.h"

#include "certs/identity.h"

#include <string.h>

bool replay_init(struct replay *r, const struct policy *policy,
                 const struct profile *profile)
{
    memset(r, 0, sizeof *r);
    r->policy = policy;
    r->profile = *profile;
    r->rates = throttle_table_new();
    r->steps = step_table_new();
    if (policy_guards(policy))
        r->guards = guard_set_new(policy_guards(policy));
    return r->rates && r->steps && (r->guards || !policy_guards(policy));
}

void replay_free(struct replay *r)
{
    throttle_table_free(r->rates);
    step_table_free(r->steps);
    for (size_t i = 0; i < TRAFFIC_SESSIONS; i++)
        guard_session_end(&r->session[i].guarded, 0);
    guard_set_free(r->guards);
    r->guards = NULL;
    r->rates = NULL;
    r->steps = NULL;
}

/* ---- who asks ---------------------------------------------------------------------- */

static void find_asker(struct replay *r, struct replay_session *s,
                       const struct traffic_apdu *t)
{
    const struct policy_askers *tables = policy_askers(r->policy);
    const struct traffic_peer *p = t->peer;
    const struct policy_holder h = {p->fingerprint, p->subject, p->issuer, p->san,
                                    IDENTITY_NAME_CAP};
    struct policy_asker *a = &s->asker;

    a->roles = r->roles;
    a->peers = r->own_peers                        ? r->own.peers
               : p->has_certificate && !r->wrapped ? policy_askers_peers(tables, &h)
                                                   : 0;
    a->sources = r->own_sources   ? r->own.sources
                 : p->has_address ? policy_askers_sources(tables, p->address)
                                  : 0;
    if (policy_names_times(r->policy) && s->minute != (int64_t)(t->time_ms / 60000)) {
        s->minute = (int64_t)(t->time_ms / 60000);
        a->times = policy_askers_times(tables, (int64_t)(t->time_ms / 1000));
    }
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

static const char *verdict_of(enum policy_action action, enum direction dir)
{
    if (policy_action_passes(action))
        return "pass";
    if (dir == DIR_MONITOR)
        return action == POLICY_CLOSE ? "close" : "drop"; /* nobody is answered */
    return action == POLICY_MUTE ? "refuse" : policy_action_name(action);
}

/* A rule's word on a command, which a guard may have stopped: w->why. */
static void decide_command(struct replay *r, const struct traffic_apdu *t,
                           const struct asdu *a, struct replay_word *w)
{
    struct replay_session *s = &r->session[t->slot];

    if (policy_action_passes(w->decision.action)) {
        if (!w->why)
            w->why = replay_limits_check(r, w->decision.rule, t, a);
        if (!w->why)
            w->why = s->muted;
        if (!w->why)
            replay_limits_forwarded(r, t, a);
        else if (strcmp(w->verdict, "pass") == 0)
            w->verdict = "refuse";
    } else if (w->decision.action == POLICY_MUTE) {
        w->why = w->why ? w->why : "monitor-only";
        s->muted = s->muted ? s->muted : "monitor-only";
    }
    if (r->mirror_unknown && w->decision.rule == POLICY_DEFAULT &&
        w->decision.action == POLICY_REFUSE &&
        policy_knows(r->policy, DIR_CONTROL, a) != POLICY_KNOWS)
        replay_guard_unknown(r, t, w);
}

static struct replay_word decide(struct replay *r, const struct traffic_apdu *t,
                                 const struct asdu *a)
{
    struct replay_word w = {.decided = true};
    struct replay_session *s = &r->session[t->slot];

    find_asker(r, s, t);
    if (r->has_role)
        policy_decide_for(r->policy, &s->asker, t->dir, a, &w.decision);
    else
        policy_decide_without_role(r->policy, &s->asker, t->dir, a, &w.decision);
    w.verdict = verdict_of(w.decision.action, t->dir);
    if (t->dir == DIR_MONITOR) {
        replay_limits_told(r, t, a);
        replay_guard_heard(r, t, a, &w);
        return w;
    }
    replay_guard_command(r, t, a, &w);
    decide_command(r, t, a, &w);
    return w;
}

static struct replay_word judge(struct replay *r, const struct traffic_apdu *t)
{
    struct replay_word pass = {.verdict = "pass"};
    struct apci apci;
    struct asdu a;
    struct verdict v;

    if (t->framing.reason != REASON_OK)
        return (struct replay_word){.verdict = "close", .fault = t->framing};
    v = apci_parse(t->octets, t->n, &apci);
    if (v.reason != REASON_OK)
        return (struct replay_word){.verdict = "close", .fault = v};
    if (apci.format == APCI_U && traffic_goes_otherwise(apci.function, t->dir))
        return of_fault((struct verdict){.reason = REASON_DIRECTION, .offset = 2},
                        t->dir);
    if (apci.format == APCI_U && t->dir == DIR_CONTROL)
        replay_guard_u(r, t, apci.function, &pass);
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

void replay_ended(struct replay *r, uint32_t slot, uint64_t session, uint64_t clock_ms)
{
    struct replay_session *s = &r->session[slot];

    if (s->number != session)
        return;
    replay_guard_end(s, clock_ms);
    *s = (struct replay_session){.minute = -1};
}

struct replay_word replay_apdu(struct replay *r, const struct traffic_apdu *t)
{
    struct replay_session *s = &r->session[t->slot];
    struct replay_word w;

    if (s->number != t->session) {
        replay_guard_end(s, t->clock_ms);
        *s = (struct replay_session){.number = t->session, .minute = -1};
        replay_guard_begin(r, t);
    }
    w = judge(r, t);
    for (size_t i = 0; i < w.trips.count; i++)
        r->trips[w.trips.trip[i].guard] += w.trips.trip[i].news;
    if (strcmp(w.verdict, "pass") == 0) {
        r->passed++;
        return w;
    }
    r->stopped++;
    count(r, &w);
    return w;
}
