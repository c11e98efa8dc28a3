#include "tests/sim/replay.h"

#include "tests/sim/print.h"
#include "tests/sim/tcp_stream.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 256u

struct loader {
    struct sim_replay *r;
    struct sim_stream *streams[STREAMS_MAX];
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

static void found(void *ctx, uint64_t time_us, const uint8_t *apdu, size_t n)
{
    struct loader *l = ctx;
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

static struct sim_stream *stream_of(struct loader *l, const struct sim_segment *t)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct sim_stream *s = l->streams[i];

        if (s == NULL) {
            s = calloc(1, sizeof *s);
            if (s == NULL)
                return NULL;
            l->streams[i] = s;
            s->source = t->source;
            s->destination = t->destination;
            s->source_port = t->source_port;
            s->destination_port = t->destination_port;
            s->ctx = l;
            s->found = found;
        }
        if (s->source == t->source && s->destination == t->destination &&
            s->source_port == t->source_port &&
            s->destination_port == t->destination_port)
            return s;
    }
    return NULL;
}

static void take_segment(struct loader *l, const struct sim_segment *t, bool per_packet)
{
    struct sim_stream *s = stream_of(l, t);

    if (s == NULL) {
        l->full = true;
        return;
    }
    if (!per_packet) {
        sim_stream_add(s, t);
        return;
    }
    s->apdu_n = 0;
    if (t->n > 1)
        sim_stream_octets(s, t->time_us, t->octets, t->n);
}

static void end_streams(struct loader *l)
{
    for (size_t i = 0; i < STREAMS_MAX && l->streams[i] != NULL; i++) {
        sim_stream_end(l->streams[i]);
        l->r->skipped += l->streams[i]->skipped;
        free(l->streams[i]);
    }
}

static int read_all(struct sim_pcap *p, struct loader *l, uint16_t port, bool per_packet)
{
    struct sim_packet packet;
    struct sim_segment t;
    int more = sim_pcap_next(p, &packet);

    while (more > 0 && !l->full) {
        if (sim_packet_tcp(&packet, &t) && t.source_port == port)
            take_segment(l, &t, per_packet);
        more = sim_pcap_next(p, &packet);
    }
    end_streams(l);
    return more;
}

bool sim_replay_load(struct sim_replay *r, const char *path, uint16_t port,
                     bool per_packet, char *why, size_t n)
{
    static struct sim_pcap p;
    struct loader l = {.r = r};
    int end;

    memset(r, 0, sizeof *r);
    if (!sim_pcap_open(&p, path, why, n))
        return false;
    end = read_all(&p, &l, port, per_packet);
    sim_pcap_close(&p);
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
