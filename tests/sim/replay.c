#include "tests/sim/replay.h"

#include "proxy/cli/tcp_stream.h"
#include "tests/sim/apdu.h"
#include "tests/sim/print.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 256u

struct loader;

struct stream {
    struct capture_endpoint source, destination;
    struct tcp_stream tcp;
    uint8_t apdu[SIM_APDU_MAX]; /* begun, not complete */
    size_t apdu_n;
    struct loader *l;
};

struct loader {
    struct sim_replay *r;
    struct stream *streams[STREAMS_MAX];
    uint64_t first_us;
    bool full;
};

static bool grow(struct sim_replay *r, size_t octets)
{
    if (r->n == r->max) {
        size_t max = r->max == 0 ? 1024 : r->max * 2;
        void *p =
            max <= SIM_REPLAY_MAX ? realloc(r->asdus, max * sizeof *r->asdus) : NULL;

        if (p == NULL)
            return false;
        r->asdus = p;
        r->max = max;
    }
    if (r->octets_n + octets > r->octets_max) {
        size_t max = r->octets_max == 0 ? 65536 : r->octets_max * 2;
        void *p = realloc(r->octets, max);

        if (p == NULL)
            return false;
        r->octets = p;
        r->octets_max = max;
    }
    return true;
}

static void found(struct loader *l, uint64_t time_us, const uint8_t *apdu, size_t n)
{
    struct sim_replay *r = l->r;
    struct sim_apdu f;

    if (sim_apdu_open(&f, apdu, n) != NULL) {
        r->skipped++;
        return;
    }
    if (f.format != SIM_I)
        return;
    if (!grow(r, f.asdu_size)) {
        l->full = true;
        return;
    }
    if (r->n == 0)
        l->first_us = time_us;
    memcpy(r->octets + r->octets_n, f.asdu, f.asdu_size);
    r->asdus[r->n++] =
        (struct sim_replay_asdu){time_us > l->first_us ? time_us - l->first_us : 0,
                                 r->octets_n, (uint16_t)f.asdu_size};
    r->octets_n += f.asdu_size;
}

/* At a wrong start octet or length the rest of the segment is passed over. */
static void take_octets(void *ctx, const struct capture_segment *when,
                        const uint8_t *octets, size_t n)
{
    struct stream *s = ctx;

    for (size_t i = 0; i < n; i++) {
        int size;

        s->apdu[s->apdu_n++] = octets[i];
        size = sim_apdu_size(s->apdu, s->apdu_n);
        if (size == 0)
            continue;
        if (size > 0)
            found(s->l, when->time_us, s->apdu, (size_t)size);
        s->apdu_n = 0;
        if (size < 0) {
            s->l->r->skipped++;
            return;
        }
    }
}

/* What was begun before missing octets is lost. */
static void take_break(void *ctx, enum tcp_break why)
{
    struct stream *s = ctx;

    s->l->r->skipped += why == TCP_BREAK_GAP && s->apdu_n > 0;
    s->apdu_n = 0;
}

static struct stream *stream_new(struct loader *l, const struct capture_segment *t)
{
    struct stream *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->source = t->source;
    s->destination = t->destination;
    s->tcp.ctx = s;
    s->tcp.octets = take_octets;
    s->tcp.broken = take_break;
    s->l = l;
    return s;
}

static struct stream *stream_of(struct loader *l, const struct capture_segment *t)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (l->streams[i] == NULL)
            l->streams[i] = stream_new(l, t);
        if (l->streams[i] == NULL)
            return NULL;
        if (capture_endpoint_same(&l->streams[i]->source, &t->source) &&
            capture_endpoint_same(&l->streams[i]->destination, &t->destination))
            return l->streams[i];
    }
    return NULL;
}

static void take_segment(struct loader *l, const struct capture_segment *t,
                         bool per_packet)
{
    struct stream *s = stream_of(l, t);

    if (s == NULL) {
        l->full = true;
        return;
    }
    if (!per_packet && !t->whole) {
        tcp_stream_add(&s->tcp, t);
        return;
    }
    s->apdu_n = 0;
    if (t->n > 1 || t->whole)
        take_octets(s, t, t->octets, t->n);
}

static void end_streams(struct loader *l)
{
    for (size_t i = 0; i < STREAMS_MAX && l->streams[i] != NULL; i++) {
        tcp_stream_end(&l->streams[i]->tcp);
        free(l->streams[i]);
    }
}

/* Of a recording with two legs, what the master got: the first. */
static bool is_wanted(const struct capture_segment *t, uint16_t port)
{
    return t->source.port == capture_station_port(t, port) &&
           (!t->whole || t->interface == 0);
}

static int read_all(struct capture *p, struct loader *l, uint16_t port, bool per_packet)
{
    struct capture_packet packet;
    struct capture_segment t;
    int more = capture_next(p, &packet);

    while (more > 0 && !l->full) {
        if (capture_segment_of(&packet, &t) && is_wanted(&t, port))
            take_segment(l, &t, per_packet);
        more = capture_next(p, &packet);
    }
    end_streams(l);
    return more;
}

bool sim_replay_load(struct sim_replay *r, const char *path, uint16_t port,
                     bool per_packet, char *why, size_t n)
{
    static struct capture p;
    struct loader l = {.r = r};
    char wrong[128];
    int end;

    memset(r, 0, sizeof *r);
    if (!capture_open(&p, path, wrong, sizeof wrong)) {
        snprintf(why, n, "%s: %s", path, wrong);
        return false;
    }
    end = read_all(&p, &l, port, per_packet);
    capture_close(&p);
    if (l.full) {
        snprintf(why, n, "%s: too much for one replay", path);
        sim_replay_free(r);
        return false;
    }
    /* Captures are often cut off in the last packet; the rest is as good as ever. */
    if (end < 0)
        sim_print_error("%s: damaged or cut off behind %zu ASDUs", path, r->n);
    return true;
}

void sim_replay_free(struct sim_replay *r)
{
    free(r->octets);
    free(r->asdus);
    memset(r, 0, sizeof *r);
}
