#include "proxy/cli/cli.h"
#include "proxy/cli/decode.h"
#include "proxy/cli/tcp_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Directions of connections followed at a time; the one heard of least lately makes room
 * for a new one. */
#define FLOWS_MAX 512u

struct flow {
    uint64_t used; /* packet in which it was heard of last */
    struct decode_flow where;
    struct tcp_stream tcp;
    struct decode_stream apdus;
};

struct reader {
    struct decode_run *run;
    enum decode_direction direction;
    uint16_t port;
    bool per_packet;
    uint64_t segments; /* of the port, with octets */
    uint64_t others;   /* of other ports */
    uint64_t repeated; /* of the port, that held nothing new */
    struct flow *flow[FLOWS_MAX];
    size_t flows;
};

/* ---- octets of one direction ------------------------------------------------------- */

/* Where framing was lost, the octets up to the next segment that begins as an APDU does
 * are passed over: gate104 would have closed the connection, and the capture shows more
 * of it. */
static void take_octets(void *ctx, const struct capture_segment *when,
                        const uint8_t *octets, size_t n)
{
    struct flow *f = ctx;

    f->where.number = when->number;
    f->where.time_us = when->time_us;
    f->where.whole = when->whole;
    f->where.interface = when->interface;
    if (f->apdus.lost && octets[0] == APCI_START)
        f->apdus.lost = false;
    decode_stream_add(&f->apdus, octets, n);
    decode_stream_settle(&f->apdus);
}

static void take_break(void *ctx, enum tcp_break why)
{
    struct flow *f = ctx;

    decode_stream_end(&f->apdus);
    f->apdus.lost = false;
    if (why == TCP_BREAK_BEGIN)
        f->apdus.offset = 0;
    else if (!f->apdus.run->json)
        (void)fprintf(f->apdus.run->out,
                      "gap: octets of the stream are not in the capture\n");
}

static void end_flow(struct reader *r, struct flow *f)
{
    tcp_stream_end(&f->tcp);
    r->repeated += f->tcp.repeated;
    decode_stream_end(&f->apdus);
}

/* ---- the table of directions ------------------------------------------------------- */

static void flow_begin(struct reader *r, struct flow *f, const struct capture_segment *t)
{
    const bool from_station = t->source.port == capture_station_port(t, r->port);

    memset(f, 0, sizeof *f);
    f->where.source = t->source;
    f->where.destination = t->destination;
    f->tcp.ctx = f;
    f->tcp.octets = take_octets;
    f->tcp.broken = take_break;
    f->apdus.run = r->run;
    f->apdus.flow = &f->where;
    f->apdus.direction = r->direction;
    if (r->direction == DECODE_AUTO)
        f->apdus.direction = from_station ? DECODE_MONITOR : DECODE_CONTROL;
}

static struct flow *flow_new(struct reader *r)
{
    size_t oldest = 0;

    if (r->flows < FLOWS_MAX) {
        r->flow[r->flows] = malloc(sizeof *r->flow[0]);
        return r->flow[r->flows] ? r->flow[r->flows++] : NULL;
    }
    for (size_t i = 1; i < r->flows; i++)
        if (r->flow[i]->used < r->flow[oldest]->used)
            oldest = i;
    end_flow(r, r->flow[oldest]);
    return r->flow[oldest];
}

static struct flow *flow_of(struct reader *r, const struct capture_segment *t)
{
    struct flow *f = NULL;

    for (size_t i = 0; i < r->flows && !f; i++)
        if (capture_endpoint_same(&r->flow[i]->where.source, &t->source) &&
            capture_endpoint_same(&r->flow[i]->where.destination, &t->destination))
            f = r->flow[i];
    if (!f) {
        f = flow_new(r);
        if (f)
            flow_begin(r, f, t);
    }
    if (f)
        f->used = t->number;
    return f;
}

/* ---- the file ---------------------------------------------------------------------- */

static void take_segment(struct reader *r, const struct capture_segment *t)
{
    const uint16_t port = capture_station_port(t, r->port);
    struct flow *f;

    if (t->source.port != port && t->destination.port != port) {
        r->others += t->n > 0;
        return;
    }
    r->segments += t->n > 0;
    f = flow_of(r, t);
    if (!f) {
        r->run->failed = true;
        return;
    }
    if (!r->per_packet && !t->whole) {
        tcp_stream_add(&f->tcp, t);
        return;
    }
    f->apdus.lost = false;
    if (t->whole)
        f->apdus.offset = 0;
    if (t->n > 1 || t->whole) /* one octet is a keep-alive probe, RFC 9293 3.8.4 */
        take_octets(f, t, t->octets, t->n);
    decode_stream_end(&f->apdus);
}

static int read_all(struct reader *r, struct capture *c)
{
    struct capture_packet packet;
    struct capture_segment segment;
    int more = capture_next(c, &packet);

    while (more > 0 && !r->run->failed) { /* ends with the file */
        if (capture_segment_of(&packet, &segment))
            take_segment(r, &segment);
        more = capture_next(c, &packet);
    }
    for (size_t i = 0; i < r->flows; i++) {
        end_flow(r, r->flow[i]);
        free(r->flow[i]);
    }
    return more;
}

static void complain(const char *path)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "gate104 decode: ");
    cli_put_safe(stderr, path, 0, false);
}

/* What the APDUs alone do not show.  `cut` is the last packet before damage. */
static void report(struct reader *r, const char *path, uint64_t cut)
{
    if (cut != UINT64_MAX) {
        complain(path);
        (void)fprintf(stderr, ": damaged or cut off behind packet %" PRIu64 "\n", cut);
        r->run->cut = true;
    }
    if (r->repeated * 2 <= r->segments)
        return;
    complain(path);
    (void)fprintf(stderr,
                  ": %" PRIu64 " of %" PRIu64 " segments repeat octets seen before and "
                  "were passed over; --per-packet looks at each packet alone\n",
                  r->repeated, r->segments);
}

bool decode_capture(struct decode_run *run, const char *path, uint16_t port,
                    enum decode_direction direction, bool per_packet)
{
    static struct capture c;
    static struct reader r;
    char why[128];
    int end;

    r = (struct reader){
        .run = run, .direction = direction, .port = port, .per_packet = per_packet};
    if (!capture_open(&c, path, why, sizeof why)) {
        complain(path);
        (void)fprintf(stderr, ": %s\n", why);
        return false;
    }
    end = read_all(&r, &c);
    capture_close(&c);
    report(&r, path, end < 0 ? c.packets : UINT64_MAX);
    if (r.segments > 0 || run->failed)
        return true;
    complain(path);
    (void)fprintf(stderr,
                  ": no octets to or from TCP port %u, %" PRIu64
                  " segments of other ports; name the right one with --port N\n",
                  port, r.others);
    return false;
}
