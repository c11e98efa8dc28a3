/* New policies while sessions run.  The monitor sends the gate's whole configuration
 * anew; what may differ is what stands in take().  It is compiled in pieces, between
 * which the relay does its work, and recorded; only when all gates have come so far, it
 * is used, by all sessions at once. */
#include "proxy/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some tenths of a millisecond, and then one for everybody else: who uses all the time
 * that it can have does not get it soon when an APDU comes. */
#define STEPS_AT_ONCE     40000u
#define PAUSE_MS          1u
#define RECORD_TIMEOUT_MS 3000u
#define ANSWER_RETRY_MS   20u

/* ---- answers ---- */

static void say(void *ctx)
{
    struct gate *g = ctx;
    struct gate_update *u = &g->update;

    if (!u->unsaid)
        return;
    if (imsg_send(&g->child.control, MSG_POLICY_TOLD, &u->answer, sizeof u->answer, NULL,
                  0) == IMSG_AGAIN)
        (void)loop_timer_set(&g->child.loop, &u->answer_timer, ANSWER_RETRY_MS);
    else
        u->unsaid = false;
}

static void answer(struct gate *g, enum policy_told what, const char *why)
{
    struct gate_update *u = &g->update;

    u->answer = (struct msg_policy_told){.update = u->number, .what = (uint8_t)what};
    for (size_t i = 0; i + 1 < sizeof u->answer.why && why[i] != '\0'; i++)
        u->answer.why[i] = (char)(why[i] >= 0x20 && why[i] < 0x7F ? why[i] : '?');
    u->unsaid = true;
    say(g);
}

static void forget(struct gate *g)
{
    struct gate_update *u = &g->update;

    policy_free(policy_loading_end(u->loading));
    u->loading = NULL;
    for (size_t i = 0; u->policy && i < g->config.route_count; i++)
        policy_free(u->policy[i]);
    free(u->policy);
    free(u->ticket);
    u->policy = NULL;
    u->ticket = NULL;
    collect_reset(&u->collect);
    gate_config_free(&u->next);
    loop_timer_stop(&g->child.loop, &u->timer);
    u->state = UPDATE_NONE;
}

static void refuse(struct gate *g, const char *why)
{
    forget(g);
    answer(g, POLICY_TOLD_REFUSED, why);
}

/* ---- what is new ---- */

/* What a session, or audit, knows from its beginning. */
static bool same_for_good(const struct gate_route *a, const struct gate_route *b)
{
    return a->index == b->index && strcmp(a->name, b->name) == 0 && a->mode == b->mode &&
           role_config_same_stations(a, b) && a->max_sessions == b->max_sessions &&
           a->k == b->k && a->w == b->w && a->t1_s == b->t1_s && a->t2_s == b->t2_s &&
           a->t3_s == b->t3_s;
}

static bool fits(const struct gate_config *a, const struct gate_config *b)
{
    if (a->gate != b->gate || a->commands_sync != b->commands_sync ||
        a->log_closes != b->log_closes || a->handshake_s != b->handshake_s ||
        a->t0_max_s != b->t0_max_s || a->route_count != b->route_count)
        return false;
    for (size_t i = 0; i < a->route_count; i++) {
        if (!same_for_good(&a->route[i], &b->route[i]))
            return false;
    }
    return true;
}

static bool same_policy(const struct gate_route *a, const struct gate_route *b)
{
    return a->policy_size == b->policy_size &&
           memcmp(a->policy, b->policy, a->policy_size) == 0;
}

/* Once all is compiled. */
static bool changes(const struct gate *g, size_t i)
{
    const struct gate_route *a = &g->config.route[i], *b = &g->update.next.route[i];

    return g->update.policy[i] || a->enforce != b->enforce ||
           a->mirror_unknown != b->mirror_unknown ||
           !role_config_same_roles(&a->roles, &b->roles) ||
           memcmp(a->policy_hash, b->policy_hash, sizeof a->policy_hash) != 0;
}

/* ---- evidence ---- */

static uint64_t sessions_of(const struct gate *g, const struct gate_route *r)
{
    uint64_t n = 0;

    for (const struct gate_session *s = g->sessions; s; s = s->next)
        n += s->route == r && s->state == GATE_OPEN;
    return n;
}

/* Before the change: `a` still is what was. */
static void describe(struct record *r, const struct gate *g, size_t i)
{
    const struct gate_route *a = &g->config.route[i], *b = &g->update.next.route[i];
    char text[160];

    record_u64(r, RECORD_ROUTE, a->index);
    record_octets(r, RECORD_OLD_POLICY_HASH, a->policy_hash, sizeof a->policy_hash);
    record_octets(r, RECORD_POLICY_HASH, b->policy_hash, sizeof b->policy_hash);
    record_text(r, RECORD_MODE, b->enforce ? "enforce" : "observe");
    (void)snprintf(
        text, sizeof text, "%s%s%s%s",
        g->update.policy[i] ? "other rules" : "the same rules",
        a->enforce == b->enforce ? ""
        : b->enforce             ? ", enforced from now on"
                                 : ", only observed from now on",
        a->mirror_unknown == b->mirror_unknown ? "" : ", another mirror_unknown",
        role_config_same_roles(&a->roles, &b->roles) ? "" : ", other settings of roles");
    record_text(r, RECORD_DETAIL, text);
}

/* True if an acknowledgement will come, which calls for more records. */
static bool some_are_on_their_way(const struct gate_update *u)
{
    for (size_t i = u->acked; i < u->at; i++) {
        if (u->ticket[i] != 0)
            return true;
    }
    return false;
}

/* Each change is on disk before it can have an effect. */
static void write_records(struct gate *g)
{
    struct gate_update *u = &g->update;
    struct record r;

    /* A master that floods keeps the queue full: one may go all the same. */
    for (; u->at < u->next.route_count &&
           (gate_log_has_room(g) || !some_are_on_their_way(u));
         u->at++) {
        if (!changes(g, u->at))
            continue;
        record_begin(&r, EVENT_POLICY_ACCEPTED, gate_log_ticket(g), true);
        describe(&r, g, u->at);
        u->ticket[u->at] = g->ticket_last;
        if (!gate_log_send(g, &r)) {
            refuse(g, "its record cannot be written: the log does not keep up");
            return;
        }
    }
}

static void maybe_ready(struct gate *g)
{
    struct gate_update *u = &g->update;

    if (u->state != UPDATE_IS_WRITTEN)
        return;
    while (u->acked < u->at && u->ticket[u->acked] == 0)
        u->acked++;
    if (u->acked < u->next.route_count)
        return;
    loop_timer_stop(&g->child.loop, &u->timer);
    u->state = UPDATE_READY;
    answer(g, POLICY_TOLD_READY, "");
}

static void begin_records(struct gate *g)
{
    struct gate_update *u = &g->update;

    if (g->monitor_only) {
        refuse(g, "its record cannot be written: the log does not work");
        return;
    }
    u->state = UPDATE_IS_WRITTEN;
    u->at = u->acked = 0;
    (void)loop_timer_set(&g->child.loop, &u->timer, RECORD_TIMEOUT_MS);
    write_records(g);
    maybe_ready(g);
}

bool gate_update_acked(struct gate *g, uint64_t ticket, bool durable)
{
    struct gate_update *u = &g->update;

    if (u->state != UPDATE_IS_WRITTEN || u->acked == u->at ||
        ticket != u->ticket[u->acked])
        return false;
    if (!durable) {
        refuse(g, "its record cannot be written");
        return false; /* there is more to follow from that */
    }
    u->acked++;
    (void)loop_timer_set(&g->child.loop, &u->timer, RECORD_TIMEOUT_MS);
    write_records(g);
    maybe_ready(g);
    return true;
}

void gate_update_log_lost(struct gate *g)
{
    if (g->update.state == UPDATE_IS_WRITTEN)
        refuse(g, "its record cannot be written: the log does not work");
}

/* ---- compiling ---- */

/* Of the place that is next.  False: it was refused. */
static bool begin_policy(struct gate *g)
{
    struct gate_update *u = &g->update;
    const struct gate_route *r = &u->next.route[u->at];

    u->loading = policy_loading_begin(r->policy, r->policy_size);
    if (!u->loading)
        refuse(g, "out of memory");
    return u->loading != NULL;
}

static void compile_piece(struct gate *g)
{
    struct gate_update *u = &g->update;
    const char *name = u->next.route[u->at].name;
    char err[120] = "", why[200];

    if (!u->loading && !begin_policy(g))
        return;
    switch (policy_loading_step(u->loading, STEPS_AT_ONCE, err, sizeof err)) {
    case POLICY_LOAD_MORE: return;
    case POLICY_LOAD_FAILED:
        (void)snprintf(why, sizeof why, "route \"%.60s\": %s", name, err);
        refuse(g, why);
        return;
    case POLICY_LOAD_DONE: break;
    }
    u->policy[u->at] = policy_loading_end(u->loading);
    u->loading = NULL;
    if (gate_limits_ready(g, u->at, u->policy[u->at]) &&
        gate_guard_ready(g, u->at, u->policy[u->at]))
        u->at++;
    else
        refuse(g, "out of memory");
}

static void compile(struct gate *g)
{
    struct gate_update *u = &g->update;

    while (!u->loading && u->at < u->next.route_count &&
           same_policy(&g->config.route[u->at], &u->next.route[u->at]))
        u->at++;
    if (u->at == u->next.route_count) {
        begin_records(g);
        return;
    }
    compile_piece(g);
    if (u->state == UPDATE_COMPILES)
        (void)loop_timer_set(&g->child.loop, &u->timer, PAUSE_MS);
}

static void timer_expired(void *ctx)
{
    struct gate *g = ctx;

    if (g->update.state == UPDATE_COMPILES)
        compile(g);
    else if (g->update.state == UPDATE_IS_WRITTEN)
        refuse(g, "its record cannot be written: audit does not answer");
}

/* False: it is nothing that this gate can be sent. */
static bool check(struct gate *g)
{
    struct gate_update *u = &g->update;
    const bool good = gate_config_decode(u->collect.buf, u->collect.size, &u->next) &&
                      fits(&g->config, &u->next);

    collect_reset(&u->collect);
    if (!good)
        return false;
    u->policy = calloc(u->next.route_count, sizeof(struct policy *));
    u->ticket = calloc(u->next.route_count, sizeof *u->ticket);
    if (!u->policy || !u->ticket) {
        refuse(g, "out of memory");
        return true;
    }
    u->state = UPDATE_COMPILES;
    u->at = 0;
    (void)loop_timer_set(&g->child.loop, &u->timer, 0);
    return true;
}

/* ---- using it ---- */

static void tell_sessions(struct gate *g, size_t i)
{
    const struct gate_route *r = &g->config.route[i];

    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->route != r || s->state == GATE_CLOSED)
            continue;
        s->policy = g->policy[i];
        /* It was judged by the old one. */
        s->held_again = s->held_ticket != 0;
        gate_role_renew(s);
    }
}

/* What was goes where it will be freed from. */
static void take(struct gate *g, size_t i)
{
    struct gate_route *a = &g->config.route[i], *b = &g->update.next.route[i];
    struct gate_route old = *a;

    a->enforce = b->enforce;
    a->mirror_unknown = b->mirror_unknown;
    a->roles = b->roles;
    memcpy(a->policy_hash, b->policy_hash, sizeof a->policy_hash);
    if (!g->update.policy[i])
        return;
    a->policy = b->policy;
    a->policy_size = b->policy_size;
    b->policy = old.policy;
    b->policy_size = old.policy_size;
}

static void use(struct gate *g)
{
    struct gate_update *u = &g->update;

    for (size_t i = 0; i < g->config.route_count; i++) {
        struct policy *old = g->policy[i];
        struct record r;

        if (!changes(g, i))
            continue;
        record_begin(&r, EVENT_POLICY_RELOADED, 0, false);
        describe(&r, g, i);
        record_u64(&r, RECORD_COUNT, sessions_of(g, &g->config.route[i]));
        (void)gate_log_send(g, &r);
        take(g, i);
        if (u->policy[i]) {
            g->policy[i] = u->policy[i];
            u->policy[i] = old;
        }
        tell_sessions(g, i);
        (void)gate_guard_change(g, i); /* it was made ready */
    }
    forget(g); /* which is what was */
    answer(g, POLICY_TOLD_USED, "");
}

/* ---- messages ---- */

static enum imsg_status collect(struct gate *g, struct imsg *m)
{
    struct gate_update *u = &g->update;

    if (u->state != (m->type == MSG_UPDATE_BEGIN ? UPDATE_NONE : UPDATE_COMES))
        return imsg_reject(&g->child.control, m);
    /* Without room it is found to have no octets when it is to be checked. */
    if (collect_take(&u->collect, m) == COLLECT_BAD)
        return imsg_reject(&g->child.control, m);
    u->state = UPDATE_COMES;
    u->complete = u->collect.have == u->collect.size;
    return IMSG_OK;
}

static bool take_step(struct gate *g, const struct msg_policy_step *m)
{
    struct gate_update *u = &g->update;

    if (m->zero[0] != 0 || m->zero[1] != 0 || m->zero[2] != 0)
        return false;
    switch ((enum policy_step)m->step) {
    case POLICY_STEP_CHECK:
        if (u->state != UPDATE_COMES || !u->complete)
            return false;
        u->number = m->update;
        if (u->collect.buf)
            return check(g);
        refuse(g, "out of memory");
        return true;
    case POLICY_STEP_USE:
        if (u->state != UPDATE_READY || m->update != u->number)
            return false;
        use(g);
        return true;
    case POLICY_STEP_FORGET: forget(g); return true;
    }
    return false;
}

enum imsg_status gate_update_message(struct gate *g, struct imsg *m)
{
    struct msg_policy_step step;

    if (m->type != MSG_POLICY_STEP)
        return collect(g, m);
    imsg_get(m, &step, sizeof step);
    return take_step(g, &step) ? IMSG_OK : imsg_reject(&g->child.control, m);
}

void gate_update_init(struct gate *g)
{
    loop_timer_init(&g->update.timer, timer_expired, g);
    loop_timer_init(&g->update.answer_timer, say, g);
}
