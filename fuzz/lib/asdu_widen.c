#include "fuzz/lib/asdu_widen.h"

#include "fuzz/lib/fuzz.h"

#include "policy/types.h"

#include <string.h>

#define ASDU_MAX   249u
#define CA_SIZE    2u
#define IOA_SIZE   3u
#define AGGRESSIVE 83u

struct widening {
    const uint8_t *p;
    size_t n, done;
    struct wide *out;
};

/* Up to `size` octets as they are. */
static void copy(struct widening *w, size_t size)
{
    for (size_t i = 0; i < size && w->done < w->n; i++) {
        w->out->at[w->done] = (uint16_t)w->out->n;
        w->out->octets[w->out->n++] = w->p[w->done++];
    }
}

/* A whole number of `size` octets, little endian, filled up to `wide` octets. */
static void widen(struct widening *w, size_t size, size_t wide)
{
    if (w->n - w->done < size) {
        copy(w, size);
        return;
    }
    copy(w, size);
    memset(w->out->octets + w->out->n, 0, wide - size);
    w->out->n += wide - size;
}

/* "All stations" is 255 in one octet. */
static void widen_ca(struct widening *w, size_t size)
{
    const uint8_t low = w->p[w->done];

    widen(w, size, CA_SIZE);
    if (size == 1 && low == 255)
        w->out->octets[w->out->n - 1] = 255;
}

/* Of a type that is none, and where no object is told, the first address is read all the
 * same. */
static void widen_objects(struct widening *w, const struct type_info *type,
                          const struct profile *profile)
{
    const bool many = type != NULL && w->p[1] > 0 && w->p[1] < 128;
    const size_t count = many ? w->p[1] : 1;

    for (size_t i = 0; i < count; i++) {
        widen(w, profile->ioa_size, IOA_SIZE);
        copy(w, type != NULL ? type->size : 0);
    }
}

/* The last address a sequence counts up to is one of the short form too. */
static bool stays_short(const uint8_t *p, size_t n, const struct profile *profile)
{
    const size_t header = profile_header_size(profile);
    uint32_t first = 0;

    if (p[1] < 128 || n < header + profile->ioa_size)
        return true;
    for (size_t i = 0; i < profile->ioa_size; i++)
        first |= (uint32_t)p[header + i] << 8 * i;
    return first + p[1] % 128u <= profile_ioa_max(profile) + 1;
}

bool asdu_widen(const uint8_t *p, size_t n, const struct profile *profile,
                struct wide *out)
{
    struct widening w = {p, n, 0, out};
    const struct type_info *type = n > 0 ? type_info(p[0]) : NULL;

    if (n < profile_header_size(profile) || n > ASDU_MAX || p[0] == AGGRESSIVE ||
        !stays_short(p, n, profile))
        return false;
    out->n = 0;
    copy(&w, 2);
    widen(&w, profile->cot_size, 2);
    widen_ca(&w, profile->ca_size);
    if (type == NULL || type->layout == TYPE_LAYOUT_OBJECTS)
        widen_objects(&w, type, profile);
    copy(&w, n);
    FUZZ_CHECK(w.done == n);
    out->at[n] = (uint16_t)out->n;
    return out->n <= ASDU_MAX;
}
