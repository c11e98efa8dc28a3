#include "proxy/config_reader.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 63u

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(const char *a, size_t i, const char *b, size_t k)
{
    return tolower((unsigned char)a[i]) == tolower((unsigned char)b[k]);
}

size_t config_distance(const char *a, const char *b, size_t limit)
{
    size_t row[3][WORD_MAX + 1];
    size_t an = strlen(a);
    size_t bn = strlen(b);

    if (an > WORD_MAX || bn > WORD_MAX)
        return limit + 1;
    for (size_t k = 0; k <= bn; k++)
        row[0][k] = k;
    for (size_t i = 1; i <= an; i++) {
        size_t *now = row[i % 3];
        const size_t *up = row[(i - 1) % 3];
        const size_t *up2 = row[(i + 1) % 3];

        now[0] = i;
        for (size_t k = 1; k <= bn; k++) {
            now[k] = min2(up[k], now[k - 1]) + 1;
            now[k] = min2(now[k], up[k - 1] + (same(a, i - 1, b, k - 1) ? 0 : 1));
            if (i > 1 && k > 1 && same(a, i - 1, b, k - 2) && same(a, i - 2, b, k - 1))
                now[k] = min2(now[k], up2[k - 2] + 1);
        }
    }
    return min2(row[an % 3][bn], limit + 1);
}

const char *config_nearest(const char *word,
                           const char *(*name)(const void *ctx, size_t i),
                           const void *ctx, size_t count)
{
    size_t limit = strlen(word) / 3 + 1;
    const char *best = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t d = config_distance(word, name(ctx, i), limit);

        if (d > limit || (best && d >= limit))
            continue;
        best = name(ctx, i);
        limit = d;
    }
    return best;
}
