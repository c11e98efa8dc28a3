#include "fuzz/lib/link_script.h"

#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/fuzz.h"

#include <string.h>

#define RAW_MAX   63u
#define EVENT_MAX (3u + RAW_MAX)
#define RAW       7u
#define START     14u
#define SKIP_MAX  64u

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* Octets behind the argument: a number for some, an APDU for raw ones. */
static size_t behind_argument(unsigned int what, const uint8_t *p, size_t n)
{
    const uint8_t argument = n > 1 ? p[1] : 0;

    if (what == 5 && argument / 4 % 4 == 3)
        return 2;
    if (what == 6 && argument % 4 == 3)
        return 2;
    return what == RAW ? 1u + (n > 2 ? p[2] % (RAW_MAX + 1) : 0) : 0;
}

size_t link_script_event(const uint8_t *p, size_t n)
{
    const unsigned int what = p[0] / 2 % 16;
    const size_t size = what == START ? 1 : 2 + behind_argument(what, p, n);

    return size < n ? size : n;
}

/* Where a drawn event begins; n if the script is empty. */
static size_t find_event(const uint8_t *p, size_t n, uint32_t *state)
{
    size_t at = 0;

    for (uint32_t skip = draw(state, SKIP_MAX); skip > 0 && at < n; skip--) {
        const size_t size = link_script_event(p + at, n - at);
        if (at + size >= n)
            break;
        at += size;
    }
    return at;
}

static size_t make_event(uint8_t out[EVENT_MAX], uint32_t *state)
{
    uint8_t apdu[255];
    const unsigned int what = draw(state, 3) == 0 ? RAW : draw(state, 16);

    out[0] = (uint8_t)(what * 2 + draw(state, 2));
    out[1] = (uint8_t)draw(state, 256);
    out[2] = (uint8_t)draw(state, 256);
    out[3] = (uint8_t)draw(state, 256);
    if (what != RAW)
        return link_script_event(out, 4);
    const size_t n = apdu_make(apdu, &PROFILE_104, draw(state, 1u << 24));
    const size_t some = n < RAW_MAX ? n : draw(state, RAW_MAX);
    out[2] = (uint8_t)some;
    memcpy(out + 3, apdu, some);
    return 3 + some;
}

static size_t put_in(uint8_t *p, size_t n, size_t max, size_t at, const uint8_t *event,
                     size_t size)
{
    if (size > max - n)
        return n;
    memmove(p + at + size, p + at, n - at);
    memcpy(p + at, event, size);
    return n + size;
}

size_t link_script_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    uint32_t state = seed;
    uint8_t event[EVENT_MAX];
    const uint32_t what = draw(&state, 4);
    const size_t at = find_event(p, n, &state);
    size_t size = at < n ? link_script_event(p + at, n - at) : 0;

    memcpy(event, p + at, size);
    if (what == 0 || what == 1) {
        memmove(p + at, p + at + size, n - at - size);
        n -= size;
    }
    if (what == 0)
        return n;
    if (what == 2)
        size = make_event(event, &state);
    return put_in(p, n, max, what == 3 ? at : find_event(p, n, &state), event, size);
}

size_t link_script_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                         uint8_t *out, size_t max, uint32_t seed)
{
    uint32_t state = seed;
    const size_t first = find_event(a, a_size, &state);
    const size_t from = find_event(b, b_size, &state);

    if (first > max || b_size - from > max - first)
        return 0;
    memcpy(out, a, first);
    memcpy(out + first, b + from, b_size - from);
    return first + b_size - from;
}
