/* What no single command shows: the guards of a policy (policy/guard.h) meet sessions,
 * clock and log. */
#include "proxy/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of the command, and the record that tells of it. */
static const struct {
    const char *word;
    enum event event;
} table[GUARDS] = {
    [GUARD_SWEEP] = {"guard-sweep", EVENT_SWEEP},
    [GUARD_TOGGLE] = {"guard-toggle", EVENT_TOGGLE},
    [GUARD_UNKNOWN] = {"guard-unknown", EVENT_SCAN},
    [GUARD_INTERROGATION] = {"guard-interrogation", EVENT_GI_STORM},
    [GUARD_EARLY_COMMAND] = {"guard-early-command", EVENT_EARLY_COMMAND},
    [GUARD_OPENING] = {"guard-opening", EVENT_OPENING},
    [GUARD_CLOCK_STEP] = {"guard-clock-step", EVENT_CLOCK_STEP},
    [GUARD_SECOND_MASTER] = {"guard-second-master", EVENT_SECOND_START},
    [GUARD_TAKEOVER] = {"guard-takeover", EVENT_TAKEOVER},
};

/* ---- the sets ---- */

/* False without memory; *out is NULL if the policy has no guards. */
static bool make_set(const struct policy *policy, struct guard_set **out)
{
    const struct guard_settings *settings = policy_guards(policy);

    *out = settings ? guard_set_new(settings) : NULL;
    return !settings || *out;
}

bool gate_guard_init(struct gate *g)
{
    g->guards = calloc(g->config.route_count, sizeof(struct guard_set *));
    g->guards_next = calloc(g->config.route_count, sizeof(struct guard_set *));
    if (!g->guards || !g->guards_next)
        return false;
    for (size_t i = 0; i < g->config.route_count; i++) {
        if (!make_set(g->policy[i], &g->guards[i]))
            return false;
    }
    return true;
}

bool gate_guard_ready(struct gate *g, size_t route, const struct policy *policy)
{
    guard_set_free(g->guards_next[route]);
    return make_set(policy, &g->guards_next[route]);
}

static size_t place_of(const struct gate_session *s)
{
    return (size_t)(s->route - s->gate->config.route);
}

static bool is_same(const struct guard_set *set, const struct policy *policy)
{
    const struct guard_settings *settings = policy_guards(policy);

    if (!set || !settings)
        return !set && !settings;
    return guard_settings_same(guard_set_settings(set), settings);
}

/* ---- sessions ---- */

static uint64_t mix(uint64_t h, const void *octets, size_t n)
{
    const uint8_t *p = octets;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001B3);
    return h;
}

/* The holder of a certificate, by the first octets of its SHA-256; everybody who has none
 * on a route together.  Where they come from, apart. */
static struct guard_peer peer_of(const struct gate_session *s)
{
    struct guard_peer peer = {0, 0};

    if (s->identified && s->route->mode == ROUTE_PROTECT_RTU)
        memcpy(&peer.who, s->peer.fingerprint, sizeof peer.who);
    peer.origin = mix(peer.who, &s->source.family, sizeof s->source.family);
    peer.origin = mix(peer.origin, s->source.addr, sizeof s->source.addr);
    return peer;
}

void gate_guard_begin(struct gate_session *s)
{
    const struct guard_peer peer = peer_of(s);

    s->guarded.started = s->started;
    guard_session_begin(s->gate->guards[place_of(s)], &s->guarded, &peer);
}

void gate_guard_end(struct gate_session *s)
{
    guard_session_end(&s->guarded, loop_now(&s->gate->child.loop));
}

/* What a session did before there were guards is not known: it is taken for good. */
static void change_set(struct gate_session *s, struct guard_set *to)
{
    if (!s->guarded.set) {
        s->guarded.peer = peer_of(s);
        s->guarded.started = s->guarded.interrogated = s->started;
    }
    guard_session_move(&s->guarded, to);
}

bool gate_guard_change(struct gate *g, size_t route)
{
    const struct policy *policy = g->policy[route];
    struct guard_set *old = g->guards[route];

    if (is_same(old, policy))
        return true;
    if (!is_same(g->guards_next[route], policy) && !gate_guard_ready(g, route, policy))
        return false;
    g->guards[route] = g->guards_next[route];
    g->guards_next[route] = NULL;
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->state == GATE_OPEN && place_of(s) == route)
            change_set(s, g->guards[route]);
    }
    guard_set_free(old);
    return true;
}

/* ---- trips ---- */

/* A command that the gate would have had to see first. */
static void describe_opening(struct record *r, const struct guard_trip *t)
{
    char text[120];

    if (t->guard != GUARD_OPENING)
        return;
    if (t->due == 0)
        (void)snprintf(text, sizeof text, "it began with more than before: \"%s\"",
                       guard_step_name(t->came));
    else
        (void)snprintf(text, sizeof text, "step %u is \"%s\", \"%s\" was due",
                       (unsigned int)t->count, guard_step_name(t->came),
                       guard_step_name(t->due));
    record_text(r, RECORD_DETAIL, text);
}

static void tell(struct gate_session *s, const struct link_frame *f,
                 enum direction direction, const struct guard_trip *t)
{
    struct record r;

    gate_log_begin(&r, s, table[t->guard].event, 0);
    gate_log_peer(&r, s);
    if (f) {
        record_u64(&r, RECORD_DIRECTION, direction);
        record_octets(&r, RECORD_APDU, f->apdu, f->apdu_size);
    }
    record_text(&r, RECORD_GUARD, guard_name(t->guard));
    record_text(&r, RECORD_VERDICT, guard_action_name(t->action));
    record_text(&r, RECORD_MODE, s->route->enforce ? "enforce" : "observe");
    record_u64(&r, RECORD_COUNT, t->count);
    record_u64(&r, RECORD_LIMIT, t->limit);
    if (t->window_ms > 0)
        record_u64(&r, RECORD_WINDOW_MS, t->window_ms);
    describe_opening(&r, t);
    (void)gate_log_send(s->gate, &r);
}

/* Gives why a command is to be refused. */
static const char *act(struct gate_session *s, const struct guard_trips *trips)
{
    const char *word;

    if (trips->action < GUARD_REFUSE)
        return NULL;
    word = table[trips->guard].word;
    if (!s->route->enforce)
        return word;
    if (trips->action == GUARD_MONITOR_ONLY)
        gate_session_monitor_only(s, word);
    else if (trips->action == GUARD_CLOSE)
        gate_session_close(s, word, LEG_MASTER, NULL);
    return word;
}

static const char *take(struct gate_session *s, const struct link_frame *f,
                        enum direction direction, const struct guard_trips *trips)
{
    for (size_t i = 0; i < trips->count; i++) {
        if (trips->trip[i].news)
            tell(s, f, direction, &trips->trip[i]);
    }
    return act(s, trips);
}

static struct guard_now now_of(const struct gate_session *s)
{
    const struct gate *g = s->gate;

    return (struct guard_now){.ms = loop_now(&g->child.loop)};
}

static void look_at_clock(const struct gate_session *s, struct guard_now *now)
{
    const struct policy_askers *askers = policy_askers(s->policy);
    struct timespec utc;

    now->clock_trusted = gate_asker_clock(s, &utc);
    if (!now->clock_trusted)
        return;
    now->utc_ms = (int64_t)utc.tv_sec * 1000 + utc.tv_nsec / 1000000;
    now->zone = askers && askers->tags_local ? &askers->zone : NULL;
}

void gate_guard_link(struct gate_session *s, const uint8_t *apdu)
{
    const bool u = (apdu[2] & 0x03) == 0x03;
    struct guard_trips trips;
    struct guard_now now;

    if (!s->guarded.set || !u)
        return;
    now = now_of(s);
    guard_feed_u(&s->guarded, (enum apci_function)apdu[2], &now, &trips);
    /* The station has not seen it and will not. */
    if (trips.action == GUARD_CLOSE && s->route->enforce)
        s->guarded.started = false;
    (void)take(s, NULL, DIR_CONTROL, &trips);
}

const char *gate_guard_command(struct gate_session *s, const struct link_frame *f,
                               const struct asdu *a)
{
    struct guard_trips trips;
    struct guard_now now;
    const char *why;

    if (!s->guarded.set)
        return NULL;
    now = now_of(s);
    look_at_clock(s, &now);
    guard_feed(&s->guarded, DIR_CONTROL, a, &now, &trips);
    why = take(s, f, DIR_CONTROL, &trips);
    /* To take a command back is always in order. */
    return trips.action == GUARD_REFUSE && a->cause == COT_DEACTIVATION ? NULL : why;
}

void gate_guard_heard(struct gate_session *s, const struct link_frame *f,
                      const struct asdu *a)
{
    struct guard_trips trips;
    struct guard_now now;

    if (!s->guarded.set)
        return;
    now = now_of(s);
    guard_feed(&s->guarded, DIR_MONITOR, a, &now, &trips);
    (void)take(s, f, DIR_MONITOR, &trips);
}

void gate_guard_unknown(struct gate_session *s)
{
    struct guard_trips trips;
    struct guard_now now;

    if (!s->guarded.set)
        return;
    now = now_of(s);
    guard_feed_unknown(&s->guarded, &now, &trips);
    (void)take(s, NULL, DIR_CONTROL, &trips);
}
