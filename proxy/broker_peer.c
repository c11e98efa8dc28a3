/* Channels to gates, tls workers and audit, and what they ask of the broker. */
#include "proxy/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A gate or worker is gone: what it held of each session is held by nobody. */
static void release_sessions(struct broker *b, const struct peer *peer)
{
    struct session *next;

    for (struct session *s = b->sessions; s; s = next) {
        next = s->next;
        if (s->gate == peer) {
            broker_record_gate_gone(b, s);
            s->gate = NULL;
            broker_dial_cancel(s);
        }
        if (s->worker == peer)
            s->worker = NULL;
        broker_session_settle(s);
    }
}

static void peer_remove(struct peer *p)
{
    struct broker *b = p->broker;
    struct peer **list = p->ch.peer == ROLE_GATE ? &b->gates : &b->workers;

    while (*list != p)
        list = &(*list)->next;
    *list = p->next;
    loop_del(&b->child.loop, &p->watch);
    imsg_channel_close(&p->ch);
    release_sessions(b, p);
    free(p);
    broker_listen_update(b);
}

/* The session a message names, if it may name it.  *mine stays true for a session of an
 * earlier broker, which this one never knew. */
static struct session *named_session(struct peer *p, const struct imsg *m, bool *mine)
{
    struct broker *b = p->broker;
    struct msg_session_id id;
    struct session *s;

    imsg_get(m, &id, sizeof id);
    *mine = true;
    if (id.session <= BROKER_FIRST_SESSION(b->config.incarnation))
        return NULL;
    s = broker_session_find(b, id.session);
    *mine = s && (p->ch.peer == ROLE_GATE ? s->gate == p : s->worker == p);
    return *mine ? s : NULL;
}

/* True if one more may join those who have authenticated. */
static bool has_place(const struct session *s)
{
    const struct broker *b = s->broker;

    return broker_sessions(b, NULL) < b->config.max_sessions &&
           broker_sessions(b, s->route) < s->route->max_sessions;
}

static enum imsg_status gate_message(struct peer *p, struct imsg *m)
{
    bool mine;
    struct session *s = named_session(p, m, &mine);

    if (!mine)
        return imsg_reject(&p->ch, m);
    if (!s)
        return IMSG_OK;
    if (m->type == MSG_DIAL) {
        if (s->state != SESSION_SETUP)
            return imsg_reject(&p->ch, m);
        if (s->route->mode == ROUTE_PROTECT_RTU && !has_place(s))
            broker_dial_refuse(s, EUSERS);
        else
            broker_dial_start(s);
        return IMSG_OK;
    }
    s->gate = NULL; /* SESSION_END */
    broker_dial_cancel(s);
    broker_session_settle(s);
    return IMSG_OK;
}

static enum imsg_status worker_message(struct peer *p, struct imsg *m)
{
    bool mine;
    struct session *s = named_session(p, m, &mine);

    if (!mine)
        return imsg_reject(&p->ch, m);
    if (!s)
        return IMSG_OK;
    s->worker = NULL; /* TLS_DONE */
    if (p->load > 0)
        p->load--;
    broker_session_settle(s);
    broker_listen_update(p->broker);
    broker_dial_resume(p->broker);
    return IMSG_OK;
}

static void peer_ready(void *ctx, uint32_t events)
{
    struct peer *p = ctx;
    struct broker *b = p->broker;
    struct imsg *m = &b->child.scratch;

    (void)events;
    for (int budget = 16; budget > 0; budget--) {
        enum imsg_status s = imsg_recv(&p->ch, m);

        if (s == IMSG_AGAIN)
            return;
        if (s == IMSG_OK)
            s = p->ch.peer == ROLE_GATE ? gate_message(p, m) : worker_message(p, m);
        if (s == IMSG_OK)
            continue;
        if (s == IMSG_BAD)
            child_violation(&b->child, &p->ch, &p->watch);
        peer_remove(p);
        return;
    }
}

/* Audit has nothing to say to the broker. */
static void audit_ready(void *ctx, uint32_t events)
{
    struct broker *b = ctx;
    enum imsg_status s = imsg_recv(&b->audit, &b->child.scratch);

    (void)events;
    if (s == IMSG_AGAIN)
        return;
    if (s == IMSG_BAD)
        child_violation(&b->child, &b->audit, &b->audit_watch);
    loop_del(&b->child.loop, &b->audit_watch);
    imsg_channel_close(&b->audit);
}

static void audit_add(struct broker *b, uint32_t id, int fd)
{
    loop_del(&b->child.loop, &b->audit_watch);
    imsg_channel_close(&b->audit);
    imsg_channel_init(&b->audit, fd, ROLE_BROKER, ROLE_AUDIT, id, PHASE_RUN);
    (void)loop_add(&b->child.loop, &b->audit_watch, fd, EPOLLIN, audit_ready, b);
}

void broker_peer_add(struct broker *b, enum role role, uint32_t id, int fd)
{
    struct peer *p;
    struct peer **list = role == ROLE_GATE ? &b->gates : &b->workers;

    if (role == ROLE_AUDIT) {
        audit_add(b, id, fd);
        return;
    }
    p = role == ROLE_GATE || role == ROLE_TLS ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        (void)close(fd);
        return;
    }
    p->broker = b;
    p->capacity = role == ROLE_TLS ? b->config.sessions_per_worker : 0;
    imsg_channel_init(&p->ch, fd, ROLE_BROKER, role, id, PHASE_RUN);
    p->next = *list;
    *list = p;
    if (!loop_add(&b->child.loop, &p->watch, fd, EPOLLIN, peer_ready, p)) {
        peer_remove(p);
        return;
    }
    broker_listen_update(b);
    broker_dial_resume(b);
}

struct peer *broker_gate(struct broker *b, uint32_t id)
{
    for (struct peer *p = b->gates; p; p = p->next) {
        if (p->ch.peer_id == id)
            return p;
    }
    return NULL;
}

struct peer *broker_worker(struct broker *b, uint32_t group)
{
    for (struct peer *p = b->workers; p; p = p->next) {
        if (TLS_WORKER_GROUP(p->ch.peer_id) == group && !p->retired &&
            p->load < p->capacity)
            return p;
    }
    return NULL;
}

void broker_tell_taken(struct broker *b)
{
    for (struct peer *p = b->workers; p; p = p->next) {
        struct msg_worker taken = {.id = p->ch.peer_id, .gate = p->gate};

        if (p->untold && imsg_send(&b->child.control, MSG_WORKER_TAKEN, &taken,
                                   sizeof taken, NULL, 0) == IMSG_OK)
            p->untold = false;
    }
}

bool broker_give_worker(struct session *s, struct peer *worker, int tcp,
                        const struct msg_endpoint *remote, int *pair_out)
{
    struct broker *b = s->broker;
    struct msg_session m = {
        .session = s->id, .route = s->route->index, .remote = *remote};
    int pair[2];
    int fds[2];

    if (!imsg_pair(pair))
        return false;
    fds[0] = tcp;
    fds[1] = pair[0];
    /* Before the session is handed over: a worker may be done with it, and end, before
     * the next line here. */
    worker->gate = s->gate->ch.peer_id;
    worker->untold = worker->load + 1 == worker->capacity;
    broker_tell_taken(b);
    if (imsg_send(&worker->ch, MSG_TLS_SESSION, &m, sizeof m, fds, 2) != IMSG_OK) {
        worker->retired = worker->retired || worker->load + 1 == worker->capacity;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return false;
    }
    (void)close(pair[0]);
    *pair_out = pair[1];
    s->worker = worker;
    worker->load++;
    /* A worker for one session is never used again: what one peer did to its memory must
     * not meet the next peer. */
    worker->retired = worker->capacity == 1;
    return true;
}
