#include "fuzz/lib/apdu_mutate.h"

#include "fuzz/lib/fuzz.h"

#include "policy/types.h"

#include <string.h>

#define APDU_MAX   255u
#define ASDU_MAX   249u
#define SEGMENT_ID 125u
#define LOS_OFFSET 3u

/* What is drawn from, and by which sizes. */
struct mutation {
    const struct profile *profile;
    uint32_t state;
};

static uint32_t draw(struct mutation *m, uint32_t below)
{
    m->state = m->state * 1664525u + 1013904223u;
    return (m->state >> 8) % below;
}

/* ---- ASDU ---- */

static size_t header_size(const struct mutation *m)
{
    return profile_header_size(m->profile);
}

/* Header and first object address. */
static size_t head_size(const struct mutation *m)
{
    return header_size(m) + m->profile->ioa_size;
}

/* Octets that TypeID and VSQ ask for; 0 if the type is none, or tells by itself. */
static size_t asdu_size(const uint8_t *p, size_t n, const struct mutation *m)
{
    const struct type_info *type = n >= 2 ? type_info(p[0]) : NULL;
    const size_t ioa = m->profile->ioa_size, los = head_size(m) + LOS_OFFSET;

    if (type == NULL || type->layout != TYPE_LAYOUT_OBJECTS)
        return 0;
    const size_t count = p[1] & 0x7F;
    const size_t objects =
        p[1] >= 0x80 ? ioa + count * type->size : count * (ioa + type->size);
    const size_t segment = p[0] == SEGMENT_ID && n > los ? p[los] : 0;
    return header_size(m) + objects + segment;
}

static void pick_vsq(uint8_t *p, struct mutation *m)
{
    const struct type_info *type = type_info(p[0]);
    const size_t room = ASDU_MAX - header_size(m), ioa = m->profile->ioa_size;

    if (type == NULL)
        return;
    const bool sq = type->sq == TYPE_SQ_1 || (type->sq == TYPE_SQ_ANY && draw(m, 2));
    const size_t most = sq ? (room - ioa) / (type->size + 1u) : room / (ioa + type->size);
    const size_t count =
        type->single ? 1 : 1 + draw(m, (uint32_t)(most < 127 ? most : 127));
    p[1] = (uint8_t)((sq ? 0x80 : 0) | count);
}

static void pick_cause(uint8_t *p, struct mutation *m)
{
    const struct type_info *type = type_info(p[0]);
    uint8_t causes[2 * 64];
    size_t n = 0;

    for (unsigned int i = 0; type != NULL && i < 2 * 64; i++)
        if ((type->cot[i / 64] >> i % 64 & 1) != 0)
            causes[n++] = (uint8_t)(i % 64);
    if (n > 0)
        p[2] =
            (uint8_t)((p[2] & (draw(m, 4) ? 0x00 : 0xC0)) | causes[draw(m, (uint32_t)n)]);
}

/* Grows with zeros or shrinks to what the header asks for, if that fits. */
static size_t fit(uint8_t *p, size_t n, size_t max, const struct mutation *m)
{
    const size_t wanted = asdu_size(p, n, m);

    if (wanted == 0 || wanted > ASDU_MAX || wanted > max)
        return n;
    if (wanted > n)
        memset(p + n, 0, wanted - n);
    return wanted;
}

static size_t mutate_asdu(uint8_t *p, size_t n, size_t max, struct mutation *m)
{
    const uint32_t what = draw(m, 8);
    const size_t head = head_size(m);

    if (max < head)
        return LLVMFuzzerMutate(p, n, max);
    if (n < head) {
        memset(p + n, 0, head - n);
        n = head;
    }
    if (what == 0)
        return LLVMFuzzerMutate(p, n, max);
    if (what <= 2) {
        p[0] = type_at(draw(m, TYPE_COUNT))->id;
        pick_vsq(p, m);
        pick_cause(p, m);
    } else if (what == 3) {
        pick_vsq(p, m);
    } else if (what == 4) {
        pick_cause(p, m);
    } else {
        (void)LLVMFuzzerMutate(p + 2, n - 2, n - 2);
    }
    return fit(p, n, max, m);
}

size_t apdu_mutate_asdu(uint8_t *p, size_t n, size_t max, const struct profile *profile,
                        uint32_t seed)
{
    struct mutation m = {profile, seed};

    return mutate_asdu(p, n, max, &m);
}

size_t apdu_cross_asdus(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                        uint8_t *out, size_t max, const struct profile *profile,
                        uint32_t seed)
{
    struct mutation m = {profile, seed};
    const size_t cuts[] = {1, 2, header_size(&m), head_size(&m), 1 + draw(&m, ASDU_MAX)};
    const size_t cut = cuts[draw(&m, sizeof cuts / sizeof cuts[0])];
    const size_t first = a_size < cut ? a_size : cut;
    const size_t behind = b_size > cut ? b_size - cut : 0;

    if (first + behind > max)
        return 0;
    memcpy(out, a, first);
    memcpy(out + first, b + (b_size - behind), behind);
    return fit(out, first + behind, max, &m);
}

/* ---- stream ---- */

/* Octets of the APDU at p as its length octet says, at most n. */
static size_t apdu_size(const uint8_t *p, size_t n)
{
    const size_t size = n >= 2 ? p[1] + 2u : n;

    return size < n ? size : n;
}

/* Where a drawn APDU begins, if lengths are to be believed. */
static size_t find_apdu(const uint8_t *p, size_t n, struct mutation *m)
{
    size_t at = 0;

    for (uint32_t skip = draw(m, 8); skip > 0 && at < n; skip--) {
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

static size_t make_apdu(uint8_t out[APDU_MAX], struct mutation *m)
{
    static const uint8_t functions[] = {0x07, 0x0B, 0x13, 0x23, 0x43, 0x83};
    const uint32_t format = draw(m, 3);

    memset(out, 0, APDU_MAX);
    out[0] = 0x68;
    out[1] = 4;
    if (format == 0) {
        out[2] = functions[draw(m, sizeof functions)];
        return 6;
    }
    out[4] = (uint8_t)(draw(m, 16) << 1);
    if (format == 1) {
        out[2] = 0x01;
        return 6;
    }
    out[2] = (uint8_t)(draw(m, 16) << 1);
    out[6] = type_at(draw(m, TYPE_COUNT))->id;
    pick_vsq(out + 6, m);
    pick_cause(out + 6, m);
    out[8 + m->profile->cot_size] = 1;
    const size_t asdu = fit(out + 6, head_size(m), ASDU_MAX, m);
    out[1] = (uint8_t)(asdu + 4);
    return asdu + 6;
}

static size_t change_apdu(uint8_t *apdu, size_t n, struct mutation *m)
{
    if (n <= 6 || draw(m, 4) == 0)
        n = LLVMFuzzerMutate(apdu, n, APDU_MAX);
    else
        n = 6 + mutate_asdu(apdu + 6, n - 6, ASDU_MAX, m);
    if (n >= 6) {
        apdu[0] = 0x68;
        apdu[1] = (uint8_t)(n - 2);
    }
    return n;
}

size_t apdu_make(uint8_t out[APDU_MAX], const struct profile *profile, uint32_t seed)
{
    struct mutation m = {profile, seed};

    return make_apdu(out, &m);
}

size_t apdu_mutate_stream(uint8_t *p, size_t n, size_t max, const struct profile *profile,
                          uint32_t seed)
{
    struct mutation m = {profile, seed};
    uint8_t apdu[APDU_MAX];
    const uint32_t what = draw(&m, 8);
    const size_t at = find_apdu(p, n, &m);
    const size_t old = apdu_size(p + at, n - at);
    size_t size = old < APDU_MAX ? old : APDU_MAX;

    memcpy(apdu, p + at, size);
    if (what == 0)
        return LLVMFuzzerMutate(p, n, max);
    if (what <= 4) {
        size = change_apdu(apdu, size, &m);
        return n - old + size <= max ? splice(p, n, at, old, apdu, size) : n;
    }
    if (what == 5)
        return splice(p, n, at, old, apdu, 0);
    if (what == 6)
        size = make_apdu(apdu, &m);
    return n + size <= max ? splice(p, n, at, 0, apdu, size) : n;
}

size_t apdu_cross_streams(const uint8_t *a, size_t a_size, const uint8_t *b,
                          size_t b_size, uint8_t *out, size_t max, uint32_t seed)
{
    struct mutation m = {&PROFILE_104, seed};
    const size_t first = find_apdu(a, a_size, &m);
    const size_t from = find_apdu(b, b_size, &m);
    /* All behind, or one APDU put in between two. */
    const bool between = draw(&m, 2) == 0;
    const size_t one = between ? apdu_size(b + from, b_size - from) : b_size - from;
    const size_t behind = between ? a_size - first : 0;

    if (first + one + behind > max)
        return 0;
    memcpy(out, a, first);
    memcpy(out + first, b + from, one);
    memcpy(out + first + one, a + first, behind);
    return first + one + behind;
}
