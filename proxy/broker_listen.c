/* Listening and accepting: source networks, caps, hand-over. */
#include "proxy/broker.h"

#include "proxy/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Connections of a route that may be in set-up at once: they cost a tls process each, and
 * come from who has not yet shown who he is, so they have places of their own: this many,
 * or as many as the route may have sessions, so that all its masters may come at once. */
#define ROUTE_SETUPS_MIN 64u
#define REFUSAL_BURST    20u
#define TICK_MS          1000u

static int open_listener(const struct msg_endpoint *e)
{
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(e, &ss);
    int one = 1;
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ss.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, 128) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool open_one(struct broker *b, const struct broker_route *route,
                     const struct msg_endpoint *e)
{
    struct listener *l = &b->listener[b->listener_count];
    char text[ENDPOINT_TEXT_MAX];
    int fd = open_listener(e);

    if (fd < 0) {
        int error = errno;

        endpoint_text(e, text);
        child_log(&b->child, "route \"%s\": cannot listen on %s: %s", route->name, text,
                  strerror(error));
        return false;
    }
    l->broker = b;
    l->route = route;
    l->watch.fd = fd;
    b->listener_count++;
    child_keep(&b->child, fd);
    return true;
}

bool broker_listen_open(struct broker *b)
{
    size_t total = 0;

    for (size_t i = 0; i < b->config.route_count; i++)
        total += b->config.route[i].listen_count;
    b->listener = calloc(total ? total : 1, sizeof *b->listener);
    if (!b->listener)
        return false;
    for (size_t i = 0; i < b->config.route_count; i++) {
        const struct broker_route *r = &b->config.route[i];

        for (size_t j = 0; j < r->listen_count; j++) {
            if (!open_one(b, r, &r->listen[j]))
                return false;
        }
    }
    return true;
}

static bool send_record(struct broker *b, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    return n > 0 && imsg_send(&b->audit, MSG_RECORD, payload, n, NULL, 0) == IMSG_OK;
}

/* The number of refusals that had no record of their own. */
static void tell_untold(struct broker *b)
{
    struct record r;

    if (b->refusals_untold == 0)
        return;
    record_begin(&r, EVENT_SESSION_REFUSED, 0, false);
    record_text(&r, RECORD_WHY, "many");
    record_u64(&r, RECORD_COUNT, b->refusals_untold);
    record_text(&r, RECORD_DETAIL, "refused like those before, not listed one by one");
    if (send_record(b, &r))
        b->refusals_untold = 0;
}

void broker_tick(void *ctx)
{
    struct broker *b = ctx;

    tell_untold(b);
    broker_tell_taken(b);
    b->refusal_tokens = REFUSAL_BURST;
    b->out_of_descriptors = false;
    broker_listen_update(b);
    (void)loop_timer_set(&b->child.loop, &b->tick, TICK_MS);
}

void broker_record_refused(struct broker *b, const struct broker_route *route,
                           const struct msg_endpoint *source, const char *why)
{
    struct record r;
    char text[ENDPOINT_TEXT_MAX];

    if (b->refusal_tokens == 0) {
        b->refusals_untold++;
        return;
    }
    b->refusal_tokens--;
    endpoint_text(source, text);
    record_begin(&r, EVENT_SESSION_REFUSED, 0, false);
    record_u64(&r, RECORD_ROUTE, route->index);
    record_text(&r, RECORD_SOURCE, text);
    record_text(&r, RECORD_WHY, why);
    if (!send_record(b, &r))
        b->refusals_untold++;
}

void broker_record_gate_gone(struct broker *b, const struct session *s)
{
    struct record r;
    char text[ENDPOINT_TEXT_MAX];

    endpoint_text(&s->source, text);
    record_begin(&r, EVENT_SESSION_CLOSE, 0, false);
    record_u64(&r, RECORD_SESSION, s->id);
    record_u64(&r, RECORD_ROUTE, s->route->index);
    record_text(&r, RECORD_SOURCE, text);
    record_text(&r, RECORD_WHY, "gate-process-gone");
    (void)send_record(b, &r);
}

/* Why a connection may not become a session, or NULL. */
static const char *objection(struct broker *b, const struct broker_route *r,
                             const struct msg_endpoint *source, const struct peer *gate)
{
    bool admitted = r->source_count == 0;

    for (size_t i = 0; i < r->source_count && !admitted; i++)
        admitted = endpoint_in_net(source, &r->source[i]);
    if (!admitted)
        return "source-not-allowed";
    if (!gate)
        return "gate-not-running";
    if (broker_sessions(b, NULL) >= b->config.max_sessions)
        return "too-many-sessions";
    if (broker_sessions(b, r) >= r->max_sessions)
        return "too-many-sessions-of-route";
    if (broker_setups(b, NULL, source) >= b->config.handshakes_per_source)
        return "too-many-handshakes-of-source";
    if (broker_setups(b, r, NULL) >=
        (r->max_sessions > ROUTE_SETUPS_MIN ? r->max_sessions : ROUTE_SETUPS_MIN))
        return "too-many-handshakes-of-route";
    return NULL;
}

/* Hands the accepted connection over.  Closes nothing. */
static bool hand_over(struct session *s, int tcp)
{
    struct broker *b = s->broker;
    struct msg_session m = {
        .session = s->id, .route = s->route->index, .remote = s->source};
    struct peer *worker;
    int pair;
    bool good;

    if (s->route->mode == ROUTE_WRAP_MASTER)
        return imsg_send(&s->gate->ch, MSG_GATE_SESSION_PLAIN, &m, sizeof m, &tcp, 1) ==
               IMSG_OK;
    worker = broker_worker(b, s->route->group);
    if (!worker || !broker_give_worker(s, worker, tcp, &s->source, &pair))
        return false;
    m.worker = worker->ch.peer_id;
    good =
        imsg_send(&s->gate->ch, MSG_GATE_SESSION_TLS, &m, sizeof m, &pair, 1) == IMSG_OK;
    (void)close(pair);
    return good;
}

static void admit(struct listener *l, int tcp, const struct msg_endpoint *source)
{
    struct broker *b = l->broker;
    struct peer *gate = broker_gate(b, l->route->gate);
    const char *why = objection(b, l->route, source, gate);
    struct session *s = NULL;
    int one = 1;

    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!why) {
        s = broker_session_new(b, l->route, source, gate);
        if (!s)
            why = "out-of-memory";
    }
    if (s && !hand_over(s, tcp)) {
        why = "hand-over-failed";
        s->gate = NULL;
        broker_session_settle(s);
    }
    if (why)
        broker_record_refused(b, l->route, source, why);
}

static void accept_ready(void *ctx, uint32_t events)
{
    struct listener *l = ctx;
    struct msg_endpoint source;
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    int fd;

    (void)events;
    /* One connection a round: a worker must be free for each. */
    fd = accept4(l->watch.fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        /* What waits in the queue would call at once, again and again. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            l->broker->out_of_descriptors = true;
            broker_listen_update(l->broker);
        }
        return;
    }
    if (endpoint_from_sockaddr(&ss, &source))
        admit(l, fd, &source);
    (void)close(fd);
    broker_listen_update(l->broker);
}

void broker_listen_start(struct broker *b)
{
    for (size_t i = 0; i < b->listener_count; i++) {
        struct listener *l = &b->listener[i];

        (void)loop_add(&b->child.loop, &l->watch, l->watch.fd, 0, accept_ready, l);
    }
    broker_listen_update(b);
}

void broker_listen_update(struct broker *b)
{
    for (size_t i = 0; i < b->listener_count; i++) {
        struct listener *l = &b->listener[i];
        bool able = !b->out_of_descriptors && (l->route->mode == ROUTE_WRAP_MASTER ||
                                               broker_worker(b, l->route->group));

        loop_set(&b->child.loop, &l->watch, able ? EPOLLIN : 0);
    }
}

void broker_listen_stop(struct broker *b)
{
    for (size_t i = 0; i < b->listener_count; i++) {
        int fd = b->listener[i].watch.fd;

        loop_del(&b->child.loop, &b->listener[i].watch);
        if (fd >= 0)
            (void)close(fd);
    }
    b->listener_count = 0;
}
