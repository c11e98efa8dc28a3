/* gate104-broker: accepts and dials for all routes.  It checks sources and caps, joins
 * the two processes of a session, and passes descriptors.  It never reads or writes an
 * octet of payload. */
#include "proxy/broker.h"

static bool init(struct child *c, const uint8_t *cfg, size_t len)
{
    struct broker *b = (struct broker *)c;

    b->audit.fd = -1;
    b->audit_watch.fd = -1;
    if (!broker_config_decode(cfg, len, &b->config)) {
        child_log(c, "configuration from the monitor does not decode");
        return false;
    }
    loop_timer_init(&b->tick, broker_tick, b);
    /* A session in set-up or being dialled has a few; the rest are channels. */
    c->max_fds = 4096 + 8 * b->config.max_sessions;
    for (size_t i = 0; i < b->config.route_count; i++) {
        const struct broker_route *r = &b->config.route[i];

        for (size_t k = 0; k < r->target_count; k++)
            child_dials(c, r->target[k].port);
    }
    return broker_listen_open(b);
}

static void start(struct child *c)
{
    struct broker *b = (struct broker *)c;

    broker_listen_start(b);
    broker_tick(b);
}

static void channel(struct child *c, enum role peer, uint32_t id, int fd)
{
    broker_peer_add((struct broker *)c, peer, id, fd);
}

static void stop(struct child *c)
{
    broker_listen_stop((struct broker *)c);
    loop_stop(&c->loop);
}

static const struct child_ops ops = {
    .role = ROLE_BROKER,
    .max_fds = 4096,
    .init = init,
    .start = start,
    .channel = channel,
    .stop = stop,
};

int main(int argc, char **argv)
{
    static struct broker broker;

    _Static_assert(offsetof(struct broker, child) == 0, "callbacks get the child");
    return child_main(argc, argv, &ops, &broker.child);
}
