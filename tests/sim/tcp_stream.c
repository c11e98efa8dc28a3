#include "tests/sim/tcp_stream.h"

#include <string.h>

void sim_stream_octets(struct sim_stream *s, uint64_t time_us, const uint8_t *octets,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int size;

        s->apdu[s->apdu_n++] = octets[i];
        size = sim_apdu_size(s->apdu, s->apdu_n);
        if (size == 0)
            continue;
        if (size > 0)
            s->found(s->ctx, time_us, s->apdu, (size_t)size);
        s->apdu_n = 0;
        if (size < 0) {
            s->skipped++;
            return;
        }
    }
}

/* Delivers what is new of a segment that begins at or before the next octet awaited. */
static void deliver(struct sim_stream *s, uint64_t time_us, uint32_t seq,
                    const uint8_t *octets, size_t n)
{
    uint32_t old = s->next - seq;

    if (old >= n)
        return;
    sim_stream_octets(s, time_us, octets + old, n - old);
    s->next = seq + (uint32_t)n;
}

static bool ahead(const struct sim_stream *s, uint32_t seq)
{
    return (int32_t)(seq - s->next) > 0;
}

/* The waiting segment that comes first, or NULL. */
static struct sim_waiting *first_waiting(struct sim_stream *s)
{
    struct sim_waiting *first = NULL;

    for (size_t i = 0; i < SIM_WAITING_MAX; i++)
        if (s->waiting[i].n > 0 &&
            (first == NULL || (int32_t)(s->waiting[i].seq - first->seq) < 0))
            first = &s->waiting[i];
    return first;
}

static void deliver_waiting(struct sim_stream *s, bool over_gaps)
{
    for (size_t i = 0; i < SIM_WAITING_MAX; i++) {
        struct sim_waiting *w = first_waiting(s);

        if (w == NULL || (ahead(s, w->seq) && !over_gaps))
            return;
        if (ahead(s, w->seq)) {
            /* Octets are missing for good: what was begun before them is lost. */
            s->skipped += s->apdu_n > 0;
            s->apdu_n = 0;
            s->next = w->seq;
        }
        deliver(s, w->time_us, w->seq, w->octets, w->n);
        w->n = 0;
    }
}

static void keep(struct sim_stream *s, const struct sim_segment *segment)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < SIM_WAITING_MAX; i++) {
            struct sim_waiting *w = &s->waiting[i];

            if (w->n != 0)
                continue;
            w->n =
                (uint32_t)(segment->n < SIM_SEGMENT_MAX ? segment->n : SIM_SEGMENT_MAX);
            w->seq = segment->seq;
            w->time_us = segment->time_us;
            memcpy(w->octets, segment->octets, w->n);
            return;
        }
        deliver_waiting(s, true);
    }
}

void sim_stream_add(struct sim_stream *s, const struct sim_segment *segment)
{
    if ((segment->flags & SIM_TCP_SYN) != 0) {
        sim_stream_end(s);
        s->known = true;
        s->next = segment->seq + 1u;
        return;
    }
    if (segment->n == 0)
        return;
    if (!s->known) {
        /* The capture began later than the connection.  One octet alone is a keep-alive
         * probe, which repeats an octet already acknowledged (RFC 9293 3.8.4). */
        if (segment->n == 1 || segment->octets[0] != SIM_START)
            return;
        s->known = true;
        s->next = segment->seq;
    }
    if (ahead(s, segment->seq)) {
        keep(s, segment);
        return;
    }
    deliver(s, segment->time_us, segment->seq, segment->octets, segment->n);
    deliver_waiting(s, false);
}

void sim_stream_end(struct sim_stream *s)
{
    deliver_waiting(s, true);
    s->apdu_n = 0;
    s->known = false;
}
