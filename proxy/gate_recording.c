/* What a recorded route's APDUs are told of to audit: on each leg those that come and
 * those that leave.  Nothing waits for it and nothing is allocated for it once the gate
 * runs: what has no room in the queue is counted.
 *
 * At most RECORDED_WINDOW messages are on their way, and none is sent while records
 * wait, so that a command's record finds the channel with room and little before it.
 *
 * The time is taken here, where octets come and go: audit would see a whole round of them
 * at one time, and later the more it has to do. */
#include "proxy/gate.h"

#include "proxy/recorded.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool any_is_recorded(const struct gate *g)
{
    for (size_t i = 0; i < g->config.route_count; i++) {
        if (g->config.route[i].record.apdus)
            return true;
    }
    return false;
}

bool gate_recording_init(struct gate *g)
{
    struct gate_recording *r = &g->recording;

    if (!any_is_recorded(g))
        return true;
    r->dropped = calloc(g->config.route_count, sizeof *r->dropped);
    r->queue = calloc(GATE_RECORDED_QUEUE, sizeof *r->queue);
    return r->dropped && r->queue;
}

void gate_recording_begin(struct gate *g)
{
    g->recording.sent = g->recording.taken = 0;
}

bool gate_recording_taken(struct gate *g, struct imsg *m)
{
    struct gate_recording *r = &g->recording;
    struct msg_recorded_ack ack;

    imsg_get(m, &ack, sizeof ack);
    if (ack.taken < r->taken || ack.taken > r->sent)
        return false;
    r->taken = ack.taken;
    return true;
}

static size_t place_of(const struct gate *g, const struct gate_route *route)
{
    return (size_t)(route - g->config.route);
}

static void count(struct gate *g, size_t place, uint8_t leg)
{
    uint32_t *dropped = &g->recording.dropped[place].leg[leg];

    if (*dropped < UINT32_MAX)
        ++*dropped;
    g->recording.untold = true;
}

/* False: it stays, for later. */
static bool send_now(struct gate *g, size_t place, uint8_t *payload, size_t n)
{
    struct gate_recording *r = &g->recording;
    struct gate_dropped *dropped = &r->dropped[place];

    if (g->audit.fd < 0 || r->sent - r->taken >= RECORDED_WINDOW || g->queue_count > 0)
        return false;
    memcpy(payload + offsetof(struct msg_recorded, dropped), dropped->leg,
           sizeof dropped->leg);
    if (imsg_send(&g->audit, MSG_RECORDED, payload, n, NULL, 0) != IMSG_OK)
        return false;
    r->sent++;
    memset(dropped, 0, sizeof *dropped);
    return true;
}

/* False: some stay. */
static bool send_queued(struct gate *g)
{
    struct gate_recording *r = &g->recording;

    while (r->count > 0) {
        struct gate_recorded *m = &r->queue[r->head];

        if (!send_now(g, m->place, m->payload, m->size))
            return false;
        r->head = (r->head + 1) % GATE_RECORDED_QUEUE;
        r->count--;
    }
    return true;
}

/* Counts of routes that have nothing else to tell. */
static void tell_dropped(struct gate *g)
{
    bool untold = false;

    for (size_t i = 0; i < g->config.route_count; i++) {
        struct gate_dropped *d = &g->recording.dropped[i];
        struct msg_recorded head = {.route = g->config.route[i].index};

        if ((d->leg[0] | d->leg[1]) != 0)
            untold = !send_now(g, i, (uint8_t *)&head, sizeof head) || untold;
    }
    g->recording.untold = untold;
}

void gate_recording_flush(struct gate *g)
{
    if (send_queued(g) && g->recording.untold)
        tell_dropped(g);
}

bool gate_recording_idle(const struct gate *g)
{
    return g->audit.fd < 0 || (g->recording.count == 0 && !g->recording.untold);
}

/* A new message for this session, in the queue; NULL: there is no room. */
static struct gate_recorded *new_message(const struct gate_session *s)
{
    struct gate_recording *r = &s->gate->recording;
    const struct msg_recorded head = {.session = s->id,
                                      .master = s->source,
                                      .station = s->target,
                                      .route = s->route->index};
    struct gate_recorded *m;

    if (r->count == GATE_RECORDED_QUEUE)
        (void)send_queued(s->gate);
    if (r->count == GATE_RECORDED_QUEUE)
        return NULL;
    m = &r->queue[(r->head + r->count++) % GATE_RECORDED_QUEUE];
    m->session = s->id;
    m->place = place_of(s->gate, s->route);
    memcpy(m->payload, &head, sizeof head);
    m->size = sizeof head;
    return m;
}

/* The newest message, if it is of this session; else NULL. */
static struct gate_recorded *last_message(const struct gate_session *s)
{
    const struct gate_recording *r = &s->gate->recording;
    struct gate_recorded *m;

    if (r->count == 0)
        return NULL;
    m = &r->queue[(r->head + r->count - 1) % GATE_RECORDED_QUEUE];
    return m->session == s->id ? m : NULL;
}

static bool add(const struct gate_session *s, const struct recorded_apdu *a)
{
    struct gate_recorded *m = last_message(s);
    size_t n = m ? recorded_put(m->payload, m->size, a) : 0;

    if (n == 0) {
        m = new_message(s);
        n = m ? recorded_put(m->payload, m->size, a) : 0;
    }
    if (n > 0)
        m->size = n;
    return n > 0;
}

static void tell(struct gate_leg *leg, bool sent, const uint8_t *p, size_t n)
{
    struct gate_session *s = leg->session;
    struct recorded_apdu a = {
        .leg = (uint8_t)leg->side, .sent = sent, .octets = p, .size = n};
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    a.utc_us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
    if (!add(s, &a))
        count(s->gate, place_of(s->gate, s->route), a.leg);
}

void gate_recording_came(struct gate_leg *leg, const uint8_t *p, size_t n)
{
    if (leg->session->route->record.apdus && n > 0)
        tell(leg, false, p, n < RECORDED_APDU_MAX ? n : RECORDED_APDU_MAX);
}

void gate_recording_left(struct gate_leg *leg, const uint8_t *p, size_t n, size_t whole)
{
    size_t pos = leg->recorded;

    if (!leg->session->route->record.apdus)
        return;
    while (pos < n && pos + 2 <= whole) {
        size_t size = 2u + p[pos + 1];

        tell(leg, true, p + pos, size);
        pos += size;
    }
    leg->recorded = pos - n;
}
