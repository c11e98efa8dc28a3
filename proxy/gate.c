/* gate104-gate: judges every APDU and relays what may pass.  No crypto library, no file,
 * no dialling: it works on the descriptors the broker hands it. */
#include "proxy/gate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS 2000u

/* Closes sessions while there is room for their last records. */
static void close_some(struct gate *g)
{
    for (struct gate_session *s = g->sessions; s && gate_log_has_room(g); s = s->next)
        gate_session_close(s, "shutdown", -1, NULL);
}

static void round_end(void *ctx)
{
    struct gate *g = ctx;

    if (g->stopping)
        close_some(g);
    gate_failure_turn(g);
    gate_session_sweep(g);
    gate_recording_flush(g);
    if (g->stopping && !g->sessions && gate_log_idle(g) && gate_recording_idle(g))
        loop_stop(&g->child.loop);
}

static bool load_policies(struct gate *g)
{
    g->policy = calloc(g->config.route_count, sizeof *g->policy);
    if (!g->policy)
        return false;
    for (size_t i = 0; i < g->config.route_count; i++) {
        const struct gate_route *r = &g->config.route[i];
        char err[200] = "";

        if (!policy_load(r->policy, r->policy_size, &g->policy[i], err, sizeof err)) {
            child_log(&g->child, "route \"%s\": policy: %s", r->name, err);
            return false;
        }
        if (!gate_limits_ready(g, i, g->policy[i]))
            return false;
    }
    return true;
}

static bool init(struct child *c, const uint8_t *cfg, size_t len)
{
    struct gate *g = (struct gate *)c;

    g->broker.fd = g->audit.fd = -1;
    g->broker_watch.fd = g->audit_watch.fd = -1;
    g->monitor_only = true; /* until there is a log */
    if (!gate_config_decode(cfg, len, &g->config) || g->config.route_count == 0) {
        child_log(c, "configuration from the monitor does not decode");
        return false;
    }
    /* A session has two legs; the rest are channels and the loop. */
    c->max_fds = 64;
    for (size_t i = 0; i < g->config.route_count; i++)
        c->max_fds += 4 * g->config.route[i].max_sessions;
    c->loop.round_end = round_end;
    c->loop.round_ctx = g;
    gate_update_init(g);
    return load_policies(g) && gate_permit_init(g) && gate_guard_init(g) &&
           gate_recording_init(g);
}

/* Sessions whose set-up needs the broker cannot go on without it; open ones can. */
static void lost_broker(struct gate *g)
{
    loop_del(&g->child.loop, &g->broker_watch);
    imsg_channel_close(&g->broker);
    for (struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->state == GATE_DIAL || s->state == GATE_IDENTIFY)
            gate_session_close(s, "broker-gone", -1, NULL);
    }
}

static void broker_ready(void *ctx, uint32_t events)
{
    struct gate *g = ctx;

    (void)events;
    for (int budget = 16; budget > 0; budget--) {
        enum imsg_status s = imsg_recv(&g->broker, &g->child.scratch);

        if (s == IMSG_AGAIN)
            return;
        if (s == IMSG_OK)
            s = gate_broker_message(g, &g->child.scratch);
        if (s == IMSG_OK)
            continue;
        if (s == IMSG_BAD)
            child_violation(&g->child, &g->broker, &g->broker_watch);
        lost_broker(g);
        return;
    }
}

static void channel(struct child *c, enum role peer, uint32_t id, int fd)
{
    struct gate *g = (struct gate *)c;

    if (peer == ROLE_AUDIT) {
        gate_log_channel(g, id, fd);
        return;
    }
    if (peer != ROLE_BROKER) {
        (void)close(fd);
        return;
    }
    if (g->broker.fd >= 0)
        lost_broker(g);
    imsg_channel_init(&g->broker, fd, ROLE_GATE, ROLE_BROKER, id, PHASE_RUN);
    if (!loop_add(&c->loop, &g->broker_watch, fd, EPOLLIN, broker_ready, g))
        lost_broker(g);
}

static enum imsg_status message(struct child *c, struct imsg *m)
{
    struct gate *g = (struct gate *)c;

    switch (m->type) {
    case MSG_UPDATE_BEGIN:
    case MSG_UPDATE_DATA:
    case MSG_POLICY_STEP: return gate_update_message(g, m);
    default: return gate_status_message(g, m);
    }
}

static void stop_timeout(void *ctx)
{
    struct gate *g = ctx;

    loop_stop(&g->child.loop);
}

static void stop(struct child *c)
{
    struct gate *g = (struct gate *)c;

    g->stopping = true; /* the rest is done at the end of each round */
    loop_timer_init(&g->stop_timer, stop_timeout, g);
    (void)loop_timer_set(&c->loop, &g->stop_timer, STOP_TIMEOUT_MS);
}

static const struct child_ops ops = {
    .role = ROLE_GATE,
    .init = init,
    .channel = channel,
    .message = message,
    .stop = stop,
};

int main(int argc, char **argv)
{
    static struct gate gate;

    _Static_assert(offsetof(struct gate, child) == 0, "callbacks get the child");
    return child_main(argc, argv, &ops, &gate.child);
}
