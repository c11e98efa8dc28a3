#include "proxy/cli/decode.h"

#include <string.h>

/* Of octets that are no frame, as many as help to see what they are. */
#define NO_FRAME_SHOWN 32u

static void print(struct decode_stream *s, size_t n, bool whole, struct verdict framing)
{
    struct decode_run *run = s->run;
    struct decode_apdu a;

    decode_judge(s->held, n, whole, framing, s->direction, &run->rules, &a);
    run->apdus++;
    run->outcomes[a.outcome]++;
    if (!run->json)
        decode_print_text(run, &a, s->offset, s->flow);
    else if (!decode_print_json(run, &a, s->offset, s->flow))
        run->failed = true;
    if (ferror(run->out))
        run->failed = true;
}

static void drop(struct decode_stream *s, size_t n)
{
    s->n -= n;
    s->offset += n;
    memmove(s->held, s->held + n, s->n);
}

/* As many octets as the frame has by its own length, where that can be trusted. */
static size_t worth_showing(const struct decode_stream *s, enum reason reason)
{
    if (reason == REASON_BAD_START || reason == REASON_BAD_LENGTH)
        return NO_FRAME_SHOWN;
    return s->held[1] + (size_t)2;
}

/* False when there is nothing to print, or when more octets would show better what is no
 * frame and they may come: not `last`. */
static bool next(struct decode_stream *s, bool last)
{
    size_t size;
    const struct verdict v = apci_scan(s->held, s->n, &size);

    if (v.reason != REASON_OK) {
        const size_t most = worth_showing(s, v.reason);
        if (s->n < most && !last)
            return false;
        print(s, s->n < most ? s->n : most, false, v);
        s->lost = true;
        drop(s, s->n);
        return false;
    }
    if (size == 0)
        return false;
    print(s, size, true, v);
    drop(s, size);
    return s->n > 0;
}

void decode_stream_add(struct decode_stream *s, const uint8_t *octets, size_t n)
{
    while (n > 0 && !s->lost && !s->run->failed) { /* n shrinks: held has room */
        const size_t room = sizeof s->held - s->n;
        const size_t some = n < room ? n : room;

        memcpy(s->held + s->n, octets, some);
        s->n += some;
        octets += some;
        n -= some;
        while (next(s, false) && !s->run->failed) /* each round takes 6 octets or more */
            ;
    }
    s->offset += n;
}

void decode_stream_settle(struct decode_stream *s)
{
    if (s->n > 0 && !s->run->failed)
        (void)next(s, true);
}

void decode_stream_end(struct decode_stream *s)
{
    const struct verdict none = {.reason = REASON_OK, .offset = 0};

    decode_stream_settle(s);
    if (s->n > 0 && !s->run->failed)
        print(s, s->n, false, none);
    drop(s, s->n);
}
