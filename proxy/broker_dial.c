/* Dialling: each configured address in turn, t0 for each; then the hand-over to the gate,
 * by way of a tls worker when the dialled side speaks TLS. */
#include "proxy/broker.h"

#include "proxy/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static void try_next(struct session *s);

static void close_dial(struct session *s)
{
    loop_del(&s->broker->child.loop, &s->dial_watch);
    if (s->dial_fd >= 0)
        (void)close(s->dial_fd);
    s->dial_fd = -1;
}

void broker_dial_cancel(struct session *s)
{
    loop_timer_stop(&s->broker->child.loop, &s->timer);
    close_dial(s);
    s->state = SESSION_UP;
}

static void give_up(struct session *s)
{
    size_t last = s->target > 0 ? s->target - 1 : 0;
    struct msg_dial_failed m = {.session = s->id,
                                .error = (uint32_t)s->dial_error,
                                .remote = s->route->target[last]};

    broker_dial_cancel(s);
    (void)imsg_send(&s->gate->ch, MSG_DIAL_FAILED, &m, sizeof m, NULL, 0);
}

void broker_dial_refuse(struct session *s, int error)
{
    s->dial_error = error;
    give_up(s);
}

/* Both legs are there: give the dialled one away. */
static void deliver(struct session *s)
{
    struct msg_session m = {.session = s->id,
                            .route = s->route->index,
                            .remote = s->route->target[s->target - 1]};
    struct peer *worker;
    int pair;

    if (s->route->mode == ROUTE_PROTECT_RTU) {
        (void)imsg_send(&s->gate->ch, MSG_DIALED_PLAIN, &m, sizeof m, &s->dial_fd, 1);
        broker_dial_cancel(s);
        return;
    }
    worker = broker_worker(s->broker, s->route->group);
    if (!worker) {
        s->state = SESSION_WAITING; /* the timer of this dial goes on */
        return;
    }
    if (!broker_give_worker(s, worker, s->dial_fd, &m.remote, &pair)) {
        s->dial_error = ECONNABORTED;
        give_up(s);
        return;
    }
    m.worker = worker->ch.peer_id;
    (void)imsg_send(&s->gate->ch, MSG_DIALED_TLS, &m, sizeof m, &pair, 1);
    (void)close(pair);
    broker_dial_cancel(s);
}

static void dial_ready(void *ctx, uint32_t events)
{
    struct session *s = ctx;
    int error = ECONNABORTED;
    socklen_t len = sizeof error;

    (void)events;
    loop_del(&s->broker->child.loop, &s->dial_watch);
    (void)getsockopt(s->dial_fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0) {
        deliver(s);
        return;
    }
    s->dial_error = error;
    try_next(s);
}

static void dial_timeout(void *ctx)
{
    struct session *s = ctx;

    s->dial_error = ETIMEDOUT;
    if (s->state == SESSION_WAITING)
        give_up(s); /* connected, but no worker came */
    else
        try_next(s);
}

static bool dial(struct session *s, const struct msg_endpoint *e)
{
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(e, &ss);
    int one = 1;

    s->dial_fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->dial_fd < 0)
        return false;
    (void)setsockopt(s->dial_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(s->dial_fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
        return false;
    /* An immediate connect shows as writable too. */
    return loop_add(&s->broker->child.loop, &s->dial_watch, s->dial_fd, EPOLLOUT,
                    dial_ready, s) &&
           loop_timer_set(&s->broker->child.loop, &s->timer,
                          (uint64_t)s->route->t0_s * 1000u);
}

static void try_next(struct session *s)
{
    close_dial(s);
    while (s->target < s->route->target_count) {
        if (dial(s, &s->route->target[s->target++]))
            return;
        s->dial_error = errno;
        close_dial(s);
    }
    give_up(s);
}

void broker_dial_start(struct session *s)
{
    loop_timer_init(&s->timer, dial_timeout, s);
    s->state = SESSION_DIALING;
    s->target = 0;
    s->dial_error = 0;
    try_next(s);
}

void broker_dial_resume(struct broker *b)
{
    for (struct session *s = b->sessions; s; s = s->next) {
        if (s->state == SESSION_WAITING && broker_worker(b, s->route->group))
            deliver(s);
    }
}
