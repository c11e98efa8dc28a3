#include "proxy/cli/tcp_stream.h"

#include "policy/apci.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_MAX 65535u

/* Delivers what is new of a segment that begins at or before the next octet awaited. */
static void deliver(struct tcp_stream *s, const struct capture_segment *segment)
{
    const uint32_t old = s->next - segment->seq;

    if (old >= segment->n) {
        s->repeated++;
        return;
    }
    s->next = segment->seq + (uint32_t)segment->n;
    s->octets(s->ctx, segment, segment->octets + old, segment->n - old);
}

static bool ahead(const struct tcp_stream *s, uint32_t seq)
{
    return (int32_t)(seq - s->next) > 0;
}

/* The waiting segment that comes first, or NULL. */
static struct tcp_waiting *first_waiting(struct tcp_stream *s)
{
    struct tcp_waiting *first = NULL;

    for (size_t i = 0; i < TCP_STREAM_WAITING; i++)
        if (s->waiting[i].octets &&
            (!first || (int32_t)(s->waiting[i].seq - first->seq) < 0))
            first = &s->waiting[i];
    return first;
}

static void deliver_waiting(struct tcp_stream *s, bool over_gaps)
{
    for (size_t i = 0; i < TCP_STREAM_WAITING; i++) {
        struct tcp_waiting *w = first_waiting(s);
        struct capture_segment segment;

        if (!w || (ahead(s, w->seq) && !over_gaps))
            return;
        if (ahead(s, w->seq)) {
            s->broken(s->ctx, TCP_BREAK_GAP);
            s->next = w->seq;
        }
        memset(&segment, 0, sizeof segment);
        segment.number = w->number;
        segment.time_us = w->time_us;
        segment.seq = w->seq;
        segment.octets = w->octets;
        segment.n = w->n;
        deliver(s, &segment);
        free(w->octets);
        w->octets = NULL;
    }
}

/* Without memory the segment is one more that the capture lacks. */
static void store(struct tcp_waiting *w, const struct capture_segment *segment)
{
    const size_t n = segment->n < SEGMENT_MAX ? segment->n : SEGMENT_MAX;

    w->octets = malloc(n);
    if (!w->octets)
        return;
    memcpy(w->octets, segment->octets, n);
    w->n = (uint32_t)n;
    w->seq = segment->seq;
    w->number = segment->number;
    w->time_us = segment->time_us;
}

/* False when there is no room. */
static bool keep(struct tcp_stream *s, const struct capture_segment *segment)
{
    for (size_t i = 0; i < TCP_STREAM_WAITING; i++) {
        if (!s->waiting[i].octets) {
            store(&s->waiting[i], segment);
            return true;
        }
    }
    return false;
}

static void begin(struct tcp_stream *s, uint32_t next)
{
    tcp_stream_end(s);
    s->broken(s->ctx, TCP_BREAK_BEGIN);
    s->known = true;
    s->next = next;
}

void tcp_stream_add(struct tcp_stream *s, const struct capture_segment *segment)
{
    if ((segment->flags & CAPTURE_TCP_SYN) != 0) {
        begin(s, segment->seq + 1u);
        return;
    }
    if (segment->n == 0)
        return;
    if (!s->known) {
        /* One octet alone is a keep-alive probe, which repeats an octet already
         * acknowledged (RFC 9293 3.8.4). */
        if (segment->n == 1 || segment->octets[0] != APCI_START)
            return;
        begin(s, segment->seq);
    }
    /* When too many wait, the gap before them stays one. */
    if (ahead(s, segment->seq) && !keep(s, segment)) {
        deliver_waiting(s, true);
        if (ahead(s, segment->seq))
            (void)keep(s, segment);
    }
    if (!ahead(s, segment->seq))
        deliver(s, segment);
    deliver_waiting(s, false);
}

void tcp_stream_end(struct tcp_stream *s)
{
    deliver_waiting(s, true);
    s->known = false;
}
