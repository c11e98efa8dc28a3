/* Sessions as the broker sees them: who holds them, and the caps on their number. */
#include "proxy/broker.h"

#include "proxy/endpoint.h"

#include <stdlib.h>
#include <unistd.h>

struct session *broker_session_new(struct broker *b, const struct broker_route *route,
                                   const struct msg_endpoint *source, struct peer *gate)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->broker = b;
    s->id = BROKER_FIRST_SESSION(b->config.incarnation) + ++b->session_last;
    s->route = route;
    s->state = SESSION_SETUP;
    s->source = *source;
    s->gate = gate;
    s->dial_fd = -1;
    s->dial_watch.fd = -1;
    s->next = b->sessions;
    b->sessions = s;
    return s;
}

void broker_session_free(struct session *s)
{
    struct broker *b = s->broker;
    struct session **p = &b->sessions;

    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    broker_dial_cancel(s);
    free(s);
}

struct session *broker_session_find(struct broker *b, uint64_t id)
{
    for (struct session *s = b->sessions; s; s = s->next) {
        if (s->id == id)
            return s;
    }
    return NULL;
}

void broker_session_settle(struct session *s)
{
    if (!s->gate && !s->worker)
        broker_session_free(s);
}

/* In protect-rtu the gate asks to dial once the peer has authenticated; in wrap-master
 * there is nothing to wait for. */
static bool is_set_up(const struct session *s)
{
    return s->state != SESSION_SETUP || s->route->mode == ROUTE_WRAP_MASTER;
}

uint32_t broker_sessions(const struct broker *b, const struct broker_route *r)
{
    uint32_t n = 0;

    for (const struct session *s = b->sessions; s; s = s->next)
        n += s->gate && is_set_up(s) && (!r || s->route == r);
    return n;
}

uint32_t broker_setups(const struct broker *b, const struct broker_route *r,
                       const struct msg_endpoint *source)
{
    uint32_t n = 0;

    for (const struct session *s = b->sessions; s; s = s->next)
        n += s->gate && !is_set_up(s) && (!r || s->route == r) &&
             (!source || endpoint_same_address(&s->source, source));
    return n;
}
