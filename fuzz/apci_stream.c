/* The stream parser: however TCP cuts the octets, the same APDUs come out and the same
 * verdict ends them.  Beside it an opinion of its own on what an APDU is (104 clause
 * 5.1, figures 6 to 8).
 *
 * Target functions: apci_scan apci_parse apci_put_i apci_put_s apci_put_u
 * Options: -max_len=1200
 *
 * Input: four octets that say where the stream is cut, then the stream. */
#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/fuzz.h"

#include "policy/apci.h"

#include <stdlib.h>
#include <string.h>

#define CUTS_SIZE 4u
#define FOUND_MAX 2048u

/* What the parser said of the stream, in order. */
struct found {
    size_t at;   /* of the APDU in the stream */
    size_t size; /* 0: a fault, the last entry */
    enum reason reason;
    size_t offset; /* of the fault in the stream */
};

struct findings {
    size_t count;
    struct found item[FOUND_MAX];
};

/* ---- an opinion of its own ---- */

static bool is_one_function(uint8_t octet)
{
    static const uint8_t functions[] = {0x07, 0x0B, 0x13, 0x23, 0x43, 0x83};

    return memchr(functions, octet, sizeof functions) != NULL;
}

static bool is_apdu(const uint8_t *p, size_t n)
{
    if (n < 6 || p[0] != 0x68 || p[1] != n - 2 || n > 255)
        return false;
    if (p[2] % 2 == 0)
        return n > 6 && p[4] % 2 == 0;
    if (n != 6)
        return false;
    if (p[2] == 0x01)
        return p[3] == 0 && p[4] % 2 == 0;
    return is_one_function(p[2]) && p[3] == 0 && p[4] == 0 && p[5] == 0;
}

/* ---- one APDU ---- */

static void check_same_header(const struct apci *a, const uint8_t *p)
{
    uint8_t again[APDU_SIZE_MIN];

    if (a->format == APCI_I)
        apci_put_i(again, a->ns, a->nr, a->asdu_size);
    else if (a->format == APCI_S)
        apci_put_s(again, a->nr);
    else
        apci_put_u(again, a->function);
    FUZZ_CHECK(memcmp(again, p, sizeof again) == 0);
}

static void check_apdu(const uint8_t *p, size_t n)
{
    uint8_t *exact = fuzz_copy(p, n);
    struct apci a;
    const struct verdict v = apci_parse(exact, n, &a);

    FUZZ_CHECK(v.reason == REASON_OK && v.offset == 0);
    FUZZ_CHECK(is_apdu(p, n));
    FUZZ_CHECK(a.asdu_size == (a.format == APCI_I ? n - 6 : 0));
    FUZZ_CHECK(a.format != APCI_I || a.asdu == exact + 6);
    check_same_header(&a, exact);
    free(exact);
}

/* ---- the stream ---- */

/* Reads on from *at in the first `there` octets.  False when the stream cannot go on. */
static bool read_on(const uint8_t *stream, size_t there, size_t *at, struct findings *f)
{
    for (;;) { /* each round takes an APDU out of the stream, or ends */
        size_t size;
        const struct verdict v = apci_scan(stream + *at, there - *at, &size);

        FUZZ_CHECK(f->count < FOUND_MAX);
        if (v.reason != REASON_OK) {
            FUZZ_CHECK(size == 0 && v.offset < there - *at);
            FUZZ_CHECK(reason_info(v.reason)->class == REASON_CLASS_FRAMING);
            f->item[f->count++] = (struct found){*at, 0, v.reason, *at + v.offset};
            return false;
        }
        FUZZ_CHECK(v.offset == 0);
        if (size == 0)
            return true;
        FUZZ_CHECK(size <= there - *at);
        f->item[f->count++] = (struct found){*at, size, REASON_OK, 0};
        *at += size;
    }
}

static void read_at_once(const uint8_t *stream, size_t n, struct findings *f)
{
    size_t at = 0;

    f->count = 0;
    if (read_on(stream, n, &at, f))
        FUZZ_CHECK(n - at < APDU_SIZE_MAX && !is_apdu(stream + at, n - at));
}

/* Sizes of segments: small ones most of the time, from a number the input gives. */
static size_t next_cut(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    const uint32_t drawn = *state >> 16;

    return drawn % 4 == 0 ? 1 + drawn / 4 % 300 : 1 + drawn / 4 % 4;
}

static void read_in_pieces(const uint8_t *stream, size_t n, uint32_t cuts,
                           struct findings *f)
{
    size_t at = 0, there = 0;

    f->count = 0;
    while (there < n) { /* at least one octet more each time */
        const size_t cut = cuts == 0 ? 1 : next_cut(&cuts);

        there = cut < n - there ? there + cut : n;
        if (!read_on(stream, there, &at, f))
            return;
    }
}

static void check_same(const struct findings *a, const struct findings *b)
{
    FUZZ_CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        FUZZ_CHECK(a->item[i].at == b->item[i].at);
        FUZZ_CHECK(a->item[i].size == b->item[i].size);
        FUZZ_CHECK(a->item[i].reason == b->item[i].reason);
        FUZZ_CHECK(a->item[i].offset == b->item[i].offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct findings whole, pieces;

    if (size < CUTS_SIZE)
        return 0;
    const uint8_t *stream = data + CUTS_SIZE;
    const size_t n = size - CUTS_SIZE;
    read_at_once(stream, n, &whole);
    read_in_pieces(stream, n, fuzz_get32(data), &pieces);
    check_same(&whole, &pieces);
    read_in_pieces(stream, n, 0, &pieces); /* octet by octet */
    check_same(&whole, &pieces);
    for (size_t i = 0; i < whole.count; i++)
        if (whole.item[i].size > 0)
            check_apdu(stream + whole.item[i].at, whole.item[i].size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (size < CUTS_SIZE || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return CUTS_SIZE + apdu_mutate_stream(data + CUTS_SIZE, size - CUTS_SIZE,
                                          max - CUTS_SIZE, &PROFILE_104, seed / 4);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t max,
                                 unsigned int seed)
{
    if (a_size < CUTS_SIZE || b_size < CUTS_SIZE || max <= CUTS_SIZE)
        return 0;
    memcpy(out, a, CUTS_SIZE);
    return CUTS_SIZE + apdu_cross_streams(a + CUTS_SIZE, a_size - CUTS_SIZE,
                                          b + CUTS_SIZE, b_size - CUTS_SIZE,
                                          out + CUTS_SIZE, max - CUTS_SIZE, seed);
}
