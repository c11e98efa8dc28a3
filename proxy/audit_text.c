#include "proxy/audit_text.h"

#include <string.h>

static bool plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7F && c != '\\';
}

bool audit_text_escape(const uint8_t *p, size_t n, char *out, size_t limit)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t weight = 0;
    char *o = out;
    size_t i;

    for (i = 0; i < n; i++) {
        size_t cost = !plain(p[i]) ? 5 : p[i] == '"' ? 2 : 1;

        if (cost > limit - weight)
            break;
        weight += cost;
        if (plain(p[i])) {
            *o++ = (char)p[i];
            continue;
        }
        *o++ = '\\';
        *o++ = 'x';
        *o++ = digits[p[i] >> 4];
        *o++ = digits[p[i] & 15];
    }
    *o = '\0';
    return i == n;
}
