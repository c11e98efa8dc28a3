#include "tests/lib/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int condition, const char *text)
{
    if (condition)
        return;
    fprintf(stderr, "not octets: \"%s\"\n", text);
    abort();
}

size_t hex_octets(const char *text, uint8_t *out, size_t room)
{
    const char *p = text;
    size_t n = 0;

    while (*p != '\0') {
        if (*p == ' ') {
            p++;
            continue;
        }
        need(isxdigit((unsigned char)p[0]) && isxdigit((unsigned char)p[1]), text);
        const char pair[3] = {p[0], p[1], 0};
        char *end = (char *)(uintptr_t)(p + 2);
        const unsigned long times = *end == '*' ? strtoul(end + 1, &end, 10) : 1;
        need(times <= room - n, text);
        memset(out + n, (int)strtoul(pair, NULL, 16), times);
        n += times;
        p = end;
    }
    return n;
}
