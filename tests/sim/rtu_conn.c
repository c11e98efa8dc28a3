#include "tests/sim/rtu.h"

#include "tests/sim/simclock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(void *ctx, const uint8_t *apdu, size_t n)
{
    struct sim_conn *c = ctx;

    sim_print_frame(&c->st->o->print, c->id, true, apdu, n);
    if (!sim_channel_put(&c->ch, apdu, n))
        c->overloaded = true;
}

static void acknowledged(void *ctx, uint64_t tag)
{
    struct sim_conn *c = ctx;

    /* Tag n stands for event n - 1. */
    if (tag > c->st->events_acked)
        c->st->events_acked = tag;
}

struct sim_conn *sim_conn_new(struct sim_station *st, int fd, const char *peer)
{
    struct sim_conn *c = calloc(1, sizeof *c);

    if (c == NULL) {
        close(fd);
        return NULL;
    }
    c->st = st;
    c->id = ++st->conns_seen;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    if (!sim_link_init(&c->link, &st->o->link, false, sim_clock_ms()) ||
        !sim_channel_open(&c->ch, fd, false, st->tls)) {
        sim_link_free(&c->link);
        close(fd);
        free(c);
        return NULL;
    }
    c->link.ctx = c;
    c->link.put = put;
    c->link.acknowledged = acknowledged;
    c->ch.batch = st->o->batch;
    return c;
}

void sim_conn_free(struct sim_conn *c, const char *why)
{
    const struct sim_link_counts *n = &c->link.counts;

    sim_print_event(
        &c->st->o->print, "closed", c->id,
        "connection from %s closed: %s; sent/received I %llu/%llu S %llu/%llu U "
        "%llu/%llu, not acknowledged %u",
        c->peer, why, (unsigned long long)n->i_sent, (unsigned long long)n->i_received,
        (unsigned long long)n->s_sent, (unsigned long long)n->s_received,
        (unsigned long long)n->u_sent, (unsigned long long)n->u_received,
        sim_link_in_flight(&c->link));
    sim_channel_close(&c->ch, false);
    sim_link_free(&c->link);
    free(c);
}

void sim_conn_queue(struct sim_conn *c, const uint8_t *asdu, size_t n)
{
    uint32_t at = (c->queue_head + c->queue_n) % SIM_QUEUE_MAX;

    if (c->queue_n == SIM_QUEUE_MAX) {
        c->overloaded = true;
        return;
    }
    memcpy(c->queue[at], asdu, n);
    c->queue_size[at] = (uint8_t)n;
    c->queue_n++;
}

static uint64_t replay_due(const struct sim_conn *c)
{
    const struct sim_replay *r = &c->st->replay;

    if (c->replay_at >= r->n)
        return SIM_NEVER;
    if (c->st->o->replay_speed == 0)
        return 0;
    return c->replay_start + (uint64_t)((double)r->asdus[c->replay_at].time_us / 1000.0 /
                                        c->st->o->replay_speed);
}

/* The next ASDU to send: answers first, then interrogations, then what happens by itself.
 */
static size_t next_asdu(struct sim_conn *c, uint64_t now, uint8_t *out, uint64_t *tag)
{
    struct sim_station *st = c->st;
    size_t n = 0;
    bool done;

    *tag = 0;
    if (c->queue_n > 0) {
        n = c->queue_size[c->queue_head];
        memcpy(out, c->queue[c->queue_head], n);
        c->queue_head = (c->queue_head + 1u) % SIM_QUEUE_MAX;
        c->queue_n--;
    } else if (c->jobs_n > 0) {
        n = sim_job_next(st, &c->jobs[0], out, &done);
        if (done)
            memmove(c->jobs, c->jobs + 1, --c->jobs_n * sizeof c->jobs[0]);
    } else if (st->o->replay != NULL && replay_due(c) <= now) {
        const struct sim_replay_asdu *a = &st->replay.asdus[c->replay_at++];

        n = a->size;
        memcpy(out, st->replay.octets + a->at, n);
        if (c->replay_at == st->replay.n)
            sim_print_event(&st->o->print, "replayed", c->id,
                            "replay: all %zu ASDUs sent", st->replay.n);
    } else if (st->o->replay == NULL && c->next_event < st->events_made) {
        n = sim_events_make(st, c->next_event, out);
        *tag = ++c->next_event;
    }
    return n;
}

static void pump(struct sim_conn *c, uint64_t now)
{
    uint8_t out[SIM_ASDU_MAX];
    uint64_t tag;

    for (uint32_t i = 0; i < c->link.p.k; i++) {
        size_t n;

        if (!sim_link_room(&c->link) || !sim_channel_room(&c->ch))
            return;
        n = next_asdu(c, now, out, &tag);
        if (n == 0)
            return;
        sim_link_send(&c->link, now, out, n, tag);
    }
}

static void started(struct sim_conn *c, uint64_t now)
{
    struct sim_station *st = c->st;

    sim_print_event(&st->o->print, "started", c->id, "data transfer started");
    /* What nobody acknowledged is sent again (104 clause 10). */
    sim_events_pass(st, 0);
    c->next_event = st->events_acked;
    c->replay_start = now;
    sim_answer_initialised(c);
}

static const char *take_one(struct sim_conn *c, size_t size, uint64_t now)
{
    struct sim_apdu f;

    sim_print_frame(&c->st->o->print, c->id, false, c->ch.in, size);
    switch (sim_link_take(&c->link, now, c->ch.in, size, &f)) {
    case SIM_LINK_ASDU:
        if (c->st->o->replay == NULL)
            sim_answer(c, f.asdu, f.asdu_size, now);
        break;
    case SIM_LINK_START: started(c, now); break;
    case SIM_LINK_STOP:
        sim_print_event(&c->st->o->print, "stopped", c->id, "data transfer stopped");
        break;
    case SIM_LINK_BROKEN: return c->link.why;
    case SIM_LINK_NOTHING:
    case SIM_LINK_TESTED: break;
    }
    return NULL;
}

static const char *take_all(struct sim_conn *c, uint64_t now)
{
    const char *why = NULL;

    for (size_t i = 0; i < SIM_IN_MAX / SIM_APDU_MIN && why == NULL; i++) {
        int size = sim_channel_next(&c->ch);

        if (size < 0)
            return "start octet or length of an APDU is wrong";
        if (size == 0)
            return NULL;
        why = take_one(c, (size_t)size, now);
        sim_channel_consume(&c->ch, (size_t)size);
    }
    return why;
}

static void announce(struct sim_conn *c)
{
    char tls[512] = "plain TCP";

    if (c->announced || c->ch.state != SIM_OPEN)
        return;
    c->announced = true;
    if (c->ch.tls != NULL)
        sim_tls_describe(c->ch.tls, tls, sizeof tls);
    sim_print_event(&c->st->o->print, "connected", c->id, "connection from %s, %s",
                    c->peer, tls);
}

const char *sim_conn_step(struct sim_conn *c, short revents, uint64_t now)
{
    const char *why;

    sim_channel_step(&c->ch, revents);
    announce(c);
    why = take_all(c, now);
    if (why == NULL && c->ch.state == SIM_CLOSED)
        return c->ch.why;
    if (why == NULL && c->ch.state == SIM_OPEN &&
        sim_link_tick(&c->link, now) == SIM_LINK_BROKEN)
        why = c->link.why;
    if (why == NULL)
        pump(c, now);
    sim_channel_flush(&c->ch);
    if (why == NULL && c->overloaded)
        why = "the peer asks faster than it takes the answers";
    return why;
}

uint64_t sim_conn_deadline(const struct sim_conn *c, uint64_t now)
{
    uint64_t at = sim_link_deadline(&c->link);
    uint64_t replay = SIM_NEVER;

    if (sim_channel_ready(&c->ch))
        return now;
    if (!sim_link_room(&c->link) || !sim_channel_room(&c->ch))
        return at;
    if (c->st->o->replay != NULL)
        replay = replay_due(c);
    else if (c->next_event < c->st->events_made)
        return now;
    return replay < at ? replay : at;
}
