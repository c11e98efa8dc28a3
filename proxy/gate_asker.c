/* Who a session's master is, from where, and what time it is, as the policy's rules ask
 * for it: the first two once, the time each minute. */
#include "proxy/gate.h"

#include <string.h>
#include <time.h>

static uint64_t sources_of(const struct gate_session *s)
{
    uint8_t addr[16] = {[10] = 0xFF, [11] = 0xFF};

    if (s->source.family == 4)
        memcpy(addr + 12, s->source.addr, 4);
    else
        memcpy(addr, s->source.addr, sizeof addr);
    return policy_askers_sources(policy_askers(s->policy), addr);
}

/* In wrap-master the certificate is the station's. */
static uint64_t peers_of(const struct gate_session *s)
{
    const struct policy_holder h = {s->peer.fingerprint, s->peer.subject, s->peer.issuer,
                                    s->peer.san, IDENTITY_NAME_CAP};

    if (!s->identified || s->route->mode != ROUTE_PROTECT_RTU)
        return 0;
    return policy_askers_peers(policy_askers(s->policy), &h);
}

void gate_asker_find(struct gate_session *s)
{
    s->asker = (struct policy_asker){.peers = peers_of(s), .sources = sources_of(s)};
    for (size_t i = 0; i < s->roles.count; i++)
        s->asker.roles |= policy_role_bit(s->policy, s->roles.held[i].role);
    s->asker_minute = INT64_MIN;
}

bool gate_asker_clock_told(struct gate *g, struct imsg *m)
{
    struct msg_log_clock body;

    imsg_get(m, &body, sizeof body);
    if (body.state > LOG_CLOCK_MAX || (body.zero[0] | body.zero[1] | body.zero[2]) != 0)
        return false;
    g->clock = body.state;
    return true;
}

bool gate_asker_clock(const struct gate_session *s, struct timespec *now)
{
    const struct policy_askers *t = policy_askers(s->policy);

    if (s->gate->clock != LOG_CLOCK_SYNCHRONIZED && !(t && t->clock_trusted))
        return false;
    return clock_gettime(CLOCK_REALTIME, now) == 0;
}

/* The sets of this minute.  Zones change at whole minutes. */
static void look_at_clock(struct gate_session *s)
{
    struct timespec now;

    if (!gate_asker_clock(s, &now)) {
        s->asker.times = POLICY_TIME_UNKNOWN;
        s->asker_minute = INT64_MIN;
    } else if (s->asker_minute != now.tv_sec / 60) {
        s->asker.times = policy_askers_times(policy_askers(s->policy), now.tv_sec);
        s->asker_minute = now.tv_sec / 60;
    }
}

void gate_asker_decide(struct gate_session *s, enum direction direction,
                       const struct asdu *a, struct policy_decision *out)
{
    if (policy_names_times(s->policy))
        look_at_clock(s);
    if (s->roles_matter && s->roles.count == 0)
        policy_decide_without_role(s->policy, &s->asker, direction, a, out);
    else
        policy_decide_for(s->policy, &s->asker, direction, a, out);
}
