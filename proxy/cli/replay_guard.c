/* Guards, fed with what was seen. */
#include "proxy/cli/replay.h"

#include <string.h>

/* Guards know no time before their first. */
#define BEGIN_MS (2 * (uint64_t)GUARD_WINDOW_MAX)

static const char *const WORDS[GUARDS] = {
    [GUARD_SWEEP] = "guard-sweep",
    [GUARD_TOGGLE] = "guard-toggle",
    [GUARD_UNKNOWN] = "guard-unknown",
    [GUARD_INTERROGATION] = "guard-interrogation",
    [GUARD_EARLY_COMMAND] = "guard-early-command",
    [GUARD_OPENING] = "guard-opening",
    [GUARD_CLOCK_STEP] = "guard-clock-step",
    [GUARD_SECOND_MASTER] = "guard-second-master",
    [GUARD_TAKEOVER] = "guard-takeover",
};

/* FNV-1a. */
static uint64_t mix(uint64_t h, const void *octets, size_t n)
{
    const uint8_t *p = octets;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001B3);
    return h;
}

/* All who have no certificate together, as in the gate; where they come from, apart. */
void replay_guard_begin(struct replay *r, const struct traffic_apdu *t)
{
    const struct traffic_peer *p = t->peer;
    struct guard_peer peer = {0, 0};

    if (p->has_certificate && !r->wrapped)
        memcpy(&peer.who, p->fingerprint, sizeof peer.who);
    peer.origin = mix(peer.who, p->address, sizeof p->address);
    guard_session_begin(r->guards, &r->session[t->slot].guarded, &peer);
}

void replay_guard_end(struct replay_session *s, uint64_t clock_ms)
{
    guard_session_end(&s->guarded, BEGIN_MS + clock_ms);
}

static struct guard_now now_of(const struct replay *r, const struct traffic_apdu *t)
{
    const struct policy_askers *askers = policy_askers(r->policy);

    return (struct guard_now){.ms = BEGIN_MS + t->clock_ms,
                              .clock_trusted = t->time_ms > 0,
                              .utc_ms = (int64_t)t->time_ms,
                              .zone =
                                  askers && askers->tags_local ? &askers->zone : NULL};
}

static void act(struct replay *r, const struct traffic_apdu *t, struct replay_word *w)
{
    struct replay_session *s = &r->session[t->slot];

    if (w->trips.action == GUARD_MONITOR_ONLY && !s->muted)
        s->muted = WORDS[w->trips.guard];
    if (w->trips.action == GUARD_CLOSE) {
        w->verdict = "close";
        w->why = WORDS[w->trips.guard];
    }
}

void replay_guard_u(struct replay *r, const struct traffic_apdu *t,
                    enum apci_function function, struct replay_word *w)
{
    struct replay_session *s = &r->session[t->slot];
    const struct guard_now now = now_of(r, t);

    guard_feed_u(&s->guarded, function, &now, &w->trips);
    if (w->trips.action == GUARD_CLOSE)
        s->guarded.started = false;
    act(r, t, w);
}

void replay_guard_command(struct replay *r, const struct traffic_apdu *t,
                          const struct asdu *a, struct replay_word *w)
{
    const struct guard_now now = now_of(r, t);

    guard_feed(&r->session[t->slot].guarded, DIR_CONTROL, a, &now, &w->trips);
    act(r, t, w);
    /* To take a command back is always in order. */
    if (w->trips.action < GUARD_REFUSE || w->trips.action == GUARD_CLOSE ||
        (w->trips.action == GUARD_REFUSE && a->cause == COT_DEACTIVATION))
        return;
    w->why = WORDS[w->trips.guard];
    if (strcmp(w->verdict, "pass") == 0)
        w->verdict = "refuse";
}

void replay_guard_heard(struct replay *r, const struct traffic_apdu *t,
                        const struct asdu *a, struct replay_word *w)
{
    const struct guard_now now = now_of(r, t);

    guard_feed(&r->session[t->slot].guarded, DIR_MONITOR, a, &now, &w->trips);
    act(r, t, w);
}

void replay_guard_unknown(struct replay *r, const struct traffic_apdu *t,
                          struct replay_word *w)
{
    const struct guard_now now = now_of(r, t);
    struct guard_trips trips;

    guard_feed_unknown(&r->session[t->slot].guarded, &now, &trips);
    /* What is told of a frame has room for each guard once. */
    for (size_t i = 0; i < trips.count && w->trips.count < GUARDS; i++)
        w->trips.trip[w->trips.count++] = trips.trip[i];
    if (trips.action == GUARD_MONITOR_ONLY && !r->session[t->slot].muted)
        r->session[t->slot].muted = WORDS[trips.guard];
}
