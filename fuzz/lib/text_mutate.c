#include "fuzz/lib/text_mutate.h"

#include "fuzz/lib/fuzz.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_MAX 512u
#define FIND_MAX  400u

/* Where a token is. */
struct span {
    size_t at, n;
};

typedef struct span (*finder)(const uint8_t *p, size_t n, size_t from);

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

static struct span next_number(const uint8_t *p, size_t n, size_t from)
{
    size_t at = from, end;

    while (at < n && !isdigit(p[at]))
        at++;
    for (end = at; end < n && isdigit(p[end]); end++)
        ;
    return (struct span){at, end - at};
}

/* What is between two quotes. */
static struct span next_string(const uint8_t *p, size_t n, size_t from)
{
    const uint8_t *open = memchr(p + from, '"', n - from);
    const uint8_t *begin = open != NULL ? open + 1 : p + n;
    const uint8_t *close = memchr(begin, '"', (size_t)(p + n - begin));

    if (close == NULL)
        return (struct span){n, 0};
    return (struct span){(size_t)(begin - p), (size_t)(close - begin)};
}

/* Up to a semicolon, with it. */
static struct span next_statement(const uint8_t *p, size_t n, size_t from)
{
    const uint8_t *end = memchr(p + from, ';', n - from);

    if (end == NULL)
        return (struct span){n, 0};
    return (struct span){from, (size_t)(end - p) + 1 - from};
}

/* One of all; n > 0 is false if there is none. */
static struct span find(const uint8_t *p, size_t n, finder next, uint32_t *state)
{
    struct span found = {n, 0};
    size_t from = 0;

    for (uint32_t i = 1; i <= FIND_MAX && from < n; i++) {
        const struct span s = next(p, n, from);
        if (s.at >= n)
            break;
        if (draw(state, i) == 0)
            found = s;
        /* Behind the closing quote, for strings. */
        from = s.at + s.n + 1;
    }
    return found;
}

static size_t replace(uint8_t *p, size_t n, size_t max, struct span old,
                      const uint8_t *with, size_t size)
{
    if (n - old.n + size > max || old.at + old.n > n)
        return n;
    memmove(p + old.at + size, p + old.at + old.n, n - old.at - old.n);
    memcpy(p + old.at, with, size);
    return n - old.n + size;
}

static size_t new_number(uint8_t *out, size_t cap, struct span old, const uint8_t *p,
                         uint32_t *state)
{
    static const uint32_t edges[] = {
        0,     1,     2,     3,     4,     12,       255,      256,       32767,
        32768, 65534, 65535, 65536, 65537, 16777215, 16777216, 99999999U, 2147483647U};
    uint32_t v = edges[draw(state, sizeof edges / sizeof edges[0])];

    if (draw(state, 3) == 0) {
        v = 0;
        for (size_t i = 0; i < old.n && i < 8; i++)
            v = v * 10 + (uint32_t)(p[old.at + i] - '0');
        v = v + draw(state, 3) - 1;
    }
    return (size_t)snprintf((char *)out, cap, "%u", v);
}

/* A token in the place of another one of its kind. */
static size_t exchange(uint8_t *p, size_t n, size_t max, finder next, uint32_t *state)
{
    uint8_t token[TOKEN_MAX];
    const struct span from = find(p, n, next, state);
    const struct span to = find(p, n, next, state);
    const size_t size = from.n < TOKEN_MAX ? from.n : TOKEN_MAX;

    memcpy(token, p + from.at, size);
    return replace(p, n, max, to, token, size);
}

static size_t change_string(uint8_t *p, size_t n, size_t max, uint32_t *state)
{
    uint8_t token[TOKEN_MAX];
    const struct span s = find(p, n, next_string, state);

    if (s.n >= TOKEN_MAX)
        return n;
    memcpy(token, p + s.at, s.n);
    const size_t size = LLVMFuzzerMutate(token, s.n, TOKEN_MAX);
    return replace(p, n, max, s, token, size);
}

/* Doubled somewhere else, or taken out. */
static size_t move_statement(uint8_t *p, size_t n, size_t max, bool out, uint32_t *state)
{
    uint8_t token[TOKEN_MAX];
    const struct span s = find(p, n, next_statement, state);
    const struct span to = find(p, n, next_statement, state);

    if (out)
        return replace(p, n, max, s, token, 0);
    if (s.n == 0 || s.n > TOKEN_MAX)
        return n;
    memcpy(token, p + s.at, s.n);
    return replace(p, n, max, (struct span){to.at, 0}, token, s.n);
}

size_t text_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    uint32_t state = seed;
    uint8_t digits[16];
    const uint32_t what = draw(&state, 8);

    if (what <= 2) {
        const struct span s = find(p, n, next_number, &state);
        if (s.n == 0)
            return n;
        return replace(p, n, max, s, digits,
                       new_number(digits, sizeof digits, s, p, &state));
    }
    switch (what) {
    case 3: return exchange(p, n, max, next_number, &state);
    case 4: return exchange(p, n, max, next_string, &state);
    case 5: return change_string(p, n, max, &state);
    case 6: return move_statement(p, n, max, false, &state);
    default: return move_statement(p, n, max, true, &state);
    }
}
