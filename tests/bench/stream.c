#include "tests/bench/stream.h"

#include "policy/apci.h"
#include "tests/lib/asdu_make.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* xorshift: the same numbers in each run. */
static uint32_t draw(uint32_t *state, uint32_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % n;
}

static const struct stream_kind *draw_kind(uint32_t *state,
                                           const struct stream_kind *kinds, size_t n)
{
    unsigned int weights = 0;
    unsigned int at;

    for (size_t i = 0; i < n; i++)
        weights += kinds[i].weight;
    at = draw(state, weights);
    for (size_t i = 0; i + 1 < n; i++) {
        if (at < kinds[i].weight)
            return &kinds[i];
        at -= kinds[i].weight;
    }
    return &kinds[n - 1];
}

static size_t put_apdu(uint8_t *out, const struct stream_kind *kind, uint32_t *state,
                       uint16_t ns)
{
    const uint32_t spread = kind->objects_max - kind->objects_min + 1u;
    const uint32_t objects = kind->objects_min + draw(state, spread);
    const struct make m = {.type = kind->type,
                           .cause = kind->cause,
                           .vsq = (uint8_t)(kind->sq | objects),
                           .ca = (uint16_t)(1 + draw(state, 4)),
                           .ioa = kind->type == 100 ? 0 : 1000 + draw(state, 1000)};
    uint8_t asdu[MAKE_ROOM];
    const size_t n = asdu_make(&m, asdu);

    assert(n <= ASDU_SIZE_MAX);
    apci_put_i(out, ns, 0, n);
    memcpy(out + APDU_SIZE_MIN, asdu, n);
    return APDU_SIZE_MIN + n;
}

struct stream stream_make(const struct stream_kind *kinds, size_t n, size_t size)
{
    struct stream s = {.octets = malloc(size + APDU_SIZE_MAX),
                       .direction = malloc(size / APDU_SIZE_MIN + 1)};
    uint32_t state = 0x68104;

    assert(s.octets != NULL && s.direction != NULL);
    while (s.size < size) {
        const struct stream_kind *kind = draw_kind(&state, kinds, n);
        s.direction[s.apdus] = (uint8_t)kind->direction;
        s.size +=
            put_apdu(s.octets + s.size, kind, &state, (uint16_t)(s.apdus % APCI_SEQ_MOD));
        s.apdus++;
    }
    return s;
}

void stream_free(struct stream *s)
{
    free(s->octets);
    free(s->direction);
}
