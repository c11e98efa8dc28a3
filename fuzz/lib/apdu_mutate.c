#include "fuzz/lib/apdu_mutate.h"

#include "fuzz/lib/fuzz.h"

#include "policy/types.h"

#include <string.h>

#define APDU_MAX   255u
#define ASDU_MAX   249u
#define HEADER     6u
#define IOA        3u
#define SEGMENT_ID 125u
#define LOS_AT     (HEADER + IOA + 3u)

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* ---- ASDU ---- */

/* Octets that TypeID and VSQ ask for; 0 if the type is none. */
static size_t asdu_size(const uint8_t *p, size_t n)
{
    const struct type_info *type = n >= 2 ? type_info(p[0]) : NULL;

    if (type == NULL)
        return 0;
    const size_t count = p[1] & 0x7F;
    const size_t objects =
        p[1] >= 0x80 ? IOA + count * type->size : count * (IOA + type->size);
    const size_t segment = p[0] == SEGMENT_ID && n > LOS_AT ? p[LOS_AT] : 0;
    return HEADER + objects + segment;
}

static void pick_vsq(uint8_t *p, uint32_t *state)
{
    const struct type_info *type = type_info(p[0]);
    const size_t room = ASDU_MAX - HEADER;

    if (type == NULL)
        return;
    const bool sq = type->sq == TYPE_SQ_1 || (type->sq == TYPE_SQ_ANY && draw(state, 2));
    const size_t most = sq ? (room - IOA) / (type->size + 1u) : room / (IOA + type->size);
    const size_t count =
        type->single ? 1 : 1 + draw(state, (uint32_t)(most < 127 ? most : 127));
    p[1] = (uint8_t)((sq ? 0x80 : 0) | count);
}

static void pick_cause(uint8_t *p, uint32_t *state)
{
    const struct type_info *type = type_info(p[0]);
    uint8_t causes[2 * 64];
    size_t n = 0;

    for (unsigned int i = 0; type != NULL && i < 2 * 64; i++)
        if ((type->cot[i / 64] >> i % 64 & 1) != 0)
            causes[n++] = (uint8_t)(i % 64);
    if (n > 0)
        p[2] = (uint8_t)((p[2] & (draw(state, 4) ? 0x00 : 0xC0)) |
                         causes[draw(state, (uint32_t)n)]);
}

/* Grows with zeros or shrinks to what the header asks for, if that fits. */
static size_t fit(uint8_t *p, size_t n, size_t max)
{
    const size_t wanted = asdu_size(p, n);

    if (wanted == 0 || wanted > ASDU_MAX || wanted > max)
        return n;
    if (wanted > n)
        memset(p + n, 0, wanted - n);
    return wanted;
}

size_t apdu_mutate_asdu(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    uint32_t state = seed;
    const uint32_t what = draw(&state, 8);

    if (max < HEADER + IOA)
        return LLVMFuzzerMutate(p, n, max);
    if (n < HEADER + IOA) {
        memset(p + n, 0, HEADER + IOA - n);
        n = HEADER + IOA;
    }
    if (what == 0)
        return LLVMFuzzerMutate(p, n, max);
    if (what <= 2) {
        p[0] = type_at(draw(&state, TYPE_COUNT))->id;
        pick_vsq(p, &state);
        pick_cause(p, &state);
    } else if (what == 3) {
        pick_vsq(p, &state);
    } else if (what == 4) {
        pick_cause(p, &state);
    } else {
        (void)LLVMFuzzerMutate(p + 2, n - 2, n - 2);
    }
    return fit(p, n, max);
}

/* ---- stream ---- */

/* Octets of the APDU at p as its length octet says, at most n. */
static size_t apdu_size(const uint8_t *p, size_t n)
{
    const size_t size = n >= 2 ? p[1] + 2u : n;

    return size < n ? size : n;
}

/* Where a drawn APDU begins, if lengths are to be believed. */
static size_t find_apdu(const uint8_t *p, size_t n, uint32_t *state)
{
    size_t at = 0;

    for (uint32_t skip = draw(state, 8); skip > 0 && at < n; skip--) {
        const size_t size = apdu_size(p + at, n - at);
        if (at + size >= n)
            break;
        at += size;
    }
    return at;
}

/* Puts `size` octets in the place of `old` ones at `at`. */
static size_t splice(uint8_t *p, size_t n, size_t at, size_t old, const uint8_t *with,
                     size_t size)
{
    memmove(p + at + size, p + at + old, n - at - old);
    memcpy(p + at, with, size);
    return n - old + size;
}

static size_t make_apdu(uint8_t out[APDU_MAX], uint32_t *state)
{
    static const uint8_t functions[] = {0x07, 0x0B, 0x13, 0x23, 0x43, 0x83};
    const uint32_t format = draw(state, 3);

    memset(out, 0, APDU_MAX);
    out[0] = 0x68;
    out[1] = 4;
    if (format == 0) {
        out[2] = functions[draw(state, sizeof functions)];
        return 6;
    }
    out[4] = (uint8_t)(draw(state, 16) << 1);
    if (format == 1) {
        out[2] = 0x01;
        return 6;
    }
    out[2] = (uint8_t)(draw(state, 16) << 1);
    out[6] = type_at(draw(state, TYPE_COUNT))->id;
    pick_vsq(out + 6, state);
    pick_cause(out + 6, state);
    out[10] = 1;
    const size_t asdu = fit(out + 6, HEADER + IOA, ASDU_MAX);
    out[1] = (uint8_t)(asdu + 4);
    return asdu + 6;
}

static size_t change_apdu(uint8_t *apdu, size_t n, uint32_t *state)
{
    if (n <= 6 || draw(state, 4) == 0)
        n = LLVMFuzzerMutate(apdu, n, APDU_MAX);
    else
        n = 6 + apdu_mutate_asdu(apdu + 6, n - 6, ASDU_MAX, draw(state, 1u << 24));
    if (n >= 6) {
        apdu[0] = 0x68;
        apdu[1] = (uint8_t)(n - 2);
    }
    return n;
}

size_t apdu_mutate_stream(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    uint32_t state = seed;
    uint8_t apdu[APDU_MAX];
    const uint32_t what = draw(&state, 8);
    const size_t at = find_apdu(p, n, &state);
    const size_t old = apdu_size(p + at, n - at);
    size_t size = old < APDU_MAX ? old : APDU_MAX;

    memcpy(apdu, p + at, size);
    if (what == 0)
        return LLVMFuzzerMutate(p, n, max);
    if (what <= 4) {
        size = change_apdu(apdu, size, &state);
        return n - old + size <= max ? splice(p, n, at, old, apdu, size) : n;
    }
    if (what == 5)
        return splice(p, n, at, old, apdu, 0);
    if (what == 6)
        size = make_apdu(apdu, &state);
    return n + size <= max ? splice(p, n, at, 0, apdu, size) : n;
}
