#include "tests/sim/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_text_clear(struct sim_text *t)
{
    t->n = 0;
    t->cut = false;
    t->s[0] = '\0';
}

void sim_text_add(struct sim_text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof t->s - t->n) {
        t->n = sizeof t->s - 1;
        t->cut = true;
        return;
    }
    t->n += (size_t)n;
}

void sim_text_hex(struct sim_text *t, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sim_text_add(t, "%02x", octets[i]);
}

void sim_text_json_string(struct sim_text *t, const char *s)
{
    sim_text_add(t, "\"");
    for (; *s != '\0' && !t->cut; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            sim_text_add(t, "\\%c", c);
        else if (c < 0x20 || c > 0x7E)
            sim_text_add(t, "\\u%04x", c);
        else
            sim_text_add(t, "%c", c);
    }
    sim_text_add(t, "\"");
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, tolower((unsigned char)c));

    return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

int sim_hex_parse(const char *s, uint8_t *out, size_t max)
{
    size_t n = 0;

    while (*s != '\0') {
        int high, low;

        if (*s == ' ' || *s == ':') {
            s++;
            continue;
        }
        high = nibble(s[0]);
        low = nibble(s[1]);
        if (high < 0 || low < 0 || n == max)
            return -1;
        out[n++] = (uint8_t)((unsigned int)high << 4 | (unsigned int)low);
        s += 2;
    }
    return (int)n;
}
